"""A loss as a metric: its mean over rows, or its value on all rows at once where it gives one number for a batch."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy as np

from lossmetric_cli import catalog
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.metrics.fed import reads_last
from lossmetric_cli.metrics.whole import Whole, encoded, probabilities
from lossmetric_cli.task import Task


class MeanLoss(keras.metrics.MeanMetricWrapper):
    """The mean over rows of a loss, whatever their batches.

    Keras' loss objects give the mean of a batch, whose mean over batches weighs the rows of a short last one more.
    """

    direction = "min"

    def __init__(self, loss: keras.losses.Loss, name: str) -> None:
        super().__init__(loss.call, name=name)
        self.loss = loss


@dataclasses.dataclass(kw_only=True)
class WholeLoss(Whole):
    """A loss that gives one number for a batch, as Dice does, of all rows of a part."""

    loss: keras.losses.Loss
    task: Task
    activation: str | None = None

    def values(self, *, y_true: np.ndarray, y_pred: np.ndarray, x: Any = None, model: Any = None) -> dict[str, float]:
        """Return the loss of all rows."""
        facts = catalog.loss_facts(self.loss)
        task = self.task.as_one_column() if reads_last(catalog.as_metric(facts), self.task) else self.task
        labels = encoded(y_true, task=task, form=facts.labels)
        activation = self.activation if facts.takes_logits or facts.probabilities else None
        scores = probabilities(y_pred, task=task, activation=activation).reshape(len(labels), -1)
        scores = keras.ops.convert_to_tensor(scores, "float32")
        return {self.name: float(np.mean(self.loss.call(keras.ops.convert_to_tensor(labels), scores)))}


def as_metric(loss: keras.losses.Loss, *, name: str, task: Task, activation: str | None) -> MeanLoss | WholeLoss:
    """Return a loss as a metric.

    Raises ConfigError for a reduction that is no mean over rows, and for a loss that compares rows of a batch.
    """
    path = f"metrics.{name}"
    if loss.reduction in (None, "none", "sum"):
        told = loss.reduction or "null"
        raise ConfigError(f"{path}.reduction={told} is no mean over the rows; type {path}.reduction=sum_over_batch_size")
    if len(getattr(loss, "taus", ())) > 1:
        raise ConfigError(f"{path}.tau={list(loss.taus)} are several quantiles, and a curve is one value; type {path}.tau=0.5")
    if isinstance(loss, keras.losses.Circle):
        raise ConfigError(f"{path}: Circle compares the rows of a batch with each other, so its value is that batch's; drop it")
    if _is_of_batch(loss, task=task):
        return WholeLoss(name=name, told=type(loss).__name__, direction="min", loss=loss, task=task, activation=activation)
    return MeanLoss(loss, name)


def _is_of_batch(loss: keras.losses.Loss, *, task: Task) -> bool:
    """Return whether the loss gives one number for several rows; what it makes of two rows tells."""
    if task.kind not in catalog.loss_facts(loss).kinds:
        return False
    task = dataclasses.replace(task, is_soft=False)
    labels = np.zeros((2, task.units), "float32") if task.kind in ("regression", "multilabel") else np.array([0, 1])
    scores = keras.ops.full((2, task.units), 1 / max(task.units, 2))
    return rank(loss.call, task.encode(labels, form=catalog.loss_facts(loss).labels), scores) == 0


def rank(function: Any, y_true: Any, y_pred: Any) -> int:
    """Return the number of axes of what a function makes of labels and predictions."""
    return len(keras.ops.shape(keras.ops.convert_to_tensor(function(keras.ops.convert_to_tensor(y_true), y_pred))))
