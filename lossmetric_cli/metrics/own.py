"""A metric of the user's own that is handed the model and the rows after every epoch."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lossmetric_cli.errors import ConfigError
from lossmetric_cli.metrics.several import column_names
from lossmetric_cli.metrics.whole import Whole, encoded
from lossmetric_cli.task import Task

#: What such a metric may ask for by parameter name.
GIVEN = ("model", "x", "y_true", "y_pred")


@dataclass(kw_only=True)
class Own(Whole):
    """A function, or an object that can be called, of any of `model`, `x`, `y_true` and `y_pred`.

    Its columns are known once `learn` has called it.
    """

    function: Callable[..., Any]
    task: Task

    def values(self, *, y_true: np.ndarray, y_pred: np.ndarray, x: Any = None, model: Any = None) -> dict[str, float]:
        """Return the value of each column; NaN for one that the function leaves out this time."""
        found = self._called(y_true=y_true, y_pred=y_pred, x=x, model=model)
        return {column: found.get(column, math.nan) for column in self.columns}

    def learn(self, *, y_true: np.ndarray, y_pred: np.ndarray, x: Any, model: Any) -> None:
        """Call the function before the first epoch, so that its faults and its columns are known."""
        try:
            self.columns = tuple(self._called(y_true=y_true, y_pred=y_pred, x=x, model=model))
        except ConfigError:
            raise
        except Exception as error:
            told = " ".join(str(error).split())[:160]
            raise ConfigError(f"metrics.{self.name}: {self.told} fails: {type(error).__name__}: {told}") from error

    def _called(self, *, y_true: np.ndarray, **given: Any) -> dict[str, float]:
        given["y_true"] = encoded(y_true, task=self.task, form="dense")
        value = self.function(**{name: given[name] for name in wanted(self.function)})
        if not isinstance(value, dict):
            return {self.name: self._number(value)}
        columns = column_names(self.name, value)
        return {column: self._number(one) for column, one in zip(columns, value.values(), strict=True)}

    def _number(self, value: Any) -> float:
        array = np.asarray(value)
        if array.size != 1 or array.dtype.kind not in "biuf":
            told = f"shape {array.shape}" if array.dtype.kind in "biuf" else type(value).__name__
            raise ConfigError(f"metrics.{self.name} returns {told}; return a number, or a dict with a number for each column")
        return float(array.reshape(()))


def wanted(function: Any) -> list[str]:
    """Return which of `GIVEN` a function or an object that can be called has as parameters."""
    try:
        return [name for name in inspect.signature(function).parameters if name in GIVEN]
    except (TypeError, ValueError):
        return []


def takes_whole(function: Any) -> bool:
    """Return whether it is a metric of the model or the inputs, which no compiled metric is handed."""
    return callable(function) and bool({"model", "x"} & set(wanted(function)))
