"""Several predicted quantiles of one target: the interval between two of them, and what is fed the middle one alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras

from lossmetric_cli.catalog import MetricFacts
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.task import Task


@keras.saving.register_keras_serializable(package="lossmetric_cli")
class Coverage(keras.metrics.Metric):
    """The share of rows whose label lies between two predicted quantiles, both ends counting as inside.

    Gneiting and Raftery, Strictly Proper Scoring Rules, Prediction, and Estimation, JASA 102, 2007, section 6.2. More is
    not better: for the quantiles 0.1 and 0.9 it ought to be 0.8.

    Args:
        columns: the columns of the lower and the upper end.
    """

    def __init__(self, *, columns: Sequence[int] | None = None, dtype: Any = None, name: str = "coverage") -> None:
        super().__init__(name=name, dtype=dtype)
        self.columns = [0, -1] if columns is None else list(columns)
        self.share = keras.metrics.Mean(dtype=dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch: labels (rows, 1), predictions (rows, quantiles), weights (rows,)."""
        label, (lower, upper) = keras.ops.reshape(y_true, (-1,)), (y_pred[:, column] for column in self.columns)
        inside = keras.ops.logical_and(label >= lower, label <= upper)
        self.share.update_state(keras.ops.cast(inside, self.dtype), sample_weight=sample_weight)

    def result(self) -> Any:
        """Return the share, 0 before any row."""
        return self.share.result()

    def reset_state(self) -> None:
        """Forget every batch."""
        self.share.reset_state()

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds this metric."""
        return {**super().get_config(), "columns": self.columns}


def middle(task: Task) -> int:
    """Return the column of the quantile nearest to a half."""
    return min(range(len(task.quantiles)), key=lambda column: abs(task.quantiles[column] - 0.5))


def ends(task: Task) -> list[int] | None:
    """Return the columns of the lowest and the highest quantile, None where a prediction has none."""
    return [task.quantiles.index(end(task.quantiles)) for end in (min, max)] if task.quantiles else None


def reads_middle(facts: MetricFacts, task: Task) -> bool:
    """Return whether a metric of one answer a target is fed the middle quantile; the user's own are fed all of them."""
    return bool(task.quantiles) and not facts.quantiles and facts != MetricFacts(None)


def as_one_answer(task: Task, facts: MetricFacts) -> Task:
    """Return the task as a metric sees it."""
    return dataclasses.replace(task, units=1, quantiles=()) if reads_middle(facts, task) else task


def refuse_without_interval(node: dict[str, Any], *, facts: MetricFacts, task: Task, path: str) -> None:
    """Refuse a metric of intervals where the loss asks for no two quantiles, or where its columns are no two of them."""
    if not facts.quantiles or task.kind != "regression":
        return
    if not task.quantiles:
        why = "needs two predicted quantiles, and the loss asks for no two"
        raise ConfigError(f"{path} {why}; type loss=quantile loss.tau=[0.1,0.9]")
    columns, last = node.get("columns"), len(task.quantiles) - 1
    is_pair = isinstance(columns, list) and len(columns) == len(set(columns)) == 2
    if columns is not None and not (is_pair and set(columns) <= set(range(last + 1))):
        raise ConfigError(f"{path}.columns={columns} are no two of the columns 0 to {last}; type {path}.columns=[0,{last}]")
