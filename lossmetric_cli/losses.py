"""The losses that choose among Keras' own by the task, and the fit between a loss, the task and the head."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import keras

from lossmetric_cli import catalog
from lossmetric_cli.build import build
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.task import Task

Loss = keras.losses.Loss


def auto(*, task: Task) -> Loss:
    """Return cross-entropy for classes and mean squared error for numbers."""
    return crossentropy(task=task) if task.is_classification else keras.losses.MeanSquaredError()


def crossentropy(*, task: Task, from_logits: bool = False, label_smoothing: float = 0.0) -> Loss:
    """Return the cross-entropy of the task: binary, sparse categorical, or categorical where labels are smoothed.

    Sparse and categorical cross-entropy give the same numbers; the sparse one needs no one-hot copy of the labels
    and knows neither smoothing nor labels that are shares.
    """
    if not task.is_classification:
        raise ConfigError("loss: a cross-entropy needs classes, and this target is a number; type loss=mse")
    if task.kind != "multiclass":
        return keras.losses.BinaryCrossentropy(from_logits=from_logits, label_smoothing=label_smoothing)
    if label_smoothing or task.is_soft:
        return keras.losses.CategoricalCrossentropy(from_logits=from_logits, label_smoothing=label_smoothing)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits)


def focal(
    *, task: Task, alpha: float = 0.25, gamma: float = 2.0, from_logits: bool = False, label_smoothing: float = 0.0
) -> Loss:
    """Return the focal loss of the task, binary or categorical (Lin et al., 2017, eq. 5).

    `alpha` weighs the positive class of a binary task, which Keras does only with `apply_class_balancing`.
    """
    if not task.is_classification:
        raise ConfigError("loss: a focal loss needs classes, and this target is a number; type loss=huber")
    options = {"alpha": alpha, "gamma": gamma, "from_logits": from_logits, "label_smoothing": label_smoothing}
    if task.kind == "multiclass":
        return keras.losses.CategoricalFocalCrossentropy(**options)
    return keras.losses.BinaryFocalCrossentropy(apply_class_balancing=True, **options)


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
    loss = build(node, path=path, task=task)
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
        return dataclasses.replace(task.as_two_classes(), head=facts.head), [note]
    if task.kind not in facts.kinds:
        raise ConfigError(_contradiction(loss, task))
    if facts.across_columns and task.units == 1:
        raise ConfigError(f"loss={loss.name} compares the columns of a row, and a row here has one; type loss=mse")
    return dataclasses.replace(task, head=facts.head), []


def fit_head(loss: Any, *, activation: str | None) -> tuple[Any, list[str]]:
    """Return the loss with `from_logits` as the model's last activation demands, and a sentence if that changed it.

    `activation` is None where the model does not tell its last activation; then the loss is left as it is.
    """
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
    function = loss.func if isinstance(loss, functools.partial) else loss
    return getattr(loss, "name", None) or getattr(function, "__name__", None) or type(loss).__name__


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
