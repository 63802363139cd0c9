"""How rows reach the model: the device's loop gives what one step at a time gives, in an order of (seed, epoch) alone."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from lossmetric_cli import feed

ROWS, BATCH = 70, 16  # four full batches and one of six rows


def parts(seed=0):
    random = np.random.default_rng(seed)
    x = random.normal(size=(ROWS + 40, 5)).astype("float32")
    y = (x[:, :1] > 0).astype("float32")
    return {"train": feed.Rows(x[:ROWS], y[:ROWS]), "val": feed.Rows(x[ROWS:], y[ROWS:])}


def compiled(**options):
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((5,)), keras.layers.Dense(8, "relu"), keras.layers.Dropout(0.4), keras.layers.Dense(1, "sigmoid")]
    )
    metrics = [keras.metrics.BinaryAccuracy(name="accuracy"), keras.metrics.AUC(name="auc")]
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=metrics, **options)
    return model


def trained(kind, *, steps_per_execution=None, validation=None, epochs=3):
    model = compiled()
    pace = feed.Pace.of(
        ROWS, batch_size=BATCH, steps_per_epoch=None, steps_per_execution=steps_per_execution, validation=validation
    )
    rows = kind(parts(), pace=pace, seed=3)
    history = model.fit(**rows.fit_arguments(model), epochs=epochs, verbose=0).history
    return model, rows, history


def test_order_is_a_permutation_of_the_rows():
    assert sorted(feed.order(3, 1, ROWS).numpy()) == list(range(ROWS))


def test_order_depends_on_seed_and_epoch_alone():
    first = feed.order(3, 1, ROWS).numpy()
    tf.random.set_seed(99)
    assert np.array_equal(first, feed.order(3, 1, ROWS).numpy())
    assert not np.array_equal(first, feed.order(3, 2, ROWS).numpy())
    assert not np.array_equal(first, feed.order(4, 1, ROWS).numpy())


def test_keras_repeats_one_order_when_seeded_and_we_do_not():
    """The trap that the feed mends: when Keras reshuffles seeded arrays, this test says so."""
    seen = []

    class Spy(keras.Model):
        def train_step(self, data):
            tf.py_function(lambda x: seen.append(x.numpy().ravel().tolist()), [data[0]], [])
            return {"loss": tf.constant(0.0)}

    keras.utils.set_random_seed(0)
    spy = Spy()
    spy.compile("sgd", "mse", run_eagerly=True)
    spy.fit(np.arange(12.0).reshape(12, 1), np.zeros((12, 1)), batch_size=12, epochs=3, verbose=0)
    assert seen[0] == seen[1] == seen[2]
    assert len({tuple(feed.order(0, epoch, 12).numpy()) for epoch in range(3)}) == 3


@pytest.mark.parametrize("steps_per_execution", [1, 2, None])
def test_many_steps_in_one_execution_equal_one_at_a_time(steps_per_execution):
    reference, _, history = trained(feed.Feed)
    model, _, other = trained(feed.DeviceFeed, steps_per_execution=steps_per_execution)
    for ours, theirs in zip(model.get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert history.keys() == other.keys()
    for name in history:
        np.testing.assert_allclose(other[name], history[name], rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("batch", [7, 16, 40, 1000])
def test_validation_batches_of_any_size_give_the_same_figures(batch):
    model, rows, _ = trained(feed.DeviceFeed, validation=batch)
    scores = rows.evaluate(model, "val")
    predicted = np.clip(model.predict(parts()["val"].x, verbose=0), 1e-7, 1 - 1e-7)
    true = parts()["val"].y
    assert scores["loss"] == pytest.approx(-(true * np.log(predicted) + (1 - true) * np.log(1 - predicted)).mean(), rel=1e-5)
    assert scores["accuracy"] == pytest.approx(((predicted > 0.5) == true).mean())


def test_each_part_is_scored_on_its_own_rows():
    model, rows, _ = trained(feed.DeviceFeed)
    for part, own in parts().items():
        plain = compiled()
        plain.set_weights(model.get_weights())
        expected = plain.evaluate(own.x, own.y, verbose=0, return_dict=True)
        assert rows.evaluate(model, part) == pytest.approx(expected, rel=1e-5)


def test_validation_changes_no_weight():
    model, rows, _ = trained(feed.DeviceFeed, epochs=1)
    before = [weight.copy() for weight in model.get_weights()]
    rows.evaluate(model, "val")
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_a_model_with_its_own_train_step_is_fed_batches():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1)

        def call(self, x):
            return self.dense(x)

        def train_step(self, data):
            return super().train_step(data)

    model = Own()
    model.compile("sgd", "mse")
    pace = feed.Pace.of(ROWS, batch_size=BATCH, steps_per_epoch=None, steps_per_execution=None, validation=None)
    rows = feed.make(parts(), model, pace=pace, seed=0)
    assert type(rows) is feed.Feed
    history = model.fit(**rows.fit_arguments(model), epochs=2, verbose=0).history
    assert history["loss"][1] < history["loss"][0]


def test_steps_per_epoch_takes_the_first_batches_of_the_epochs_order():
    pace = feed.Pace.of(ROWS, batch_size=BATCH, steps_per_epoch=2, steps_per_execution=None, validation=None)
    assert pace.steps == 2
    model = compiled()
    rows = feed.DeviceFeed(parts(), pace=pace, seed=0)
    model.fit(**rows.fit_arguments(model), epochs=3, verbose=0)
    assert int(model.optimizer.iterations.numpy()) == 6


@pytest.mark.parametrize("kind", [feed.DeviceFeed, feed.Feed])
def test_every_loop_over_batches_shows_a_pulse(kind):
    model, pace = compiled(), feed.Pace.of(ROWS, batch_size=BATCH, steps_per_epoch=None, steps_per_execution=None, validation=8)
    rows = kind(parts(), pace=pace, seed=3)
    assert rows.pulse.listeners == []
    rows.pulse.start()
    counts = [rows.pulse.count]
    model.fit(**rows.fit_arguments(model), epochs=1, verbose=0, callbacks=rows.pulse.listeners)
    counts.append(rows.pulse.count)
    rows.evaluate(model, "val")
    counts.append(rows.pulse.count)
    rows.predict(model, "val")
    counts.append(rows.pulse.count)
    trained, scored, predicted = np.diff(counts)
    assert trained >= 5 + 5  # batches of 16 rows of 70, of 8 rows of 40
    assert scored >= 5
    assert predicted >= 5


@pytest.mark.parametrize(("kind", "taken"), [(feed.DeviceFeed, 20), (feed.Feed, 32)])  # it is looked at after 16 batches
def test_the_rest_of_an_epoch_is_left_out_once_the_loss_is_no_number(kind, taken):
    model, pace = compiled(), feed.Pace.of(ROWS, batch_size=1, steps_per_epoch=None, steps_per_execution=1, validation=None)
    rows = kind(parts(), pace=pace, seed=3)
    rows.is_lost = lambda: rows.done >= 20
    model.fit(**rows.fit_arguments(model), epochs=1, verbose=0)
    assert int(model.optimizer.iterations) == taken
