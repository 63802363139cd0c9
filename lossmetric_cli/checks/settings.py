"""Checks of settings: what has no effect, and weights of classes that there are not."""

from __future__ import annotations

import keras

from lossmetric_cli.checks.case import Case
from lossmetric_cli.checks.finding import Found, warning

#: Layers that rest while validating, whatever `trainable` says.
_RANDOM = (keras.layers.Dropout, keras.layers.SpatialDropout1D, keras.layers.SpatialDropout2D, keras.layers.SpatialDropout3D)
_RANDOM += (keras.layers.GaussianDropout, keras.layers.GaussianNoise, keras.layers.AlphaDropout)


def ignored_setting(case: Case) -> Found:
    """Look for settings that Keras takes and does nothing with."""
    for output in case.outputs:
        loss = output.loss
        if isinstance(loss, keras.losses.BinaryFocalCrossentropy) and not loss.apply_class_balancing and loss.alpha != 0.25:
            where = f"{output.path}.loss" if output.name else "loss"
            yield warning(
                f"{where}.alpha={loss.alpha} has no effect: Keras weighs classes with {where}.apply_class_balancing=true only"
            )
    for layer in case.model._flatten_layers():
        if isinstance(layer, _RANDOM) and not layer.trainable:
            yield warning(
                f"trainable=False of the layer {layer.name} has no effect: it has no weights, and drops while training all the "
                "same; its rate at 0 does"
            )
