"""The gap taken apart: its parts add up, equal independent computations, and measuring them leaves no trace."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from lossmetric_cli import anatomy, feed, gap
from lossmetric_cli.outputs import Output
from lossmetric_cli.task import Task

PARTS = ("running_mean", "mode", "weights", "generalisation")
ROWS, BATCH = 70, 16  # four full batches and one of six rows


def of_run(run):
    return run.json("run.json")["gap"]


def rows_of(kind=feed.Rows, *, count=ROWS, **more):
    random = np.random.default_rng(0)
    x = random.normal(size=(count + 40, 5)).astype("float32")
    y = (x[:, :1] + random.normal(size=(count + 40, 1)) > 0).astype("float32")
    return {"train": kind(x[:count], y[:count], **more), "val": feed.Rows(x[count:], y[count:])}


def net(*layers, penalty=None):
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    dense = keras.layers.Dense(8, "relu", kernel_regularizer=penalty)
    model = keras.Sequential([keras.Input((5,)), dense, *layers, keras.layers.Dense(1, "sigmoid")])
    model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy", metrics=[keras.metrics.AUC(name="auc")])
    return model


def trained(model, parts, *, epochs=3, batch=BATCH):
    """Return the feed, the last epoch's logs and the gap of a model trained with `gap.Gap`."""
    pace = feed.Pace.of(len(parts["train"]), batch_size=batch, steps_per_epoch=None, steps_per_execution=None, validation=None)
    rows, told = feed.make(parts, model, pace=pace, seed=3), []
    callbacks = [gap.Gap(rows, told.append)]
    history = model.fit(**rows.fit_arguments(model), epochs=epochs, verbose=0, callbacks=callbacks).history
    return rows, {name: values[-1] for name, values in history.items()}, told[0] if told else None


def cross_entropy(model, rows, numbers):
    """Return the mean loss of rows in inference mode, in NumPy."""
    p = np.asarray(model(rows.x[numbers], training=False), dtype="float64")
    y = rows.y[numbers]
    return float(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))


def test_parts_add_up_to_loss_minus_val_loss(lmrun):
    run = lmrun("data=digits", "model.dropout=0.5", "model.l2=0.01", "epochs=2", "plots=[]")
    found, last = of_run(run), run.history.iloc[-1]
    assert (found["epoch"], found["loss"], found["val_loss"]) == (2, last["loss"], last["val_loss"])
    assert sum(found[part] for part in PARTS) == pytest.approx(last["loss"] - last["val_loss"], abs=1e-12)


def test_with_one_batch_an_epoch_the_running_mean_is_all_of_it(lmrun):
    run = lmrun("experiment=page1", "epochs=5", "plots=[]")
    found, history = of_run(run), run.history
    assert found["running_mean"] == pytest.approx(history["loss"].iloc[-1] - history["val_loss"].iloc[-1], abs=1e-7)
    assert [found["mode"], found["weights"]] == [0, 0]


def test_on_the_same_rows_nothing_is_generalisation(lmrun):
    assert of_run(lmrun("data=digits", "validation=train", "epochs=2", "plots=[]"))["generalisation"] == pytest.approx(
        0, abs=1e-6
    )


def test_generalisation_is_the_honest_partner_minus_val_loss(lmrun):
    run = lmrun("data=iris", "train_eval=null", "model.batch_norm=true", "epochs=3", "plots=[]")
    last = run.history.iloc[-1]
    assert of_run(run)["generalisation"] == pytest.approx(last["train_loss_eval"] - last["val_loss"], abs=1e-6)


def test_dropout_is_in_the_mode():
    model = net(keras.layers.Dropout(0.5))
    parts = rows_of()
    _, _, found = trained(model, parts)
    without = net(keras.layers.Dropout(0.0))
    assert found["mode"] > 0.01
    assert trained(without, parts)[2]["mode"] == pytest.approx(0, abs=1e-7)


def test_mode_of_batch_normalization_is_the_batches_statistics_against_the_running_ones():
    model, parts = net(keras.layers.BatchNormalization()), rows_of()
    rows, logs, found = trained(model, parts)
    numbers = feed.order(rows.seed, 2, ROWS).numpy()
    plain = cross_entropy(model, parts["train"], numbers)
    assert found["running_mean"] + found["mode"] == pytest.approx(logs["loss"] - plain, abs=1e-5)
    first, norm, last = model.layers
    losses = []
    for start in range(0, ROWS, BATCH):
        at = numbers[start : start + BATCH]
        hidden = np.asarray(first(parts["train"].x[at]), dtype="float64")
        hidden = (hidden - hidden.mean(axis=0)) / np.sqrt(hidden.var(axis=0) + norm.epsilon)
        answers = np.asarray(last(hidden * np.asarray(norm.gamma) + np.asarray(norm.beta)), dtype="float64")
        y = parts["train"].y[at]
        losses += list(-(y * np.log(answers) + (1 - y) * np.log(1 - answers))[:, 0])
    assert found["mode"] == pytest.approx(np.mean(losses) - plain, abs=1e-4)


def test_a_penalty_is_in_no_part():
    model, parts = net(penalty=keras.regularizers.L2(0.1)), rows_of()
    _, logs, found = trained(model, parts)
    penalty = 0.1 * float((np.asarray(model.layers[0].kernel) ** 2).sum())
    expected = cross_entropy(model, parts["train"], np.arange(ROWS)) + penalty - logs["val_loss"]
    assert found["generalisation"] == pytest.approx(expected, abs=1e-5)
    assert found["mode"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("penalty", [None, keras.regularizers.L2(0.1)], ids=["plain", "penalty"])
def test_a_loss_that_is_the_same_in_training_is_that_of_the_graphs(penalty, monkeypatch):
    """Where every layer does the same in training one evaluation stands for the three measured losses."""
    model, parts = net(penalty=penalty), rows_of()
    output = Output("", Task("binary", (5,), 1), keras.losses.BinaryCrossentropy(), "dense", "sigmoid")
    anatomy.attach(model, [output], is_weighted=False)
    rows, logs, found = trained(model, parts)
    monkeypatch.setattr(gap, "_mean_of_all", lambda *_: None)
    measured = gap.measure(model, rows, epoch=2, logs={"loss": logs["loss"], "val_loss": logs["val_loss"]})
    assert found["mode"] == found["weights"] == 0
    for part in PARTS:
        assert found[part] == pytest.approx(measured[part], abs=1e-6), part


@pytest.mark.parametrize(
    "layer", [lambda: keras.layers.Dropout(0.5), lambda: keras.layers.ActivityRegularization(0.1)], ids=["dropout", "activity"]
)
def test_a_layer_that_may_differ_in_training_is_measured(layer):
    model, parts = net(layer()), rows_of()
    rows, _, _ = trained(model, parts)
    assert gap._mean_of_all(model, rows, np.arange(ROWS)) is None


def test_class_weights_are_a_part_of_their_own():
    """The loss of a weighted row is its weight times its loss, over the number of rows."""
    parts = rows_of()
    model = net()
    pace = feed.Pace.of(ROWS, batch_size=BATCH, steps_per_epoch=None, steps_per_execution=None, validation=None)
    weights = np.linspace(0, 4, ROWS).astype("float32")
    weighted = feed.Rows(parts["train"].x, parts["train"].y, training_weights=weights)
    rows = feed.Feed({**parts, "train": weighted}, pace=pace, seed=3)
    val_loss = rows.evaluate(model, "val")["loss"]
    found = gap.measure(model, rows, epoch=0, logs={"loss": 1.0, "val_loss": val_loss})
    p = np.asarray(model(weighted.x), dtype="float64")
    by_row = -(weighted.y * np.log(p) + (1 - weighted.y) * np.log(1 - p))[:, 0]
    assert found["weights"] == pytest.approx((weights * by_row).mean() - by_row.mean(), abs=1e-5)
    assert found["running_mean"] == pytest.approx(1 - (weights * by_row).mean(), abs=1e-5)


def test_it_measures_the_last_epochs_weights_and_not_those_that_early_stopping_puts_back(lmrun):
    words = ["data=page1", "epochs=40", "lr=0.03", "callbacks=[early_stopping]", "plots=[]"]
    run = lmrun(*words, "callbacks.early_stopping.patience=3", "train_eval=null")
    found, last = of_run(run), run.history.iloc[-1]
    assert run.json("metrics.json")["best"]["val_loss"]["epoch"] < found["epoch"] == len(run.history)
    assert found["generalisation"] == pytest.approx(last["train_loss_eval"] - last["val_loss"], abs=1e-6)


def test_without_validation_there_are_three_parts(lmrun):
    found = of_run(lmrun("data=iris", "validation=none", "epochs=2", "plots=[]"))
    assert found["val_loss"] is None
    assert set(PARTS) & set(found) == {"running_mean", "mode", "weights"}


def state(model):
    return [np.array(variable) for variable in (*model.variables, *model.metrics_variables, *model.optimizer.variables)]


def test_measuring_leaves_no_trace():
    """Weights, batch statistics, seeds, the optimizer, metrics, and what training goes on to."""
    outcomes = []
    for is_measured in (True, False):
        model = net(keras.layers.BatchNormalization(), keras.layers.Dropout(0.5))
        rows, logs, _ = trained(model, rows_of())
        if is_measured:
            model.reset_metrics()
            before = state(model)
            gap.measure(model, rows, epoch=2, logs=logs)
            assert all(map(np.array_equal, before, state(model)))
        further = model.fit(**rows.fit_arguments(model, first_epoch=3), epochs=2, verbose=0).history
        outcomes.append([*further["loss"], *further["val_loss"], *rows.predict(model, "val").ravel()])
    assert outcomes[0] == outcomes[1]


def test_an_average_of_weights_is_left_out_with_the_reason(lmrun):
    found = of_run(lmrun("data=iris", "optimizer.use_ema=true", "epochs=2", "plots=[]"))
    assert "not those that val_loss was measured with" in found["left_out"]
    assert "mode" not in found


def test_a_train_step_of_ones_own_is_left_out_with_the_reason(lmrun, own_code):
    own_code(
        "mine",
        """
        import keras
        class Net(keras.Model):
            def train_step(self, data):
                return super().train_step(data)
        def net(task):
            x = keras.Input(task.input_shape)
            return Net(x, keras.layers.Dense(task.units, "softmax")(x))
        """,
    )
    assert "train_step of its own" in of_run(lmrun("data=iris", "model=mine.net", "epochs=1", "plots=[]"))["left_out"]


def test_a_model_whose_call_knows_no_training_is_measured(lmrun, own_code):
    own_code(
        "mine",
        """
        import keras
        class Net(keras.Model):
            def __init__(self, units):
                super().__init__()
                self.head = keras.layers.Dense(units, "softmax")
            def call(self, x):
                return self.head(x)
        def net(task):
            return Net(task.units)
        """,
    )
    found = of_run(lmrun("data=iris", "model=mine.net", "loss=categorical_crossentropy", "epochs=1", "plots=[]"))
    assert found["mode"] == pytest.approx(0, abs=1e-6)


def test_an_eager_run_is_measured_without_a_graph(lmrun):
    words = ["data=iris", "epochs=1", "plots=[]"]
    eager, traced = of_run(lmrun(*words, "run_eagerly=true")), of_run(lmrun(*words))
    assert {part: eager[part] for part in PARTS} == pytest.approx({part: traced[part] for part in PARTS}, abs=1e-5)


def test_of_many_rows_it_takes_a_seeded_sample_of_whole_batches():
    count = gap.MOST_ROWS + 5000
    model, parts = net(), rows_of(count=count)
    rows, logs, found = trained(model, parts, epochs=1, batch=1000)
    assert (found["rows"], found["of"]) == (gap.MOST_ROWS, count)
    everything = cross_entropy(model, parts["train"], np.arange(count))
    assert found["generalisation"] == pytest.approx(everything - logs["val_loss"], abs=0.01)
    assert gap.measure(model, rows, epoch=0, logs=logs) == pytest.approx(found)


class Noise(keras.layers.Layer):
    """Noise from Keras' common generator, as a layer without a seed of its own draws it."""

    def call(self, x, training=False):
        return x + keras.random.normal(tf.shape(x)) if training else x


def test_random_operations_without_a_seed_go_on_as_if_nothing_had_been_measured():
    drawn = []
    for is_measured in (True, False):
        model = net(Noise())
        rows, logs, _ = trained(model, rows_of())
        if is_measured:
            gap.measure(model, rows, epoch=2, logs=logs)
        drawn.append(float(keras.random.normal(())))
    assert drawn[0] == drawn[1]
