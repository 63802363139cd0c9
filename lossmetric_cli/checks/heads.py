"""Checks of the head: what the model ends in against what the loss reads."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from lossmetric_cli import catalog
from lossmetric_cli.checks.case import Case
from lossmetric_cli.checks.finding import Found, stop, warning
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.losses import is_own, loss_name, single
from lossmetric_cli.outputs import Output
from lossmetric_cli.task import Task

#: Activations under which a cross-entropy of each kind reads its predictions as probabilities.
_PROBABILITIES = {"softmax": ("multiclass",), "sigmoid": ("binary", "multilabel")}
#: Where Keras cuts off probabilities: there the two ways to compute a cross-entropy part for another reason.
_CUT = 1e-6


def read_off(answers: np.ndarray) -> str:
    """Return the activation that predictions (rows, …, columns) look like: softmax, sigmoid or linear.

    For a model that does not tell its last activation: rows that sum to 1 are shares of classes, cells between 0 and 1
    that are not all alike are probabilities, and everything else is scores.
    """
    inside = bool(((answers >= 0) & (answers <= 1)).all())
    if inside and answers.ndim > 1 and answers.shape[-1] > 1 and np.allclose(answers.sum(axis=-1), 1, atol=1e-3):
        return "softmax"
    return "sigmoid" if inside and answers.min() > 0 and np.ptp(answers) > 0 else "linear"


def refuse_constant_head(*, units: int | None, activation: str | None, path: str) -> None:
    """Raise ConfigError for a softmax over one column."""
    if units == 1 and activation == "softmax":
        raise ConfigError(f"{path}: 1 output with softmax is always 1.0; type {_setting(path)}=sigmoid")


def refuse_units(*, task: Task, shape: tuple[int, ...], labels: tuple[int, ...], path: str) -> None:
    """Raise ConfigError for a model that does not answer a row with the columns that the task has; both shapes are a row's."""
    if len(shape) != 1:
        raise ConfigError(
            f"{path}: it answers a row with the shape {shape}, which labels of the shape {labels} do not fit; "
            f"end it in keras.layers.Flatten() and keras.layers.Dense({task.units})"
        )
    if shape[0] != task.units and task.head != "embedding":
        raise ConfigError(f"{path}: it answers with {shape[0]} columns, and this {task.kind} task wants {task.units}")


def refuse_mismatch(loss: Any, *, task: Task, activation: str | None, path: str) -> None:
    """Raise ConfigError for a head that the loss misreads.

    Keras takes the logits that softmax and sigmoid leave on their result, without asking which of them it was: binary
    cross-entropy of a softmax is that of the sigmoid of its logits (3.15).
    """
    if activation is None or task.head == "embedding" or (task.units == 1 and activation == "softmax"):
        return
    facts = catalog.loss_facts(loss)
    if facts.head == "exponential" and activation in ("linear", "tanh"):
        raise ConfigError(
            f"{path}: it ends in {activation}, and {loss_name(loss)} takes the logarithm of its answer; "
            f"type {_setting(path)}=exponential or auto"
        )
    reads_probabilities = facts.probabilities or (facts.takes_logits and activation != "linear")
    kinds = (task.kind,) if task.kind in facts.kinds else facts.kinds
    if reads_probabilities and not set(kinds) & set(_PROBABILITIES.get(activation, ())):
        wanted = next(name for name, readers in _PROBABILITIES.items() if kinds[0] in readers)
        raise ConfigError(
            f"{path}: it ends in {activation}, and {loss_name(loss)} of a {task.kind} task wants {wanted}; "
            f"type {_setting(path)}={wanted}{' or auto' if wanted == task.activation else ''}"
        )


def swapped_logits(case: Case, output: Output) -> Found:
    """Compare the loss of what the model computes with the loss of the same numbers as predict returns them."""
    if not isinstance(output.loss, keras.losses.Loss) or not case.fits(output):
        return
    computed = case.answer(output)
    shown = np.asarray(computed)
    if output.activation in ("softmax", "sigmoid") and (shown.min() < _CUT or shown.max() > 1 - _CUT):
        return
    labels = case.labels(output, "train")[: len(shown)]
    trained, told = float(output.loss(labels, computed)), float(output.loss(labels, shown))
    if abs(trained - told) > 1e-3 * max(abs(told), 1e-6):
        yield stop(
            f"{_at(output)}: {loss_name(output.loss)} of what the model computes is {trained:.4g}, and of the same numbers as "
            f"predictions {told:.4g}: Keras swaps in the logits before the {output.activation}; "
            "type model.output_activation=auto"
        )


def double_softmax(case: Case, output: Output) -> Found:
    """Look whether a loss of the user's own applies the activation that the head has applied already.

    A softmax inside a loss makes it blind to a number added to all columns of a row; a sigmoid inside makes it equal to
    the cross-entropy of logits.
    """
    if output.activation not in ("softmax", "sigmoid") or not case.fits(output):
        return
    shown = np.asarray(case.answer(output), dtype="float32")
    labels = case.labels(output, "train")[: len(shown)].astype("float32")
    for loss in filter(is_own, single(output.loss)):
        if _is_inside(output.activation, loss, labels, shown):
            yield stop(
                f"{_at(output)}: {loss_name(loss)} applies {output.activation} itself, and the model ends in "
                f"{output.activation}; type model.output_activation=linear"
            )


def _is_inside(activation: str, loss: Any, labels: np.ndarray, shown: np.ndarray) -> bool:
    value = _mean(loss, labels, shown)
    if activation == "softmax" and shown.shape[-1] > 1:
        differences = [_mean(loss, labels, shown + shift) - value for shift in (0.5, 2.0)]
        moved = _mean(loss, labels, shown**2) - value
        return max(map(abs, differences)) < 1e-5 * max(abs(value), 1e-3) < abs(moved)
    inside = np.mean(np.maximum(shown, 0) - shown * labels + np.log1p(np.exp(-np.abs(shown))))
    return abs(value - inside) < 1e-5 * max(inside, 1e-3)


def head_precision(case: Case, output: Output) -> Found:
    """Look whether the head computes in half precision, where probabilities near 0 and 1 are lost."""
    computed = str(getattr(case.answer(output), "dtype", "")).removeprefix("<dtype: '").removesuffix("'>")
    if "16" in computed:
        yield warning(
            f"{_at(output)}: its head answers in {computed}, in which probabilities near 0 and 1 are lost; "
            "give your last layer dtype=float32"
        )


def class_axis(case: Case, output: Output) -> Found:
    """Look whether a loss that compares classes is told the axis on which they are."""
    axis = getattr(output.loss, "axis", None)
    columns = len(case.answer(output).shape)
    if isinstance(axis, int) and axis not in (-1, columns - 1):
        yield stop(
            f"loss.axis={axis}, and the classes of this model are on the last axis: {loss_name(output.loss)} would compare "
            "rows with each other; type loss.axis=-1"
        )


def _mean(loss: Any, labels: np.ndarray, answers: np.ndarray) -> float:
    return float(np.mean(np.asarray(loss(labels, answers))))


def _at(output: Output) -> str:
    return f"outputs.{output.name}" if output.name else "model"


def _setting(path: str) -> str:
    """Return the setting that chooses the activation of the head at a path."""
    return "model.output_activation" if path == "model" else f"{path}.activation"
