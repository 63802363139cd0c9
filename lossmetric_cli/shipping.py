"""The model of a run in the formats of others, each tried where lmrun is not before it is handed over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lossmetric_cli import build, catalog, devices, evaluation, export, runner, store
from lossmetric_cli.console import Voice, figure
from lossmetric_cli.data import Data
from lossmetric_cli.errors import ConfigError, TrainingError
from lossmetric_cli.record import Record
from lossmetric_cli.spec import Precision, RunSpec

#: Rows that a file is tried on.
ROWS = 256
#: The largest difference from the run's answers, in parts of the largest answer. A step in float32 is off by 6e-8, and a sum of
#: some thousand terms in another order by about 1e-6; a constant or a scale that is lost is off by 1e-2 and more.
TOLERANCE = 1e-4
#: Half precision keeps 8 bits (bfloat16): a step is off by 4e-3.
HALF_TOLERANCE = 3e-2


def ship(spec: RunSpec, record: Record, kinds: list[str], *, which: str, to: Path, voice: Voice) -> Path:
    """Write a run's `last` or `best` weights as a model in each of `catalog.EXPORTS` that is named, and return the folder.

    All of them are handed over, or none. Each has answered the run's validation rows in a process without lmrun.

    Raises:
        ConfigError: the run kept no model, or a format cannot hold it.
        TrainingError: a file does not load elsewhere, or answers otherwise than the run.
    """
    devices.start(spec)
    source = runner.load_source(spec)
    data = runner.load_data(spec, source=source, fold=record.info.get("fold", 1) - 1)
    model = _model(spec, record, data, which)
    rows, expected, of_whom = _trial(record, source, data, model, which)
    labels = _labels(record)
    tolerance = TOLERANCE if spec.precision is Precision.float32 else HALF_TOLERANCE
    table, notes = [], []
    with store.staging(to) as place:
        for kind in kinds:
            voice.wait(f"writing {kind}")
            note = export.write(kind, model, place / catalog.EXPORTS[kind], rows=rows, labels=labels)
            notes += [f"{catalog.EXPORTS[kind]} {note}"] if note else []
        for kind in kinds:
            voice.wait(f"trying {kind}")
            written = place / catalog.EXPORTS[kind]
            off, share = _tried(kind, written, rows, expected, labels, tolerance=tolerance)
            table.append([kind, written.name, _size(written), figure(off), f"{share:.0e}"])
        for kind in kinds:
            target = to / catalog.EXPORTS[kind]
            notes += [f"{target.name} stands in place of an earlier one"] if target.exists() else []
            store.hand_over(place / catalog.EXPORTS[kind], target)
    voice.say(f" exports     the {which} weights of {record.info['title']}", style="bold")
    for note in notes:
        voice.note(note)
    voice.note(f"each was loaded without lmrun, and its answers to {_count(rows)} rows held against {of_whom}")
    voice.table(["format", "file", "size", "differs by", "relative"], table)
    return to


def _tried(
    kind: str, file: Path, rows: Any, expected: dict[str, np.ndarray], labels: Any, *, tolerance: float
) -> tuple[float, float]:
    """Return the largest difference of what a file answers elsewhere, and its share of the largest answer.

    Raises TrainingError where it is too large.
    """
    answers, found = export.answers_elsewhere(kind, file, rows, modules=export.own_modules(file))
    if answers.keys() != expected.keys():
        raise TrainingError(f"{file.name} answers with {', '.join(answers)}, and the run with {', '.join(expected)}")
    off, share = export.largest_difference(expected, answers)
    if not share <= tolerance:
        raise TrainingError(
            f"{file.name} answers otherwise than the run, by up to {off:.3g}, {share:.1g} of the largest answer; "
            f"up to {tolerance:g} is rounding. It is not kept; type another format="
        )
    if found != labels:
        raise TrainingError(f"{file.name} holds the labels {found}, and the run has {labels}; it is not kept")
    return off, share


def _model(spec: RunSpec, record: Record, data: Data, which: str) -> Any:
    """Return the model of a run with its last or best weights; one of own code that Keras cannot find is built again."""
    file = export.file_of(record.folder, which, spec.callbacks)
    build.resolve(spec.model["_target_"], path="model")  # own classes are registered where their module is imported
    try:
        model = export.load(export.file_of(record.folder, "last", {}))
    except ConfigError:
        if spec.model["_target_"].split(".")[0] in build.TRUSTED:
            raise
        network = evaluation.rebuilt(spec, data, record).model
        export.restore(network, file)
        return export.deployable(network, data.encoder)
    if which == "best":
        export.restore(export.network_in(model), file)
    return model


def _trial(record: Record, source: Any, data: Data, model: Any, which: str) -> tuple[Any, dict[str, np.ndarray], str]:
    """Return raw rows, what is to be answered to them by output, and whose answers that are."""
    name, part = ("val", data.val) if data.val is not None else ("train", data.train)
    places = np.arange(min(ROWS, len(part)))
    rows = _raw(source, data, part, places)
    kept = _answers(record, name) if which == "last" and data.fingerprint == record.info.get("data_sha256") else {}
    if len(kept.get("rows", ())) == len(part) and _count(rows) == len(places):
        return rows, {output: kept[output][places] for output in kept if output != "rows"}, "the run's"
    answer = model.predict(rows, batch_size=32, verbose=0)
    return rows, answer if isinstance(answer, dict) else {"": answer}, "the model's here"


def _raw(source: Any, data: Data, part: Any, places: np.ndarray) -> Any:
    """Return rows of a part as the model that leaves takes them: of a table its raw columns, of a streamed one its first."""
    if data.encoder is None:
        return {name: array[places] for name, array in part.x.items()} if isinstance(part.x, dict) else part.x[places]
    rows = part.rows[places]
    if hasattr(source.x, "head"):
        known = source.x.known(rows)
        return data.encoder.given(known if _count(known) else source.x.known(places))
    return data.encoder.given({name: cells[rows] for name, cells in source.x.items()})


def _count(rows: Any) -> int:
    return len(next(iter(rows.values()))) if isinstance(rows, dict) else len(rows)


def _answers(record: Record, part: str) -> dict[str, np.ndarray]:
    """Return what predictions.npz has of a part: the answers by output, "" for a single one, and `rows`."""
    path = record.folder / "predictions.npz"
    if not path.exists():
        return {}
    with np.load(path, allow_pickle=False) as arrays:
        found = {
            name.removeprefix(f"{part}_pred").lstrip("_"): arrays[name] for name in arrays if name.startswith(f"{part}_pred")
        }
        return found | ({"rows": arrays[f"{part}_rows"]} if f"{part}_rows" in arrays else {})


def _labels(record: Record) -> Any:
    """Return the names of the classes as text, of several outputs a dict of them; of quantities an empty list."""
    outputs = record.info.get("outputs")
    if outputs:
        return {name: [str(label) for label in facts["classes"]] for name, facts in outputs.items()}
    return [str(label) for label in record.info["task"]["classes"]]


def _size(path: Path) -> str:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files)
    return f"{size / 1e6:.2f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"
