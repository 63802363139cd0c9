"""The scale of columns over the training rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lossmetric_cli.task import Scale

if TYPE_CHECKING:
    import numpy as np


def scale_of_inputs(x: np.ndarray) -> Scale | None:
    """Return the scale of each column of a table, or of each channel of series over all their steps; None for others."""
    return measure_scale(x.reshape(-1, x.shape[-1])) if x.ndim in (2, 3) else None


def measure_scale(columns: np.ndarray) -> Scale:
    """Return mean and standard deviation of each column (divided by n, summed in float64), float32.

    The deviation of a constant column is 1, so that dividing by it changes nothing.
    """
    import numpy as np

    mean, deviation = columns.mean(axis=0, dtype="float64"), columns.std(axis=0, dtype="float64")
    constant = columns.min(axis=0) == columns.max(axis=0)
    return Scale(mean=mean.astype("float32"), deviation=np.where(constant, 1, deviation).astype("float32"))
