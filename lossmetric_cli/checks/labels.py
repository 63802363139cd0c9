"""Checks of labels and inputs: their range, shape and spread, in training and validation rows."""

from __future__ import annotations

import keras
import numpy as np

from lossmetric_cli import catalog, metrics
from lossmetric_cli.checks.case import Case
from lossmetric_cli.checks.finding import Found, stop, warning
from lossmetric_cli.losses import loss_name
from lossmetric_cli.outputs import Output

#: Ranges of the activations that have one.
_REACH = {"sigmoid": (0, 1), "softmax": (0, 1), "tanh": (-1, 1), "relu": (0, np.inf), "softplus": (0, np.inf)}
#: Rows from which their span tells a scale; that of two rows is how far apart they happen to lie.
_FEWEST_TO_SPAN = 20
#: Cells that a mean and a deviation are taken of, about: numpy makes decimals of eight bytes of them all.
MOST_CELLS = 5_000_000
_WORDS = {"train": "training", "val": "validation", "test": "test"}
#: Layers that bring inputs near 1.
_SCALERS = (
    *(keras.layers.Normalization, keras.layers.Rescaling, keras.layers.BatchNormalization),
    *(keras.layers.LayerNormalization, keras.layers.GroupNormalization, keras.layers.Embedding),
)


def label_range(case: Case, output: Output) -> Found:
    """Look for labels that the loss or the head has no place for, in every part."""
    name = loss_name(output.loss)
    facts = catalog.loss_facts(output.loss)
    for part, word in _parts(case):
        y = case.labels(output, part)
        low, high = y.min(), y.max()
        if facts.labels == "index" and (low < 0 or high >= output.task.units):
            yield stop(
                f"{name} takes class numbers from 0 to {output.task.units - 1}, and {word} labels go from {low} to {high}: "
                "on a GPU that is NaN without an error; map them to classes"
            )
        elif (facts.takes_logits or facts.probabilities) and facts.labels == "dense" and (low < 0 or high > 1):
            yield stop(f"{name} takes labels from 0 to 1, and {word} labels go from {low:g} to {high:g}; type loss=mse")
        elif output.task.kind == "multiclass" and facts.labels == "dense" and y.ndim == 2:
            off = int((np.abs(y.sum(axis=1) - 1) > 1e-3).sum())
            if off:
                yield stop(f"{name} takes labels that sum to 1 in a row, and {off} {word} rows do not; type task=multilabel")


def label_shape(case: Case, output: Output) -> Found:
    """Look for labels that Keras would stretch to the shape of the predictions."""
    facts, shape = catalog.loss_facts(output.loss), tuple(case.answer(output).shape)
    if output.task.head == "embedding" or facts.labels == "index" or output.task.quantiles:
        return
    for part, word in _parts(case):
        labels = case.labels(output, part).shape
        if labels[1:] != shape[1:]:
            yield stop(f"{word} labels are {labels[1:]} a row and predictions {shape[1:]}: Keras would stretch one of them")


def missing_class(case: Case, output: Output) -> Found:
    """Look for classes without a training row, which cannot be learned, and without a validation row."""
    if output.task.is_soft or output.task.kind not in ("binary", "multiclass"):
        return
    for part, word in _parts(case):
        y = case.natural(output, part)
        absent = np.setdiff1d(np.arange(len(output.task.classes)), np.unique(y))
        if len(absent):
            named = ", ".join(str(output.task.classes[number]) for number in absent[:5])
            more = f" and {len(absent) - 5} more" if len(absent) > 5 else ""
            level = "warn" if part == "train" else "note"
            yield level, f"class {named}{more} has no {word} row of {len(y):,}"


def one_class(case: Case, output: Output) -> Found:
    """Look for metrics that count pairs or cells of two classes where a part has one."""
    if output.task.kind != "binary" or "val" not in case.rows:
        return
    y = case.natural(output, "val")
    ranked = [m.name for m in output.metrics if isinstance(metrics.counted(m), keras.metrics.AUC)]
    if len(np.unique(y)) == 1 and ranked:
        yield warning(
            f"every validation row is of class {output.task.classes[int(y[0])]}: {', '.join(ranked)} has no value there, "
            "and Keras says 0"
        )


def target_range(case: Case, output: Output) -> Found:
    """Look for targets that the head cannot reach, and of which the loss or a metric has no value."""
    if output.task.kind != "regression":
        return
    y = np.concatenate([case.labels(output, part) for part, _ in _parts(case)])
    low, high = _REACH.get(output.activation or "", (-np.inf, np.inf))
    if y.min() < low or y.max() > high:
        yield stop(
            f"the model ends in {output.activation}, which answers from {low:g} to {high:g}, and the target goes from "
            f"{y.min():g} to {y.max():g}; type model.output_activation=linear"
        )
    zeros = int((np.abs(y) < 1e-6).sum())
    for kind, where in _named(output):
        if kind == "MeanAbsolutePercentageError" and zeros:
            yield warning(f"{where} divides by the target, which is 0 in {zeros} rows; take mae")
        if kind in ("MeanSquaredLogarithmicError", "Poisson") and y.min() < 0:
            yield stop(
                f"{where} has no place for the negative targets ({y.min():g} is the lowest): it cuts them off; take mae or mse"
            )


def input_scale(case: Case) -> Found:
    """Look for inputs far from 1 that nothing in the model scales, and for parts of different scale."""
    x = _quantities(case, "train")
    if x is None:
        return
    x = x[:: max(1, x.size // MOST_CELLS)]
    if not any(isinstance(layer, _SCALERS) for layer in case.model._flatten_layers()):
        mean, spread = float(x.mean()), float(x.std())
        if abs(mean) > 5 or spread > 10:
            yield warning(
                f"inputs have mean {mean:.3g} and deviation {spread:.3g}, and nothing in the model scales them; "
                "add keras.layers.Rescaling or Normalization"
            )
    if "val" in case.rows and min(len(x), len(case.rows["val"])) >= _FEWEST_TO_SPAN:
        train, val = _span(x), _span(_quantities(case, "val"))
        if train and val and not 0.1 < val / train < 10:
            yield stop(
                f"validation inputs span {val:.3g} from the 10th to the 90th percentile and training inputs {train:.3g}: "
                "one of them was scaled and the other not"
            )


def _quantities(case: Case, part: str) -> np.ndarray | None:
    """Return the inputs of a part, of several the first one of quantities; None where all are ids."""
    x = case.rows[part].x
    found = [array for array in (x.values() if isinstance(x, dict) else [x]) if array.dtype.kind != "i"]
    return next(iter(found), None)


def _span(x: np.ndarray) -> float:
    low, high = np.quantile(x[:: max(1, len(x) // 10_000)], [0.1, 0.9])
    return float(high - low)


def _named(output: Output) -> list[tuple[str, str]]:
    """Return the class of the loss and of each metric, with what to call it."""
    found = [(type(output.loss).__name__, f"loss={loss_name(output.loss)}")]
    return found + [(type(metrics.counted(metric)).__name__, f"metrics.{metric.name}") for metric in output.metrics]


def _parts(case: Case) -> list[tuple[str, str]]:
    return [(part, word) for part, word in _WORDS.items() if part in case.rows]
