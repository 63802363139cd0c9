"""The loss taken apart: what the data costs, what the penalties cost, and how far validation rows scatter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lossmetric_cli.errors import ConfigError
from lossmetric_cli.outputs import Output, of

#: The column of the standard error of val_loss over the validation rows.
SCATTER = "loss_stderr"
#: The column of the loss as it were without class and sample weights.
UNWEIGHTED = "unweighted_loss"


def attach(model: keras.Model, outputs: list[Output], *, is_weighted: bool, adders: Sequence[str] = ()) -> Anatomy | None:
    """Let `model`, a compiled one, log the parts of its loss, and return what keeps them.

    `loss` = `data_loss` + `regularization` + what layers add, in every row: `data_loss` is what the losses of the outputs
    say, times their weights; `regularization` the weights' penalties; `<layer>_loss` what a layer of `adders` puts in with
    `add_loss`. Several outputs have a column each, `<output>_loss`, a mean over rows (Keras 3.15 takes the mean over
    batches, which a last batch of fewer rows spoils). Under class or sample weights `unweighted_loss` is `data_loss`
    without them. A model with a `compute_loss` of its own is left alone, as is one without a loss.
    """
    if any(output.loss is None for output in outputs) or type(model).compute_loss is not keras.Model.compute_loss:
        return None
    anatomy = Anatomy(model, outputs, is_weighted=is_weighted, adders=adders)
    model.compute_loss = anatomy.compute_loss
    was_locked = model._tracker.locked
    model._tracker.unlock()  # a subclass that was called takes no more parts (Keras 3.15)
    model.loss_parts = list(anatomy.means.values())  # tracked by the model: reset and reported with its metrics
    model.loss_scatter = anatomy.scatter
    if was_locked:
        model._tracker.lock()
    return anatomy


class Anatomy:
    """Computes a model's loss as Keras does, and keeps the means of its parts over rows."""

    def __init__(self, model: keras.Model, outputs: list[Output], *, is_weighted: bool, adders: Sequence[str]) -> None:
        self._model = model
        self._outputs = outputs
        self._adders = list(adders)
        each = [output.column("loss") for output in outputs if output.name]
        names = ["data_loss", "regularization", *each, *(f"{name}_loss" for name in adders)]
        for name in adders:
            if names.count(f"{name}_loss") > 1 or f"{name}_loss" in ("val_loss", UNWEIGHTED):
                why = f"would be the column {name}_loss, which the history has without it"
                raise ConfigError(f"model: what its layer {name} adds to the loss {why}; give the layer another name")
        self.means = {name: keras.metrics.Mean(name=name) for name in [*names, *([UNWEIGHTED] if is_weighted else [])]}
        self.scatter = StandardError(name=SCATTER)
        # Outside the model, since a variable that is its attribute would be one of its weights.
        is_alone = tf.distribute.get_strategy().num_replicas_in_sync == 1
        self._first_bad = tf.Variable(-1, dtype="int64", trainable=False) if is_alone else None

    @property
    def added(self) -> list[str]:
        """The columns of what layers put into the loss."""
        return [f"{name}_loss" for name in self._adders]

    @property
    def variables(self) -> list[tf.Variable]:
        """What is kept here and belongs to neither model nor optimizer."""
        return [] if self._first_bad is None else [self._first_bad]

    @property
    def first_bad_step(self) -> int | None:
        """The first training step, from 0, whose loss was no number; None where there is none, and on several devices."""
        step = -1 if self._first_bad is None else int(self._first_bad.numpy())
        return step if step >= 0 else None

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Return the loss of a batch, a scalar, as `keras.Model.compute_loss` does."""
        weighted = {o.name: self._value(o, y, y_pred, sample_weight) for o in self._outputs}
        data = self._sum(weighted)
        penalty, added = self._penalty(), self._added()
        figures = {"data_loss": data, "regularization": penalty}
        figures |= {o.column("loss"): weighted[o.name] for o in self._outputs if o.name}
        figures |= {f"{name}_loss": value for name, value in added.items()}
        if UNWEIGHTED in self.means:
            figures[UNWEIGHTED] = self._sum({o.name: self._value(o, y, y_pred, None) for o in self._outputs})
        rows = tf.shape(tf.nest.flatten(y)[0])[0]  # of y_pred it would keep a softmax in the graph that sampling leaves out
        for name, mean in self.means.items():
            mean.update_state(figures[name], sample_weight=rows)
        if not training:
            self.scatter.update_state(y, y_pred, outputs=self._outputs, sample_weight=sample_weight)
        others = [keras.ops.sum(value) for value in self._model.losses]
        total = keras.ops.sum([data, *others]) if others else data
        if training:
            self._watch(total)
        # On several devices every part is divided by their number, so that the devices' losses add up to the loss.
        return total / tf.distribute.get_strategy().num_replicas_in_sync

    def _watch(self, total: Any) -> None:
        """Note the step at which the loss stops being a number for the first time."""
        if self._first_bad is not None:
            step = tf.cast(self._model.optimizer.iterations, "int64")
            is_first = tf.logical_and(self._first_bad < 0, tf.logical_not(tf.math.is_finite(tf.cast(total, "float32"))))
            self._first_bad.assign(tf.where(is_first, step, self._first_bad))

    def _value(self, output: Output, y: Any, y_pred: Any, sample_weight: Any) -> Any:
        """Return the mean loss of an output over the rows of a batch, whatever the number of devices."""
        weight = None if sample_weight is None else of(sample_weight, output)
        labels, answer = of(y, output), of(y_pred, output)
        value, devices = output.loss(labels, answer, sample_weight=weight), tf.distribute.get_strategy().num_replicas_in_sync
        if devices == 1 or (weight is None and _is_one_number(output.loss, labels, answer)):
            return value
        return value * devices

    def _sum(self, values: dict[str, Any]) -> Any:
        if "" in values:
            return values[""]
        return keras.ops.sum([output.weight * values[output.name] for output in self._outputs])

    def _penalty(self) -> Any:
        penalties = [v.regularizer(v) for v in self._model.trainable_variables if v.regularizer is not None]
        return keras.ops.sum(penalties) if penalties else 0.0

    def _added(self) -> dict[str, Any]:
        layers = {layer.name: layer for layer in self._model._flatten_layers() if layer.name in self._adders}
        return {name: keras.ops.sum([keras.ops.sum(value) for value in layers[name]._losses]) for name in self._adders}


def broken_weights(model: keras.Model) -> str | None:
    """Return the path of weights that are no numbers any more, None where all of them are finite."""
    weights = [variable for variable in model.variables if variable.dtype.startswith(("float", "bfloat"))]
    return next((each.path for each in weights if not np.isfinite(np.asarray(each, dtype="float32")).all()), None)


def _is_one_number(loss: keras.losses.Loss, labels: Any, answer: Any) -> bool:
    """Return whether a loss gives one number for a batch, which Keras does not divide by the number of devices (3.15)."""
    values = keras.ops.convert_to_tensor(loss.call(keras.ops.cast(labels, answer.dtype), answer))
    return len(values.shape) == 0


def adders(model: keras.Model) -> list[str]:
    """Return the names of the layers that put something into the loss with `add_loss`, once the model was called."""
    return [layer.name for layer in model._flatten_layers() if layer._losses]


class StandardError(keras.metrics.Metric):
    """The standard error of a mean loss: the deviation of the rows' losses over the root of their number."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name)
        self.rows = self.add_variable((), "zeros", name="rows")
        self.sum = self.add_variable((), "zeros", name="sum")
        self.squares = self.add_variable((), "zeros", name="squares")

    def update_state(self, y_true: Any, y_pred: Any, outputs: list[Output], sample_weight: Any = None) -> None:
        """Count a batch; a loss that gives one number for a whole batch, as Dice does, tells nothing of rows."""
        by_row = 0.0
        for output in outputs:
            answer = of(y_pred, output)
            values = keras.ops.convert_to_tensor(output.loss.call(keras.ops.cast(of(y_true, output), answer.dtype), answer))
            if len(values.shape) == 0:
                return
            mean = keras.ops.mean(keras.ops.reshape(values, (keras.ops.shape(values)[0], -1)), axis=1)
            mean = mean if sample_weight is None else mean * keras.ops.cast(of(sample_weight, output), mean.dtype)
            by_row = by_row + output.weight * mean
        self.rows.assign_add(keras.ops.cast(keras.ops.shape(by_row)[0], self.dtype))
        self.sum.assign_add(keras.ops.sum(by_row))
        self.squares.assign_add(keras.ops.sum(by_row**2))

    def result(self) -> Any:
        """Return the standard error, 0 before any row."""
        rows = keras.ops.maximum(self.rows, 1.0)
        variance = keras.ops.maximum(self.squares / rows - (self.sum / rows) ** 2, 0.0)
        return keras.ops.sqrt(variance / rows)
