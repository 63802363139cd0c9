"""The adapter that feeds a metric the labels and scores that it needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from lossmetric_cli import quantiles, sampling
from lossmetric_cli.catalog import MetricFacts
from lossmetric_cli.task import Task

Metric = keras.metrics.Metric
#: Activations around 0, where probabilities are around a half.
AROUND_ZERO = ("linear", "tanh")
#: What becomes of labels and predictions on their way into a metric, by the names that a `Fed` keeps.
_STEPS = {
    "sigmoid": keras.ops.sigmoid,
    "softmax": keras.ops.softmax,
    "class": lambda scores: keras.ops.argmax(scores, axis=-1),
    "above_half": lambda scores: keras.ops.cast(scores > 0.5, "int32"),
    "above_zero": lambda scores: keras.ops.cast(scores > 0, "int32"),
    "last": lambda columns: keras.ops.reshape(columns, (keras.ops.shape(columns)[0], -1))[:, -1:],
    "last_above_half": lambda columns: keras.ops.cast(columns[:, -1:] > 0.5, "float32"),
}


@keras.saving.register_keras_serializable(package="lossmetric_cli")
class Fed(Metric):
    """A metric that is fed what it needs, whatever form the loss keeps the labels in and however the model ends.

    Args:
        metric: the metric that counts.
        to_labels: what becomes of the labels: "one_hot", "class", "last" or None; of shares of classes "largest" (a one-hot
            row), "above_half" or "last_above_half".
        to_scores: what becomes of the predictions, step by step: "sigmoid" or "softmax", then "class" (the number of the
            predicted class), "above_half", "above_zero" or "last" (the last column, which is the second of two classes);
            the number of a column takes that one alone.
        classes: the columns of a one-hot label.
    """

    def __init__(
        self, metric: Metric, to_labels: str | None, to_scores: Sequence[str | int], classes: int, name: str | None = None
    ):
        super().__init__(name=name or metric.name)
        self.metric = metric
        self.to_labels = to_labels
        self.to_scores = list(to_scores)
        self.classes = classes

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch: labels (rows,) or (rows, columns), predictions (rows, columns), weights (rows,)."""
        if sampling.drawn(y_pred) is None:  # all the classes of a batch in training would cost what sampling saves
            self.metric.update_state(*self.fed(y_true, y_pred), sample_weight=sample_weight)

    def fed(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        """Return labels and predictions as the metric needs them."""
        return self._labels(y_true), self._scores(y_pred)

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
        if self.to_labels == "largest":
            return keras.ops.one_hot(keras.ops.argmax(y_true, axis=-1), self.classes)
        return _STEPS[self.to_labels](y_true) if self.to_labels else y_true

    def _scores(self, y_pred: Any) -> Any:
        for step in self.to_scores:
            y_pred = y_pred[:, step : step + 1] if isinstance(step, int) else _STEPS[step](y_pred)
        return y_pred


def feed(metric: Metric, *, facts: MetricFacts, task: Task, labels: str, activation: str | None) -> Metric:
    """Return the metric, wrapped in Fed where the loss's labels or the head's scores are not what it needs.

    Under a loss that samples it is wrapped in any case, so that it rests in training.
    """
    is_multiclass, is_around_zero = task.kind == "multiclass", activation in AROUND_ZERO
    to_labels, to_scores = _labels_for(facts, task, labels), []
    if facts.probabilities and is_around_zero:
        to_scores.append("softmax" if is_multiclass else "sigmoid")
    if facts.labels == "class":
        to_scores.append("class" if is_multiclass else "above_zero" if is_around_zero else "above_half")
    if quantiles.reads_middle(facts, task):
        to_scores.append(quantiles.middle(task))
    if reads_last(facts, task):
        to_scores.append("last")
    is_needed = to_labels or to_scores or task.is_sampled
    return Fed(metric, to_labels, to_scores, task.units) if is_needed else metric


def _labels_for(facts: MetricFacts, task: Task, labels: str) -> str | None:
    """Return what becomes of the labels; Keras' counters take any share above 0 for a positive (3.15)."""
    takes_nearest = task.is_soft and facts.counts
    if reads_last(facts, task):
        return "last_above_half" if takes_nearest else "last"
    if task.kind != "multiclass":
        return "above_half" if takes_nearest else None
    if facts.labels != labels:
        return "one_hot" if facts.labels == "dense" else "class" if labels == "dense" else None
    return "largest" if takes_nearest else None


def feeding(measured: list[Metric], *, task: Task) -> list[str]:
    """Return a sentence on the metrics that are fed other labels than the loss, or one column of several quantiles."""
    said = {
        "one_hot": "the loss takes class numbers; {} fed one-hot rows",
        "class": "the loss takes one-hot rows; {} fed class numbers",
    }
    named = {
        form: [metric.name for metric in measured if isinstance(metric, Fed) and metric.to_labels == form] for form in said
    }
    if task.quantiles:
        middle = quantiles.middle(task)
        said["middle"] = f"the loss asks for {len(task.quantiles)} quantiles; {{}} fed that of tau={task.quantiles[middle]:g}"
        named["middle"] = [metric.name for metric in measured if isinstance(metric, Fed) and middle in metric.to_scores]
    return [
        said[form].format(f"{', '.join(names)} {'are' if len(names) > 1 else 'is'}") for form, names in named.items() if names
    ]


def reads_last(facts: MetricFacts, task: Task) -> bool:
    """Return whether a metric of binary tasks reads the second of two columns.

    For two classes, precision is that of the second class, whether the loss wants one column or two.
    """
    return task.kind == "multiclass" and task.units == 2 and facts.probabilities and "binary" in facts.kinds
