"""The gap between loss and val_loss taken apart, on the weights of the last epoch and without a trace."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.common import global_state
from keras.src.models.functional import Functional

from lossmetric_cli import anatomy, feed, sampling

#: Training rows that the gap is measured on at most; of more it takes a seeded sample of whole batches.
MOST_ROWS = 20_000
#: Cells of their answers at most.
MOST_CELLS = 2**28
#: How far a loss measured again may lie from the logged one, relatively: sums of float32 in another order.
SAME = 1e-3


#: Layers that do the same in training and in inference, whatever their settings.
_ALIKE = (
    *(keras.layers.InputLayer, keras.layers.Dense, keras.layers.Activation, keras.layers.ReLU, keras.layers.Softmax),
    *(keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.MaxPooling2D, keras.layers.AveragePooling2D),
    *(keras.layers.GlobalAveragePooling2D, keras.layers.Flatten, keras.layers.Reshape, keras.layers.Rescaling),
    *(keras.layers.Normalization, keras.layers.UnitNormalization, keras.layers.Add, keras.layers.Concatenate),
)


class Gap(keras.callbacks.Callback):
    """Hands the parts of loss - val_loss to `tell` when training ends.

    It stands before all callbacks that act when training ends: early stopping puts back other weights then.
    """

    def __init__(self, rows: feed.Feed, tell: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        self._rows = rows
        self._tell = tell
        self._epoch: int | None = None
        self._logs: dict[str, float] = {}

    def get_state(self) -> dict[str, Any]:
        """Return what was noted of the last epoch, for a run that is gone on with."""
        return {"epoch": self._epoch, "logs": self._logs}

    def set_state(self, state: dict[str, Any]) -> None:
        """Note it again."""
        self._epoch, self._logs = state["epoch"], state["logs"]

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Note the epoch and its losses."""
        self._epoch = epoch
        self._logs = {name: float(value) for name, value in (logs or {}).items() if name in ("loss", "val_loss", *_WATCHED)}

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Measure and tell."""
        if self._epoch is None:
            return
        if "loss" not in self._logs:
            self._tell({"left_out": "the model has a train_step of its own, which returns no loss"})
            return
        self._tell(measure(self.model, self._rows, epoch=self._epoch, logs=self._logs))


#: Columns that say whether the weights are still those that the epoch ended with, and the part each is measured on.
_WATCHED = {"val_loss": "val", "train_loss_eval": "train_eval"}


def measure(model: keras.Model, rows: feed.Feed, *, epoch: int, logs: dict[str, float]) -> dict[str, Any]:
    """Return the parts of an epoch's loss - val_loss, in the unit of the loss; they add up to it.

    `running_mean` is the logged loss minus that of the epoch's last weights, measured in training mode on the same
    batches; `mode` is that minus the same in inference mode; `weights` that minus the same without class weights; and
    `generalisation` that minus val_loss. Without a val_loss the last is left out. Under a loss that samples, `sampling`
    stands before `mode`: the loss of the drawn classes minus that of all. `rows` of `of` training rows were used.
    Where nothing can be measured there is `left_out`, the reason, in place of the parts.

    Args:
        model: the compiled model with the weights that the epoch ended with; it is left as it was.
        rows: the feed that it was trained from.
        epoch: the number of the epoch, from 0.
        logs: the epoch's `loss`, and its `val_loss` and `train_loss_eval` if it has them.
    """
    known = {"epoch": epoch + 1, "loss": logs["loss"], "val_loss": logs.get("val_loss")}
    with _untouched(model):
        reason = _obstacle(model, rows, logs)
        if reason:
            return {**known, "left_out": reason}
        train = rows.parts["train"]
        numbers = _numbers(rows, epoch)
        mean = _mean_of_all(model, rows, numbers)
        found = (mean,) * 4 if mean else _mean_losses(model, train, numbers, batch=rows.pace.batch)
        weighted, plain, trained, whole = found
    parts = {"running_mean": logs["loss"] - trained, "sampling": trained - whole}
    parts |= {"mode": whole - weighted, "weights": weighted - plain}
    if not _samples(model):
        del parts["sampling"]
    if "val_loss" in logs:
        parts["generalisation"] = plain - logs["val_loss"]
    return {**known, **parts, "rows": len(numbers), "of": len(train)}


def _obstacle(model: keras.Model, rows: feed.Feed, logs: dict[str, float]) -> str | None:
    """Return why the gap cannot be taken apart, or None."""
    if type(model).train_step is not keras.Model.train_step:
        return "the model has a train_step of its own, which computes its loss in its own way"
    if model.distribute_strategy.num_replicas_in_sync > 1:
        return "the model trained on several devices, each of which saw a part of a batch"
    if not all(map(math.isfinite, logs.values())):
        return "the loss is not a number"
    for name, part in _WATCHED.items():
        if name in logs and not math.isclose(rows.evaluate(model, part)["loss"], logs[name], rel_tol=SAME, abs_tol=1e-6):
            return f"the weights at the end of training are not those that {name} was measured with, such as an average of them"
    return None


def _numbers(rows: feed.Feed, epoch: int) -> np.ndarray:
    """Return the row numbers of an epoch in its order, those of a seeded sample of its batches where they are too many."""
    size = rows.pace.batch
    numbers = feed.order(rows.seed, epoch, len(rows.parts["train"])).numpy()[: rows.pace.steps * size]
    most = min(MOST_ROWS, MOST_CELLS // rows.pace.columns)
    if len(numbers) <= most:
        return numbers
    starts = np.arange(0, len(numbers), size)
    sample = np.random.default_rng([rows.seed, 3]).choice(starts, max(1, most // size), replace=False)
    return np.concatenate([numbers[start : start + size] for start in np.sort(sample)])


def _mean_of_all(model: keras.Model, rows: feed.Feed, numbers: np.ndarray) -> float | None:
    """Return the mean loss of all training rows where it is the same in training mode and however they fall into batches.

    That spares the graphs in which `_mean_losses` measures it. It is so where no row has a weight, every row has a loss of
    its own, and every layer is known to do the same in training; else None.
    """
    train = rows.parts["train"]
    is_plain = type(model) in (keras.Sequential, Functional) and all(map(_is_alike, model._flatten_layers(include_self=False)))
    if not is_plain or train.trained[2:] or len(numbers) < len(train):
        return None
    found = rows.evaluate(model, "train")
    return found["loss"] if found.get(anatomy.SCATTER, 0) > 0 else None


def _is_alike(layer: Any) -> bool:
    return type(layer) in _ALIKE and getattr(layer, "activity_regularizer", None) is None


def _samples(model: keras.Model) -> bool:
    """Return whether the loss looks at a few of the classes while it trains."""
    return any(isinstance(layer, sampling.SampledHead) and layer.samples for layer in model._flatten_layers())


def _mean_losses(model: keras.Model, rows: feed.Rows, numbers: np.ndarray, *, batch: int) -> tuple[float, ...]:
    """Return the mean losses of rows in batches, as Keras' log has them, for weights that stay.

    The first is in inference mode, the second is so too but without class weights, the third is in training mode, which
    comes last because it moves batch statistics. The fourth is the third over all classes, where the loss samples.
    """
    arrays = (*rows.trained, *rows.judged[2:])
    is_sampled = _samples(model)

    def losses_of(x: Any, y: Any, sample_weight: Any = None, *, training: bool) -> tf.Tensor:
        answers = model(x, training=training) if model._call_has_training_arg else model(x)
        loss = model._compute_loss(x, y, answers, sample_weight, training=training)
        if not (training and is_sampled):
            return tf.cast(tf.stack([loss, loss]), tf.float64)
        answers = tf.nest.map_structure(sampling.whole, answers)
        return tf.cast(tf.stack([loss, model._compute_loss(x, y, answers, sample_weight, training=True)]), tf.float64)

    def mean(tensors: Any, *, training: bool) -> tf.Tensor:
        def add(start: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            end = tf.minimum(start + batch, len(numbers))
            found = losses_of(*keras.tree.map_structure(lambda tensor: tensor[start:end], tensors), training=training)
            return start + batch, total + found * tf.cast(end - start, tf.float64)

        start = (tf.constant(0), tf.zeros(2, tf.float64))
        return tf.while_loop(lambda at, _: at < len(numbers), add, start, parallel_iterations=1)[1] / len(numbers)

    def means(*tensors: Any) -> tuple[tf.Tensor, ...]:
        trained, as_judged = tensors[: len(rows.trained)], (*tensors[:2], *tensors[len(rows.trained) :])
        weighted = mean(trained, training=False)[0]
        plain = weighted if rows.training_weights is None else mean(as_judged, training=False)[0]
        return weighted, plain, *tf.unstack(mean(trained, training=True))

    execute = means if model.run_eagerly else tf.function(means, autograph=False)
    found = execute(*keras.tree.map_structure(lambda array: tf.constant(array[numbers]), arrays))
    return tuple(float(loss) for loss in found)


@contextmanager
def _untouched(model: keras.Model) -> Iterator[None]:
    """Put back what looking changes: batch statistics, the state of random layers, metrics."""
    trained = {id(variable) for variable in model.trainable_variables}
    changing = [v for v in (*model.variables, *model.metrics_variables) if id(v) not in trained]
    common = global_state.get_global_attribute("global_seed_generator")  # of random operations without a seed of their own
    changing += [common.state] if common else []
    kept = [np.array(variable) for variable in changing]
    try:
        yield
    finally:
        for variable, value in zip(changing, kept, strict=True):
            variable.assign(value)
