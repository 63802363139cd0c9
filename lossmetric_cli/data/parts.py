"""From what a source returns to the parts of a run: labels read, rows split, the task measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lossmetric_cli.data.answers import Answer, answers_in, answers_of, of_outputs, read_answer, read_rows
from lossmetric_cli.data.dataset import Data, Dataset, Part
from lossmetric_cli.data.encoder import Encoder, absences, filled, fit, unseen
from lossmetric_cli.data.inputs import arrays_of, facts_of, fingerprint, ids_in, read_inputs, row_count, rows_at
from lossmetric_cli.data.iterables import is_stream, read_stream
from lossmetric_cli.data.labels import LabelForm, as_array, natural_form
from lossmetric_cli.data.leaks import giveaways
from lossmetric_cli.data.reconstruction import RECONSTRUCTION, in_deviations, reconstructing, with_input
from lossmetric_cli.data.remarks import remarks
from lossmetric_cli.data.scales import measure_scale
from lossmetric_cli.data.sentences import counted
from lossmetric_cli.data.streams import Stream
from lossmetric_cli.data.windows import forecast, window_notes
from lossmetric_cli.errors import ConfigError, DataError
from lossmetric_cli.task import Task

if TYPE_CHECKING:
    import numpy as np


def prepare(
    source: Any,
    *,
    kind: str = "auto",
    split: Callable[..., dict[str, np.ndarray]],
    seed: int,
    outputs: dict[str, list[str]] | None = None,
) -> Data:
    """Return the parts of a source, ready to train on.

    `source` is a Dataset, a pair `(x, y)`, or `((x, y), (x_test, y_test))` as from keras.datasets; or a tf.data.Dataset or
    a keras.utils.PyDataset that ends. `kind` is the user's word for the task and wins over the source's; "reconstruction"
    answers with the inputs themselves. `split(labels=, kind=, seed=)` returns the rows of `train`, `val` and `test` (see
    `holdout`); it is given the `span` of windows too. `outputs` names the target columns of each answer of the model,
    where it has several.

    Raises DataError for faults in the arrays, ConfigError for a request that contradicts them.
    """
    dataset = as_dataset(source)
    kind = dataset.kind if kind == "auto" else kind
    itself = kind == RECONSTRUCTION
    if itself:
        dataset, kind = reconstructing(dataset, outputs=outputs), "regression"
    dataset, outputs, copies = with_input(dataset, outputs)
    asked = answers_of(dataset, kind=kind, outputs=outputs)
    x, x_test = opened(dataset)
    answers = {name: read_answer(dataset, answer, rows=row_count(x)) for name, answer in asked.items()}
    y = {name: answer.y for name, answer in answers.items()}
    weights = read_weights(dataset.weights, rows=row_count(x))
    known = {"span": dataset.span, "groups": read_groups(dataset, rows=row_count(x))}
    rows = draw_rows(y, weights, answers, split=split, seed=seed, known=known)
    if dataset.test is not None:
        check_no_second_test(rows)
    if "train" not in rows:
        raise DataError("the split leaves no rows to train on; set validation=none")
    encoder, notes = fitted(dataset, x, x_test, rows)
    if encoder:
        x = x.encode(encoder) if isinstance(x, Stream) else encoder.encode(x)
        x_test = None if x_test is None else encoder.encode(x_test)
        notes += dataset.x.notes if isinstance(dataset.x, Stream) else []
    parts = parts_of(dataset, x, x_test, rows, answers, weights=weights)
    if itself or copies:
        in_deviations(parts, copies)
    apart = parts["test"] if dataset.test is not None else None
    forms = {name: answer.form for name, answer in answers.items()}
    data = Data(
        train=parts["train"],
        val=parts.get("val"),
        test=parts.get("test"),
        task=measure_task(parts["train"], forms=forms, values=encoder.values if encoder else ids_in(x, x_test)),
        fingerprint=fingerprint(*arrays_of(x), *y.values(), *((*arrays_of(apart.x), *answers_in(apart)) if apart else ())),
        feature_names=encoder.names.get("numbers", ()) if encoder else dataset.feature_names,
        target_names=dataset.target_names,
        encoder=encoder,
    )
    labels = filter(None, [form.note for form in forms.values()])
    raw = known_rows(dataset.x, rows["train"]) if encoder else columns_of(data)
    windows = window_notes(data, rows=row_count(x))
    data.notes = [*dataset.notes, *notes, *labels, *windows, *remarks(data), *given_away(raw, data)]
    return data


def given_away(columns: dict[str, np.ndarray], data: Data) -> list[str]:
    """Return what is to be said of columns that tell the answer by themselves."""
    if data.task.outputs or data.task.is_soft or data.task.kind == "multilabel":
        return []
    seen = row_count(columns)  # of a table that is streamed the first rows alone
    return list(giveaways(columns, data.train.y[:seen], is_regression=data.task.kind == "regression"))


def columns_of(data: Data) -> dict[str, np.ndarray]:
    """Return the training columns of a table by name, {} of other inputs."""
    x = data.train.x
    if isinstance(x, dict) or x.ndim != 2:
        return {}
    names = data.feature_names if len(data.feature_names) == x.shape[1] else [f"x[{place}]" for place in range(x.shape[1])]
    return {name: x[:, place] for place, name in enumerate(names)}


def parts_of(
    dataset: Dataset, x: Any, x_test: Any, rows: dict[str, np.ndarray], answers: dict[str, Answer], *, weights: Any
) -> dict[str, Part]:
    """Return the parts of encoded inputs, and that of the rows which the source keeps apart."""
    parts = {
        part: Part(
            x=rows_at(x, where),
            y=of_outputs({name: answer.y[where] for name, answer in answers.items()}),
            rows=where,
            weights=taken(weights, where),
            span=taken(dataset.span, where),
        )
        for part, where in rows.items()
    }
    forecast(parts, dataset.naive, answers)
    if dataset.test is not None:
        parts["test"] = read_apart(dataset, x=x, x_test=x_test, answers=answers)
    return parts


def opened(dataset: Dataset) -> tuple[Any, Any]:
    """Return all inputs, and those of the rows kept apart or None; the columns of a table are still raw.

    Raises DataError where there are no rows.
    """
    found = [dataset.x, None if dataset.test is None else dataset.test[0]]
    for number, (x, part) in enumerate(zip(found, ("", "test "), strict=True)):
        if x is not None:
            found[number] = x = x if dataset.columns else read_inputs(x, names=dataset.feature_names)
            for array in () if isinstance(x, Stream) else arrays_of(x):
                if array.size == 0:
                    raise DataError(f"the {part}data is empty: x has shape {array.shape}; nothing to learn")
    return found[0], found[1]


def fitted(dataset: Dataset, x: Any, x_test: Any, rows: dict[str, np.ndarray]) -> tuple[Encoder | None, list[str]]:
    """Return the encoder of a table's columns, which knows the training rows alone, and what other rows have beyond them."""
    if not dataset.columns:
        return None, []
    is_streamed = isinstance(x, Stream)
    trained = x.learned(rows["train"]) if is_streamed else rows_at(x, rows["train"])
    encoder = fit(dataset.columns, trained, recipe=dataset.recipe)
    words = {"val": "validation", "test": "test"}
    others = {} if is_streamed else {words[part]: rows_at(x, where) for part, where in rows.items() if part != "train"}
    others |= {} if x_test is None else {"test": x_test}
    strange = [note for word, raw in others.items() for note in unseen(dataset.columns, trained, raw, word=word)]
    absent = Counter({} if is_streamed else absences(dataset.columns, x))
    absent.update(absences(dataset.columns, x_test) if x_test is not None else {})
    return encoder, [*encoder.notes, *filled(dataset.columns, encoder, recipe=dataset.recipe, absent=absent), *strange]


def known_rows(x: Any, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Return the raw cells of some rows, of a table that is streamed those of its first block."""
    return x.known(rows) if isinstance(x, Stream) else rows_at(x, rows)


def taken(values: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    """Return what belongs to some rows, None where nothing does."""
    return None if values is None else values[rows]


def draw_rows(
    y: dict[str, np.ndarray],
    weights: np.ndarray | None,
    answers: dict[str, Answer],
    *,
    split: Callable[..., dict[str, np.ndarray]],
    seed: int,
    known: dict[str, np.ndarray | None],
) -> dict[str, np.ndarray]:
    """Return the rows of each part that has some; of several targets the first one of classes decides the proportions.

    The split is handed what is `known` of the rows: their `span`, what they belong to.

    Raises DataError for a part whose rows all weigh 0: its loss would be 0 whatever the model answers.
    """
    leading = next((name for name, answer in answers.items() if answer.form.kind != "regression"), next(iter(answers)))
    form = answers[leading].form
    facts = {name: values for name, values in known.items() if values is not None}
    rows = split(labels=y[leading], kind="regression" if form.is_soft else form.kind, seed=seed, **facts)
    for part, where in rows.items():
        if weights is not None and len(where) and not weights[where].any():
            told = f"all {counted(len(where), f'{part} row')} weigh 0, so that their loss is 0 whatever the model answers"
            raise DataError(f"{told}; give some of them a weight, or another seed")
    return {part: where for part, where in rows.items() if len(where)}


def read_groups(dataset: Dataset, *, rows: int) -> np.ndarray | None:
    """Return what each row belongs to, (rows,); raise DataError unless there is one a row."""
    import numpy as np

    if dataset.groups is None:
        return None
    groups = np.asarray(dataset.groups).reshape(-1)
    if len(groups) != rows:
        raise DataError(f"the data has {counted(rows, 'row')} and {counted(len(groups), 'group')}; give every row one group")
    return groups


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
    if is_stream(source):
        return read_stream(source)
    if not isinstance(source, tuple) or len(source) != 2:
        raise DataError(f"data returned {type(source).__name__}; return (x, y) or ((x, y), (x_test, y_test))")
    first, second = source
    if isinstance(first, tuple) and isinstance(second, tuple) and len(first) == len(second) == 2:
        return Dataset(x=first[0], y=first[1], feature_names=column_names(first[0]), test=second)
    return Dataset(x=first, y=second, feature_names=column_names(first))


def column_names(x: Any) -> tuple[str, ...]:
    """Return the column names of a pandas table, () for anything else."""
    return tuple(str(name) for name in getattr(x, "columns", ()))


def read_apart(dataset: Dataset, *, x: Any, x_test: Any, answers: dict[str, Answer]) -> Part:
    """Return the rows that the source keeps apart; raise DataError when their shape is another."""
    import numpy as np

    rows, y = row_count(x_test), {}
    for name, answer in answers.items():
        labels = read_rows(answer.of(dataset.test[1]), rows=rows, target=answer.name, kind=answer.form.kind, part="test")
        shapes = [array.shape[1:] for array in arrays_of(x_test)], labels.shape[1:]
        if shapes != ([array.shape[1:] for array in arrays_of(x)], answer.labels.shape[1:]):
            told = f"{shapes[0][0]} and {shapes[1]}, not {arrays_of(x)[0].shape[1:]} and {answer.labels.shape[1:]}"
            raise DataError(f"rows of x_test and y_test have shapes {told}; give them the training rows' form")
        y[name] = natural_form(labels, form=answer.form, part="test")
    weights = read_weights(dataset.test_weights, rows=rows, part="test")
    return Part(x=x_test, y=of_outputs(y), rows=np.arange(rows), weights=weights)


def check_no_second_test(parts: dict[str, np.ndarray]) -> None:
    """Raise ConfigError when the split draws test rows from data that has its own."""
    if "test" in parts:
        raise ConfigError("the data has test rows of its own, and the split draws others; set validation.test_split=0")


def measure_task(train: Part, *, forms: dict[str, LabelForm], values: dict[str, int]) -> Task:
    """Return the task that the training rows set, with the scale of a table's columns and of a regression's targets.

    `values` are how many different numbers each input of ids has.
    """
    inputs = facts_of(train.x, values)
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
