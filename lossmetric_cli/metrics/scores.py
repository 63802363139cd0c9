"""The metrics that scikit-learn computes exactly, from the labels and probabilities of all rows at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lossmetric_cli.errors import ConfigError, did_you_mean
from lossmetric_cli.metrics.whole import Exact
from lossmetric_cli.task import Task

_AVERAGES = ("macro", "micro", "weighted", None)
Score = Callable[[np.ndarray, np.ndarray], float]


def exact_auc(*, task: Task, name: str = "exact_auc", average: str | None = "macro", multi_class: str = "ovr") -> Exact:
    """Return the area under the ROC curve, without the grid of thresholds of Keras' AUC.

    Of several classes each against the rest (`ovr`), or every pair of classes by itself (`ovo`: Hand and Till, 2001).
    """
    _check(average, _AVERAGES, path=f"metrics.{name}.average")
    _check(multi_class, ("ovr", "ovo"), path=f"metrics.{name}.multi_class")
    is_paired = task.kind == "multiclass" and multi_class == "ovo"
    if is_paired and average not in ("macro", "weighted"):
        raise ConfigError(f"metrics.{name}.average: pairs of classes (ovo) have a macro and a weighted mean; type macro")

    def score(labels: np.ndarray, scores: np.ndarray) -> Any:
        if is_paired:
            return _of_pairs(labels, scores, is_weighted=average == "weighted")
        return _averaged(_roc_area, labels, scores, task=task, average=average)

    traits = [average or "per class", *(["ovo"] if is_paired else [])] if task.kind != "binary" else []
    return _exact(name, "roc_auc_score", score, task=task, traits=traits, average=average if task.kind != "binary" else "")


def average_precision(*, task: Task, name: str = "average_precision", average: str | None = "macro") -> Exact:
    """Return the average precision: precision at every score that finds a positive, weighted by the recall it gains."""
    _check(average, _AVERAGES, path=f"metrics.{name}.average")
    is_binary = task.kind == "binary"
    traits = [] if is_binary else [average or "per class"]

    def score(labels: np.ndarray, scores: np.ndarray) -> Any:
        return _averaged(_precision_area, labels, scores, task=task, average=average)

    return _exact(name, "average_precision_score", score, task=task, traits=traits, average="" if is_binary else average)


def mean_average_precision(*, task: Task, name: str = "mean_average_precision") -> Exact:
    """Return mAP: the mean over labels, or classes, of their average precision."""
    return average_precision(task=task, name=name, average="macro")


def exact_log_loss(*, task: Task, name: str = "exact_log_loss") -> Exact:
    """Return minus the mean logarithm of the probability of the right class."""

    def score(labels: np.ndarray, scores: np.ndarray) -> Any:
        from sklearn.metrics import log_loss

        return log_loss(labels, np.clip(scores, 0, 1), labels=np.arange(max(task.units, 2)))

    return _exact(name, "log_loss", score, task=task, direction="min")


def balanced_accuracy(*, task: Task, name: str = "balanced_accuracy", adjusted: bool = False) -> Exact:
    """Return the mean over classes of their recall; `adjusted`: 0 for chance, 1 for perfect."""

    def score(labels: np.ndarray, scores: np.ndarray) -> Any:
        from sklearn.metrics import balanced_accuracy_score

        return _of_answers(lambda y, p: balanced_accuracy_score(y, p, adjusted=adjusted), labels, scores, task=task)

    return _exact(name, "balanced_accuracy_score", score, task=task, traits=["adjusted"] if adjusted else [])


def mcc(*, task: Task, name: str = "mcc") -> Exact:
    """Return Matthews' correlation of true and predicted classes (Matthews, 1975; of several classes: Gorodkin, 2004)."""

    def score(labels: np.ndarray, scores: np.ndarray) -> Any:
        from sklearn.metrics import matthews_corrcoef

        return _of_answers(matthews_corrcoef, labels, scores, task=task)

    return _exact(name, "matthews_corrcoef", score, task=task)


def cohen_kappa(*, task: Task, name: str = "cohen_kappa", weights: str | None = None) -> Exact:
    """Return the agreement beyond chance of true and predicted classes (Cohen, 1960; `weights`: Cohen, 1968)."""
    _check(weights, (None, "linear", "quadratic"), path=f"metrics.{name}.weights")

    def score(labels: np.ndarray, scores: np.ndarray) -> Any:
        from sklearn.metrics import cohen_kappa_score

        classes = np.arange(max(task.units, 2))
        return _of_answers(lambda y, p: cohen_kappa_score(y, p, labels=classes, weights=weights), labels, scores, task=task)

    return _exact(name, "cohen_kappa_score", score, task=task, traits=[weights] if weights else [])


def exact_f1(*, task: Task, name: str = "exact_f1", average: str | None = "auto", threshold: float = 0.5) -> Exact:
    """Return the harmonic mean of precision and recall.

    `average="auto"` is the second class of a binary task, and macro for several classes or labels. `threshold` parts yes
    from no for binary and multi-label tasks; one of several classes is the one with the largest score.
    """
    return _counted("f1_score", task=task, name=name, average=average, threshold=threshold)


def exact_precision(
    *, task: Task, name: str = "exact_precision", average: str | None = "auto", threshold: float = 0.5
) -> Exact:
    """Return the share of predicted rows of a class that are of it, averaged as `exact_f1` is."""
    return _counted("precision_score", task=task, name=name, average=average, threshold=threshold)


def exact_recall(*, task: Task, name: str = "exact_recall", average: str | None = "auto", threshold: float = 0.5) -> Exact:
    """Return the share of rows of a class that are found, averaged as `exact_f1` is."""
    return _counted("recall_score", task=task, name=name, average=average, threshold=threshold)


def f1_macro(*, task: Task, name: str = "f1_macro", threshold: float = 0.5) -> Exact:
    """Return the mean of the classes' F1, all alike; of a binary task both classes count."""
    return exact_f1(task=task, name=name, average="macro", threshold=threshold)


def f1_micro(*, task: Task, name: str = "f1_micro", threshold: float = 0.5) -> Exact:
    """Return F1 of all cells in one pool: for one class a row that is the accuracy."""
    return exact_f1(task=task, name=name, average="micro", threshold=threshold)


def f1_weighted(*, task: Task, name: str = "f1_weighted", threshold: float = 0.5) -> Exact:
    """Return the mean of the classes' F1, weighted by their rows."""
    return exact_f1(task=task, name=name, average="weighted", threshold=threshold)


def f1_per_class(*, task: Task, name: str = "f1_per_class", threshold: float = 0.5) -> Exact:
    """Return F1 of each class or label, a column for each."""
    return exact_f1(task=task, name=name, average=None, threshold=threshold)


def exact_r2(*, task: Task, name: str = "exact_r2", multioutput: str | None = "uniform_average") -> Exact:
    """Return 1 − Σ(y − p)² / Σ(y − mean)², in float64, where Keras' R2Score loses large means in float32."""
    _check(multioutput, ("uniform_average", "variance_weighted", None), path=f"metrics.{name}.multioutput")

    def score(labels: np.ndarray, scores: np.ndarray) -> Any:
        from sklearn.metrics import r2_score

        if len(labels) < 2:
            return np.nan
        numbers = labels.astype("float64"), scores.astype("float64")
        return r2_score(*numbers, multioutput=multioutput or "raw_values", force_finite=False)

    return _exact(name, "r2_score", score, task=task, traits=[] if multioutput else ["per target"], average=multioutput)


def _exact(
    name: str,
    function: str,
    score: Callable[[np.ndarray, np.ndarray], Any],
    *,
    task: Task,
    traits: Sequence[str] = (),
    average: str | None = "",
    direction: str = "max",
) -> Exact:
    """Return the metric of a score; with an average of None it gives as many values as there are classes or targets."""
    told = f"{function}({', '.join(traits)})" if traits else function
    several = (2 if task.kind == "binary" else task.units) if average is None else 1
    return Exact(name=name, told=told, direction=direction, score=score, task=task, several=several)


def _counted(function: str, *, task: Task, name: str, average: str | None, threshold: float) -> Exact:
    """Return precision, recall or F1.

    Where scikit-learn divides nothing by nothing it says 0, as here, but for a class without a row in the part: alone in
    its column, or the positive one of a binary task, it has no value.
    """
    _check(average, ("auto", *_AVERAGES), path=f"metrics.{name}.average")
    average = average if average != "auto" else "binary" if task.kind == "binary" else "macro"

    def score(labels: np.ndarray, scores: np.ndarray) -> Any:
        from sklearn import metrics

        compute, answers = getattr(metrics, function), _answers(scores, task=task, threshold=threshold)
        if average is not None:
            has_rows = average != "binary" or labels.any()
            return compute(labels, answers, average=average, zero_division=0) if has_rows else np.nan
        classes = np.arange(max(task.units, 2))
        values = compute(labels, answers, average=None, labels=classes, zero_division=0)
        rows = labels.sum(axis=0) if task.kind == "multilabel" else np.bincount(labels, minlength=len(classes))
        return np.where(rows > 0, values, np.nan)

    traits = [] if average == "binary" else [average or "per class"]
    return _exact(name, function, score, task=task, traits=traits, average=average)


def _answers(scores: np.ndarray, *, task: Task, threshold: float = 0.5) -> np.ndarray:
    """Return the predicted classes: the one with the largest score, or yes above the threshold."""
    return scores.argmax(axis=1) if task.kind == "multiclass" else (scores > threshold).astype("int64")


def _of_answers(compute: Score, labels: np.ndarray, scores: np.ndarray, *, task: Task) -> float:
    """Return a score of predicted classes; rows that are all of one class say nothing of agreement."""
    return compute(labels, _answers(scores, task=task)) if len(np.unique(labels)) > 1 else np.nan


def _averaged(score: Score, labels: np.ndarray, scores: np.ndarray, *, task: Task, average: str | None) -> Any:
    """Return the score of a binary task, or of every class against the rest, averaged as scikit-learn does."""
    if task.kind == "binary":
        return score(labels, scores)
    cells = np.eye(task.units)[labels] if task.kind == "multiclass" else labels
    if average == "micro":
        return score(cells.ravel(), scores.ravel())
    values = np.array([score(cells[:, column], scores[:, column]) for column in range(task.units)])
    return values if average is None else np.average(values, weights=cells.sum(axis=0) if average == "weighted" else None)


def _of_pairs(labels: np.ndarray, scores: np.ndarray, *, is_weighted: bool) -> float:
    """Return the mean over pairs of classes of the mean of their two AUCs, by rows of the pair if weighted."""
    pairs = [(a, b) for a in range(scores.shape[1]) for b in range(a)]
    values, rows = [], []
    for a, b in pairs:
        among = (labels == a) | (labels == b)
        values.append(np.mean([_roc_area(labels[among] == one, scores[among, one]) for one in (a, b)]))
        rows.append(among.sum())
    return float(np.average(values, weights=rows if is_weighted else None))


def _roc_area(labels: np.ndarray, scores: np.ndarray) -> float:
    from sklearn.metrics import roc_auc_score

    return roc_auc_score(labels, scores) if len(np.unique(labels)) == 2 else np.nan


def _precision_area(labels: np.ndarray, scores: np.ndarray) -> float:
    from sklearn.metrics import average_precision_score

    return average_precision_score(labels, scores) if labels.any() else np.nan


def _check(value: Any, allowed: Sequence[Any], *, path: str) -> None:
    if value not in allowed:
        words = ["null" if word is None else word for word in allowed]
        hint = did_you_mean(str(value), words) or f"; type one of {', '.join(words)}"
        raise ConfigError(f"{path}: '{value}' is not one of its words{hint}")
