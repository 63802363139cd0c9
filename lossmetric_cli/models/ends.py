"""What every built-in model begins and ends with: its entrance, its dense layers, its head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from lossmetric_cli.task import Task

layers = keras.layers


def entrance(task: Task, *, standardize: bool) -> tuple[Any, Any]:
    """Return the input, and the input standardised by the training rows where they are a table.

    The bytes of images become decimals from 0 to 1.
    """
    inputs = keras.Input(task.input_shape, name="inputs", dtype=task.input_dtype)
    if task.input_dtype == "uint8":
        return inputs, layers.Rescaling(1 / 255, name="bytes")(inputs)
    if task.scale is None or not standardize:
        return inputs, inputs
    variance = task.scale.deviation.astype("float64") ** 2
    return inputs, layers.Normalization(mean=task.scale.mean, variance=variance, name="standardize")(inputs)


def dense_layers(x: Any, units: Sequence[int], activation: str, dropout: float, batch_norm: bool, *, penalty: Any) -> Any:
    """Return `x` after a dense layer for each of `units`, with what comes after each."""
    for count in units:
        x = layers.Dense(count, kernel_regularizer=penalty)(x)
        x = layers.BatchNormalization()(x) if batch_norm else x
        x = layers.Activation(activation)(x)
        x = layers.Dropout(dropout)(x) if dropout else x
    return x


def ended(
    name: str, inputs: Any, x: Any, task: Task, output_activation: str, standardize: bool, *, penalty: Any
) -> keras.Model:
    """Return the model that ends in the task's head, or in one for each of its outputs."""
    if task.outputs is None:
        return keras.Model(inputs, head(x, task, output_activation, standardize, penalty=penalty), name=name)
    heads = {
        output: head(x, part, output_activation, standardize, penalty=penalty, name=output)
        for output, part in task.outputs.items()
    }
    return keras.Model(inputs, heads, name=name)


def head(x: Any, task: Task, output_activation: str, standardize: bool, *, penalty: Any, name: str = "") -> Any:
    """Return the head of a task, in float32 whatever the precision (a bfloat16 head loses the logits)."""
    activation = task.activation if output_activation == "auto" else output_activation
    prefix = f"{name}_" if name else ""
    if activation == "embedding":
        x = layers.Dense(task.units, kernel_regularizer=penalty, dtype="float32", name=f"{prefix}head")(x)
        return layers.UnitNormalization(dtype="float32")(x)
    x = layers.Dense(task.units, activation, kernel_regularizer=penalty, dtype="float32", name=f"{prefix}head")(x)
    if task.targets is not None and activation == "linear" and standardize:
        scale, offset = task.targets.deviation.tolist(), task.targets.mean.tolist()
        x = layers.Rescaling(scale, offset, dtype="float32", name=f"{prefix}target_units")(x)
    return x


def flat(x: Any) -> Any:
    """Return `x` (rows, …) as (rows, cells)."""
    return layers.Flatten()(x) if len(x.shape) > 2 else x


def penalty_of(l1: float, l2: float) -> keras.regularizers.Regularizer | None:
    """Return the penalty on a layer's weights, None where there is none."""
    return keras.regularizers.L1L2(l1=l1, l2=l2) if l1 or l2 else None
