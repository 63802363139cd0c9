"""How sure a figure is: 95 % intervals of the loss and the metrics over the rows that they were measured on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from lossmetric_cli import anatomy, metrics

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
    """One part of the data as it was evaluated.

    Attributes:
        figures: what `evaluate` gave, `loss_stderr` too where the loss is a mean over rows.
        y_true: the labels as the metrics are fed them, (rows,) or (rows, columns).
        y_pred: what the model answers, (rows, columns).
    """

    figures: dict[str, float]
    y_true: np.ndarray
    y_pred: np.ndarray


def intervals(
    measured: list[keras.metrics.Metric], parts: dict[str, Seen], *, seed: int, eagerly: bool = False
) -> dict[str, dict[str, tuple[float, float]]]:
    """Return for each part the lower and upper end of each figure's 95 % interval, in the figure's unit.

    A share of right rows has Wilson's interval. The mean of a value a row, and the loss, have the normal interval of a
    mean. Everything else (AUC, F1, R2, RMSE) has the middle 95 % of its values on 200 samples of the rows, drawn with
    replacement; none where the answers have more than `MOST_CELLS` cells, or in an eager run. The rows count as drawn
    independently of one another; what else changes from run to run, such as the first weights, is not in it.

    Args:
        measured: the compiled metrics; their state is reset.
        parts: what was evaluated.
        seed: of the samples.
        eagerly: whether the metrics cannot be traced into a graph.
    """
    parts = {name: seen for name, seen in parts.items() if len(seen.y_true) > 1}
    found = {name: _of_loss(seen.figures) for name, seen in parts.items()}
    for metric in measured if parts else []:
        scorer = None if eagerly else _scorer(metric, next(iter(parts.values())))
        for name, seen in parts.items():
            ends = _of_metric(metric, seen, scorer, seed)
            if ends is not None and all(map(math.isfinite, ends)):
                found[name][metric.name] = ends
        metric.reset_state()
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


def bootstrap(scores: Callable[[np.ndarray], np.ndarray], rows: int, *, seed: int) -> tuple[float, float]:
    """Return the 2.5th and the 97.5th percentile of a score over samples of the row numbers with replacement.

    `scores` gives for numbers (draws, rows) the score (draws,) of each sample. Efron, "Bootstrap methods: another look at
    the jackknife", Annals of Statistics 7, 1979.
    """
    drawn = scores(np.random.default_rng([seed, 4]).integers(rows, size=(DRAWS, rows), dtype="int32"))
    drawn = drawn[np.isfinite(drawn)]
    low, high = np.percentile(drawn, [2.5, 97.5]) if len(drawn) else (math.nan, math.nan)
    return float(low), float(high)


def _of_loss(figures: dict[str, float]) -> dict[str, tuple[float, float]]:
    error = figures.get(anatomy.SCATTER, 0.0)
    return {"loss": of_mean(figures["loss"], error)} if error > 0 else {}


def _of_metric(
    metric: keras.metrics.Metric, seen: Seen, scorer: Callable[..., tf.Tensor] | None, seed: int
) -> tuple[float, float] | None:
    figure, rows = seen.figures.get(metric.name, math.nan), len(seen.y_true)
    if not math.isfinite(figure):
        return None
    values = metrics.by_row(metric, seen.y_true, seen.y_pred)
    if values is None:
        if scorer is None or seen.y_pred.size > MOST_CELLS:
            return None
        return bootstrap(lambda numbers: scorer(seen.y_true, seen.y_pred, numbers).numpy(), rows, seed=seed)
    if isinstance(metrics.counted(metric), _SHARES) and np.isin(values, (0, 1)).all():
        return wilson(min(max(figure, 0.0), 1.0), rows)
    return of_mean(figure, float(values.std(ddof=1)) / math.sqrt(rows))


def _scorer(metric: keras.metrics.Metric, seen: Seen) -> Callable[..., tf.Tensor]:
    """Return what gives for labels, answers and numbers (draws, rows) the metric's value (draws,) on each of the samples."""
    shapes = [tf.TensorSpec([None, *array.shape[1:]], array.dtype) for array in (seen.y_true, seen.y_pred)]

    @tf.function(input_signature=[*shapes, tf.TensorSpec([None, None], tf.int32)], autograph=False)
    def scores(labels: tf.Tensor, answers: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
        def of_sample(rows: tf.Tensor) -> tf.Tensor:
            metric.reset_state()
            metric.update_state(tf.gather(labels, rows), tf.gather(answers, rows))
            return tf.cast(metric.result(), tf.float64)

        return tf.map_fn(of_sample, numbers, fn_output_signature=tf.float64, parallel_iterations=1)

    return scores
