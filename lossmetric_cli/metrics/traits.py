"""What is to be known of a metric, whatever is wrapped around it: its facts, its direction, its columns, how it is told."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from lossmetric_cli import catalog
from lossmetric_cli.metrics.fed import Fed
from lossmetric_cli.metrics.of_loss import MeanLoss, rank
from lossmetric_cli.metrics.several import Several
from lossmetric_cli.metrics.whole import Whole
from lossmetric_cli.task import Task

_POOLED = (
    *(keras.metrics.AUC, keras.metrics.Precision, keras.metrics.Recall),
    *(keras.metrics.PrecisionAtRecall, keras.metrics.RecallAtPrecision),
    *(keras.metrics.SensitivityAtSpecificity, keras.metrics.SpecificityAtSensitivity),
)


def facts(metric: Any) -> catalog.MetricFacts:
    """Return what a metric, a loss, or a class or function of either asks for."""
    metric = counted(metric)
    metric = metric.loss if isinstance(metric, MeanLoss) else metric
    kind = metric if isinstance(metric, type) else type(metric)
    if issubclass(kind, keras.losses.Loss):
        return catalog.as_metric(catalog.loss_facts(kind))
    is_ours = getattr(metric, "__module__", "").startswith(f"{__package__}.")
    return (catalog.EXACT.get(getattr(metric, "__name__", "")) if is_ours else None) or catalog.metric_facts(metric)


def counted(metric: Any) -> Any:
    """Return the metric that counts, without the adapters around it."""
    return counted(metric.metric) if isinstance(metric, (Fed, Several)) else metric


def columns(metric: Any) -> tuple[str, ...]:
    """Return the columns of a metric in the history, without `val_`: its name, or one for each of its values."""
    inner = metric.metric if isinstance(metric, Fed) else metric
    return inner.columns if isinstance(inner, (Several, Whole)) else (metric.name,)


def history_columns(metric: Any, *, prefix: str) -> tuple[str, ...]:
    """Return the columns of a metric in the history, behind the prefix of its output.

    Keras puts the name of an output before a single value alone; the columns of several are told it here.
    """
    named = tuple(f"{prefix}{column}" for column in columns(metric))
    inner = metric.metric if isinstance(metric, Fed) else metric
    if isinstance(inner, Several):
        inner.columns = named
    return named


def direction(metric: Any) -> str | None:
    """Return "max", "min", or None where nobody said which way a metric of the user's own is better.

    A metric says so by an attribute: `direction` of "max" or "min", or Keras' own `_direction` of "up" or "down".
    """
    inner = counted(metric)
    said = getattr(inner, "direction", None) or {"up": "max", "down": "min"}.get(getattr(inner, "_direction", None))
    return said or catalog.metric_facts(inner).direction


def directions(measured: list[Any]) -> dict[str, str | None]:
    """Return the direction of every column of some metrics."""
    return {column: direction(metric) for metric in measured for column in columns(metric)}


def class_name(metric: Any) -> str:
    """Return the name of what computes a metric: a class of Keras', a function of scikit-learn's, the user's own."""
    inner = counted(metric)
    if isinstance(inner, MeanLoss):
        return type(inner.loss).__name__
    return inner.told.partition("(")[0] if isinstance(inner, Whole) else type(inner).__name__


def describe(metric: Any, *, task: Task) -> str:
    """Return the class of a metric and what tells it from its kin, as the console shows it: `AUC(PR)`, `F1Score(macro)`.

    Keras takes the cells of a multiclass task one by one for these: "micro", each class against the rest.
    """
    inner = counted(metric)
    if isinstance(inner, Whole):
        return inner.told
    curve = getattr(getattr(inner, "curve", None), "name", "ROC")
    average = getattr(inner, "average", None)
    if isinstance(inner, _POOLED) and not getattr(inner, "multi_label", False) and getattr(inner, "class_id", None) is None:
        average = "micro"
    is_binary = task.kind == "binary" or (isinstance(metric, Fed) and "last" in metric.to_scores)
    several = f"{len(columns(metric))} columns" if len(columns(metric)) > 1 else None
    traits = [trait for trait in (curve if curve != "ROC" else None, None if is_binary else average, several) if trait]
    if traits:
        return f"{class_name(metric)}({', '.join(traits)})"
    if type(inner) is keras.metrics.MeanMetricWrapper:
        return f"mean of {inner._fn.__name__}"
    return class_name(metric)


def by_row(metric: Any, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray | None:
    """Return the values (rows,) whose mean a metric is; None for a metric that is no mean of a value a row."""
    inner = counted(metric)
    if not isinstance(inner, keras.metrics.MeanMetricWrapper):
        return None
    labels, scores = metric.fed(y_true, y_pred) if isinstance(metric, Fed) else (y_true, y_pred)
    values = keras.ops.convert_to_numpy(inner._fn(labels, scores, **inner._fn_kwargs)).astype("float64")
    return values.reshape(len(y_true), -1).mean(axis=1) if values.ndim and len(values) == len(y_true) else None


def is_batch_mean(metric: Any, y_true: Any, y_pred: Any) -> bool:
    """Return whether a metric is the mean of one number a batch, so that the size of a batch changes it.

    Args:
        metric: a metric as `build_metrics` makes it.
        y_true: labels of a few rows, two at least, as the loss takes them.
        y_pred: predictions for them.
    """
    inner = counted(metric)
    if not isinstance(inner, keras.metrics.MeanMetricWrapper):
        return False
    if isinstance(metric, Fed):
        y_true, y_pred = metric.fed(y_true, y_pred)
    return rank(lambda y, p: inner._fn(y, p, **inner._fn_kwargs), keras.ops.cast(y_true, inner.dtype), y_pred) == 0
