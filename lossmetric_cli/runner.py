"""The whole path of one run: from what was asked to what happened."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from lossmetric_cli import devices, export, feed, metrics, plots, training
from lossmetric_cli.alarm import Alarm
from lossmetric_cli.assembly import Setup, assemble
from lossmetric_cli.baselines import baselines, naive
from lossmetric_cli.build import build
from lossmetric_cli.callbacks import TrainEval
from lossmetric_cli.console import Voice
from lossmetric_cli.contest import Contest, compete
from lossmetric_cli.data import Data, prepare
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.intervals import Seen, differences, intervals
from lossmetric_cli.outputs import Output, of
from lossmetric_cli.preview import preview
from lossmetric_cli.progress import Progress
from lossmetric_cli.record import LARGEST_PREDICTIONS, Record
from lossmetric_cli.spec import RunSpec
from lossmetric_cli.state.past import Past


def run(spec: RunSpec, record: Record, voice: Voice, alarm: Alarm, *, past: Past | None = None) -> float:
    """Train what was asked, keep what happened, and return the best value of `spec.monitor`.

    `alarm` says when the run is to end before its time, `past` what an earlier part of it left.
    """
    return train(spec, load_data, record, voice, alarm, past=past).objective()


def train(
    spec: RunSpec,
    load: Callable[[RunSpec], Data],
    record: Record,
    voice: Voice,
    alarm: Alarm,
    *,
    past: Past | None = None,
    begun: Callable[[Progress], None] = Progress.begin,
) -> Progress:
    """Return how a training went on what `load` returns, once the machine is set up; `begun` tells what it is."""
    machine = devices.start(spec)
    data = load(spec)
    if past:
        past.compare_data(data.fingerprint)
        data.notes += past.compare_machine(machine.facts())
    with machine.scope():
        setup = assemble(spec, data, record.folder)
    progress = Progress(spec, data, setup, machine, record, voice)
    begun(progress)
    keeper = training.keeper(spec, setup, progress, alarm, past)
    contest = oppose(setup, data, progress.voice)
    try:
        with alarm.holding():
            training.fit(spec, setup, progress, keeper, past, score=functools.partial(after_epoch, setup))
        figures, answers = evaluate(setup), predict(setup, data, seed=spec.seed)
        failure = export.save(setup.model, data.encoder, record.folder) if spec.save_model else None
        if failure:
            voice.note(failure)
        sure = sureness(setup, figures, answers, seed=spec.seed)
        rivals = compared(setup, answers, contest, seed=spec.seed) if contest else {}
        others = {"naive": forecasts(setup, data), "rival": rivals}
        record.tell(states=keeper.costs)
        progress.finish(asked(setup, figures), constants(setup, data), answers, sure, **others)
        if keeper.fault:
            raise keeper.fault
    finally:
        for failure in plots.draw(record, spec.plots) if progress.epochs_done else []:
            voice.note(failure)
    return progress


def check(spec: RunSpec, folder: Path, voice: Voice) -> None:
    """Say what a run would be and what its checks find, without an epoch; `folder` is for what callbacks open.

    Raises Refused where the checks would stop the run.
    """
    machine = devices.start(spec)
    data = load_data(spec)
    with machine.scope():
        setup = assemble(spec, data, folder)
    preview(spec, data, setup, machine, voice)


def load_data(spec: RunSpec, *, source: Any = None, fold: int = 0, without: tuple[str, ...] = ()) -> Data:
    """Return the data of a config, split and mapped; of folds one of them. `source` is that of `load_source`.

    The parts of the split in `without` are left out, and the others are those that they are beside them.
    """
    source = load_source(spec) if source is None else source

    def split(**facts: Any) -> dict[str, np.ndarray]:
        found = build(spec.validation, path="validation", **facts)
        chosen = found[fold] if isinstance(found, list) else found
        return {part: rows for part, rows in chosen.items() if part not in without}

    targets = {name: _as_list((node or {}).get("target", name)) for name, node in spec.outputs.items()}
    return prepare(source, kind=spec.task.value, split=split, seed=spec.seed, outputs=targets)


def load_source(spec: RunSpec) -> Any:
    """Return what the data of a config returns; a column of groups that the split asks for is read with it.

    Raises ConfigError where the data has no columns.
    """
    group = spec.validation.get("group")
    if group is not None and "group" not in spec.data:
        name = spec.data["_target_"].rsplit(".", 1)[-1]
        raise ConfigError(f"validation.group={group}, and data={name} has no columns to choose from; type data=csv")
    node = spec.data if group is None else {**spec.data, "group": group}
    return build(node, path="data", seed=spec.seed)


def _as_list(targets: Any) -> list[str]:
    return [str(target) for target in targets] if isinstance(targets, list) else [str(targets)]


def oppose(setup: Setup, data: Data, voice: Voice) -> Contest | None:
    """Return what the rival that was asked for answers and scores, None where there is none."""
    if setup.rival is None:
        return None
    voice.wait(f"training {setup.rival.name}")
    parts = {name: setup.rows.parts[name] for name in data.parts}
    contest = compete(setup.rival, data, setup.outputs, parts, batch=setup.rows.pace.validation_batch)
    for note in contest.notes:
        voice.note(note)
    data.notes += contest.notes
    return contest


def evaluate(setup: Setup) -> dict[str, dict[str, float]]:
    """Return what the weights that the run ends with score in inference mode, for each part of the data.

    The loss, its parts and its `loss_stderr`, and the metrics; of a model with steps of its own what its test_step
    returns, and nothing where it has none.
    """
    if setup.logged and not setup.logged.test:
        return {}
    parts = [part for part in setup.rows.parts if part != TrainEval.part]
    return {part: setup.rows.evaluate(setup.model, part) | after_epoch(setup, part) for part in parts}


def asked(setup: Setup, figures: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Return of the figures of each part the loss and the metrics."""
    return {part: {name: values[name] for name in setup.figures if name in values} for part, values in figures.items()}


def sureness(
    setup: Setup, figures: dict[str, dict[str, float]], answers: dict[str, np.ndarray], *, seed: int
) -> dict[str, dict[str, tuple[float, float]]]:
    """Return the 95 % intervals of the figures on the test rows, of the validation rows where there are none.

    None where the answers are a sample only.
    """
    name = next((part for part in ("test", "val") if part in setup.rows.parts), None)
    if name not in figures or len(answers.get(f"{name}_rows", ())) != len(setup.rows.parts[name]):
        return {}
    seen = {output.name: _seen(output, setup.rows.parts[name], answers, part=name) for output in setup.outputs}
    return {
        name: intervals(setup.outputs, seen, figures[name], seed=seed, eagerly=setup.model.run_eagerly, is_final=name == "test")
    }


def compared(setup: Setup, answers: dict[str, np.ndarray], contest: Contest, *, seed: int) -> dict[str, Any]:
    """Return what is kept of a rival, and put its answers beside those of the model for the same rows.

    `difference` has the 95 % interval of each figure of the model less the rival's, on the rows that judge.
    """
    kept = {"name": contest.name, "fitted_to": contest.told, "seconds": contest.seconds, **contest.scores}
    for part in [part for part in ("val", "test") if part in setup.rows.parts]:
        rows, theirs = setup.rows.parts[part], contest.answers[part]
        if len(answers[f"{part}_rows"]) == len(rows):  # of the last part, the test rows where there are any
            ours = {output.name: _seen(output, rows, answers, part=part) for output in setup.outputs}
            others = {o.name: dataclasses.replace(ours[o.name], y_pred=of(theirs, o)) for o in setup.outputs}
            ends = differences(setup.outputs, ours, others, seed=seed, eagerly=setup.model.run_eagerly)
            kept["difference"] = {part: ends}
        chosen = _sample(len(rows), sum(of(theirs, output).nbytes for output in setup.outputs), seed=seed)
        for output in setup.outputs:
            ending = f"_{output.name}" if output.name else ""
            answers[f"{part}_rival{ending}"] = _single_column(of(theirs, output)[chosen])
    return kept


def _seen(output: Output, rows: feed.Rows, answers: dict[str, np.ndarray], *, part: str) -> Seen:
    """Return the labels of a part as an output's metrics are fed them, and what the model answers."""
    predicted = answers[f"{part}_pred" + (f"_{output.name}" if output.name else "")]
    weights = None if rows.weights is None else of(rows.weights, output)
    return Seen(of(rows.y, output), predicted[:, np.newaxis] if predicted.ndim == 1 else predicted, weights)


def after_epoch(setup: Setup, part: str) -> dict[str, float]:
    """Return by column the metrics that are taken of a whole part, with the model's present weights."""
    whole = [(o, metric) for o in setup.outputs for metric in o.metrics if isinstance(metric, metrics.Whole)]
    if not whole:
        return {}
    rows, predicted = setup.rows.parts[part], setup.rows.predict(setup.model, part)
    found: dict[str, float] = {}
    for output, metric in whole:
        answers = {"y_true": of(rows.y, output), "y_pred": of(predicted, output)}
        values = metric.values(**answers, x=rows.x, model=setup.model)
        found |= dict(zip(output.columns[metric.name], values.values(), strict=True))
    return found


def constants(setup: Setup, data: Data) -> dict[str, dict[str, float]]:
    """Return what the best constant answer scores on each part of the data."""
    return {name: baselines(setup.outputs, natural=part.y, rows=setup.rows.parts[name]) for name, part in data.parts.items()}


def forecasts(setup: Setup, data: Data) -> dict[str, dict[str, dict[str, float]]]:
    """Return what the naive forecasts of a series score, by part and name; {} where there are none."""
    return {
        part: {name: naive(setup.outputs, answers=answers, rows=setup.rows.parts[part]) for name, answers in known.items()}
        for part, known in ((name, part.naive) for name, part in data.parts.items())
        if known
    }


def predict(setup: Setup, data: Data, *, seed: int) -> dict[str, np.ndarray]:
    """Return what those weights predict on rows that they were not trained on.

    For `val` and `test`: `<part>_true` (rows,) class numbers or (rows, targets), `<part>_pred` what the model answers,
    a single column as (rows,), and `<part>_rows` the rows of the source; of several outputs `<part>_true_<output>` and
    `<part>_pred_<output>`. More than 100 MB is cut to a seeded sample. A model that gives no single answer has none.
    """
    arrays: dict[str, np.ndarray] = {}
    for name, part in data.parts.items():
        if name == "train" or not setup.answers:
            continue
        kept = _sample(len(part), 4 * len(part) * setup.rows.pace.columns, seed=seed)
        predicted = setup.rows.predict(setup.model, name, kept)
        for output in setup.outputs:
            ending = f"_{output.name}" if output.name else ""
            arrays[f"{name}_true{ending}"] = _single_column(of(part.y, output)[kept])
            arrays[f"{name}_pred{ending}"] = _single_column(of(predicted, output))
        arrays[f"{name}_rows"] = part.rows[kept]
    return arrays


def _sample(rows: int, size: int, *, seed: int) -> Any:
    if size <= LARGEST_PREDICTIONS:
        return slice(None)
    count = int(rows * LARGEST_PREDICTIONS / size)
    return np.sort(np.random.default_rng(seed).choice(rows, count, replace=False))


def _single_column(array: np.ndarray) -> np.ndarray:
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
