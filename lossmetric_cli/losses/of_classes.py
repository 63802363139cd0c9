"""The losses of classes that Keras lacks."""

from __future__ import annotations

import math
from typing import Any

import keras

from lossmetric_cli.errors import ConfigError

ops = keras.ops


@keras.saving.register_keras_serializable(package="lossmetric_cli")
class Exponential(keras.losses.Loss):
    """The exponential loss of AdaBoost, exp(−y·z) with y −1 or 1 and a real score z, the mean over a row's columns.

    Freund and Schapire, A Decision-Theoretic Generalization of On-Line Learning, 1997; Friedman, Hastie and Tibshirani,
    Additive Logistic Regression, Annals of Statistics 28(2), 2000, lemma 1: it is least at half the log-odds,
    z = ½·log(P(1) / P(−1)).

    A label above 0 counts as 1, any other as −1, so that labels 0/1 and −1/1 give the same. The exponent −y·z is cut off
    at `LARGEST_EXPONENT`, since exp(89) is infinite in float32 and Adam squares gradients: a row with a margin below −30
    still costs exp(30) and pulls no more.
    """

    LARGEST_EXPONENT = 30.0

    def __init__(self, *, reduction: str = "sum_over_batch_size", dtype: Any = None, name: str = "exponential") -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each row, (rows,), of labels and scores (rows, columns)."""
        sides = ops.where(y_true > 0, 1.0, -1.0)
        exponents = ops.minimum(-ops.cast(sides, y_pred.dtype) * y_pred, self.LARGEST_EXPONENT)
        return ops.mean(ops.exp(exponents), axis=-1)


@keras.saving.register_keras_serializable(package="lossmetric_cli")
class WeightedBinaryCrossentropy(keras.losses.Loss):
    """The binary cross-entropy whose positives weigh `pos_weight` times as much, the mean over a row's columns.

    loss = −[pos_weight·y·log(p) + (1 − y)·log(1 − p)], as `tf.nn.weighted_cross_entropy_with_logits` has it for logits z
    with p = 1/(1 + exp(−z)): (1 − y)·z + (1 + (pos_weight − 1)·y)·(log(1 + exp(−|z|)) + max(−z, 0)).

    It is BCE(y) + (pos_weight − 1)·y·BCE(1) of Keras' own binary cross-entropy, which on TensorFlow takes the logits that
    a sigmoid layer was given, so that a saturated probability costs what it should; bare probabilities are kept 1e-7
    away from 0 and 1.

    Args:
        pos_weight: what a positive weighs against a negative, above 0.
        from_logits: whether predictions are logits.
        reduction: as of every loss of Keras.

    Raises:
        ConfigError: a `pos_weight` that is no number above 0.
    """

    def __init__(
        self,
        *,
        pos_weight: float = 1.0,
        from_logits: bool = False,
        reduction: str = "sum_over_batch_size",
        dtype: Any = None,
        name: str = "weighted_binary_crossentropy",
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        is_number = isinstance(pos_weight, (int, float)) and not isinstance(pos_weight, bool)
        if not is_number or not 0 < pos_weight < math.inf:
            why = "is no number above 0; rows of 0 for each row of 1 is the usual one"
            raise ConfigError(f"loss.pos_weight={pos_weight} {why}, such as loss.pos_weight=3")
        self.pos_weight = pos_weight
        self.from_logits = from_logits

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each row, (rows,), of labels in [0, 1] and predictions (rows, columns)."""
        plain = ops.binary_crossentropy(y_true, y_pred, from_logits=self.from_logits)
        of_one = ops.binary_crossentropy(ops.ones_like(y_true), y_pred, from_logits=self.from_logits)
        return ops.mean(plain + (self.pos_weight - 1) * y_true * of_one, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds this loss."""
        return {**super().get_config(), "pos_weight": self.pos_weight, "from_logits": self.from_logits}


@keras.saving.register_keras_serializable(package="lossmetric_cli")
class Brier(keras.losses.Loss):
    """The Brier score, (p − y)² over the columns of a row.

    Brier, Verification of Forecasts Expressed in Terms of Probability, Monthly Weather Review 78(1), 1950: the
    sum over the classes of a row. Of two classes in one column it is (p − y)², half of Brier's own. Both are
    `sklearn.metrics.brier_score_loss` with its default `scale_by_half="auto"`, which halves for two classes alone.

    Args:
        columns: "sum" or "mean" of a row's columns; None, as the task decides: their mean for several labels, each of
            which is a score of its own, else their sum.
        reduction: as of every loss of Keras.

    Raises:
        ConfigError: other `columns`.
    """

    def __init__(
        self,
        *,
        columns: str | None = None,
        reduction: str = "sum_over_batch_size",
        dtype: Any = None,
        name: str = "brier",
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        if columns not in ("sum", "mean", None):
            raise ConfigError(f"loss.columns={columns} is neither sum nor mean; type loss.columns=sum, mean or null")
        self.columns = columns

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the score of each row, (rows,), of labels and probabilities (rows, columns)."""
        over = ops.mean if self.columns == "mean" else ops.sum
        return over(ops.square(y_pred - y_true), axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds this loss."""
        return {**super().get_config(), "columns": self.columns}
