"""What losses and metrics are by their definitions, in NumPy, SciPy and scikit-learn: what the tests hold Keras against.

Every function takes labels `y` and predictions `p`, both (rows, columns) in float64: a class as its one-hot row, the
predictions as the loss's head gives them (probabilities, margins, quantities).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import sklearn.metrics as sk
from scipy.special import rel_entr, softmax

from lossmetric_cli.task import Task

Formula = Callable[[np.ndarray, np.ndarray], float]

THRESHOLDS = np.linspace(0, 1, 200)
#: Tasks of every kind; the classes are more than the 5 of a top-5 accuracy.
TASKS = {
    "binary": Task("binary", (4,), 1, ("no", "yes")),
    "multiclass": Task("multiclass", (4,), 7, tuple("abcdefg")),
    "multilabel": Task("multilabel", (4,), 3, ("x", "y", "z")),
    "regression": Task("regression", (4,), 3),
}


@dataclass(frozen=True)
class Sample:
    """Labels in their natural form, and what a model may answer: `raw` is its last layer before the activation."""

    task: Task
    labels: np.ndarray
    raw: np.ndarray

    @property
    def dense(self) -> np.ndarray:
        return self.task.encode(self.labels, form="dense").astype("float64")

    def scores(self, activation: str) -> np.ndarray:
        """Return float32 predictions under an activation."""
        embedding = self.raw / np.linalg.norm(self.raw, axis=1, keepdims=True)
        heads = {
            "linear": self.raw,
            "sigmoid": 1 / (1 + np.exp(-self.raw)),
            "softmax": softmax(self.raw, axis=1),
            "exponential": np.exp(self.raw),
            "embedding": embedding,
        }
        return heads[activation].astype("float32")


def sample(kind: str, rows: int = 100) -> Sample:
    """Return random labels and answers that are right more often than not."""
    task, random = TASKS[kind], np.random.default_rng(7)
    if kind == "regression":
        labels = random.uniform(0.5, 4, (rows, task.units)).astype("float32")
        return Sample(task, labels, (labels + random.normal(0, 0.2, labels.shape)).astype("float32"))
    columns = {"binary": (), "multilabel": (task.units,)}.get(kind, ())
    labels = random.integers(0, 2 if kind != "multiclass" else task.units, (rows, *columns))
    dense = task.encode(labels, form="dense")
    return Sample(task, labels, (2 * dense - 1 + random.normal(0, 1.3, dense.shape)).astype("float32"))


def is_right(y: np.ndarray, p: np.ndarray) -> float:
    return sk.accuracy_score(y.argmax(axis=1), p.argmax(axis=1))


def binary_crossentropy(y: np.ndarray, p: np.ndarray) -> float:
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def categorical_crossentropy(y: np.ndarray, p: np.ndarray) -> float:
    return sk.log_loss(y.argmax(axis=1), p / p.sum(axis=1, keepdims=True), labels=range(y.shape[1]))


def of_right_class(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    return p[np.arange(len(p)), y.argmax(axis=1)]


def binary_focal(y: np.ndarray, p: np.ndarray, *, gamma: float = 2.0, alpha: float | None = None) -> float:
    """Lin et al., 2017, equations 4 and 5."""
    right = np.where(y == 1, p, 1 - p)
    weight = 1 if alpha is None else np.where(y == 1, alpha, 1 - alpha)
    return np.mean(-weight * (1 - right) ** gamma * np.log(right))


def categorical_focal(y: np.ndarray, p: np.ndarray, *, gamma: float = 2.0, alpha: float = 0.25) -> float:
    right = of_right_class(y, p)
    return np.mean(-alpha * (1 - right) ** gamma * np.log(right))


def generalized_crossentropy(y: np.ndarray, p: np.ndarray, *, q: float = 0.5) -> float:
    """Zhang and Sabuncu, 2018, equation 6."""
    return np.mean((1 - of_right_class(y, p) ** q) / q)


def hinge(y: np.ndarray, p: np.ndarray) -> float:
    return np.mean(np.maximum(0, 1 - (2 * y - 1) * p))


def squared_hinge(y: np.ndarray, p: np.ndarray) -> float:
    return np.mean(np.maximum(0, 1 - (2 * y - 1) * p) ** 2)


def categorical_hinge(y: np.ndarray, p: np.ndarray) -> float:
    """As Keras documents it: the best wrong score counts as 0 where it is below."""
    wrong = np.where(y == 1, 0, p).max(axis=1)
    return np.mean(np.maximum(0, 1 - of_right_class(y, p) + wrong))


def exponential(y: np.ndarray, p: np.ndarray) -> float:
    """Friedman et al., 2000, section 4: of labels -1 and 1."""
    return np.mean(np.exp(-(2 * y - 1) * p))


def brier(y: np.ndarray, p: np.ndarray) -> float:
    """Brier, 1950: of classes the sum over a row; of labels that are each on or off their mean."""
    if not is_one_hot(y):
        return np.mean([sk.brier_score_loss(truth, score) for truth, score in zip(y.T, p.T, strict=True)])
    whole = p / p.sum(axis=1, keepdims=True)
    return sk.brier_score_loss(y.argmax(axis=1), whole, labels=range(y.shape[1]), scale_by_half=False)


def huber(y: np.ndarray, p: np.ndarray, *, delta: float = 1.0) -> float:
    error = np.abs(y - p)
    return np.mean(np.where(error <= delta, error**2 / 2, delta * (error - delta / 2)))


def log_cosh(y: np.ndarray, p: np.ndarray) -> float:
    return np.mean(np.log(np.cosh(y - p)))


def poisson(y: np.ndarray, p: np.ndarray) -> float:
    return np.mean(p - y * np.log(p))


def cosine(y: np.ndarray, p: np.ndarray) -> float:
    lengths = np.linalg.norm(y, axis=1) * np.linalg.norm(p, axis=1)
    return np.mean(np.divide((y * p).sum(axis=1), lengths, out=np.zeros(len(y)), where=lengths > 0))


def dice(y: np.ndarray, p: np.ndarray) -> float:
    return 1 - 2 * (y * p).sum() / (y.sum() + p.sum())


def tversky(y: np.ndarray, p: np.ndarray, *, missed: float = 0.5, false_alarm: float = 0.5) -> float:
    """Salehi et al., 2017, equation 3, its two prices by what they are paid for."""
    overlap = (y * p).sum()
    return 1 - overlap / (overlap + missed * (y * (1 - p)).sum() + false_alarm * ((1 - y) * p).sum())


def circle(y: np.ndarray, p: np.ndarray, *, gamma: float = 80.0, margin: float = 0.4) -> float:
    """Sun et al., 2020, equation 5, over the rows of one batch; rows without a loss do not count in the mean."""
    similarity, same = p @ p.T, y @ y.T == 1
    losses = []
    for row in range(len(p)):
        others = np.arange(len(p)) != row
        near, far = similarity[row, same[row] & others], similarity[row, ~same[row]]
        pull = np.exp(-gamma * np.maximum(1 + margin - near, 0) * (near - (1 - margin))).sum()
        push = np.exp(gamma * np.maximum(far + margin, 0) * (far - margin)).sum()
        losses.append(np.log1p(pull * push))
    losses = np.array(losses)
    return losses[losses > 0].mean()


def row_correlation(y: np.ndarray, p: np.ndarray) -> float:
    return np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(y, p, strict=True)])


def row_concordance(y: np.ndarray, p: np.ndarray) -> float:
    """Lin, 1989, of each row's outputs."""
    covariance = ((y - y.mean(axis=1, keepdims=True)) * (p - p.mean(axis=1, keepdims=True))).mean(axis=1)
    return np.mean(2 * covariance / (y.var(axis=1) + p.var(axis=1) + (y.mean(axis=1) - p.mean(axis=1)) ** 2))


def confusion(y: np.ndarray, p: np.ndarray) -> tuple[int, int, int, int]:
    """Return true negatives, false positives, false negatives and true positives of all cells at the threshold 0.5."""
    return tuple(sk.confusion_matrix(y.ravel(), p.ravel() > 0.5).ravel())


def hits(y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return true and false positives of all cells at each of 200 thresholds."""
    above = p.ravel() > THRESHOLDS[:, None]
    return (above & (y.ravel() == 1)).sum(axis=1), (above & (y.ravel() == 0)).sum(axis=1)


def pr_area(y: np.ndarray, p: np.ndarray) -> float:
    """Davis and Goadrich, 2006: between two thresholds, true and false positives grow in proportion."""
    true, false = (np.append(counts, 0)[::-1] for counts in hits(y, p))
    area = 0.0
    for a, b, c, d in zip(true[:-1], true[1:], false[:-1], false[1:], strict=True):
        share = (np.arange(2000) + 0.5) / 2000
        area += np.mean((a + share * (b - a)) / np.maximum(a + share * (b - a) + c + share * (d - c), 1e-9)) * (b - a)
    return area / y.sum()


def best(wanted: str, given: str, least: float = 0.5) -> Formula:
    """Return the formula for the best `wanted` rate among the thresholds where the `given` one is at least so high."""

    def formula(y: np.ndarray, p: np.ndarray) -> float:
        true, false = hits(y, p)
        rates = {
            "recall": true / y.sum(),
            "precision": np.divide(true, true + false, out=np.zeros(len(true)), where=true + false > 0),
            "specificity": 1 - false / (1 - y).sum(),
        }
        return rates[wanted][rates[given] >= least].max()

    return formula


def f1(y: np.ndarray, p: np.ndarray) -> float:
    guess = np.eye(y.shape[1])[p.argmax(axis=1)] if is_one_hot(y) else p > 0.5
    return sk.f1_score(y, guess, average="macro") if y.shape[1] > 1 else sk.f1_score(y[:, 0], guess[:, 0])


def is_one_hot(y: np.ndarray) -> bool:
    return y.shape[1] > 1 and bool((y.sum(axis=1) == 1).all())


def class_overlap(y: np.ndarray, p: np.ndarray) -> float:
    """Intersection over union of each class, the mean."""
    if is_one_hot(y):
        return sk.jaccard_score(y.argmax(axis=1), p.argmax(axis=1), average="macro")
    return cell_overlap(y, p)


def cell_overlap(y: np.ndarray, p: np.ndarray) -> float:
    return np.mean([sk.jaccard_score(y.ravel() == value, (p.ravel() > 0.5) == value) for value in (0, 1)])


def cell_accuracy(y: np.ndarray, p: np.ndarray) -> float:
    return sk.accuracy_score(y.ravel(), p.ravel() > 0.5)


def accuracy(y: np.ndarray, p: np.ndarray) -> float:
    return is_right(y, p) if is_one_hot(y) else cell_accuracy(y, p)


def crossentropy(y: np.ndarray, p: np.ndarray) -> float:
    return categorical_crossentropy(y, p) if is_one_hot(y) else binary_crossentropy(y, p)


def top_5(y: np.ndarray, p: np.ndarray) -> float:
    return sk.top_k_accuracy_score(y.argmax(axis=1), p, k=5, labels=range(y.shape[1]))


def logarithmic_error(y: np.ndarray, p: np.ndarray) -> float:
    """As Keras documents it: what is below 0 counts as 0."""
    return sk.mean_squared_log_error(y, np.maximum(p, 0))


def percentage_error(y: np.ndarray, p: np.ndarray) -> float:
    return 100 * sk.mean_absolute_percentage_error(y, p)


LOSSES: dict[str, Formula] = {
    "binary_crossentropy": binary_crossentropy,
    "binary_focal_crossentropy": binary_focal,
    "brier": brier,
    "categorical_crossentropy": categorical_crossentropy,
    "categorical_focal_crossentropy": categorical_focal,
    "categorical_generalized_cross_entropy": generalized_crossentropy,
    "categorical_hinge": categorical_hinge,
    "circle": circle,
    "cosine_similarity": lambda y, p: -cosine(y, p),
    "dice": dice,
    "exponential": exponential,
    "hinge": hinge,
    "huber": huber,
    "kl_divergence": lambda y, p: rel_entr(y, p).sum(axis=1).mean(),
    "log_cosh": log_cosh,
    "mean_absolute_error": sk.mean_absolute_error,
    "mean_absolute_percentage_error": percentage_error,
    "mean_squared_error": sk.mean_squared_error,
    "mean_squared_logarithmic_error": logarithmic_error,
    "nce": categorical_crossentropy,
    "poisson": poisson,
    "quantile": lambda y, p: sk.mean_pinball_loss(y, p, alpha=0.5),
    "sampled_softmax": categorical_crossentropy,
    "sparse_categorical_crossentropy": categorical_crossentropy,
    "squared_hinge": squared_hinge,
    "tversky": tversky,
    "weighted_binary_crossentropy": binary_crossentropy,
}

METRICS: dict[str, Formula] = {
    "auc": lambda y, p: sk.roc_auc_score(y.ravel(), p.ravel()),
    "auc_pr": pr_area,
    "binary_accuracy": cell_accuracy,
    "binary_crossentropy": binary_crossentropy,
    "binary_iou": cell_overlap,
    "categorical_accuracy": is_right,
    "categorical_crossentropy": categorical_crossentropy,
    "categorical_hinge": categorical_hinge,
    "concordance_correlation": row_concordance,
    "cosine_similarity": cosine,
    "exact_accuracy": accuracy,
    "f1_score": f1,
    "false_negatives": lambda y, p: confusion(y, p)[2],
    "false_positives": lambda y, p: confusion(y, p)[1],
    "fbeta_score": f1,
    "hinge": hinge,
    "iou": class_overlap,
    "kl_divergence": LOSSES["kl_divergence"],
    "log_cosh_error": log_cosh,
    "mean_absolute_error": sk.mean_absolute_error,
    "mean_absolute_percentage_error": percentage_error,
    "mean_iou": class_overlap,
    "mean_squared_error": sk.mean_squared_error,
    "mean_squared_logarithmic_error": logarithmic_error,
    "one_hot_iou": class_overlap,
    "one_hot_mean_iou": class_overlap,
    "pearson_correlation": row_correlation,
    "poisson": poisson,
    "precision": lambda y, p: sk.precision_score(y.ravel(), p.ravel() > 0.5),
    "precision_at_recall": best("precision", given="recall"),
    "r2_score": sk.r2_score,
    "recall": lambda y, p: sk.recall_score(y.ravel(), p.ravel() > 0.5),
    "recall_at_precision": best("recall", given="precision"),
    "root_mean_squared_error": lambda y, p: np.sqrt(sk.mean_squared_error(y, p)),
    "sensitivity_at_specificity": best("recall", given="specificity"),
    "sparse_categorical_accuracy": is_right,
    "sparse_categorical_crossentropy": categorical_crossentropy,
    "sparse_top_k_categorical_accuracy": top_5,
    "specificity_at_sensitivity": best("specificity", given="recall"),
    "squared_hinge": squared_hinge,
    "top_k_categorical_accuracy": top_5,
    "true_negatives": lambda y, p: confusion(y, p)[0],
    "true_positives": lambda y, p: confusion(y, p)[3],
}
