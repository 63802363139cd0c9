"""The metrics of a config: built, named by their keys, and fed what they need."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Sequence
from typing import Any

import keras

from lossmetric_cli import catalog, quantiles
from lossmetric_cli.build import build, resolve
from lossmetric_cli.errors import ConfigError, did_you_mean
from lossmetric_cli.metrics import own
from lossmetric_cli.metrics.fed import AROUND_ZERO, feed, reads_last
from lossmetric_cli.metrics.of_loss import WholeLoss, as_metric
from lossmetric_cli.metrics.own import Own
from lossmetric_cli.metrics.several import class_labels, column_names, taken_apart, target_labels
from lossmetric_cli.metrics.traits import class_name, columns, direction, facts
from lossmetric_cli.metrics.whole import Exact, Whole
from lossmetric_cli.task import Task

Metric = keras.metrics.Metric
#: Columns of the history that are no metric's.
_TAKEN = ("epoch", "learning_rate", "data_loss", "regularization", "loss_stderr", "unweighted_loss")


def build_metrics(
    nodes: dict[str, Any], *, task: Task, labels: str, activation: str | None, targets: Sequence[str] = ()
) -> list[Metric | Whole]:
    """Return the metrics of a config, each named by its key and fed the labels and scores that it needs.

    Args:
        nodes: the metrics by key.
        task: the task as the model answers it.
        labels: the form in which the loss keeps the labels, "dense" or "index".
        activation: the model's last activation; None where it is unknown, or where the loss draws a linear head to the
            labels themselves, so that scores are compared as they are.
        targets: the names of a regression's targets.
    """
    known = {"task": task, "labels": labels, "activation": activation, "targets": targets}
    made = {key: _build_metric(node, key=key, **known) for key, node in nodes.items()}
    metrics = {key: metric for key, metric in made.items() if metric is not None}
    names = {metric.name: key for key, metric in metrics.items()}
    for key, metric in metrics.items():
        if names[metric.name] != key:
            raise ConfigError(f"metrics.{key} is {metric.name} here, and so is metrics.{names[metric.name]}; drop one of them")
    _refuse_same_columns(metrics)
    return list(metrics.values())


def build_weighted(names: Sequence[str], nodes: dict[str, Any], **known: Any) -> list[Metric]:
    """Return `weighted_<name>` for each of `names`, which are keys of `nodes`: rows count by their weights.

    `known` is what `build_metrics` is told beside the nodes.
    """
    for name in names:
        if name not in nodes:
            raise ConfigError(f"weighted_metrics: '{name}' is none of metrics{did_you_mean(name, nodes)}")
    made = build_metrics({f"weighted_{name}": nodes[name] for name in names}, **known)
    for metric in made:
        if isinstance(metric, Whole):
            name = metric.name.removeprefix("weighted_")
            raise ConfigError(f"weighted_metrics: '{name}' counts every row once; name a metric of Keras'")
    return made


def is_weighted(metric: Any) -> bool:
    """Return whether a metric counts rows by their weights."""
    return metric.name.startswith("weighted_")


def _build_metric(
    node: dict[str, Any], *, key: str, task: Task, labels: str, activation: str | None, targets: Sequence[str]
) -> Metric | Whole | None:
    path = f"metrics.{key}"
    _refuse_taken_name(key)
    target = resolve(node.get("_target_"), path=path)
    if inspect.isfunction(target) and own.takes_whole(target):
        return _as_own(build({**node, "_partial_": True}, path=path, task=task, **dict.fromkeys(own.GIVEN)), key, task=task)
    wants = facts(target)
    asked = task.as_one_column() if reads_last(wants, task) else quantiles.as_one_answer(task, wants)
    quantiles.refuse_without_interval(node, facts=wants, task=task, path=path)
    is_exact = any(wants is entry for entry in catalog.EXACT.values())
    if is_exact:
        _refuse_wrong_kind(target, target.__name__, task=asked, path=path)
    node = _without_logits(_filled(node, facts=wants, task=asked), activation=activation, path=path)
    built = build(node, path=path, name=key, task=asked if is_exact else task, labels=labels)
    if isinstance(built, Exact):
        built.column = quantiles.middle(task) if quantiles.reads_middle(wants, task) else None
        return _as_exact(built, activation=activation, targets=targets)
    if built is None:
        return None
    metric = _as_metric(built, name=key, path=path, task=task, activation=activation)
    if node["_target_"] != "lossmetric_cli.metrics.auto":
        metric.name = key
    if isinstance(metric, Own):
        return metric
    measuring = metric.loss if isinstance(metric, WholeLoss) else metric
    _refuse_wrong_kind(measuring, class_name(measuring), task=asked, path=path)
    return metric if isinstance(metric, WholeLoss) else _fed(metric, task, asked, labels, activation, targets)


def _as_metric(built: Any, *, name: str, path: str, task: Task, activation: str | None) -> Metric | Whole:
    """Return what a target gave as a metric: a function of labels and predictions becomes the mean of its values."""
    if isinstance(built, Metric):
        return built
    if isinstance(built, keras.losses.Loss):
        return as_metric(built, name=name, task=task, activation=activation)
    if isinstance(built, functools.partial):
        return keras.metrics.MeanMetricWrapper(built.func, name=name, **built.keywords)
    if inspect.isfunction(built):
        return keras.metrics.MeanMetricWrapper(built, name=name)
    if own.takes_whole(built):
        return _as_own(built, name, task=task)
    raise ConfigError(
        f"{path}: {type(built).__name__} is no keras.metrics.Metric, no loss, and no function of y_true and y_pred, or of model"
    )


def _as_own(function: Any, name: str, *, task: Task) -> Own:
    """Return a function of the model as the metric of that name."""
    plain = function.func if isinstance(function, functools.partial) else function
    told = f"{getattr(plain, '__name__', type(plain).__name__)}({', '.join(own.wanted(plain))})"
    return Own(name=name, told=told, direction=getattr(plain, "direction", None), function=function, task=task)


def _as_exact(metric: Exact, *, activation: str | None, targets: Sequence[str]) -> Exact:
    """Return the metric with its columns named, and with what turns a model's answers into probabilities."""
    metric.activation = activation
    if metric.several > 1:
        task = metric.task
        endings = class_labels(task) if task.is_classification else target_labels(task, targets)
        metric.columns = column_names(metric.name, endings)
    return metric


def _fed(metric: Metric, task: Task, asked: Task, labels: str, activation: str | None, targets: Sequence[str]) -> Metric:
    """Return the metric with a column for each of its values, in the adapter that it needs."""
    apart = taken_apart(metric, task=asked, targets=targets)
    fed = feed(apart, facts=facts(metric), task=task, labels=labels, activation=activation)
    if direction(fed):
        fed._direction = {"max": "up", "min": "down"}[direction(fed)]  # where Keras' callbacks look for their mode "auto"
    return fed


def _refuse_taken_name(key: str) -> None:
    if key == "loss":
        raise ConfigError("metrics.loss: a metric called loss would overwrite the loss in the history; rename its key")
    if key in _TAKEN or key.startswith("val_"):
        raise ConfigError(f"metrics.{key}: the history has a column '{key}' without it; rename its key")


def _refuse_same_columns(metrics: dict[str, Metric | Whole]) -> None:
    owners: dict[str, str] = {}
    for key, metric in metrics.items():
        for column in columns(metric):
            if owners.setdefault(column, key) != key:
                raise ConfigError(
                    f"metrics.{key} and metrics.{owners[column]} both have a column '{column}'; rename the key of one"
                )


def _filled(node: dict[str, Any], *, facts: catalog.MetricFacts, task: Task) -> dict[str, Any]:
    """Return the node with the parameters that the task decides in place of their nulls."""
    classes = max(task.units, 2)
    values = {
        "num_classes": classes,
        "target_class_ids": list(range(classes)) if task.kind == "multiclass" else [0, 1],
        "threshold": None if task.kind == "multiclass" else 0.5,
        "columns": {"regression": quantiles.ends(task), "multilabel": "mean"}.get(task.kind, "sum"),
    }
    return {**node, **{name: values[name] for name in facts.fills if node.get(name) is None}}


def _without_logits(node: dict[str, Any], *, activation: str | None, path: str) -> dict[str, Any]:
    """Return the node without `from_logits`, since `Fed` turns logits into probabilities; refuse it where there are none."""
    if not node.get("from_logits") or activation is None:
        return node
    if activation not in AROUND_ZERO:
        raise ConfigError(f"{path}.from_logits=true, and the model ends in {activation}, not in logits; drop it")
    return {**node, "from_logits": False}


def _refuse_wrong_kind(metric: Any, name: str, *, task: Task, path: str) -> None:
    """Refuse a metric, or what makes one, that does not fit the task; `name` is what it is called in the error."""
    wants = facts(metric)
    if wants.direction and task.head == "embedding":
        raise ConfigError(f"{path}: the model answers with an embedding, in which {name} has nothing to count; type metrics=[]")
    if task.kind not in wants.kinds:
        instead = "accuracy" if task.is_classification else "mae+rmse+r2"
        kinds = " or ".join(wants.kinds) or "sequence"
        raise ConfigError(f"{path}: {name} is for {kinds} tasks, and this one is {task.kind}; try metrics={instead}")
    if task.units == 1 and wants.across_columns and getattr(metric, "axis", -1) == -1:
        instead = "accuracy" if task.is_classification else "r2"
        raise ConfigError(f"{path}: {name} compares the columns of a row, and a row here has one; type metrics={instead}")
