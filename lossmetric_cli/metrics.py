"""The metrics that choose among Keras' own by the task, and the adapter that feeds each the labels it needs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from lossmetric_cli import catalog
from lossmetric_cli.build import build, resolve
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.task import Task

Metric = keras.metrics.Metric
_POOLED = (
    *(keras.metrics.AUC, keras.metrics.Precision, keras.metrics.Recall),
    *(keras.metrics.PrecisionAtRecall, keras.metrics.RecallAtPrecision),
    *(keras.metrics.SensitivityAtSpecificity, keras.metrics.SpecificityAtSensitivity),
)
_COUNTS = tuple(getattr(keras.metrics, f"{truth}{side}") for truth in ("True", "False") for side in ("Negatives", "Positives"))
#: Activations around 0, where probabilities are around a half.
_AROUND_ZERO = ("linear", "tanh")
#: What becomes of labels and predictions on their way into a metric, by the names that a `Fed` keeps.
_STEPS = {
    "sigmoid": keras.ops.sigmoid,
    "softmax": keras.ops.softmax,
    "class": lambda scores: keras.ops.argmax(scores, axis=-1),
    "above_half": lambda scores: keras.ops.cast(scores > 0.5, "int32"),
    "above_zero": lambda scores: keras.ops.cast(scores > 0, "int32"),
    "last": lambda columns: keras.ops.reshape(columns, (keras.ops.shape(columns)[0], -1))[:, -1:],
}


def auto(*, task: Task, labels: str) -> Metric | None:
    """Return accuracy for classes, mean absolute error for numbers, and nothing for an embedding."""
    if task.head == "embedding":
        return None
    if task.is_classification:
        return accuracy(task=task, labels=labels, name="accuracy")
    return keras.metrics.MeanAbsoluteError()


def accuracy(*, task: Task, labels: str, name: str = "accuracy", threshold: float = 0.5) -> Metric:
    """Return the share of right answers: by threshold for binary and multi-label tasks, by the largest score for classes.

    Keras picks by shapes alone, and takes ten independent labels for ten classes.
    """
    if not task.is_classification:
        raise ConfigError("metrics.accuracy: accuracy needs classes, and this target is a number; type metrics=mae+r2")
    if task.kind != "multiclass":
        return keras.metrics.BinaryAccuracy(name=name, threshold=threshold)
    if labels == "index":
        return keras.metrics.SparseCategoricalAccuracy(name=name)
    return keras.metrics.CategoricalAccuracy(name=name)


def crossentropy(
    *, task: Task, labels: str, name: str = "crossentropy", from_logits: bool = False, label_smoothing: float = 0.0
) -> Metric:
    """Return the cross-entropy of the task as a metric; Keras' string `crossentropy` is no metric since Keras 3."""
    if not task.is_classification:
        raise ConfigError("metrics.crossentropy: a cross-entropy needs classes, and this target is a number; type metrics=mse")
    if task.kind != "multiclass":
        return keras.metrics.BinaryCrossentropy(name=name, from_logits=from_logits, label_smoothing=label_smoothing)
    if labels == "index" and not label_smoothing:
        return keras.metrics.SparseCategoricalCrossentropy(name=name, from_logits=from_logits)
    return keras.metrics.CategoricalCrossentropy(name=name, from_logits=from_logits, label_smoothing=label_smoothing)


@keras.saving.register_keras_serializable(package="lossmetric_cli")
class Fed(Metric):
    """A metric that is fed what it needs, whatever form the loss keeps the labels in and however the model ends.

    Args:
        metric: the metric that counts.
        to_labels: what becomes of the labels: "one_hot", "class", "last" or None.
        to_scores: what becomes of the predictions, step by step: "sigmoid" or "softmax", then "class" (the number of the
            predicted class), "above_half", "above_zero" or "last" (the last column, which is the second of two classes).
        classes: the columns of a one-hot label.
    """

    def __init__(self, metric: Metric, to_labels: str | None, to_scores: Sequence[str], classes: int, name: str | None = None):
        super().__init__(name=name or metric.name)
        self.metric = metric
        self.to_labels = to_labels
        self.to_scores = list(to_scores)
        self.classes = classes

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch: labels (rows,) or (rows, columns), predictions (rows, columns), weights (rows,)."""
        self.metric.update_state(*self.fed(y_true, y_pred), sample_weight=sample_weight)

    def result(self) -> Any:
        """Return the metric's value over the batches since the last reset."""
        return self.metric.result()

    def reset_state(self) -> None:
        """Forget every batch."""
        self.metric.reset_state()

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds this metric."""
        inner = keras.saving.serialize_keras_object(self.metric)
        facts = {"to_labels": self.to_labels, "to_scores": self.to_scores, "classes": self.classes}
        return {"metric": inner, **facts, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Fed:
        """Return the metric of a `get_config`."""
        return cls(**{**config, "metric": keras.saving.deserialize_keras_object(config["metric"])})

    def fed(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        """Return labels and scores as the metric that counts is given them."""
        return self._labels(y_true), self._scores(y_pred)

    def _labels(self, y_true: Any) -> Any:
        if self.to_labels == "one_hot":
            return keras.ops.one_hot(keras.ops.cast(keras.ops.reshape(y_true, (-1,)), "int32"), self.classes)
        return _STEPS[self.to_labels](y_true) if self.to_labels else y_true

    def _scores(self, y_pred: Any) -> Any:
        for step in self.to_scores:
            y_pred = _STEPS[step](y_pred)
        return y_pred


def build_metrics(nodes: dict[str, Any], *, task: Task, labels: str, activation: str | None) -> list[Metric]:
    """Return the metrics of a config, each named by its key and fed the labels and scores that it needs.

    Args:
        nodes: the metrics by key.
        task: the task as the model answers it.
        labels: the form in which the loss keeps the labels, "dense" or "index".
        activation: the model's last activation; None where it is unknown, or where the loss draws a linear head to the
            labels themselves, so that scores are compared as they are.
    """
    made = {key: _build_metric(node, key=key, task=task, labels=labels, activation=activation) for key, node in nodes.items()}
    metrics = {key: metric for key, metric in made.items() if metric is not None}
    names = {metric.name: key for key, metric in metrics.items()}
    for key, metric in metrics.items():
        if names[metric.name] != key:
            raise ConfigError(f"metrics.{key} is {metric.name} here, and so is metrics.{names[metric.name]}; drop one of them")
    return [_feed(metric, task=task, labels=labels, activation=activation) for metric in metrics.values()]


def feeding(measured: list[Metric]) -> list[str]:
    """Return a sentence on the metrics that are fed other labels than the loss, none where there are none."""
    said = {
        "one_hot": "the loss takes class numbers; {} fed one-hot rows",
        "class": "the loss takes one-hot rows; {} fed class numbers",
    }
    named = {
        form: [metric.name for metric in measured if isinstance(metric, Fed) and metric.to_labels == form] for form in said
    }
    return [
        said[form].format(f"{', '.join(names)} {'are' if len(names) > 1 else 'is'}") for form, names in named.items() if names
    ]


def counted(metric: Metric) -> Metric:
    """Return the metric that counts, without the adapter that feeds it."""
    return metric.metric if isinstance(metric, Fed) else metric


def by_row(metric: Metric, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray | None:
    """Return the values (rows,) whose mean a metric is; None for a metric that is no mean of a value a row."""
    inner = counted(metric)
    if not isinstance(inner, keras.metrics.MeanMetricWrapper):
        return None
    labels, scores = metric.fed(y_true, y_pred) if isinstance(metric, Fed) else (y_true, y_pred)
    values = keras.ops.convert_to_numpy(inner._fn(labels, scores, **inner._fn_kwargs)).astype("float64")
    return values.reshape(len(y_true), -1).mean(axis=1) if values.ndim and len(values) == len(y_true) else None


def describe(metric: Metric, *, task: Task) -> str:
    """Return the class of a metric and what tells it from its kin, as the console shows it: `AUC(PR)`, `F1Score(macro)`.

    Keras takes the cells of a multiclass task one by one for these: "micro", each class against the rest.
    """
    inner = counted(metric)
    curve = getattr(getattr(inner, "curve", None), "name", "ROC")
    average = getattr(inner, "average", None)
    if isinstance(inner, _POOLED) and not getattr(inner, "multi_label", False) and getattr(inner, "class_id", None) is None:
        average = "micro"
    is_binary = task.kind == "binary" or (isinstance(metric, Fed) and "last" in metric.to_scores)
    traits = [trait for trait in (curve if curve != "ROC" else None, None if is_binary else average) if trait]
    if traits:
        return f"{type(inner).__name__}({', '.join(traits)})"
    if type(inner) is keras.metrics.MeanMetricWrapper:
        return f"mean of {inner._fn.__name__}"
    return type(inner).__name__


def direction(metric: Metric) -> str | None:
    """Return "max", "min", or None where nobody said which way a metric of the user's own is better.

    A metric says so by an attribute: `direction` of "max" or "min", or Keras' own `_direction` of "up" or "down".
    """
    inner = counted(metric)
    said = getattr(inner, "direction", None) or {"up": "max", "down": "min"}.get(getattr(inner, "_direction", None))
    return said or catalog.metric_facts(inner).direction


def _build_metric(node: dict[str, Any], *, key: str, task: Task, labels: str, activation: str | None) -> Metric | None:
    path = f"metrics.{key}"
    _refuse_taken_name(key)
    facts = catalog.metric_facts(resolve(node.get("_target_"), path=path))
    asked = task.as_one_column() if _reads_last(facts, task) else task
    node = _without_logits(_filled(node, facts=facts, task=asked), activation=activation, path=path)
    built = build(node, path=path, name=key, task=task, labels=labels)
    if built is None:
        return None
    metric = _as_metric(built, name=key, path=path)
    if node["_target_"] != "lossmetric_cli.metrics.auto":
        metric.name = key
    _refuse_wrong_kind(metric, task=asked, path=path)
    _refuse_several_values(metric, path=path)
    return metric


def _as_metric(built: Any, *, name: str, path: str) -> Metric:
    """Return what a target gave as a metric: a function of labels and predictions becomes the mean of its values."""
    if isinstance(built, Metric):
        return built
    if isinstance(built, functools.partial):
        return keras.metrics.MeanMetricWrapper(built.func, name=name, **built.keywords)
    if inspect.isfunction(built):
        return keras.metrics.MeanMetricWrapper(built, name=name)
    hint = "; its function can be one, such as keras.losses.huber" if isinstance(built, keras.losses.Loss) else ""
    raise ConfigError(f"{path}: {type(built).__name__} is no keras.metrics.Metric and no function of y_true and y_pred{hint}")


def _refuse_taken_name(key: str) -> None:
    if key == "loss":
        raise ConfigError("metrics.loss: a metric called loss would overwrite the loss in the history; rename its key")
    if key in ("epoch", "learning_rate") or key.startswith("val_"):
        raise ConfigError(f"metrics.{key}: the history has a column '{key}' without it; rename its key")


def _reads_last(facts: catalog.MetricFacts, task: Task) -> bool:
    """Return whether a metric of binary tasks reads the second of two columns.

    For two classes, precision is that of the second class, whether the loss wants one column or two.
    """
    return task.kind == "multiclass" and task.units == 2 and facts.probabilities and "binary" in facts.kinds


def _filled(node: dict[str, Any], *, facts: catalog.MetricFacts, task: Task) -> dict[str, Any]:
    """Return the node with the parameters that the task decides in place of their nulls."""
    classes = max(task.units, 2)
    values = {
        "num_classes": classes,
        "target_class_ids": list(range(classes)) if task.kind == "multiclass" else [0, 1],
        "threshold": None if task.kind == "multiclass" else 0.5,
    }
    return {**node, **{name: values[name] for name in facts.fills if node.get(name) is None}}


def _without_logits(node: dict[str, Any], *, activation: str | None, path: str) -> dict[str, Any]:
    """Return the node without `from_logits`, since `Fed` turns logits into probabilities; refuse it where there are none."""
    if not node.get("from_logits") or activation is None:
        return node
    if activation not in _AROUND_ZERO:
        raise ConfigError(f"{path}.from_logits=true, and the model ends in {activation}, not in logits; drop it")
    return {**node, "from_logits": False}


def _refuse_wrong_kind(metric: Metric, *, task: Task, path: str) -> None:
    facts, name = catalog.metric_facts(metric), type(metric).__name__
    if facts.direction and task.head == "embedding":
        raise ConfigError(f"{path}: the model answers with an embedding, in which {name} has nothing to count; type metrics=[]")
    if task.kind not in facts.kinds:
        instead = "accuracy" if task.is_classification else "mae+rmse+r2"
        wanted = " or ".join(facts.kinds)
        raise ConfigError(f"{path}: {name} is for {wanted} tasks, and this one is {task.kind}; try metrics={instead}")
    if task.units == 1 and facts.across_columns and getattr(metric, "axis", -1) == -1:
        instead = "accuracy" if task.is_classification else "r2"
        raise ConfigError(f"{path}: {name} compares the columns of a row, and a row here has one; type metrics={instead}")


def _refuse_several_values(metric: Metric | None, *, path: str) -> None:
    """Refuse the parameters by which a metric gives several values, where a curve is one value an epoch."""
    several = "gives several values, and a curve is one value an epoch"
    if isinstance(metric, keras.metrics.FBetaScore) and metric.average is None:
        raise ConfigError(f"{path}.average=null {several}; type {path}.average=macro")
    if isinstance(metric, keras.metrics.R2Score) and metric.class_aggregation is None:
        raise ConfigError(f"{path}.class_aggregation=null {several}; type {path}.class_aggregation=uniform_average")
    if isinstance(metric, (keras.metrics.Precision, keras.metrics.Recall, *_COUNTS)) and len(metric.thresholds) > 1:
        raise ConfigError(f"{path}.thresholds={metric.thresholds} {several}; type one of them")


def _feed(metric: Metric, *, task: Task, labels: str, activation: str | None) -> Metric:
    """Return the metric, wrapped in Fed where the loss's labels or the head's scores are not what it needs."""
    facts = catalog.metric_facts(metric)
    is_multiclass, is_around_zero = task.kind == "multiclass", activation in _AROUND_ZERO
    to_labels, to_scores = None, []
    if is_multiclass and facts.labels != labels:
        to_labels = "one_hot" if facts.labels == "dense" else "class" if labels == "dense" else None
    if facts.probabilities and is_around_zero:
        to_scores.append("softmax" if is_multiclass else "sigmoid")
    if facts.labels == "class":
        to_scores.append("class" if is_multiclass else "above_zero" if is_around_zero else "above_half")
    if _reads_last(facts, task):
        to_labels = "last"
        to_scores.append("last")
    fed = Fed(metric, to_labels, to_scores, task.units) if to_labels or to_scores else metric
    if direction(fed):
        fed._direction = {"max": "up", "min": "down"}[direction(fed)]  # where Keras' callbacks look for their mode "auto"
    return fed
