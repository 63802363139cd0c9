"""How rows reach the model: in memory on its device once, in an order that is a function of (seed, epoch) alone.

Keras' `fit` on arrays copies every batch from the host and repeats one order in every epoch when it is seeded. Here
`fit` keeps its loop and its callbacks, and its train function is given row numbers: a loop inside the graph gathers the
batches where the data already is and takes many steps in one execution. What a plain graph loop cannot do (several
devices, eager runs, a model with its own `train_step`) goes through tf.data in the same order.
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from lossmetric_cli.feed.brake import PAUSE, RUN, STOP, Brake
from lossmetric_cli.feed.on_device import DeviceFeed
from lossmetric_cli.feed.piped import Feed, StreamFeed
from lossmetric_cli.feed.rows import LARGE_BATCH, Pace, Rows, order

__all__ = ["LARGE_BATCH", "PAUSE", "RUN", "STOP", "Brake", "DeviceFeed", "Feed", "Pace", "Rows", "StreamFeed", "make", "order"]


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
