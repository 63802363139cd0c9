"""The inputs of a model: one array of rows or a dict of them, made finite float32, bytes of images or ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossmetric_cli.data.labels import as_array
from lossmetric_cli.data.rowfile import RowFile
from lossmetric_cli.data.scales import scale_of_inputs
from lossmetric_cli.data.sentences import counted, quoted
from lossmetric_cli.errors import DataError
from lossmetric_cli.task import Input

if TYPE_CHECKING:
    import numpy as np


def read_inputs(x: Any, *, names: tuple[str, ...] = ()) -> Any:
    """Return an array as `read_input` does, or a dict of them with as many rows each.

    In a dict, whole numbers (rows,) or (rows, words) stay whole, int32: they are ids that a model embeds.
    Raises DataError for an empty dict and for numbers of rows that differ.
    """
    if not isinstance(x, dict):
        return read_input(x, names=names)
    arrays = {str(name): read_ids(values, name=str(name)) for name, values in x.items()}
    counts = {name: len(array) for name, array in arrays.items()}
    if len(set(counts.values())) != 1:
        told = ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "none at all"
        raise DataError(f"the inputs have different numbers of rows ({told}); give every input the same rows")
    return arrays


def read_ids(values: Any, *, name: str) -> np.ndarray:
    """Return one of several inputs: whole numbers as int32 ids, anything else as `read_input` does."""
    array = as_array(values, name=name)
    if array.dtype.kind not in "iu" or array.ndim not in (1, 2):
        return read_input(array, what=name)
    if array.size and (array.min() < 0 or array.max() >= 2**31):
        raise DataError(f"input {quoted(name)} has ids from {array.min()} to {array.max()}; number them from 0")
    return array.astype("int32")


def read_input(x: Any, *, names: tuple[str, ...] = (), what: str = "x") -> np.ndarray:
    """Return inputs as contiguous float32 (rows, *input_shape), (rows,) as (rows, 1), values unscaled.

    The bytes of images, uint8 (rows, height, width, channels), stay bytes: a quarter of the memory.
    """
    import numpy as np

    array = as_array(x, name=what)
    if array.ndim == 0 or array.dtype.kind not in "biufO":
        raise DataError(f"{what} has {array.ndim} axes of {array.dtype.name}; lmrun reads rows of numbers")
    if array.dtype == "uint8" and array.ndim == 4:
        return np.ascontiguousarray(array)
    try:
        with np.errstate(over="ignore"):
            array = np.ascontiguousarray(array, dtype="float32")
    except (TypeError, ValueError) as error:
        raise DataError(f"{what} is not all numbers ({quoted(error, limit=80)}); encode text as numbers before") from error
    array = array[:, np.newaxis] if array.ndim == 1 else array
    check_input(array, names=names, what=what)
    return array


def check_input(x: np.ndarray, *, names: tuple[str, ...], what: str) -> None:
    """Raise DataError that names the first feature with missing or infinite values."""
    import numpy as np

    bad = np.argwhere(~np.isfinite(x))
    if not len(bad):
        return
    rows = bad[:, 0]
    if x.ndim == 2:
        column = bad[:, 1].min()
        rows = bad[bad[:, 1] == column, 0]
        what = f"feature {quoted(names[column] if len(names) == x.shape[1] else f'{what}[{column}]')}"
    found = counted(len(rows), "missing or infinite value")
    raise DataError(f"{what} has {found} (first: row {rows[0]}); drop or fill them before")


def arrays_of(x: Any) -> list[np.ndarray]:
    """Return the arrays of one input or of several."""
    return list(x.values()) if isinstance(x, dict) else [x]


def row_count(x: Any) -> int:
    """Return the number of rows of one input or of several."""
    return next((len(array) for array in arrays_of(x)), 0)


def rows_at(x: Any, rows: Any) -> Any:
    """Return some rows of one input or of each of several; those on the disk stay there."""
    if isinstance(x, dict):
        return {name: rows_at(array, rows) for name, array in x.items()}
    return x.view(rows) if isinstance(x, RowFile) else x[rows]


def facts_of(x: Any, values: dict[str, int]) -> dict[str, Any]:
    """Return the fields of `Task` that tell of these inputs, training rows; `values` are the numbers of each input of ids."""
    if isinstance(x, dict):
        return {"input_shape": (), "inputs": {name: _input(array, values.get(name, 0)) for name, array in x.items()}}
    one = _input(x, 0)
    return {"input_shape": one.shape, "input_dtype": one.dtype, "scale": one.scale}


def ids_in(*inputs: Any) -> dict[str, int]:
    """Return how many different ids each input of ids has room for, of all rows: the largest and those below it, with 0."""
    found: dict[str, int] = {}
    for x in inputs:
        for name, array in x.items() if isinstance(x, dict) else ():
            if array.dtype.kind == "i":
                found[name] = max(found.get(name, 0), int(array.max()) + 1)
    return found


def _input(array: np.ndarray, values: int) -> Input:
    is_ids = array.dtype.kind == "i"
    scale = None if is_ids else scale_of_inputs(array)
    return Input(array.shape[1:], array.dtype.name, scale, values if is_ids else 0)


def fingerprint(*arrays: np.ndarray) -> str:
    """Return the sha256 of the arrays' shapes and bytes, in hexadecimal."""
    from hashlib import sha256

    digest = sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        for block in array.blocks() if isinstance(array, RowFile) else [array]:
            digest.update(memoryview(block).cast("B"))
    return digest.hexdigest()
