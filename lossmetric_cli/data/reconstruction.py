"""Rows that are to be answered with themselves: what an autoencoder learns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lossmetric_cli.data.labels import as_array
from lossmetric_cli.data.scales import scale_of_inputs
from lossmetric_cli.errors import ConfigError, DataError

if TYPE_CHECKING:
    import numpy as np

    from lossmetric_cli.data.dataset import Dataset, Part

#: The user's word for it: no kind of task of its own, but a regression whose targets are the cells of the input.
RECONSTRUCTION = "reconstruction"


def reconstructing(dataset: Dataset, *, outputs: Any) -> Dataset:
    """Return the dataset with the cells of its inputs as targets, (rows, cells); its labels are left out.

    Raises DataError for inputs that are no array of numbers, ConfigError beside several outputs.
    """
    if outputs:
        raise ConfigError("task=reconstruction has one answer, the whole input; leave outputs out")
    y, test, names = cells(dataset.x), dataset.test, dataset.feature_names
    told = f"task=reconstruction: each row is answered with its own {y.shape[1]:,} inputs, and its labels are left out"
    return replace(
        dataset,
        y=y,
        kind="regression",
        class_names=(),
        target_names=names if len(names) == y.shape[1] else (),
        test=None if test is None else (test[0], cells(test[0])),
        naive={},
        notes=(*dataset.notes, told),
    )


def in_deviations(parts: dict[str, Part]) -> None:
    """Measure the targets of tables and series in standard deviations of their column or channel over the training rows.

    As they stand, the column with the largest numbers would be all of the loss. Images keep their unit, which is one.
    """
    scale = scale_of_inputs(parts["train"].x)
    if scale is None:
        return
    for part in parts.values():
        part.y = ((part.x - scale.mean) / scale.deviation).reshape(len(part), -1)


def cells(x: Any) -> np.ndarray:
    """Return inputs (rows, …) as float32 (rows, cells); raise DataError where they are no numbers."""
    array = as_array(x, name="x")
    if array.dtype.kind not in "biuf" or array.ndim == 0:
        raise DataError("task=reconstruction answers with the inputs, and x is not all numbers; encode text before")
    return array.astype("float32").reshape(len(array), -1)
