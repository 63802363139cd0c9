"""The metrics that choose among Keras' own by the task, and the adapter that feeds each the labels it needs."""

from __future__ import annotations

import functools
from typing import Any

import keras

from lossmetric_cli import catalog
from lossmetric_cli.build import build, resolve
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.task import Task

Metric = keras.metrics.Metric
_MICRO = (keras.metrics.AUC, keras.metrics.Precision, keras.metrics.Recall)


def auto(*, task: Task, labels: str) -> Metric:
    """Return accuracy for classes and mean absolute error for numbers."""
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
    """A metric that is fed what it needs, whatever form the loss keeps the labels in.

    Args:
        metric: the metric that counts.
        to_labels: "one_hot", "index" or None: what becomes of the labels.
        to_scores: "sigmoid", "softmax", "class" (the number of the predicted class) or None: what becomes of the
            predictions.
        classes: the columns of a one-hot label.
    """

    def __init__(self, metric: Metric, to_labels: str | None, to_scores: str | None, classes: int, name: str | None = None):
        super().__init__(name=name or metric.name)
        self.metric = metric
        self.to_labels = to_labels
        self.to_scores = to_scores
        self.classes = classes

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch: labels (rows,) or (rows, columns), predictions (rows, columns), weights (rows,)."""
        self.metric.update_state(self._labels(y_true), self._scores(y_pred), sample_weight=sample_weight)

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

    def _labels(self, y_true: Any) -> Any:
        if self.to_labels == "one_hot":
            return keras.ops.one_hot(keras.ops.cast(keras.ops.reshape(y_true, (-1,)), "int32"), self.classes)
        if self.to_labels == "index":
            return keras.ops.argmax(y_true, axis=-1)
        return y_true

    def _scores(self, y_pred: Any) -> Any:
        if self.to_scores == "class" and self.classes > 1:
            return keras.ops.argmax(y_pred, axis=-1)
        if self.to_scores == "class":
            return keras.ops.cast(y_pred > 0.5, "int32")
        if self.to_scores:
            return getattr(keras.ops, self.to_scores)(y_pred)
        return y_pred


def build_metrics(nodes: dict[str, Any], *, task: Task, labels: str, activation: str | None) -> list[Metric]:
    """Return the metrics of a config, each named by its key and fed the labels and scores that it needs.

    Args:
        nodes: the metrics by key.
        task: the task as the model answers it.
        labels: the form in which the loss keeps the labels, "dense" or "index".
        activation: the model's last activation, None where it is unknown.
    """
    metrics = [_build_metric(node, key=key, task=task, labels=labels) for key, node in nodes.items()]
    return [_feed(metric, task=task, labels=labels, activation=activation) for metric in metrics]


def counted(metric: Metric) -> Metric:
    """Return the metric that counts, without the adapter that feeds it."""
    return metric.metric if isinstance(metric, Fed) else metric


def describe(metric: Metric, *, task: Task) -> str:
    """Return the class of a metric and what tells it from its kin, as the console shows it: `AUC(PR)`, `F1Score(macro)`.

    Keras takes the cells of a multiclass task one by one for these: "micro", each class against the rest.
    """
    inner = counted(metric)
    curve = getattr(getattr(inner, "curve", None), "name", "ROC")
    average = getattr(inner, "average", None)
    if task.kind != "binary" and isinstance(inner, _MICRO) and not getattr(inner, "multi_label", False):
        average = "micro"
    traits = [trait for trait in (curve if curve != "ROC" else None, average if task.kind != "binary" else None) if trait]
    if traits:
        return f"{type(inner).__name__}({', '.join(traits)})"
    if isinstance(inner, keras.metrics.MeanMetricWrapper) and type(inner).__name__ == "MeanMetricWrapper":
        return f"mean of {inner._fn.__name__}"
    return type(inner).__name__


def direction(metric: Metric) -> str | None:
    """Return "max", "min", or None where nobody said which way a metric of the user's own is better."""
    inner = counted(metric)
    return catalog.metric_facts(inner).direction or getattr(inner, "direction", None)


def _build_metric(node: dict[str, Any], *, key: str, task: Task, labels: str) -> Metric:
    path = f"metrics.{key}"
    if key == "loss":
        raise ConfigError("metrics.loss: a metric called loss would overwrite the loss in the history; rename its key")
    built = build(_filled(node, task=task, path=path), path=path, name=key, task=task, labels=labels)
    if isinstance(built, functools.partial):
        built = keras.metrics.MeanMetricWrapper(built.func, name=key, **built.keywords)
    elif not isinstance(built, Metric):
        built = keras.metrics.MeanMetricWrapper(built, name=key)
    elif built.name != key and node["_target_"] != "lossmetric_cli.metrics.auto":
        built.name = key
    _refuse_wrong_kind(built, task=task, path=path)
    return built


def _filled(node: dict[str, Any], *, task: Task, path: str) -> dict[str, Any]:
    """Return the node with the parameters that the task decides in place of their nulls."""
    target = resolve(node.get("_target_"), path=path)
    classes = max(task.units, 2)
    values = {
        "num_classes": classes,
        "target_class_ids": list(range(classes)) if task.kind == "multiclass" else [0, 1],
        "threshold": None if task.kind == "multiclass" else 0.5,
    }
    facts = catalog.METRICS.get(target.__name__, catalog.MetricFacts(None))
    return {**node, **{name: values[name] for name in facts.fills if node.get(name) is None}}


def _refuse_wrong_kind(metric: Metric, *, task: Task, path: str) -> None:
    facts = catalog.metric_facts(metric)
    if task.kind not in facts.kinds:
        instead = "accuracy" if task.is_classification else "mae+rmse+r2"
        raise ConfigError(
            f"{path}: {type(metric).__name__} is for {' or '.join(facts.kinds)} tasks, and this one is {task.kind}; "
            f"try metrics={instead}"
        )


def _feed(metric: Metric, *, task: Task, labels: str, activation: str | None) -> Metric:
    """Return the metric, wrapped in Fed where the loss's labels or the head's scores are not what it needs."""
    facts = catalog.metric_facts(metric)
    to_labels = to_scores = None
    if task.kind == "multiclass" and facts.labels != labels:
        to_labels = "one_hot" if facts.labels == "dense" else "index" if labels == "dense" else None
    if facts.labels == "class":
        to_scores = "class"
    elif facts.probabilities and activation == "linear" and not getattr(metric, "from_logits", False):
        to_scores = "softmax" if task.kind == "multiclass" else "sigmoid"
    if to_labels or to_scores:
        return Fed(metric, to_labels, to_scores, task.units)
    return metric
