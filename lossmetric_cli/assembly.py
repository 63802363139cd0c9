"""Everything that `compile` and `fit` are given, built from the spec and checked part against part."""

from __future__ import annotations

import dataclasses
import inspect
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from lossmetric_cli import anatomy, catalog, checks, feed, losses, metrics, models
from lossmetric_cli.build import build
from lossmetric_cli.callbacks import TrainEval, build_callbacks, hears_batches
from lossmetric_cli.data import Data
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.optimizers import build_optimizer
from lossmetric_cli.record import Record
from lossmetric_cli.spec import RunSpec
from lossmetric_cli.task import Task


@dataclass
class Setup:
    """What `compile` and `fit` are given, and what the runner knows of it."""

    task: Task
    loss: Any
    labels: str
    activation: str | None
    metrics: list[Any]
    model: keras.Model
    directions: dict[str, str | None]
    rate_changes: bool
    callbacks: list[keras.callbacks.Callback]
    rows: feed.Feed


def assemble(spec: RunSpec, data: Data, record: Record) -> Setup:
    """Return the compiled model and all that goes with it, every part checked against the others."""
    raw_loss = losses.build_loss(spec.loss, task=data.task)
    task, notes = losses.fit_task(raw_loss, data.task)
    model = _build_model(spec, task)
    activation = models.last_activation(model)
    loss, mended = losses.fit_head(raw_loss, activation=activation)
    checks.check_head(loss, task=task, units=_units(model), activation=activation)
    labels = catalog.loss_facts(loss).labels
    scores = None if catalog.loss_facts(loss).regresses else activation
    known = {"task": task, "labels": labels, "activation": scores, "targets": data.target_names}
    measured = metrics.build_metrics(spec.metrics, **known)
    data.notes += [*notes, *mended, *metrics.feeding(measured)]
    parts = {name: feed.Rows(part.x, task.encode(part.y, form=labels)) for name, part in data.parts.items()}
    parts |= _train_sample(parts["train"], spec)
    pace = feed.Pace.of(
        len(parts["train"]),
        batch_size=spec.batch_size,
        steps_per_epoch=spec.steps_per_epoch,
        steps_per_execution=spec.steps_per_execution,
        validation=spec.validation_batch_size,
    )
    optimizer = build_optimizer(spec.optimizer, steps=pace.steps * spec.epochs)
    _compile(model, spec, loss, optimizer, metrics.within_batches(measured))
    anatomy.attach(model, loss)
    _ready(measured, model, parts, data)
    has_sample = TrainEval.part in parts
    directions = log_directions(model, measured, has_validation="val" in parts, has_sample=has_sample)
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
    return Setup(task, loss, labels, activation, measured, model, directions, rate_changes, heard, rows)


def log_directions(model: keras.Model, measured: list[Any], *, has_validation: bool, has_sample: bool) -> dict[str, str | None]:
    """Return for each column that the history will have "max", "min", or None where nobody said which is better.

    A metric that is taken after an epoch has no running value in it, and so no column without `val_` or `train_…_eval`.
    """
    compiled = metrics.within_batches(measured)
    known = {"loss": "min", **metrics.directions(compiled)}
    later = metrics.directions([metric for metric in measured if metric not in compiled])
    parts = {"data_loss": "min", "regularization": None, anatomy.SCATTER: None}
    others = {metric.name: parts.get(metric.name) for metric in model.metrics if metric.name not in ("compile_metrics", *known)}
    train = {**known, **others}
    columns = {name: way for name, way in train.items() if name != anatomy.SCATTER}
    if has_validation:
        columns |= {f"val_{name}": way for name, way in (train | later).items()}
    return columns | ({f"train_{name}_eval": way for name, way in (known | later).items()} if has_sample else {})


def _ready(measured: list[Any], model: keras.Model, parts: dict[str, feed.Rows], data: Data) -> None:
    """Learn the columns of the user's own metrics of the model, and note which metrics a part is too uniform for."""
    part, rows = next((part, parts[part]) for part in ("val", TrainEval.part, "train") if part in parts)
    own = [metric for metric in measured if isinstance(metric, metrics.Own)]
    predicted = model.predict(rows.x, batch_size=feed.LARGE_BATCH, verbose=0) if own else None
    for metric in own:
        metric.learn(y_true=rows.y, y_pred=predicted, x=rows.x, model=model)
    for part in ("val", TrainEval.part, "test"):
        data.notes += metrics.undefined(measured, parts[part].y, part=part) if part in parts else []


def _train_sample(train: feed.Rows, spec: RunSpec) -> dict[str, feed.Rows]:
    """Return the fixed rows of training that every epoch is scored on in inference mode; none where `train_eval` is 0."""
    count = len(train) if spec.train_eval is None else min(spec.train_eval, len(train))
    if not count:
        return {}
    rows = np.sort(np.random.default_rng([spec.seed, 2]).choice(len(train), count, replace=False))
    return {TrainEval.part: feed.Rows(train.x[rows], train.y[rows])}


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
    _keep_loadable(model, loss=loss, optimizer=optimizer, measured=measured)


def _keep_loadable(model: keras.Model, *, loss: Any, optimizer: Any, measured: list[keras.metrics.Metric]) -> None:
    """Let saved models hold only what `keras.models.load_model` finds without lmrun's code and the user's own.

    Keras 3.15 refuses the whole file for one metric that it cannot find, and cannot write a partial function at all.
    """
    is_whole = _is_of_keras(optimizer)
    kept = {
        "optimizer": optimizer,
        "loss": loss if _is_of_keras(loss) else None,
        "metrics": [metric for metric in measured if _is_of_keras(metric) and _is_of_keras(getattr(metric, "_fn", metric))],
    }
    model.get_compile_config = lambda: keras.saving.serialize_keras_object(kept) if is_whole else {}


def _is_of_keras(part: Any) -> bool:
    home = part if inspect.isfunction(part) else type(part)
    return home.__module__.split(".")[0] == "keras"


def _has_schedule(spec: RunSpec) -> bool:
    nodes = (spec.optimizer, spec.optimizer.get("inner_optimizer") or {})
    return any(isinstance(node.get("learning_rate"), dict) for node in nodes)


def _has_average(optimizer: keras.optimizers.Optimizer) -> bool:
    return getattr(getattr(optimizer, "inner_optimizer", optimizer), "use_ema", False)
