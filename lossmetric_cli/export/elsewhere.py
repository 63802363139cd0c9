"""Answers rows with an exported model in a process that has no lmrun.

`python -I elsewhere.py FORMAT MODEL ROWS ANSWERS [FOLDER MODULE…]`: ROWS is an npz with `x`, or `x.<input>` for each of
several inputs; ANSWERS becomes one with `y` or `y.<output>`, and `labels`, the names of the classes as JSON. FOLDER has the
modules of the user's own that the model needs.
"""

import importlib
import json
import sys
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

_LABELS = "labels.json"
_BATCH = 32


def main() -> None:
    """Do it."""
    sys.modules["lossmetric_cli"] = None  # so that importing it fails, wherever it is installed
    kind, model, given, path, *code = sys.argv[1:]
    sys.path.extend(code[:1])
    for module in code[1:]:
        importlib.import_module(module)
    with np.load(given, allow_pickle=False) as arrays:
        rows = {name.partition(".")[2]: array for name, array in arrays.items()}
    load = {"keras": of_keras, "saved_model": of_saved_model, "litert": of_litert, "onnx": of_onnx}[kind]
    answer, labels = load(model, list(rows))
    count = len(next(iter(rows.values())))
    blocks = [
        as_dict(answer({name: array[start : start + _BATCH] for name, array in rows.items()}))
        for start in range(0, count, _BATCH)
    ]
    found = {f"y.{name}".rstrip("."): np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    np.savez(path, labels=np.array(json.dumps(labels)), **found)


def as_dict(answer: Any) -> dict[str, np.ndarray]:
    """Return an answer as arrays by output, one alone by an empty name."""
    if isinstance(answer, dict):
        return {name: np.asarray(array) for name, array in answer.items()}
    return {"": np.asarray(answer)}


def alone(rows: dict[str, np.ndarray]) -> Any:
    """Return the rows as a model takes them: the one array where there is one without a name."""
    return rows[""] if list(rows) == [""] else rows


def of_keras(path: str, inputs: list[str]) -> tuple[Callable[[dict[str, np.ndarray]], Any], Any]:
    """Return a function of rows, and the labels."""
    import keras

    model = keras.models.load_model(path, compile=False)
    return lambda rows: model(alone(rows), training=False), json.loads(zipfile.ZipFile(path).read(_LABELS))


def of_saved_model(path: str, inputs: list[str]) -> tuple[Callable[[dict[str, np.ndarray]], Any], Any]:
    """Return a function of rows, and the labels."""
    import tensorflow as tf

    model = tf.saved_model.load(path)
    labels = tf.nest.map_structure(lambda names: [name.decode() for name in names.numpy().tolist()], model.labels())
    return lambda rows: model.serve(tf.nest.map_structure(tf.constant, alone(rows))), labels


def of_litert(path: str, inputs: list[str]) -> tuple[Callable[[dict[str, np.ndarray]], Any], Any]:
    """Return a function of rows, and the labels."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        import tensorflow as tf

        Interpreter = tf.lite.Interpreter  # noqa: N806

    runner = Interpreter(path).get_signature_runner()
    details = runner.get_input_details()
    names = named(inputs, list(details))
    is_single = any(each["shape_signature"][0] == 1 for each in details.values())

    def answer(rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        given = {names[name]: array for name, array in rows.items()}
        count = len(next(iter(given.values())))
        steps = range(count) if is_single else [slice(None)]
        cuts = [{name: array[step : step + 1] if is_single else array for name, array in given.items()} for step in steps]
        blocks = [only(runner(**cut)) for cut in cuts]
        return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}

    return answer, json.loads(zipfile.ZipFile(path).read(_LABELS))


def of_onnx(path: str, inputs: list[str]) -> tuple[Callable[[dict[str, np.ndarray]], Any], Any]:
    """Return a function of rows, and the labels."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    names = named(inputs, [each.name for each in session.get_inputs()])
    outputs = [each.name for each in session.get_outputs()]

    def answer(rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        found = session.run(None, {names[name]: array for name, array in rows.items()})
        return only(dict(zip(outputs, found, strict=True)))

    return answer, json.loads(session.get_modelmeta().custom_metadata_map[_LABELS])


def named(inputs: list[str], known: list[str]) -> dict[str, str]:
    """Return by input what a file calls it: by its own name, else in the same order, for some write names in letters only."""
    if set(inputs) <= set(known):
        return {name: name for name in inputs}
    return dict(zip(sorted(inputs), sorted(known), strict=True))


def only(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the answers by output, one alone by an empty name."""
    return {"": next(iter(found.values()))} if len(found) == 1 else found


if __name__ == "__main__":
    main()
