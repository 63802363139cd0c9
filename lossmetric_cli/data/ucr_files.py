"""Whole series with a class each, in the layout of the UCR archive: a line a series, its label first, no header."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lossmetric_cli.data.dataset import Dataset
from lossmetric_cli.data.delimited import SEPARATORS, choose_separator, decode, guess_separator, read_bytes, records
from lossmetric_cli.data.sentences import counted, quoted
from lossmetric_cli.errors import DataError

if TYPE_CHECKING:
    import numpy as np

#: What the archive's files are separated by: 2018's by tabs, older ones by commas or spaces.
GUESSES = ("\t", ",", ";", " ")
PADDING = ("", "nan", "?")
#: A series counts as normalised when its mean and its deviation are within so much of 0 and 1.
NEARLY = 0.05


@dataclass(frozen=True)
class Lines:
    """A file's series float32 (rows, length) and their labels as they are written."""

    name: str
    values: np.ndarray
    labels: list[str]


def ucr(*, path: str, test_path: str | None = None, normalize: bool = False, sep: str = "auto") -> Dataset:
    """Return series of one channel, x (rows, length, 1), with a class each.

    A line is a label, a number or text, and the values of a series, separated by tabs, commas, semicolons or spaces.
    `normalize` scales each series to mean 0 and standard deviation 1, as most papers on the UCR archive do; its files of
    2015 come so, those of 2018 often not (Dau et al., "The UCR Time Series Archive", 2019). A constant series becomes 0.

    Raises DataError, with the line, for series of different lengths or filled up with NaN, and for text among values.
    """
    files = [read_lines(one, sep=sep) for one in (path, test_path) if one]
    first, last = files[0].values.shape[1], files[-1].values.shape[1]
    if first != last:
        told = f"{files[-1].name} has series of {last} values, {files[0].name} of {first}"
        raise DataError(f"{told}; cut or resample them to one length")
    labels = [read_classes([file.labels for file in files], at=at) for at in range(len(files))]
    inputs = [normalized(file.values) if normalize else file.values for file in files]
    return Dataset(
        x=inputs[0][:, :, None],
        y=labels[0],
        kind="binary" if len(set(labels[0].tolist())) == 2 else "multiclass",
        test=(inputs[1][:, :, None], labels[1]) if test_path else None,
        notes=tuple(spread_note(inputs[0]) if not normalize else ()),
    )


def read_lines(path: str, *, sep: str) -> Lines:
    """Return the series of a file; raise DataError, with the line, for one that is longer, shorter or no numbers."""
    import numpy as np

    name = Path(path).name
    text = decode(read_bytes(path), name=name, encoding="utf-8")
    separator = guess_separator(text, known=GUESSES) if sep == "auto" else choose_separator(text, sep=sep, name=name)[0]
    if separator == SEPARATORS["space"]:
        text = re.sub(r"^ +| +$", "", re.sub(r" {2,}", " ", text), flags=re.MULTILINE)
    labels, rows, begin = [], [], 0
    for line, (label, *cells) in records(text, sep=separator, name=name):
        begin = begin or line
        check_whole_series(cells, length=len(rows[0]) if rows else None, line=line, first=begin, name=name)
        rows.append(read_values(cells, line=line, name=name))
        labels.append(label.strip())
    if not rows:
        raise DataError(f"{name} is empty; data.path wants a series a line, its label first")
    return Lines(name, np.array(rows, dtype="float32"), labels)


def check_whole_series(cells: list[str], *, length: int | None, line: int, first: int, name: str) -> None:
    """Raise DataError for a series without values, of another length than the first one's, or filled up at its end."""
    if not cells:
        raise DataError(f"{name} line {line} has one field; a line is a label and the values of a series (data.sep?)")
    if length is not None and len(cells) != length:
        told = f"{name} line {line} has a series of {counted(len(cells), 'value')}, line {first} one of {length}"
        raise DataError(f"{told}; series must have one length: cut, fill or resample them before")
    if cells[-1].strip().lower() in PADDING:
        real = len(cells)
        while real and cells[real - 1].strip().lower() in PADDING:
            real -= 1
        told = f"{name} line {line} ends after {real} of {counted(len(cells), 'value')} and is filled up with NaN"
        raise DataError(f"{told}; series must have one length: cut all to the shortest, or resample them before")


def read_values(cells: list[str], *, line: int, name: str) -> np.ndarray:
    """Return the values of a series, float32 (length,); raise DataError for the first that is no finite number."""
    import numpy as np

    try:
        values = np.array(cells, dtype="float64")
    except ValueError:
        values = np.array([as_number(cell) for cell in cells])
    with np.errstate(over="ignore"):
        wrong = np.flatnonzero(~np.isfinite(values.astype("float32")))
    if len(wrong):
        what = f"value {wrong[0] + 1} is {quoted(cells[wrong[0]].strip(), limit=24)} and no finite number"
        raise DataError(f"{name} line {line}: {what}; fill or remove it, a line is a label and the values of a series")
    return values.astype("float32")


def as_number(cell: str) -> float:
    """Return a cell as a number, NaN where it is none."""
    try:
        return float(cell)
    except ValueError:
        return float("nan")


def read_classes(written: list[list[str]], *, at: int) -> np.ndarray:
    """Return the labels of one file: whole numbers (`1.0000000e+00` is 1) where those of all files are, else text."""
    import numpy as np

    numbers = [as_number(label) for labels in written for label in labels]
    if all(number.is_integer() for number in numbers):
        return np.array([int(as_number(label)) for label in written[at]])
    return np.array(written[at], dtype="object")


def normalized(values: np.ndarray) -> np.ndarray:
    """Return series (rows, length) with mean 0 and standard deviation 1 each (divided by n), a constant one as 0."""
    import numpy as np

    mean, deviation = values.mean(axis=1, keepdims=True, dtype="float64"), values.std(axis=1, keepdims=True, dtype="float64")
    constant = values.min(axis=1, keepdims=True) == values.max(axis=1, keepdims=True)
    return np.where(constant, 0, (values - mean) / np.where(constant, 1, deviation)).astype("float32")


def spread_note(values: np.ndarray) -> list[str]:
    """Return a sentence where series differ in level or scale, which their shape may be meant without."""
    means, deviations = values.mean(axis=1, dtype="float64"), values.std(axis=1, dtype="float64")
    if (abs(means) < NEARLY).all() and (abs(deviations - 1) < NEARLY).all():
        return []
    reach = f"means {means.min():.3g} to {means.max():.3g}, deviations {deviations.min():.3g} to {deviations.max():.3g}"
    return [f"each series keeps its own level and scale ({reach}); data.normalize=true takes them out"]
