"""What must fit before the first epoch: loss and head, head and data, and what callbacks watch."""

from __future__ import annotations

import string
from typing import Any

import keras

from lossmetric_cli import catalog
from lossmetric_cli.errors import ConfigError, did_you_mean
from lossmetric_cli.losses import loss_name
from lossmetric_cli.task import Task

#: Callbacks that set the learning rate.
RATE_SETTERS = (keras.callbacks.ReduceLROnPlateau, keras.callbacks.LearningRateScheduler)
#: Activations under which a cross-entropy of each kind reads its predictions as probabilities.
_PROBABILITIES = {"softmax": ("multiclass",), "sigmoid": ("binary", "multilabel")}


def check_head(loss: Any, *, task: Task, units: int | None, activation: str | None) -> None:
    """Refuse a head that cannot answer the task, or that the loss misreads.

    Args:
        loss: the loss, its `from_logits` set.
        task: the task as the loss wants it answered.
        units: columns of a prediction, None where the model does not tell.
        activation: the model's last activation, None where it does not tell.
    """
    is_embedding = task.head == "embedding"
    if units == 1 and activation == "softmax":
        raise ConfigError("model: 1 output with softmax is always 1.0; type model.output_activation=sigmoid")
    if units is not None and units != task.units and not is_embedding:
        raise ConfigError(f"model: it answers with {units} columns, and this {task.kind} task wants {task.units}")
    if activation is None:
        return
    facts = catalog.loss_facts(loss)
    if facts.head == "exponential" and activation in ("linear", "tanh"):
        raise ConfigError(
            f"model: it ends in {activation}, and {loss_name(loss)} takes the logarithm of its answer; "
            "type model.output_activation=exponential or auto"
        )
    reads_probabilities = facts.probabilities or (facts.takes_logits and activation != "linear")
    if reads_probabilities and task.kind not in _PROBABILITIES.get(activation, ()):
        raise ConfigError(
            f"model: it ends in {activation}, and {loss_name(loss)} of a {task.kind} task wants {task.activation}; "
            f"type model.output_activation={task.activation} or auto"
        )


def check_monitor(monitor: str, *, path: str, directions: dict[str, str | None], mode: str = "auto") -> None:
    """Refuse to watch what the run does not log, or what has no known direction.

    Args:
        monitor: the column to watch.
        path: what watches it, for the error.
        directions: for each column of the history "max", "min" or None where it is unknown.
        mode: "max", "min" or "auto" as the config says.
    """
    if monitor not in directions:
        if monitor.startswith("val_") and not any(name.startswith("val_") for name in directions):
            raise ConfigError(f"{path} watches '{monitor}' and nothing is validated; set validation=holdout or monitor 'loss'")
        hint = _elsewhere(monitor, directions) or did_you_mean(monitor, directions) or f"; it logs {', '.join(directions)}"
        raise ConfigError(f"{path} watches '{monitor}', which this run does not log{hint}")
    if directions[monitor] is None and mode == "auto":
        setting = "mode" if path == "monitor" else f"{path}.mode"
        raise ConfigError(
            f"{path} watches '{monitor}', and whether more of it is better is not known; type {setting}=max or min"
        )


def _elsewhere(monitor: str, directions: dict[str, str | None]) -> str:
    """Return a hint at the columns of a metric that has none of its own name: a column a class, or none while it trains."""
    is_eval = monitor.endswith("_eval")
    stem = f"{monitor.removesuffix('_eval')}_"
    several = [name for name in directions if name.startswith(stem) and name.endswith("_eval") == is_eval]
    if several:
        named = ", ".join(several[:12]) + (f" and {len(several) - 12} more" if len(several) > 12 else "")
        return f", but a column for each of its values; watch one of {named}"
    later = [name for name in (f"val_{monitor}", f"train_{monitor}_eval") if name in directions]
    return f", since it is measured after the epoch; watch {' or '.join(later)}" if later else ""


def check_callbacks(
    built: dict[str, keras.callbacks.Callback], *, directions: dict[str, str | None], has_schedule: bool, has_average: bool
) -> None:
    """Refuse callbacks that contradict the run, which Keras finds out in the midst of it, if at all.

    Args:
        built: the callbacks by key.
        directions: for each column of the history "max", "min" or None where it is unknown.
        has_schedule: whether the learning rate is a schedule.
        has_average: whether the optimizer keeps an average of the weights.
    """
    for key, callback in built.items():
        path = f"callbacks.{key}"
        if isinstance(getattr(callback, "monitor", None), str):
            check_monitor(callback.monitor, path=path, directions=directions, mode=getattr(callback, "mode", "auto"))
        if has_schedule and isinstance(callback, RATE_SETTERS):
            raise ConfigError(f"{path} sets the learning rate, and optimizer.learning_rate is a schedule; drop one of them")
        if isinstance(callback, keras.callbacks.SwapEMAWeights) and not has_average:
            raise ConfigError(f"{path} swaps in averaged weights, and none are kept; type optimizer.use_ema=true")
        if isinstance(callback, keras.callbacks.ModelCheckpoint):
            _check_fields(callback.filepath, path=path, known=["epoch", "batch", *directions])


def _check_fields(filepath: str, *, path: str, known: list[str]) -> None:
    """Refuse a field such as {val_auc:.2f} in a file's name that will not be there to fill in."""
    for _, field, _, _ in string.Formatter().parse(filepath):
        if field is not None and field not in known:
            raise ConfigError(f"{path}.filepath has {{{field}}}, which this run does not log{did_you_mean(field, known)}")
