"""A model compiled with its losses and metrics, and what a saved one keeps of them."""

from __future__ import annotations

import inspect
from typing import Any

import keras

from lossmetric_cli import metrics
from lossmetric_cli.outputs import Output
from lossmetric_cli.spec import RunSpec


def compile_model(model: keras.Model, spec: RunSpec, outputs: list[Output], optimizer: Any) -> None:
    """Compile `model` with the loss and the metrics of its outputs, and build the optimizer's variables."""
    alone = outputs[0].name == ""
    compiled = {o.name: metrics.within_batches(o.metrics) for o in outputs}
    plain = {name: [m for m in measured if not metrics.is_weighted(m)] for name, measured in compiled.items()}
    weighted = {name: [m for m in measured if metrics.is_weighted(m)] for name, measured in compiled.items()}
    model.compile(
        optimizer=optimizer,
        loss=outputs[0].loss if alone else None,  # of several outputs anatomy adds the losses up
        metrics=plain[""] if alone else plain,
        weighted_metrics=weighted[""] if alone else weighted,
        run_eagerly=spec.run_eagerly,
        jit_compile="auto" if spec.jit_compile is None else spec.jit_compile,
        auto_scale_loss=spec.auto_scale_loss,
    )
    if model.built:  # else the train function is traced twice: a first time to make the optimizer's variables
        model.optimizer.build(model.trainable_variables)
    _keep_loadable(model, loss=outputs[0].loss if alone else None, optimizer=optimizer, measured=plain[outputs[0].name])


def _keep_loadable(model: keras.Model, *, loss: Any, optimizer: Any, measured: list[keras.metrics.Metric]) -> None:
    """Let saved models hold only what `keras.models.load_model` finds without lmrun's code and the user's own.

    Keras 3.15 refuses the whole file for one metric that it cannot find, and cannot write a partial function at all.
    """
    is_whole = _is_of_keras(optimizer)
    kept = {
        "optimizer": optimizer,
        "loss": loss if _is_of_keras(loss) else None,
        "metrics": [metric for metric in measured if _is_of_keras(metric) and _is_of_keras(getattr(metric, "_fn", metric))],
    }
    model.get_compile_config = lambda: keras.saving.serialize_keras_object(kept) if is_whole else {}


def _is_of_keras(part: Any) -> bool:
    home = part if inspect.isfunction(part) else type(part)
    return home.__module__.split(".")[0] == "keras"
