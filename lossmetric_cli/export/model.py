"""The model that leaves a run: it takes raw rows, and holds all that it needs to answer them."""

from __future__ import annotations

import tempfile
import warnings
import zipfile
from pathlib import Path
from typing import Any

import keras

from lossmetric_cli import sampling, store
from lossmetric_cli.errors import LmrunError

#: The model of a run, in its folder.
FILE = "model.keras"
#: What of it holds the weights of a network with a part that only training needs; Keras reads no such member.
TRAINING = "training.weights.h5"


def save(network: keras.Model, encoder: Any, folder: Path) -> str | None:
    """Write `model.keras` into a run's folder, without the optimizer's state; return why it cannot be, or None.

    Where the run read a table, the model takes a dict of its raw columns, (rows,) each, and holds their encoding.
    """
    try:
        with warnings.catch_warnings(), store.through(folder / FILE) as unfinished:
            warnings.simplefilter("ignore")  # of layers of the user's own that Keras cannot vouch for; the file is the user's
            deployable(network, encoder).save(unfinished)
            if hasattr(network, "answering"):
                _add_training(network, unfinished)
    except LmrunError:  # the disk's fault, as with every file of a run
        raise
    except Exception as error:  # whatever the user's own layers raise: the run itself is whole
        return f"{FILE} was not written: {type(error).__name__}: {' '.join(str(error).split())[:160]}"
    return None


def _add_training(network: keras.Model, archive: Path) -> None:
    """Put all weights of a network into a saved model, so that it can be scored as it was trained."""
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(archive, "a") as members:
        network.save_weights(Path(folder) / TRAINING)
        members.write(Path(folder) / TRAINING, TRAINING)


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
