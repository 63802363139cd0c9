"""A panel of a picture as numbers: its lines, and each line as many points as can be seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

COLUMNS = 300
"""Points of a long line: about as many as a panel of half the width has pixels."""


@dataclass(frozen=True, eq=False)
class Line:
    """One column of the history; a NaN in `values` is a gap. `best` is the (epoch, value) to point at.

    `error` is the standard error of each value over the rows it was measured on, None where it is unknown.
    """

    column: str
    role: str
    epochs: np.ndarray
    values: np.ndarray
    best: tuple[int, float] | None = None
    error: np.ndarray | None = None

    @property
    def drawable(self) -> np.ndarray:
        """Return the values that are no gap."""
        return self.values[~np.isnan(self.values)]


@dataclass(frozen=True, eq=False)
class Trace:
    """What is drawn of a line: at each of these epochs the lowest, the middle and the highest value that it stands for."""

    epochs: np.ndarray
    low: np.ndarray
    middle: np.ndarray
    high: np.ndarray


@dataclass(frozen=True, eq=False)
class Panel:
    """One pair of axes: `direction` is "min", "max" or None; `limits` are the lowest and the highest value shown.

    `levels` are what answers without a model score on the validation rows, by what they are called: the best constant, and
    of a series the best naive forecast; without those that lie outside the limits. `rival` is the name and the score of
    what it is held against; `folds` the lines whose mean one of `lines` is.
    """

    title: str
    direction: str | None
    lines: list[Line]
    detail: str = ""
    scale: str = "linear"
    limits: tuple[float, float] = (0.0, 1.0)
    notes: tuple[str, ...] = ()
    levels: tuple[tuple[str, float], ...] = ()
    rival: tuple[str, float] | None = None
    folds: tuple[Line, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Return whether no line has a value to draw; the notes then say why."""
        return not any(len(line.drawable) for line in self.lines)


def has_noise(line: Line) -> bool:
    """Return whether a line is drawn with the standard error of its values: a long one has a band of another kind."""
    return line.error is not None and column_epochs(line) == 1 and bool((line.error > 0).any())


def column_epochs(line: Line) -> int:
    """Return how many epochs share a point of the drawn line: 1 up to 600 values, then as many as make 300 points."""
    if len(line.epochs) <= 2 * COLUMNS:
        return 1
    return -(-int(line.epochs[-1] - line.epochs[0] + 1) // COLUMNS)


def trace(line: Line) -> Trace:
    """Return a line as it is drawn: value for value, or of a long one the median and the range of neighbouring epochs.

    The lowest and the highest value stay, so a spike of a single epoch among 100,000 shows.
    """
    span = column_epochs(line)
    if span == 1:
        return Trace(line.epochs, line.values, line.values, line.values)
    table = pd.DataFrame({"epoch": line.epochs, "value": line.values}).groupby((line.epochs - line.epochs[0]) // span)
    epochs = table["epoch"].mean().to_numpy(copy=True)
    epochs[0], epochs[-1] = line.epochs[0], line.epochs[-1]
    return Trace(epochs, *(table["value"].agg(kind).to_numpy() for kind in ("min", "median", "max")))
