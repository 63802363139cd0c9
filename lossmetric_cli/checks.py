"""What must fit before the first epoch: loss and head, head and data, and what callbacks watch."""

from __future__ import annotations

from typing import Any

from lossmetric_cli import catalog
from lossmetric_cli.errors import ConfigError, did_you_mean
from lossmetric_cli.losses import loss_name
from lossmetric_cli.task import Task

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
    if not catalog.loss_facts(loss).takes_logits or activation in (None, "linear"):
        return
    if task.kind not in _PROBABILITIES.get(activation, ()):
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
        hint = did_you_mean(monitor, directions)
        raise ConfigError(f"{path} watches '{monitor}', which this run does not log{hint} (it logs {', '.join(directions)})")
    if directions[monitor] is None and mode == "auto":
        setting = "mode" if path == "monitor" else f"{path}.mode"
        raise ConfigError(
            f"{path} watches '{monitor}', and whether more of it is better is not known; type {setting}=max or min"
        )


def check_callbacks(nodes: dict[str, Any], *, directions: dict[str, str | None], has_schedule: bool) -> None:
    """Refuse callbacks that watch what is not there, and ReduceLROnPlateau beside a learning-rate schedule."""
    for key, node in nodes.items():
        if "monitor" in node:
            check_monitor(node["monitor"], path=f"callbacks.{key}", directions=directions, mode=node.get("mode", "auto"))
        if has_schedule and node["_target_"].endswith((".ReduceLROnPlateau", ".LearningRateScheduler")):
            raise ConfigError(
                f"callbacks.{key} sets the learning rate, and optimizer.learning_rate is a schedule; drop one of them"
            )
