"""Metrics of a part of the data as a whole: taken after an epoch from every row, so that no batch changes them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from lossmetric_cli.metrics.fed import AROUND_ZERO, Fed
from lossmetric_cli.task import Task

#: What the rows of a part are called.
_ROWS = {"val": "validation rows", "train_eval": "sampled training rows", "test": "test rows", "train": "training rows"}


@dataclass(kw_only=True)
class Whole:
    """A metric that Keras does not compile: it has no value for a batch, and none while weights still move.

    Attributes:
        name: its key in the config.
        told: what it computes, as the console shows it.
        direction: "max", "min", or None where nobody said.
        columns: its columns in the history, without `val_` or `train_…_eval`.
    """

    name: str
    told: str
    direction: str | None
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.columns = self.columns or (self.name,)

    def values(self, *, y_true: np.ndarray, y_pred: np.ndarray, x: Any = None, model: Any = None) -> dict[str, float]:
        """Return the value of each column, NaN where there is none.

        Args:
            y_true: all labels of a part as the loss takes them, (rows,) or (rows, columns).
            y_pred: what the model answers, (rows, columns).
            x: the inputs, (rows, …).
            model: the model in its present state.
        """
        raise NotImplementedError


@dataclass(kw_only=True)
class Exact(Whole):
    """A metric by scikit-learn's definition.

    Attributes:
        score: takes labels and scores of all rows and returns one value or as many as there are columns. For binary
            tasks both are (rows,), scores of the second class; for classes labels are numbers (rows,) and scores
            (rows, classes); otherwise both are (rows, columns). Scores are probabilities, in the precision of the model.
        task: the task as `score` is fed it.
        several: how many values it gives.
        activation: the model's last activation, None where scores are taken as they are.
        column: the only column of the answers that is looked at, None for all.
    """

    score: Callable[[np.ndarray, np.ndarray], Any]
    task: Task
    several: int = 1
    activation: str | None = None
    column: int | None = None

    def values(self, *, y_true: np.ndarray, y_pred: np.ndarray, x: Any = None, model: Any = None) -> dict[str, float]:
        """Return the value of each column; NaN where it is undefined, such as the AUC of a single class."""
        y_pred = y_pred if self.column is None or y_pred.shape[1] == 1 else y_pred[:, [self.column]]
        labels, scores = natural(y_true, task=self.task), probabilities(y_pred, task=self.task, activation=self.activation)
        found = np.full(len(self.columns), np.nan)
        if len(labels) and np.isfinite(scores).all():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # scikit-learn would warn every epoch of what `undefined` says once
                found[:] = self.score(labels, scores)
        return {
            column: float(value) if np.isfinite(value) else np.nan for column, value in zip(self.columns, found, strict=True)
        }


def natural(y_true: Any, *, task: Task) -> np.ndarray:
    """Return labels as the data has them: class numbers (rows,) for one class a row, else (rows, columns).

    Of shares of classes it is the class of the largest one.
    """
    labels = np.asarray(y_true)
    if task.kind not in ("binary", "multiclass"):
        return labels.reshape(len(labels), -1)
    if labels.ndim == 2 and labels.shape[1] > 1:
        return labels.argmax(axis=1)
    return (labels.reshape(-1) > 0.5 if task.is_soft else labels.reshape(-1)).astype("int64")


def encoded(y_true: Any, *, task: Task, form: str) -> np.ndarray:
    """Return labels in the form that a loss wants, "index" or "dense"; shares of classes stay shares."""
    if task.is_soft:
        return np.asarray(y_true, dtype="float32").reshape(len(y_true), -1)[:, -task.units :]
    return task.encode(natural(y_true, task=task), form=form)


def probabilities(y_pred: Any, *, task: Task, activation: str | None) -> np.ndarray:
    """Return a model's answers as probabilities where they lie around 0; of a binary task the second class's, (rows,)."""
    scores = np.asarray(y_pred).reshape(len(y_pred), -1)
    if task.is_classification and activation in AROUND_ZERO:
        z = scores.astype("float64")
        if task.kind == "multilabel" or z.shape[1] == 1:
            scores = np.exp(-np.logaddexp(0, -z))
        else:
            scores = np.exp(z - np.logaddexp.reduce(z, axis=1, keepdims=True))
    return scores[:, -1] if task.kind == "binary" else scores


def within_batches(measured: list[Any]) -> list[keras.metrics.Metric]:
    """Return the metrics that are compiled, which count batch by batch."""
    return [metric for metric in measured if not isinstance(metric, Whole)]


def values_of(
    metric: Any, *, y_true: np.ndarray, y_pred: np.ndarray, weights: np.ndarray | None = None, batch: int | None = None
) -> dict[str, float]:
    """Return by column what a metric of either sort says of these answers; a compiled one forgets what it counted.

    With `batch` a compiled one counts so many rows at a time, as an evaluation does.
    """
    if isinstance(metric, Whole):
        return metric.values(y_true=y_true, y_pred=y_pred)
    metric.reset_state()
    for start in range(0, len(y_true), batch or max(1, len(y_true))):
        some = slice(start, start + batch if batch else None)
        metric.update_state(y_true[some], y_pred[some], sample_weight=None if weights is None else weights[some])
    value = metric.result()
    metric.reset_state()
    return {name: float(one) for name, one in (value if isinstance(value, dict) else {metric.name: value}).items()}


def of_nearest(measured: list[Any], *, task: Task) -> list[str]:
    """Return a sentence on the metrics that count classes where labels are shares of them."""
    forms = ("largest", "above_half", "last_above_half", "class")
    names = [m.name for m in measured if isinstance(m, Exact) or (isinstance(m, Fed) and m.to_labels in forms)]
    told = f"labels are shares of classes; {', '.join(names)} {'count' if len(names) > 1 else 'counts'} that of the largest one"
    return [told] if task.is_soft and names else []


def undefined(measured: list[Any], y_true: np.ndarray, *, part: str) -> list[str]:
    """Return a sentence on the metrics that have no value on a part, whatever a model answers."""
    missing: dict[str, list[str]] = {}
    for metric in measured:
        if isinstance(metric, Exact):
            values = metric.values(y_true=y_true, y_pred=_guesses(len(y_true), task=metric.task))
            reason = _lacking(natural(y_true, task=metric.task), task=metric.task)
            missing.setdefault(reason, []).extend(column for column, value in values.items() if np.isnan(value))
    form = "train_{}_eval" if part == "train_eval" else f"{part}_{{}}"
    rows = _ROWS[part]
    return [
        f"{', '.join(form.format(name) for name in names)} {'have' if len(names) > 1 else 'has'} no value: "
        f"{reason.format(rows=rows)}"
        for reason, names in missing.items()
        if names
    ]


def _guesses(rows: int, *, task: Task) -> np.ndarray:
    """Return probabilities of no model, the same at every call."""
    scores = np.random.default_rng(0).uniform(0.01, 0.99, (rows, task.units))
    return scores / scores.sum(axis=1, keepdims=True) if task.kind == "multiclass" else scores


def _lacking(labels: np.ndarray, *, task: Task) -> str:
    if len(labels) < 2:
        return "there are fewer than two {rows}"
    if task.kind in ("binary", "multiclass"):
        classes = list(task.classes) or list(range(max(task.units, 2)))
        counts = np.bincount(labels, minlength=len(classes))
        if (counts > 0).sum() == 1:
            return f"all {{rows}} are of class {classes[counts.argmax()]!r}"
        return f"no {{rows}} are of class {', '.join(repr(classes[place]) for place in np.flatnonzero(counts == 0))}"
    same = np.flatnonzero((labels == labels[0]).all(axis=0))
    names = list(task.classes) or list(range(task.units))
    what = "the target" if task.units == 1 else f"column {', '.join(repr(names[place]) for place in same)}"
    return f"{what} is the same in all {{rows}}"
