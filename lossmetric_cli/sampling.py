"""A head of many classes, of which a loss looks at a few that are drawn while it trains."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import keras

from lossmetric_cli.errors import ConfigError

ops = keras.ops
#: How classes are drawn: by their number, as words that are sorted by how frequent they are, or all alike.
SAMPLERS = ("log_uniform", "uniform")


@dataclass(frozen=True)
class Draw:
    """What a head lays beside its probabilities while it trains: all that a loss of a few classes is computed from.

    `vectors` (rows, width) are the head's input, `kernel` (classes, width) and `bias` (classes,) its variables,
    `classes` (samples,) the numbers drawn, int64, no two alike, and `limit` what a class had to come below to be drawn.
    `sampler` is one of `SAMPLERS`.
    """

    vectors: Any
    kernel: Any
    bias: Any
    classes: Any
    limit: Any
    sampler: str

    @property
    def samples(self) -> int:
        """How many classes were drawn."""
        return self.classes.shape[0]

    def expected(self, numbers: Any) -> Any:
        """Return the chance that each of these classes is drawn below the limit, float32 of the shape of `numbers`.

        A sum over the drawn classes, each divided by it, has the sum over all classes for its mean (Cohen and Kaplan,
        Summarizing Data Using Bottom-k Sketches, 2007: rank conditioning).
        """
        return -ops.expm1(-self.limit * chances(ops.cast(numbers, "float32"), self.sampler, self.bias.shape[0]))


def chances(numbers: Any, sampler: str, classes: int) -> Any:
    """Return the weight in the draw of each of these class numbers (floats); of all classes they sum to 1.

    "log_uniform" is log((k + 2) / (k + 1)) / log(classes + 1), near Zipf's law, as `tf.random.log_uniform_candidate_sampler`.
    """
    if sampler == "uniform":
        return ops.full_like(numbers, 1 / classes)
    return ops.log1p(1 / (numbers + 1)) / math.log(classes + 1)


def draw(samples: int, sampler: str, classes: int, *, seed: Any) -> tuple[Any, Any]:
    """Return `samples` class numbers, int64 (samples,), no two alike, and the limit that they came below.

    Each class waits an exponential time, the shorter the larger its weight; the first ones are drawn, and the next one's
    time is the limit. `seed` is a SeedGenerator, `samples` below `classes`.
    """
    waits = -ops.log1p(-keras.random.uniform((classes,), dtype="float32", seed=seed))
    times = waits / chances(ops.arange(classes, dtype="float32"), sampler, classes)
    values, places = ops.top_k(-times, samples + 1)
    return ops.cast(places[:samples], "int64"), -values[samples]


@keras.saving.register_keras_serializable(package="lossmetric_cli")
class SampledHead(keras.layers.Layer):
    """A dense layer with softmax over `units` classes, whose kernel is (units, width): a row for each class.

    It answers with the probabilities of all classes. While it trains for a loss that samples, a `Draw` lies beside them,
    and as nothing else asks for the probabilities then, TensorFlow leaves them out of the graph.
    """

    activation = staticmethod(keras.activations.softmax)

    def __init__(self, units: int, *, kernel_regularizer: Any = None, **settings: Any) -> None:
        super().__init__(**settings)
        self.units = units
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.samples, self.sampler = 0, SAMPLERS[0]
        self.seed_generator = keras.random.SeedGenerator()
        self.supports_jit = False  # TensorFlow looks for the right class among the drawn ones by an operation of the CPU

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the kernel and the bias."""
        shape = (self.units, input_shape[-1])
        self.kernel = self.add_weight(shape=shape, regularizer=self.kernel_regularizer, name="kernel")
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return probabilities (rows, units) of inputs (rows, width)."""
        logits = ops.matmul(inputs, ops.transpose(self.kernel)) + self.bias
        answer = keras.activations.softmax(logits)
        if training and self.samples:
            drawn_now = draw(min(self.samples, self.units - 1), self.sampler, self.units, seed=self.seed_generator)
            answer.of_draw = Draw(inputs, self.kernel.value, self.bias.value, *drawn_now, self.sampler)
        return answer

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds this layer."""
        penalty = keras.regularizers.serialize(self.kernel_regularizer)
        return {**super().get_config(), "units": self.units, "kernel_regularizer": penalty}


def drawn(answer: Any) -> Draw | None:
    """Return the draw that lies beside a model's answer, None where it was not training for a loss that samples."""
    return getattr(answer, "of_draw", None)


def whole(answer: Any) -> Any:
    """Return an answer without its draw, so that losses and metrics read all its classes."""
    plain = ops.copy(answer)
    if hasattr(answer, "_keras_logits"):
        plain._keras_logits = answer._keras_logits  # where Keras finds the logits of a softmax (3.15)
    return plain


def set_up(model: keras.Model, output: Any) -> None:
    """Tell the head of an output how many classes its loss samples, and how.

    Raises ConfigError where the model does not end in a head that can be sampled.
    """
    head = _head_of(model, output.name)
    if not isinstance(head, SampledHead):
        ends = type(head).__name__ if head is not None else type(model).__name__
        raise ConfigError(
            f"model: {output.loss.name} samples the classes of a head, and this model ends in {ends}; "
            "type model=mlp, or end it in lossmetric_cli.models.SampledHead(task.units)"
        )
    head.samples, head.sampler = output.loss.samples, output.loss.sampler


def _head_of(model: keras.Model, output: str) -> Any:
    """Return the layer that an output comes from; of a subclass, which does not tell, the last that can be sampled."""
    outputs = getattr(model, "outputs", None)
    if not outputs:
        return next((layer for layer in reversed(model._flatten_layers()) if isinstance(layer, SampledHead)), None)
    structure = getattr(model, "_outputs_struct", None)
    tensor = structure[output] if output and isinstance(structure, dict) else outputs[0]
    operation, _, index = tensor._keras_history
    while isinstance(operation, keras.Model):
        operation, _, index = operation.outputs[index]._keras_history
    return operation


def as_dense(model: keras.Model) -> keras.Model:
    """Return a functional model with each sampled head as the dense layer that answers the same; others as they are."""
    if not any(isinstance(layer, SampledHead) for layer in model._flatten_layers()):
        return model
    copied = keras.models.clone_model(model, clone_function=_dense_of)
    twins = {layer.name: layer for layer in model._flatten_layers(include_self=False)}
    for layer in copied._flatten_layers(include_self=False):
        if not getattr(layer, "layers", None):
            layer.set_weights(dense_weights(twins[layer.name]))
    return copied


def dense_weights(layer: keras.layers.Layer) -> list[Any]:
    """Return a layer's weights, those of a sampled head as a dense layer keeps them: a kernel (width, units)."""
    weights = layer.get_weights()
    return [weights[0].T, weights[1]] if isinstance(layer, SampledHead) else weights


def set_dense_weights(layer: keras.layers.Layer, weights: list[Any]) -> None:
    """Give a layer its weights, a sampled head those of a dense layer."""
    layer.set_weights([weights[0].T, weights[1]] if isinstance(layer, SampledHead) else weights)


def _dense_of(layer: keras.layers.Layer) -> keras.layers.Layer:
    if not isinstance(layer, SampledHead):
        return layer.__class__.from_config(layer.get_config())
    penalty = layer.kernel_regularizer
    return keras.layers.Dense(layer.units, "softmax", kernel_regularizer=penalty, dtype="float32", name=layer.name)
