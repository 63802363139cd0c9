"""From what a source returns to the parts of a run: labels read, rows split, the task measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lossmetric_cli.data.dataset import Data, Dataset, Part
from lossmetric_cli.data.labels import LabelForm, as_array, natural_form, read_form, read_labels
from lossmetric_cli.data.remarks import remarks
from lossmetric_cli.data.sentences import counted, quoted
from lossmetric_cli.errors import ConfigError, DataError
from lossmetric_cli.task import Scale, Task

if TYPE_CHECKING:
    import numpy as np

    Arrays = tuple[np.ndarray, np.ndarray]


def prepare(source: Any, *, kind: str = "auto", split: Callable[..., dict[str, np.ndarray]], seed: int) -> Data:
    """Return the parts of a source, ready to train on.

    `source` is a Dataset, a pair `(x, y)`, or `((x, y), (x_test, y_test))` as from keras.datasets. `kind` is
    the user's word for the task and wins over the source's. `split(labels=, kind=, seed=)` returns the rows of
    `train`, `val` and `test` (see `holdout`).

    Raises DataError for faults in the arrays, ConfigError for a request that contradicts them.
    """
    dataset = as_dataset(source)
    kind = dataset.kind if kind == "auto" else kind
    name = dataset.target_names[0] if len(dataset.target_names) == 1 else "y"
    x, labels = read_rows(dataset.x, dataset.y, names=dataset.feature_names, target=name, kind=kind)
    form = read_form(labels, kind=kind, name=name, class_names=dataset.class_names, target_names=dataset.target_names)
    y = natural_form(labels, form=form, part="training")
    apart = read_apart(dataset, x=x, labels=labels, form=form, target=name)
    rows = split(labels=y, kind=form.kind, seed=seed)
    parts = {part: Part(x=x[where], y=y[where], rows=where) for part, where in rows.items() if len(where)}
    if apart is not None:
        check_no_second_test(parts)
        parts["test"] = apart
    if "train" not in parts:
        raise DataError("the split leaves no rows to train on; set validation=none")
    data = Data(
        train=parts["train"],
        val=parts.get("val"),
        test=parts.get("test"),
        task=measure_task(parts["train"], form=form),
        fingerprint=fingerprint(x, y, *((apart.x, apart.y) if apart else ())),
        feature_names=dataset.feature_names,
        target_names=dataset.target_names,
    )
    data.notes = [*dataset.notes, *filter(None, [form.note]), *remarks(data)]
    return data


def as_dataset(source: Any) -> Dataset:
    """Return a Dataset from any of the forms that `prepare` takes; raise DataError for another."""
    if isinstance(source, Dataset):
        return source
    if not isinstance(source, tuple) or len(source) != 2:
        raise DataError(f"data returned {type(source).__name__}; return (x, y) or ((x, y), (x_test, y_test))")
    first, second = source
    if isinstance(first, tuple) and isinstance(second, tuple) and len(first) == len(second) == 2:
        return Dataset(x=first[0], y=first[1], feature_names=column_names(first[0]), test=second)
    return Dataset(x=first, y=second, feature_names=column_names(first))


def column_names(x: Any) -> tuple[str, ...]:
    """Return the column names of a pandas table, () for anything else."""
    return tuple(str(name) for name in getattr(x, "columns", ()))


def read_rows(x: Any, y: Any, *, names: tuple[str, ...], target: str, kind: str, part: str = "") -> Arrays:
    """Return inputs as float32 (rows, *input_shape) and labels as `read_labels` does, as many as inputs.

    Raises DataError for no rows, numbers that differ, text, and missing or infinite values. `part` says
    whose rows they are when they are not the main ones.
    """
    inputs = read_inputs(x, names=names)
    labels = read_labels(y, name=target, kind=kind) if len(inputs) else as_array(y, name=target)
    where = f"{part} " if part else ""
    if inputs.size == 0:
        raise DataError(f"the {where}data is empty: x has shape {inputs.shape}; nothing to learn")
    if len(inputs) != len(labels):
        rows, count = counted(len(inputs), "row"), counted(len(labels), "label")
        raise DataError(f"the {where}data has {rows} and {count}; give every row one label")
    return inputs, labels


def read_inputs(x: Any, *, names: tuple[str, ...]) -> np.ndarray:
    """Return inputs as contiguous float32 (rows, *input_shape), (rows,) as (rows, 1), values unscaled."""
    import numpy as np

    array = as_array(x, name="x")
    if array.ndim == 0 or array.dtype.kind not in "biufO":
        raise DataError(f"x has {array.ndim} axes of {array.dtype.name}; lmrun reads rows of numbers")
    try:
        with np.errstate(over="ignore"):
            array = np.ascontiguousarray(array, dtype="float32")
    except (TypeError, ValueError) as error:
        raise DataError(f"x is not all numbers ({quoted(error, limit=80)}); encode text as numbers before") from error
    array = array[:, np.newaxis] if array.ndim == 1 else array
    check_inputs(array, names=names)
    return array


def check_inputs(x: np.ndarray, *, names: tuple[str, ...]) -> None:
    """Raise DataError that names the first feature with missing or infinite values."""
    import numpy as np

    bad = np.argwhere(~np.isfinite(x))
    if not len(bad):
        return
    what, rows = "x", bad[:, 0]
    if x.ndim == 2:
        column = bad[:, 1].min()
        rows = bad[bad[:, 1] == column, 0]
        what = f"feature {quoted(names[column] if len(names) == x.shape[1] else f'x[{column}]')}"
    found = counted(len(rows), "missing or infinite value")
    raise DataError(f"{what} has {found} (first: row {rows[0]}); drop or fill them before")


def read_apart(dataset: Dataset, *, x: np.ndarray, labels: np.ndarray, form: LabelForm, target: str) -> Part | None:
    """Return the rows that the source keeps apart, or None; raise DataError when their shape is another."""
    import numpy as np

    if dataset.test is None:
        return None
    x_test, y_test = read_rows(*dataset.test, names=dataset.feature_names, target=target, kind=form.kind, part="test")
    if x_test.shape[1:] != x.shape[1:] or y_test.shape[1:] != labels.shape[1:]:
        shapes = f"{x_test.shape[1:]} and {y_test.shape[1:]}, not {x.shape[1:]} and {labels.shape[1:]}"
        raise DataError(f"rows of x_test and y_test have shapes {shapes}; give them the training rows' form")
    return Part(x=x_test, y=natural_form(y_test, form=form, part="test"), rows=np.arange(len(x_test)))


def check_no_second_test(parts: dict[str, Part]) -> None:
    """Raise ConfigError when the split draws test rows from data that has its own."""
    if "test" in parts:
        raise ConfigError("the data has test rows of its own, and the split draws others; set validation.test_split=0")


def measure_task(train: Part, *, form: LabelForm) -> Task:
    """Return the task that the training rows set, with the scale of a table's columns and of a regression's targets."""
    units = {"binary": 1, "multiclass": len(form.values)}.get(form.kind) or train.y.shape[1]
    return Task(
        kind=form.kind,
        input_shape=train.x.shape[1:],
        units=units,
        classes=form.classes,
        inputs=measure_scale(train.x) if train.x.ndim == 2 else None,
        targets=measure_scale(train.y) if form.kind == "regression" else None,
    )


def measure_scale(columns: np.ndarray) -> Scale:
    """Return mean and standard deviation of each column (divided by n, summed in float64), float32.

    The deviation of a constant column is 1, so that dividing by it changes nothing.
    """
    import numpy as np

    mean, deviation = columns.mean(axis=0, dtype="float64"), columns.std(axis=0, dtype="float64")
    constant = columns.min(axis=0) == columns.max(axis=0)
    return Scale(mean=mean.astype("float32"), deviation=np.where(constant, 1, deviation).astype("float32"))


def fingerprint(*arrays: np.ndarray) -> str:
    """Return the sha256 of the arrays' shapes and bytes, in hexadecimal."""
    from hashlib import sha256

    digest = sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(memoryview(array).cast("B"))
    return digest.hexdigest()
