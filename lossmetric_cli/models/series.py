"""Models of series: what slides over the steps, remembers them, or looks at all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from lossmetric_cli.errors import ConfigError
from lossmetric_cli.models.ends import embedding_width, ended, entrance, penalty_of
from lossmetric_cli.task import Task

layers = keras.layers


def fcn(
    *,
    task: Task,
    filters: Sequence[int] = (128, 256, 128),
    kernel_sizes: Sequence[int] = (8, 5, 3),
    dropout: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
    output_activation: str = "auto",
    standardize: bool = True,
) -> keras.Model:
    """Return a fully convolutional network: convolution, batch normalisation and relu for each of `filters`, then the mean.

    Of Wang, Yan and Oates, "Time series classification from scratch with deep neural networks" (2017), figure 1b; the mean
    over the steps is its global average pooling. `dropout`, which the paper has not, comes before the head.
    """
    if len(filters) != len(kernel_sizes):
        told = f"{len(filters)} filters and {len(kernel_sizes)} kernel_sizes"
        raise ConfigError(f"model.filters and model.kernel_sizes must be as many, got {told}; give each block both")
    inputs, x = series_entrance(task, "fcn", standardize=standardize)
    for count, size in zip(filters, kernel_sizes, strict=True):
        x = layers.Conv1D(count, size, padding="same", kernel_regularizer=penalty_of(l1, l2))(x)
        x = layers.Activation("relu")(layers.BatchNormalization()(x))
    x = dropped(layers.GlobalAveragePooling1D()(x), dropout)
    return ended("fcn", inputs, x, task, output_activation, standardize, penalty=penalty_of(l1, l2))


def lstm(
    *,
    task: Task,
    units: Sequence[int] = (32,),
    bidirectional: bool = False,
    dropout: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
    output_activation: str = "auto",
    standardize: bool = True,
) -> keras.Model:
    """Return long short-term memory (Hochreiter and Schmidhuber, 1997), a layer for each of `units`; the last state answers.

    `bidirectional` reads the steps from both ends. `dropout` comes after each layer, not inside its recurrence, and the
    activations stay Keras' own: with others the layer leaves cuDNN's kernel (Keras 3.15).
    """
    inputs, x = series_entrance(task, "lstm", standardize=standardize)
    x = recurrent(layers.LSTM, x, units, bidirectional=bidirectional, dropout=dropout, penalty=penalty_of(l1, l2))
    return ended("lstm", inputs, x, task, output_activation, standardize, penalty=penalty_of(l1, l2))


def gru(
    *,
    task: Task,
    units: Sequence[int] = (32,),
    bidirectional: bool = False,
    dropout: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
    output_activation: str = "auto",
    standardize: bool = True,
) -> keras.Model:
    """Return gated recurrent units (Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014).

    Layers, ends and dropout are those of `lstm`.
    """
    inputs, x = series_entrance(task, "gru", standardize=standardize)
    x = recurrent(layers.GRU, x, units, bidirectional=bidirectional, dropout=dropout, penalty=penalty_of(l1, l2))
    return ended("gru", inputs, x, task, output_activation, standardize, penalty=penalty_of(l1, l2))


def transformer(
    *,
    task: Task,
    blocks: int = 2,
    heads: int = 4,
    width: int = 32,
    feed_forward: int = 64,
    dropout: float = 0.1,
    l1: float = 0.0,
    l2: float = 0.0,
    output_activation: str = "auto",
    standardize: bool = True,
) -> keras.Model:
    """Return an encoder of `blocks` of self-attention and dense layers, whose mean over the steps answers.

    Of Vaswani et al., "Attention is all you need" (2017), section 3.1, with the normalisation before each part (Xiong et
    al., "On layer normalization in the transformer architecture", 2020) and learnt positions, which are the bias of the
    projection to `width`: one vector a step.
    """
    if width % heads:
        raise ConfigError(
            f"model.width must be a multiple of model.heads, got {width} and {heads}; type model.width={heads * 8}"
        )
    inputs, x = series_entrance(task, "transformer", standardize=standardize)
    x = layers.EinsumDense("bsc,cw->bsw", (x.shape[1], width), bias_axes="sw", name="project_with_positions")(x)
    for _ in range(blocks):
        x = encoder_block(x, heads=heads, width=width, feed_forward=feed_forward, dropout=dropout, penalty=penalty_of(l1, l2))
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x))
    return ended("transformer", inputs, x, task, output_activation, standardize, penalty=penalty_of(l1, l2))


def series_entrance(task: Task, name: str, *, standardize: bool) -> tuple[Any, Any]:
    """Return the entrance of a model of series, or of a text, whose words are embedded; raise ConfigError for other rows.

    The padding after a text's end is masked from layers that remember; those that slide over it see one more word.
    """
    only = next(iter(task.inputs.items())) if len(task.inputs or {}) == 1 else None
    if only and only[1].values and len(only[1].shape) == 1:
        inputs = keras.Input(only[1].shape, name=only[0], dtype=only[1].dtype)
        width = embedding_width(only[1].values)
        is_masked = name in ("lstm", "gru")
        return {only[0]: inputs}, layers.Embedding(only[1].values, width, mask_zero=is_masked, name=f"embed_{only[0]}")(inputs)
    if len(task.input_shape) != 2:
        told = f"model={name} needs series (steps, channels), and a row here is {task.row}"
        raise ConfigError(f"{told}; type model={'cnn' if len(task.input_shape) == 3 else 'mlp'}")
    return entrance(task, standardize=standardize)


def recurrent(kind: Any, x: Any, units: Sequence[int], *, bidirectional: bool, dropout: float, penalty: Any) -> Any:
    """Return `x` after a recurrent layer for each of `units`; all but the last hand on every step."""
    if not units:
        raise ConfigError("model.units must name a layer at least; type model.units=[32]")
    for number, count in enumerate(units, start=1):
        layer = kind(count, return_sequences=number < len(units), kernel_regularizer=penalty)
        x = (layers.Bidirectional(layer) if bidirectional else layer)(x)
        x = dropped(x, dropout)
    return x


def encoder_block(x: Any, *, heads: int, width: int, feed_forward: int, dropout: float, penalty: Any) -> Any:
    """Return `x` plus what self-attention makes of it, plus what two dense layers make of that."""
    seen = layers.LayerNormalization()(x)
    seen = layers.MultiHeadAttention(heads, width // heads, dropout=dropout, kernel_regularizer=penalty)(seen, seen)
    x = layers.Add()([x, dropped(seen, dropout)])
    thought = layers.Dense(feed_forward, "relu", kernel_regularizer=penalty)(layers.LayerNormalization()(x))
    thought = layers.Dense(width, kernel_regularizer=penalty)(thought)
    return layers.Add()([x, dropped(thought, dropout)])


def dropped(x: Any, rate: float) -> Any:
    """Return `x` after dropout, or as it is where the rate is 0."""
    return layers.Dropout(rate)(x) if rate else x
