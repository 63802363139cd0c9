"""The metrics that Keras lacks, and the fit between a metric, the task, and the labels and scores that it is fed."""

from __future__ import annotations

from lossmetric_cli.metrics.building import build_metrics, build_weighted, is_weighted
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
from lossmetric_cli.metrics.traits import (
    by_row,
    class_name,
    columns,
    counted,
    describe,
    direction,
    directions,
    history_columns,
    is_batch_mean,
)
from lossmetric_cli.metrics.whole import Exact, Whole, of_nearest, undefined, values_of, within_batches
from lossmetric_cli.quantiles import Coverage

__all__ = [
    "Coverage",
    "Exact",
    "Fed",
    "MeanLoss",
    "Own",
    "Several",
    "Whole",
    "WholeLoss",
    "accuracy",
    "auto",
    "average_precision",
    "balanced_accuracy",
    "build_metrics",
    "build_weighted",
    "by_row",
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
    "history_columns",
    "is_batch_mean",
    "is_weighted",
    "mcc",
    "mean_average_precision",
    "of_nearest",
    "undefined",
    "values_of",
    "within_batches",
]
