"""One table of names: which labels and tasks a loss is for, which way a metric is better, what each of them must be fed.

The keys are the names of Keras' classes and of our own, since an option, an alias, a dot path and a Python object all end
in one. A test holds the tables against Keras' public API.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

CLASSIFICATION = ("binary", "multiclass", "multilabel")
EVERY_KIND = (*CLASSIFICATION, "regression")

#: The formats that a model leaves in, and what each is called on the disk.
EXPORTS = {"keras": "model.keras", "saved_model": "saved_model", "litert": "model.tflite", "onnx": "model.onnx"}

#: Names that people type for a setting, and what the setting is called here.
SETTING_ALIASES = {
    "lr": "learning_rate",
    "batch": "batch_size",
    "epoch": "epochs",
    "random_state": "seed",
    "dropout_rate": "dropout",
}

#: What the naive forecasts of a series are called: the last value that a window shows, and that of a season before.
NAIVE = {"last": "same as last", "season": "a season ago"}

#: What is looked at before the first epoch, by the name that `check.ignore` takes.
CHECKS = {
    "loss_task": "the loss is for this kind of task and these labels",
    "metric_task": "each metric is for this kind of task, and has one value a curve",
    "head_units": "the model answers with as many columns as the task has",
    "head_mismatch": "the head's activation is the one that the loss reads: softmax, sigmoid, linear or exponential",
    "constant_head": "no softmax over a single column, which is always 1",
    "double_softmax": "a loss of one's own that applies softmax or sigmoid has a head that does not",
    "swapped_logits": "the loss of what the model computes is the loss of what it predicts",
    "head_precision": "the head answers in float32 under mixed precision",
    "class_axis": "the loss compares classes along the axis on which they are",
    "label_range": "labels are in the range of the loss and the head, in training and validation rows",
    "label_shape": "labels have the shape of a prediction, so that nothing is stretched",
    "missing_class": "every class has training and validation rows",
    "one_class": "metrics of two classes have rows of both to count",
    "target_range": "the head can reach the targets, and percentages and logarithms of them exist",
    "input_scale": "inputs are near 1 where nothing in the model scales them, and alike in training and validation",
    "input_range": "images have the range of values that the model scales from, and are not scaled twice",
    "frozen_noise": "a backbone that is frozen has learned something",
    "own_loss": "a loss of one's own has one value a row, finite, with a gradient, whatever the other rows",
    "own_metric": "a metric of one's own has one value a row, finite, whatever the other rows",
    "batch_averaged": "a metric is no mean over batches, which would depend on their size",
    "monitor": "what is watched is logged, and which way is better is known",
    "monitor_mode": "a mode that is typed is the way in which the column is better",
    "rare_validation": "callbacks that watch validation see it in every epoch",
    "callback_conflict": "callbacks do not contradict the optimizer",
    "file_name": "the fields in a callback's file name are logged",
    "ignored_setting": "no setting is without effect",
    "class_weight": "class weights name classes that there are",
}


@dataclass(frozen=True)
class LossFacts:
    """What a loss asks for.

    `kinds`: the tasks it is for. `labels`: "dense" (the shape of a prediction, classes one-hot) or "index" (class
    numbers). `head`: the activation it wants where that is not the task's own. `takes_logits`: whether it is a
    cross-entropy with a `from_logits` switch. `probabilities`: whether it reads predictions as probabilities and has no
    such switch. `regresses`: whether it draws a linear head to the label itself, so that 0.5 parts 0 from 1, and not to
    margins around 0. `across_columns`: whether it compares the columns of one row, so that a single column tells it
    nothing. `fills`: parameters that the task decides when they are null. `samples`: whether it looks at a few of the
    classes while it trains, which a head must draw for it.
    """

    kinds: tuple[str, ...] = EVERY_KIND
    labels: str = "dense"
    head: str | None = None
    takes_logits: bool = False
    probabilities: bool = False
    regresses: bool = False
    across_columns: bool = False
    fills: tuple[str, ...] = ()
    samples: bool = False


LOSSES = {
    "BinaryCrossentropy": LossFacts(("binary", "multilabel"), takes_logits=True),
    "BinaryFocalCrossentropy": LossFacts(("binary", "multilabel"), takes_logits=True),
    "Brier": LossFacts(CLASSIFICATION, probabilities=True, fills=("columns",)),
    "CategoricalCrossentropy": LossFacts(("multiclass",), takes_logits=True),
    "CategoricalFocalCrossentropy": LossFacts(("multiclass",), takes_logits=True),
    "CategoricalGeneralizedCrossEntropy": LossFacts(("multiclass",), labels="index", probabilities=True),
    "CategoricalHinge": LossFacts(("multiclass",), head="linear"),
    "Circle": LossFacts(("multiclass",), labels="index", head="embedding"),
    "CosineSimilarity": LossFacts(("multiclass", "multilabel", "regression"), across_columns=True),
    "CTC": LossFacts(()),
    "Dice": LossFacts(CLASSIFICATION, probabilities=True),
    "Exponential": LossFacts(("binary", "multilabel"), head="linear"),
    "Hinge": LossFacts(("binary", "multilabel"), head="linear"),
    "Huber": LossFacts(regresses=True),
    "KLDivergence": LossFacts(("multiclass",), probabilities=True),
    "LogCosh": LossFacts(regresses=True),
    "MeanAbsoluteError": LossFacts(regresses=True),
    "MeanAbsolutePercentageError": LossFacts(("regression",)),
    "MeanSquaredError": LossFacts(regresses=True),
    "MeanSquaredLogarithmicError": LossFacts(("regression",)),
    "Nce": LossFacts(("multiclass",), labels="index", probabilities=True, samples=True),
    "Poisson": LossFacts(("regression",), head="exponential"),
    "Quantile": LossFacts(("regression",)),
    "SampledSoftmax": LossFacts(("multiclass",), labels="index", probabilities=True, samples=True),
    "SparseCategoricalCrossentropy": LossFacts(("multiclass",), labels="index", takes_logits=True),
    "SquaredHinge": LossFacts(("binary", "multilabel"), head="linear"),
    "Tversky": LossFacts(CLASSIFICATION, probabilities=True),
    "WeightedBinaryCrossentropy": LossFacts(("binary", "multilabel"), takes_logits=True),
}


@dataclass(frozen=True)
class MetricFacts:
    """What a metric asks for.

    `direction`: "max" or "min", or None for a count that is neither. `labels`: "dense", "index" or, for a metric of
    single class numbers, "class" (the predicted class in place of the probabilities as well). `probabilities`: whether
    it compares predictions with thresholds in [0, 1], so that a linear head must pass its activation first. `kinds`: the
    tasks it is for. `fills`: parameters that the task decides when they are null. `across_columns`: whether it compares
    the columns of one row, so that a single column tells it nothing. `quantiles`: whether it reads several predicted
    quantiles of one target; any other is fed the middle one. `counts`: whether it counts rows of a class, so that labels
    that are shares must become classes first.
    """

    direction: str | None
    labels: str = "dense"
    probabilities: bool = False
    kinds: tuple[str, ...] = EVERY_KIND
    fills: tuple[str, ...] = ()
    across_columns: bool = False
    quantiles: bool = False
    counts: bool = False


def _classes(direction: str | None, **facts: object) -> MetricFacts:
    return MetricFacts(direction, probabilities=True, kinds=CLASSIFICATION, counts=True, **facts)


METRICS = {
    "AUC": _classes("max"),
    "Accuracy": MetricFacts("max", labels="class", kinds=CLASSIFICATION, counts=True),
    "BinaryAccuracy": _classes("max"),
    "BinaryCrossentropy": MetricFacts("min", probabilities=True, kinds=("binary", "multilabel")),
    "BinaryIoU": MetricFacts(
        "max", probabilities=True, kinds=("binary", "multilabel"), fills=("target_class_ids",), counts=True
    ),
    "CategoricalAccuracy": MetricFacts("max", kinds=("multiclass",)),
    "CategoricalCrossentropy": MetricFacts("min", probabilities=True, kinds=("multiclass",)),
    "CategoricalHinge": MetricFacts("min", kinds=("multiclass",)),
    "ConcordanceCorrelation": MetricFacts("max", kinds=("regression",), across_columns=True),
    "Coverage": MetricFacts(None, kinds=("regression",), fills=("columns",), quantiles=True),
    "CosineSimilarity": MetricFacts("max", kinds=("multiclass", "multilabel", "regression"), across_columns=True),
    "F1Score": _classes("max", fills=("threshold",)),
    "FBetaScore": _classes("max", fills=("threshold",)),
    "FalseNegatives": _classes("min"),
    "FalsePositives": _classes("min"),
    "Hinge": MetricFacts("min", kinds=("binary", "multilabel")),
    "IoU": MetricFacts(
        "max", labels="class", kinds=("binary", "multiclass"), fills=("num_classes", "target_class_ids"), counts=True
    ),
    "KLDivergence": MetricFacts("min", probabilities=True, kinds=("multiclass",)),
    "LogCoshError": MetricFacts("min"),
    "MeanAbsoluteError": MetricFacts("min"),
    "MeanAbsolutePercentageError": MetricFacts("min", kinds=("regression",)),
    "MeanIoU": MetricFacts("max", labels="class", kinds=("binary", "multiclass"), fills=("num_classes",), counts=True),
    "MeanSquaredError": MetricFacts("min"),
    "MeanSquaredLogarithmicError": MetricFacts("min", kinds=("regression",)),
    "OneHotIoU": MetricFacts("max", kinds=("multiclass",), fills=("num_classes", "target_class_ids")),
    "OneHotMeanIoU": MetricFacts("max", kinds=("multiclass",), fills=("num_classes",)),
    "PearsonCorrelation": MetricFacts("max", kinds=("regression",), across_columns=True),
    "Poisson": MetricFacts("min", kinds=("regression",)),
    "Precision": _classes("max"),
    "PrecisionAtRecall": _classes("max"),
    "R2Score": MetricFacts("max", kinds=("regression",)),
    "Recall": _classes("max"),
    "RecallAtPrecision": _classes("max"),
    "RootMeanSquaredError": MetricFacts("min"),
    "SensitivityAtSpecificity": _classes("max"),
    "SparseCategoricalAccuracy": MetricFacts("max", labels="index", kinds=("multiclass",)),
    "SparseCategoricalCrossentropy": MetricFacts("min", labels="index", probabilities=True, kinds=("multiclass",)),
    "SparseTopKCategoricalAccuracy": MetricFacts("max", labels="index", kinds=("multiclass",)),
    "SpecificityAtSensitivity": _classes("max"),
    "SquaredHinge": MetricFacts("min", kinds=("binary", "multilabel")),
    "TopKCategoricalAccuracy": MetricFacts("max", kinds=("multiclass",)),
    "TrueNegatives": _classes("max"),
    "TruePositives": _classes("max"),
}

#: The metrics of lossmetric_cli that scikit-learn computes after an epoch, by the names of their functions.
EXACT = {
    "average_precision": _classes("max"),
    "balanced_accuracy": MetricFacts("max", labels="class", probabilities=True, kinds=("binary", "multiclass"), counts=True),
    "cohen_kappa": MetricFacts("max", labels="class", probabilities=True, kinds=("binary", "multiclass"), counts=True),
    "exact_auc": _classes("max"),
    "exact_f1": _classes("max"),
    "exact_log_loss": MetricFacts("min", probabilities=True, kinds=("binary", "multiclass"), counts=True),
    "exact_precision": _classes("max"),
    "exact_r2": MetricFacts("max", kinds=("regression",)),
    "exact_recall": _classes("max"),
    "f1_macro": _classes("max"),
    "f1_micro": _classes("max"),
    "f1_per_class": _classes("max"),
    "f1_weighted": _classes("max"),
    "mcc": MetricFacts("max", labels="class", probabilities=True, kinds=("binary", "multiclass"), counts=True),
    "mean_average_precision": _classes("max"),
}


def loss_facts(loss: object) -> LossFacts:
    """Return what a loss, or a class of losses, asks for.

    A loss of the user's own is fed the shape of a prediction, whatever the task. A sum of losses has `facts` of its own:
    what its parts ask for together.
    """
    own = getattr(loss, "facts", None)
    return own if isinstance(own, LossFacts) else _of(loss if isinstance(loss, type) else type(loss), LOSSES) or LossFacts()


def as_metric(facts: LossFacts) -> MetricFacts:
    """Return what a loss asks for where it is a metric: less is better, and logits become the probabilities it reads."""
    return MetricFacts(
        "min",
        labels=facts.labels,
        probabilities=facts.takes_logits or facts.probabilities,
        kinds=facts.kinds,
        across_columns=facts.across_columns,
        fills=facts.fills,
    )


def metric_facts(metric: object) -> MetricFacts:
    """Return what a metric, or a class of metrics, asks for.

    A metric of the user's own is fed the shape of a prediction, its direction unknown.
    """
    return _of(metric if isinstance(metric, type) else type(metric), METRICS) or MetricFacts(None)


def _of(kind: type, table: dict[str, Any]) -> Any:
    """Return the entry of the nearest class of Keras or lmrun in the line of `kind`: a user's own may bear its name."""
    names = [base.__name__ for base in kind.__mro__ if base.__module__.split(".")[0] in ("keras", "lossmetric_cli")]
    return next((table[name] for name in names if name in table), None)
