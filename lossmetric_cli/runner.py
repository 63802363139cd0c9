"""The whole path of one run: from what was asked to what happened."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from lossmetric_cli import catalog, checks, devices, feed, losses, metrics, models, plots
from lossmetric_cli.build import build
from lossmetric_cli.callbacks import EpochWriter, build_callbacks, hears_batches
from lossmetric_cli.console import Voice
from lossmetric_cli.data import Data, prepare
from lossmetric_cli.errors import ConfigError, LmrunError, TrainingError
from lossmetric_cli.optimizers import build_optimizer
from lossmetric_cli.progress import Progress
from lossmetric_cli.record import LARGEST_PREDICTIONS, Record
from lossmetric_cli.spec import RunSpec
from lossmetric_cli.task import Task


@dataclass
class Setup:
    """What `compile` and `fit` are given, and what the runner knows of it."""

    task: Task
    loss: Any
    labels: str
    metrics: list[keras.metrics.Metric]
    model: keras.Model
    directions: dict[str, str | None]
    rate_changes: bool
    callbacks: list[keras.callbacks.Callback]
    rows: feed.Feed


def run(spec: RunSpec, record: Record, voice: Voice) -> float:
    """Train what was asked, keep what happened, and return the best value of `spec.monitor`."""
    machine = devices.start(spec)
    data = load_data(spec)
    with machine.scope():
        setup = assemble(spec, data, record)
    progress = Progress(spec, data, setup, machine, record, voice)
    progress.begin()
    _fit(spec, setup, progress)
    progress.finish(evaluate(setup), predict(setup, data, seed=spec.seed))
    for failure in plots.draw(record, spec.plots):
        voice.note(failure)
    return progress.objective()


def load_data(spec: RunSpec) -> Data:
    """Return the data of a config, split and mapped."""
    source = build(spec.data, path="data", seed=spec.seed)

    def split(**facts: Any) -> dict[str, np.ndarray]:
        return build(spec.validation, path="validation", **facts)

    return prepare(source, kind=spec.task.value, split=split, seed=spec.seed)


def assemble(spec: RunSpec, data: Data, record: Record) -> Setup:
    """Return the compiled model and all that goes with it, every part checked against the others."""
    raw_loss = losses.build_loss(spec.loss, task=data.task)
    task, notes = losses.fit_task(raw_loss, data.task)
    model = _build_model(spec, task)
    activation = models.last_activation(model)
    loss, mended = losses.fit_head(raw_loss, activation=activation)
    data.notes += [*notes, *mended]
    checks.check_head(loss, task=task, units=_units(model), activation=activation)
    labels = catalog.loss_facts(loss).labels
    scores = None if catalog.loss_facts(loss).regresses else activation
    measured = metrics.build_metrics(spec.metrics, task=task, labels=labels, activation=scores)
    parts = {name: feed.Rows(part.x, task.encode(part.y, form=labels)) for name, part in data.parts.items()}
    pace = feed.Pace.of(
        len(parts["train"]),
        batch_size=spec.batch_size,
        steps_per_epoch=spec.steps_per_epoch,
        steps_per_execution=spec.steps_per_execution,
        validation=spec.validation_batch_size,
    )
    optimizer = build_optimizer(spec.optimizer, steps=pace.steps * spec.epochs)
    _compile(model, spec, loss, optimizer, measured)
    directions = log_directions(model, measured, has_validation="val" in parts)
    checks.check_monitor(spec.monitor, path="monitor", directions=directions, mode=spec.mode)
    directions[spec.monitor] = directions[spec.monitor] or spec.mode
    callbacks = build_callbacks(spec.callbacks, folder=record.folder, directions=directions, given={"task": task})
    has_schedule = _has_schedule(spec)
    checks.check_callbacks(callbacks, directions=directions, has_schedule=has_schedule, has_average=_has_average(optimizer))
    heard = list(callbacks.values())
    if spec.steps_per_execution is None and any(hears_batches(callback) for callback in heard):
        pace = dataclasses.replace(pace, steps_per_execution=1)
    rows = feed.make(parts, model, pace=pace, seed=spec.seed)
    rate_changes = has_schedule or any(isinstance(callback, checks.RATE_SETTERS) for callback in heard)
    return Setup(task, loss, labels, measured, model, directions, rate_changes, heard, rows)


def log_directions(model: keras.Model, measured: list[keras.metrics.Metric], *, has_validation: bool) -> dict[str, str | None]:
    """Return for each column that the history will have "max", "min", or None where nobody said which is better."""
    known = {"loss": "min", **{metric.name: metrics.direction(metric) for metric in measured}}
    own = {metric.name: None for metric in model.metrics if metric.name not in ("compile_metrics", *known)}
    train = {**known, **own}
    return {**train, **({f"val_{name}": way for name, way in train.items()} if has_validation else {})}


def evaluate(setup: Setup) -> dict[str, dict[str, float]]:
    """Return the loss and metrics of the weights that the run ends with, in inference mode, for each part of the data."""
    return {part: setup.rows.evaluate(setup.model, part) for part in setup.rows.parts}


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


def _build_model(spec: RunSpec, task: Task) -> keras.Model:
    model = build(spec.model, path="model", task=task)
    if not isinstance(model, keras.Model):
        raise ConfigError(f"model: {spec.model['_target_']} returns a {type(model).__name__} and no keras.Model")
    return model


def _units(model: keras.Model) -> int | None:
    shape = getattr(model, "output_shape", None) if model.built else None
    return shape[-1] if isinstance(shape, tuple) and shape and isinstance(shape[-1], int) else None


def _compile(model: keras.Model, spec: RunSpec, loss: Any, optimizer: Any, measured: list[keras.metrics.Metric]) -> None:
    model.compile(
        optimizer=optimizer,
        loss=loss,
        metrics=measured,
        run_eagerly=spec.run_eagerly,
        jit_compile="auto" if spec.jit_compile is None else spec.jit_compile,
        auto_scale_loss=spec.auto_scale_loss,
    )
    if model.built:  # else the train function is traced twice: a first time to make the optimizer's variables
        model.optimizer.build(model.trainable_variables)


def _has_schedule(spec: RunSpec) -> bool:
    nodes = (spec.optimizer, spec.optimizer.get("inner_optimizer") or {})
    return any(isinstance(node.get("learning_rate"), dict) for node in nodes)


def _has_average(optimizer: keras.optimizers.Optimizer) -> bool:
    return getattr(getattr(optimizer, "inner_optimizer", optimizer), "use_ema", False)


def _fit(spec: RunSpec, setup: Setup, progress: Progress) -> None:
    """Train; what a callback or a metric prints goes to stderr, since stdout is for programs."""
    writer = EpochWriter(progress.epoch)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            setup.model.fit(
                **setup.rows.fit_arguments(setup.model),
                epochs=spec.epochs,
                callbacks=[*setup.callbacks, writer],
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
