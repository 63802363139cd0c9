"""The losses that Keras lacks or that choose by the task, and the fit between a loss, the task and the head."""

from __future__ import annotations

from lossmetric_cli.losses.choosers import auto, crossentropy, focal
from lossmetric_cli.losses.fit import build_loss, fit_head, fit_task, is_own, loss_name, single
from lossmetric_cli.losses.of_classes import Brier, Exponential, WeightedBinaryCrossentropy
from lossmetric_cli.losses.quantile import Quantile
from lossmetric_cli.losses.sampled import Nce, SampledSoftmax
from lossmetric_cli.losses.weighted_sum import WeightedSum

__all__ = [
    "Brier",
    "Exponential",
    "Nce",
    "Quantile",
    "SampledSoftmax",
    "WeightedBinaryCrossentropy",
    "WeightedSum",
    "auto",
    "build_loss",
    "crossentropy",
    "fit_head",
    "fit_task",
    "focal",
    "is_own",
    "loss_name",
    "single",
]
