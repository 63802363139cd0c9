"""The weights of a run scored again: on other metrics, on rows that the run has not seen."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import tempfile
from pathlib import Path
from typing import Any

from lossmetric_cli import devices, export, runner, store
from lossmetric_cli.assembly import Setup, assemble
from lossmetric_cli.console import Voice, figure, span
from lossmetric_cli.data import Data, Part
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.record import Record
from lossmetric_cli.spec import RunSpec

#: How far a figure may be from that of the run, in parts of it.
TOLERANCE = 1e-6


def evaluate(
    spec: RunSpec, record: Record, *, which: str, words: list[str], voice: Voice, other: RunSpec | None, is_new: bool
) -> Path:
    """Score a run's `last` or `best` weights with what `spec` says, print the figures, and return the folder that keeps them.

    The data is split as in the run, so that what is fitted on training rows is what it was; `is_new` says that its test rows
    are new ones, and `other` is the config of other data to take them from.

    Raises ConfigError where the weights do not fit what `spec` builds, DataError for new rows that do not fit the run's.
    """
    file = export.file_of(record.folder, which, spec.callbacks)
    machine = devices.start(spec)
    data = runner.load_data(spec, fold=record.info.get("fold", 1) - 1, without=("test",) if is_new else ())
    if other:
        data.test = _rows_of(other, data)
    with machine.scope():
        setup = rebuilt(spec, data, record)
        export.restore(setup.model, file)
    setup.rows.retrace(setup.model)  # as `fit` does: to evaluate by what the rows are fed with
    figures, answers = runner.evaluate(setup), runner.predict(setup, data, seed=spec.seed)
    ends = runner.sureness(setup, figures, answers, seed=spec.seed)
    scores = runner.asked(setup, figures)
    known = {part: values for part, values in record.scores.items() if part in scores and not (is_new and part == "test")}
    apart = _differing(scores, known) if which == "last" else {}
    told = [_why(record, data, apart)] if apart else []
    told += [f"test is {len(data.test):,} rows that are none of the run's"] if is_new else []
    voice.say(f" scores      the {which} weights of {record.info['title']}", style="bold")
    for note in [*(note for note in data.notes if note not in record.info.get("notes", [])), *told]:
        voice.note(note)
    voice.table(["metric", "part", "value", "95 %", "in the run"], _table(scores, ends, known))
    facts = {
        "run": str(record.folder),
        "words": words,
        "weights": {"which": which, "file": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()},
        "rows": {name: len(part) for name, part in data.parts.items()},
        "data_sha256": data.fingerprint,
        "agrees": None if which != "last" else not apart,
        "notes": [*data.notes, *told],
        **machine.facts(),
    }
    return _kept(record.folder, facts, scores | {"interval": ends}, answers)


def rebuilt(spec: RunSpec, data: Data, record: Record) -> Setup:
    """Return what a run of these settings would compile, without what only training needs."""
    watched = "val_loss" if data.val is not None else "loss"
    needless = {
        "callbacks": {},
        "plots": {},
        "rival": {"_target_": None},
        "model": {**spec.model, "init_from": None},
        "monitor": spec.monitor if "own_steps" in record.info else watched,
    }
    with tempfile.TemporaryDirectory() as folder:
        return assemble(dataclasses.replace(spec, **needless), data, Path(folder))


def _rows_of(other: RunSpec, data: Data) -> Part:
    """Return all rows of other data, to be scored; raise ConfigError unless they are of the form of the run's own."""
    whole = dataclasses.replace(other, validation={"_target_": "lossmetric_cli.data.none"})
    if data.encoder is not None or other.task.value == "reconstruction":
        raise ConfigError("data: what a run has fitted on its rows fits no other data; type data.path=FILE of the same form")
    found = runner.load_data(whole)
    for name in ("input_shape", "input_dtype", "kind", "classes", "units"):
        ours, theirs = getattr(data.task, name), getattr(found.task, name)
        if ours != theirs:
            raise ConfigError(
                f"data: {name} is {_short(theirs)} there and {_short(ours)} in the run; give data of the same form"
            )
    return found.train


def _short(value: Any) -> str:
    return str(value) if len(str(value)) <= 80 else f"{str(value)[:77]}…"


def _differing(scores: dict[str, Any], known: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """Return the figures that are not those of the run, each with the run's."""
    pairs = {
        f"{part} {name}": (value, known[part][name])
        for part, values in scores.items()
        for name, value in values.items()
        if known.get(part, {}).get(name) is not None
    }
    return {name: pair for name, pair in pairs.items() if not math.isclose(*pair, rel_tol=TOLERANCE, abs_tol=1e-12)}


def _why(record: Record, data: Data, apart: dict[str, tuple[float, float]]) -> str:
    """Return what is to be said of figures that are not those of the run."""
    name, (value, before) = next(iter(apart.items()))
    cause = "its data is another by now" if data.fingerprint != record.info.get("data_sha256") else "its settings were changed"
    return f"{name} is {value:.7g} and the run had {before:.7g}: {cause}, or other versions compute"


def _table(
    scores: dict[str, dict[str, float]], ends: dict[str, dict[str, tuple[float, float]]], known: dict[str, dict[str, float]]
) -> list[list[str]]:
    """Return a line for each figure of each part: its interval where it has one, and what the run had."""
    rows = []
    for part, values in scores.items():
        for name, value in values.items():
            between = ends.get(part, {}).get(name)
            rows.append([name, part, figure(value), span(*between) if between else "", figure(known.get(part, {}).get(name))])
    return rows


def _kept(run: Path, facts: dict[str, Any], scores: dict[str, Any], answers: dict[str, Any]) -> Path:
    """Write the figures and answers into `eval/<number>` of a run's folder, and return that."""
    kept = Record(store.make_numbered(run / "eval"), {})
    kept.write_json("metrics.json", scores)
    kept.write_predictions(answers)
    kept.write_json("eval.json", facts)
    return kept.folder
