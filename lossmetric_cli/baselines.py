"""What a constant answer scores: every figure is good or bad against that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from lossmetric_cli import metrics
from lossmetric_cli.task import Task

#: Rows that a baseline is computed on at most; of more it takes every k-th, which changes a mean in its fourth digit.
MOST_ROWS = 100_000

#: A column for one class is won by answering that class: tried for so many classes at most.
MOST_CLASSES = 100


def baselines(
    loss: Any,
    measured: list[Any],
    *,
    task: Task,
    activation: str | None,
    natural: np.ndarray,
    encoded: np.ndarray,
) -> dict[str, float]:
    """Return for the loss and each metric the best score that one and the same answer for every row can reach.

    Tried are the answers that are best for some score: the shares of the classes, the largest class alone, everything
    and nothing, the mean, the median; the loss of a regression is searched to its minimum between the extremes of the
    target. A metric of unknown direction is left out, and so is everything where answers are embeddings.

    Args:
        loss: the compiled loss.
        measured: the metrics; their state is reset. One that asks the model itself has no constant answer.
        task: the task as the model answers it.
        activation: the model's last activation.
        natural: the labels in their natural form, (rows,) class numbers or (rows, columns).
        encoded: the same labels in the form that loss and metrics are fed.
    """
    if task.head == "embedding" or len(natural) == 0:
        return {}
    step = -(-len(natural) // MOST_ROWS)
    natural, encoded = natural[::step], encoded[::step]
    answers = list(_answers(task, natural, activation))
    found = {}
    if isinstance(loss, keras.losses.Loss):
        score = _loss_of(loss, encoded)
        answers += [_searched(score, natural)] if task.kind == "regression" else []
        found["loss"] = min(score(answer) for answer in answers)
    if (
        task.kind == "multiclass"
        and task.units <= MOST_CLASSES
        and any(len(metrics.columns(metric)) > 1 for metric in measured)
    ):
        answers += list(np.eye(task.units, dtype="float32"))
    for metric in measured:
        way = metrics.direction(metric)
        if way and not isinstance(metric, metrics.Own):
            tried = [metrics.values_of(metric, y_true=encoded, y_pred=_repeated(answer, len(encoded))) for answer in answers]
            found |= _best(tried, max if way == "max" else min)
    return found


def skill(loss: float, baseline: float | None) -> float | None:
    """Return 1 - loss / baseline: 1 is perfect, 0 no better than the constant, below 0 worse; None without a scale.

    The Brier skill score's form (Murphy, 1973), for any loss whose perfect value is 0.
    """
    if baseline is None or not np.isfinite(baseline) or baseline <= 0:
        return None
    return 1 - loss / baseline


def _answers(task: Task, natural: np.ndarray, activation: str | None) -> Iterator[np.ndarray]:
    """Yield constant answers, (columns,) each; under a linear head the shares' logits and margins of 1 as well."""
    if task.kind == "regression":
        yield from (natural.mean(axis=0), np.median(natural, axis=0))
        return
    one_hot = task.encode(natural, form="dense")
    shares = one_hot.mean(axis=0)
    largest = (np.arange(len(shares)) == shares.argmax() if task.kind == "multiclass" else shares >= 0.5).astype("float32")
    yield from (shares, largest)
    if task.kind != "multiclass":
        yield from (np.zeros_like(shares), np.ones_like(shares))
    if activation == "linear":
        logits = np.log(np.clip(shares, 1e-7, 1 - 1e-7))
        yield logits if task.kind == "multiclass" else logits - np.log(np.clip(1 - shares, 1e-7, 1 - 1e-7))
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


def _golden_section(score: Callable[[float], float], low: float, high: float) -> float:
    ratio = (np.sqrt(5) - 1) / 2
    for _ in range(40):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if score(left) <= score(right):
            high = right
        else:
            low = left
    return (low + high) / 2


def _loss_of(loss: keras.losses.Loss, encoded: np.ndarray) -> Callable[[np.ndarray], float]:
    def score(answer: np.ndarray) -> float:
        return float(loss(encoded, _repeated(answer, len(encoded))))

    return score


def _best(tried: list[dict[str, float]], choose: Callable[[list[float]], float]) -> dict[str, float]:
    """Return for each column the best of what the answers score, without those that have no value."""
    finite = {name: [values[name] for values in tried if np.isfinite(values[name])] for name in tried[0]}
    return {name: choose(values) for name, values in finite.items() if values}


def _repeated(answer: np.ndarray, rows: int) -> np.ndarray:
    return np.tile(np.asarray(answer, dtype="float32"), (rows, 1))
