"""Rows that are to be answered with themselves: what an autoencoder learns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lossmetric_cli.data.labels import as_array
from lossmetric_cli.data.scales import scale_of_inputs
from lossmetric_cli.data.streams import Stream
from lossmetric_cli.errors import ConfigError, DataError

if TYPE_CHECKING:
    import numpy as np

    from lossmetric_cli.data.dataset import Dataset, Part

#: The target of an output that is the whole input.
INPUT = "input"
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


def with_input(dataset: Dataset, outputs: dict[str, list[str]] | None) -> tuple[Dataset, dict[str, list[str]], list[str]]:
    """Return the dataset with the cells of its inputs behind its targets where an output asks for them.

    `outputs.NAME.target=input` does; a single target that has no name is called `y` beside it. With it come the outputs
    with the names of those cells, and which of them are the input.
    """
    asking = [name for name, targets in (outputs or {}).items() if targets == [INPUT] and INPUT not in dataset.target_names]
    if not asking:
        return dataset, outputs or {}, []
    names = [f"{INPUT}[{place}]" for place in range(cells(dataset.x).shape[1])]
    known = dataset.target_names or ("y",)
    joined = replace(
        dataset,
        y=_beside(dataset.y, dataset.x),
        test=None if dataset.test is None else (dataset.test[0], _beside(dataset.test[1], dataset.test[0])),
        target_names=(*known, *names),
    )
    return joined, {name: names if name in asking else targets for name, targets in outputs.items()}, asking


def _beside(y: Any, x: Any) -> np.ndarray:
    import numpy as np

    labels = as_array(y, name="y")
    return np.concatenate(
        [labels.reshape(len(labels), -1), cells(x)], axis=1, dtype=object if labels.dtype.kind in "OU" else None
    )


def in_deviations(parts: dict[str, Part], outputs: list[str]) -> None:
    """Measure the targets of tables and series in standard deviations of their column or channel over the training rows.

    As they stand, the column with the largest numbers would be all of the loss. Images keep their unit, which is one.
    `outputs` are those that are answered with the input; none where that is all there is.
    """
    scale = scale_of_inputs(parts["train"].x)
    if scale is None:
        return
    for part in parts.values():
        measured = ((part.x - scale.mean) / scale.deviation).reshape(len(part), -1)
        part.y = part.y | dict.fromkeys(outputs, measured) if outputs else measured


def cells(x: Any) -> np.ndarray:
    """Return inputs (rows, …) as float32 (rows, cells); raise DataError where they are no numbers."""
    if isinstance(x, Stream):
        raise ConfigError("an answer that is the input itself wants a table that is read whole; type data.stream=false")
    array = as_array(x, name="x")
    if array.dtype.kind not in "biuf" or array.ndim == 0:
        raise DataError("task=reconstruction answers with the inputs, and x is not all numbers; encode text before")
    return array.astype("float32").reshape(len(array), -1)
