"""The built-in models: their head follows the task, their table inputs are standardised inside the model."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import keras

from lossmetric_cli.errors import ConfigError
from lossmetric_cli.task import Task

layers = keras.layers
#: Layers that work in training and rest, or work otherwise, in inference.
_TWO_FACED = (
    *("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout", "GaussianDropout"),
    *("GaussianNoise", "BatchNormalization", "RandomFlip", "RandomRotation", "RandomZoom", "RandomCrop", "RandomContrast"),
    *("RandomBrightness", "RandomTranslation", "RandomErasing", "MixUp", "CutMix", "RandAugment", "AugMix"),
)
#: Layers that move, scale or drop cells and apply no activation.
_MOVERS = (layers.Rescaling, layers.Reshape, layers.Flatten, layers.Dropout, layers.Permute, layers.Identity)


def linear(
    *, task: Task, l1: float = 0.0, l2: float = 0.0, output_activation: str = "auto", standardize: bool = True
) -> keras.Model:
    """Return one dense layer from the inputs to the head: linear or logistic regression."""
    inputs, x = _entrance(task, standardize=standardize)
    return _model("linear", inputs, _flat(x), task, output_activation, standardize, penalty=_penalty(l1, l2))


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
    inputs, x = _entrance(task, standardize=standardize)
    x = _dense_layers(_flat(x), hidden, activation, dropout, batch_norm, penalty=_penalty(l1, l2))
    return _model("mlp", inputs, x, task, output_activation, standardize, penalty=_penalty(l1, l2))


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
    output_activation: str = "auto",
) -> keras.Model:
    """Return a convolutional network for images (height, width, channels).

    A convolution of "same" padding and a 2x2 max-pooling for each of `filters`, then dense layers.
    """
    if len(task.input_shape) != 3:
        raise ConfigError(
            f"model=cnn needs images (height, width, channels), and a row here is {task.input_shape}; type model=mlp"
        )
    inputs, x = _entrance(task, standardize=False)
    for count in filters:
        x = layers.Conv2D(count, kernel_size, padding="same", kernel_regularizer=_penalty(l1, l2))(x)
        x = layers.BatchNormalization()(x) if batch_norm else x
        x = layers.MaxPooling2D(padding="same")(layers.Activation(activation)(x))
    x = _dense_layers(layers.Flatten()(x), hidden, activation, dropout, batch_norm=False, penalty=_penalty(l1, l2))
    return _model("cnn", inputs, x, task, output_activation, standardize=False, penalty=_penalty(l1, l2))


def sequential(
    *,
    task: Task,
    layers: Sequence[keras.layers.Layer],
    head: bool = True,
    output_activation: str = "auto",
    standardize: bool = True,
) -> keras.Model:
    """Return the listed Keras layers, one after the other, and then the task's head; `head=false` adds none."""
    inputs, x = _entrance(task, standardize=standardize)
    for layer in layers:
        x = layer(x)
    if not head and task.outputs:
        raise ConfigError(f"model.head=false, and {len(task.outputs)} outputs need a head each; type model.head=true")
    if not head:
        return keras.Model(inputs, x, name="sequential")
    return _model("sequential", inputs, _flat(x), task, output_activation, standardize, penalty=None)


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
        if type(layer).__name__ in _TWO_FACED:
            rate = getattr(layer, "rate", None)
            found[type(layer).__name__ + (f"({rate:g})" if isinstance(rate, float) else "")] += 1
    return [f"{name} ×{count}" for name, count in found.items()]


def trained_parameters(model: keras.Model) -> int:
    """Return the number of cells of all weights that training moves."""
    return sum(math.prod(variable.shape) for variable in model.trainable_variables)


def _entrance(task: Task, *, standardize: bool) -> tuple[Any, Any]:
    """Return the input, and the input standardised by the training rows where they are a table."""
    inputs = keras.Input(task.input_shape, name="inputs")
    if task.inputs is None or not standardize:
        return inputs, inputs
    variance = task.inputs.deviation.astype("float64") ** 2
    return inputs, layers.Normalization(mean=task.inputs.mean, variance=variance, name="standardize")(inputs)


def _dense_layers(x: Any, units: Sequence[int], activation: str, dropout: float, batch_norm: bool, *, penalty: Any) -> Any:
    for count in units:
        x = layers.Dense(count, kernel_regularizer=penalty)(x)
        x = layers.BatchNormalization()(x) if batch_norm else x
        x = layers.Activation(activation)(x)
        x = layers.Dropout(dropout)(x) if dropout else x
    return x


def _model(
    name: str, inputs: Any, x: Any, task: Task, output_activation: str, standardize: bool, *, penalty: Any
) -> keras.Model:
    """Return the model that ends in the task's head, or in one for each of its outputs."""
    if task.outputs is None:
        return keras.Model(inputs, _head(x, task, output_activation, standardize, penalty=penalty), name=name)
    heads = {
        output: _head(x, part, output_activation, standardize, penalty=penalty, name=output)
        for output, part in task.outputs.items()
    }
    return keras.Model(inputs, heads, name=name)


def _head(x: Any, task: Task, output_activation: str, standardize: bool, *, penalty: Any, name: str = "") -> Any:
    """Return the head of a task, in float32 whatever the precision (a bfloat16 head loses the logits)."""
    activation = task.activation if output_activation == "auto" else output_activation
    prefix = f"{name}_" if name else ""
    if activation == "embedding":
        x = layers.Dense(task.units, kernel_regularizer=penalty, dtype="float32", name=f"{prefix}head")(x)
        return layers.UnitNormalization(dtype="float32")(x)
    x = layers.Dense(task.units, activation, kernel_regularizer=penalty, dtype="float32", name=f"{prefix}head")(x)
    if task.targets is not None and activation == "linear" and standardize:
        scale, offset = task.targets.deviation.tolist(), task.targets.mean.tolist()
        x = layers.Rescaling(scale, offset, dtype="float32", name=f"{prefix}target_units")(x)
    return x


def _flat(x: Any) -> Any:
    return layers.Flatten()(x) if len(x.shape) > 2 else x


def _penalty(l1: float, l2: float) -> keras.regularizers.Regularizer | None:
    return keras.regularizers.L1L2(l1=l1, l2=l2) if l1 or l2 else None
