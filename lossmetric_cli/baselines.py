"""What answers without a model score: every figure is good or bad against that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from lossmetric_cli import metrics
from lossmetric_cli.feed import Rows
from lossmetric_cli.outputs import Output, of
from lossmetric_cli.task import Task

#: Rows that a baseline is computed on at most; of more it takes every k-th, which changes a mean in its fourth digit.
MOST_ROWS = 100_000

#: Cells of answers that are scored at once: 128 MB. Where rows times classes are more, rows of one class are scored once.
MOST_CELLS = 2**25

#: A column for one class is won by answering that class: tried for so many classes at most.
MOST_CLASSES = 100

#: Columns of a regression whose best constants are searched for at most; of more, mean and median have to do.
MOST_SEARCHED = 64


#: What Keras' cut of probabilities at 1e-7 leaves of a loss of classes that is 0: no scale to measure a skill by.
_NOTHING = 1e-6

#: Losses of yes-or-no labels whose best constant is the shares, the largest class or its margin.
_BEST_AT_KNOWN = (
    *(keras.losses.BinaryCrossentropy, keras.losses.MeanSquaredError),
    *(keras.losses.MeanAbsoluteError, keras.losses.Hinge),
)


@dataclass(frozen=True)
class Judged:
    """The rows that an answer is scored on.

    `encoded` are their labels as loss and metrics are fed them, `rows` how many there are. Where they are too many for one
    batch of so many classes, `encoded` has one row a class, and `counts` says how many rows it stands for; else that is
    None. `weights` is what the rows count in the loss, None where all count 1.
    """

    encoded: np.ndarray
    rows: int
    counts: np.ndarray | None
    weights: np.ndarray | None

    def batches(self, answer: np.ndarray, weights: np.ndarray | None) -> Iterator[tuple[np.ndarray, ...]]:
        """Yield labels, the answer for each of them, and weights, in batches that fit into memory."""
        size = max(1, MOST_CELLS // len(answer)) if self.counts is not None else len(self.encoded)
        for start in range(0, len(self.encoded), size):
            labels = self.encoded[start : start + size]
            yield labels, _repeated(answer, len(labels)), None if weights is None else weights[start : start + size]


def _judged(task: Task, encoded: np.ndarray, weights: np.ndarray | None) -> Judged:
    if encoded.ndim > 1 or task.kind != "multiclass" or len(encoded) * task.units <= MOST_CELLS:
        return Judged(encoded, len(encoded), None, weights)
    classes, place, counts = np.unique(encoded, return_inverse=True, return_counts=True)
    counts = counts.astype("float32")
    summed = counts if weights is None else np.bincount(place, weights=weights).astype("float32")
    return Judged(classes, len(encoded), counts, summed)


def baselines(outputs: list[Output], *, natural: Any, rows: Rows) -> dict[str, float]:
    """Return for the loss and each metric the best score that one and the same answer for every row can reach.

    Of several outputs the losses of their best constants add up, by their weights, to that of `loss`.

    Args:
        outputs: the model's answers, each with its compiled loss and metrics; the metrics' state is reset.
        natural: the labels in their natural form, (rows,) class numbers or (rows, columns); a dict by output of several.
        rows: the same rows as loss and metrics are fed.
    """
    found: dict[str, float] = {}
    for output in outputs:
        weights = None if rows.weights is None else of(rows.weights, output)
        found |= _of_output(output, of(natural, output), of(rows.y, output), weights)
    return _with_sum(found, outputs)


def _of_output(output: Output, natural: np.ndarray, encoded: np.ndarray, weights: np.ndarray | None) -> dict[str, float]:
    """Return the best constant scores of one answer.

    Tried are the answers that are best for some score: the shares of the classes, the largest class alone, everything
    and nothing, the mean, the median; the loss of a regression is searched to its minimum between the extremes of the
    target, and so is that of yes-or-no labels where its best answer is not the shares. A metric of unknown direction is
    left out, and so is everything where answers are embeddings.
    """
    task = output.task
    if task.head == "embedding" or len(natural) == 0:
        return {}
    step = -(-len(natural) // MOST_ROWS)
    natural, encoded = natural[::step], encoded[::step]
    weights = None if weights is None else weights[::step]
    if task.quantiles:
        natural = np.broadcast_to(natural, (len(natural), task.units))
    answers, judged = list(_answers(task, natural, output.activation, weights)), _judged(task, encoded, weights)
    found = {}
    if isinstance(output.loss, keras.losses.Loss):
        score = _loss_of(output.loss, judged)
        if task.kind == "regression" and task.units <= MOST_SEARCHED and not _is_best_known(output.loss, weights):
            answers.append(_searched(score, natural))
        if task.kind in ("binary", "multilabel") and type(output.loss) not in _BEST_AT_KNOWN:
            shares = task.encode(natural, form="dense").mean(axis=0)
            answers += _tilted(score, shares, is_linear=output.activation == "linear")
        least = min(score(answer) for answer in answers)
        found[output.column("loss")] = 0.0 if task.is_classification and abs(least) < _NOTHING else least
    if (
        task.kind == "multiclass"
        and task.units <= MOST_CLASSES
        and any(len(metrics.columns(metric)) > 1 for metric in output.metrics)
    ):
        answers += list(np.eye(task.units, dtype="float32"))
    for metric in output.metrics:
        way = metrics.direction(metric)
        if way and not isinstance(metric, metrics.Own):
            tried = [_values(metric, answer, judged) for answer in answers]
            best = _best(tried, max if way == "max" else min)
            named = zip(metrics.columns(metric), output.columns[metric.name], strict=True)
            found |= {column: _told(best[name], way) for name, column in named if name in best}
    return found


def _told(score: float, way: str) -> float:
    """Return the score; one that float32 leaves a hundred-thousandth from 0, such as R2 of the mean, as 0."""
    return 0.0 if way == "max" and abs(score) < 1e-5 else score


def naive(outputs: list[Output], *, answers: Any, rows: Rows) -> dict[str, float]:
    """Return the loss and the metrics of given answers to every row, such as the naive forecasts of a series.

    Args:
        outputs: as for `baselines`.
        answers: what is answered, (rows, columns); a dict by output of several.
        rows: the rows as loss and metrics are fed them.

    A metric that asks the model, and an answer of embeddings, is left out.
    """
    found: dict[str, float] = {}
    for output in outputs:
        y_true, y_pred = of(rows.y, output), of(answers, output)
        if output.task.head == "embedding":
            continue
        if output.task.quantiles:
            y_pred = np.broadcast_to(y_pred, (len(y_pred), output.task.units))
        weights = None if rows.weights is None else of(rows.weights, output)
        if isinstance(output.loss, keras.losses.Loss):
            found[output.column("loss")] = float(output.loss(y_true, y_pred, sample_weight=weights))
        for metric in output.metrics:
            if not isinstance(metric, metrics.Own):
                counted = weights if metrics.is_weighted(metric) else None
                values = metrics.values_of(metric, y_true=y_true, y_pred=y_pred, weights=counted)
                found |= dict(zip(output.columns[metric.name], values.values(), strict=True))
    return _with_sum(found, outputs)


def _with_sum(found: dict[str, float], outputs: list[Output]) -> dict[str, float]:
    """Return scores with the losses of several outputs added up, by their weights, to that of `loss`."""
    each = [(output.weight, found.get(output.column("loss"))) for output in outputs]
    if outputs[0].name and all(score is not None for _, score in each):
        return {"loss": sum(weight * score for weight, score in each), **found}
    return found


def skill(loss: float, baseline: float | None) -> float | None:
    """Return 1 - loss / baseline: 1 is perfect, 0 no better than the constant, below 0 worse; None without a scale.

    The Brier skill score's form (Murphy, 1973), for any loss whose perfect value is 0.
    """
    if baseline is None or not np.isfinite(baseline) or baseline <= 0:
        return None
    return 1 - loss / baseline


def _answers(task: Task, natural: np.ndarray, activation: str | None, weights: np.ndarray | None) -> Iterator[np.ndarray]:
    """Yield constant answers, (columns,) each; under a linear head the shares' logits and margins of 1 as well."""
    if task.kind == "regression":
        yield from (np.average(natural, axis=0, weights=weights), np.median(natural, axis=0))
        return
    if task.kind == "multiclass" and not task.is_soft:
        counted = np.bincount(natural, weights=weights, minlength=task.units)
        shares = (counted / counted.sum()).astype("float32")
    else:
        shares = np.average(task.encode(natural, form="dense"), axis=0, weights=weights).astype("float32")
    if task.kind == "multiclass":
        shares[shares.argmax()] += 1e-6  # of equal shares Keras' F1Score takes every class for the predicted one (3.15)
    largest = (np.arange(len(shares)) == shares.argmax() if task.kind == "multiclass" else shares >= 0.5).astype("float32")
    yield from (shares, largest)
    if task.kind != "multiclass":
        yield from (np.zeros_like(shares), np.ones_like(shares))
    if activation == "linear":
        yield np.log(np.clip(shares, 1e-7, 1)) if task.kind == "multiclass" else _logits(shares)
        yield 2 * largest - 1


def _is_best_known(loss: keras.losses.Loss, weights: np.ndarray | None) -> bool:
    """Return whether the mean or the median is the best constant, so that none need be searched for."""
    return type(loss) is keras.losses.MeanSquaredError or (type(loss) is keras.losses.MeanAbsoluteError and weights is None)


def _searched(score: Callable[[np.ndarray], float], natural: np.ndarray) -> np.ndarray:
    """Return the constant of the smallest loss, column by column, by golden-section search (losses here are convex)."""
    answer = np.median(natural, axis=0).astype("float64")
    for column in range(natural.shape[1]):
        low, high = float(natural[:, column].min()), float(natural[:, column].max())

        def at(value: float, column: int = column) -> float:
            trial = answer.copy()
            trial[column] = value
            return score(trial)

        answer[column] = _golden_section(at, low, high)
    return answer


def _tilted(score: Callable[[np.ndarray], float], shares: np.ndarray, *, is_linear: bool) -> list[np.ndarray]:
    """Return the shares with their logits shifted, and with their logits stretched, each to the smallest loss.

    A weight on one class shifts the best logits by its logarithm, and AdaBoost's loss is best at half of them. A single
    column is searched to its minimum by the shift alone.
    """
    logits = _logits(shares)

    def answer(tilted: np.ndarray) -> np.ndarray:
        return tilted if is_linear else 1 / (1 + np.exp(-tilted))

    shift = _golden_section(lambda by: score(answer(logits + by)), -16, 16)
    stretch = _golden_section(lambda by: score(answer(by * logits)), 0, 2)
    return [answer(logits + shift), answer(stretch * logits)]


def _logits(shares: np.ndarray) -> np.ndarray:
    kept = np.clip(shares, 1e-7, 1 - 1e-7)
    return np.log(kept) - np.log1p(-kept)


def _golden_section(score: Callable[[float], float], low: float, high: float) -> float:
    ratio = (np.sqrt(5) - 1) / 2
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = score(left), score(right)
    for _ in range(40):
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = score(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = score(right)
    return (low + high) / 2


def _loss_of(loss: keras.losses.Loss, judged: Judged) -> Callable[[np.ndarray], float]:
    def score(answer: np.ndarray) -> float:
        batches = judged.batches(answer, judged.weights)
        return sum(len(y) * float(loss(y, p, sample_weight=weights)) for y, p, weights in batches) / judged.rows

    return score


def _values(metric: Any, answer: np.ndarray, judged: Judged) -> dict[str, float]:
    """Return by column what a metric says of one answer for all rows; nothing where that would not fit into memory."""
    is_weighted = metrics.is_weighted(metric)
    if judged.counts is None:
        y, p, weights = next(judged.batches(answer, judged.weights if is_weighted else None))
        return metrics.values_of(metric, y_true=y, y_pred=p, weights=weights)
    if isinstance(metric, metrics.Whole):
        return {}
    metric.reset_state()
    for y, p, weights in judged.batches(answer, judged.weights if is_weighted else judged.counts):
        metric.update_state(y, p, sample_weight=weights)
    value = metric.result()
    metric.reset_state()
    return {name: float(one) for name, one in (value if isinstance(value, dict) else {metric.name: value}).items()}


def _best(tried: list[dict[str, float]], choose: Callable[[list[float]], float]) -> dict[str, float]:
    """Return for each column the best of what the answers score, without those that have no value."""
    finite = {name: [values[name] for values in tried if np.isfinite(values[name])] for name in tried[0]}
    return {name: choose(values) for name, values in finite.items() if values}


def _repeated(answer: np.ndarray, rows: int) -> np.ndarray:
    return np.tile(np.asarray(answer, dtype="float32"), (rows, 1))
