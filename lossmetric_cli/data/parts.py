"""From what a source returns to the parts of a run: labels read, rows split, the task measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lossmetric_cli.data.dataset import Data, Dataset, Part
from lossmetric_cli.data.labels import LabelForm, as_array, natural_form, read_form, read_labels
from lossmetric_cli.data.remarks import remarks
from lossmetric_cli.data.sentences import counted, listed, quoted
from lossmetric_cli.errors import ConfigError, DataError, did_you_mean
from lossmetric_cli.task import Scale, Task

if TYPE_CHECKING:
    import numpy as np

    Arrays = tuple[np.ndarray, np.ndarray]


def prepare(
    source: Any,
    *,
    kind: str = "auto",
    split: Callable[..., dict[str, np.ndarray]],
    seed: int,
    outputs: dict[str, list[str]] | None = None,
) -> Data:
    """Return the parts of a source, ready to train on.

    `source` is a Dataset, a pair `(x, y)`, or `((x, y), (x_test, y_test))` as from keras.datasets. `kind` is
    the user's word for the task and wins over the source's. `split(labels=, kind=, seed=)` returns the rows of
    `train`, `val` and `test` (see `holdout`). `outputs` names the target columns of each answer of the model, where it
    has several.

    Raises DataError for faults in the arrays, ConfigError for a request that contradicts them.
    """
    dataset = as_dataset(source)
    kind = dataset.kind if kind == "auto" else kind
    asked = answers_of(dataset, kind=kind, outputs=outputs)
    answers = {name: read_answer(dataset, answer) for name, answer in asked.items()}
    x = read_inputs(dataset.x, names=dataset.feature_names)
    y = {name: answer.y for name, answer in answers.items()}
    weights = read_weights(dataset.weights, rows=len(x))
    parts = split_rows(x, y, weights, answers, split=split, seed=seed, groups=read_groups(dataset, rows=len(x)))
    if dataset.test is not None:
        check_no_second_test(parts)
        parts["test"] = read_apart(dataset, x=x, answers=answers)
    if "train" not in parts:
        raise DataError("the split leaves no rows to train on; set validation=none")
    apart = parts["test"] if dataset.test is not None else None
    data = Data(
        train=parts["train"],
        val=parts.get("val"),
        test=parts.get("test"),
        task=measure_task(parts["train"], forms={name: answer.form for name, answer in answers.items()}),
        fingerprint=fingerprint(x, *y.values(), *((apart.x, *answers_in(apart)) if apart else ())),
        feature_names=dataset.feature_names,
        target_names=dataset.target_names,
    )
    data.notes = [*dataset.notes, *filter(None, [answer.form.note for answer in answers.values()]), *remarks(data)]
    return data


@dataclass
class Answer:
    """One target as a source holds it, and once it is read."""

    name: str
    columns: Any
    kind: str
    class_names: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()
    labels: Any = None
    form: Any = None
    y: Any = None

    def of(self, labels: Any) -> Any:
        """Return the columns of this target."""
        import numpy as np

        if self.columns is None:
            return labels
        chosen = np.asarray(labels)[:, self.columns]
        return chosen[:, 0] if len(self.columns) == 1 else chosen


def answers_of(dataset: Dataset, *, kind: str, outputs: dict[str, list[str]] | None) -> dict[str, Answer]:
    """Return the targets by output; a single one, all columns together, has no name.

    Raises ConfigError for a target that the source does not have.
    """
    if not outputs:
        name = dataset.target_names[0] if len(dataset.target_names) == 1 else "y"
        return {"": Answer(name, None, kind, dataset.class_names, dataset.target_names)}
    known = list(dataset.target_names)
    found = {}
    for output, targets in outputs.items():
        for target in targets:
            if target not in known:
                hint = did_you_mean(target, known) or f"; the data has {listed(known) or 'one target without a name'}"
                raise ConfigError(f"outputs.{output}.target: no target is called {quoted(target)}{hint}")
        found[output] = Answer(output, [known.index(target) for target in targets], "auto", target_names=tuple(targets))
    return found


def read_answer(dataset: Dataset, answer: Answer) -> Answer:
    """Return a target with its labels, their form and its natural form filled in."""
    _, answer.labels = read_rows(
        dataset.x, answer.of(dataset.y), names=dataset.feature_names, target=answer.name, kind=answer.kind
    )
    answer.form = read_form(
        answer.labels,
        kind=answer.kind,
        name=answer.name,
        class_names=answer.class_names,
        target_names=answer.target_names,
    )
    answer.y = natural_form(answer.labels, form=answer.form, part="training")
    return answer


def split_rows(
    x: np.ndarray,
    y: dict[str, np.ndarray],
    weights: np.ndarray | None,
    answers: dict[str, Answer],
    *,
    split: Callable[..., dict[str, np.ndarray]],
    seed: int,
    groups: np.ndarray | None = None,
) -> dict[str, Part]:
    """Return the parts that a split makes; of several targets the first one of classes decides the proportions.

    Raises DataError for a part whose rows all weigh 0: its loss would be 0 whatever the model answers.
    """
    leading = next((name for name, answer in answers.items() if answer.form.kind != "regression"), next(iter(answers)))
    form = answers[leading].form
    together = {} if groups is None else {"groups": groups}
    rows = split(labels=y[leading], kind="regression" if form.is_soft else form.kind, seed=seed, **together)
    for part, where in rows.items():
        if weights is not None and len(where) and not weights[where].any():
            told = f"all {counted(len(where), f'{part} row')} weigh 0, so that their loss is 0 whatever the model answers"
            raise DataError(f"{told}; give some of them a weight, or another seed")
    return {
        part: Part(
            x=x[where],
            y=of_outputs({name: labels[where] for name, labels in y.items()}),
            rows=where,
            weights=None if weights is None else weights[where],
        )
        for part, where in rows.items()
        if len(where)
    }


def read_groups(dataset: Dataset, *, rows: int) -> np.ndarray | None:
    """Return what each row belongs to, (rows,); raise DataError unless there is one a row, and several of them."""
    import numpy as np

    if dataset.groups is None:
        return None
    groups = np.asarray(dataset.groups).reshape(-1)
    if len(groups) != rows:
        raise DataError(f"the data has {counted(rows, 'row')} and {counted(len(groups), 'group')}; give every row one group")
    return groups


def of_outputs(y: dict[str, Any]) -> Any:
    """Return labels by output, or the labels alone where there is one answer."""
    return y.get("", y)


def answers_in(part: Part) -> list[np.ndarray]:
    """Return the labels of every output of a part."""
    return list(part.y.values()) if isinstance(part.y, dict) else [part.y]


def read_weights(weights: Any, *, rows: int, part: str = "") -> np.ndarray | None:
    """Return row weights as float32 (rows,); raise DataError unless they are numbers from 0 up, one a row."""
    import numpy as np

    if weights is None:
        return None
    array = as_array(weights, name="weights").reshape(-1).astype("float32")
    wrong = np.flatnonzero(~np.isfinite(array) | (array < 0))
    if len(array) != rows or len(wrong) or not array.any():
        where = f"{part} " if part else ""
        found = (
            f"row {wrong[0]} has {array[wrong[0]]:g}"
            if len(wrong)
            else f"there are {len(array):,}, the largest {array.max():g}"
        )
        raise DataError(f"the {where}rows' weights must be {rows:,} finite numbers >= 0, not all of them 0; {found}")
    return array


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
    """Return inputs as contiguous float32 (rows, *input_shape), (rows,) as (rows, 1), values unscaled.

    The bytes of images, uint8 (rows, height, width, channels), stay bytes: a quarter of the memory.
    """
    import numpy as np

    array = as_array(x, name="x")
    if array.ndim == 0 or array.dtype.kind not in "biufO":
        raise DataError(f"x has {array.ndim} axes of {array.dtype.name}; lmrun reads rows of numbers")
    if array.dtype == "uint8" and array.ndim == 4:
        return np.ascontiguousarray(array)
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


def read_apart(dataset: Dataset, *, x: np.ndarray, answers: dict[str, Answer]) -> Part:
    """Return the rows that the source keeps apart; raise DataError when their shape is another."""
    import numpy as np

    y = {}
    for name, answer in answers.items():
        x_test, labels = read_rows(
            dataset.test[0],
            answer.of(dataset.test[1]),
            names=dataset.feature_names,
            target=answer.name,
            kind=answer.form.kind,
            part="test",
        )
        if x_test.shape[1:] != x.shape[1:] or labels.shape[1:] != answer.labels.shape[1:]:
            shapes = f"{x_test.shape[1:]} and {labels.shape[1:]}, not {x.shape[1:]} and {answer.labels.shape[1:]}"
            raise DataError(f"rows of x_test and y_test have shapes {shapes}; give them the training rows' form")
        y[name] = natural_form(labels, form=answer.form, part="test")
    weights = read_weights(dataset.test_weights, rows=len(x_test), part="test")
    return Part(x=x_test, y=of_outputs(y), rows=np.arange(len(x_test)), weights=weights)


def check_no_second_test(parts: dict[str, Part]) -> None:
    """Raise ConfigError when the split draws test rows from data that has its own."""
    if "test" in parts:
        raise ConfigError("the data has test rows of its own, and the split draws others; set validation.test_split=0")


def measure_task(train: Part, *, forms: dict[str, LabelForm]) -> Task:
    """Return the task that the training rows set, with the scale of a table's columns and of a regression's targets."""
    scale = measure_scale(train.x) if train.x.ndim == 2 else None
    inputs = {"input_shape": train.x.shape[1:], "input_dtype": train.x.dtype.name, "scale": scale}
    tasks = {name: measure_answer(train.y[name] if name else train.y, form=form, **inputs) for name, form in forms.items()}
    return tasks[""] if "" in tasks else Task("several", units=0, outputs=tasks, **inputs)


def measure_answer(y: np.ndarray, *, form: LabelForm, **inputs: Any) -> Task:
    """Return the task of one answer; `inputs` are the fields of `Task` on what it is answered from."""
    units = {"binary": 1, "multiclass": len(form.values)}.get(form.kind) or y.shape[1]
    return Task(
        kind=form.kind,
        units=units,
        classes=form.classes,
        targets=measure_scale(y) if form.kind == "regression" else None,
        is_soft=form.is_soft,
        **inputs,
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
