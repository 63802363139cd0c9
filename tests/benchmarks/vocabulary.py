"""What a training epoch of 50,000 classes costs: a loss of a few drawn classes beside that of all of them.

    python tests/benchmarks/vocabulary.py [ROUNDS] [OPTIMIZER]

The same rows (5,000 next words), model (mlp of 64) and batches (128), in turn in one process, without validation. Printed are
the medians of the epochs after the first, which tracing is in, and their ratio round by round.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

import pandas as pd

from lossmetric_cli.cli import answer

WORDS = ["data=next_word", "data.rows=5000", "batch_size=128", "epochs=4", "validation=none", "train_eval=0", "metrics=[]"]


def seconds(loss: str, optimizer: str) -> float:
    """Return the median seconds of an epoch of a loss."""
    with tempfile.TemporaryDirectory() as folder:
        words = [*WORDS, f"loss={loss}", f"optimizer={optimizer}", "plots=[]", "save_model=false", "-q", f"out={folder}"]
        if answer(words):
            sys.exit(1)
        (timing,) = Path(folder).glob("*/*/timing.csv")
        return float(pd.read_csv(timing)["seconds"][1:].median())


def main(rounds: int, optimizer: str) -> None:
    """Print both medians and the ratios."""
    ratios = []
    for _ in range(rounds):
        few, all_ = seconds("sampled_softmax", optimizer), seconds("crossentropy", optimizer)
        ratios.append(all_ / few)
        print(f"all 50,000 classes {all_:6.2f} s   64 drawn classes {few:6.2f} s   {ratios[-1]:.1f} times as fast")
    print(f"median {statistics.median(ratios):.1f} times as fast in {rounds} rounds ({optimizer})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3, sys.argv[2] if len(sys.argv) > 2 else "sgd")
