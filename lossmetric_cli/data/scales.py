"""The scale of columns over the training rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lossmetric_cli.data.rowfile import RowFile
from lossmetric_cli.task import Scale

if TYPE_CHECKING:
    import numpy as np


def scale_of_inputs(x: np.ndarray | RowFile) -> Scale | None:
    """Return the scale of each column of a table, or of each channel of series over all their steps; None for others."""
    if x.ndim == 2:
        return measure_scale(x)
    return measure_scale(x.reshape(-1, x.shape[-1])) if x.ndim == 3 else None


def measure_scale(columns: np.ndarray | RowFile) -> Scale:
    """Return mean and standard deviation of each column (divided by n, summed in float64), float32.

    The deviation of a constant column is 1, so that dividing by it changes nothing.
    """
    import numpy as np

    if isinstance(columns, RowFile):
        mean, deviation, constant = _scale_on_disk(columns)
    else:
        mean, deviation = columns.mean(axis=0, dtype="float64"), columns.std(axis=0, dtype="float64")
        constant = columns.min(axis=0) == columns.max(axis=0)
    return Scale(mean=mean.astype("float32"), deviation=np.where(constant, 1, deviation).astype("float32"))


def _scale_on_disk(columns: RowFile) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean, deviation and which columns are constant, block by block: first the mean, then the deviation from it."""
    import numpy as np

    total = sum(block.sum(axis=0, dtype="float64") for block in columns.blocks())
    mean = total / len(columns)
    squares = sum(((block - mean) ** 2).sum(axis=0) for block in columns.blocks())
    ends = np.array([(block.min(axis=0), block.max(axis=0)) for block in columns.blocks()])
    return mean, np.sqrt(squares / len(columns)), ends[:, 0].min(axis=0) == ends[:, 1].max(axis=0)
