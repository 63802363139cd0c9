"""The optimizer of a config, its learning-rate schedule stretched over the run."""

from __future__ import annotations

from typing import Any

import keras

from lossmetric_cli.build import build


def build_optimizer(node: dict[str, Any], *, steps: int) -> keras.optimizers.Optimizer:
    """Return the optimizer of a node; `steps` are the steps of the whole run, a schedule's null length."""
    return build(_stretched(node, steps=steps), path="optimizer")


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
