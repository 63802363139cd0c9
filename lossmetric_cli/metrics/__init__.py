"""The metrics that Keras lacks, and the fit between a metric, the task, and the labels and scores that it is fed."""

from __future__ import annotations

from lossmetric_cli.metrics.building import build_metrics
from lossmetric_cli.metrics.choosers import accuracy, auto, crossentropy, focal
from lossmetric_cli.metrics.fed import Fed, feeding
from lossmetric_cli.metrics.of_loss import MeanLoss, WholeLoss
from lossmetric_cli.metrics.own import Own
from lossmetric_cli.metrics.scores import (
    average_precision,
    balanced_accuracy,
    cohen_kappa,
    exact_auc,
    exact_f1,
    exact_log_loss,
    exact_precision,
    exact_r2,
    exact_recall,
    f1_macro,
    f1_micro,
    f1_per_class,
    f1_weighted,
    mcc,
    mean_average_precision,
)
from lossmetric_cli.metrics.several import Several
from lossmetric_cli.metrics.traits import class_name, columns, counted, describe, direction, directions, is_batch_mean
from lossmetric_cli.metrics.whole import Exact, Whole, after_epoch, undefined, values_of, within_batches

__all__ = [
    "Exact",
    "Fed",
    "MeanLoss",
    "Own",
    "Several",
    "Whole",
    "WholeLoss",
    "accuracy",
    "after_epoch",
    "auto",
    "average_precision",
    "balanced_accuracy",
    "build_metrics",
    "class_name",
    "cohen_kappa",
    "columns",
    "counted",
    "crossentropy",
    "describe",
    "direction",
    "directions",
    "exact_auc",
    "exact_f1",
    "exact_log_loss",
    "exact_precision",
    "exact_r2",
    "exact_recall",
    "f1_macro",
    "f1_micro",
    "f1_per_class",
    "f1_weighted",
    "feeding",
    "focal",
    "is_batch_mean",
    "mcc",
    "mean_average_precision",
    "undefined",
    "values_of",
    "within_batches",
]
