"""A model as plain values: its layers, what each is connected to, shapes and parameters, for a table and a picture."""

from __future__ import annotations

import math
from typing import Any

import keras


def description(model: keras.Model) -> dict[str, Any]:
    """Return what a built model is made of.

    `name`, `parameters`, `trained` (of them), `is_graph` and `layers`, each a dict of `name`, `type`, `shape` (of its answer
    without the rows, a list of shapes for several, None where it is unknown), `parameters`, `trained`, `inputs` (names of
    layers) and, of a model within the model, its own `layers`. Where `is_graph` is false the layers are those of a
    subclass, in the order of its attributes, and nothing says what is connected to what.
    """
    inner = getattr(model, "_functional", None) or model
    by_depth = getattr(inner, "_nodes_by_depth", {})
    is_graph = bool(by_depth)
    parts = inner.operations if is_graph else model.layers
    nodes = {id(node) for some in by_depth.values() for node in some}
    return {
        "name": model.name,
        "parameters": _cells(model.weights),
        "trained": _cells(model.trainable_weights),
        "is_graph": is_graph,
        "layers": [_layer(part, nodes) for part in parts],
    }


def _layer(layer: Any, nodes: set[int]) -> dict[str, Any]:
    weights = getattr(layer, "weights", [])
    inbound = [node for node in layer._inbound_nodes if id(node) in nodes]
    sources = [tensor._keras_history.operation.name for node in inbound for tensor in node.input_tensors]
    found = {
        "name": layer.name,
        "type": type(layer).__name__,
        "shape": _shape(inbound),
        "parameters": _cells(weights),
        "trained": _cells(getattr(layer, "trainable_weights", [])),
        "inputs": list(dict.fromkeys(sources)),
    }
    return found | {"layers": description(layer)["layers"]} if isinstance(layer, keras.Model) else found


def _shape(inbound: list[Any]) -> list[Any] | None:
    if not inbound:
        return None
    shapes = [list(tensor.shape[1:]) for tensor in inbound[0].output_tensors]
    return shapes[0] if len(shapes) == 1 else shapes


def _cells(weights: Any) -> int:
    return sum(math.prod(weight.shape) for weight in weights)
