"""Models of dense layers, and the user's own list of layers."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from lossmetric_cli.errors import ConfigError
from lossmetric_cli.models.ends import dense_layers, ended, entrance, flat, penalty_of
from lossmetric_cli.task import Task


def linear(
    *, task: Task, l1: float = 0.0, l2: float = 0.0, output_activation: str = "auto", standardize: bool = True
) -> keras.Model:
    """Return one dense layer from the inputs to the head: linear or logistic regression."""
    inputs, x = entrance(task, standardize=standardize)
    return ended("linear", inputs, flat(x), task, output_activation, standardize, penalty=penalty_of(l1, l2))


def mlp(
    *,
    task: Task,
    hidden: Sequence[int] = (64,),
    activation: str = "relu",
    dropout: float = 0.0,
    batch_norm: bool = False,
    l1: float = 0.0,
    l2: float = 0.0,
    output_activation: str = "auto",
    standardize: bool = True,
) -> keras.Model:
    """Return a multi-layer perceptron; `hidden` are the units of each layer before the head."""
    inputs, x = entrance(task, standardize=standardize)
    x = dense_layers(flat(x), hidden, activation, dropout, batch_norm, penalty=penalty_of(l1, l2))
    return ended("mlp", inputs, x, task, output_activation, standardize, penalty=penalty_of(l1, l2))


def sequential(
    *,
    task: Task,
    layers: Sequence[keras.layers.Layer],
    head: bool = True,
    output_activation: str = "auto",
    standardize: bool = True,
) -> keras.Model:
    """Return the listed Keras layers, one after the other, and then the task's head; `head=false` adds none."""
    inputs, x = entrance(task, standardize=standardize)
    if layers and isinstance(layers[0], keras.layers.Rescaling | keras.layers.Normalization):
        x = inputs  # scaled by that, and bytes not twice
    for layer in layers:
        x = layer(x)
    if not head and task.outputs:
        raise ConfigError(f"model.head=false, and {len(task.outputs)} outputs need a head each; type model.head=true")
    if not head:
        return keras.Model(inputs, x, name="sequential")
    return ended("sequential", inputs, flat(x), task, output_activation, standardize, penalty=None)
