"""The metrics that choose among Keras' own by the task."""

from __future__ import annotations

import keras

from lossmetric_cli.errors import ConfigError
from lossmetric_cli.task import Task

Metric = keras.metrics.Metric


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


def focal(
    *,
    task: Task,
    labels: str,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
) -> keras.losses.Loss:
    """Return the focal loss of the task, binary or categorical, as `loss=focal` is (Lin et al., 2017, eq. 5)."""
    if not task.is_classification:
        raise ConfigError("metrics.focal: a focal loss needs classes, and this target is a number; type metrics=huber")
    options = {"alpha": alpha, "gamma": gamma, "from_logits": from_logits, "label_smoothing": label_smoothing}
    if task.kind == "multiclass":
        return keras.losses.CategoricalFocalCrossentropy(**options)
    return keras.losses.BinaryFocalCrossentropy(apply_class_balancing=True, **options)
