"""How rows reach the model: in memory on its device once, in an order that is a function of (seed, epoch) alone.

Keras' `fit` on arrays copies every batch from the host and repeats one order in every epoch when it is seeded. Here
`fit` keeps its loop and its callbacks, and its train function is given row numbers: a loop inside the graph gathers the
batches where the data already is and takes many steps in one execution. What a plain graph loop cannot do (several
devices, eager runs, a model with its own `train_step`) goes through tf.data in the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

#: Steps in one execution, unless told otherwise: few enough for a callback to be heard every second or so.
LONGEST_EXECUTION = 1024
#: Rows of a validation batch, unless told otherwise, and the cells of its answers at most: 32 MB.
LARGE_BATCH = 1024
LARGEST_ANSWER = 2**23


@dataclass(frozen=True)
class Rows:
    """Inputs (rows, …) and encoded labels (rows, …) of one part of the data; dicts of them for several inputs or outputs.

    `weights` is what each row counts in the loss, (rows,) or a dict by output, None where all count the same;
    `training_weights` is that while training, where classes are weighted too.
    """

    x: Any
    y: Any
    weights: Any = None
    training_weights: Any = None

    def __len__(self) -> int:
        return len(tf.nest.flatten(self.x)[0])

    def first(self, count: int) -> Any:
        """Return the inputs of so many rows."""
        return tf.nest.map_structure(lambda array: array[:count], self.x)

    def at(self, rows: np.ndarray) -> Rows:
        """Return some of the rows, as they are judged."""
        return Rows(*tf.nest.map_structure(lambda array: array[rows], self.judged))

    @property
    def judged(self) -> tuple[Any, ...]:
        """What `evaluate` is given: inputs and labels, and weights if there are any."""
        return (self.x, self.y) if self.weights is None else (self.x, self.y, self.weights)

    @property
    def trained(self) -> tuple[Any, ...]:
        """What a training step is given."""
        weights = self.weights if self.training_weights is None else self.training_weights
        return (self.x, self.y) if weights is None else (self.x, self.y, weights)


@dataclass(frozen=True)
class Pace:
    """How rows are cut: rows a batch, batches an epoch, batches an execution, rows a validation batch.

    `columns` are those of an answer, of several outputs all together.
    """

    batch: int
    steps: int
    steps_per_execution: int
    validation_batch: int
    columns: int = 1

    @classmethod
    def of(
        cls,
        rows: int,
        *,
        batch_size: int,
        steps_per_epoch: int | None,
        steps_per_execution: int | None,
        validation: int | None,
        columns: int = 1,
    ) -> Pace:
        """Return the pace for so many training rows; settings that are None are decided here."""
        steps = min(-(-rows // batch_size), steps_per_epoch or rows)
        large = max(1, min(LARGE_BATCH, LARGEST_ANSWER // columns))
        execution = min(steps_per_execution or LONGEST_EXECUTION, steps)
        return cls(batch_size, steps, execution, validation or large, columns)


def order(seed: int, epoch: Any, rows: int) -> tf.Tensor:
    """Return the row numbers of an epoch, int32 (rows,): a permutation that depends on (seed, epoch) alone."""
    return tf.random.experimental.stateless_shuffle(
        tf.range(rows), tf.stack([tf.cast(seed, tf.int64), tf.cast(epoch, tf.int64)])
    )


class Feed:
    """The rows of a run, and the arguments that make `model.fit` and `model.evaluate` draw from them."""

    def __init__(self, parts: dict[str, Rows], *, pace: Pace, seed: int) -> None:
        self.parts = parts
        self.pace = pace
        self.seed = seed

    def fit_arguments(self, model: keras.Model, *, first_epoch: int = 0) -> dict[str, Any]:
        """Return what `fit` needs to train `model`, a compiled one, on these rows."""
        return self._pipeline(model, first_epoch)

    def retrace(self, model: keras.Model) -> None:
        """Let a model in the middle of `fit` train what is trainable now, with the optimizer that it has now."""
        model.make_train_function(force=True)
        model.make_test_function(force=True)

    def evaluate(self, model: keras.Model, part: str) -> dict[str, float]:
        """Return the loss and metrics of the model's present weights, in inference mode, by name."""
        x, y, *weights = self.parts[part].judged
        batch = self._evaluation_batch(model, part)
        return model.evaluate(x, y, sample_weight=next(iter(weights), None), batch_size=batch, verbose=0, return_dict=True)

    def predict(self, model: keras.Model, part: str, rows: Any = slice(None)) -> Any:
        """Return what the model's present weights answer for a part, or some of its rows, (rows, columns).

        Of several outputs it is a dict of that.
        """
        x = tf.nest.map_structure(lambda array: array[rows], self.parts[part].x)
        return model.predict(x, batch_size=self._evaluation_batch(model, part), verbose=0)

    def _pipeline(self, model: keras.Model, first_epoch: int) -> dict[str, Any]:
        rows = self.parts["train"]
        tensors = tf.nest.map_structure(tf.constant, rows.trained)

        def batches(epoch: tf.Tensor) -> tf.data.Dataset:
            numbers = order(self.seed, epoch, len(rows))[: self.pace.steps * self.pace.batch]
            return tf.data.Dataset.from_tensor_slices(numbers).batch(self.pace.batch)

        dataset = tf.data.Dataset.range(first_epoch, tf.int64.max).flat_map(batches)
        dataset = dataset.map(lambda numbers: _gathered(tensors, numbers)).prefetch(2)
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
        return model.evaluate(self._in_turn(model, part), verbose=0, return_dict=True)

    def predict(self, model: keras.Model, part: str, rows: Any = slice(None)) -> Any:
        """Return what the model's present weights answer for a part, or some of its rows, as `Feed.predict` does."""
        return model.predict(self._in_turn(model, part, rows).map(lambda x, *_: x), verbose=0)

    def _pipeline(self, model: keras.Model, first_epoch: int) -> dict[str, Any]:
        rows = self.parts["train"]
        used = min(len(rows), self.pace.steps * self.pace.batch)

        def batches(epoch: tf.Tensor) -> tf.data.Dataset:
            numbers = order(self.seed, epoch, len(rows))[:used]
            return tf.data.Dataset.from_tensor_slices(numbers).batch(self.pace.batch)

        dataset = tf.data.Dataset.range(first_epoch, tf.int64.max).flat_map(batches)
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

        return numbers.map(read).prefetch(2)


class DeviceFeed(Feed):
    """A Feed whose rows lie on the model's device and are gathered there, inside the graph."""

    def __init__(self, parts: dict[str, Rows], *, pace: Pace, seed: int) -> None:
        super().__init__(parts, pace=pace, seed=seed)
        self._numbers = {part: number for number, part in enumerate(parts)}
        self._tensors = [tf.nest.map_structure(tf.constant, rows.judged) for rows in parts.values()]

    def fit_arguments(self, model: keras.Model, *, first_epoch: int = 0) -> dict[str, Any]:
        """Return what `fit` needs, with the model's train and test functions set to draw from the device."""
        self.retrace(model)
        longest = self.pace.steps_per_execution * self.pace.batch
        rows = len(self.parts["train"])
        used = min(rows, self.pace.steps * self.pace.batch)

        def executions(epoch: tf.Tensor) -> tf.data.Dataset:
            numbers = order(self.seed, epoch, rows)[:used]
            starts = tf.data.Dataset.range(0, used, longest)
            return starts.map(lambda start: numbers[start : start + longest])

        dataset = tf.data.Dataset.range(first_epoch, tf.int64.max).flat_map(executions).prefetch(1)
        arguments: dict[str, Any] = {"x": dataset, "shuffle": False, "steps_per_epoch": -(-used // longest)}
        if "val" in self.parts:
            arguments["validation_data"] = self._numbered("val")
        return arguments

    def retrace(self, model: keras.Model) -> None:
        """Let a model in the middle of `fit` train what is trainable now, with the optimizer that it has now."""
        model.train_function = self._train_function(model)
        model.test_function = self._test_function(model)

    def evaluate(self, model: keras.Model, part: str) -> dict[str, float]:
        """Return the loss and metrics of the model's present weights, in inference mode, by name."""
        return model.evaluate(self._numbered(part), verbose=0, return_dict=True)

    def _numbered(self, part: str) -> tf.data.Dataset:
        return tf.data.Dataset.from_tensors(self._numbers[part])

    def _train_function(self, model: keras.Model) -> Callable[[Any], dict[str, tf.Tensor]]:
        """Return a train function for `fit` that takes the row numbers of one execution from its iterator."""
        rows = self.parts["train"]
        tensors = self._tensors[self._numbers["train"]]
        if rows.training_weights is not None:
            tensors = (*tensors[:2], tf.nest.map_structure(tf.constant, rows.training_weights))
        step = _compiled(model.train_step, model)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.int32)], autograph=False)
        def execute(numbers: tf.Tensor) -> dict[str, tf.Tensor]:
            def take(start: tf.Tensor, end: tf.Tensor) -> None:
                step(_gathered(tensors, numbers[start:end]))

            _in_batches(tf.shape(numbers)[0], self.pace.batch, take)
            return model.get_metrics_result()

        return lambda iterator: execute(next(iterator))

    def _test_function(self, model: keras.Model) -> Callable[[Any], dict[str, tf.Tensor]]:
        """Return a test function for `evaluate` that takes the number of a part from its iterator."""
        step = _compiled(model.test_step, model)

        one = self._tensors[0]
        signature = tf.nest.map_structure(lambda tensor: tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype), one)

        @tf.function(input_signature=[signature], autograph=False)
        def execute(rows: Any) -> dict[str, tf.Tensor]:
            def take(start: tf.Tensor, end: tf.Tensor) -> None:
                step(tf.nest.map_structure(lambda tensor: tensor[start:end], rows))

            _in_batches(tf.shape(tf.nest.flatten(rows)[0])[0], self.pace.validation_batch, take)
            return model.get_metrics_result()

        return lambda iterator: execute(self._tensors[int(next(iterator))])


def make(parts: dict[str, Rows], model: keras.Model, *, pace: Pace, seed: int) -> Feed:
    """Return the fastest feed that `model`, a compiled one, allows."""
    has_own_step = any(
        getattr(type(model), name) is not getattr(keras.Model, name)
        for name in ("train_step", "test_step", "make_train_function")
    )
    is_on_disk = not all(isinstance(array, np.ndarray) for rows in parts.values() for array in tf.nest.flatten(rows.x))
    if is_on_disk:
        return StreamFeed(parts, pace=pace, seed=seed)
    several_devices = model.distribute_strategy.num_replicas_in_sync > 1
    kind = Feed if has_own_step or several_devices or model.run_eagerly else DeviceFeed
    return kind(parts, pace=pace, seed=seed)


def _gathered(tensors: Any, numbers: tf.Tensor) -> Any:
    """Return the rows of these numbers of every tensor."""
    return tf.nest.map_structure(lambda tensor: tf.gather(tensor, numbers), tensors)


def _compiled(step: Callable[[Any], Any], model: keras.Model) -> Callable[[Any], Any]:
    """Return a step as XLA compiles it where the model was compiled so; the loop around it stays TensorFlow's."""
    return tf.function(step, jit_compile=True, reduce_retracing=True, autograph=False) if model.jit_compile else step


def _in_batches(rows: tf.Tensor, batch: int, take: Callable[[tf.Tensor, tf.Tensor], None]) -> None:
    """Call `take(start, end)` for each batch of so many rows, in order, inside a graph."""

    def body(start: tf.Tensor) -> tuple[tf.Tensor]:
        take(start, tf.minimum(start + batch, rows))
        return (start + batch,)

    tf.while_loop(lambda start: start < rows, body, (tf.constant(0),), parallel_iterations=1)
