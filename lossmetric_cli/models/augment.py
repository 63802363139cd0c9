"""Augmentation by name: Keras' random layers, which change images in training and rest in inference."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from lossmetric_cli.errors import ConfigError, did_you_mean

#: What Keras leaves to the caller, or sets to more than most pictures bear.
_SETTINGS: dict[str, dict[str, Any]] = {
    "random_flip": {"mode": "horizontal"},
    "random_rotation": {"factor": 0.1},
    "random_zoom": {"height_factor": 0.2},
    "random_translation": {"height_factor": 0.1, "width_factor": 0.1},
    "random_contrast": {"factor": 0.2},
    "random_brightness": {"factor": 0.2},
    "random_saturation": {"factor": 0.3},
    "random_hue": {"factor": 0.1},
    "random_shear": {"x_factor": 0.2, "y_factor": 0.2},
    "random_grayscale": {"factor": 0.2},
    "random_sharpness": {"factor": 0.3},
    "random_color_degeneration": {"factor": 0.3},
    "random_posterization": {"factor": 4},
}


def layer_names() -> dict[str, type[keras.layers.Layer]]:
    """Return Keras' layers that change images at random by snake name, but for those that mix labels as well."""
    found = {name: kind for name, kind in inspect.getmembers(keras.layers, inspect.isclass) if _is_random(name)}
    return {_snake(name): kind for name, kind in found.items()}


def augmented(x: Any, steps: Sequence[Any], *, seed: int, value_range: tuple[float, float] | None) -> Any:
    """Return `x` (rows, height, width, channels) after the layers of `steps`, which work while training alone.

    A step is a name, `{name: {settings}}`, or a Keras layer. Each gets a seed of its own from `seed`, so that the first
    weights are those of the model without augmentation. `value_range` is that of the values, None where it is unknown.

    Raises ConfigError for a name that there is not, for settings that its layer refuses, and for a layer that needs to
    know the range of values where it is unknown.
    """
    for position, step in enumerate(steps):
        path = f"model.augment[{position}]"
        if not isinstance(step, keras.layers.Layer):
            drawn = int(np.random.SeedSequence([seed, position]).generate_state(1)[0])
            step = _layer(step, path=path, seed=drawn, value_range=value_range)
        x = step(x)
    return x


def _layer(step: Any, *, path: str, seed: int, value_range: tuple[float, float] | None) -> keras.layers.Layer:
    name, settings = next(iter(step.items())) if isinstance(step, dict) and len(step) == 1 else (step, {})
    known = layer_names()
    if name not in known or not isinstance(settings, dict | None):
        hint = did_you_mean(str(name), known) or "; type a name such as random_flip, or {random_rotation:{factor:0.2}}"
        raise ConfigError(f"{path}: no augmentation is called {str(name)[:40]!r}{hint}")
    takes = inspect.signature(known[name]).parameters
    for key in settings or {}:
        if key not in takes:
            raise ConfigError(f"{path}: {name} takes no '{key}'{did_you_mean(key, takes)}")
    given = {**_SETTINGS.get(name, {}), "seed": seed, **(settings or {})}
    if "value_range" in takes and "value_range" not in given:
        if value_range is None:
            raise ConfigError(
                f"{path}: {name} must know the range of values; type {{{name}:{{value_range:[0,1]}}}} or what it is"
            )
        given["value_range"] = value_range
    try:
        return known[name](**given)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{path}: {name} refuses this: {' '.join(str(error).split())[:120]}") from error


def _is_random(name: str) -> bool:
    kind = getattr(keras.layers, name)
    return (name.startswith("Random") and hasattr(kind, "transform_images")) or name in ("RandAugment", "AugMix")


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
