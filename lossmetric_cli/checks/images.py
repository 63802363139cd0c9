"""Checks of images: the range of their values against what the model makes of them, and backbones that know nothing."""

from __future__ import annotations

import keras

from lossmetric_cli.checks.case import Case
from lossmetric_cli.checks.finding import Found, warning
from lossmetric_cli.models import frozen_parameters

#: A first layer that divides by more than this is for bytes.
_OF_BYTES = 1 / 100


def input_range(case: Case) -> Found:
    """Look for images in another range than the one that the model scales from, such as 0 to 1 where it divides by 255."""
    x = case.rows["train"].x
    if isinstance(x, dict) or x.ndim != 4:
        return
    low, high = float(x.min()), float(x.max())
    declared = getattr(case.model, "value_range", None)
    if declared is None and not _divides_bytes(case.model):
        return
    least, most = declared or (0, 255)
    is_scaled = high <= 2 and most > 100
    if is_scaled or low < least or high > most:
        ends = f"{-1 if low < 0 else 0},1" if is_scaled else f"{min(low, least):.3g},{max(high, most):.3g}"
        fix = f"type model.value_range=[{ends}]" if declared else "leave out its Rescaling"
        yield warning(f"the model wants values from {least:g} to {most:g}, and inputs go from {low:.3g} to {high:.3g}; {fix}")


def frozen_noise(case: Case) -> Found:
    """Look for a backbone that is frozen with the weights that it was born with."""
    model = case.spec.model
    if model.get("backbone") and model.get("weights", "") is None and frozen_parameters(case.model):
        yield warning(
            "model.weights=null freezes the backbone at random weights; type model.freeze=false, or model.weights=imagenet"
        )


def _divides_bytes(model: keras.Model) -> bool:
    """Return whether a model begins by dividing its inputs as bytes are divided."""
    in_order = model.layers if getattr(model, "inputs", None) else []  # of a subclass they are in no order of computing
    first = [layer for layer in in_order if not isinstance(layer, keras.layers.InputLayer)][:1]
    return any(isinstance(layer, keras.layers.Rescaling) and _is_small(layer.scale) for layer in first)


def _is_small(scale: object) -> bool:
    return isinstance(scale, int | float) and 0 < scale < _OF_BYTES
