"""Rows that lie on the model's device and are gathered there, many steps in one execution of a graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from lossmetric_cli.feed.brake import PAUSE, STOP
from lossmetric_cli.feed.piped import Feed
from lossmetric_cli.feed.rows import Pace, Rows, gathered, order, plain


class DeviceFeed(Feed):
    """A Feed whose rows lie on the model's device and are gathered there, inside the graph."""

    def __init__(self, parts: dict[str, Rows], *, pace: Pace, seed: int) -> None:
        super().__init__(parts, pace=pace, seed=seed)
        self._numbers = {part: number for number, part in enumerate(parts)}
        self._tensors = [tf.nest.map_structure(tf.constant, rows.judged) for rows in parts.values()]

    @property
    def executions(self) -> int:
        """How often `fit` calls the train function in an epoch."""
        return -(-self.pace.steps // self.pace.steps_per_execution)

    def knows_batches(self, model: keras.Model) -> bool:
        """Return True: the train function is the feed's own."""
        return True

    def fit_arguments(self, model: keras.Model, *, first_epoch: int = 0, done: int = 0) -> dict[str, Any]:
        """Return what `fit` needs, with the model's train and test functions set to draw from the device."""
        self._calls, self._skipped = 0, done
        self.retrace(model)
        longest = self.pace.steps_per_execution * self.pace.batch
        rows = len(self.parts["train"])
        used = min(rows, self.pace.steps * self.pace.batch)

        def executions(epoch: tf.Tensor) -> tf.data.Dataset:
            numbers = order(self.seed, epoch, rows)[:used]
            starts = tf.data.Dataset.range(0, used, longest)
            return starts.map(lambda start: numbers[start : start + longest])

        dataset = plain(tf.data.Dataset.range(first_epoch, tf.int64.max).flat_map(executions).prefetch(1))
        arguments: dict[str, Any] = {"x": dataset, "shuffle": False, "steps_per_epoch": self.executions}
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
        return plain(tf.data.Dataset.from_tensors(self._numbers[part]))

    def _train_function(self, model: keras.Model) -> Callable[[Any], dict[str, tf.Tensor]]:
        """Return a train function for `fit` that takes the row numbers of one execution from its iterator."""
        rows = self.parts["train"]
        tensors = self._tensors[self._numbers["train"]]
        if rows.training_weights is not None:
            tensors = (*tensors[:2], tf.nest.map_structure(tf.constant, rows.training_weights))
        step = _compiled(model.train_step, model)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.int32), tf.TensorSpec([], tf.int32)], autograph=False)
        def execute(numbers: tf.Tensor, first: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
            def take(start: tf.Tensor, end: tf.Tensor) -> None:
                step(gathered(tensors, numbers[start:end]))

            last = self._in_batches(tf.shape(numbers)[0], self.pace.batch, take, first=first, until=PAUSE)
            return last, model.get_metrics_result()

        def train(iterator: Any) -> dict[str, tf.Tensor]:
            numbers, before = next(iterator), self.enter() * self.pace.steps_per_execution
            batches, logs = -(-len(numbers) // self.pace.batch), None
            while self.done < before + batches and not self.is_lost():
                last, logs = execute(numbers, (self.done - before) * self.pace.batch)
                self.done = before + -(-int(last) // self.pace.batch)
                if self.brake.level:
                    self.at_pause()
            return model.get_metrics_result() if logs is None else logs

        return train

    def _test_function(self, model: keras.Model) -> Callable[[Any], dict[str, tf.Tensor]]:
        """Return a test function for `evaluate` that takes the number of a part from its iterator."""
        step = _compiled(model.test_step, model)

        one = self._tensors[0]
        signature = tf.nest.map_structure(lambda tensor: tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype), one)

        @tf.function(input_signature=[signature], autograph=False)
        def execute(rows: Any) -> dict[str, tf.Tensor]:
            def take(start: tf.Tensor, end: tf.Tensor) -> None:
                step(tf.nest.map_structure(lambda tensor: tensor[start:end], rows))

            self._in_batches(tf.shape(tf.nest.flatten(rows)[0])[0], self.pace.validation_batch, take, first=0, until=STOP)
            return model.get_metrics_result()

        return lambda iterator: execute(self._tensors[int(next(iterator))])

    def _in_batches(
        self, rows: tf.Tensor, batch: int, take: Callable[[tf.Tensor, tf.Tensor], None], *, first: Any, until: int
    ) -> tf.Tensor:
        """Call `take(start, end)` for each batch from row `first` on, inside a graph; return the row that it ended before.

        It ends early once the brake is pressed to the level `until`.
        """

        def body(start: tf.Tensor) -> tuple[tf.Tensor]:
            self.pulse.beat_in_graph()
            take(start, tf.minimum(start + batch, rows))
            return (start + batch,)

        def goes_on(start: tf.Tensor) -> tf.Tensor:
            return tf.logical_and(start < rows, self.brake.variable < until)

        (last,) = tf.while_loop(goes_on, body, (tf.convert_to_tensor(first),), parallel_iterations=1)
        return last


def _compiled(step: Callable[[Any], Any], model: keras.Model) -> Callable[[Any], Any]:
    """Return a step as XLA compiles it where the model was compiled so; the loop around it stays TensorFlow's."""
    return tf.function(step, jit_compile=True, reduce_retracing=True, autograph=False) if model.jit_compile else step
