"""The loss taken apart: its parts add up and equal NumPy, on training and validation rows, with ragged batches."""

from __future__ import annotations

import re

import keras
import numpy as np
import pytest

WORDS = ["data=iris", "epochs=3", "plots=[]", "batch_size=50"]  # 120 rows: batches of 50, 50 and 20


@pytest.mark.parametrize("penalty", ["model.l2=0.05", "model.l1=0.01"])
def test_loss_is_data_loss_and_regularization_in_every_row(lmrun, penalty):
    history = lmrun(*WORDS, penalty).history
    assert (history["regularization"] > 0.01).all()
    for part in ("", "val_"):
        total = history[f"{part}data_loss"] + history[f"{part}regularization"]
        np.testing.assert_allclose(total, history[f"{part}loss"], rtol=1e-5)


def test_without_a_penalty_the_loss_is_the_data_loss(lmrun):
    history = lmrun(*WORDS).history
    np.testing.assert_array_equal(history["data_loss"], history["loss"])
    assert (history["regularization"] == 0).all()


def test_parts_equal_numpy_on_weights_and_predictions(lmrun):
    run = lmrun(*WORDS, "model.l2=0.05", "callbacks=[checkpoint]", "callbacks.checkpoint.save_best_only=false", "epochs=1")
    arrays, last = run.predictions, run.history.iloc[-1]
    true = np.eye(3)[arrays["val_true"]]
    by_row = -np.log((true * arrays["val_pred"]).sum(axis=1))
    assert last["val_data_loss"] == pytest.approx(by_row.mean(), rel=1e-5)
    assert last["val_loss_stderr"] == pytest.approx(by_row.std() / np.sqrt(len(by_row)), rel=1e-4)
    model = keras.models.load_model(run.folder / "checkpoints" / "best.keras")
    kernels = [weight for weight in model.get_weights() if weight.ndim == 2]
    assert last["val_regularization"] == pytest.approx(0.05 * sum((kernel**2).sum() for kernel in kernels), rel=1e-5)


def test_the_honest_partner_of_val_loss_is_val_loss_on_the_same_rows(lmrun):
    history = lmrun(*WORDS, "validation=train", "model.dropout=0.5").history
    for name in ("loss", "accuracy"):
        np.testing.assert_allclose(history[f"train_{name}_eval"], history[f"val_{name}"], rtol=1e-5)
    assert not np.allclose(history["loss"], history["train_loss_eval"], rtol=0.01)


def test_the_honest_partner_takes_a_fixed_sample_or_none(lmrun):
    assert "train_loss_eval" not in lmrun(*WORDS, "train_eval=0").history
    few, again = lmrun(*WORDS, "train_eval=20").history, lmrun(*WORDS, "train_eval=20").history
    assert list(few["train_loss_eval"]) == list(again["train_loss_eval"])
    assert list(few["val_loss"]) == list(lmrun(*WORDS, "train_eval=null").history["val_loss"]), "looking changes nothing"


def test_callbacks_can_watch_the_parts_and_the_partner(lmrun):
    run = lmrun(*WORDS, "callbacks=[early_stopping]", "monitor=train_loss_eval")
    assert run.json("run.json")["monitor"] == {"name": "train_loss_eval", "direction": "min"}
    assert lmrun(*WORDS, "monitor=val_data_loss").json("run.json")["monitor"]["direction"] == "min"


def test_a_loss_that_is_no_number_ends_the_run_in_its_epoch(lmrun, tmp_path):
    run = lmrun("data=iris", "optimizer=sgd", "lr=1e30", "epochs=50", "callbacks=[csv_logger]", code=4)
    assert re.search(r"loss became nan at step 2 of 4 in epoch 1 ", run.err), run.err  # the first step's weights are too large
    assert "try optimizer.learning_rate=" in run.err
    (folder,) = tmp_path.glob("outputs/*/*_iris_*")
    assert (folder / "plots" / "curves.png").exists(), "the curves show how it came"
    assert (folder / "history.csv").exists()


def test_the_best_checkpoint_outlives_a_loss_that_is_no_number(lmrun, tmp_path):
    steps = ["optimizer/learning_rate=piecewise_constant_decay", "optimizer.learning_rate.boundaries=[8]"]
    words = [*steps, "optimizer.learning_rate.values=[0.1,1e30]", "optimizer=sgd", "callbacks=[checkpoint]", "monitor=val_loss"]
    run = lmrun("data=iris", *words, "epochs=9", "plots=[]", code=4)
    assert "at step 3 of 4 in epoch 3" in run.err, run.err  # steps 1 to 9 at 0.1, the tenth at 1e30, the eleventh sees it
    (folder,) = tmp_path.glob("outputs/*/*_iris_*")
    model = keras.models.load_model(folder / "checkpoints" / "best.keras")
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


@pytest.mark.slow
def test_a_loss_of_one_number_a_batch_counts_once_on_several_devices(shell, own_code):
    """Keras divides a loss of a value a row by the number of devices, and one of a single number not."""
    text = "from keras import ops\n\ndef whole(y_true, y_pred):\n    return ops.mean((y_true - y_pred) ** 2)\n"
    own_code("my_losses", text)
    words = ["data=linear", "loss=my_losses.whole", "epochs=1", "plots=[]", "batch_size=40", "threads=2", "train_eval=0"]
    one, two = shell(*words).history, shell("device=cpu:0+1", *words).history
    for name in ("data_loss", "val_data_loss"):
        np.testing.assert_allclose(two[name], one[name], rtol=1e-4, err_msg=name)


ADDS = """
    import keras
    from keras import layers, ops

    @keras.saving.register_keras_serializable()
    class Weighed(layers.Layer):
        def call(self, inputs):
            self.add_loss(0.5 * ops.mean(ops.square(inputs)))
            return inputs

    def net(task):
        inputs = keras.Input(task.input_shape)
        x = Weighed(name="weighed")(layers.Dense(8, "relu", kernel_regularizer="l2")(inputs))
        x = layers.Dense(4, activity_regularizer=keras.regularizers.L2(0.1), name="quiet")(x)
        return keras.Model(inputs, layers.Dense(task.units, task.activation)(x))
"""


def test_what_layers_add_has_a_column_each_and_all_parts_make_the_loss(lmrun, own_code):
    own_code("my_models", ADDS)
    history = lmrun(*WORDS, "model=my_models.net").history
    for part in ("", "val_"):
        added = history[f"{part}weighed_loss"] + history[f"{part}quiet_loss"]
        assert (history[f"{part}weighed_loss"] > 0).all()
        total = history[f"{part}data_loss"] + history[f"{part}regularization"] + added
        np.testing.assert_allclose(total, history[f"{part}loss"], rtol=1e-5)


def test_what_a_layer_adds_equals_numpy(lmrun, own_code):
    own_code("my_models", ADDS)
    words = ["model=my_models.net", "callbacks=[checkpoint]", "callbacks.checkpoint.save_best_only=false", "epochs=1"]
    run = lmrun(*WORDS, *words, "validation_batch_size=1000")
    model = keras.models.load_model(run.folder / "checkpoints" / "best.keras", compile=False)
    from sklearn.datasets import load_iris

    x = load_iris().data[run.predictions["val_rows"]].astype("float32")
    hidden = keras.Model(model.input, model.layers[1].output).predict(x, verbose=0)
    assert run.history["val_weighed_loss"].iloc[-1] == pytest.approx(0.5 * np.mean(hidden**2), rel=1e-4)
