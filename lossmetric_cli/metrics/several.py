"""A metric of several values becomes a column for each: of a class, a target or a threshold."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

import keras

from lossmetric_cli.task import Task

Metric = keras.metrics.Metric
_COUNTS = tuple(getattr(keras.metrics, f"{truth}{side}") for truth in ("True", "False") for side in ("Negatives", "Positives"))
_AT_THRESHOLDS = (keras.metrics.Precision, keras.metrics.Recall, *_COUNTS)


@keras.saving.register_keras_serializable(package="lossmetric_cli")
class Several(Metric):
    """A metric whose result is a vector, with a column for each of its values.

    Keras 3.15 logs the vector as it is, on which EarlyStopping and every table fail; a dict it takes apart.

    Args:
        metric: the metric that counts.
        columns: the names of its values, in their order.
    """

    def __init__(self, metric: Metric, columns: Sequence[str], name: str | None = None):
        super().__init__(name=name or metric.name)
        self.metric = metric
        self.columns = tuple(columns)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch."""
        self.metric.update_state(y_true, y_pred, sample_weight=sample_weight)

    def result(self) -> dict[str, Any]:
        """Return the metric's values by column."""
        found = self.metric.result()
        found = keras.ops.stack(list(found.values())) if isinstance(found, dict) else found
        values = keras.ops.reshape(found, (len(self.columns),))
        return {column: values[place] for place, column in enumerate(self.columns)}

    def reset_state(self) -> None:
        """Forget every batch."""
        self.metric.reset_state()

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds this metric."""
        return {"metric": keras.saving.serialize_keras_object(self.metric), "columns": list(self.columns), "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Several:
        """Return the metric of a `get_config`."""
        return cls(**{**config, "metric": keras.saving.deserialize_keras_object(config["metric"])})


def taken_apart(metric: Metric, *, task: Task, targets: Sequence[str]) -> Metric:
    """Return the metric, as Several where its parameters make it give several values.

    Args:
        metric: a metric of Keras' or of the user's own.
        task: the task as the metric is fed it.
        targets: the names of a regression's targets.
    """
    endings: Iterable[Any] = ()
    if isinstance(metric, keras.metrics.FBetaScore) and metric.average is None:
        endings = class_labels(task) if task.units > 1 else [""]
    elif isinstance(metric, keras.metrics.R2Score) and metric.class_aggregation is None:
        endings = target_labels(task, targets)
    elif isinstance(metric, _AT_THRESHOLDS) and len(metric.thresholds) > 1:
        endings = [f"at_{threshold:g}" for threshold in metric.thresholds]
    elif type(metric).__module__.split(".")[0] not in ("keras", "lossmetric_cli"):
        endings = _endings_of_own(metric)
    return Several(metric, column_names(metric.name, endings)) if endings else metric


def _endings_of_own(metric: Metric) -> list[Any]:
    """Return what tells the values of a metric of the user's own apart: the keys of a dict, the places in a vector."""
    found = metric.result()
    if isinstance(found, dict):
        return list(found)
    size = math.prod(keras.ops.shape(keras.ops.convert_to_tensor(found)))
    return list(range(size)) if size > 1 else []


def class_labels(task: Task) -> list[Any]:
    """Return the labels of a task's classes, their numbers where it has none."""
    return list(task.classes) or list(range(max(task.units, 2)))


def target_labels(task: Task, targets: Sequence[str]) -> list[Any]:
    """Return the names of a regression's targets, their numbers where it has none, and nothing to tell apart for one."""
    if task.units == 1:
        return [""]
    return list(targets) if len(targets) == task.units else list(range(task.units))


def column_names(name: str, endings: Iterable[Any]) -> tuple[str, ...]:
    """Return a column for each ending, `<name>_<ending>`: no spaces or slashes, no two alike; `<name>` for an empty one."""
    found: list[str] = []
    for place, ending in enumerate(endings):
        word = re.sub(r"[^\w.+-]+", "_", str(ending)).strip("_")
        if ending != "" and not word:
            word = str(place)
        column = f"{name}_{word}" if word else name
        found.append(f"{column}_{place}" if column in found else column)
    return tuple(found)
