"""A model as files that others read: a Keras archive, a SavedModel, LiteRT, ONNX; each with the labels' names inside."""

from __future__ import annotations

import functools
import json
import logging
import re
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lossmetric_cli.devices import silent_stderr
from lossmetric_cli.errors import ConfigError, EnvironmentFault

#: The member of the files that are archives, and the key of ONNX' metadata, that hold the labels' names.
_LABELS = "labels.json"


def write(name: str, model: keras.Model, path: Path, *, rows: Any, labels: Any) -> str:
    """Write a model, not compiled, in one of `catalog.EXPORTS` to `path`, and return what is to be said of the file, or "".

    `rows` are some that the model takes; `labels` are the names of its classes, or a dict of them by output.

    Raises ConfigError where the format cannot hold the model, EnvironmentFault where a package is missing.
    """
    inputs = rows if isinstance(rows, dict) else {"inputs": rows}
    specs = {key: tf.TensorSpec([None, *array.shape[1:]], _type(array), name=key) for key, array in inputs.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _WRITERS[name](model, path, specs if isinstance(rows, dict) else specs["inputs"], labels)


def _type(array: np.ndarray) -> tf.DType:
    return tf.string if array.dtype.kind in "OU" else tf.as_dtype(array.dtype)


def _write_keras(model: keras.Model, path: Path, specs: Any, labels: Any) -> str:
    model.save(path)
    _add_labels(path, labels)
    own = own_modules(path)
    return f"needs {' and '.join(own)} to load, your own code" if own else ""


def own_modules(file: Path) -> list[str]:
    """Return the modules that a Keras archive needs beside Keras: none of another file."""
    if file.suffix != ".keras":
        return []
    config = json.loads(zipfile.ZipFile(file).read("config.json"))
    return sorted({name for name in _modules(config) if name.split(".")[0] not in ("keras", "builtins", "lossmetric_cli")})


def _modules(node: Any) -> list[str]:
    """Return the modules that a saved model's classes are from."""
    children = list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else []
    own = [node["module"]] if isinstance(node, dict) and isinstance(node.get("module"), str) else []
    return [*own, *(name for child in children for name in _modules(child))]


def _add_labels(path: Path, labels: Any) -> None:
    """Add the labels' names to an archive; to a file that is none as an archive behind it, as TFLite's metadata are."""
    with zipfile.ZipFile(path, "a") as members:
        members.writestr(_LABELS, json.dumps(labels, ensure_ascii=False))


def _write_saved_model(model: keras.Model, path: Path, specs: Any, labels: Any) -> str:
    """Write the endpoints `serve` and `labels`.

    Not the model is tracked but what of it has no weights, the tables of words: Keras 3.15 finds the weights by the endpoints,
    and writes those of a tracked model a second time.
    """
    archive = keras.export.ExportArchive()
    for layer in model._flatten_layers(include_self=False):
        if layer.built and not layer.variables:
            archive.track(layer)
    archive.add_endpoint("serve", functools.partial(model.__call__, training=False), input_signature=[specs])
    archive.add_endpoint("labels", functools.partial(_constants, labels), input_signature=[])
    archive.write_out(path, verbose=False)
    return ""


def _constants(labels: Any) -> Any:
    if isinstance(labels, dict):
        return {name: _constants(each) for name, each in labels.items()}
    return tf.constant([str(label) for label in labels], dtype=tf.string)


def _write_litert(model: keras.Model, path: Path, specs: Any, labels: Any) -> str:
    """Write operations that LiteRT has itself, for any number of rows, or where that cannot be for one row at a time.

    Those of TensorFlow, which Keras allows by itself, ask for an interpreter that holds TensorFlow too.
    """
    one = tf.nest.map_structure(lambda spec: tf.TensorSpec([1, *spec.shape[1:]], spec.dtype, name=spec.name), specs)
    builtin = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}
    _refuse_half(model, "litert")
    reason = None
    for note, signature in zip(("", "takes one row at a time"), (specs, one), strict=True):
        try:
            with silent_stderr():
                model.export(path, format="litert", verbose=False, input_signature=[signature], target_spec=builtin)
        except Exception as error:  # ConverterError, whose class TensorFlow does not export
            reason = error
            if "TensorList" not in str(error):  # the lists of a recurrent layer, whose sizes one row makes known
                break
            continue
        _add_labels(path, labels)
        return note
    found = re.search(r"TF Select ops: ([^\n]*)", str(reason))
    why = f"LiteRT has no {found[1]}" if found else " ".join(str(reason).split())[:120]
    raise ConfigError(f"format=litert cannot hold this model: {why}; type format=keras,saved_model") from reason


def _refuse_half(model: keras.Model, name: str) -> None:
    half = next((layer for layer in model._flatten_layers() if "16" in str(layer.compute_dtype)), None)
    if half is not None:
        raise ConfigError(
            f"format={name} wants float32, and {half.name} computes in {half.compute_dtype}; type format=keras,saved_model"
        )


def _write_onnx(model: keras.Model, path: Path, specs: Any, labels: Any) -> str:
    """Write the model by tf2onnx, its constants inside.

    What `model.export` of Keras 3.15 writes asks for constants that are no variables, such as the means of a Normalization,
    as inputs.
    """
    flat = tf.nest.flatten(specs)
    words = [spec.name for spec in flat if spec.dtype == tf.string]
    if words:
        raise ConfigError(f"format=onnx cannot look words up, and '{words[0]}' holds words; type format=keras,saved_model")
    try:
        import onnx
        import tf2onnx
        from keras.src.export.tf2onnx_lib import patch_tf2onnx  # tf2onnx 1.17 reads names that NumPy 2 lacks
    except ImportError as error:
        missing = error.name or "tf2onnx"
        raise EnvironmentFault(
            f"format=onnx needs {missing}, which is not installed; pip install 'lossmetric_cli[onnx]'"
        ) from error
    _refuse_half(model, "onnx")
    patch_tf2onnx()
    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
    call = tf.function(lambda *rows: model(tf.nest.pack_sequence_as(specs, rows), training=False), flat, autograph=False)
    with silent_stderr():
        found, _ = tf2onnx.convert.from_function(call, flat)
    captured = call.get_concrete_function().graph.captures
    constants = {inner.name: outer.numpy() for outer, inner in captured if outer.dtype != tf.resource}
    _fill_in(onnx, found, constants)
    found.metadata_props.append(onnx.StringStringEntryProto(key=_LABELS, value=json.dumps(labels, ensure_ascii=False)))
    onnx.save(found, path)
    return ""


def _fill_in(onnx: Any, model: Any, constants: dict[str, np.ndarray]) -> None:
    """Make inputs that have a value constants of the graph."""
    for given in [given for given in model.graph.input if given.name in constants]:
        model.graph.initializer.append(onnx.numpy_helper.from_array(constants[given.name], given.name))
        model.graph.input.remove(given)


_WRITERS: dict[str, Callable[[keras.Model, Path, Any, Any], str]] = {
    "keras": _write_keras,
    "saved_model": _write_saved_model,
    "litert": _write_litert,
    "onnx": _write_onnx,
}
