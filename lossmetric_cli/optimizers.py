"""The optimizer of a config, its learning-rate schedule stretched over the run."""

from __future__ import annotations

from typing import Any

import keras

from lossmetric_cli.build import build


def build_optimizer(node: dict[str, Any], *, steps: int) -> keras.optimizers.Optimizer:
    """Return the optimizer of a node; `steps` are the steps of the whole run, a schedule's null length."""
    return build(_stretched(node, steps=steps), path="optimizer")


def replace_optimizer(model: keras.Model, node: dict[str, Any], *, rate: float) -> None:
    """Give a compiled model a fresh optimizer of a node, of this learning rate, for the variables that are trainable now.

    Keras would have it compiled again, which forgets nothing of what it is not told anew (3.15) and here would lose the
    loss taken apart.
    """
    where = "inner_optimizer" if node.get("inner_optimizer") else None
    changed = {**node, where: {**node[where], "learning_rate": rate}} if where else {**node, "learning_rate": rate}
    scaled = keras.optimizers.LossScaleOptimizer
    with model.distribute_strategy.scope():
        optimizer = build_optimizer(changed, steps=1)
        if isinstance(model.optimizer, scaled) and not isinstance(optimizer, scaled):
            optimizer = scaled(optimizer, name=model.optimizer.name)  # as compile does under mixed_float16
        optimizer.build(model.trainable_variables)
        model.optimizer = optimizer


def learning_rate(optimizer: keras.optimizers.Optimizer) -> float:
    """Return the learning rate that the optimizer's next step uses."""
    return float(keras.ops.convert_to_numpy(optimizer.learning_rate))


def _stretched(node: dict[str, Any], *, steps: int) -> dict[str, Any]:
    """Return the node with the lengths of its schedule filled in, those of an optimizer inside it as well.

    Keras counts a cosine's warm-up on top of its decay_steps. Restarts double in length (t_mul=2), so a seventh of the
    run is the first of three.
    """
    node = {key: _stretched(value, steps=steps) if isinstance(value, dict) else value for key, value in node.items()}
    lengths = {"decay_steps": max(1, steps - node.get("warmup_steps", 0)), "first_decay_steps": max(1, steps // 7)}
    return {**node, **{name: length for name, length in lengths.items() if name in node and node[name] is None}}
