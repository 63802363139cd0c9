"""What can be read off a model: its last activation, what works in training alone, its parameters."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import keras

layers = keras.layers
#: Layers that work in training and rest, or work otherwise, in inference.
_TWO_FACED = (
    *("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout", "GaussianDropout"),
    *("GaussianNoise", "BatchNormalization", "MixUp", "CutMix", "RandAugment", "AugMix", "Sampling"),
)
#: Layers that move, scale or drop cells and apply no activation.
_MOVERS = (layers.Rescaling, layers.Reshape, layers.Flatten, layers.Dropout, layers.Permute, layers.Identity)


def last_activation(model: keras.Model, output: str = "") -> str | None:
    """Return the name of a model's last activation, of one of several outputs; None where its layers do not tell.

    The layers of a subclass stand in the order of its attributes, which is no order of computing.
    """
    outputs = getattr(model, "outputs", None)
    if not outputs:
        return None
    structure = getattr(model, "_outputs_struct", None)
    tensor = structure[output] if output and isinstance(structure, dict) else outputs[0]
    return _activation_of(tensor)


def _activation_of(tensor: Any) -> str | None:
    """Return the activation that a symbolic tensor left, looked for through layers that only move its cells."""
    operation, node, index = tensor._keras_history
    if isinstance(operation, keras.Model):
        return _activation_of(operation.outputs[index])
    activation = getattr(getattr(operation, "activation", None), "__name__", None)
    is_idle = isinstance(operation, layers.Activation) and activation == "linear"
    if isinstance(operation, _MOVERS) or is_idle:
        return _activation_of(operation._inbound_nodes[node].input_tensors[0])
    known = {"Softmax": "softmax", "Sigmoid": "sigmoid", "ReLU": "relu"}  # as layers and as operations of keras.ops
    return activation or known.get(type(operation).__name__)


def two_faced(model: keras.Model) -> list[str]:
    """Return the layers that work otherwise in training than in inference, with their rates: `Dropout(0.5) ×2`."""
    found: Counter[str] = Counter()
    for layer in model._flatten_layers():
        name = type(layer).__name__
        is_at_rest = name == "BatchNormalization" and not layer.trainable  # then it keeps to its moving statistics
        if (name in _TWO_FACED or name.startswith("Random")) and not is_at_rest:
            rate = getattr(layer, "rate", None)
            found[name + (f"({rate:g})" if isinstance(rate, float) else "")] += 1
    return [f"{name} ×{count}" for name, count in found.items()]


def trained_parameters(model: keras.Model) -> int:
    """Return the number of cells of all weights that training moves."""
    return sum(math.prod(variable.shape) for variable in model.trainable_variables)


def frozen_parameters(model: keras.Model) -> int:
    """Return the number of cells of the weights of layers that are kept from training."""
    held = {id(v): v for layer in model._flatten_layers() if not layer.trainable for v in layer.variables}
    return sum(math.prod(variable.shape) for variable in held.values() if variable.dtype != "uint32")
