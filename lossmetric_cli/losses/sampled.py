"""The losses that look at a few of many classes while they train, and at all of them otherwise."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from lossmetric_cli.errors import ConfigError
from lossmetric_cli.sampling import SAMPLERS, Draw, drawn


class Sampled(keras.losses.Loss):
    """A loss of a few classes where a head has drawn them, and the cross-entropy of all classes where it has not.

    Args:
        samples: how many classes are drawn for a batch.
        sampler: "log_uniform", which draws low numbers most, for classes sorted by how frequent they are; or "uniform".
        reduction: as of every loss of Keras.

    Raises:
        ConfigError: no number of samples, an unknown sampler.
    """

    usual_name: str

    def __init__(
        self,
        *,
        samples: int = 64,
        sampler: str = "log_uniform",
        reduction: str = "sum_over_batch_size",
        dtype: Any = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name or self.usual_name, reduction=reduction, dtype=dtype)
        if isinstance(samples, bool) or not isinstance(samples, int) or samples < 1:
            raise ConfigError(f"loss.samples must be a whole number >= 1, got {samples}")
        if sampler not in SAMPLERS:
            raise ConfigError(f"loss.sampler must be log_uniform or uniform, got {sampler}")
        self.samples = samples
        self.sampler = sampler

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each row, (rows,), of class numbers (rows,) and probabilities (rows, classes)."""
        draw = drawn(y_pred)
        if draw is None:
            return keras.losses.sparse_categorical_crossentropy(y_true, y_pred)
        return self.of_draw(tf.cast(tf.reshape(y_true, (-1, 1)), tf.int64), draw)

    def of_draw(self, labels: Any, draw: Draw) -> Any:
        """Return the loss of each row over the drawn classes, (rows,); labels are int64 (rows, 1)."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds this loss."""
        return {**super().get_config(), "samples": self.samples, "sampler": self.sampler}


@keras.saving.register_keras_serializable(package="lossmetric_cli")
class SampledSoftmax(Sampled):
    """The cross-entropy of a softmax over the right class and a few drawn ones, each logit less the log of its chance.

    Jean, Cho, Memisevic and Bengio, On Using Very Large Target Vocabulary for Neural Machine Translation, 2015, section 3;
    `tf.nn.sampled_softmax_loss`. A drawn class that is a row's right one is left out of that row.
    """

    usual_name = "sampled_softmax"

    def of_draw(self, labels: Any, draw: Draw) -> Any:
        """Return the loss of each row, (rows,)."""
        return tf.nn.sampled_softmax_loss(**_given(labels, draw))


@keras.saving.register_keras_serializable(package="lossmetric_cli")
class Nce(Sampled):
    """Noise-contrastive estimation: the right class against drawn ones, a yes-or-no question each, added up over a row.

    Gutmann and Hyvärinen, Noise-Contrastive Estimation, 2010; Mnih and Teh, A Fast and Simple Algorithm for Training Neural
    Probabilistic Language Models, 2012; `tf.nn.nce_loss`.
    """

    usual_name = "nce"

    def of_draw(self, labels: Any, draw: Draw) -> Any:
        """Return the loss of each row, (rows,)."""
        return tf.nn.nce_loss(**_given(labels, draw))


def _given(labels: Any, draw: Draw) -> dict[str, Any]:
    """Return the arguments that both of TensorFlow's functions take."""
    return {
        "weights": draw.kernel,
        "biases": draw.bias,
        "labels": labels,
        "inputs": draw.vectors,
        "num_sampled": draw.samples,
        "num_classes": draw.bias.shape[0],
        "sampled_values": (draw.classes, draw.expected(labels), draw.expected(draw.classes)),
    }
