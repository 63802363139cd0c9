"""Every silent trap of Keras is refused or mended by a check's own name, and what is legal raises no alarm."""

from __future__ import annotations

import re

import keras
import numpy as np
import pytest
import sklearn.metrics as sk

from lossmetric_cli import catalog, checks

OWN_DATA = """
    import numpy as np

    def _x(rows=200, features=4):
        return np.random.default_rng(0).normal(size=(rows, features)).astype("float32")

    def signs():
        x = _x()
        return x, np.where(x[:, 0] > 0, 1, -1)

    def from_one():
        x = _x()
        return x, 1 + (x[:, 0] > 0) + (x[:, 1] > 0)

    def counts():
        x = _x()
        return x, np.random.default_rng(1).poisson(np.exp(x[:, 0])).astype("float64") + (np.arange(len(x)) == 0) * 0.5

    def shares():
        x = _x()
        scores = np.exp(np.stack([x[:, 0], x[:, 1], x[:, 2]], axis=1))
        return x, scores / scores.sum(axis=1, keepdims=True)

    def share():
        x = _x()
        return x, 1 / (1 + np.exp(-x[:, 0]))

    def one_hot():
        x = _x()
        return x, np.eye(3)[(x[:, 0] > 0).astype(int) + (x[:, 1] > 0)]

    def zeros_and_more():
        x = _x()
        return x, np.maximum(x[:, 0], 0) * 3.7

    def far():
        x = _x()
        return 1000 * x + 500, x[:, 0] + 0.5

    def holes():
        x = _x()
        x[3, 1] = np.nan
        return x, x[:, 0]

    def holes_in_labels():
        x = _x()
        return x, np.where(np.arange(200) == 7, np.nan, x[:, 0] + 0.25)

    def weighted():
        from lossmetric_cli.data import Dataset
        x = _x()
        return Dataset(x=x, y=(x[:, 0] > 0).astype(int), weights=np.where(x[:, 0] > 1, 5.0, 1.0))

    def bad_weights():
        from lossmetric_cli.data import Dataset
        x = _x()
        return Dataset(x=x, y=(x[:, 0] > 0).astype(int), weights=np.full(200, np.nan))

    def two():
        from lossmetric_cli.data import Dataset
        x = _x()
        y = np.stack([x[:, 0] > 0.5, x[:, 1] * 10 + 0.5], axis=1).astype("float64")
        return Dataset(x=x, y=y, target_names=("sold", "price"))
"""
OWN_CODE = """
    import keras
    import numpy as np
    import tensorflow as tf
    from keras import layers, ops

    def good(y_true, y_pred):
        return ops.mean((y_true - y_pred) ** 2, axis=-1)

    class Good(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return ops.mean(ops.abs(y_true - y_pred), axis=-1)

    def constant(y_true, y_pred):
        return 10 + 0 * y_pred[:, 0]

    def nothing(y_true, y_pred):
        return ops.mean(y_true, axis=-1)

    def numpy_inside(y_true, y_pred):
        return np.mean((np.array(y_true) - np.array(y_pred)) ** 2, axis=-1)

    def stretched(y_true, y_pred):
        return (y_true[:, 0] - y_pred) ** 2

    def by_place(y_true, y_pred):
        return ops.mean((y_true - y_pred) ** 2, axis=-1) * ops.arange(1, 1 + ops.shape(y_true)[0], dtype="float32")

    def infinite(y_true, y_pred):
        return ops.mean(ops.abs(y_true - y_pred), axis=-1) / 0.0

    def of_batch(y_true, y_pred):
        return ops.sqrt(ops.mean((y_true - y_pred) ** 2))

    def rounded(y_true, y_pred):
        return ops.mean(ops.abs(y_true - y_pred) + ops.stop_gradient(9 * ops.abs(y_true - y_pred)), axis=-1)

    def softmax_inside(y_true, y_pred):
        return tf.nn.softmax_cross_entropy_with_logits(y_true, y_pred)

    def sigmoid_inside(y_true, y_pred):
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(y_true, y_pred), axis=-1)

    def f1(y_true, y_pred):
        right = ops.sum(y_true * y_pred)
        return 2 * right / (ops.sum(y_true) + ops.sum(y_pred))

    def share_right(y_true, y_pred):
        return ops.cast(ops.equal(ops.argmax(y_true, axis=-1), ops.argmax(y_pred, axis=-1)), "float32")

    def ends_in(last):
        def build(task):
            inputs = keras.Input(task.input_shape)
            return keras.Model(inputs, last(layers.Dense(8, "relu")(inputs), task.units))
        return build

    softmax_reshaped = ends_in(lambda x, units: layers.Reshape((units,))(layers.Dense(units, "softmax")(x)))
    softmax_nested = ends_in(lambda x, units: keras.Sequential([keras.Input((8,)), layers.Dense(units, "softmax")])(x))
    softmax_op = ends_in(lambda x, units: ops.softmax(layers.Dense(units)(x)))
    sigmoid_flat = ends_in(lambda x, units: layers.Flatten()(layers.Dense(units, "sigmoid")(x)))
    hidden_softmax = ends_in(lambda x, units: layers.Lambda(lambda z: tf.nn.softmax(z))(layers.Dense(units)(x)))
    hidden_sigmoid = ends_in(lambda x, units: layers.Lambda(lambda z: tf.nn.sigmoid(z))(layers.Dense(units)(x)))
    logits = ends_in(lambda x, units: layers.Dense(units)(x))
    relu = ends_in(lambda x, units: layers.Dense(units, "relu")(x))
    too_wide = ends_in(lambda x, units: layers.Dense(units + 2, "softmax")(x))
    two_columns = ends_in(lambda x, units: layers.Dense(2)(x))
    too_deep = ends_in(lambda x, units: layers.Dense(units, "softmax")(layers.Reshape((4, 2))(x)))
    half = ends_in(lambda x, units: layers.Dense(units, "softmax", dtype="float16")(x))

    def frozen_dropout(task):
        inputs = keras.Input(task.input_shape)
        x = layers.Dropout(0.5, trainable=False)(layers.Dense(8, "relu")(inputs))
        return keras.Model(inputs, layers.Dense(task.units, "softmax")(x))

    class Bare(keras.Model):
        def __init__(self, task):
            super().__init__()
            self.last = layers.Dense(task.units, "softmax")

        def call(self, inputs):
            return self.last(inputs)

    def several(task):
        inputs = keras.Input(task.input_shape)
        x = layers.BatchNormalization()(inputs)
        return keras.Model(inputs, {"price": layers.Dense(1)(x), "rooms": layers.Dense(1)(x)})
"""


@pytest.fixture
def own(own_code):
    """`my_data` and `my`, modules of the user's own in the working folder."""
    own_code("my_data", OWN_DATA)
    own_code("my", OWN_CODE)


#: Each trap by its number in the list of Keras' silent faults: words, and the check that stops or warns.
STOPPED = {
    "K0 logits are swapped in": (
        "data=letters26 loss=bce model.output_activation=softmax check.ignore=[loss_task,head_mismatch]",
        "swapped_logits",
    ),
    "K1 binary loss of a softmax": ("data=letters26 loss=binary_crossentropy model.output_activation=softmax", "loss_task"),
    "K1 softmax of several labels": ("data=multilabel model.output_activation=softmax", "head_mismatch"),
    "K1 focal loss of a softmax": (
        "data=multilabel loss=binary_focal_crossentropy model.output_activation=softmax",
        "head_mismatch",
    ),
    "K2 categorical loss of sigmoids": ("loss=categorical_crossentropy model.output_activation=sigmoid", "head_mismatch"),
    "K2 sparse loss of sigmoids": ("loss=scce model.output_activation=sigmoid", "head_mismatch"),
    "K2 hidden in a Lambda": ("data=iris loss=scce model=my.hidden_sigmoid", "head_mismatch"),
    "K3 counts in a binary loss": ("data=my_data.counts loss=bce check.ignore=[loss_task]", "label_range"),
    "K4 categorical loss of a relu": ("data=iris loss=cce model.output_activation=relu", "head_mismatch"),
    "K4 softmax inside a loss": ("data=iris loss=my.softmax_inside", "double_softmax"),
    "K4 sigmoid inside a loss": ("data=breast_cancer loss=my.sigmoid_inside", "double_softmax"),
    "K5 more columns than classes": ("data=iris loss=scce model=my.too_wide", "head_units"),
    "K6 more columns than targets": ("data=diabetes model=my.two_columns", "head_units"),
    "K6 labels are stretched": ("data=diabetes model=my.two_columns check.ignore=[head_units]", "label_shape"),
    "K6 answers of too many axes": ("data=iris loss=scce model=my.too_deep", "head_units"),
    "K6 vectors of too many axes": ("data=iris loss=circle model=my.too_deep", "head_units"),
    "K6 a whole answer a label": ("data=iris loss=cce model=my.too_deep check.ignore=[head_units]", "label_shape"),
    "K7 loss is stretched": ("data=diabetes loss=my.stretched", "own_loss"),
    "K7 loss of the rows' places": ("data=diabetes loss=my.by_place", "own_loss"),
    "K7 loss is infinite": ("data=diabetes loss=my.infinite", "own_loss"),
    "K7 loss is constant": ("data=diabetes loss=my.constant", "own_loss"),
    "K7 loss without predictions": ("data=diabetes loss=my.nothing", "own_loss"),
    "K7 loss in NumPy": ("data=diabetes loss=my.numpy_inside", "own_loss"),
    "K7 part of a sum is constant": ("data=diabetes loss=weighted_sum loss.parts={mse:1,my.constant:1}", "own_loss"),
    "K4 softmax inside a part": ("data=iris loss=weighted_sum loss.parts={cce:1,my.softmax_inside:1}", "double_softmax"),
    "K7 metric is stretched": ("data=diabetes metrics=my.stretched", "own_metric"),
    "K9 monitor is not logged": ("metrics=accuracy monitor=val_acc", "monitor"),
    "K9 callback's monitor": ("callbacks=early_stopping callbacks.early_stopping.monitor=val_acc", "monitor"),
    "K9 direction is unknown": ("metrics=my.share_right monitor=val_share_right", "monitor"),
    "K9 monitor of an output": ("data=multitask outputs=[price,rooms] monitor=val_mean_absolute_error", "monitor"),
    "K9 nothing is validated": (
        "validation=none callbacks=early_stopping callbacks.early_stopping.monitor=val_loss",
        "monitor",
    ),
    "K9 mode is wrong": ("callbacks=early_stopping callbacks.early_stopping.mode=max", "monitor_mode"),
    "K9 file name": ("callbacks=checkpoint callbacks.checkpoint.filepath=c/{val_acc:.2f}.keras", "file_name"),
    "K12 f1 as a mean of batches": ("data=breast_cancer metrics=my.f1", "batch_averaged"),
    "K13 accuracy of numbers": ("data=diabetes metrics=accuracy", "metric_task"),
    "K16 weight of no class": ("data=iris class_weight={setosa:2,rose:1}", "class_weight"),
    "K16 weights of numbers": ("data=diabetes class_weight=balanced", "class_weight"),
    "K19 sigmoid of large targets": ("data=diabetes loss=mse model.output_activation=sigmoid", "target_range"),
    "K19 negative counts": ("data=linear loss=poisson", "target_range"),
    "K19 negative logarithms": ("data=linear loss=msle", "target_range"),
    "K22 schedule and callback": ("callbacks=reduce_lr optimizer/learning_rate=cosine_decay", "callback_conflict"),
    "K22 model that cannot be saved": ("data=iris model=my.Bare callbacks=checkpoint", "callback_conflict"),
    "K22 averages that are not kept": ("callbacks=swap_ema_weights", "callback_conflict"),
    "K23 softmax of one column": ("data=breast_cancer model.output_activation=softmax", "constant_head"),
    "K24 classes on another axis": ("data=iris loss=cce loss.axis=0", "class_axis"),
}
WARNED = {
    "K7 loss depends on the batch": ("data=diabetes loss=my.of_batch", "own_loss"),
    "K7 loss without half its gradient": ("data=diabetes loss=my.rounded", "own_loss"),
    "K9 validation now and then": ("callbacks=early_stopping validation_freq=2", "rare_validation"),
    "K19 percentages of zero": ("data=my_data.zeros_and_more loss=mape", "target_range"),
    "K21 inputs far from 1": ("data=my_data.far model.standardize=false", "input_scale"),
    "K22 alpha without effect": ("data=breast_cancer loss=binary_focal_crossentropy loss.alpha=0.6", "ignored_setting"),
    "K22 trainable=False of dropout": ("data=iris model=my.frozen_dropout", "ignored_setting"),
    "K24 half precision of the head": ("data=iris model=my.half", "head_precision"),
}


@pytest.mark.parametrize("trap", STOPPED)
def test_trap_is_refused_by_the_name_of_its_check(lmrun, own, trap):
    words, name = STOPPED[trap]
    run = lmrun("check", *words.split(), code=2)
    assert re.search(rf"^lmrun: error: .*\[{name}\]$", run.err, re.MULTILINE), run.err


@pytest.mark.parametrize("trap", WARNED)
def test_trap_is_warned_of_by_the_name_of_its_check(lmrun, own, trap):
    words, name = WARNED[trap]
    out = lmrun("check", *words.split()).out
    assert re.search(rf"^ warn +.*\[{name}\]$", out, re.MULTILINE), out


def test_k1_keras_takes_the_logits_of_a_softmax_for_those_of_sigmoids():
    """The fault that swapped_logits stops; a Keras that mends it fails here."""
    logits = np.random.default_rng(0).normal(size=(50, 5)).astype("float32")
    labels = np.eye(5, dtype="float32")[np.arange(50) % 5]
    model = keras.Sequential([keras.Input((5,)), keras.layers.Softmax()])
    loss = keras.losses.BinaryCrossentropy()
    shown = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = -np.mean(labels * np.log(shown) + (1 - labels) * np.log(1 - shown))
    assert float(loss(labels, model.predict(logits, verbose=0))) == pytest.approx(truth, rel=1e-4)
    assert float(loss(labels, model(logits))) > 1.2 * truth


@pytest.mark.parametrize("data", ["signs", "from_one"])
def test_k3_k5_labels_from_anywhere_are_mapped_and_said(lmrun, own, data):
    run = lmrun(f"data=my_data.{data}", "epochs=2", "plots=[]", "metrics=[accuracy]")
    assert "are classes 0" in run.err
    arrays, score = run.predictions, run.json("metrics.json")["val"]["accuracy"]
    answer = arrays["val_pred"] > 0.5 if data == "signs" else arrays["val_pred"].argmax(axis=1)
    assert score == pytest.approx(sk.accuracy_score(arrays["val_true"], answer))


@pytest.mark.parametrize("model", ["logits", "softmax_reshaped", "softmax_nested", "softmax_op", "hidden_softmax"])
def test_k4_the_loss_of_every_head_is_that_of_its_probabilities(lmrun, own, model):
    run = lmrun("data=iris", f"model=my.{model}", "loss=cce", "epochs=1", "plots=[]")
    arrays = run.predictions
    answers = arrays["val_pred"]
    if model == "logits":
        assert "loss.from_logits=true" in run.err
        answers = np.exp(answers) / np.exp(answers).sum(axis=1, keepdims=True)
    truth = sk.log_loss(arrays["val_true"], answers, labels=range(3))
    assert run.history["val_loss"].iloc[-1] == pytest.approx(truth, rel=1e-4)


def test_k8_outputs_are_named_after_targets_that_there_are(lmrun):
    assert "did you mean 'rooms'" in lmrun("check", "data=multitask", "outputs=[price,roms]", code=2).err
    words = ["check", "data=multitask", "outputs=[price,rooms]"]
    assert "did you mean 'weight'" in lmrun(*words, "outputs.price.wieght=2", code=2).err
    assert "number > 0" in lmrun(*words, "outputs.price.weight=-1", code=2).err


def test_k10_k11_metrics_get_the_labels_and_the_threshold_that_they_need(lmrun):
    run = lmrun("data=breast_cancer", "loss=bce", "metrics=[f1,precision,recall]", "epochs=2", "plots=[]")
    arrays, scores = run.predictions, run.json("metrics.json")["val"]
    answer = arrays["val_pred"] > 0.5
    assert scores["f1"] == pytest.approx(sk.f1_score(arrays["val_true"], answer), abs=1e-6)
    assert scores["precision"] == pytest.approx(sk.precision_score(arrays["val_true"], answer), abs=1e-6)


def test_k13_accuracy_of_several_labels_is_that_of_cells(lmrun):
    run = lmrun("data=multilabel", "metrics=[accuracy]", "epochs=1", "plots=[]")
    assert "accuracy = BinaryAccuracy" in run.err
    arrays = run.predictions
    truth = np.mean((arrays["val_pred"] > 0.5) == arrays["val_true"])
    assert run.json("metrics.json")["val"]["accuracy"] == pytest.approx(truth)


def test_k14_auc_of_logits_is_that_of_their_probabilities(lmrun):
    run = lmrun("data=breast_cancer", "loss=bce", "model.output_activation=linear", "metrics=[auc]", "epochs=1", "plots=[]")
    arrays = run.predictions
    truth = sk.roc_auc_score(arrays["val_true"], arrays["val_pred"])
    assert run.json("metrics.json")["val"]["auc"] == pytest.approx(truth, abs=5e-3)


def test_k14_a_validation_part_of_one_class_is_said(lmrun, tmp_path):
    rows = [f"{i},{i % 7},{int(i < 3)}" for i in range(60)]
    (tmp_path / "rare.csv").write_text("\n".join(["a,b,rare", *rows]), encoding="utf-8")
    words = ["check", "data=csv", "data.path=rare.csv", "data.target=rare", "metrics=[auc]", "validation.split=0.1"]
    out = lmrun(*words, "validation.stratify=false", "seed=3").out
    assert re.search(r"^ warn .*\[one_class\]$", out, re.MULTILINE), out


def test_k15_a_file_sorted_by_class_validates_on_every_class(lmrun):
    counts = lmrun("data=sorted_blobs", "epochs=1", "plots=[]").json("run.json")["class_counts"]
    assert min(counts["val"].values()) > 0.3 * max(counts["val"].values())


def test_k16_string_keys_are_classes(lmrun):
    said = lmrun("check", "data=breast_cancer", 'class_weight={"0":1,"1":10}').out
    assert "malignant: 1, benign: 10" in said


@pytest.mark.parametrize(("data", "code"), [("holes", 3), ("holes_in_labels", 3), ("bad_weights", 3)])
def test_k18_what_is_not_finite_is_found_in_the_data(lmrun, own, data, code):
    assert lmrun("check", f"data=my_data.{data}", code=code).err


def test_shares_of_classes_are_labels_of_the_dense_losses(lmrun, own):
    run = lmrun("data=my_data.shares", "task=multiclass", "metrics=accuracy+crossentropy", "epochs=2", "plots=[]")
    true, predicted = run.predictions["val_true"], run.predictions["val_pred"]
    assert run.history["val_loss"].iloc[-1] == pytest.approx(-(true * np.log(predicted)).sum(axis=1).mean(), rel=1e-4)
    right = np.mean(true.argmax(axis=1) == predicted.argmax(axis=1))
    assert run.json("metrics.json")["val"]["accuracy"] == pytest.approx(right)
    assert "[loss_task]" in lmrun("check", "data=my_data.shares", "task=multiclass", "loss=scce", code=2).err
    shares = true.mean(axis=0)
    entropy = -(true.mean(axis=0) * np.log(shares)).sum()
    assert run.json("metrics.json")["baseline"]["val"]["loss"] == pytest.approx(entropy, rel=1e-4)


def test_shares_of_two_classes_are_labels_of_the_binary_loss(lmrun, own):
    run = lmrun("data=my_data.share", "task=binary", "loss=bce", "epochs=1", "plots=[]")
    true, predicted = run.predictions["val_true"], run.predictions["val_pred"]
    truth = -np.mean(true * np.log(predicted) + (1 - true) * np.log(1 - predicted))
    assert run.history["val_loss"].iloc[-1] == pytest.approx(truth, rel=1e-4)


def test_shares_of_two_classes_count_as_the_class_of_the_larger_one(lmrun, own):
    words = ["data=my_data.share", "task=binary", "loss=brier", "metrics=accuracy+auc+exact_auc+f1+crossentropy"]
    run = lmrun(*words, "epochs=1", "plots=[]")
    arrays, scores = run.predictions, run.json("metrics.json")["val"]
    true, answer = arrays["val_true"] > 0.5, arrays["val_pred"] > 0.5
    assert scores["accuracy"] == pytest.approx(sk.accuracy_score(true, answer))
    assert scores["exact_auc"] == pytest.approx(sk.roc_auc_score(true, arrays["val_pred"]))
    assert scores["auc"] == pytest.approx(scores["exact_auc"], abs=0.01)
    assert scores["f1"] == pytest.approx(sk.f1_score(true, answer))
    assert "labels are shares of classes; accuracy, auc, exact_auc, f1 count that of the largest one" in run.err


def test_shares_of_classes_count_as_the_class_of_the_largest_one(lmrun, own):
    words = ["data=my_data.shares", "task=multiclass", "metrics=precision+f1+exact_auc+brier+dice+kl_divergence"]
    run = lmrun(*words, "epochs=1", "plots=[]")
    shares, predicted = run.predictions["val_true"], run.predictions["val_pred"]
    true, scores = np.eye(3)[shares.argmax(axis=1)], run.json("metrics.json")["val"]
    assert scores["precision"] == pytest.approx(sk.precision_score(true, predicted > 0.5, average="micro"))
    assert scores["f1"] == pytest.approx(sk.f1_score(shares.argmax(axis=1), predicted.argmax(axis=1), average="macro"))
    assert scores["exact_auc"] == pytest.approx(sk.roc_auc_score(true, predicted, average="macro"))
    assert scores["brier"] == pytest.approx(((shares - predicted) ** 2).sum(axis=1).mean(), rel=1e-5)
    overlap = 2 * (shares * predicted).sum() / (shares.sum() + predicted.sum())
    assert scores["dice"] == pytest.approx(1 - overlap, rel=1e-4)


def test_k20_what_a_constant_scores_is_printed(lmrun):
    run = lmrun("data=letters26", "metrics=[accuracy,binary_accuracy]", "epochs=1", "plots=[]")
    assert run.json("metrics.json")["baseline"]["val"]["binary_accuracy"] == pytest.approx(25 / 26, abs=1e-4)
    assert "binary_accuracy 0.9615" in run.err


def test_k21_parts_of_other_scale_are_refused(lmrun, own_code):
    own_code(
        "my_split",
        """
        import numpy as np
        def halves(labels, kind, seed):
            return {"train": np.arange(100), "val": np.arange(100, 200), "test": np.arange(0)}
        def data():
            x = np.random.default_rng(0).normal(size=(200, 3)).astype("float32")
            x[100:] *= 100
            return x, x[:, 0] + 0.25
        """,
    )
    assert "[input_scale]" in lmrun("check", "data=my_split.data", "validation=my_split.halves", code=2).err


def test_k21_a_few_rows_tell_no_scale(lmrun, own_code):
    own_code(
        "my_split",
        """
        import numpy as np
        def two(labels, kind, seed):
            return {"train": np.arange(10), "val": np.arange(10, 12), "test": np.arange(0)}
        def data():
            x = np.random.default_rng(0).normal(size=(12, 1)).astype("float32")
            x[10:] = [[0.3], [0.31]]
            return x, x[:, 0] + 0.25
        """,
    )
    assert lmrun("check", "data=my_split.data", "validation=my_split.two", "model.standardize=false").code == 0


def test_k22_a_metric_may_not_take_the_name_of_the_loss(lmrun):
    assert "overwrite the loss" in lmrun("check", "+metrics.loss._target_=keras.metrics.AUC", code=2).err


def test_k25_a_list_of_losses_is_refused(lmrun):
    assert "takes one option, not a list" in lmrun("check", "loss=[mse,mae]", code=2).err


def test_findings_are_shown_together(lmrun):
    words = ["metrics=[accuracy]", "callbacks=early_stopping", "callbacks.early_stopping.monitor=val_acc", "monitor=val_auc"]
    err = lmrun("check", "loss=cce", "model.output_activation=sigmoid", *words, "class_weight={99:2}", code=2).err
    assert len(re.findall("^lmrun: error: ", err, re.MULTILINE)) == 4
    told = re.findall(r"\[(\w+)\]$", err, re.MULTILINE)
    assert sorted(told) == ["class_weight", "head_mismatch", "monitor", "monitor"]


def test_a_loss_that_does_not_fit_hides_no_other_outputs_head(lmrun):
    words = ["data=multitask", "outputs=[price,rooms]", "outputs.price.loss=cce", "outputs.rooms.loss=poisson"]
    err = lmrun("check", *words, "outputs.rooms.activation=linear", code=2).err
    assert sorted(re.findall(r"\[(\w+)\]$", err, re.MULTILINE)) == ["head_mismatch", "loss_task"]


def test_a_loss_that_does_not_fit_the_task_is_not_blamed_on_the_head_as_well(lmrun):
    assert re.findall(r"\[\w+\]", lmrun("check", "data=letters26", "loss=bce", code=2).err) == ["[loss_task]"]


def test_a_monitor_that_is_not_logged_is_refused_once(lmrun):
    err = lmrun("check", "callbacks=early_stopping", "monitor=val_acc", code=2).err
    assert err.count("did you mean 'val_accuracy'?") == 1


def test_an_ignored_check_finds_nothing_and_a_warning_stops_nothing(lmrun):
    words = ["loss=cce", "model.output_activation=sigmoid", "epochs=1", "plots=[]"]
    assert "[head_mismatch]" in lmrun(*words, code=2).err
    assert "[head_mismatch]" not in lmrun(*words, "check.ignore=[head_mismatch,swapped_logits]").err
    run = lmrun(*words, "check=warn")
    assert "[head_mismatch]" in run.err
    assert {finding["check"] for finding in run.json("run.json")["findings"]} >= {"head_mismatch"}
    assert lmrun(*words, "check=skip").json("run.json")["findings"] == []


def test_answers_of_too_many_axes_are_told_with_both_shapes_and_probed_no_further(lmrun, own):
    err = lmrun("check", "data=iris", "model=my.too_deep", code=2).err
    assert "it answers a row with the shape (4, 3), which labels of the shape () do not fit; end it in" in err
    assert "[head_units]" in lmrun("check", "data=iris", "model=my.too_deep", "check=warn").out


def test_an_unknown_name_to_ignore_is_refused(lmrun):
    assert "did you mean 'label_range'" in lmrun("check", "check.ignore=[label_rang]", code=2).err


def test_every_check_has_a_sentence_and_every_sentence_a_check():
    made = {check.__name__ for check in (*checks.OF_OUTPUT, *checks.OF_RUN)}
    caught = {"loss_task", "metric_task", "head_units", "head_mismatch", "constant_head", "class_weight"}
    assert made | caught == set(catalog.CHECKS)


def test_check_trains_nothing_and_keeps_nothing(lmrun, tmp_path):
    run = lmrun("check", "callbacks=checkpoint+csv_logger")
    assert run.code == 0
    assert not list(tmp_path.iterdir())


def test_check_lists_the_columns_that_the_history_will_have(lmrun):
    words = ["data=iris", "metrics=auc+accuracy", "model.l2=0.01", "epochs=1", "plots=[]"]
    told = re.search(r"^ history +(.*)$", lmrun("check", *words).out, re.MULTILINE)[1]
    columns = [re.sub(" [↑↓]", "", part) for part in told.split(" · ")]
    assert ["epoch", *columns, "learning_rate"] == list(lmrun(*words).history.columns)


def test_check_tells_what_differs_in_training_and_the_parameters_a_row(lmrun):
    out = lmrun("check", "data=iris", "model.dropout=0.3", "model.batch_norm=true", "metrics=accuracy").out
    assert "Dropout(0.3) ×1" in out
    assert "BatchNormalization ×1" in out
    assert "SparseCategoricalAccuracy: the share of rows whose largest score is at their class" in out
    parameters = 4 * 64 + 64 + 2 * 64 + 64 * 3 + 3
    assert f"{parameters:,} parameters for 120 training rows: {parameters / 120:.3g} a row" in out


_OWN_MODELS = ("logits", "softmax_reshaped", "softmax_nested", "softmax_op", "hidden_softmax")
LEGAL = [
    *(f"data={data}" for data in ("digits", "iris", "wine", "breast_cancer", "diabetes", "linnerud", "blobs", "linear")),
    *(f"data={data}" for data in ("multilabel", "multitask", "letters26", "sorted_blobs", "page1")),
    *(f"data=iris loss={loss}" for loss in ("cce", "scce", "focal", "categorical_focal_crossentropy", "gce", "kl_divergence")),
    *(f"data=iris loss={loss}" for loss in ("categorical_hinge", "dice", "tversky", "mse", "circle", "cosine_similarity")),
    *(f"data=breast_cancer loss={loss}" for loss in ("bce", "focal", "hinge", "squared_hinge", "dice", "mse", "cce", "huber")),
    *(f"data=multilabel loss={loss}" for loss in ("bce", "focal", "hinge", "dice", "mse")),
    *(f"data=diabetes loss={loss}" for loss in ("mse", "mae", "huber", "log_cosh", "mape", "msle", "poisson")),
    *(f"data=iris loss={loss} model.output_activation=linear" for loss in ("cce", "scce", "focal")),
    *(f"data=breast_cancer loss={loss} model.output_activation=linear" for loss in ("bce", "focal", "hinge")),
    "data=breast_cancer loss=hinge model.output_activation=tanh",
    *(f"data=iris loss=cce model=my.{model}" for model in _OWN_MODELS),
    *(f"data=iris loss=scce model=my.{model}" for model in _OWN_MODELS),
    "data=multilabel model=my.sigmoid_flat",
    "data=my_data.signs model=my.hidden_sigmoid",
    "data=my_data.signs loss=hinge metrics=accuracy+auc",
    "data=my_data.signs loss=bce",
    "data=my_data.from_one loss=scce metrics=f1+precision",
    "data=my_data.one_hot loss=cce",
    "data=my_data.counts loss=poisson metrics=mae",
    "data=my_data.shares task=multiclass loss=cce",
    "data=my_data.shares task=multiclass loss=kl_divergence metrics=accuracy",
    "data=my_data.share task=binary loss=bce",
    "data=my_data.zeros_and_more loss=mse model.output_activation=relu",
    "data=my_data.weighted metrics=auc+accuracy weighted_metrics=[accuracy]",
    "data=my_data.weighted class_weight=balanced",
    "data=my_data.two outputs=[sold,price] outputs.sold.loss=bce outputs.price.loss=huber outputs.sold.weight=2",
    "data=my_data.two outputs=[sold,price] outputs.sold.class_weight=balanced outputs.sold.metrics=[auc]",
    "data=multitask outputs=[price,rooms] loss=mae monitor=val_rooms_loss batch_size=240",
    "data=multitask outputs=[price,rooms] model=my.several",
    "data=multitask outputs.both.target=[price,rooms]",
    "data=iris class_weight={setosa:2,virginica:1.5}",
    "data=iris loss=my.good metrics=my.share_right",
    "data=diabetes loss=my.Good metrics=my.good",
    "data=breast_cancer loss=my.sigmoid_inside model.output_activation=linear",
    "data=iris loss=my.softmax_inside model=my.logits",
    "data=digits model=cnn model.dropout=0.5 model.batch_norm=true metrics=auc+top_k",
    "data=iris loss=cce loss.label_smoothing=0.1 callbacks=early_stopping monitor=val_accuracy",
    "data=iris callbacks=reduce_lr+checkpoint callbacks.checkpoint.filepath=c/{epoch}-{val_loss:.2f}.keras",
    "data=iris validation=none",
    "data=iris validation=train train_eval=0",
    "data=iris precision=mixed_bfloat16",
    "data=breast_cancer metrics=auc+auc_pr+f1+precision+recall+accuracy",
    "data=diabetes metrics=mae+rmse+r2+mape",
]


def test_there_are_legal_cases_enough():
    assert len(set(LEGAL)) >= 60


@pytest.mark.parametrize("words", LEGAL)
def test_what_is_legal_raises_no_alarm(lmrun, own, words):
    out = lmrun("check", *words.split()).out
    assert "checked     no stop, no warning" in out, out
