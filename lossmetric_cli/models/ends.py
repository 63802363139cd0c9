"""What every built-in model begins and ends with: its entrance, its dense layers, its head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from lossmetric_cli.sampling import SampledHead
from lossmetric_cli.task import Input, Scale, Task

layers = keras.layers


def entrance(task: Task, *, standardize: bool) -> tuple[Any, Any]:
    """Return the input, and the input standardised by the training rows where they are a table.

    The bytes of images become decimals from 0 to 1. Of a model with several inputs it is a dict of them, and what they
    hold side by side: (rows, columns).
    """
    if task.inputs is not None:
        inputs, parts = branches(task, standardize=standardize)
        columns = list(parts.values())
        return inputs, layers.Concatenate(name="side_by_side")(columns) if len(columns) > 1 else columns[0]
    inputs = keras.Input(task.input_shape, name="inputs", dtype=task.input_dtype)
    if task.input_dtype == "uint8":
        return inputs, layers.Rescaling(1 / 255, name="bytes")(inputs)
    return inputs, _standardized(inputs, task.scale if standardize else None, name="standardize")


def branches(task: Task, *, standardize: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return each of several inputs by name, and what it holds as columns: quantities, or the embedding of ids and words."""
    inputs = {name: keras.Input(one.shape, name=name, dtype=one.dtype) for name, one in task.inputs.items()}
    return inputs, {name: _columns(inputs[name], one, name, standardize) for name, one in task.inputs.items()}


def embedding_width(values: int) -> int:
    """Return how many columns so many different ids are embedded in: 1.6 n^0.56, at most 600 (the rule of fastai)."""
    return min(600, round(1.6 * values**0.56))


def mean_of_words(embedded: Any, tokens: Any, *, name: str) -> Any:
    """Return the mean of a text's word vectors, (rows, width), without the padding; of a text of no words 0, and no NaN.

    It is a model of its own in the model: one box by `name` in a picture of it.
    """
    vectors, numbers = keras.Input(embedded.shape[1:]), keras.Input(tokens.shape[1:], dtype=tokens.dtype)
    is_word = keras.ops.expand_dims(keras.ops.cast(keras.ops.not_equal(numbers, 0), vectors.dtype), -1)
    mean = keras.ops.sum(vectors * is_word, axis=1) / keras.ops.maximum(keras.ops.sum(is_word, axis=1), 1)
    return keras.Model([vectors, numbers], mean, name=name)([embedded, tokens])


def _columns(given: Any, one: Input, name: str, standardize: bool) -> Any:
    if one.dtype == "uint8":
        return flat(layers.Rescaling(1 / 255, name=f"bytes_{name}")(given))
    if not one.values:
        return flat(_standardized(given, one.scale if standardize else None, name=f"standardize_{name}"))
    embedded = layers.Embedding(one.values, embedding_width(one.values), name=f"embed_{name}")(given)
    return mean_of_words(embedded, given, name=f"mean_{name}") if one.shape else embedded


def _standardized(x: Any, scale: Scale | None, *, name: str) -> Any:
    if scale is None:
        return x
    return layers.Normalization(mean=scale.mean, variance=scale.deviation.astype("float64") ** 2, name=name)(x)


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
    if task.is_sampled and activation == "softmax":
        return SampledHead(task.units, kernel_regularizer=penalty, dtype="float32", name=f"{prefix}head")(x)
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
