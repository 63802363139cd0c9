"""Models that learn how their inputs come about: the variational autoencoder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras

from lossmetric_cli.errors import ConfigError
from lossmetric_cli.models.ends import dense_layers, entrance, flat, head, penalty_of
from lossmetric_cli.task import Task

layers = keras.layers


@keras.saving.register_keras_serializable(package="lossmetric_cli")
class Sampling(layers.Layer):
    """Draws a code from a normal distribution for each row, and adds what it costs to the loss.

    Its inputs are the means and the logarithms of the variances, (rows, latent) each. In training it returns
    mean + deviation * noise, in inference the mean. To the loss it adds `beta` times the mean over rows of

        KL = -1/2 sum(1 + log variance - mean^2 - variance)

    the divergence from the standard normal distribution (Kingma and Welling, 2014, appendix B); `kl` is that mean without
    beta. Over the first `beta_steps` training steps beta grows from 0 in a straight line.
    """

    def __init__(self, beta: float = 1.0, beta_steps: int = 0, **known: Any) -> None:
        super().__init__(**known)
        self.beta = beta
        self.beta_steps = beta_steps
        self.noise = keras.random.SeedGenerator()
        self.divergence = keras.metrics.Mean(name="kl")
        counts = beta_steps > 0
        self.steps = self.add_weight(shape=(), initializer="zeros", trainable=False, name="steps") if counts else None

    def call(self, mean: Any, log_variance: Any, training: bool = False) -> Any:
        """Return codes, (rows, latent)."""
        ops = keras.ops
        wide_mean, wide_log = ops.cast(mean, "float32"), ops.cast(log_variance, "float32")
        divergence = -0.5 * ops.sum(1 + wide_log - ops.square(wide_mean) - ops.exp(wide_log), axis=1)
        self.divergence.update_state(divergence)
        grown = ops.minimum(self.steps / self.beta_steps, 1.0) if self.beta_steps else 1.0
        self.add_loss(self.beta * grown * ops.mean(divergence))
        if not training:
            return mean
        if self.steps is not None:
            self.steps.assign_add(1.0)
        noise = keras.random.normal(ops.shape(mean), seed=self.noise, dtype=mean.dtype)
        return mean + ops.exp(0.5 * log_variance) * noise

    def get_config(self) -> dict[str, Any]:
        """Return what makes the layer again."""
        return {**super().get_config(), "beta": self.beta, "beta_steps": self.beta_steps}


def vae(
    *,
    task: Task,
    hidden: Sequence[int] = (64,),
    latent: int = 2,
    beta: float = 1.0,
    beta_steps: int = 0,
    activation: str = "relu",
    l2: float = 0.0,
    output_activation: str = "auto",
    standardize: bool = True,
) -> keras.Model:
    """Return a variational autoencoder (Kingma and Welling, 2014) of dense layers: `hidden`, a code, `hidden` in reverse.

    The answer that is the input itself is decoded from the code, and any others are read off the code by a head each. Its
    loss is theirs plus `kl_loss`, which is beta times the divergence (see `Sampling`). A loss that is a mean over cells
    weighs it by the number of cells against the sum over them that the paper has: beta = 1 there is 1 / cells here.
    """
    cells = math.prod(task.input_shape)
    itself = _reconstruction(task, cells)
    inputs, x = entrance(task, standardize=standardize)
    penalty = penalty_of(0.0, l2)
    x = dense_layers(flat(x), hidden, activation, 0.0, batch_norm=False, penalty=penalty)
    mean = layers.Dense(latent, kernel_regularizer=penalty, name="mean")(x)
    log_variance = layers.Dense(latent, kernel_regularizer=penalty, name="log_variance", kernel_initializer="zeros")(x)
    code = Sampling(beta, beta_steps, name="kl")(mean, log_variance)
    given = keras.Input((latent,), name="code")
    decoded = dense_layers(given, list(reversed(hidden)), activation, 0.0, batch_norm=False, penalty=penalty)
    heads = {
        name: head(decoded if name == itself else given, part, output_activation, standardize, penalty=penalty, name=name)
        for name, part in (task.outputs or {"": task}).items()
    }
    decoder = keras.Model(given, heads if task.outputs else heads[""], name="decoder")
    model = keras.Model(inputs, decoder(code), name="vae")
    answering = keras.Model(inputs, decoder(mean), name="vae")
    model.answering = lambda: answering  # in a function, since a model that is an attribute would be one of its layers
    return model


def _reconstruction(task: Task, cells: int) -> str:
    """Return the name of the answer that is the input itself; raise ConfigError where there is none."""
    fitting = [name for name, part in (task.outputs or {"": task}).items() if part.kind == "regression" and part.units == cells]
    if not fitting:
        told = f"model=vae answers with its own input, {cells} cells, and no target here is that"
        raise ConfigError(f"{told}; type task=reconstruction, or outputs.NAME.target=input")
    return fitting[0]
