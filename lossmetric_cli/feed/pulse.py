"""What shows that a run still moves: a count that grows with every batch, inside of graphs too."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


class Pulse(keras.callbacks.Callback):
    """Counts batches and epochs once it is asked to, before graphs are made; any thread may read `count`."""

    def __init__(self) -> None:
        super().__init__()
        self._is_felt = False
        self._told = 0
        with tf.device("CPU:0"):
            self._in_graphs = tf.Variable(0, dtype="int64", trainable=False)

    def start(self) -> None:
        """Count from now on."""
        self._is_felt = True

    @property
    def listeners(self) -> list[keras.callbacks.Callback]:
        """What Keras' own loops are to tell of their batches."""
        return [self] if self._is_felt else []

    @property
    def count(self) -> int:
        """How often something has moved."""
        return self._told + int(self._in_graphs)

    def beat_in_graph(self) -> None:
        """Add to a graph in the making that it counts."""
        if self._is_felt:
            self._in_graphs.assign_add(1)

    def _beat(self, *_: Any, **__: Any) -> None:
        self._told += 1

    on_train_batch_end = on_test_batch_end = on_predict_batch_end = on_epoch_begin = on_epoch_end = _beat
    on_test_begin = on_predict_begin = _beat
