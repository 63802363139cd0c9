"""A run of several folds: a training for each, the mean of their curves and figures, and how far they scatter."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lossmetric_cli import plots, runner
from lossmetric_cli.alarm import Alarm
from lossmetric_cli.baselines import skill
from lossmetric_cli.console import Voice, duration, figure, span
from lossmetric_cli.errors import TrainingError
from lossmetric_cli.progress import Best, Progress
from lossmetric_cli.record import LARGEST_PREDICTIONS, Record
from lossmetric_cli.spec import RunSpec
from lossmetric_cli.state.past import Past
from lossmetric_cli.verdicts import verdicts

#: Facts of run.json that a run of folds has from its first one.
_SHARED = (
    *("title", "task", "loss", "outputs", "metrics", "monitor", "rows", "class_counts", "data_sha256", "parameters"),
    *("differs_in_training", "notes", "findings", "git", "device", "threads", "deterministic", "versions", "platform"),
)
#: Columns without a mean over folds: the scatter of a fold's rows is not that of the folds.
_LEFT_OUT = ("epoch", "val_loss_stderr")
_PARTS = ("train", "val", "test")


def is_asked(spec: RunSpec) -> bool:
    """Return whether a run trains once for each of several folds."""
    asked = spec.validation or {}
    return asked.get("_target_") == "lossmetric_cli.data.kfold" or asked.get("folds", 1) > 1


def run(spec: RunSpec, record: Record, voice: Voice, alarm: Alarm, *, past: Past | None = None) -> float:
    """Train once for each fold, each from the same first weights, and return the best value of the mean of `spec.monitor`.

    Each fold leaves a record of its own in `folds/<number>`; the run's own record has the mean curve and figures.
    """
    first_begun = functools.partial(_begin, record=record, past=past)
    begun = first_begun
    try:
        for number in range(1, spec.validation["folds"] + 1):
            earlier = record.fold(number)
            if earlier and earlier.info.get("status") == "finished":
                voice.note(f"fold {number} of {spec.validation['folds']} had ended")
                continue
            left = Past.of(earlier.folder, earlier.info, is_exact=past.is_exact) if earlier and past else None
            _train_fold(spec, record, voice, alarm, number, past=left, begun=begun)
            begun = _begin_in_silence
        if begun is first_begun:
            _go_on(record, past)
        return _finish(record, voice, spec, record.folds[0].info["directions"])
    finally:
        for failure in plots.draw(record, spec.plots) if (record.folder / "history.csv").exists() else []:
            voice.note(failure)


def mean_curve(histories: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the mean of some histories, and beside each column its standard deviation over them, `<column>_std`.

    A row is an epoch that all of them have, so that every mean is one over the same folds.
    """
    epochs = min(map(len, histories))
    columns = [name for name in histories[0] if name not in _LEFT_OUT and all(name in other for other in histories)]
    values = np.stack([history[columns].iloc[:epochs].to_numpy(dtype="float64") for history in histories])
    mean = pd.DataFrame(values.mean(axis=0), columns=columns)
    deviation = pd.DataFrame(values.std(axis=0, ddof=1), columns=[f"{name}_std" for name in columns])
    deviation = deviation.drop(columns="learning_rate_std", errors="ignore")
    return pd.concat([histories[0]["epoch"].iloc[:epochs].reset_index(drop=True), mean, deviation], axis=1)


def interval(values: Iterable[float]) -> tuple[float, float]:
    """Return the 95 % interval of the mean of some folds' figures, by Student's t.

    Folds share training rows, so that their figures hang together and the interval is on the narrow side (Bengio and
    Grandvalet, "No Unbiased Estimator of the Variance of K-Fold Cross-Validation", JMLR 5, 2004).
    """
    from scipy.stats import t

    found = np.asarray(list(values), dtype="float64")
    half = t.ppf(0.975, len(found) - 1) * found.std(ddof=1) / np.sqrt(len(found))
    return float(found.mean() - half), float(found.mean() + half)


def mean_scores(scores: list[dict[str, Any]]) -> dict[str, Any]:
    """Return metrics.json of a run of folds: means, their intervals, and the figures of each fold.

    Args:
        scores: metrics.json of each fold.
    """
    found = {part: _means([each[part] for each in scores]) for part in _PARTS if part in scores[0]}
    constants = {part: _means([each["baseline"][part] for each in scores]) for part in found}
    judged = [part for part in found if part == "val"]  # test rows are the same in every fold, and tell nothing of others
    kept = {
        **found,
        "over": f"{len(scores)} folds",
        "baseline": constants,
        "skill": {part: skill(found[part]["loss"], constants[part].get("loss")) for part in found if "loss" in found[part]},
        "interval": {part: _intervals([each[part] for each in scores]) for part in judged},
        "folds": [{part: each[part] for part in (*found, "best")} for each in scores],
    }
    return kept | ({"rival": _rival(scores, judged)} if "rival" in scores[0] else {})


def joined(predictions: list[dict[str, np.ndarray]], *, seed: int) -> dict[str, np.ndarray]:
    """Return what the folds answered for the rows that they did not train on, in the order of the rows.

    `val_fold` (rows,) says by which fold, from 1. More than 100 MB is cut to a seeded sample.
    """
    names = [name for name in predictions[0] if name.startswith("val_")]
    found = {name: np.concatenate([each[name] for each in predictions]) for name in names}
    counts = [len(each["val_rows"]) for each in predictions]
    found["val_fold"] = np.repeat(np.arange(1, len(counts) + 1), counts)
    order = np.argsort(found["val_rows"], kind="stable")
    size = sum(array.nbytes for array in found.values())
    if size > LARGEST_PREDICTIONS:
        count = int(len(order) * LARGEST_PREDICTIONS / size)
        order = order[np.sort(np.random.default_rng(seed).choice(len(order), count, replace=False))]
    return {name: array[order] for name, array in found.items()}


def _train_fold(
    spec: RunSpec,
    record: Record,
    voice: Voice,
    alarm: Alarm,
    number: int,
    *,
    past: Past | None,
    begun: Callable[[Progress], None],
) -> None:
    """Train one fold, or the rest of it, and print its line."""
    count = spec.validation["folds"]
    load = functools.partial(runner.load_data, fold=number - 1)
    fold = record.fold(number) or record.create_fold(number, at=datetime.now().astimezone())
    voice.wait(f"fold {number} of {count}")
    with fold:
        try:
            progress = runner.train(dataclasses.replace(spec, plots={}), load, fold, voice, alarm, past=past, begun=begun)
        except TrainingError as error:
            raise TrainingError(f"fold {number} of {count}: {error}") from error
    best, monitor = fold.info["best"][spec.monitor], spec.monitor
    told = [f"{name} {figure(value)}" for name, value in _shown(fold.scores[_judge(fold.scores)], fold.info).items()]
    told += [f"best {monitor} {figure(best['value'])} at {best['epoch']}", duration(progress.seconds)]
    voice.say(f" {f'fold {number}/{count}':<12}{' · '.join(told)}")


def _go_on(record: Record, past: Past | None) -> None:
    """Change the record of a run that goes on, once nothing speaks against that: its mean curve is made anew."""
    if past:
        past.accepted()
        record.go_back(None)
        record.go_on()


def _begin_in_silence(progress: Progress) -> None:
    """Tell what a later fold is in its own record alone."""
    progress.voice = Voice(quiet=True)
    progress.begin()


def _begin(progress: Progress, *, record: Record, past: Past | None) -> None:
    """Tell what the first fold is, and with it the person and the run's record what the run is."""
    _go_on(record, past)
    progress.begin(record.folder)
    progress.voice = Voice(quiet=True)
    fold = progress.record
    gap = {"left_out": f"it is a mean of folds, each of which has one; type lmrun explain gap {record.folder}/folds/1"}
    shared = {key: fold.info[key] for key in _SHARED if key in fold.info}
    record.tell(**shared, folds=progress.spec.validation["folds"], gap=gap)
    if fold.model:
        record.write_model(fold.model, summary=(fold.folder / "model.txt").read_text(encoding="utf-8"))
    record.point_latest()


def _finish(record: Record, voice: Voice, spec: RunSpec, directions: dict[str, str | None]) -> float:
    """Keep and tell the means of all folds; return the best value of the monitor's."""
    folds = record.folds
    histories = [fold.history for fold in folds]
    curve = mean_curve(histories)
    record.begin_history(curve.columns)
    seconds = [pd.read_csv(fold.folder / "timing.csv")["seconds"] for fold in folds]
    for place, row in enumerate(curve.to_dict("records")):
        record.add_epoch({**row, "epoch": int(row["epoch"])}, seconds=sum(each[place] for each in seconds))
    best = _best(curve, directions)
    kept = mean_scores([fold.scores for fold in folds]) | {"best": best}
    predictions = joined([_predictions(fold.folder) for fold in folds], seed=spec.seed)
    record.write_json("metrics.json", kept)
    record.write_predictions(predictions)
    found = verdicts(curve, record.info, kept, predictions)
    lengths = [len(history) for history in histories]
    if len(set(lengths)) > 1:
        told = f"the folds ended after {min(lengths)} to {max(lengths)} epochs; their mean curve has the first {min(lengths)}"
        record.info["notes"] = [*record.info["notes"], told]
        voice.note(told)
    sampled = {f"{name}_rows_kept": len(rows) for name, rows in predictions.items() if name.endswith("_true")}
    record.tell(status="finished", epochs=min(lengths), best=best, predictions=sampled, verdicts=found)
    _tell(record, voice, kept, found, seconds=sum(each.sum() for each in seconds))
    return best[spec.monitor]["value"]


def _tell(record: Record, voice: Voice, kept: dict[str, Any], found: list[str], *, seconds: float) -> None:
    best, monitor, part = kept["best"], record.info["monitor"]["name"], _judge(kept)
    for name in [name for name in ("val", "test") if name in kept]:
        ends, values = kept["interval"].get(name, {}), _shown(kept[name], record.info)
        told = [f"{key} {figure(value)}" + (f" ({span(*ends[key])})" if key in ends else "") for key, value in values.items()]
        voice.say(f" {'mean' if name == 'val' else 'mean test':<12}{' · '.join(told)} over {kept['over']}", style="bold")
    if best[monitor]["epoch"]:
        voice.say(f" best        mean {monitor} {figure(best[monitor]['value'])} at {best[monitor]['epoch']}")
    told = [f"{name} {figure(value)}" for name, value in _shown(kept["baseline"][part], record.info).items()]
    worth = kept["skill"].get(part)
    told += [f"skill {worth:.2f}"] if worth is not None else []
    voice.say(f" constant    {' · '.join(told) or 'no constant answer'}")
    if "rival" in kept:
        told = [f"{name} {figure(value)}" for name, value in _shown(kept["rival"][part], record.info).items()]
        voice.say(f" rival       {kept['rival']['name']} ({kept['rival']['fitted_to']}): {' · '.join(told)}")
    for sentence in found:
        voice.say(f" verdict     {sentence}")
    voice.say(f" took        {duration(seconds)} for {kept['over']} of {record.info['epochs']} epochs", style="dim")


def _shown(values: dict[str, float], info: dict[str, Any]) -> dict[str, float]:
    """Return the figures that a line has room for: the loss, and metrics of one column."""
    metrics = info.get("metrics", {})
    return {
        name: value
        for name, value in values.items()
        if value is not None and (name == "loss" or (name in metrics and "metric" not in metrics[name]))
    }


def _judge(scores: dict[str, Any]) -> str:
    return "val" if "val" in scores else "train"


def _predictions(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "predictions.npz", allow_pickle=False) as arrays:
        return dict(arrays)


def _best(curve: pd.DataFrame, directions: dict[str, str | None]) -> dict[str, dict[str, Any]]:
    """Return the best value of each column of a mean curve and its epoch, as a run has them."""
    found = {}
    for name, direction in directions.items():
        if direction and name in curve:
            best = Best(direction)
            for epoch, value in zip(curve["epoch"], curve[name], strict=True):
                if best.is_beaten_by(value):
                    best.value, best.epoch = float(value), int(epoch)
            found[name] = {"value": best.value, "epoch": best.epoch}
    return found


def _values(tables: list[dict[str, Any]], name: str) -> list[float]:
    return [float("nan") if table.get(name) is None else float(table[name]) for table in tables]


def _means(tables: list[dict[str, Any]]) -> dict[str, float]:
    return {name: float(np.mean(_values(tables, name))) for name in tables[0]}


def _intervals(tables: list[dict[str, Any]]) -> dict[str, tuple[float, float]]:
    """Return the interval of each figure that every fold has."""
    each = {name: _values(tables, name) for name in tables[0]}
    return {name: interval(values) for name, values in each.items() if np.isfinite(values).all()}


def _rival(scores: list[dict[str, Any]], judged: list[str]) -> dict[str, Any]:
    """Return the means of a rival's figures, and the intervals of what the network's differ by from fold to fold."""
    rivals = [each["rival"] for each in scores]
    parts = {part: _means([each[part] for each in rivals]) for part in _PARTS if part in rivals[0]}
    differences = {part: _intervals([_difference(each, part) for each in scores]) for part in judged}
    return {"name": rivals[0]["name"], "fitted_to": rivals[0]["fitted_to"], **parts, "difference": differences}


def _difference(scores: dict[str, Any], part: str) -> dict[str, float]:
    """Return by how much each figure of the network is above the rival's in one fold."""
    pairs = {name: (scores[part].get(name), theirs) for name, theirs in scores["rival"][part].items()}
    return {name: own - theirs for name, (own, theirs) in pairs.items() if own is not None and theirs is not None}
