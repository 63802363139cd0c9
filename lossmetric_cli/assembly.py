"""Everything that `compile` and `fit` are given, built from the spec and checked part against part."""

from __future__ import annotations

import contextlib
import dataclasses
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from lossmetric_cli import anatomy, catalog, checks, columns, devices, export, feed, losses, metrics, models, sampling, weights
from lossmetric_cli.build import build
from lossmetric_cli.callbacks import TrainEval, build_callbacks, hears_batches
from lossmetric_cli.compiling import compile_model
from lossmetric_cli.contest import build_rival
from lossmetric_cli.data import Data
from lossmetric_cli.errors import ConfigError, EnvironmentFault, Refused
from lossmetric_cli.optimizers import build_optimizer
from lossmetric_cli.outputs import Output, of
from lossmetric_cli.rivals import Rival
from lossmetric_cli.spec import RunSpec
from lossmetric_cli.task import Task
from lossmetric_cli.text import reason

#: What stands for the activation of a model that gives no single answer: it has no `call`, or returns several things.
UNANSWERED = "none"
#: Bytes of one-hot labels that a part may take.
LARGEST_LABELS = 10**9


@dataclass
class Setup:
    """What `compile` and `fit` are given, and what the runner knows of it."""

    task: Task
    outputs: list[Output]
    model: keras.Model
    directions: dict[str, str | None]
    rate_changes: bool
    callbacks: list[keras.callbacks.Callback]
    rows: feed.Feed
    findings: checks.Findings
    parts: anatomy.Anatomy | None
    rival: Rival | None = None
    logged: columns.Logged | None = None
    answers: bool = True

    @property
    def resting(self) -> list[str]:
        """The columns of metrics that count nothing in training: those under a loss that samples."""
        return [column for output in self.outputs if output.task.is_sampled for column in output.figures]

    @property
    def figures(self) -> list[str]:
        """The loss and the metrics by their names in the history; what a test_step of the model's own returns."""
        if self.logged:
            later = [c for o in self.outputs for m in o.metrics if isinstance(m, metrics.Whole) for c in o.columns[m.name]]
            return [*columns.figures(self.model, self.logged), *later]
        parts = [output.column("loss") for output in self.outputs if output.name]
        return ["loss", *parts, *(column for output in self.outputs for column in output.figures)]


def assemble(spec: RunSpec, data: Data, folder: Path) -> Setup:
    """Return the compiled model and all that goes with it; `folder` is where callbacks write.

    Raises Refused with everything that the checks have found, ConfigError for what cannot be built, EnvironmentFault for a
    model that the memory does not hold.
    """
    findings = build(spec.check, path="check")
    try:
        with _within_memory():
            setup = _assembled(spec, data, folder, findings)
    except Refused:
        raise
    except ConfigError as error:
        if not findings.of("stop"):
            raise
        raise findings.refusal(str(error)) from error
    findings.close()
    return setup


@contextlib.contextmanager
def _within_memory() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # of whatever class building and probing have made of it
        if not devices.is_memory_full(error):
            raise
        raise EnvironmentFault(
            "model: this machine has too little memory to build and try it; take a smaller model or a smaller batch_size"
        ) from error


def _assembled(spec: RunSpec, data: Data, folder: Path, findings: checks.Findings) -> Setup:
    outputs = [_with_loss(output, spec, data, findings) for output in _asked(spec, data.task)]
    task = dataclasses.replace(data.task, outputs={o.name: o.task for o in outputs}) if data.task.outputs else outputs[0].task
    model = _build_model(spec, task, data)
    rows = _fed(spec, data, model, outputs, findings)
    if {"loss_task", "metric_task"} & {found.check for found in findings.of("stop")}:
        findings.close()  # the columns of the history are not known, and so not what may be watched
    pace = _pace(spec, len(rows["train"]), columns=sum(output.task.units for output in outputs))
    compile_model(model, spec, outputs, build_optimizer(spec.optimizer, steps=pace.steps * spec.epochs))
    is_weighted = any(part.trained[2:] for part in rows.values())
    parts = anatomy.attach(model, outputs, is_weighted=is_weighted, adders=anatomy.adders(model))
    _name_columns(outputs, model, rows, data)
    logged = columns.read(model, rows)
    if logged:
        data.notes += [*columns.drop_unlogged(model, outputs, logged), *columns.average(model, logged)]
    has_sample = TrainEval.part in rows
    directions = columns.directions(model, outputs, has_validation="val" in rows, has_sample=has_sample, logged=logged)
    with findings.stopping("monitor"):
        checks.check_monitor(spec.monitor, path="monitor", directions=directions, mode=spec.mode)
        directions[spec.monitor] = directions[spec.monitor] or spec.mode
    callbacks = build_callbacks(spec.callbacks, folder=folder, directions=directions, given={"task": task})
    checks.examine(checks.Case(spec, data, model, outputs, rows, callbacks, directions), findings)
    findings.close()
    rival = build_rival(spec.rival, outputs, seed=spec.seed)
    heard = list(callbacks.values())
    if spec.steps_per_execution is None and any(hears_batches(callback) for callback in heard):
        pace = dataclasses.replace(pace, steps_per_execution=1)
    rate_changes = _has_schedule(spec) or any(isinstance(callback, checks.RATE_SETTERS) for callback in heard)
    rate_changes = rate_changes or hasattr(model, "fine_tuning")
    fed = feed.make(rows, model, pace=pace, seed=spec.seed)
    answers = outputs[0].activation is not UNANSWERED
    return Setup(
        task, outputs, model, directions, rate_changes, heard, fed, findings, parts, rival=rival, logged=logged, answers=answers
    )


def _fed(
    spec: RunSpec, data: Data, model: keras.Model, outputs: list[Output], findings: checks.Findings
) -> dict[str, feed.Rows]:
    """Return the rows of each part as losses and metrics are fed; fill in what each output ends in and how it is measured."""
    rows = {name: _encoded(part, outputs) for name, part in data.parts.items()}
    _read_heads(model, outputs, rows["train"], data, findings)
    for output in outputs:
        with findings.stopping("metric_task"):
            output.metrics = _measured(output, spec, data)
            data.notes += metrics.feeding(output.metrics, task=output.task)
            data.notes += metrics.of_nearest(output.metrics, task=output.task)
    with findings.stopping("class_weight"):
        rows["train"], notes = weights.weighted(rows["train"], data, outputs, spec)
        data.notes += notes
    return rows | _train_sample(rows["train"], spec)


def _measured(output: Output, spec: RunSpec, data: Data) -> list[Any]:
    """Return the metrics of an output, those that count rows by their weights after the others."""
    scores = None if catalog.loss_facts(output.loss).regresses else output.activation
    nodes = _metric_nodes(spec, output)
    targets = () if output.name else data.target_names
    known = {"task": output.task, "labels": output.labels, "activation": scores, "targets": targets}
    elsewhere = {name for other in spec.outputs.values() for name in (other or {}).get("metrics") or {}}
    weighted = [name for name in spec.weighted_metrics if name in nodes or name not in elsewhere]
    return [*metrics.build_metrics(nodes, **known), *metrics.build_weighted(weighted, nodes, **known)]


def _name_columns(outputs: list[Output], model: keras.Model, parts: dict[str, feed.Rows], data: Data) -> None:
    """Name the history's columns of every metric, and note which metrics a part is too uniform for.

    Those of the user's own that are handed the model are called for that.
    """
    rows = next(parts[part] for part in ("val", TrainEval.part, "train") if part in parts)
    own = any(isinstance(metric, metrics.Own) for output in outputs for metric in output.metrics)
    predicted = model.predict(rows.x, batch_size=feed.LARGE_BATCH, verbose=0) if own else None
    for output in outputs:
        for metric in output.metrics:
            if isinstance(metric, metrics.Own):
                metric.learn(y_true=of(rows.y, output), y_pred=of(predicted, output), x=rows.x, model=model)
            output.columns[metric.name] = metrics.history_columns(metric, prefix=output.column(""))
        for part in ("val", TrainEval.part, "test"):
            data.notes += metrics.undefined(output.metrics, of(parts[part].y, output), part=part) if part in parts else []


def _asked(spec: RunSpec, task: Task) -> list[Output]:
    """Return the outputs that are asked for, without loss and metrics yet; one without a name where there is one answer."""
    if not task.outputs:
        return [Output("", task, None, "dense", None)]
    settings = {name: spec.outputs[name] or {} for name in task.outputs}
    return [
        Output(name, part, None, "dense", None, weight=float(settings[name].get("weight", 1.0)))
        for name, part in task.outputs.items()
    ]


def _with_loss(output: Output, spec: RunSpec, data: Data, findings: checks.Findings) -> Output:
    """Return the output with its loss, and its task as that loss wants it answered."""
    node = (spec.outputs[output.name] or {}).get("loss") or spec.loss if output.name else spec.loss
    loss = losses.build_loss(node, task=output.task, path=f"{output.path}.loss" if output.name else "loss")
    if loss is None and output.name:
        raise ConfigError(
            f"{output.path}.loss=none, and every one of several outputs needs a loss; type {output.path}.loss=auto"
        )
    task, notes = output.task, []
    with findings.stopping("loss_task"):
        task, notes = losses.fit_task(loss, output.task)
    activation = (spec.outputs[output.name] or {}).get("activation", "auto") if output.name else "auto"
    task = task if activation == "auto" else dataclasses.replace(task, head=activation)
    data.notes += notes
    return dataclasses.replace(output, task=task, loss=loss, labels=catalog.loss_facts(loss).labels)


def _metric_nodes(spec: RunSpec, output: Output) -> dict[str, Any]:
    own = (spec.outputs[output.name] or {}).get("metrics") if output.name else None
    return spec.metrics if own is None else own


def _encoded(part: Any, outputs: list[Output]) -> feed.Rows:
    """Return a part's rows with the labels in the form that each loss wants."""
    for output in outputs:
        _refuse_large(len(part), output)
    y = {output.name: output.task.encode(of(part.y, output), form=output.labels) for output in outputs}
    judged = {output.name: part.weights for output in outputs} if part.weights is not None else None
    alone = outputs[0].name == ""
    return feed.Rows(part.x, y[""] if alone else y, part.weights if alone else judged)


def _refuse_large(rows: int, output: Output) -> None:
    """Refuse a loss that takes one-hot rows where they are too many to keep."""
    task, size = output.task, 4 * rows * output.task.units
    if output.labels == "dense" and task.kind == "multiclass" and not task.is_soft and size > LARGEST_LABELS:
        raise ConfigError(
            f"loss={losses.loss_name(output.loss)} takes one-hot rows, and {rows:,} of {task.units:,} classes are "
            f"{size / 1e9:.1f} GB; type loss=sparse_categorical_crossentropy"
        )


def _read_heads(model: keras.Model, outputs: list[Output], rows: feed.Rows, data: Data, findings: checks.Findings) -> None:
    """Fill in each output's last activation, the logits of its loss, and check the two against each other."""
    x = rows.first(checks.PROBE_ROWS)
    if _is_without_answer(model, outputs, x):
        outputs[0].activation, outputs[0].metrics = UNANSWERED, []
        data.notes.append("model: it gives no single answer, so that there are no predictions")
        return
    answers = _answers(model, outputs, x)
    for output in outputs:
        path = output.path or "model"
        answer = np.asarray(of(answers, output), dtype="float32")
        units = answer.shape[-1] if answer.ndim > 1 else None
        is_embedding = output.task.head == "embedding"
        known = models.last_activation(model, output.name)
        output.activation = known or (None if is_embedding else checks.read_off(answer))
        if output.loss is None:
            continue  # what the model ends in is its own affair: no loss reads it
        if known is None and not is_embedding:
            data.notes.append(f"{path}: its last layer does not tell; its answers are read as {output.activation}")
        output.loss, mended = losses.fit_head(output.loss, activation=output.activation)
        data.notes += mended
        with findings.stopping("constant_head"):
            checks.refuse_constant_head(units=units, activation=output.activation, path=path)
        with findings.stopping("head_units"):
            checks.refuse_units(task=output.task, shape=answer.shape[1:], labels=of(rows.y, output).shape[1:], path=path)
        if findings.of("stop") and output.task.kind not in catalog.loss_facts(output.loss).kinds:
            continue  # of another loss the head may be right: advice on both would be two ways that do not go together
        with findings.stopping("head_mismatch"):
            checks.refuse_mismatch(output.loss, task=output.task, activation=output.activation, path=path)
            if output.task.is_sampled:
                sampling.set_up(model, output)


def _is_without_answer(model: keras.Model, outputs: list[Output], x: Any) -> bool:
    """Return whether a model that trains itself answers with anything but one array: it may have no `call` at all."""
    if outputs[0].loss is not None or not columns.own_steps(model):
        return False
    if type(model).call is keras.Model.call:
        return True
    try:
        answer = model(x, training=False)
    except Exception:  # whatever the user's model raises: `_answers` tells it
        return False
    return isinstance(answer, (dict, list, tuple))


def _answers(model: keras.Model, outputs: list[Output], x: Any) -> Any:
    """Return what an untrained model answers for some rows; raise ConfigError where that has not the outputs asked for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what Keras warns here, the checks say more
        try:
            answers = model(x, training=False)
        except Exception as error:  # whatever the user's model raises
            shapes = {name: array.shape[1:] for name, array in x.items()} if isinstance(x, dict) else x.shape[1:]
            raise ConfigError(f"model: it cannot answer rows of shape {shapes}: {reason(error)}") from error
    names = [output.name for output in outputs if output.name]
    if names and (not isinstance(answers, dict) or set(answers) != set(names)):
        given = ", ".join(answers) if isinstance(answers, dict) else type(answers).__name__
        raise ConfigError(f"model: it answers with {given}, and the outputs are {', '.join(names)}; return a dict of them")
    if not names and isinstance(answers, (dict, list, tuple)):
        raise ConfigError("model: it has several outputs; name them with outputs.NAME.target=COLUMN")
    return answers


def _pace(spec: RunSpec, rows: int, *, columns: int) -> feed.Pace:
    return feed.Pace.of(
        rows,
        batch_size=spec.batch_size,
        steps_per_epoch=spec.steps_per_epoch,
        steps_per_execution=spec.steps_per_execution,
        validation=spec.validation_batch_size,
        columns=columns,
    )


def _train_sample(train: feed.Rows, spec: RunSpec) -> dict[str, feed.Rows]:
    """Return the fixed rows of training that every epoch is scored on in inference mode; none where `train_eval` is 0."""
    count = len(train) if spec.train_eval is None else min(spec.train_eval, len(train))
    if not count:
        return {}
    rows = np.sort(np.random.default_rng([spec.seed, 2]).choice(len(train), count, replace=False))
    return {TrainEval.part: train.at(rows)}


def _build_model(spec: RunSpec, task: Task, data: Data) -> keras.Model:
    node = {key: value for key, value in spec.model.items() if key != "init_from"}
    model = build(node, path="model", task=task, run_seed=spec.seed)
    if not isinstance(model, keras.Model):
        raise ConfigError(f"model: {spec.model['_target_']} returns a {type(model).__name__} and no keras.Model")
    if plan := getattr(model, "fine_tuning", None):
        plan.settle(epochs=spec.epochs)
    if spec.model.get("init_from"):
        data.notes.append(export.begin_with(model, spec.model["init_from"]))
    return model


def _has_schedule(spec: RunSpec) -> bool:
    nodes = (spec.optimizer, spec.optimizer.get("inner_optimizer") or {})
    return any(isinstance(node.get("learning_rate"), dict) for node in nodes)
