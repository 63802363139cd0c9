"""What makes a loop of many steps end between two of them, though it runs inside a graph that no signal reaches."""

from __future__ import annotations

import tensorflow as tf

#: Go on; end a training loop at the next batch; end every loop at the next batch.
RUN, PAUSE, STOP = range(3)


class Brake:
    """A level that graphs read before every batch, and any thread may raise."""

    def __init__(self) -> None:
        with tf.device("CPU:0"):  # where a graph on a GPU reads it without waiting for the GPU
            self.variable = tf.Variable(RUN, dtype="int32", trainable=False)
        self.level = RUN

    def press(self, level: int) -> None:
        """Raise the level; a lower one than there is changes nothing."""
        if level > self.level:
            self.level = level
            self.variable.assign(level)

    def release(self) -> None:
        """Let everything go on."""
        self.level = RUN
        self.variable.assign(RUN)
