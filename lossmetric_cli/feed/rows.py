"""Rows as they are fed, how they are cut into batches, and the order of an epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

#: Steps in one execution, unless told otherwise; it ends early where somebody wants to be heard.
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


def gathered(tensors: Any, numbers: tf.Tensor) -> Any:
    """Return the rows of these numbers of every tensor."""
    return tf.nest.map_structure(lambda tensor: tf.gather(tensor, numbers), tensors)


def plain(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Return a dataset that runs as it is written.

    tf.data would tune it from a thread of its own, which sleeps up to a minute, and a process that is to end waits for it.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
