"""Labels: the kind of task they set, the classes they name, and their natural form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lossmetric_cli.data.sentences import counted, listed, quoted
from lossmetric_cli.errors import ConfigError, DataError, did_you_mean
from lossmetric_cli.task import KINDS

if TYPE_CHECKING:
    import numpy as np

#: Up to so many different whole numbers are read as classes, more as quantities.
MOST_CLASSES_OF_NUMBERS = 20


@dataclass(frozen=True)
class LabelForm:
    """How labels of a source become their natural form (see `Part`).

    `values` are the labels as they stand in the source, in the order of their index, and `classes` what they
    are called; both are empty for regressions. The labels of a one-hot target are its columns, and so are those of a
    soft one, whose cells are shares.
    """

    kind: str
    values: tuple[Any, ...] = ()
    classes: tuple[Any, ...] = ()
    is_one_hot: bool = False
    is_soft: bool = False

    @property
    def note(self) -> str:
        """One sentence when labels are not their own index, or an empty one."""
        if self.is_soft:
            return "labels are shares of the classes, from 0 to 1"
        if self.is_one_hot:
            return f"the target is one-hot, read as classes {listed(range(len(self.classes)))}"
        is_own_index = all(type(value) is int and value == index for index, value in enumerate(self.values))
        if self.kind not in ("binary", "multiclass") or is_own_index:
            return ""
        return f"labels {listed(self.values)} are classes {listed(range(len(self.values)))}"


def read_labels(y: Any, *, name: str, kind: str = "auto") -> np.ndarray:
    """Return labels as an array (rows,) or (rows, targets) of bools, int64, float64 or text.

    A single column (rows, 1) becomes (rows,), unless the task is multi-label, and whole decimals become
    whole numbers. Raises DataError for missing or infinite labels, mixed types and more than two axes.
    """
    import numpy as np

    array = as_array(y, name=f"target {quoted(name)}")
    if array.ndim == 2 and array.dtype.kind == "O" and any(isinstance(label, str) for label in array[0]):
        raise DataError(
            f"several targets must be numbers, and one holds text ({quoted(array[0, 0])}); type outputs=[NAME,NAME]"
        )
    labels = plain(array, name=name)
    if labels.ndim == 0 or labels.ndim > 2:
        raise DataError(f"target {quoted(name)} has {labels.ndim} axes; lmrun reads (rows,) or (rows, targets)")
    if labels.ndim == 2 and labels.dtype.kind == "U":
        raise DataError(f"target {quoted(name)} holds text in several columns; lmrun reads one column of text")
    if labels.ndim == 2 and labels.shape[1] == 1 and kind != "multilabel":
        labels = labels[:, 0]
    if labels.dtype.kind == "f":
        check_finite(labels, name=name)
        if (labels == np.floor(labels)).all() and (abs(labels) < 2**53).all():
            return labels.astype("int64")
    return labels


def as_array(values: Any, *, name: str) -> np.ndarray:
    """Return values as an array; raise DataError when their rows have different lengths."""
    import numpy as np

    try:
        return np.asarray(values)
    except ValueError as error:
        raise DataError(f"{name} is no array: its rows have different lengths; give every row the same") from error


def plain(labels: np.ndarray, *, name: str) -> np.ndarray:
    """Return labels as bools, int64, float64 or text (numpy's `U`); raise DataError for anything else."""
    import numpy as np
    import pandas as pd

    if labels.dtype.kind == "O":
        check_none_missing(pd.isna(labels), name=name)
        types = sorted({plain_type(value) for value in labels.ravel()})
        if len(types) > 1:
            raise DataError(f"target {quoted(name)} mixes {listed(types)}; give its labels one type")
        labels = np.array(labels.tolist())
    wanted = {"b": "bool", "i": "int64", "u": "float64", "f": "float64", "U": "U", "S": "U", "T": "U"}.get(labels.dtype.kind)
    if wanted is None:
        raise DataError(f"target {quoted(name)} holds {labels.dtype.name} values; lmrun reads numbers, text and bools")
    return labels.astype(wanted)


def plain_type(value: object) -> str:
    """Return the name of a value's type, `number` for whole numbers and decimals alike."""
    from numbers import Real

    return "number" if isinstance(value, Real) and not isinstance(value, bool) else type(value).__name__


def check_finite(labels: np.ndarray, *, name: str) -> None:
    """Raise DataError when a label is missing or infinite, also once it is float32."""
    import numpy as np

    with np.errstate(over="ignore"):
        check_none_missing(~np.isfinite(labels.astype("float32")), name=name)


def check_none_missing(missing: np.ndarray, *, name: str) -> None:
    """Raise DataError that names the first of the rows whose label is missing."""
    rows = missing.nonzero()[0]
    if len(rows):
        found = counted(len(rows), "missing or infinite value")
        raise DataError(f"target {quoted(name)} has {found} (first: row {rows[0]}); drop or fill them before")


def read_kind(labels: np.ndarray) -> str:
    """Return the kind of task that labels set, when nobody said it.

    One column: text, bools and up to 20 different whole numbers are classes (two: binary, more: multiclass),
    other numbers a regression. Several columns: only 0 and 1 are multi-label, unless every row sums to 1,
    which is a one-hot multiclass; other numbers are a regression.
    """
    import numpy as np

    if labels.ndim == 2:
        return "multiclass" if is_one_hot(labels) else "multilabel" if is_zero_or_one(labels) else "regression"
    values = np.unique(labels)
    if labels.dtype.kind == "f" or (labels.dtype.kind == "i" and len(values) > MOST_CLASSES_OF_NUMBERS):
        return "regression"
    return "binary" if len(values) <= 2 else "multiclass"


def is_zero_or_one(labels: np.ndarray) -> bool:
    """Return whether labels are nothing but 0 and 1."""
    return bool(((labels == 0) | (labels == 1)).all())


def is_one_hot(labels: np.ndarray) -> bool:
    """Return whether labels are two or more columns of 0 and 1 that sum to 1 in every row."""
    several = labels.ndim == 2 and labels.shape[1] > 1
    return several and is_zero_or_one(labels) and bool((labels.sum(axis=1) == 1).all())


def is_soft(labels: np.ndarray, *, kind: str) -> bool:
    """Return whether labels are shares of classes: decimals from 0 to 1, which sum to 1 in rows of several columns."""
    import numpy as np

    if labels.dtype.kind != "f" or labels.min() < 0 or labels.max() > 1 or is_zero_or_one(labels):
        return False
    if kind == "binary":
        return labels.ndim == 1
    return labels.ndim == 2 and labels.shape[1] > 1 and bool(np.allclose(labels.sum(axis=1), 1, atol=1e-3))


def read_form(
    labels: np.ndarray, *, kind: str, name: str, class_names: Sequence[str] = (), target_names: Sequence[str] = ()
) -> LabelForm:
    """Return how labels from `read_labels` become their natural form for a kind of task, or for "auto".

    Classes are sorted (numbers by value, text alphabetically, False before True) or stand in the order of
    `class_names`. Raises ConfigError when the kind contradicts the labels, DataError for a single class.
    """
    if kind not in (*KINDS, "auto"):
        raise ConfigError(f"unknown task {quoted(kind)}{did_you_mean(kind, KINDS) or f'; known are {listed(KINDS)}'}")
    kind = read_kind(labels) if kind == "auto" else kind
    target = f"target {quoted(name)}"
    if kind in ("binary", "multiclass") and is_soft(labels, kind=kind):
        columns = (0, 1) if kind == "binary" else tuple(range(labels.shape[1]))
        names = next((tuple(n) for n in (class_names, target_names) if len(n) == len(columns)), columns)
        return LabelForm(kind=kind, values=columns, classes=names, is_soft=True)
    if kind == "regression":
        check_regression(labels, target=target)
        return LabelForm(kind=kind)
    if kind == "multilabel":
        check_multilabel(labels, target=target)
        names = class_names or (target_names if len(target_names) == labels.shape[1] else ())
        return LabelForm(kind=kind, classes=tuple(names) or tuple(range(labels.shape[1])))
    form = read_classes(labels, kind=kind, target=target, class_names=class_names, target_names=target_names)
    if len(form.values) < 2:
        raise DataError(f"{target} has one class ({quoted(form.values[0])}); nothing to learn")
    if kind == "binary" and len(form.values) > 2:
        count, shown = len(form.values), listed(form.values)
        raise ConfigError(f"task=binary, but {target} has {count} classes ({shown}); set task=multiclass")
    return form


def read_classes(
    labels: np.ndarray, *, kind: str, target: str, class_names: Sequence[str], target_names: Sequence[str]
) -> LabelForm:
    """Return the classes of a binary or multiclass target; raise ConfigError for labels that are no classes."""
    import numpy as np

    if labels.ndim == 2:
        if not is_one_hot(labels):
            better = "multilabel" if is_zero_or_one(labels) else "regression"
            raise ConfigError(f"task={kind}, but {target} has {labels.shape[1]} columns a row; set task={better}")
        columns = tuple(range(labels.shape[1]))
        named = next((tuple(n) for n in (class_names, target_names) if len(n) == len(columns)), columns)
        return LabelForm(kind=kind, values=columns, classes=named, is_one_hot=True)
    values = tuple(np.unique(labels).tolist())
    if labels.dtype.kind == "f":
        decimals = counted(len(values), "different decimal")
        raise ConfigError(f"task={kind}, but {target} has {decimals} (one is {values[0]:g}); set task=regression")
    known = tuple(class_names)
    if set(values) <= set(known):
        values = known
    elif set(values) <= set(range(len(known))):
        values = tuple(range(len(known)))
    return LabelForm(kind=kind, values=values, classes=known if len(known) == len(values) else values)


def check_regression(labels: np.ndarray, *, target: str) -> None:
    """Raise ConfigError for text, DataError for a target that is the same in every row."""
    if labels.dtype.kind == "U":
        raise ConfigError(f"task=regression, but {target} holds text ({quoted(labels[0], limit=20)}); set task=auto")
    if (labels == labels[0]).all():
        raise DataError(f"{target} is {labels[0]} in every row; nothing to learn")


def check_multilabel(labels: np.ndarray, *, target: str) -> None:
    """Raise ConfigError unless labels are columns of 0 and 1."""
    if labels.ndim == 1:
        raise ConfigError(f"task=multilabel wants columns of 0 and 1, but {target} is one column; set task=auto")
    if not is_zero_or_one(labels):
        raise ConfigError(f"task=multilabel wants columns of 0 and 1, but {target} holds others; set task=regression")


def natural_form(labels: np.ndarray, *, form: LabelForm, part: str) -> np.ndarray:
    """Return labels from `read_labels` in the natural form that `Part` describes.

    Raises DataError for a label that is none of the form's classes.
    """
    import numpy as np

    if (form.kind == "multilabel" and not is_zero_or_one(labels)) or (form.is_one_hot and not is_one_hot(labels)):
        raise DataError(f"the target of the {part} rows has other values than the training rows; give it the same form")
    if form.is_soft:
        if not is_soft(labels.astype("float64"), kind=form.kind) and not is_zero_or_one(labels):
            raise DataError(f"the labels of the {part} rows are no shares of classes; give them the training rows' form")
        return np.ascontiguousarray(labels, dtype="float32")
    if form.kind in ("multilabel", "regression"):
        return np.ascontiguousarray(labels.reshape(len(labels), -1), dtype="float32")
    if form.is_one_hot:
        return labels.argmax(axis=1)
    order = {value: index for index, value in enumerate(form.values)}
    values = np.unique(labels)
    unknown = [value for value in values.tolist() if value not in order]
    if unknown:
        raise DataError(f"the {part} rows hold label {quoted(unknown[0])}, which no other row has; drop those rows")
    indices = np.array([order[value] for value in values.tolist()], dtype="int64")
    return indices[np.searchsorted(values, labels)]  # an inverse of np.unique's would take three times the memory
