"""The losses that choose among Keras' own by the task."""

from __future__ import annotations

import keras

from lossmetric_cli.errors import ConfigError
from lossmetric_cli.task import Task

Loss = keras.losses.Loss


def auto(*, task: Task) -> Loss:
    """Return cross-entropy for classes and mean squared error for numbers."""
    return crossentropy(task=task) if task.is_classification else keras.losses.MeanSquaredError()


def crossentropy(*, task: Task, from_logits: bool = False, label_smoothing: float = 0.0) -> Loss:
    """Return the cross-entropy of the task: binary, sparse categorical, or categorical where labels are smoothed.

    Sparse and categorical cross-entropy give the same numbers; the sparse one needs no one-hot copy of the labels
    and knows neither smoothing nor labels that are shares.
    """
    if not task.is_classification:
        raise ConfigError("loss: a cross-entropy needs classes, and this target is a number; type loss=mse")
    if task.kind != "multiclass":
        return keras.losses.BinaryCrossentropy(from_logits=from_logits, label_smoothing=label_smoothing)
    if label_smoothing or task.is_soft:
        return keras.losses.CategoricalCrossentropy(from_logits=from_logits, label_smoothing=label_smoothing)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits)


def focal(
    *, task: Task, alpha: float = 0.25, gamma: float = 2.0, from_logits: bool = False, label_smoothing: float = 0.0
) -> Loss:
    """Return the focal loss of the task, binary or categorical (Lin et al., 2017, eq. 5).

    `alpha` weighs the positive class of a binary task, which Keras does only with `apply_class_balancing`.
    """
    if not task.is_classification:
        raise ConfigError("loss: a focal loss needs classes, and this target is a number; type loss=huber")
    options = {"alpha": alpha, "gamma": gamma, "from_logits": from_logits, "label_smoothing": label_smoothing}
    if task.kind == "multiclass":
        return keras.losses.CategoricalFocalCrossentropy(**options)
    return keras.losses.BinaryFocalCrossentropy(apply_class_balancing=True, **options)
