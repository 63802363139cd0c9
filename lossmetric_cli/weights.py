"""What each row counts in the loss: class weights, sample weights, and both together."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from lossmetric_cli.data import Data
from lossmetric_cli.errors import ConfigError, did_you_mean
from lossmetric_cli.feed import Rows
from lossmetric_cli.outputs import Output, of
from lossmetric_cli.spec import RunSpec
from lossmetric_cli.task import Task


def weighted(train: Rows, data: Data, outputs: list[Output], spec: RunSpec) -> tuple[Rows, list[str]]:
    """Return the training rows with class weights on top of the rows' own, and a sentence on what is weighted.

    Validation rows keep their own weights: as in Keras, class weights are for training alone.

    Raises ConfigError for weights of classes that there are not.
    """
    asked = {output.name: _asked(output, spec) for output in outputs}
    notes = ["rows have weights: loss and val_loss are weighted, unweighted_loss and the metrics are not"] * (
        train.weights is not None
    )
    if not any(asked.values()):
        return train, notes
    found: dict[str, np.ndarray] = {}
    for output in outputs:
        own = 1.0 if train.weights is None else of(train.weights, output)
        by_class = np.ones(len(train), dtype="float32")
        if asked[output.name]:
            path = f"{output.path}.class_weight" if output.name else "class_weight"
            table = of_classes(asked[output.name], task=output.task, labels=of(data.train.y, output), path=path)
            by_class = table[of(data.train.y, output)]
            shown = ", ".join(f"{label}: {weight:.4g}" for label, weight in zip(output.task.classes[:6], table, strict=False))
            notes.append(
                f"{path} {{{shown}{', …' if len(table) > 6 else ''}}}: loss is weighted, val_loss is not; see unweighted_loss"
            )
        found[output.name] = (own * by_class).astype("float32")
    return dataclasses.replace(train, training_weights=found.get("", found)), notes


def of_classes(asked: Any, *, task: Task, labels: np.ndarray, path: str) -> np.ndarray:
    """Return the weight of each class, float32 (classes,).

    `asked` is "balanced", which gives a class rows / (classes · rows of it), so that all classes count the same and the
    mean weight is 1 (King and Zeng, 2001; scikit-learn's formula), or weights by label or by number of the class. Classes
    that are not named weigh 1.

    Raises ConfigError for another task, another word, a class that is none, and weights that are no numbers from 0 up, or
    that leave no row a weight.
    """
    if task.kind not in ("binary", "multiclass") or task.is_soft:
        raise ConfigError(f"{path} weighs classes, and a row of this {task.kind} task has not exactly one; type {path}=null")
    count = len(task.classes)
    if asked == "balanced":
        rows = np.bincount(labels, minlength=count)
        return (len(labels) / (count * np.maximum(rows, 1))).astype("float32")
    if not isinstance(asked, dict):
        raise ConfigError(f"{path} must be balanced or weights by class, got {asked!r}; type '{path}={{0: 1, 1: 10}}'")
    table = np.ones(count, dtype="float32")
    numbers = {str(label): number for number, label in enumerate(task.classes)}
    numbers = (
        numbers if all(str(key) in numbers for key in asked) else {str(number): number for number in range(count)} | numbers
    )
    for key, weight in asked.items():
        if str(key) not in numbers:
            hint = did_you_mean(str(key), numbers) or f"; there are {', '.join(list(numbers)[:8])}"
            raise ConfigError(f"{path}: no class is called '{key}'{hint}")
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < np.inf:
            raise ConfigError(f"{path}: the weight of class {key} must be a number >= 0, got {weight!r}")
        table[numbers[str(key)]] = weight
    if not table[labels].any():
        raise ConfigError(f"{path}: every training row weighs 0, and nothing is trained; give one class a weight above 0")
    return table


def _asked(output: Output, spec: RunSpec) -> Any:
    own = (spec.outputs[output.name] or {}).get("class_weight") if output.name else None
    if own is not None:
        return own
    is_for_all = not output.name or output.task.kind in ("binary", "multiclass")
    return spec.class_weight if is_for_all else None
