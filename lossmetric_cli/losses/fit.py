"""The fit between a loss, the task and the head."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import keras

from lossmetric_cli import catalog
from lossmetric_cli.build import build, resolve
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.losses.of_classes import Brier
from lossmetric_cli.losses.quantile import Quantile
from lossmetric_cli.losses.weighted_sum import WeightedSum
from lossmetric_cli.task import Task

Loss = keras.losses.Loss


@keras.saving.register_keras_serializable(package="lossmetric_cli")
class OfFunction(Loss):
    """The mean of a function of labels and predictions, as Keras makes it of a function that `compile` is given."""

    def __init__(self, function: Any, name: str) -> None:
        super().__init__(name=name)
        self.function = function

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return what the function gives for labels and predictions (rows, columns)."""
        return self.function(y_true, y_pred)


def build_loss(node: dict[str, Any] | None, *, task: Task, path: str = "loss") -> Loss | None:
    """Return the loss of a config node, or None for `loss=none`: the model adds its own.

    Raises ConfigError for a reduction that leaves no mean over the rows: its values would depend on the size of a batch.
    """
    if not node or node.get("_target_") is None:
        return None
    loss = _build(node, path=path, task=task)
    if not isinstance(loss, Loss):
        return OfFunction(loss, loss_name(loss))
    if loss.reduction in (None, "none", "sum"):
        why = "is no mean over the rows, so loss and val_loss would differ by their batches"
        raise ConfigError(f"{path}.reduction={loss.reduction or 'null'} {why}; type {path}.reduction=sum_over_batch_size")
    return loss


def fit_task(loss: Any, task: Task) -> tuple[Task, list[str]]:
    """Return the task as the loss wants it answered, and a sentence for what that changed.

    Raises ConfigError where the loss contradicts the task.
    """
    facts = catalog.loss_facts(loss)
    if task.is_soft and facts.labels == "index":
        raise ConfigError(
            f"loss={loss.name} takes class numbers, and these labels are shares; type loss=categorical_crossentropy"
        )
    if task.kind == "binary" and facts.kinds == ("multiclass",) and not task.is_soft:
        note = f"{loss.name} wants a column a class, so the two classes get two"
        task, notes = task.as_two_classes(), [note]
        return (dataclasses.replace(task, head=facts.head, is_sampled=facts.samples), [*notes, *_said_of_samples(loss, task)])
    if task.kind not in facts.kinds:
        for part in loss.parts if isinstance(loss, WeightedSum) else ():
            if task.kind not in part.facts.kinds:
                raise ConfigError(f"loss.parts: {_contradiction(part.loss, task)}")
        raise ConfigError(_contradiction(loss, task))
    if facts.samples:
        return dataclasses.replace(task, is_sampled=True), _said_of_samples(loss, task)
    if facts.across_columns and task.units == 1:
        raise ConfigError(f"loss={loss.name} compares the columns of a row, and a row here has one; type loss=mse")
    return dataclasses.replace(_with_quantiles(task, loss), head=facts.head), []


def fit_head(loss: Any, *, activation: str | None) -> tuple[Any, list[str]]:
    """Return the loss with `from_logits` as the model's last activation demands, and a sentence if that changed it.

    `activation` is None where the model does not tell its last activation; then the loss is left as it is.
    """
    if isinstance(loss, WeightedSum):
        fitted = [fit_head(part.loss, activation=activation) for part in loss.parts]
        notes = [f"{part.name}: {note}" for part, (_, said) in zip(loss.parts, fitted, strict=True) for note in said]
        return (loss.with_losses([part for part, _ in fitted]), notes) if notes else (loss, [])
    if not catalog.loss_facts(loss).takes_logits or activation is None:
        return loss, []
    config = loss.get_config()
    is_linear = activation == "linear"
    if config["from_logits"] == is_linear:
        return loss, []
    why = "the model ends linear, in logits" if is_linear else f"the model ends in {activation}, not in logits"
    return type(loss).from_config({**config, "from_logits": is_linear}), [f"{why}: loss.from_logits={str(is_linear).lower()}"]


def loss_name(loss: Any) -> str:
    """Return the name of a loss as the console and the record show it."""
    if loss is None:
        return "none"
    if isinstance(loss, WeightedSum):
        return " + ".join(f"{part.weight:g}·{loss_name(part.loss)}" for part in loss.parts)
    function = loss.func if isinstance(loss, functools.partial) else loss
    return getattr(loss, "name", None) or getattr(function, "__name__", None) or type(loss).__name__


def is_own(loss: Any) -> bool:
    """Return whether a loss is code of the user's own, or made of a function that is."""
    function = getattr(loss, "function", loss)
    bare = function.func if isinstance(function, functools.partial) else function
    home = getattr(bare, "__module__", type(bare).__module__)
    return loss is not None and home.split(".")[0] not in ("keras", "lossmetric_cli")


def single(loss: Any) -> list[Any]:
    """Return the losses that a weighted sum adds up; any other loss alone."""
    return [part.loss for part in loss.parts] if isinstance(loss, WeightedSum) else [loss]


def _build(node: dict[str, Any], *, path: str, task: Task) -> Any:
    """Return the object of a node, the parts of a sum made first, and a Brier score over the columns as the task has them."""
    target = resolve(node.get("_target_"), path=path)
    if target is WeightedSum:
        made = [_build(part["loss"], path=f"{path}.parts[{index}]", task=task) for index, part in enumerate(node["parts"])]
        node = {**node, "parts": [{**part, "loss": loss} for part, loss in zip(node["parts"], made, strict=True)]}
    if target is Brier and node.get("columns") is None:
        node = {**node, "columns": "mean" if task.kind == "multilabel" else "sum"}
    return build(node, path=path, task=task)


def _said_of_samples(loss: Any, task: Task) -> list[str]:
    """Return what there is to know of a loss that samples: its training value is another than that of validation."""
    if not catalog.loss_facts(loss).samples:
        return []
    told = f"loss is {loss.name} of {loss.samples} drawn classes; "
    told += f"train_loss_eval, val_loss and the metrics are of all {task.units:,}"
    if loss.samples < task.units:
        return [told]
    return [told, f"loss.samples={loss.samples} of {task.units:,} classes saves nothing; type loss=crossentropy"]


def _with_quantiles(task: Task, loss: Any) -> Task:
    """Return the task with a column for each of several quantiles. Raises ConfigError where there are several targets."""
    taus = loss.taus if isinstance(loss, (Quantile, WeightedSum)) else ()
    if len(taus) < 2:
        return task
    if task.units > 1:
        raise ConfigError(
            f"loss.tau={list(taus)} asks for several quantiles of one target, and this data has {task.units} targets; "
            "type loss.tau=0.5"
        )
    return dataclasses.replace(task, units=len(taus), quantiles=taus)


def _contradiction(loss: Any, task: Task) -> str:
    name = loss.name
    fitting = {"multiclass": "categorical_crossentropy", "regression": "mse"}.get(task.kind, "binary_crossentropy")
    if not catalog.loss_facts(loss).kinds:
        return f"loss={name} aligns label sequences, and this data has one label a row; type loss={fitting}"
    facts = {
        "binary": "this target is one of two classes",
        "multiclass": f"a row has one of {task.units} classes",
        "multilabel": f"a row has {task.units} labels that are each on or off",
        "regression": "this target is a number",
    }
    wanted = " or ".join(catalog.loss_facts(loss).kinds)
    return f"loss={name} is for {wanted} tasks, and {facts[task.kind]}; type loss={fitting}"
