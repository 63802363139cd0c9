"""How sure a figure is: 95 % intervals of the loss and the metrics over the rows that they were measured on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lossmetric_cli import anatomy, metrics
from lossmetric_cli.outputs import Output

#: The quantile of the normal distribution that leaves 2.5 % above it.
QUANTILE = 1.959963984540054
#: Samples that a bootstrap draws.
DRAWS = 200
#: Cells (rows times columns of the answer) that a bootstrap is drawn from at most; of more it would take seconds.
MOST_CELLS = 100_000
_SHARES = (
    *(keras.metrics.Accuracy, keras.metrics.BinaryAccuracy, keras.metrics.CategoricalAccuracy),
    *(keras.metrics.SparseCategoricalAccuracy, keras.metrics.TopKCategoricalAccuracy),
    keras.metrics.SparseTopKCategoricalAccuracy,
)


@dataclass(frozen=True)
class Seen:
    """One answer of the model on one part of the data, as it was evaluated.

    Attributes:
        y_true: the labels as the metrics are fed them, (rows,) or (rows, columns).
        y_pred: what the model answers, (rows, columns).
        weights: what each row counts in the loss, (rows,); None where all count the same.
    """

    y_true: np.ndarray
    y_pred: np.ndarray
    weights: np.ndarray | None = None


def intervals(
    outputs: list[Output],
    seen: dict[str, Seen],
    figures: dict[str, float],
    *,
    seed: int,
    eagerly: bool = False,
    is_final: bool = True,
) -> dict[str, tuple[float, float]]:
    """Return the lower and upper end of each figure's 95 % interval on a part, in the figure's unit.

    A share of right rows has Wilson's interval. The mean of a value a row, and the loss, have the normal interval of a
    mean. Everything else (AUC, F1, R2, RMSE) has the middle 95 % of its values on 200 samples of the rows, drawn with
    replacement; none where the answers have more than `MOST_CELLS` cells, or in an eager run. A metric of scikit-learn's
    is drawn where `is_final` alone, since 200 calls take a while; one that weighs its rows, or that asks the model itself,
    has none. The rows count as drawn independently of one another; what else changes
    from run to run, such as the first weights, is not in it.

    Args:
        outputs: the model's answers with their metrics, whose state is reset.
        seen: what was evaluated, by output.
        figures: what `evaluate` gave, `loss_stderr` too where the loss is a mean over rows.
        seed: of the samples.
        eagerly: whether the metrics cannot be traced into a graph.
        is_final: whether these are the rows that judge, and no others come after them.
    """
    found = _of_loss(figures)
    for output in outputs:
        part = seen[output.name]
        for metric in output.metrics if len(part.y_true) > 1 else []:
            if isinstance(metric, metrics.Whole) and not is_final:
                continue
            named = zip(output.columns[metric.name], _of_metric(metric, output, part, figures, seed, eagerly), strict=False)
            found |= {column: ends for column, ends in named if all(map(math.isfinite, ends))}
    return found


def differences(
    outputs: list[Output], first: dict[str, Seen], second: dict[str, Seen], *, seed: int, eagerly: bool = False
) -> dict[str, tuple[float, float]]:
    """Return the 95 % interval of each figure of some answers less that of others for the same rows, in the figure's unit.

    Paired: a row that is hard for both counts in neither. The loss and the mean of a value a row have the normal interval
    of a mean difference, everything else the middle 95 % of its differences over `DRAWS` samples of the rows; there are none
    where `intervals` gives none, and none of a loss that gives one number for a batch.

    Args:
        outputs: the model's answers with their losses and metrics, whose state is reset.
        first: what was answered, by output; `weights` of it are what a row counts in the loss.
        second: the other answers for the same rows.
        seed: of the samples.
        eagerly: whether the metrics cannot be traced into a graph.
    """
    found: dict[str, tuple[float, float]] = {}
    costs = [_row_losses(output, first[output.name]) - _row_losses(output, second[output.name]) for output in outputs]
    if all(cost.ndim for cost in costs):
        whole = sum(output.weight * cost for output, cost in zip(outputs, costs, strict=True))
        named = [(output.column("loss"), cost) for output, cost in zip(outputs, costs, strict=True) if output.name]
        found |= {column: _of_values(cost) for column, cost in [("loss", whole), *named] if len(cost) > 1}
    for output in outputs:
        one, other = first[output.name], second[output.name]
        for metric in output.metrics if len(one.y_true) > 1 else []:
            named = zip(output.columns[metric.name], _of_difference(metric, one, other, seed, eagerly), strict=False)
            found |= {column: ends for column, ends in named if all(map(math.isfinite, ends))}
    return found


def wilson(share: float, rows: int) -> tuple[float, float]:
    """Return the 95 % interval of a share of `rows` independent rows.

    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927. It stays between 0 and
    1, and has a width where all rows are right.
    """
    shrink = 1 + QUANTILE**2 / rows
    middle = (share + QUANTILE**2 / (2 * rows)) / shrink
    half = QUANTILE * math.sqrt(share * (1 - share) / rows + QUANTILE**2 / (4 * rows**2)) / shrink
    return max(0.0, middle - half), min(1.0, middle + half)


def of_mean(mean: float, error: float) -> tuple[float, float]:
    """Return the 95 % interval of a mean whose standard error is `error`, by the normal distribution."""
    return mean - QUANTILE * error, mean + QUANTILE * error


def bootstrap(scores: Callable[[np.ndarray], np.ndarray], rows: int, *, seed: int) -> list[tuple[float, float]]:
    """Return for each column the 2.5th and the 97.5th percentile of a score over samples of the rows with replacement.

    `scores` gives for numbers (draws, rows) the score (draws, columns) of each sample. Efron, "Bootstrap methods: another
    look at the jackknife", Annals of Statistics 7, 1979.
    """
    drawn = scores(np.random.default_rng([seed, 4]).integers(rows, size=(DRAWS, rows), dtype="int32"))
    return [_middle(column[np.isfinite(column)]) for column in drawn.T]


def _middle(values: np.ndarray) -> tuple[float, float]:
    low, high = np.percentile(values, [2.5, 97.5]) if len(values) else (math.nan, math.nan)
    return float(low), float(high)


def _of_loss(figures: dict[str, float]) -> dict[str, tuple[float, float]]:
    error = figures.get(anatomy.SCATTER, 0.0) if "loss" in figures else 0.0
    return {"loss": of_mean(figures["loss"], error)} if error > 0 else {}


def _row_losses(output: Output, seen: Seen) -> np.ndarray:
    """Return what each row costs, (rows,) with its weight, or a scalar NaN for a loss that does not tell."""
    if not isinstance(output.loss, keras.losses.Loss):
        return np.array(math.nan)
    labels = keras.ops.cast(seen.y_true, seen.y_pred.dtype)
    values = keras.ops.convert_to_numpy(output.loss.call(labels, keras.ops.convert_to_tensor(seen.y_pred)))
    if not values.ndim or len(values) != len(seen.y_true):
        return np.array(math.nan)
    cost = values.reshape(len(values), -1).mean(axis=1, dtype="float64")
    return cost if seen.weights is None else cost * seen.weights


def _of_values(values: np.ndarray) -> tuple[float, float]:
    return of_mean(float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values)))


def _of_difference(metric: Any, one: Seen, other: Seen, seed: int, eagerly: bool) -> list[tuple[float, float]]:
    """Return the ends of the interval of the difference of each column of a metric, none where there are none to be had."""
    if metrics.is_weighted(metric) or isinstance(metric, metrics.Own):
        return []
    is_whole = isinstance(metric, metrics.Whole)
    values = None if is_whole else metrics.by_row(metric, one.y_true, one.y_pred)
    if values is not None:
        return [_of_values(values - metrics.by_row(metric, other.y_true, other.y_pred))]
    if one.y_pred.size > MOST_CELLS or (eagerly and not is_whole):
        return []
    scores = _scores_of_whole if is_whole else _scores_in_graph
    first, second = scores(metric, one), scores(metric, other)
    return bootstrap(lambda rows: first(rows) - second(rows), len(one.y_true), seed=seed)


def _of_metric(
    metric: Any, output: Output, seen: Seen, figures: dict[str, float], seed: int, eagerly: bool
) -> list[tuple[float, float]]:
    """Return the ends of the interval of each column of a metric, none where there are none to be had."""
    columns, rows = output.columns[metric.name], len(seen.y_true)
    if metrics.is_weighted(metric) or isinstance(metric, metrics.Own) or not math.isfinite(figures.get(columns[0], math.nan)):
        return []
    values = None if isinstance(metric, metrics.Whole) else metrics.by_row(metric, seen.y_true, seen.y_pred)
    if values is not None and isinstance(metrics.counted(metric), _SHARES) and np.isin(values, (0, 1)).all():
        return [wilson(min(max(figures[columns[0]], 0.0), 1.0), rows)]
    if values is not None:
        return [of_mean(figures[columns[0]], float(values.std(ddof=1)) / math.sqrt(rows))]
    if seen.y_pred.size > MOST_CELLS or (eagerly and not isinstance(metric, metrics.Whole)):
        return []
    scores = _scores_of_whole(metric, seen) if isinstance(metric, metrics.Whole) else _scores_in_graph(metric, seen)
    return bootstrap(scores, rows, seed=seed)


def _scores_of_whole(metric: metrics.Whole, seen: Seen) -> Callable[[np.ndarray], np.ndarray]:
    """Return what gives for numbers (draws, rows) the values (draws, columns) of a metric that is no metric of Keras'."""

    def score(rows: np.ndarray) -> list[float]:
        return list(metric.values(y_true=seen.y_true[rows], y_pred=seen.y_pred[rows]).values())

    return lambda numbers: np.array([score(rows) for rows in numbers])


def _scores_in_graph(metric: Any, seen: Seen) -> Callable[[np.ndarray], np.ndarray]:
    """Return what gives for numbers (draws, rows) the values (draws, columns) of a metric of Keras', counted in a graph."""
    labels, answers = tf.constant(seen.y_true), tf.constant(seen.y_pred)

    def of_sample(rows: tf.Tensor) -> tf.Tensor:
        metric.reset_state()
        metric.update_state(tf.gather(labels, rows), tf.gather(answers, rows))
        result = metric.result()
        values = list(result.values()) if isinstance(result, dict) else [result]
        return tf.stack([tf.cast(value, tf.float64) for value in values])

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)], autograph=False)
    def scores(numbers: tf.Tensor) -> tf.Tensor:
        return tf.map_fn(of_sample, numbers, fn_output_signature=tf.float64, parallel_iterations=1)

    def counted(numbers: np.ndarray) -> np.ndarray:
        drawn = scores(numbers).numpy()
        metric.reset_state()
        return drawn

    return counted
