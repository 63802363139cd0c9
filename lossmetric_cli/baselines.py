"""What answers without a model score: every figure is good or bad against that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from lossmetric_cli import metrics
from lossmetric_cli.feed import Rows
from lossmetric_cli.outputs import Output, of
from lossmetric_cli.task import Task

#: Rows that a baseline is computed on at most; of more it takes every k-th, which changes a mean in its fourth digit.
MOST_ROWS = 100_000

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
    answers = list(_answers(task, natural, output.activation, weights))
    found = {}
    if isinstance(output.loss, keras.losses.Loss):
        score = _loss_of(output.loss, encoded, weights)
        answers += [_searched(score, natural)] if task.kind == "regression" and task.units <= MOST_SEARCHED else []
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
            counted = weights if metrics.is_weighted(metric) else None
            tried = [
                metrics.values_of(metric, y_true=encoded, y_pred=_repeated(answer, len(encoded)), weights=counted)
                for answer in answers
            ]
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
    one_hot = task.encode(natural, form="dense")
    shares = np.average(one_hot, axis=0, weights=weights).astype("float32")
    if task.kind == "multiclass":
        shares[shares.argmax()] += 1e-6  # of equal shares Keras' F1Score takes every class for the predicted one (3.15)
    largest = (np.arange(len(shares)) == shares.argmax() if task.kind == "multiclass" else shares >= 0.5).astype("float32")
    yield from (shares, largest)
    if task.kind != "multiclass":
        yield from (np.zeros_like(shares), np.ones_like(shares))
    if activation == "linear":
        yield np.log(np.clip(shares, 1e-7, 1)) if task.kind == "multiclass" else _logits(shares)
        yield 2 * largest - 1


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


def _loss_of(loss: keras.losses.Loss, encoded: np.ndarray, weights: np.ndarray | None) -> Callable[[np.ndarray], float]:
    def score(answer: np.ndarray) -> float:
        return float(loss(encoded, _repeated(answer, len(encoded)), sample_weight=weights))

    return score


def _best(tried: list[dict[str, float]], choose: Callable[[list[float]], float]) -> dict[str, float]:
    """Return for each column the best of what the answers score, without those that have no value."""
    finite = {name: [values[name] for values in tried if np.isfinite(values[name])] for name in tried[0]}
    return {name: choose(values) for name, values in finite.items() if values}


def _repeated(answer: np.ndarray, rows: int) -> np.ndarray:
    return np.tile(np.asarray(answer, dtype="float32"), (rows, 1))
