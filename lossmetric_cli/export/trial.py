"""An exported model tried where lmrun is not: what it answers in a fresh process, and how far that is off."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from lossmetric_cli.errors import TrainingError

_SCRIPT = Path(__file__).with_name("elsewhere.py")
#: Seconds in which a process has loaded a model and answered some rows.
_PATIENCE = 900


def answers_elsewhere(kind: str, model: Path, rows: Any, *, modules: list[str]) -> tuple[dict[str, np.ndarray], Any]:
    """Return what an exported model answers by output, "" for a single one, and the labels that it holds.

    `rows` are an array, or a dict by input. The process that answers them is a new one in which lmrun cannot be imported;
    it may import the `modules` of the working folder alone.

    Raises TrainingError where that fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder) / "rows.npz", Path(folder) / "answers.npz"
        named = {f"x.{name}": array for name, array in rows.items()} if isinstance(rows, dict) else {"x": rows}
        np.savez(given, **{name: array.astype("U") if array.dtype == object else array for name, array in named.items()})
        own = [str(Path.cwd()), *modules] if modules else []
        command = [sys.executable, "-I", str(_SCRIPT), kind, model.name, str(given), str(found), *own]
        done = subprocess.run(  # noqa: S603
            command,
            cwd=model.parent,  # TensorFlow takes a path for a pattern, and finds nothing in a folder called [y] (2.21)
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        if done.returncode:
            last = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "it ended without a word")
            raise TrainingError(f"{model.name} does not answer without lmrun: {last.strip()[:160]}")
        with np.load(found, allow_pickle=False) as arrays:
            answers = {name.partition(".")[2]: arrays[name] for name in arrays.files if name != "labels"}
            return answers, json.loads(str(arrays["labels"]))


def largest_difference(expected: dict[str, np.ndarray], found: dict[str, np.ndarray]) -> tuple[float, float]:
    """Return the largest difference between answers, and the largest one in parts of its output's largest answer."""
    apart, share = 0.0, 0.0
    for name, answer in expected.items():
        wanted = np.asarray(answer, dtype="float64").reshape(len(answer), -1)
        given = np.asarray(found[name], dtype="float64").reshape(len(found[name]), -1)
        if wanted.shape != given.shape:
            return float("inf"), float("inf")
        off = float(np.abs(wanted - given).max(initial=0.0)) if np.isfinite(given).all() else float("inf")
        apart, share = max(apart, off), max(share, off / max(float(np.abs(wanted).max(initial=0.0)), 1e-30))
    return apart, share
