"""Models of images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from lossmetric_cli.errors import ConfigError
from lossmetric_cli.models.augment import augmented
from lossmetric_cli.models.ends import dense_layers, ended, entrance, penalty_of
from lossmetric_cli.task import Task

layers = keras.layers


def cnn(
    *,
    task: Task,
    filters: Sequence[int] = (16, 32),
    kernel_size: int = 3,
    hidden: Sequence[int] = (64,),
    activation: str = "relu",
    dropout: float = 0.0,
    batch_norm: bool = False,
    l1: float = 0.0,
    l2: float = 0.0,
    augment: Sequence[Any] = (),
    output_activation: str = "auto",
    run_seed: int = 0,
) -> keras.Model:
    """Return a convolutional network for images (height, width, channels).

    A convolution of "same" padding and a 2x2 max-pooling for each of `filters`, then dense layers. `augment` are layers
    that change the images while training, see `augment.augmented`.
    """
    if len(task.input_shape) != 3:
        raise ConfigError(f"model=cnn needs images (height, width, channels), and a row here is {task.row}; type model=mlp")
    inputs, x = entrance(task, standardize=False)
    x = augmented(x, augment, seed=run_seed, value_range=(0.0, 1.0) if task.input_dtype == "uint8" else None)
    for count in filters:
        x = layers.Conv2D(count, kernel_size, padding="same", kernel_regularizer=penalty_of(l1, l2))(x)
        x = layers.BatchNormalization()(x) if batch_norm else x
        x = layers.MaxPooling2D(padding="same")(layers.Activation(activation)(x))
    x = dense_layers(layers.Flatten()(x), hidden, activation, dropout, batch_norm=False, penalty=penalty_of(l1, l2))
    return ended("cnn", inputs, x, task, output_activation, standardize=True, penalty=penalty_of(l1, l2))
