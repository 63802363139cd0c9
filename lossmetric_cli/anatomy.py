"""The loss taken apart: what the data costs, what the penalties cost, and how far validation rows scatter."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

#: Columns that stand beside `loss`, and their `val_` twins.
PARTS = ("data_loss", "regularization")
#: The column of the standard error of val_loss over the validation rows.
SCATTER = "loss_stderr"


def attach(model: keras.Model, loss: Any) -> list[str]:
    """Let `model`, a compiled one, log the parts of its loss, and return the names of the columns.

    `data_loss` is what the compiled loss says, `regularization` the weights' penalties. They sum to `loss`, but for what
    layers put in with `add_loss`, which has no column of its own. Keras' own log has the sum alone. A model with a
    `compute_loss` of its own is left alone, as is one without a compiled loss.
    """
    if loss is None or type(model).compute_loss is not keras.Model.compute_loss:
        return []
    anatomy = Anatomy(model, loss)
    model.compute_loss = anatomy.compute_loss
    model.loss_parts = list(anatomy.means.values())  # tracked by the model: reset and reported with its metrics
    if anatomy.scatter is None:
        return list(PARTS)
    model.loss_scatter = anatomy.scatter
    return [*PARTS, SCATTER]


class Anatomy:
    """Computes a model's loss as Keras does, and keeps the running means of its parts."""

    def __init__(self, model: keras.Model, loss: Any) -> None:
        self._model = model
        self._loss = loss
        self._total = model.compute_loss
        self.means = {name: keras.metrics.Mean(name=name) for name in PARTS}
        self.scatter = StandardError(name=SCATTER) if isinstance(loss, keras.losses.Loss) else None

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Return the loss of a batch, a scalar, as `keras.Model.compute_loss` does."""
        total = self._total(x, y, y_pred, sample_weight, training=training)
        # On several devices Keras divides every part by their number, so that the devices' losses add up to the loss.
        whole = total * tf.distribute.get_strategy().num_replicas_in_sync
        penalty = self._penalty()
        added = keras.ops.sum([keras.ops.sum(value) for value in self._model.losses]) - penalty if self._model.losses else 0.0
        rows = tf.shape(tf.nest.flatten(y_pred)[0])[0]
        self.means["data_loss"].update_state(whole - penalty - added, sample_weight=rows)
        self.means["regularization"].update_state(penalty, sample_weight=rows)
        if not training and self.scatter is not None and sample_weight is None:
            self.scatter.update_state(y, y_pred, loss=self._loss)
        return total

    def _penalty(self) -> Any:
        penalties = [v.regularizer(v) for v in self._model.trainable_variables if v.regularizer is not None]
        return keras.ops.sum(penalties) if penalties else 0.0


class StandardError(keras.metrics.Metric):
    """The standard error of a mean loss: the deviation of the rows' losses over the root of their number."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name)
        self.rows = self.add_variable((), "zeros", name="rows")
        self.sum = self.add_variable((), "zeros", name="sum")
        self.squares = self.add_variable((), "zeros", name="squares")

    def update_state(self, y_true: Any, y_pred: Any, loss: keras.losses.Loss) -> None:
        """Count a batch; a loss that gives one number for a whole batch, as Dice does, tells nothing of rows."""
        values = keras.ops.convert_to_tensor(loss.call(keras.ops.cast(y_true, y_pred.dtype), y_pred))
        if len(values.shape) == 0:
            return
        by_row = keras.ops.mean(keras.ops.reshape(values, (keras.ops.shape(values)[0], -1)), axis=1)
        self.rows.assign_add(keras.ops.cast(keras.ops.shape(by_row)[0], self.dtype))
        self.sum.assign_add(keras.ops.sum(by_row))
        self.squares.assign_add(keras.ops.sum(by_row**2))

    def result(self) -> Any:
        """Return the standard error, 0 before any row."""
        rows = keras.ops.maximum(self.rows, 1.0)
        variance = keras.ops.maximum(self.squares / rows - (self.sum / rows) ** 2, 0.0)
        return keras.ops.sqrt(variance / rows)
