"""The loss whose best answer is a quantile, or several of one target at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from lossmetric_cli.errors import ConfigError

ops = keras.ops


@keras.saving.register_keras_serializable(package="lossmetric_cli")
class Quantile(keras.losses.Loss):
    """The quantile (pinball) loss, max(tau·e, (tau − 1)·e) with e = y − p, the mean over a row's columns.

    Koenker and Bassett, Regression Quantiles, Econometrica 46(1), 1978. It is least where a share `tau` of the labels lies
    below the prediction, and half the absolute error for tau = 0.5.

    Args:
        tau: the quantile, between 0 and 1; or a list of several, and then a prediction has a column for each of them.
        reduction: as of every loss of Keras.

    Raises:
        ConfigError: a `tau` that is no number between 0 and 1, none at all, or one of them twice.
    """

    def __init__(
        self,
        *,
        tau: float | Sequence[float] = 0.5,
        reduction: str = "sum_over_batch_size",
        dtype: Any = None,
        name: str = "quantile",
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.tau = list(tau) if isinstance(tau, (list, tuple)) else tau
        self.taus = _checked(tau)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each row, (rows,), of labels (rows, 1) and a column a quantile, or of (rows, targets) both."""
        taus = ops.convert_to_tensor(self.taus, dtype=y_pred.dtype)
        error = y_true - y_pred
        return ops.mean(ops.maximum(taus * error, (taus - 1) * error), axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds this loss."""
        return {**super().get_config(), "tau": self.tau}


def _checked(tau: Any) -> tuple[float, ...]:
    taus = tuple(tau) if isinstance(tau, (list, tuple)) else (tau,)
    if not taus:
        raise ConfigError("loss.tau=[] asks for no quantile; type loss.tau=0.5 or loss.tau=[0.1,0.5,0.9]")
    for one in taus:
        if isinstance(one, bool) or not isinstance(one, (int, float)) or not 0 < one < 1:
            raise ConfigError(f"loss.tau={one} is no number between 0 and 1; type loss.tau=0.9 or loss.tau=[0.1,0.5,0.9]")
        if taus.count(one) > 1:
            raise ConfigError(f"loss.tau has {one} twice; each quantile has one column, so drop one of them")
    return taus
