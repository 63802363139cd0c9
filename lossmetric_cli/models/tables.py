"""Models of tables with categories: wide and deep, and two towers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from lossmetric_cli.errors import ConfigError
from lossmetric_cli.models.ends import branches, dense_layers, ended, entrance, penalty_of
from lossmetric_cli.task import Task

layers = keras.layers


def wide_deep(
    *,
    task: Task,
    hidden: Sequence[int] = (64, 32),
    activation: str = "relu",
    dropout: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
    output_activation: str = "auto",
    standardize: bool = True,
) -> keras.Model:
    """Return a wide and deep network (Cheng et al., 2016): the head sees the columns themselves and what layers make of them.

    A head of both side by side is the sum of a linear model and a deep one.
    """
    if task.inputs is None and len(task.input_shape) != 1:
        raise ConfigError(f"model=wide_deep is for tables, and a row here is {task.row}; type model=mlp or model=cnn")
    inputs, wide = entrance(task, standardize=standardize)
    deep = dense_layers(wide, hidden, activation, dropout, batch_norm=False, penalty=penalty_of(l1, l2))
    both = layers.Concatenate(name="wide_and_deep")([wide, deep])
    return ended("wide_deep", inputs, both, task, output_activation, standardize, penalty=penalty_of(l1, l2))


def two_tower(
    *,
    task: Task,
    left: Sequence[str] | None = None,
    right: Sequence[str] | None = None,
    width: int = 32,
    hidden: Sequence[int] = (),
    activation: str = "relu",
    dropout: float = 0.0,
    l2: float = 0.0,
    output_activation: str = "auto",
    standardize: bool = True,
) -> keras.Model:
    """Return two networks that each make a vector of `width`; the head sees their dot product, and a bias of either side.

    `left` and `right` are the inputs of each, by name; without them the model has two inputs, the first one left.

    Raises ConfigError for a model with one input, and where the sides are not clear.
    """
    names = list(task.inputs or {})
    sides = _sides(names, left, right)
    inputs, parts = branches(task, standardize=standardize)
    towers, biases = [], []
    for side, members in zip(("left", "right"), sides, strict=True):
        columns = [parts[name] for name in members]
        x = layers.Concatenate(name=side)(columns) if len(columns) > 1 else columns[0]
        x = dense_layers(x, hidden, activation, dropout, batch_norm=False, penalty=penalty_of(0.0, l2))
        towers.append(layers.Dense(width, use_bias=False, kernel_regularizer=penalty_of(0.0, l2), name=f"{side}_vector")(x))
        biases.append(layers.Dense(1, name=f"{side}_bias")(x))
    product = layers.Dot(axes=1, name="dot_product")(towers)
    x = layers.Concatenate(name="product_and_biases")([product, *biases])
    return ended("two_tower", inputs, x, task, output_activation, standardize, penalty=None)


def _sides(names: list[str], left: Sequence[str] | None, right: Sequence[str] | None) -> tuple[Any, Any]:
    """Return the inputs of each side."""
    if len(names) < 2:
        raise ConfigError(
            "model=two_tower needs two inputs, and the data has one; type 'data.inputs={left:[COLUMN],right:[COLUMN]}'"
        )
    if left is None and right is None and len(names) == 2:
        return names[:1], names[1:]
    left, right = list(left or []), list(right or [])
    if not left or not right or sorted([*left, *right]) != sorted(names):
        told = ", ".join(names)
        raise ConfigError(
            f"model.left and model.right must share out the inputs ({told}); type model.left=[{names[0]}] model.right=…"
        )
    return left, right
