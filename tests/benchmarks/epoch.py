"""What an epoch costs: lmrun beside plain `keras.Model.fit` on the same rows, model, batches and validation.

    python tests/benchmarks/epoch.py [ROUNDS]

Both train digits-mlp (1,437 rows in batches of 32, 360 rows of validation, accuracy and AUC) in one process, in turn.
Printed are the medians of the epochs after the third, which no tracing is in, and their ratio round by round.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from lossmetric_cli.cli import answer
from lossmetric_cli.devices import load_tensorflow

load_tensorflow()
import keras  # noqa: E402
from sklearn.datasets import load_digits  # noqa: E402

EPOCHS = 30


class Timer(keras.callbacks.Callback):
    """Seconds of every epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self.started)


def plain_keras() -> float:
    """Return the median seconds of an epoch as one writes it by hand."""
    x, y = load_digits(return_X_y=True)
    x, y = (x / 16).astype("float32"), keras.utils.to_categorical(y)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Input((64,)), keras.layers.Dense(64, "relu"), keras.layers.Dense(10, "softmax")])
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy", keras.metrics.AUC(name="auc")])
    timer = Timer()
    model.fit(x, y, batch_size=32, epochs=EPOCHS, validation_split=0.2, verbose=0, callbacks=[timer])
    return statistics.median(timer.seconds[3:])


def lmrun() -> float:
    """Return the median seconds of an epoch of the command line, its record included."""
    words = [
        "loss=categorical_crossentropy",
        "metrics=accuracy+auc",
        f"epochs={EPOCHS}",
        "plots=[]",
        "-q",
        "deterministic=false",
    ]
    with tempfile.TemporaryDirectory() as folder:
        answer([*words, f"out={folder}"])
        (timing,) = Path(folder).glob("*/*/timing.csv")
        return float(pd.read_csv(timing)["seconds"][3:].median())


def main(rounds: int) -> None:
    """Print both medians and the ratios."""
    plain, ours = [], []
    for _ in range(rounds):
        ours.append(lmrun())  # first: it sets TensorFlow's threads, for both
        plain.append(plain_keras())
        print(f"plain Keras {plain[-1] * 1e3:6.1f} ms   lmrun {ours[-1] * 1e3:6.1f} ms   ratio {ours[-1] / plain[-1]:.2f}")
    ratios = [a / b for a, b in zip(ours, plain, strict=True)]
    print(f"median ratio {statistics.median(ratios):.2f} of {rounds} rounds (below 1: lmrun is faster)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
