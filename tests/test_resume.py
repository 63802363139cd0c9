"""A run that is left, by whatever and wherever, and gone on with ends with the bytes that it would have had."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

OWN = {
    "my_callbacks": """
        import keras

        class Damping(keras.callbacks.Callback):
            \"\"\"Lowers the rate by what it has seen so far, which a resumed run must know.\"\"\"

            def __init__(self):
                super().__init__()
                self.seen = []

            def on_epoch_end(self, epoch, logs=None):
                self.seen.append(float(logs["loss"]))
                self.model.optimizer.learning_rate = 0.01 / (1 + sum(self.seen))

            def get_state(self):
                return {"seen": self.seen}

            def set_state(self, state):
                self.seen = state["seen"]
    """,
    "my_models": """
        import keras
        from keras import layers, ops

        class Two(keras.Model):
            \"\"\"Trains two halves in turn with optimizers of its own.\"\"\"

            def __init__(self, units):
                super().__init__()
                self.code, self.noise = layers.Dense(4), layers.GaussianNoise(0.1)
                self.back = layers.Dense(units)
                self.first, self.second = keras.optimizers.Adam(0.01), keras.optimizers.SGD(0.01, momentum=0.9)

            def call(self, x, training=False):
                return self.back(self.noise(self.code(x), training=training))

            def train_step(self, data):
                import tensorflow as tf

                x = data[0]
                with tf.GradientTape() as tape:
                    loss = ops.mean(ops.square(self(x, training=True) - x))
                halves = [self.code.trainable_variables, self.back.trainable_variables]
                for optimizer, half, slope in zip((self.first, self.second), halves, tape.gradient(loss, halves)):
                    optimizer.apply_gradients(zip(slope, half))
                return {"loss": loss}

            def test_step(self, data):
                return {"loss": ops.mean(ops.square(self(data[0]) - data[0]))}

        def two(task):
            return Two(int(task.input_shape[-1]))
    """,
}

#: What a run may consist of whose state is more than its weights.
REQUESTS = {
    "callbacks that count, dropout, metrics": [
        *("data=digits", "model.dropout=0.3", "metrics=auc+f1", "validation_freq=2"),
        "callbacks=early_stopping+reduce_lr+checkpoint+csv+my_callbacks.Damping",
        *("callbacks.reduce_lr.patience=0", "callbacks.reduce_lr.min_delta=0.1", "monitor=train_loss_eval"),
    ],
    "several outputs, averaged weights, half precision": [
        *("data=multitask", "outputs=[price,rooms]", "loss=mae", "batch_size=2"),
        *("precision=mixed_float16", "callbacks=ema", "optimizer.use_ema=true"),
    ],
    "a model that trains itself": ["data=blobs", "task=reconstruction", "loss=none", "model=my_models.two", "batch_size=4"],
}
#: More of them, for which the suite has no time.
MORE = {
    "a schedule, batch statistics, images turned": [
        *("model=cnn", "model.filters=[4]", "model.augment=[random_flip]", "optimizer=sgd", "optimizer.momentum=0.9"),
        "optimizer/learning_rate=cosine_decay",
    ],
    "an eager run": ["run_eagerly=true", "batch_size=256", "model.dropout=0.3"],
    "drawn classes": ["data=next_word", "loss=sampled_softmax", "optimizer=adagrad", "batch_size=256"],
    "weighted classes": ["data=breast_cancer", "class_weight=balanced", "metrics=recall", "batch_size=4"],
    "a sampling autoencoder": ["model=vae", "task=reconstruction", "model.beta_steps=100"],
}
EACH = [
    *(pytest.param(words, id=name) for name, words in REQUESTS.items()),
    *(pytest.param(words, id=name, marks=pytest.mark.slow) for name, words in MORE.items()),
]


@pytest.fixture
def interrupted(lmrun: Callable[..., Any], tmp_path: Path) -> Callable[..., Path]:
    """`interrupted("epochs=9", after=3)`: the folder of a run that a signal ended some time after its third epoch."""

    def run(*words: str, after: int = 2, number: int = signal.SIGINT, verb: str = "") -> Path:
        with _signalled(tmp_path / "left", lines=after + 1, number=number):
            found = lmrun(*([verb] if verb else []), *words, "out=left", "state_every=0.05", code=128 + number)
        assert "continue with: lmrun resume left/" in found.err
        return tmp_path / found.err.rsplit("lmrun resume ", 1)[1].strip()

    return run


@contextlib.contextmanager
def _signalled(root: Path, *, lines: int, number: int) -> Iterator[None]:
    """Send this process a signal once a history below `root` has so many lines."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.002):
            if any(file.read_bytes().count(b"\n") >= lines for file in root.glob("*/*/history.csv")):
                os.kill(os.getpid(), number)
                return

    before = signal.signal(number, lambda *_: None)  # one that comes too late ends no more than this test
    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        signal.signal(number, before)


def same(a: Path, b: Path) -> bool:
    """Return whether two runs have the same figures and predictions, byte for byte."""
    with np.load(a / "predictions.npz") as ours, np.load(b / "predictions.npz") as theirs:
        is_same = ours.files == theirs.files and all(ours[name].tobytes() == theirs[name].tobytes() for name in ours.files)
    return is_same and all((a / name).read_bytes() == (b / name).read_bytes() for name in ("history.csv", "metrics.json"))


@pytest.mark.parametrize("words", EACH)
def test_interrupted_run_ends_with_the_same_bytes(
    words: list[str], interrupted: Callable[..., Path], lmrun: Callable[..., Any], own_code: Callable[[str, str], None]
):
    for name, text in OWN.items():
        own_code(name, text)
    words = [*words, "epochs=12"]
    whole = lmrun(*words, "out=whole", "plots=[]").folder
    left = interrupted(*words, "plots=[]")
    assert len(pd.read_csv(left / "history.csv")) < len(pd.read_csv(whole / "history.csv"))
    assert lmrun("resume", str(left)).folder == left
    assert same(left, whole)
