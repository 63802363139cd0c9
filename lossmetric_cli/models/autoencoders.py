"""Models that answer with their own input."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras

from lossmetric_cli.errors import ConfigError
from lossmetric_cli.models.ends import dense_layers, ended, entrance, flat, penalty_of
from lossmetric_cli.task import Task


def autoencoder(
    *,
    task: Task,
    hidden: Sequence[int] = (64,),
    code: int = 8,
    activation: str = "relu",
    dropout: float = 0.0,
    batch_norm: bool = False,
    l1: float = 0.0,
    l2: float = 0.0,
    output_activation: str = "auto",
    standardize: bool = True,
) -> keras.Model:
    """Return dense layers that narrow to a linear layer `code` and widen again, `hidden` in reverse, to the input's cells.

    Of Hinton and Salakhutdinov, "Reducing the dimensionality of data with neural networks" (2006). Without `hidden` its
    best code under a squared error spans that of a principal component analysis (Baldi and Hornik, 1989).
    """
    cells = math.prod(task.input_shape)
    if task.kind != "regression" or task.units != cells:
        told = f"model=autoencoder answers with its own input, {cells} cells, and the target here is another"
        raise ConfigError(f"{told}; type task=reconstruction")
    inputs, x = entrance(task, standardize=standardize)
    given = (activation, dropout, batch_norm)
    x = dense_layers(flat(x), hidden, *given, penalty=penalty_of(l1, l2))
    x = keras.layers.Dense(code, kernel_regularizer=penalty_of(l1, l2), name="code")(x)
    x = dense_layers(x, list(reversed(hidden)), *given, penalty=penalty_of(l1, l2))
    return ended("autoencoder", inputs, x, task, output_activation, standardize, penalty=penalty_of(l1, l2))
