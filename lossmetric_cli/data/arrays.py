"""Arrays in a NumPy file, read without running or trusting what it holds."""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from lossmetric_cli.data.dataset import Dataset
from lossmetric_cli.data.delimited import explained
from lossmetric_cli.data.pictures import check_memory
from lossmetric_cli.data.sentences import listed, quoted
from lossmetric_cli.errors import ConfigError, DataError, did_you_mean

if TYPE_CHECKING:
    import numpy as np

#: What reading a damaged archive raises.
_FAULTS = (zipfile.BadZipFile, zlib.error, ValueError, EOFError, OSError, NotImplementedError, RuntimeError, SyntaxError)


def npz(
    *,
    path: str,
    x: str | None = None,
    y: str | None = None,
    x_test: str | None = None,
    y_test: str | None = None,
    memory: float = 4.0,
) -> Dataset:
    """Return the arrays of an .npz file, x (rows, …) and y (rows,) or (rows, targets).

    Without names the arrays are those that are called `x` and `y`, or `x_train` and `y_train`, and `x_test` and `y_test`
    where there are such. Bytes (rows, height, width) are gray images.

    Raises DataError for what is wrong with the file: Python objects in it, more than `memory` gigabytes, damage.
    """
    file = Path(path).expanduser()
    names = names_in(file)
    chosen = {"x": _chosen(names, x, "x"), "y": _chosen(names, y, "y")}
    for part, name in (("x_test", x_test), ("y_test", y_test)):
        if name or part in names:
            chosen[part] = _chosen(names, name, part)
    alone = {"x_test", "y_test"} & set(chosen)
    if len(alone) == 1:
        raise ConfigError(f"{file.name} has {alone.pop()} alone; name the other one as data.x_test or data.y_test")
    arrays = read(file, list(dict.fromkeys(chosen.values())), memory=memory)
    parts = {part: arrays[name] for part, name in chosen.items()}
    notes = [f"{file.name}: x is {chosen['x']} and y is {chosen['y']}"] if (chosen["x"], chosen["y"]) != ("x", "y") else []
    return as_dataset(parts, notes=notes)


def as_dataset(parts: dict[str, Any], *, notes: list[str], **facts: Any) -> Dataset:
    """Return arrays by part as a Dataset, bytes (rows, height, width) as gray images; `facts` are its other fields."""
    pictures = {part: as_pictures(array) for part, array in parts.items() if part[0] == "x"}
    if pictures["x"].ndim != parts["x"].ndim:
        notes = [*notes, f"bytes {parts['x'].shape[1:]} a row are read as gray images {pictures['x'].shape[1:]}"]
    test = (pictures["x_test"], parts["y_test"]) if "x_test" in parts else None
    return Dataset(x=pictures["x"], y=parts["y"], test=test, notes=tuple(notes), **facts)


def as_pictures(array: np.ndarray) -> np.ndarray:
    """Return bytes (rows, height, width) as gray images (rows, height, width, 1), other arrays as they are."""
    return array[..., None] if array.dtype == "uint8" and array.ndim == 3 else array


def names_in(file: Path) -> list[str]:
    """Return the names of the arrays in an .npz file; raise DataError for a file that is none."""
    try:
        with explained(file), zipfile.ZipFile(file) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
    except _FAULTS as error:
        raise DataError(f"{file.name} cannot be read: {_told(error)}; is it what numpy.savez wrote?") from error
    if not names:
        raise DataError(f"{file.name} holds no arrays; write it with numpy.savez(path, x=x, y=y)")
    return names


def read(file: Path, names: list[str], *, memory: float) -> dict[str, np.ndarray]:
    """Return arrays of an .npz file by name; see `npz` for what it raises."""
    import numpy as np

    found = {}
    try:
        with zipfile.ZipFile(file) as archive:
            for name in names:
                with archive.open(f"{name}.npy") as stream:
                    _check_header(stream, archive.getinfo(f"{name}.npy").file_size, file=file, name=name, memory=memory)
                with archive.open(f"{name}.npy") as stream:
                    found[name] = np.lib.format.read_array(stream, allow_pickle=False)
    except _FAULTS as error:
        raise DataError(f"{file.name} is damaged: {_told(error)}; write it again with numpy.savez") from error
    return found


def _check_header(stream: BinaryIO, size: int, *, file: Path, name: str, memory: float) -> None:
    """Raise DataError for an array that is no plain numbers or text, or larger than it may be or than the file is."""
    import numpy as np

    version = np.lib.format.read_magic(stream)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise DataError(f"{file.name}: {name} has the format {version}, that of columns with names; save plain arrays")
    shape, _, kind = readers[version](stream)
    if kind.hasobject:
        raise DataError(f"{file.name} holds Python objects, which lmrun never unpickles ({name}); save plain arrays of numbers")
    if kind.names:
        raise DataError(f"{file.name}: {name} has columns with names; save plain arrays")
    if min(shape, default=0) < 0 or not shape:
        raise DataError(f"{file.name}: {name} has the shape {shape}; lmrun reads (rows, …)")
    check_memory(shape, memory=memory, itemsize=kind.itemsize)
    if math.prod(shape) * kind.itemsize != size - stream.tell():
        raise DataError(f"{file.name} is damaged: {name} says it has {shape}, and the file holds another number of bytes")


def _chosen(names: list[str], name: str | None, part: str) -> str:
    """Return the array that is asked for, or that is called as its part is."""
    for candidate in [name] if name else [part, f"{part}_train"]:
        if candidate in names:
            return str(candidate)
    asked = name or part
    hint = did_you_mean(asked, names) if name else f"; type data.{part}=NAME"
    raise DataError(f"data.{part}: no array is called {quoted(asked)}, there are {listed(names)}{hint}")


def _told(error: Exception) -> str:
    return " ".join(str(error).split())[:80] or type(error).__name__
