"""The losses that Keras lacks: equal to scikit-learn, TensorFlow and NumPy, safe at the extremes, refused where they misfit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import sklearn.metrics as sk
import tensorflow as tf
from formulas import sample

from lossmetric_cli.baselines import baselines
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.feed import Rows
from lossmetric_cli.losses import (
    Brier,
    Exponential,
    Quantile,
    WeightedBinaryCrossentropy,
    WeightedSum,
    build_loss,
    fit_head,
    fit_task,
    loss_name,
)
from lossmetric_cli.metrics import Coverage, Fed, build_metrics
from lossmetric_cli.outputs import Output
from lossmetric_cli.task import Task

Option = Callable[..., dict[str, Any]]

RANDOM = np.random.default_rng(5)
NUMBERS = RANDOM.gamma(2.0, 3.0, (80, 1)).astype("float32")
GUESSES = (NUMBERS + RANDOM.normal(0, 2, (80, 3))).astype("float32")
BITS = RANDOM.integers(0, 2, (80, 3)).astype("float32")
SCORES = RANDOM.normal(0, 3, (80, 3)).astype("float32")
SHARES = (1 / (1 + np.exp(-SCORES))).astype("float32")
CLASSES = np.eye(3, dtype="float32")[RANDOM.integers(0, 3, 80)]
SOFTMAX = (np.exp(SCORES) / np.exp(SCORES).sum(axis=1, keepdims=True)).astype("float32")

ONE_NUMBER = Task("regression", (4,), 1)
SHORT = ("epochs=1", "steps_per_epoch=2", "model=linear", "train_eval=0", "plots=[]")


def parts(**weights: float) -> dict[str, Any]:
    return {"parts": [{"loss": {"_target_": f"keras.losses.{name}"}, "weight": weight} for name, weight in weights.items()]}


def tf_weighted(labels: np.ndarray, logits: np.ndarray, weight: float) -> float:
    """Return TensorFlow's own, in float64."""
    rows = tf.nn.weighted_cross_entropy_with_logits(labels.astype("float64"), logits.astype("float64"), weight)
    return float(np.mean(rows))


# --- what they are


@pytest.mark.parametrize("tau", [0.1, 0.5, 0.9])
def test_quantile_is_the_pinball_loss_of_scikit_learn(tau: float):
    wanted = sk.mean_pinball_loss(NUMBERS.repeat(3, axis=1), GUESSES, alpha=tau)
    assert float(Quantile(tau=tau)(NUMBERS.repeat(3, axis=1), GUESSES)) == pytest.approx(wanted, rel=1e-6)


def test_several_quantiles_are_the_mean_of_each_in_its_column():
    taus = [0.1, 0.5, 0.9]
    wanted = np.mean([sk.mean_pinball_loss(NUMBERS[:, 0], GUESSES[:, k], alpha=tau) for k, tau in enumerate(taus)])
    assert float(Quantile(tau=taus)(NUMBERS, GUESSES)) == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("labels", [BITS, 2 * BITS - 1], ids=["0 and 1", "-1 and 1"])
def test_exponential_takes_either_labels(labels: np.ndarray):
    wanted = np.mean(np.exp(-(2 * BITS - 1) * SCORES.astype("float64")))
    assert float(Exponential()(labels, SCORES)) == pytest.approx(wanted, rel=1e-6)


def test_exponent_is_cut_off_at_the_documented_bound():
    assert float(Exponential()(np.array([[1.0]]), np.array([[-500.0]]))) == pytest.approx(np.exp(30), rel=1e-6)


@pytest.mark.parametrize("weight", [0.3, 1.0, 7.0])
def test_weighted_crossentropy_is_that_of_tf_nn_on_logits(weight: float):
    loss = WeightedBinaryCrossentropy(pos_weight=weight, from_logits=True)
    assert float(loss(BITS, SCORES)) == pytest.approx(tf_weighted(BITS, SCORES, weight), rel=1e-6)


def test_weighted_crossentropy_takes_soft_labels():
    soft = 0.8 * BITS + 0.1
    loss = WeightedBinaryCrossentropy(pos_weight=3, from_logits=True)
    assert float(loss(soft, SCORES)) == pytest.approx(tf_weighted(soft, SCORES, 3), rel=1e-6)


def test_weighted_crossentropy_behind_a_saturated_sigmoid_costs_what_its_logits_do():
    far = np.array([[-60.0], [60.0], [-60.0], [60.0]], dtype="float32")
    labels = np.array([[1.0], [0.0], [0.0], [1.0]], dtype="float32")
    inputs = keras.Input((1,))
    model = keras.Model(inputs, keras.layers.Activation("sigmoid")(inputs))
    model.compile(loss=WeightedBinaryCrossentropy(pos_weight=3))
    assert model.evaluate(far, labels, verbose=0) == pytest.approx(tf_weighted(labels, far, 3), rel=1e-6)


def test_weighted_crossentropy_of_bare_probabilities_is_its_formula():
    p = SHARES.astype("float64")
    wanted = -np.mean(3 * BITS * np.log(p) + (1 - BITS) * np.log(1 - p))
    assert float(WeightedBinaryCrossentropy(pos_weight=3)(BITS, SHARES)) == pytest.approx(wanted, rel=1e-6)


def test_brier_of_one_column_is_that_of_scikit_learn():
    assert float(Brier()(BITS[:, :1], SHARES[:, :1])) == pytest.approx(sk.brier_score_loss(BITS[:, 0], SHARES[:, 0]), rel=1e-6)


def test_brier_of_classes_is_that_of_scikit_learn_which_is_not_halved():
    p = SOFTMAX.astype("float64")
    wanted = sk.brier_score_loss(CLASSES.argmax(axis=1), p / p.sum(axis=1, keepdims=True))
    assert float(Brier()(CLASSES, SOFTMAX)) == pytest.approx(wanted, rel=1e-6)


def test_brier_of_several_labels_is_the_mean_of_each(option: Option):
    loss = build_loss(option("loss", "brier"), task=sample("multilabel").task)
    wanted = np.mean([sk.brier_score_loss(y, p) for y, p in zip(BITS.T, SHARES.T, strict=True)])
    assert float(loss(BITS, SHARES)) == pytest.approx(wanted, rel=1e-6)


def test_weighted_sum_is_the_sum_of_its_parts(option: Option):
    loss = build_loss(option("loss", "weighted_sum", **parts(MeanSquaredError=1, MeanAbsoluteError=0.5)), task=ONE_NUMBER)
    error = NUMBERS - GUESSES[:, :1].astype("float64")
    wanted = np.mean(error**2) + 0.5 * np.mean(np.abs(error))
    assert float(loss(NUMBERS, GUESSES[:, :1])) == pytest.approx(wanted, rel=1e-6)


OWN = {
    "quantile": (Quantile(tau=[0.1, 0.5, 0.9]), NUMBERS, GUESSES),
    "exponential": (Exponential(), BITS, SCORES),
    "weighted, logits": (WeightedBinaryCrossentropy(pos_weight=3, from_logits=True), BITS, SCORES),
    "weighted, probabilities": (WeightedBinaryCrossentropy(pos_weight=3), BITS, SHARES),
    "brier": (Brier(), CLASSES, SOFTMAX),
    "sum": (WeightedSum(parts=[{"loss": Quantile(tau=0.9), "weight": 2}]), NUMBERS, GUESSES[:, :1]),
}
by_loss = pytest.mark.parametrize(("loss", "labels", "answers"), OWN.values(), ids=OWN)


@by_loss
def test_a_row_has_one_value_in_float32(loss: keras.losses.Loss, labels: np.ndarray, answers: np.ndarray):
    values = loss.call(tf.constant(labels), tf.constant(answers))
    assert (values.shape, values.dtype) == ((80,), tf.float32)


@by_loss
def test_weights_of_rows_weigh_the_rows(loss: keras.losses.Loss, labels: np.ndarray, answers: np.ndarray):
    weights = RANDOM.uniform(0, 2, 80).astype("float32")
    wanted = np.mean(weights * np.asarray(loss.call(tf.constant(labels), tf.constant(answers))))
    assert float(loss(labels, answers, sample_weight=weights)) == pytest.approx(wanted, rel=1e-5)


@by_loss
def test_config_brings_the_same_loss_back(loss: keras.losses.Loss, labels: np.ndarray, answers: np.ndarray):
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert again.get_config() == loss.get_config()
    assert float(again(labels, answers)) == float(loss(labels, answers))


@pytest.mark.parametrize(
    ("loss", "labels", "answers"),
    [
        (Quantile(tau=0.9), [[0.0], [1e6]], [[1e6], [0.0]]),
        (Exponential(), [[1.0], [0.0]], [[-1e4], [1e4]]),
        (WeightedBinaryCrossentropy(pos_weight=3, from_logits=True), [[1.0], [0.0]], [[-1e4], [1e4]]),
        (WeightedBinaryCrossentropy(pos_weight=3), [[1.0], [0.0]], [[0.0], [1.0]]),
        (Brier(), [[1.0], [0.0]], [[0.0], [1.0]]),
    ],
    ids=["quantile", "exponential", "weighted, logits", "weighted, probabilities", "brier"],
)
def test_value_and_gradient_are_finite_at_the_extremes(loss: keras.losses.Loss, labels: list[Any], answers: list[Any]):
    answer = tf.Variable(answers)
    with tf.GradientTape() as tape:
        value = loss(tf.constant(labels), answer)
    assert np.isfinite(value)
    assert np.isfinite(tape.gradient(value, answer)).all()


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Quantile(tau=1.5), "loss.tau=1.5 is no number between 0 and 1; type loss.tau=0.9 or loss.tau=[0.1,0.5,0.9]"),
        (lambda: Quantile(tau=[0.5, "x"]), "loss.tau=x is no number between 0 and 1"),
        (lambda: Quantile(tau=[]), "loss.tau=[] asks for no quantile; type loss.tau=0.5 or loss.tau=[0.1,0.5,0.9]"),
        (lambda: Quantile(tau=[0.5, 0.5]), "loss.tau has 0.5 twice; each quantile has one column, so drop one of them"),
        (lambda: WeightedBinaryCrossentropy(pos_weight="balanced"), "loss.pos_weight=balanced is no number above 0; rows of 0"),
        (lambda: WeightedBinaryCrossentropy(pos_weight=-1), "loss.pos_weight=-1 is no number above 0"),
        (lambda: Brier(columns="max"), "loss.columns=max is neither sum nor mean; type loss.columns=sum, mean or null"),
        (lambda: WeightedSum(parts=[]), "loss.parts is empty, and nothing is trained; type 'loss.parts={mse:1,mae:0.5}'"),
    ],
    ids=["tau above 1", "tau as text", "no tau", "tau twice", "balanced", "below 0", "columns", "no parts"],
)
def test_setting_that_cannot_be_meant_is_refused(make: Callable[[], Any], told: str):
    with pytest.raises(ConfigError) as fault:
        make()
    assert str(fault.value).startswith(told)


# --- several quantiles


def quantiles(*taus: float) -> Task:
    return fit_task(Quantile(tau=taus), ONE_NUMBER)[0]


def test_several_quantiles_want_a_column_each_and_labels_in_one():
    task = quantiles(0.1, 0.5, 0.9)
    assert (task.units, task.activation) == (3, "linear")
    assert task.encode(NUMBERS, form="dense").shape == (80, 1)


def test_one_quantile_of_several_targets_is_taken_and_several_are_refused():
    task = sample("regression").task
    assert fit_task(Quantile(tau=[0.9]), task) == (task, [])
    told = (
        r"^loss\.tau=\[0\.1, 0\.9\] asks for several quantiles of one target, and this data has 3 targets; type loss\.tau=0\.5$"
    )
    with pytest.raises(ConfigError, match=told):
        fit_task(Quantile(tau=[0.1, 0.9]), task)


@pytest.mark.slow
def test_nine_of_ten_labels_end_below_the_quantile_of_nine_tenths(lmrun):
    words = ("data=linear", "data.rows=3000", "data.noise=2", "model=linear", "optimizer=adam", "lr=0.05", "plots=[]")
    done = lmrun(*words, "loss=quantile", "loss.tau=0.9", "epochs=20", "batch_size=128")
    predictions = done.predictions
    assert np.mean(predictions["val_true"] <= predictions["val_pred"]) == pytest.approx(0.9, abs=0.03)


@pytest.mark.slow
def test_interval_of_two_quantiles_covers_what_lies_between_them(lmrun):
    words = ("data=linear", "data.rows=3000", "data.noise=2", "model=linear", "optimizer=adam", "lr=0.05", "plots=[]")
    done = lmrun(*words, "loss=quantile", "loss.tau=[0.9,0.1]", "metrics=coverage", "epochs=20", "batch_size=128")
    assert done.history["val_coverage"].iloc[-1] == pytest.approx(0.8, abs=0.05)


def test_run_of_several_quantiles_is_what_its_predictions_say(lmrun):
    done = lmrun("data=diabetes", "loss=pinball", "loss.tau=[0.1,0.4,0.9]", "metrics=mae+r2+coverage", *SHORT)
    truth, answers = done.predictions["val_true"], done.predictions["val_pred"]
    last = done.history.iloc[-1]
    assert "note        the loss asks for 3 quantiles; mae, r2 are fed that of tau=0.4" in done.err
    assert answers.shape == (len(truth), 3)
    wanted = np.mean([sk.mean_pinball_loss(truth, answers[:, k], alpha=tau) for k, tau in enumerate((0.1, 0.4, 0.9))])
    assert last["val_loss"] == pytest.approx(wanted, rel=1e-5)
    assert last["val_mae"] == pytest.approx(sk.mean_absolute_error(truth, answers[:, 1]), rel=1e-5)
    assert last["val_r2"] == pytest.approx(sk.r2_score(truth, answers[:, 1]), abs=1e-4)
    assert last["val_coverage"] == pytest.approx(np.mean((answers[:, 0] <= truth) & (truth <= answers[:, 2])), rel=1e-5)
    assert "predicts one class" not in done.err


def constants(loss, measured, *, task, natural):
    """Return the best constant scores of a linear head."""
    columns = {metric.name: (metric.name,) for metric in measured}
    output = Output("", task, loss, "dense", "linear", metrics=measured, columns=columns)
    labels = natural.astype("float32")
    return baselines([output], natural=natural, rows=Rows(np.zeros((len(natural), 1)), labels.reshape(len(labels), -1)))


def test_constant_of_several_quantiles_is_each_of_them():
    taus = (0.1, 0.5, 0.9)
    task = quantiles(*taus)
    measured = build_metrics(
        {"mae": {"_target_": "keras.metrics.MeanAbsoluteError"}}, task=task, labels="dense", activation=None
    )
    found = constants(Quantile(tau=taus), measured, task=task, natural=NUMBERS)
    best = [sk.mean_pinball_loss(NUMBERS, np.full((80, 1), np.quantile(NUMBERS, tau)), alpha=tau) for tau in taus]
    assert found["loss"] == pytest.approx(np.mean(best), rel=1e-4)
    assert found["mae"] == pytest.approx(np.abs(NUMBERS - np.median(NUMBERS)).mean(), rel=1e-4)


@pytest.mark.parametrize(
    ("loss", "best"),
    [
        (Exponential(), lambda share: 2 * np.sqrt(share * (1 - share))),
        (
            WeightedBinaryCrossentropy(pos_weight=3, from_logits=True),
            lambda s: -3 * s * np.log(3 * s / (3 * s + 1 - s)) - (1 - s) * np.log((1 - s) / (3 * s + 1 - s)),
        ),
    ],
    ids=["exponential", "weighted"],
)
def test_constant_of_a_loss_that_is_not_best_at_the_shares(loss: keras.losses.Loss, best: Callable[[np.ndarray], np.ndarray]):
    labels = (RANDOM.random((300, 3)) < [0.1, 0.4, 0.8]).astype("int64")
    task = Task("multilabel", (4,), 3)
    found = constants(loss, [], task=task, natural=labels)
    assert found["loss"] == pytest.approx(np.mean(best(labels.mean(axis=0))), rel=1e-4)


def coverage(task: Task, **settings: Any) -> keras.metrics.Metric:
    node = {"_target_": "lossmetric_cli.metrics.Coverage", "columns": None, **settings}
    return build_metrics({"coverage": node}, task=task, labels="dense", activation="linear")[0]


def test_coverage_counts_rows_between_the_lowest_and_the_highest_quantile():
    metric = coverage(quantiles(0.9, 0.1, 0.5))
    for start in (0, 50):
        metric.update_state(NUMBERS[start : start + 50], GUESSES[start : start + 50])
    truth, (upper, lower) = NUMBERS[:, 0], GUESSES[:, :2].T
    assert float(metric.result()) == pytest.approx(np.mean((lower <= truth) & (truth <= upper)), rel=1e-6)


def test_coverage_of_two_columns_that_are_named():
    metric = coverage(quantiles(0.1, 0.3, 0.9), columns=[0, 1])
    metric.update_state(NUMBERS, GUESSES)
    truth = NUMBERS[:, 0]
    assert float(metric.result()) == pytest.approx(np.mean((GUESSES[:, 0] <= truth) & (truth <= GUESSES[:, 1])), rel=1e-6)


def test_coverage_weighs_rows_and_comes_back_from_its_config():
    metric = Coverage.from_config(Coverage(columns=[0, 2]).get_config())
    weights = RANDOM.uniform(0, 2, 80)
    metric.update_state(NUMBERS, GUESSES, sample_weight=weights)
    inside = (GUESSES[:, 0] <= NUMBERS[:, 0]) & (NUMBERS[:, 0] <= GUESSES[:, 2])
    assert float(metric.result()) == pytest.approx(np.average(inside, weights=weights), rel=1e-5)


def test_coverage_without_two_quantiles_is_refused():
    with pytest.raises(ConfigError) as fault:
        coverage(quantiles(0.9))
    told = "metrics.coverage needs two predicted quantiles, and the loss asks for no two; type loss=quantile loss.tau=[0.1,0.9]"
    assert str(fault.value) == told


@pytest.mark.parametrize("columns", [[0], [0, 0], [0, 3], 1], ids=str)
def test_columns_of_coverage_that_are_no_two_quantiles_are_refused(columns: Any):
    with pytest.raises(ConfigError, match=r"^metrics\.coverage\.columns=.+ are no two of the columns 0 to 2; type .+=\[0,2\]$"):
        coverage(quantiles(0.1, 0.5, 0.9), columns=columns)


def test_metric_of_one_answer_comes_back_from_its_config_with_its_column():
    node = {"_target_": "keras.metrics.MeanAbsoluteError"}
    (metric,) = build_metrics({"mae": node}, task=quantiles(0.1, 0.5, 0.9), labels="dense", activation="linear")
    again = Fed.from_config(metric.get_config())
    again.update_state(NUMBERS, GUESSES)
    assert float(again.result()) == pytest.approx(sk.mean_absolute_error(NUMBERS[:, 0], GUESSES[:, 1]), rel=1e-6)


# --- a weighted sum


def test_history_of_a_weighted_sum_is_the_sum_of_its_parts_on_the_predictions(lmrun):
    done = lmrun("data=diabetes", "loss=weighted_sum", "loss.parts={mse:1,l1:0.5}", "metrics=[]", *SHORT)
    error = done.predictions["val_true"] - done.predictions["val_pred"].astype("float64")
    assert "optimises   1·mean_squared_error + 0.5·mean_absolute_error" in done.err
    assert done.history["val_loss"].iloc[-1] == pytest.approx(np.mean(error**2) + 0.5 * np.mean(np.abs(error)), rel=1e-6)


def test_parts_that_take_other_labels_are_each_fed_their_own(lmrun):
    done = lmrun("data=iris", "loss=weighted_sum", "loss.parts={crossentropy:1,brier:2}", "metrics=[]", *SHORT)
    truth, p = done.predictions["val_true"], done.predictions["val_pred"].astype("float64")
    wanted = sk.log_loss(truth, p / p.sum(axis=1, keepdims=True)) + 2 * np.mean(((p - np.eye(3)[truth]) ** 2).sum(axis=1))
    assert done.history["val_loss"].iloc[-1] == pytest.approx(wanted, rel=1e-5)


def test_parts_of_the_users_own_and_nodes_are_taken(lmrun, own_code, tmp_path):
    own_code("own_losses", "def cubed(y_true, y_pred):\n    return abs(y_true - y_pred) ** 3\n")
    (tmp_path / "conf" / "loss").mkdir(parents=True)
    node = "{loss: {_target_: keras.losses.Huber, delta: 2.0}, weight: 3.0}"
    text = f"# Mine.\n_target_: lossmetric_cli.losses.WeightedSum\nparts: [{node}, {{loss: own_losses.cubed}}]\n"
    (tmp_path / "conf" / "loss" / "mine.yaml").write_text(text, encoding="utf-8")
    done = lmrun("data=linear", "loss=mine", "metrics=[]", *SHORT)
    e = np.abs(done.predictions["val_true"] - done.predictions["val_pred"].astype("float64"))
    huber = np.where(e <= 2, e**2 / 2, 2 * (e - 1))
    assert done.history["val_loss"].iloc[-1] == pytest.approx(np.mean(3 * huber + e**3), rel=1e-5)


def test_linear_head_sets_from_logits_on_each_part_that_has_it(option: Option):
    node = option("loss", "weighted_sum", **parts(BinaryCrossentropy=1, Hinge=0.5))
    raw = build_loss(node, task=sample("binary").task)
    assert fit_task(raw, sample("binary").task)[0].head == "linear"
    loss, notes = fit_head(raw, activation="linear")
    assert notes == ["binary_crossentropy: the model ends linear, in logits: loss.from_logits=true"]
    z = SCORES[:, :1].astype("float64")
    wanted = tf_weighted(BITS[:, :1], z, 1) + 0.5 * np.mean(np.maximum(0, 1 - (2 * BITS[:, :1] - 1) * z))
    assert float(loss(BITS[:, :1], SCORES[:, :1])) == pytest.approx(wanted, rel=1e-6)


def summed(*losses: Any) -> WeightedSum:
    return WeightedSum(parts=[{"loss": loss, "weight": 1} for loss in losses])


def test_sum_asks_for_what_its_parts_ask_for():
    found = summed(keras.losses.SparseCategoricalCrossentropy(), keras.losses.Dice()).facts
    assert (found.kinds, found.labels, found.head) == (("multiclass",), "dense", None)
    assert found.takes_logits
    assert found.probabilities


def test_sum_of_the_same_quantiles_asks_for_their_columns():
    loss = summed(Quantile(tau=[0.1, 0.9]), Quantile(tau=[0.1, 0.9]))
    assert fit_task(loss, ONE_NUMBER)[0].quantiles == (0.1, 0.9)


@pytest.mark.parametrize(
    ("losses", "told"),
    [
        (
            (keras.losses.Poisson(), keras.losses.BinaryCrossentropy()),
            "since no task is for all of them: poisson is for regression, binary_crossentropy is for binary or multilabel",
        ),
        (
            (keras.losses.Hinge(), keras.losses.Dice()),
            "since the model has one head: hinge is for a linear head, dice is for probabilities",
        ),
        (
            (keras.losses.Circle(), keras.losses.CategoricalCrossentropy()),
            "since the model has one head: circle is for an embedding, categorical_crossentropy is for the task's own head",
        ),
        (
            (Quantile(tau=[0.1, 0.9]), keras.losses.MeanSquaredError()),
            "quantile wants 2 and mean_squared_error wants 1 columns for a target",
        ),
    ],
    ids=["tasks", "heads", "embedding", "columns"],
)
def test_parts_that_contradict_each_other_are_refused_by_name(losses: tuple[Any, ...], told: str):
    with pytest.raises(ConfigError) as fault:
        summed(*losses)
    assert str(fault.value).startswith("loss.parts contradict each other")
    assert told in str(fault.value)
    assert str(fault.value).endswith("; drop one of them")


def test_part_that_contradicts_the_task_is_refused_by_name():
    loss = summed(keras.losses.MeanSquaredError(), keras.losses.Hinge())
    with pytest.raises(
        ConfigError, match=r"^loss\.parts: loss=hinge is for binary or multilabel tasks, and this target is a number"
    ):
        fit_task(loss, ONE_NUMBER)


@pytest.mark.parametrize("weight", [0, -1, "x", float("nan"), True], ids=str)
def test_weight_that_is_no_number_above_0_is_refused(weight: Any):
    with pytest.raises(ConfigError, match=r"^loss\.parts: huber_loss has the weight .+, which is no number above 0; type 1"):
        WeightedSum(parts=[{"loss": keras.losses.Huber(), "weight": weight}])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["loss.parts={msee:1}"], "loss.parts: unknown loss 'msee'; did you mean 'mse' or 'msle'?"),
        (["loss.parts={none:1}"], "loss.parts: unknown loss 'none'"),
        (["loss.parts=3"], "loss.parts must be losses and their weights, got 3; type 'loss.parts={mse:1,mae:0.5}'"),
        ([], "loss.parts has no default and was not given; type loss.parts=…"),
    ],
    ids=["a name", "none", "a number", "nothing"],
)
def test_parts_that_name_no_losses_are_refused(lmrun, words: list[str], told: str):
    assert f"lmrun: error: {told}" in lmrun("data=diabetes", "loss=weighted_sum", *words, code=2).err


def test_sum_is_named_by_its_parts():
    assert loss_name(summed(keras.losses.Huber(), Quantile())) == "1·huber_loss + 1·quantile"
