"""The model that leaves a run: it takes raw rows, and holds all that it needs to answer them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np

from lossmetric_cli import sampling, store
from lossmetric_cli.errors import ConfigError, LmrunError

#: The model of a run, in its folder.
FILE = "model.keras"


def save(network: keras.Model, encoder: Any, folder: Path) -> str | None:
    """Write `model.keras` into a run's folder, without the optimizer's state; return why it cannot be, or None.

    Where the run read a table, the model takes a dict of its raw columns, (rows,) each, and holds their encoding.
    """
    try:
        with warnings.catch_warnings(), store.through(folder / FILE) as unfinished:
            warnings.simplefilter("ignore")  # of layers of the user's own that Keras cannot vouch for; the file is the user's
            deployable(network, encoder).save(unfinished)
    except LmrunError:  # the disk's fault, as with every file of a run
        raise
    except Exception as error:  # whatever the user's own layers raise: the run itself is whole
        return f"{FILE} was not written: {type(error).__name__}: {' '.join(str(error).split())[:160]}"
    return None


def deployable(network: keras.Model, encoder: Any = None) -> keras.Model:
    """Return a model of the network's weights that takes raw rows and is not compiled; a subclass without a table as it is.

    A network with a part that only training needs has another without it, which its `answering` returns; a head that a
    loss samples becomes the dense layer that it is without that loss.
    """
    network = getattr(network, "answering", lambda: network)()
    network = sampling.as_dense(network) if hasattr(network, "_outputs_struct") else network
    if encoder is not None:
        encoded = encoder.model.output
        read = encoded if isinstance(network.input, dict) else encoded["numbers"]
        return keras.Model(encoder.model.input, network(read), name=network.name)
    if not isinstance(network, keras.Sequential) and hasattr(network, "_outputs_struct"):
        return keras.Model(network.input, network.output, name=network.name)
    return network


def begin_with(network: keras.Model, run: str) -> str:
    """Give a network the weights that an earlier run ended with, layer by layer of the same name; return what was taken.

    Raises ConfigError where the run kept no model, or one of which no layer fits.
    """
    path = Path(run).expanduser() / FILE
    if not path.exists():
        raise ConfigError(f"model.init_from: {run} holds no {FILE}; give the folder of a run that ended")
    try:
        known = {
            layer.name: layer
            for layer in _network_in(keras.models.load_model(path, compile=False, safe_mode=True))._flatten_layers()
        }
    except Exception as error:  # whatever a damaged file makes Keras raise
        raise ConfigError(f"model.init_from: {path} cannot be read: {' '.join(str(error).split())[:120]}") from error
    taken, new = [], []
    for layer in network._flatten_layers(recursive=True, include_self=False):
        if not layer.weights or getattr(layer, "layers", None):
            continue
        other = known.get(layer.name)
        fits = other is not None and _shapes(other) == _shapes(layer)
        (taken if fits else new).append(layer.name)
        if fits:
            sampling.set_dense_weights(layer, [np.asarray(weight) for weight in other.weights])
    if not taken:
        raise ConfigError(f"model.init_from: no layer of {run} has the name and shape of one here; give it the same model=")
    rest = f"; new {'is' if len(new) == 1 else 'are'} {', '.join(new[:4])}" if new else ""
    return f"begins with the weights of {len(taken)} layers of {run}{rest}"


def _shapes(layer: keras.layers.Layer) -> list[tuple[int, ...]]:
    return [weight.shape for weight in sampling.dense_weights(layer)]


def _network_in(model: keras.Model) -> keras.Model:
    """Return the network of a saved model, which stands inside it where it holds the encoding of a table too."""
    inner = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    return inner[-1] if inner and inner[-1].name == model.name else model
