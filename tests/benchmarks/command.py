"""What the whole command costs, from the shell to the pictures: lmrun beside the script written by hand, in turn.

python tests/benchmarks/command.py [ROUNDS]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BY_HAND = [sys.executable, str(Path(__file__).with_name("plain_keras.py")), "hydra.run.dir=."]
OURS = [sys.executable, "-m", "lossmetric_cli", "loss=categorical_crossentropy", "metrics=[auc]"]


def seconds(command: list[str]) -> float:
    """Return the wall-clock seconds of a command in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        return time.perf_counter() - started


def main(rounds: int) -> None:
    """Print both and the ratios."""
    ratios = []
    for _ in range(rounds):
        by_hand, ours = seconds(BY_HAND), seconds(OURS)
        ratios.append(ours / by_hand)
        print(f"by hand {by_hand:5.1f} s   lmrun {ours:5.1f} s   ratio {ratios[-1]:.2f}")
    print(f"median ratio {statistics.median(ratios):.2f} of {rounds} rounds (below 1: lmrun is faster)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
