"""The whole path of one run: from what was asked to what happened."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

import numpy as np

from lossmetric_cli import devices, plots
from lossmetric_cli.assembly import Setup, assemble
from lossmetric_cli.baselines import baselines
from lossmetric_cli.build import build
from lossmetric_cli.callbacks import EpochWriter, TrainEval
from lossmetric_cli.console import Voice
from lossmetric_cli.data import Data, prepare
from lossmetric_cli.errors import ConfigError, LmrunError, TrainingError
from lossmetric_cli.gap import Gap
from lossmetric_cli.intervals import Seen, intervals
from lossmetric_cli.progress import Progress
from lossmetric_cli.record import LARGEST_PREDICTIONS, Record
from lossmetric_cli.spec import RunSpec


def run(spec: RunSpec, record: Record, voice: Voice) -> float:
    """Train what was asked, keep what happened, and return the best value of `spec.monitor`."""
    machine = devices.start(spec)
    data = load_data(spec)
    with machine.scope():
        setup = assemble(spec, data, record)
    progress = Progress(spec, data, setup, machine, record, voice)
    progress.begin()
    try:
        _fit(spec, setup, progress)
        figures, answers = evaluate(setup), predict(setup, data, seed=spec.seed)
        progress.finish(
            asked(setup, figures), constants(setup, data), answers, sureness(setup, figures, answers, seed=spec.seed)
        )
    finally:
        for failure in plots.draw(record, spec.plots) if progress.epochs_done else []:
            voice.note(failure)
    return progress.objective()


def load_data(spec: RunSpec) -> Data:
    """Return the data of a config, split and mapped."""
    source = build(spec.data, path="data", seed=spec.seed)

    def split(**facts: Any) -> dict[str, np.ndarray]:
        return build(spec.validation, path="validation", **facts)

    return prepare(source, kind=spec.task.value, split=split, seed=spec.seed)


def evaluate(setup: Setup) -> dict[str, dict[str, float]]:
    """Return what the weights that the run ends with score in inference mode, for each part of the data.

    The loss, its parts and its `loss_stderr`, and the metrics.
    """
    return {part: setup.rows.evaluate(setup.model, part) for part in setup.rows.parts if part != TrainEval.part}


def asked(setup: Setup, figures: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Return of the figures of each part the loss and the metrics."""
    shown = ("loss", *(metric.name for metric in setup.metrics))
    return {part: {name: values[name] for name in shown if name in values} for part, values in figures.items()}


def sureness(
    setup: Setup, figures: dict[str, dict[str, float]], answers: dict[str, np.ndarray], *, seed: int
) -> dict[str, dict[str, tuple[float, float]]]:
    """Return the 95 % intervals of the figures on rows that were not trained on; none where answers are a sample only."""
    seen = {}
    for name in ("val", "test"):
        labels, predicted = setup.rows.parts[name].y if name in figures else (), answers.get(f"{name}_pred", ())
        if len(labels) and len(predicted) == len(labels):
            columns = predicted[:, np.newaxis] if predicted.ndim == 1 else predicted
            seen[name] = Seen(figures[name], labels, columns)
    return intervals(setup.metrics, seen, seed=seed, eagerly=setup.model.run_eagerly)


def constants(setup: Setup, data: Data) -> dict[str, dict[str, float]]:
    """Return what the best constant answer scores on each part of the data."""
    known = {"task": setup.task, "activation": setup.activation}
    return {
        name: baselines(setup.loss, setup.metrics, natural=part.y, encoded=setup.rows.parts[name].y, **known)
        for name, part in data.parts.items()
    }


def predict(setup: Setup, data: Data, *, seed: int) -> dict[str, np.ndarray]:
    """Return what those weights predict on rows that they were not trained on.

    For `val` and `test`: `<part>_true` (rows,) class numbers or (rows, targets), `<part>_pred` what the model answers,
    a single column as (rows,), and `<part>_rows` the rows of the source. More than 100 MB is cut to a seeded sample.
    """
    arrays: dict[str, np.ndarray] = {}
    for name, part in data.parts.items():
        if name == "train":
            continue
        predicted = setup.rows.predict(setup.model, name)
        kept = _sample(len(predicted), predicted.nbytes, seed=seed)
        arrays[f"{name}_true"] = _single_column(part.y[kept])
        arrays[f"{name}_pred"] = _single_column(predicted[kept])
        arrays[f"{name}_rows"] = part.rows[kept]
    return arrays


def _fit(spec: RunSpec, setup: Setup, progress: Progress) -> None:
    """Train; what a callback or a metric prints goes to stderr, since stdout is for programs."""
    names = ["loss", *(metric.name for metric in setup.metrics)]
    honest = [TrainEval(setup.rows, names)] if TrainEval.part in setup.rows.parts else []
    try:
        with contextlib.redirect_stdout(sys.stderr):
            setup.model.fit(
                **setup.rows.fit_arguments(setup.model),
                epochs=spec.epochs,
                callbacks=[*honest, Gap(setup.rows, progress.gap), *setup.callbacks, EpochWriter(progress.epoch)],
                validation_freq=spec.validation_freq,
                verbose=0,
            )
    except LmrunError:
        raise
    except Exception as error:
        if setup.loss is None and "No loss to compute" in str(error):  # Keras tells only once it trains (3.15)
            raise ConfigError("loss=none, and the model adds no loss of its own; type loss=auto") from error
        raise TrainingError(
            f"training failed in epoch {progress.epochs_done + 1}: {type(error).__name__}: {_first_line(error)}"
        ) from error
    if progress.broken:
        raise TrainingError(progress.broken)


def _sample(rows: int, size: int, *, seed: int) -> Any:
    if size <= LARGEST_PREDICTIONS:
        return slice(None)
    count = int(rows * LARGEST_PREDICTIONS / size)
    return np.sort(np.random.default_rng(seed).choice(rows, count, replace=False))


def _single_column(array: np.ndarray) -> np.ndarray:
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def _first_line(error: Exception) -> str:
    text = next(iter(str(error).strip().splitlines()), "")
    return text if len(text) <= 160 else f"{text[:157]}…"
