"""Weights that a run has kept, put into a network again: all of them, or those that fit a new one."""

from __future__ import annotations

import tempfile
import warnings
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from lossmetric_cli import sampling
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.export.model import FILE, TRAINING
from lossmetric_cli.state.past import Past
from lossmetric_cli.state.values import from_bytes

#: Where Keras' own archive has the weights.
_OF_KERAS = "model.weights.h5"


def file_of(folder: Path, which: str, callbacks: dict[str, Any]) -> Path:
    """Return the file of a run's `last` weights, or of the `best` that a checkpoint of its `callbacks` has kept.

    Raises ConfigError where there is none.
    """
    if which == "last":
        if (folder / FILE).exists():
            return folder / FILE
        if (folder / "folds").is_dir():
            raise ConfigError(f"{folder} is a run of folds, which has a model each; type {folder}/folds/1")
        raise ConfigError(
            f"{folder} holds no {FILE}; type lmrun resume {folder} where it was left, and train with save_model=true"
        )
    paths = [node["filepath"] for node in callbacks.values() if str(node["_target_"]).endswith("callbacks.ModelCheckpoint")]
    below = [folder / path for path in paths if folder.resolve() in (folder / path).resolve().parents]
    found = next((path for path in below if path.is_file()), None)
    if found is None:
        raise ConfigError(f"weights=best: {folder} kept no checkpoint; train with callbacks=checkpoint, or type weights=last")
    return found


def load(file: Path) -> keras.Model:
    """Return a saved model, not compiled; raise ConfigError where it cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of own code that Keras cannot vouch for
            return keras.models.load_model(file, compile=False, safe_mode=True)
    except Exception as error:  # whatever a damaged file, or own code that is not here, makes Keras raise
        raise ConfigError(f"{file} cannot be read: {' '.join(str(error).split())[:160]}") from error


def network_in(model: keras.Model) -> keras.Model:
    """Return the network of a saved model, which stands inside it where it holds the encoding of a table too."""
    inner = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    return inner[-1] if inner and inner[-1].name == model.name else model


def restore(network: keras.Model, file: Path) -> None:
    """Give a network of a run's own config all of its weights, to the bit, from a file of that run.

    Raises ConfigError where the file lacks some, or has them in other shapes.
    """
    if file.name.endswith(".weights.h5"):
        _load_weights(network, file)
    elif member := _whole(network, file):
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(file) as members:
            _load_weights(network, Path(members.extract(member, folder)))
    else:
        _take_over(network, network_in(load(file)), file)


def _whole(network: keras.Model, file: Path) -> str | None:
    """Return the member of a saved model that holds the weights of `network` itself, and not of one made for others."""
    if hasattr(network, "answering") and zipfile.is_zipfile(file) and TRAINING in zipfile.ZipFile(file).namelist():
        return TRAINING
    return None if hasattr(network, "_outputs_struct") else _OF_KERAS  # a subclass is saved as it is


def begin_with(network: keras.Model, run: str) -> str:
    """Give a network the weights that an earlier run ended with, layer by layer of the same name; return what was taken.

    Raises ConfigError where the run kept no model, or one of which no layer fits.
    """
    path = Path(run).expanduser() / FILE
    if not path.exists():
        return _begin_with_state(network, run)
    try:
        known = {layer.name: layer for layer in network_in(load(path))._flatten_layers()}
    except ConfigError as error:
        raise ConfigError(f"model.init_from: {error}") from error
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


def _begin_with_state(network: keras.Model, run: str) -> str:
    """Give a network the weights of the newest state of a run that was left before its end."""
    state = Past.of(Path(run).expanduser(), {}).state
    if state is None:
        raise ConfigError(f"model.init_from: {run} holds no {FILE} and no state; give the folder of a run that trained")
    kinds = zip(state.facts["weights"], state.facts["variables"], strict=False)  # the model's come first
    try:
        known = {path: from_bytes(state.arrays[f"variables.{place}"], *kind) for place, (path, kind) in enumerate(kinds)}
    except (AttributeError, LookupError, TypeError, ValueError) as error:  # anybody may have made it
        raise ConfigError(f"model.init_from: the state of {run} is none of a run's; give another") from error
    fits = [weight for weight in network.weights if getattr(known.get(weight.path), "shape", None) == tuple(weight.shape)]
    if not fits:
        raise ConfigError(f"model.init_from: no weight of {run} has the name and shape of one here; give it the same model=")
    if not all(np.isfinite(np.asarray(known[weight.path], dtype="float32")).all() for weight in fits):
        raise ConfigError(f"model.init_from: the weights of {run} are no numbers; leave it out, or give another run")
    for weight in fits:
        weight.assign(known[weight.path])
    return f"begins with {len(fits)} of {len(network.weights)} weights of {run}, as it was left"


def _load_weights(network: keras.Model, file: Path) -> None:
    try:
        network.load_weights(file)
    except Exception as error:  # whatever Keras raises for weights of another network
        raise ConfigError(f"{file.name} does not fit the model: {' '.join(str(error).split())[:160]}") from error


def _take_over(network: keras.Model, other: keras.Model, file: Path) -> None:
    """Give each layer of a network the weights of the layer of the same name, of others in the same order."""
    ours, theirs = _weighted(network), _weighted(other)
    named = {layer.name: layer for layer in theirs}
    if len(named) == len(theirs) and all(layer.name in named for layer in ours):
        pairs = [(layer, named[layer.name]) for layer in ours]
    elif len(ours) == len(theirs):
        pairs = list(zip(ours, theirs, strict=True))
    else:
        missing = next((layer.name for layer in ours if layer.name not in named), ours[-1].name)
        raise ConfigError(f"{file} has no weights of the layer {missing}, which scoring needs; was the run another model?")
    for layer, twin in pairs:
        if _shapes(layer) != _shapes(twin):
            told = f"{_told(_shapes(twin))} and the config builds {_told(_shapes(layer))}"
            raise ConfigError(f"{file}: the weights of {layer.name} are {told}; leave the model and the data as they were")
        sampling.set_dense_weights(layer, sampling.dense_weights(twin))
    if sum(len(layer.weights) for layer in ours) != len(network.weights):
        network.set_weights(other.get_weights())  # of a subclass that has weights beside those of its layers


def _weighted(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers that hold all weights, a cell of a recurrent one as part of it: its name is another every time."""
    found: list[keras.layers.Layer] = []
    seen: set[int] = set()
    for layer in model._flatten_layers(recursive=True, include_self=False):
        if getattr(layer, "layers", None) or all(id(weight) in seen for weight in layer.weights):
            continue
        seen |= {id(weight) for weight in layer.weights}
        found.append(layer)
    return found


def _shapes(layer: keras.layers.Layer) -> list[tuple[int, ...]]:
    return [weight.shape for weight in sampling.dense_weights(layer)]


def _told(shapes: list[tuple[int, ...]]) -> str:
    return ", ".join("×".join(map(str, shape)) for shape in shapes)
