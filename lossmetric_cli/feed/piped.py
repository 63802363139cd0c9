"""Rows that reach the model through tf.data: from memory, or from the disk as they are needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lossmetric_cli.feed.brake import Brake
from lossmetric_cli.feed.pulse import Pulse
from lossmetric_cli.feed.rows import Pace, Rows, gathered, order, plain

#: Batches between two looks at whether the loss is still a number.
LOOK = 16


class Feed:
    """The rows of a run, and the arguments that make `model.fit` and `model.evaluate` draw from them.

    `done` counts the batches of the present epoch that are trained. Where its `brake` is pressed, training calls
    `at_pause` between two batches, which lets go of it or raises. Once `is_lost` says that the loss is no number, the rest of
    an epoch is left out. Its `pulse` shows that batches are taken, by whatever loop.
    """

    def __init__(self, parts: dict[str, Rows], *, pace: Pace, seed: int) -> None:
        self.parts = parts
        self.pace = pace
        self.seed = seed
        self.brake = Brake()
        self.pulse = Pulse()
        self.at_pause: Callable[[], None] = self.brake.release
        self.is_lost: Callable[[], bool] = lambda: False
        self.done = 0
        self._calls = 0
        self._skipped = 0
        self._is_over = False

    @property
    def executions(self) -> int:
        """How often `fit` calls the train function in an epoch."""
        return self.pace.steps

    def knows_batches(self, model: keras.Model) -> bool:
        """Return whether `done` is kept for this model, so that its training may be left inside an epoch."""
        return type(model).make_train_function is keras.Model.make_train_function

    def fit_arguments(self, model: keras.Model, *, first_epoch: int = 0, done: int = 0) -> dict[str, Any]:
        """Return what `fit` needs to train `model`, a compiled one, on these rows.

        `first_epoch` counts from 0; `done` of its batches are trained already.
        """
        self._calls, self._skipped = 0, done
        self._count_batches(model)
        return self._pipeline(model, first_epoch, done)

    def retrace(self, model: keras.Model) -> None:
        """Let a model in the middle of `fit` train what is trainable now, with the optimizer that it has now."""
        model.make_train_function(force=True)
        model.make_test_function(force=True)
        self._count_batches(model)

    def build_metrics(self, model: keras.Model) -> None:
        """Make the variables of compiled metrics, which Keras makes with the first batch of `fit` (3.15)."""
        if model._compile_metrics is None or model._compile_metrics.built:
            return
        first = tf.nest.map_structure(lambda array: tf.convert_to_tensor(array[: self.pace.batch]), self.parts["train"].trained)
        model._symbolic_build(data_batch=first)

    def evaluate(self, model: keras.Model, part: str) -> dict[str, float]:
        """Return the loss and metrics of the model's present weights, in inference mode, by name."""
        x, y, *weights = self.parts[part].judged
        arguments = {"sample_weight": next(iter(weights), None), "batch_size": self._evaluation_batch(model, part)}
        return model.evaluate(x, y, **arguments, verbose=0, return_dict=True, callbacks=self.pulse.listeners)

    def predict(self, model: keras.Model, part: str, rows: Any = slice(None)) -> Any:
        """Return what the model's present weights answer for a part, or some of its rows, (rows, columns).

        Of several outputs it is a dict of that.
        """
        x = tf.nest.map_structure(lambda array: array[rows], self.parts[part].x)
        batch = self._evaluation_batch(model, part)
        return model.predict(x, batch_size=batch, verbose=0, callbacks=self.pulse.listeners)

    def _count_batches(self, model: keras.Model) -> None:
        """Let the model's train function count, be heard between two batches, and leave out what is trained already."""
        if not self.knows_batches(model):
            return
        model.make_train_function()
        step = getattr(model.train_function, "uncounted", model.train_function)

        def train(iterator: Any) -> Any:
            place = self.enter()
            self._is_over = self._is_over or (place % LOOK == 0 and self.is_lost())
            if place < self.done or self._is_over:
                return model.get_metrics_result()
            logs = step(iterator)
            self.done += 1
            if self.brake.level:
                self.at_pause()
            return logs

        train.uncounted = step
        model.train_function = train

    def enter(self) -> int:
        """Count a call of the train function, and return which of its epoch it is, from 0."""
        place = self._calls % self.executions
        if place == 0:
            self.done, self._skipped = self._skipped, 0
        self._calls += 1
        return place

    def _pipeline(self, model: keras.Model, first_epoch: int, done: int) -> dict[str, Any]:
        rows = self.parts["train"]
        tensors = tf.nest.map_structure(tf.constant, rows.trained)

        def batches(epoch: tf.Tensor) -> tf.data.Dataset:
            numbers = order(self.seed, epoch, len(rows))[: self.pace.steps * self.pace.batch]
            return tf.data.Dataset.from_tensor_slices(numbers).batch(self.pace.batch)

        dataset = tf.data.Dataset.range(first_epoch, tf.int64.max).flat_map(batches).skip(done)
        dataset = plain(dataset.map(lambda numbers: gathered(tensors, numbers)).prefetch(2))
        arguments = {"x": dataset, "shuffle": False, "steps_per_epoch": self.pace.steps}
        if "val" in self.parts:
            judged = self.parts["val"].judged
            arguments |= {"validation_data": judged, "validation_batch_size": self._evaluation_batch(model, "val")}
        return arguments

    def _evaluation_batch(self, model: keras.Model, part: str) -> int:
        """Return the rows of an evaluation batch, so many that the first one is shared evenly by the model's devices.

        Keras 3.15 averages the first batch over the devices to build its metrics, and fails on shares that differ.
        """
        devices = model.distribute_strategy.num_replicas_in_sync
        rows = min(self.pace.validation_batch, len(self.parts[part]))
        return max(devices, rows - rows % devices)


class StreamFeed(Feed):
    """A Feed whose inputs lie on the disk: a batch is read when it is its turn, in the same order as in memory."""

    def evaluate(self, model: keras.Model, part: str) -> dict[str, float]:
        """Return the loss and metrics of the model's present weights, in inference mode, by name."""
        return model.evaluate(self._in_turn(model, part), verbose=0, return_dict=True, callbacks=self.pulse.listeners)

    def predict(self, model: keras.Model, part: str, rows: Any = slice(None)) -> Any:
        """Return what the model's present weights answer for a part, or some of its rows, as `Feed.predict` does."""
        inputs = self._in_turn(model, part, rows).map(lambda x, *_: x)
        return model.predict(inputs, verbose=0, callbacks=self.pulse.listeners)

    def _pipeline(self, model: keras.Model, first_epoch: int, done: int) -> dict[str, Any]:
        rows = self.parts["train"]
        used = min(len(rows), self.pace.steps * self.pace.batch)

        def batches(epoch: tf.Tensor) -> tf.data.Dataset:
            numbers = order(self.seed, epoch, len(rows))[:used]
            return tf.data.Dataset.from_tensor_slices(numbers).batch(self.pace.batch)

        dataset = tf.data.Dataset.range(first_epoch, tf.int64.max).flat_map(batches).skip(done)
        arguments = {"x": self._read(dataset, rows.trained), "shuffle": False, "steps_per_epoch": self.pace.steps}
        return arguments | ({"validation_data": self._in_turn(model, "val")} if "val" in self.parts else {})

    def _in_turn(self, model: keras.Model, part: str, rows: Any = slice(None)) -> tf.data.Dataset:
        numbers = tf.data.Dataset.from_tensor_slices(np.arange(len(self.parts[part]), dtype="int32")[rows])
        return self._read(numbers.batch(self._evaluation_batch(model, part)), self.parts[part].judged)

    def _read(self, numbers: tf.data.Dataset, arrays: Any) -> tf.data.Dataset:
        """Return the rows of each batch of numbers, read while the model works on the one before."""
        leaves = tf.nest.flatten(arrays)
        specs = [tf.TensorSpec([None, *leaf.shape[1:]], leaf.dtype) for leaf in leaves]

        def read(batch: tf.Tensor) -> Any:
            found = tf.numpy_function(lambda where: [leaf[where] for leaf in leaves], [batch], [spec.dtype for spec in specs])
            shaped = [tf.ensure_shape(tensor, spec.shape) for tensor, spec in zip(found, specs, strict=True)]
            return tf.nest.pack_sequence_as(arrays, shaped)

        return plain(numbers.map(read).prefetch(2))
