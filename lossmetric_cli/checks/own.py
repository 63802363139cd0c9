"""Checks of losses and metrics of the user's own, by what they answer for a few rows."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lossmetric_cli import metrics
from lossmetric_cli.checks.case import Case
from lossmetric_cli.checks.finding import Found, stop, warning
from lossmetric_cli.losses import is_own, loss_name, single
from lossmetric_cli.outputs import Output

#: Rows of a probe: a number that no axis of a task is likely to have.
_ROWS = 7
#: Metrics that are no mean over rows, so that a mean over batches is another number.
_NO_MEAN = ("f1", "f_1", "auc", "precision", "recall", "r2", "rmse", "iou", "correlation", "mcc", "kappa")


def own_loss(case: Case, output: Output) -> Found:
    """Call a loss of the user's own on a few rows: its shape, its values, its gradient, and what other rows do to it."""
    for loss in filter(is_own, single(output.loss)):
        function = getattr(loss, "function", loss)  # a part of a sum may be a bare one
        by_row = function.call if isinstance(function, keras.losses.Loss) else function
        yield from _faults_of(loss_name(loss), by_row, *_probe(case, output))


def _faults_of(name: str, function: Any, labels: np.ndarray, answers: np.ndarray) -> Found:
    try:
        values, gradient = _values_and_gradient(function, labels, answers)
    except Exception as error:  # whatever the user's code raises, in the graph in which it will run
        yield stop(f"loss={name} fails inside a graph: {type(error).__name__}: {_last_line(error)}; use keras.ops")
        return
    yield from _shape_of(f"loss={name}", values, answers)
    if not np.isfinite(values).all():
        yield stop(f"loss={name} gives {values.ravel()[~np.isfinite(values.ravel())][0]} for finite labels and predictions")
    elif gradient is None or not np.abs(gradient).any():
        how = "none" if gradient is None else "0 everywhere"
        yield stop(f"loss={name} teaches nothing: its gradient is {how}; compute it from y_pred with keras.ops")
    else:
        yield from _slope_of(name, function, labels, answers, gradient)
        yield from _others_of(f"loss={name}", function, labels, answers)


def own_metric(case: Case, output: Output) -> Found:
    """Call the functions that are metrics of the user's own on a few rows."""
    for metric in output.metrics:
        function = _metric_function(metric)
        if function is None:
            continue
        labels, answers = _probe(case, output)
        try:
            values = np.asarray(function(labels, answers))
        except Exception as error:  # whatever the user's code raises
            yield stop(f"metrics.{metric.name} fails: {type(error).__name__}: {_last_line(error)}")
            continue
        yield from _shape_of(f"metrics.{metric.name}", values, answers)
        if not np.isfinite(values).all():
            yield warning(f"metrics.{metric.name} is not finite for finite labels and predictions")


def batch_averaged(case: Case, output: Output) -> Found:
    """Look for metrics of one number a batch, whose mean over batches depends on the batch size."""
    for metric in output.metrics:
        is_single = not metrics.is_weighted(metric) and _gives_one_number(metric, *_probe(case, output))
        if is_single and any(word in metric.name.lower() for word in _NO_MEAN):
            yield stop(
                f"metrics.{metric.name} is a function of one number a batch, and no mean over batches is the {metric.name} "
                "of all rows; write a keras.metrics.Metric, or take lmrun's own (lmrun list metrics)"
            )
        elif is_single:
            yield warning(
                f"metrics.{metric.name} gives one number a batch: its value is a mean of batches and depends on batch_size; "
                "return one value a row"
            )


def _gives_one_number(metric: Any, labels: np.ndarray, answers: np.ndarray) -> bool:
    """Return whether a metric gives one number for all rows; one that fails is told of elsewhere."""
    try:
        return metrics.is_batch_mean(metric, labels, answers)
    except Exception:  # whatever the user's code raises
        return False


def _metric_function(metric: Any) -> Any:
    inner = metrics.counted(metric)
    if type(inner) is not keras.metrics.MeanMetricWrapper or inner._fn.__module__.split(".")[0] in ("keras", "lossmetric_cli"):
        return None
    as_fed = metric.fed if isinstance(metric, metrics.Fed) else lambda labels, answers: (labels, answers)
    return lambda labels, answers: inner._fn(*as_fed(labels, answers), **inner._fn_kwargs)


def _probe(case: Case, output: Output) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and predictions of a few rows; the same ones over again where there are fewer."""
    answers = np.asarray(case.answer(output), dtype="float32")
    labels = case.labels(output, "train")[: len(answers)]
    rows = np.resize(np.arange(len(answers)), _ROWS)
    return labels[rows].astype("float32"), answers[rows]


def _values_and_gradient(function: Any, labels: np.ndarray, answers: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    @tf.function(autograph=False)
    def graph(y: Any, p: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            tape.watch(p)
            values = tf.convert_to_tensor(function(y, p))
        gradient = tape.gradient(values, p)
        return values, tf.zeros_like(p) * np.nan if gradient is None else gradient

    values, gradient = graph(tf.constant(labels), tf.constant(answers))
    is_none = bool(np.isnan(gradient).all()) and bool(np.isfinite(values).all())
    return np.asarray(values), None if is_none else np.asarray(gradient)


def _shape_of(what: str, values: np.ndarray, answers: np.ndarray) -> Found:
    rows = len(answers)
    is_stretched = values.ndim >= 2 and values.shape[:2] == (rows, rows) and answers.shape[1:2] != (rows,)
    if is_stretched or (values.ndim and values.shape[0] != rows):
        yield stop(
            f"{what} gives values of shape {values.shape} for {rows} rows: labels and predictions were stretched against each "
            "other; bring both to (rows, columns) first"
        )


def _slope_of(name: str, function: Any, labels: np.ndarray, answers: np.ndarray, gradient: np.ndarray) -> Found:
    """Compare the gradient with the slope that two nearby values show, in a direction of its own."""
    random = np.random.default_rng(0)
    direction = (np.abs(answers).mean() + 1e-3) * random.normal(size=answers.shape).astype("float32")
    expected = float((gradient * direction).sum())
    slopes = []
    for step in (1e-2, 1e-3):
        there, back = (np.asarray(function(labels, answers + side * step * direction)).sum() for side in (1, -1))
        slopes.append(float(there - back) / (2 * step))
    scale = float(np.abs(gradient * direction).sum())
    if all(np.isfinite(slope) and abs(slope - expected) > 0.2 * scale for slope in slopes):
        yield warning(
            f"loss={name}: its gradient says {expected:.3g} where its values change by {slopes[1]:.3g}; "
            "part of it has no gradient"
        )


def _others_of(what: str, function: Any, labels: np.ndarray, answers: np.ndarray) -> Found:
    """Compare the mean over all rows with the mean over two halves of them, and with the rows in another order."""
    whole = _mean(function, labels, answers)
    turned = _mean(function, labels[::-1], answers[::-1])
    if abs(turned - whole) > 1e-4 * max(abs(whole), 1e-6):
        yield stop(f"{what} is {whole:.4g} for some rows and {turned:.4g} for the same ones in another order")
        return
    parts = [(labels[rows], answers[rows]) for rows in (slice(0, 3), slice(3, None))]
    mean = sum(len(y) * _mean(function, y, p) for y, p in parts) / len(labels)
    if abs(mean - whole) > 1e-4 * max(abs(whole), 1e-6):
        yield warning(
            f"{what} is {whole:.4g} for {len(labels)} rows and {mean:.4g} as the mean of two parts of them: "
            "it depends on batch_size, as where labels and predictions are stretched against each other"
        )


def _mean(function: Any, labels: np.ndarray, answers: np.ndarray) -> float:
    return float(np.mean(np.asarray(function(labels, answers))))


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()] or [""]
    return lines[-1][:160]
