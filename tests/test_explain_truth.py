"""What the cards say is so: formulas, steps and figures against Keras itself, so that a change of Keras shows up."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf

from lossmetric_cli.explain import explain, sheets
from lossmetric_cli.explain.cards import CARDS, SCHEDULES
from lossmetric_cli.explain.topics import Topic
from lossmetric_cli.losses import Brier, Exponential

TOPICS = [Topic(group, name) for group in CARDS for name in CARDS[group]]
Formula = Callable[..., Any]


def by_topic(chosen: list[Topic]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("topic", chosen, ids=lambda topic: f"{topic.group}/{topic.name}")


def flat(text: str) -> str:
    """Return a page without the breaks of its lines."""
    return " ".join(text.split())


# Formulas

RANDOM = np.random.default_rng(3)
C, N = 6, 40
CLASSES = RANDOM.integers(0, C, N)
ONE_HOT = np.eye(C)[CLASSES]
LOGITS = RANDOM.normal(size=(N, C)) + 1.5 * ONE_HOT
SOFT = RANDOM.dirichlet(np.ones(C), N)
P = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
BITS = RANDOM.integers(0, 2, (N, 3))
Z = RANDOM.normal(size=(N, 3)) + 2 * BITS - 1
Q = 1 / (1 + np.exp(-Z))
Y = RANDOM.uniform(0.5, 4, (N, 3))
GUESS = np.abs(Y + RANDOM.normal(0, 0.7, (N, 3)))
SETS = {
    "bits": (BITS, Q),
    "margins": (BITS, Z),
    "logits of bits": (BITS, Z),
    "classes": (ONE_HOT, P),
    "logits": (ONE_HOT, LOGITS),
    "soft": (SOFT, P),
    "numbers": (Y, GUESS),
    "index": (CLASSES, P),
}


def truth(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Return the probability that is given to what is so."""
    return np.where(y == 1, p, 1 - p)


def right(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    return p[np.arange(len(p)), y if y.ndim == 1 else y.argmax(axis=1)]


def cosine(y: np.ndarray, p: np.ndarray) -> float:
    return np.mean((y * p).sum(axis=1) / np.linalg.norm(y, axis=1) / np.linalg.norm(p, axis=1))


def huber(y: np.ndarray, p: np.ndarray, delta: float = 1.0) -> float:
    e = y - p
    return np.mean(np.where(np.abs(e) <= delta, e**2 / 2, delta * np.abs(e) - delta**2 / 2))


def best_wrong(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    return np.maximum(0, np.where(y == 1, -np.inf, p).max(axis=1))


def counts(y: np.ndarray, p: np.ndarray) -> tuple[float, float, float]:
    """Return true positives, false positives and false negatives of all cells."""
    claimed = p > 0.5
    return (claimed & (y == 1)).sum(), (claimed & (y == 0)).sum(), (~claimed & (y == 1)).sum()


def pairs(y: np.ndarray, p: np.ndarray) -> float:
    """Return the share of pairs in which the positive has the larger score, ties counting one half."""
    difference = p[y == 1][:, None] - p[y == 0][None, :]
    return np.mean((difference > 0) + 0.5 * (difference == 0))


def f_score(y: np.ndarray, p: np.ndarray, beta: float = 1.0) -> float:
    chosen = np.eye(p.shape[1])[p.argmax(axis=1)]
    tp, fp, fn = ((a * b).sum(axis=0) for a, b in ((chosen, y), (chosen, 1 - y), (1 - chosen, y)))
    precision, recall = tp / (tp + fp), tp / (tp + fn)
    return np.mean((1 + beta**2) * precision * recall / (beta**2 * precision + recall))


def overlap(y: np.ndarray, p: np.ndarray) -> float:
    """Return the mean over classes of TP/(TP + FP + FN) for class numbers."""
    return np.mean([((y == c) & (p == c)).sum() / ((y == c) | (p == c)).sum() for c in range(C)])


def row_correlation(y: np.ndarray, p: np.ndarray) -> float:
    a, b = (x - x.mean(axis=1, keepdims=True) for x in (y, p))
    return np.mean((a * b).mean(axis=1) / y.std(axis=1) / p.std(axis=1))


def row_concordance(y: np.ndarray, p: np.ndarray) -> float:
    a, b = (x - x.mean(axis=1, keepdims=True) for x in (y, p))
    gap = (y.mean(axis=1) - p.mean(axis=1)) ** 2
    return np.mean(2 * (a * b).mean(axis=1) / (y.var(axis=1) + p.var(axis=1) + gap))


def circle(y: np.ndarray, p: np.ndarray, gamma: float = 80.0, margin: float = 0.4) -> float:
    s, same = p @ p.T, y[:, None] == y[None, :]
    itself = np.eye(len(p), dtype=bool)
    near = np.where(same & ~itself, np.exp(-gamma * np.maximum(0, 1 + margin - s) * (s - 1 + margin)), 0).sum(axis=1)
    far = np.where(~same, np.exp(gamma * np.maximum(0, s + margin) * (s - margin)), 0).sum(axis=1)
    values = np.log1p(near * far)
    return values[values > 0].mean()


def tversky(y: np.ndarray, p: np.ndarray, alpha: float, beta: float) -> float:
    o, missed, false = (y * p).sum(), (y * (1 - p)).sum(), ((1 - y) * p).sum()
    return 1 - o / (o + alpha * missed + beta * false)


#: For each name: what its card's formula says, the rows, the formula in NumPy, and settings of the class.
FORMULAS: dict[tuple[str, str], list[tuple[str, str, Formula, dict[str, Any]]]] = {
    ("loss", "binary_crossentropy"): [
        ("−[y·log(p) + (1 − y)·log(1 − p)]", "bits", lambda y, p: np.mean(-(y * np.log(p) + (1 - y) * np.log(1 - p))), {}),
        (
            "max(z, 0) − z·y + log(1 + exp(−|z|))",
            "logits of bits",
            lambda y, z: np.mean(np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))),
            {"from_logits": True},
        ),
        (
            "y·(1 − label_smoothing) + label_smoothing/2",
            "bits",
            lambda y, p: np.mean(-((y * 0.8 + 0.1) * np.log(p) + (1 - y * 0.8 - 0.1) * np.log(1 - p))),
            {"label_smoothing": 0.2},
        ),
    ],
    ("loss", "binary_focal_crossentropy"): [
        ("−a·(1 − q)^gamma·log(q)", "bits", lambda y, p: np.mean(-((1 - truth(y, p)) ** 2) * np.log(truth(y, p))), {}),
        (
            "alpha where y is 1, 1 − alpha where y is 0",
            "bits",
            lambda y, p: np.mean(-np.where(y == 1, 0.3, 0.7) * (1 - truth(y, p)) ** 2 * np.log(truth(y, p))),
            {"alpha": 0.3, "apply_class_balancing": True},
        ),
    ],
    ("loss", "categorical_crossentropy"): [
        ("−Σ y·log(p)", "soft", lambda y, p: np.mean(-(y * np.log(p)).sum(axis=1)), {}),
        ("−log(p of the right class)", "classes", lambda y, p: np.mean(-np.log(right(y, p))), {}),
        (
            "log(Σ exp(z)) − z of the right class",
            "logits",
            lambda y, z: np.mean(np.log(np.exp(z).sum(axis=1)) - right(y, z)),
            {"from_logits": True},
        ),
        (
            "y·(1 − label_smoothing) + label_smoothing/C",
            "classes",
            lambda y, p: np.mean(-((y * 0.9 + 0.1 / C) * np.log(p)).sum(axis=1)),
            {"label_smoothing": 0.1},
        ),
    ],
    ("loss", "sparse_categorical_crossentropy"): [
        ("−log(p of class y)", "index", lambda y, p: np.mean(-np.log(right(y, p))), {}),
    ],
    ("loss", "categorical_focal_crossentropy"): [
        (
            "−alpha·(1 − q)^gamma·log(q)",
            "classes",
            lambda y, p: np.mean(-0.25 * (1 - right(y, p)) ** 2 * np.log(right(y, p))),
            {},
        ),
    ],
    ("loss", "categorical_generalized_cross_entropy"): [
        ("(1 − p^q)/q", "index", lambda y, p: np.mean((1 - right(y, p) ** 0.7) / 0.7), {"q": 0.7}),
    ],
    ("loss", "categorical_hinge"): [
        ("max(0, 1 − z + w)", "logits", lambda y, z: np.mean(np.maximum(0, 1 - right(y, z) + best_wrong(y, z))), {}),
    ],
    ("loss", "hinge"): [("max(0, 1 − y·z)", "margins", lambda y, z: np.mean(np.maximum(0, 1 - (2 * y - 1) * z)), {})],
    ("loss", "sampled_softmax"): [("−log(p of class y)", "index", lambda y, p: np.mean(-np.log(right(y, p))), {})],
    ("loss", "nce"): [("−log(p of class y)", "index", lambda y, p: np.mean(-np.log(right(y, p))), {})],
    ("loss", "squared_hinge"): [
        ("max(0, 1 − y·z)²", "margins", lambda y, z: np.mean(np.maximum(0, 1 - (2 * y - 1) * z) ** 2), {}),
    ],
    ("loss", "kl_divergence"): [("Σ y·log(y/p)", "soft", lambda y, p: np.mean((y * np.log(y / p)).sum(axis=1)), {})],
    ("loss", "dice"): [("1 − 2·Σ y·p / (Σ y + Σ p)", "bits", lambda y, p: 1 - 2 * (y * p).sum() / (y.sum() + p.sum()), {})],
    ("loss", "tversky"): [
        ("1 − O/(O + alpha·M + beta·F)", "bits", lambda y, p: tversky(y, p, 0.8, 0.3), {"alpha": 0.8, "beta": 0.3}),
    ],
    ("loss", "cosine_similarity"): [("−Σ y·p / (‖y‖·‖p‖)", "numbers", lambda y, p: -cosine(y, p), {})],
    ("loss", "mean_squared_error"): [("e²", "numbers", lambda y, p: np.mean((y - p) ** 2), {})],
    ("loss", "mean_absolute_error"): [("|e|", "numbers", lambda y, p: np.mean(np.abs(y - p)), {})],
    ("loss", "huber"): [
        ("½·e² where |e| ≤ delta", "numbers", huber, {}),
        ("delta·|e| − ½·delta²", "numbers", lambda y, p: huber(y, p, 0.4), {"delta": 0.4}),
    ],
    ("loss", "log_cosh"): [("log(cosh(e))", "numbers", lambda y, p: np.mean(np.log(np.cosh(y - p))), {})],
    ("loss", "mean_absolute_percentage_error"): [
        ("100·|e|/max(|y|, 1e-7)", "numbers", lambda y, p: np.mean(100 * np.abs(y - p) / np.abs(y)), {}),
    ],
    ("loss", "mean_squared_logarithmic_error"): [
        ("(log(1 + y) − log(1 + p))²", "numbers", lambda y, p: np.mean((np.log1p(y) - np.log1p(p)) ** 2), {}),
    ],
    ("loss", "poisson"): [("p − y·log(p + 1e-7)", "numbers", lambda y, p: np.mean(p - y * np.log(p + 1e-7)), {})],
    ("loss", "quantile"): [
        ("max(tau·e, (tau − 1)·e)", "numbers", lambda y, p: np.mean(np.maximum(0.9 * (y - p), -0.1 * (y - p))), {"tau": 0.9}),
    ],
    ("loss", "exponential"): [("exp(−y·z)", "margins", lambda y, z: np.mean(np.exp(-(2 * y - 1) * z)), {})],
    ("loss", "weighted_binary_crossentropy"): [
        (
            "−[pos_weight·y·log(p) + (1 − y)·log(1 − p)]",
            "bits",
            lambda y, p: np.mean(-(3 * y * np.log(p) + (1 - y) * np.log(1 - p))),
            {"pos_weight": 3.0},
        ),
        (
            "(1 − y)·z + (1 + (pos_weight − 1)·y)·(log(1 + exp(−|z|)) + max(−z, 0))",
            "logits of bits",
            lambda y, z: np.mean((1 - y) * z + (1 + 2 * y) * (np.log1p(np.exp(-np.abs(z))) + np.maximum(-z, 0))),
            {"pos_weight": 3.0, "from_logits": True},
        ),
    ],
    ("loss", "brier"): [("Σ (p − y)²", "soft", lambda y, p: np.mean(((p - y) ** 2).sum(axis=1)), {})],
    ("metrics", "binary_accuracy"): [
        ("mean of 1 where (p > threshold) = y", "bits", lambda y, p: np.mean((p > 0.3) == y), {"threshold": 0.3}),
    ],
    ("metrics", "categorical_accuracy"): [
        ("argmax(p) = argmax(y)", "classes", lambda y, p: np.mean(p.argmax(axis=1) == y.argmax(axis=1)), {}),
    ],
    ("metrics", "sparse_categorical_accuracy"): [("argmax(p) = y", "index", lambda y, p: np.mean(p.argmax(axis=1) == y), {})],
    ("metrics", "top_k_categorical_accuracy"): [
        (
            "among the k largest p",
            "classes",
            lambda y, p: np.mean([k in order for k, order in zip(y.argmax(axis=1), p.argsort(axis=1)[:, -2:], strict=True)]),
            {"k": 2},
        ),
    ],
    ("metrics", "auc"): [("ties counting one half", "bits", pairs, {"num_thresholds": 20000})],
    ("metrics", "precision"): [("TP/(TP + FP)", "bits", lambda y, p: counts(y, p)[0] / sum(counts(y, p)[:2]), {})],
    ("metrics", "recall"): [("TP/(TP + FN)", "bits", lambda y, p: counts(y, p)[0] / sum(counts(y, p)[::2]), {})],
    ("metrics", "f1_score"): [("2·precision·recall/(precision + recall)", "classes", f_score, {"average": "macro"})],
    ("metrics", "fbeta_score"): [
        (
            "(1 + beta²)·precision·recall/(beta²·precision + recall)",
            "classes",
            lambda y, p: f_score(y, p, 2.0),
            {"average": "macro", "beta": 2.0},
        ),
    ],
    ("metrics", "true_positives"): [("y = 1 and p > 0.5", "bits", lambda y, p: counts(y, p)[0], {})],
    ("metrics", "false_positives"): [("y = 0 and p > 0.5", "bits", lambda y, p: counts(y, p)[1], {})],
    ("metrics", "false_negatives"): [("y = 1 and p ≤ 0.5", "bits", lambda y, p: counts(y, p)[2], {})],
    ("metrics", "one_hot_mean_iou"): [
        (
            "mean of TP/(TP + FP + FN) over the classes",
            "classes",
            lambda y, p: overlap(y.argmax(axis=1), p.argmax(axis=1)),
            {"num_classes": C},
        ),
    ],
    ("metrics", "root_mean_squared_error"): [("√(mean of e²)", "numbers", lambda y, p: np.sqrt(np.mean((y - p) ** 2)), {})],
    ("metrics", "r2_score"): [
        (
            "1 − Σ e² / Σ (y − m)²",
            "numbers",
            lambda y, p: np.mean(1 - ((y - p) ** 2).sum(axis=0) / ((y - y.mean(axis=0)) ** 2).sum(axis=0)),
            {},
        ),
    ],
    ("metrics", "pearson_correlation"): [
        ("(y − mean(y))·(p − mean(p)) / (sd(y)·sd(p))", "numbers", row_correlation, {}),
    ],
    ("metrics", "concordance_correlation"): [
        ("2·cov(y, p) / (var(y) + var(p) + (mean(y) − mean(p))²)", "numbers", row_concordance, {}),
    ],
    ("metrics", "cosine_similarity"): [("Σ y·p / (‖y‖·‖p‖)", "numbers", cosine, {})],
}


def keras_value(target: str, y: np.ndarray, p: np.ndarray, settings: dict[str, Any]) -> float:
    """Return what a loss or a metric of Keras says of rows."""
    module, _, name = target.rpartition(".")
    made = getattr(importlib.import_module(module), name)(**settings)
    y, p = y.astype("float32") if y.ndim > 1 else y, p.astype("float32")
    if module.endswith(".losses"):
        return float(made(y, p))
    made.update_state(y, p)
    return float(made.result())


@pytest.mark.parametrize(
    ("topic", "said", "rows", "formula", "settings"),
    [
        pytest.param(Topic(*key), *case, id=f"{'/'.join(key)}-{number}")
        for key, cases in FORMULAS.items()
        for number, case in enumerate(cases)
    ],
)
def test_formula_of_a_card_is_what_keras_computes(
    topic: Topic, said: str, rows: str, formula: Formula, settings: dict[str, Any]
):
    assert said in flat(sheets.card_of(topic).formula)
    value = keras_value(sheets.target_of(topic), *SETS[rows], settings)
    assert value == pytest.approx(float(formula(*SETS[rows])), rel=2e-4)


def test_formula_of_circle_is_what_keras_computes():
    vectors = LOGITS / np.linalg.norm(LOGITS, axis=1, keepdims=True)
    assert "log(1 + P·N)" in sheets.card_of(Topic("loss", "circle")).formula
    assert keras_value("keras.losses.Circle", CLASSES, vectors, {}) == pytest.approx(circle(CLASSES, vectors), rel=1e-3)


@by_topic([topic for topic in TOPICS if topic.group == "metrics" and sheets.card_of(topic).twin and sheets.facts_of(topic)])
def test_metric_with_a_twin_computes_what_the_loss_does(topic: Topic):
    twin = Topic("loss", sheets.card_of(topic).twin)
    rows = {"index": "index", "dense": "numbers"}[sheets.facts_of(topic).labels]
    rows = "soft" if topic.name in ("kl_divergence", "categorical_crossentropy") else rows
    rows = "bits" if topic.name == "binary_crossentropy" else "logits" if topic.name == "categorical_hinge" else rows
    sign = -1 if topic.name == "cosine_similarity" else 1
    values = [keras_value(sheets.target_of(one), *SETS[rows], {}) for one in (topic, twin)]
    assert values[0] == pytest.approx(sign * values[1], rel=1e-4)
    if sign == 1:
        first = [sheets.card_of(one).formula.splitlines()[0].partition("= ")[2] for one in (topic, twin)]
        assert first[0] == first[1]


GRADIENTS = [RANDOM.normal(size=(4, 3)) for _ in range(4)]
START = RANDOM.normal(size=(4, 3))


def stepped(optimizer: keras.optimizers.Optimizer) -> np.ndarray:
    """Return the weights after some steps of Keras."""
    weight = keras.Variable(START.astype("float32"))
    for gradient in GRADIENTS:
        optimizer.apply([keras.ops.convert_to_tensor(gradient.astype("float32"))], [weight])
    return keras.ops.convert_to_numpy(weight)


def sgd(nesterov: bool) -> np.ndarray:
    w, v = START.copy(), 0
    for g in GRADIENTS:
        v = 0.9 * v - 0.1 * g
        w = w + 0.9 * v - 0.1 * g if nesterov else w + v
    return w


def adam(decay: float = 0.0) -> np.ndarray:
    w, m, v = START.copy(), 0, 0
    for t, g in enumerate(GRADIENTS, start=1):
        w = w - 0.1 * decay * w
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        w = w - 0.1 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(v) + 1e-7)
    return w


def nadam() -> np.ndarray:
    w, m, v, product = START.copy(), 0, 0, 1
    for t, g in enumerate(GRADIENTS, start=1):
        c, after = (0.9 * (1 - 0.5 * 0.96**step) for step in (t, t + 1))
        product *= c
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        h = after * m / (1 - product * after) + (1 - c) * g / (1 - product)
        w = w - 0.1 * h / (np.sqrt(v / (1 - 0.999**t)) + 1e-7)
    return w


def adamax() -> np.ndarray:
    w, m, u = START.copy(), 0, 0
    for t, g in enumerate(GRADIENTS, start=1):
        m, u = 0.9 * m + 0.1 * g, np.maximum(0.999 * u, np.abs(g))
        w = w - 0.1 / (1 - 0.9**t) * m / (u + 1e-7)
    return w


def rmsprop(*, is_centered: bool, momentum: float) -> np.ndarray:
    w, v, a, b = START.copy(), 0, 0, 0
    for g in GRADIENTS:
        v, a = 0.9 * v + 0.1 * g**2, 0.9 * a + 0.1 * g
        b = momentum * b + 0.1 * g / np.sqrt(v - (a**2 if is_centered else 0) + 1e-7)
        w = w - b
    return w


def adagrad() -> np.ndarray:
    w, a = START.copy(), 0.1
    for g in GRADIENTS:
        a = a + g**2
        w = w - 0.1 * g / np.sqrt(a + 1e-7)
    return w


def adadelta() -> np.ndarray:
    w, a, b = START.copy(), 0, 0
    for g in GRADIENTS:
        a = 0.95 * a + 0.05 * g**2
        d = g * np.sqrt(b + 1e-7) / np.sqrt(a + 1e-7)
        b = 0.95 * b + 0.05 * d**2
        w = w - 0.1 * d
    return w


def ftrl() -> np.ndarray:
    w, n, z, lr, l1, l2, p, beta = START.copy(), 0.1, 0, 0.1, 0.2, 0.3, -0.5, 0.4
    for g in GRADIENTS:
        k = n + g**2
        z = z + g - w * (k**-p - n**-p) / lr
        n = k
        w = (np.clip(z, -l1, l1) - z) / (k**-p / lr + 2 * l2 + beta / lr)
    return w


def lion() -> np.ndarray:
    w, m = START.copy(), 0
    for g in GRADIENTS:
        w = w - 0.1 * np.sign(0.9 * m + 0.1 * g)
        m = 0.99 * m + 0.01 * g
    return w


def lamb() -> np.ndarray:
    w, m, v = START.copy(), 0, 0
    for t, g in enumerate(GRADIENTS, start=1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        u = m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-7)
        w = w - 0.1 * np.linalg.norm(w) / np.linalg.norm(u) * u
    return w


def adafactor() -> np.ndarray:
    w, r, c = START.copy(), 0, 0
    for t, g in enumerate(GRADIENTS, start=1):
        kept = 1 - t**-0.8
        r = kept * r + (1 - kept) * (g**2).mean(axis=1)
        c = kept * c + (1 - kept) * (g**2).mean(axis=0)
        u = g / np.sqrt(r[:, None] * c[None, :] / r.mean())
        size = max(0.001, np.sqrt(np.mean(w**2))) * min(0.1, 1 / np.sqrt(t))
        w = w - size * u / max(1, np.sqrt(np.mean(u**2)))
    return w


def schedule_free() -> np.ndarray:
    """As the card says, and not as the paper: x is found again from the new z."""
    w, z, v = START.copy(), START.copy(), 0
    for t, g in enumerate(GRADIENTS, start=1):
        v = 0.999 * v + 0.001 * g**2
        z = z - 0.1 * g / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        x = (1 - 1 / t) * (w - 0.1 * z) / 0.9 + z / t
        w = 0.1 * z + 0.9 * x
    return w


STEPS: dict[str, tuple[str, str, dict[str, Any], Callable[[], np.ndarray]]] = {
    "momentum": ("sgd", "v = momentum·v − lr·g w = w + v", {"momentum": 0.9}, lambda: sgd(nesterov=False)),
    "nesterov": ("sgd", "w = w + momentum·v − lr·g", {"momentum": 0.9, "nesterov": True}, lambda: sgd(nesterov=True)),
    "adam": ("adam", "w − lr·√(1 − beta_2^t)/(1 − beta_1^t)·m/(√v + epsilon)", {}, adam),
    "adamw": ("adamw", "w − lr·weight_decay·w", {"weight_decay": 0.05}, lambda: adam(0.05)),
    "adam with weight_decay": ("adam", "m = beta_1·m", {"weight_decay": 0.05}, lambda: adam(0.05)),
    "nadam": ("nadam", "c'·m/(1 − C·c') + (1 − c)·g/(1 − C)", {}, nadam),
    "adamax": ("adamax", "lr/(1 − beta_1^t)·m/(u + epsilon)", {}, adamax),
    "rmsprop": ("rmsprop", "w − lr·g/√(v + epsilon)", {}, lambda: rmsprop(is_centered=False, momentum=0)),
    "rmsprop centered": (
        "rmsprop",
        "v − a² in place of v",
        {"centered": True, "momentum": 0.5},
        lambda: rmsprop(is_centered=True, momentum=0.5),
    ),
    "adagrad": ("adagrad", "w − lr·g/√(a + epsilon)", {}, adagrad),
    "adadelta": ("adadelta", "g·√(b + epsilon)/√(a + epsilon)", {}, adadelta),
    "ftrl": (
        "ftrl",
        "(clip(z, −l1, l1) − z)/(k^−p/lr + 2·l2 + beta/lr)",
        {"l1_regularization_strength": 0.2, "l2_regularization_strength": 0.3, "beta": 0.4},
        ftrl,
    ),
    "lion": ("lion", "sign(beta_1·m + (1 − beta_1)·g)", {}, lion),
    "lamb": ("lamb", "lr·(‖w‖/‖u‖)·u", {}, lamb),
    "adafactor": ("adafactor", "max(epsilon_2, rms(w))·min(lr, 1/√t)·u/max(1, rms(u)/clip_threshold)", {}, adafactor),
    "schedule_free_adamw": ("schedule_free_adamw", "(1 − 1/t)·(w − (1 − beta_1)·z)/beta_1 + z/t", {}, schedule_free),
}


@pytest.mark.parametrize(("name", "said", "settings", "formula"), STEPS.values(), ids=STEPS)
def test_formula_of_an_optimizer_is_the_step_that_keras_takes(name: str, said: str, settings: dict[str, Any], formula: Any):
    topic = Topic("optimizer", name)
    assert said in flat(sheets.card_of(topic).formula)
    kind = getattr(keras.optimizers, sheets.target_of(topic).rpartition(".")[2])
    np.testing.assert_allclose(stepped(kind(learning_rate=0.1, **settings)), formula(), rtol=2e-4, atol=2e-5)


def test_adafactor_gives_nan_where_an_input_and_a_unit_are_dead():
    gradient = np.array([[1e-3, 0, 2e-3], [0, 0, 0], [1e-3, 0, -1e-3]], "float32")
    weight = keras.Variable(np.ones((3, 3), "float32"))
    keras.optimizers.Adafactor(0.01).apply([keras.ops.convert_to_tensor(gradient)], [weight])
    assert np.isnan(keras.ops.convert_to_numpy(weight)).all()


def test_step_of_muon_is_nearly_orthogonal_and_of_the_length_that_its_card_says():
    optimizer = keras.optimizers.Muon(learning_rate=0.1, weight_decay=None)
    weight = keras.Variable(START.astype("float32"))
    optimizer.apply([keras.ops.convert_to_tensor(GRADIENTS[0].astype("float32"))], [weight])
    step = (START - keras.ops.convert_to_numpy(weight)) / (0.1 * 0.2 * np.sqrt(4))
    assert "lr·rms_rate·√max(rows, columns)·O(d)" in sheets.card_of(Topic("optimizer", "muon")).formula
    assert np.all(np.abs(np.linalg.svd(step, compute_uv=False) - 1) < 0.35)


SCHEDULE_FORMULAS: dict[str, tuple[str, Callable[[int], float], dict[str, Any]]] = {
    "cosine_decay": (
        "alpha + (1 − alpha)·½·(1 + cos(π·t/decay_steps))",
        lambda t: 0.5 * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * min(t, 10) / 10))),
        {"alpha": 0.1, "decay_steps": 10},
    ),
    "cosine_decay_restarts": (
        "lr0·m_mul^i·(alpha + (1 − alpha)·½·(1 + cos(π·s)))",
        lambda t: 0.5 * 0.8 ** (t >= 4) * 0.5 * (1 + math.cos(math.pi * ((t - 4) / 8 if t >= 4 else t / 4))),
        {"first_decay_steps": 4, "m_mul": 0.8},
    ),
    "exponential_decay": (
        "decay_rate^(t/decay_steps)",
        lambda t: 0.5 * 0.1 ** (t / 10),
        {"decay_steps": 10, "decay_rate": 0.1},
    ),
    "inverse_time_decay": (
        "lr0/(1 + decay_rate·t/decay_steps)",
        lambda t: 0.5 / (1 + 2 * t / 10),
        {"decay_steps": 10, "decay_rate": 2.0},
    ),
    "polynomial_decay": (
        "end + (lr0 − end)·(1 − t/decay_steps)^power",
        lambda t: 0.01 + 0.49 * (1 - min(t, 10) / 10) ** 2,
        {"decay_steps": 10, "end_learning_rate": 0.01, "power": 2.0},
    ),
}


@pytest.mark.parametrize("name", SCHEDULE_FORMULAS)
def test_formula_of_a_schedule_is_the_rate_that_keras_gives(name: str):
    said, formula, settings = SCHEDULE_FORMULAS[name]
    topic = Topic(SCHEDULES, name)
    assert said in flat(sheets.card_of(topic).formula)
    kind = getattr(keras.optimizers.schedules, sheets.target_of(topic).rpartition(".")[2])
    schedule = kind(0.5, **settings)
    assert [float(schedule(t)) for t in range(11)] == pytest.approx([formula(t) for t in range(11)], abs=1e-5)


def test_a_boundary_of_piecewise_constant_decay_has_the_rate_before_it():
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([3, 6], [0.3, 0.2, 0.1])
    assert [round(float(schedule(t)), 3) for t in (3, 4, 6, 7)] == [0.3, 0.2, 0.2, 0.1]


# Figures that traps and ideas name


def value(name: str, y: list[Any], p: list[Any], **settings: Any) -> float:
    """Return what Keras' class says of a few rows; `y` of numbers alone are class numbers."""
    module = keras.losses if hasattr(keras.losses, name) else keras.metrics
    return keras_value(f"{module.__name__.replace('.src', '')}.{name}", np.asarray(y), np.asarray(p, "float32"), settings)


def through(activation: str, loss: str) -> float:
    """Return the loss that Keras reports of logits 2, 0, 0 behind an activation, the first class being right."""
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Activation(activation)(inputs))
    model.compile(loss=loss)
    return model.evaluate(np.array([[2.0, 0, 0]]), np.array([[1.0, 0, 0]]), verbose=0)


def fed(name: str, batches: list[tuple[Any, Any]], **settings: Any) -> float:
    """Return what a metric says after several batches."""
    metric = getattr(keras.metrics, name)(**settings)
    for y, p in batches:
        metric.update_state(np.asarray(y, "float32"), np.asarray(p, "float32"))
    return float(metric.result())


SOFTMAX = np.exp([2.0, 0, 0]) / np.exp([2.0, 0, 0]).sum()
SIGMOID = 1 / (1 + np.exp([-2.0, 0, 0]))
FIRST = [[1.0, 0, 0]]
PAIRS = (np.random.default_rng(1).normal(size=(20, 2)), np.random.default_rng(1).normal(size=(20, 2)))
PAIRS = (PAIRS[0], PAIRS[1] + np.random.default_rng(2).normal(size=(20, 2)) * 0.5)
ZEROS, ERRORS, WEIGHTS = np.zeros((2, 1)), np.array([[1.0], [3.0]]), np.array([3.0, 1.0])


def weighted_metric() -> float:
    metric = keras.metrics.MeanSquaredError()
    metric.update_state(ZEROS, ERRORS, sample_weight=WEIGHTS)
    return float(metric.result())


NINE, WHOLE = np.linspace(0.9, 0.99, 91), np.eye(26)
EVEN = np.full((26, 26), 1 / 26)
MASKS = ([[1.0, 0], [1, 1]], [[0.9, 0.2], [0.3, 0.4]])
HALF_FOUND = ([[1.0, 1, 0, 0]], [[1.0, 0, 0, 0]])
FAR = [([[10001], [10002], [10003]], [[10001.1], [10002.1], [10003.1]])]
SAMPLE = np.random.default_rng(0)
DRAWN = SAMPLE.integers(0, 2, 500)
DRAWN_LOGITS = SAMPLE.normal(size=500) + 1.2 * DRAWN
DRAWN_P = 1 / (1 + np.exp(-DRAWN_LOGITS))

#: What is explained, the figure as it is written there, and Keras.
FIGURES: list[tuple[str, str, Callable[[], float]]] = [
    ("loss/binary_crossentropy", "0.504", lambda: through("softmax", "binary_crossentropy")),
    ("loss/binary_crossentropy", "0.155", lambda: value("BinaryCrossentropy", FIRST, [SOFTMAX])),
    ("loss/binary_crossentropy", "−2.09", lambda: value("BinaryCrossentropy", [[2.0]], [[0.9]])),
    ("loss/binary_crossentropy", "16.1", lambda: value("BinaryCrossentropy", [[1.0]], [[0.0]])),
    ("loss/binary_crossentropy", "0.693", lambda: value("BinaryCrossentropy", [[1.0]], [[0.5]])),
    ("loss/binary_crossentropy", "0.163", lambda: value("BinaryCrossentropy", WHOLE, EVEN)),
    (
        "loss/binary_crossentropy",
        "0.199",
        lambda: min(value("BinaryCrossentropy", [[1]], [[p]], label_smoothing=0.1) for p in NINE),
    ),
    ("loss/binary_focal_crossentropy", "0.173", lambda: value("BinaryFocalCrossentropy", [[1.0]], [[0.5]])),
    ("loss/binary_focal_crossentropy", "0.00105", lambda: value("BinaryFocalCrossentropy", [[1.0]], [[0.9]])),
    ("loss/binary_focal_crossentropy", "0.105", lambda: value("BinaryCrossentropy", [[1.0]], [[0.9]])),
    ("loss/categorical_crossentropy", "0.240", lambda: through("sigmoid", "categorical_crossentropy")),
    ("loss/categorical_crossentropy", "0.759", lambda: value("CategoricalCrossentropy", FIRST, [SIGMOID])),
    ("loss/categorical_crossentropy", "0.000", lambda: through("linear", "categorical_crossentropy")),
    (
        "loss/categorical_crossentropy",
        "0.240",
        lambda: value("CategoricalCrossentropy", FIRST, [[2.0, 0, 0]], from_logits=True),
    ),
    ("loss/categorical_crossentropy", "3.258", lambda: value("CategoricalCrossentropy", WHOLE, EVEN)),
    (
        "loss/categorical_crossentropy",
        "0.500",
        lambda: value("CategoricalCrossentropy", np.eye(10)[:1], np.eye(10)[:1] * 0.9 + 0.01, label_smoothing=0.1),
    ),
    (
        "loss/categorical_focal_crossentropy",
        "0.301",
        lambda: value("CategoricalFocalCrossentropy", [[1.0, 0]], [[0.3, 0.7]], gamma=0),
    ),
    ("loss/categorical_focal_crossentropy", "1.204", lambda: value("CategoricalCrossentropy", [[1.0, 0]], [[0.3, 0.7]])),
    (
        "loss/categorical_generalized_cross_entropy",
        "1.197",
        lambda: value("CategoricalGeneralizedCrossEntropy", [0], [[0.3, 0.7]], q=0.01),
    ),
    ("loss/categorical_generalized_cross_entropy", "1.204", lambda: value("CategoricalCrossentropy", [[1.0, 0]], [[0.3, 0.7]])),
    ("loss/categorical_hinge", "0.5", lambda: value("CategoricalHinge", FIRST, [[0.5, -1, -2]])),
    ("loss/kl_divergence", "−0.588", lambda: value("KLDivergence", [[0.5, 0.5]], [[0.9, 0.9]])),
    ("loss/dice", "0.333", lambda: value("Dice", *MASKS)),
    ("loss/dice", "0.312", lambda: value("Dice", *MASKS, axis=[1])),
    ("loss/dice", "1.0", lambda: value("Dice", [[0.0, 0]], [[0.0, 0]])),
    ("loss/tversky", "0.5", lambda: value("Tversky", *HALF_FOUND, alpha=1.0, beta=0.0)),
    ("loss/tversky", "0.0", lambda: value("Tversky", *HALF_FOUND, alpha=0.0, beta=1.0)),
    ("loss/cosine_similarity", "−1", lambda: value("CosineSimilarity", [[2.0]], [[1.0]])),
    ("loss/mean_squared_error", "0.03", lambda: value("MeanSquaredError", np.eye(4)[:1], [[0.7, 0.1, 0.1, 0.1]])),
    ("loss/huber", "0.02", lambda: value("Huber", [[0.0]], [[0.2]])),
    ("loss/log_cosh", "9.307", lambda: value("LogCosh", [[0.0]], [[10.0]])),
    ("loss/mean_absolute_percentage_error", "1,000,000,000", lambda: value("MeanAbsolutePercentageError", [[0.0]], [[1.0]])),
    ("loss/mean_squared_logarithmic_error", "0", lambda: value("MeanSquaredLogarithmicError", [[0.0]], [[-5.0]])),
    ("loss/exponential", "148.4", lambda: float(Exponential()(np.array([[1.0]]), np.array([[-5.0]])))),
    ("loss/brier", "0.12", lambda: float(Brier()(np.eye(4)[:1], np.array([[0.7, 0.1, 0.1, 0.1]])))),
    ("loss/brier", "0.09", lambda: sklearn.metrics.brier_score_loss([1], [0.7], pos_label=1)),
    ("loss/brier", "0.18", lambda: float(Brier()(np.array([[0.0, 1.0]]), np.array([[0.3, 0.7]])))),
    ("loss/poisson", "−0.296", lambda: value("Poisson", [[3.0]], [[3.0]])),
    ("metrics/binary_accuracy", "0.9615", lambda: value("BinaryAccuracy", WHOLE, np.zeros((26, 26)))),
    ("metrics/top_k_categorical_accuracy", "1.0", lambda: value("TopKCategoricalAccuracy", np.eye(3), np.eye(3)[::-1], k=5)),
    ("metrics/iou", "0.167", lambda: fed("MeanIoU", [([1, 0, 1], [0.9, 0.2, 0.8])], num_classes=2)),
    ("metrics/f1_score", "0.667", lambda: fed("F1Score", [(np.eye(3)[:2], np.eye(3)[:2])], average="macro")),
    ("metrics/f1_score", "1.0", lambda: sklearn.metrics.f1_score([0, 1], [0, 1], average="macro")),
    ("metrics/auc", "0.5", lambda: fed("AUC", [(DRAWN, DRAWN_P * 0.005)])),
    ("metrics/auc", "0.744", lambda: fed("AUC", [(DRAWN, DRAWN_LOGITS)])),
    ("metrics/auc", "0.774", lambda: fed("AUC", [(DRAWN, DRAWN_P)])),
    ("metrics/auc", "0.774", lambda: sklearn.metrics.roc_auc_score(DRAWN, DRAWN_P)),
    ("metrics/auc", "0.0", lambda: fed("AUC", [(np.ones(500), DRAWN_P)])),
    ("metrics/auc", "0.0", lambda: fed("AUC", [(2 * DRAWN - 1, DRAWN_P)])),
    ("metrics/auc_pr", "0.8073", lambda: fed("AUC", [(DRAWN, DRAWN_P)], curve="PR")),
    ("metrics/auc_pr", "0.8078", lambda: sklearn.metrics.average_precision_score(DRAWN, DRAWN_P)),
    ("metrics/root_mean_squared_error", "2.236", lambda: fed("RootMeanSquaredError", [([[0]], [[1]]), ([[0]], [[3]])])),
    ("metrics/r2_score", "0.0", lambda: fed("R2Score", FAR)),
    ("metrics/r2_score", "0.985", lambda: sklearn.metrics.r2_score(*FAR[0])),
    (
        "metrics/pearson_correlation",
        "0.941",
        lambda: fed("PearsonCorrelation", [(PAIRS[0][:7], PAIRS[1][:7]), (PAIRS[0][7:], PAIRS[1][7:])], axis=0),
    ),
    ("metrics/pearson_correlation", "0.922", lambda: fed("PearsonCorrelation", [PAIRS], axis=0)),
    ("class-weights", "6.0", lambda: float(keras.losses.MeanSquaredError()(ZEROS, ERRORS, sample_weight=WEIGHTS))),
    ("class-weights", "3.0", lambda: weighted_metric()),
    ("baseline", "2.303", lambda: value("CategoricalCrossentropy", np.eye(10), np.full((10, 10), 0.1))),
    ("baseline", "0.038", lambda: 1 / 26),
]


@pytest.mark.parametrize(("name", "figure", "computed"), FIGURES, ids=[f"{name}-{figure}" for name, figure, _ in FIGURES])
def test_figure_is_written_and_is_what_keras_gives(name: str, figure: str, computed: Callable[[], float]):
    assert figure in flat(explain([name], width=100))
    plain = figure.replace("−", "-").replace(",", "")
    assert computed() == pytest.approx(float(plain), abs=0.51 * 10 ** -len(plain.partition(".")[2]), rel=1e-6)


# Sentences


def regression(*layers: keras.layers.Layer, optimizer: Any = None, **compiled: Any) -> keras.Model:
    """Return a small compiled regression whose optimizer takes no steps unless it is told to."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((8,)), *(layers or [keras.layers.Dense(1)])])
    model.compile(optimizer or keras.optimizers.SGD(0.0), compiled.pop("loss", "mse"), **compiled)
    return model


X = np.random.default_rng(5).normal(size=(64, 8)).astype("float32")
SUMS = X.sum(axis=1, keepdims=True)


def fitted(model: keras.Model, **settings: Any) -> dict[str, float]:
    history = model.fit(X, SUMS, batch_size=64, epochs=1, verbose=0, validation_data=(X, SUMS), **settings).history
    return {name: values[0] for name, values in history.items()}


@pytest.mark.parametrize("is_trainable", [True, False])
def test_dropout_drops_whether_it_is_trainable_or_not(is_trainable: bool):
    row = fitted(regression(keras.layers.Dense(64), keras.layers.Dropout(0.5, trainable=is_trainable), keras.layers.Dense(1)))
    assert row["loss"] != pytest.approx(row["val_loss"], rel=1e-3)


def test_dropout_of_rate_0_closes_the_gap():
    row = fitted(regression(keras.layers.Dense(64), keras.layers.Dropout(0.0), keras.layers.Dense(1)))
    assert row["loss"] == pytest.approx(row["val_loss"], rel=1e-5)


def test_a_penalty_is_in_loss_and_val_loss_alike_and_leaves_with_a_frozen_layer():
    model = regression(keras.layers.Dense(1, kernel_regularizer=keras.regularizers.L2(0.1)))
    penalty = 0.1 * float((model.layers[0].get_weights()[0] ** 2).sum())
    error = float(np.mean((model.predict(X, verbose=0) - SUMS) ** 2))
    row = fitted(model)
    assert row["loss"] == pytest.approx(error + penalty, rel=1e-5)
    assert row["val_loss"] == pytest.approx(error + penalty, rel=1e-5)
    model.layers[0].trainable = False
    model.compile(loss="mse")
    assert model.evaluate(X, SUMS, verbose=0) == pytest.approx(error, rel=1e-5)


def test_weight_decay_is_in_no_loss_and_shrinks_the_bias_too():
    model = regression(optimizer=keras.optimizers.AdamW(1e-9, weight_decay=0.5))
    error = float(np.mean((model.predict(X, verbose=0) - SUMS) ** 2))
    assert fitted(model)["loss"] == pytest.approx(error, rel=1e-5)
    bias = keras.Variable([4.0], name="bias")
    keras.optimizers.AdamW(0.1, weight_decay=0.5).apply([keras.ops.zeros(1)], [bias])
    assert float(bias[0]) == pytest.approx(4.0 * (1 - 0.05))


def test_of_a_list_of_losses_only_the_first_is_trained():
    model = regression(loss=["mse", "mae"])
    row = model.evaluate(X, SUMS, verbose=0, return_dict=True)
    assert row["loss"] == pytest.approx(np.mean((model.predict(X, verbose=0) - SUMS) ** 2), rel=1e-5)
    assert (row["mse_loss"], row["mae_loss"]) == (0.0, 0.0)


def test_compiling_again_keeps_the_metrics():
    model = regression(metrics=["mae"])
    model.compile(loss="mse")
    assert "mae" in model.evaluate(X, SUMS, verbose=0, return_dict=True)


def test_a_config_under_a_function_name_is_dropped():
    dropped = keras.losses.get({"class_name": "huber", "config": {"delta": 2.0}})
    kept = keras.losses.get({"class_name": "Huber", "config": {"delta": 2.0}})
    assert float(dropped(np.array([[0.0]]), np.array([[10.0]]))[0]) == 9.5
    assert float(kept(np.array([[0.0]]), np.array([[10.0]]))) == 18.0


@pytest.mark.parametrize("name", ["cce", "logcosh", "l1", "focal", "rmse", "iou"])
def test_a_short_name_that_keras_3_does_not_know(name: str):
    for module in (keras.losses, keras.metrics):
        with pytest.raises(ValueError, match="Could not interpret"):
            module.get(name)


def test_a_function_gives_a_value_for_each_row_and_a_class_one_number():
    assert keras.losses.mean_squared_error(np.zeros((3, 2)), np.ones((3, 2))).shape == (3,)
    assert keras.losses.MeanSquaredError()(np.zeros((3, 2)), np.ones((3, 2))).shape == ()


def test_huber_forgets_delta_on_the_way_through_a_file(tmp_path: Path):
    model = regression(loss=keras.losses.Huber(delta=5.0))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    error = np.abs(model.predict(X, verbose=0) - SUMS)
    of_delta_1 = np.mean(np.where(error <= 1, error**2 / 2, error - 0.5))
    assert loaded.evaluate(X, SUMS, verbose=0) == pytest.approx(of_delta_1, rel=1e-5)
    assert model.evaluate(X, SUMS, verbose=0) > 1.5 * of_delta_1


def test_lr_is_refused_and_decay_ignored():
    with pytest.raises(ValueError, match="not recognized"):
        keras.optimizers.SGD(lr=0.1)
    with pytest.warns(UserWarning, match="will be ignored"):
        keras.optimizers.SGD(learning_rate=0.1, decay=0.5)


def test_a_functional_model_has_no_add_loss():
    inputs = keras.Input((8,))
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    with pytest.raises(NotImplementedError):
        model.add_loss(0.0)


def test_class_weights_are_in_the_loss_alone_and_text_keys_in_nothing():
    labels = (SUMS > 1).astype("float32")
    model = regression(keras.layers.Dense(1, activation="sigmoid"), loss="binary_crossentropy")
    settings = {"batch_size": 64, "verbose": 0, "validation_data": (X, labels)}
    weighted = model.fit(X, labels, class_weight={0: 1, 1: 10}, **settings).history
    ignored = model.fit(X, labels, class_weight={"0": 1, "1": 10}, **settings).history
    assert weighted["loss"][0] > 1.5 * weighted["val_loss"][0]
    assert ignored["loss"][0] == pytest.approx(ignored["val_loss"][0], rel=1e-5)


def test_validation_split_takes_the_last_rows():
    rows = np.arange(10, dtype="float32")[:, None]
    labels = keras.metrics.MeanMetricWrapper(lambda y_true, y_pred: y_true, name="label")
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(loss="mse", metrics=[labels])
    assert model.fit(rows, rows, validation_split=0.2, verbose=0).history["val_label"] == [8.5]


def test_a_class_number_without_a_column_is_an_error_and_under_xla_nan():
    model = regression(keras.layers.Dense(3, activation="softmax"), loss="sparse_categorical_crossentropy", jit_compile=False)
    with pytest.raises(Exception, match=r"not in|label value"):
        model.evaluate(X, np.full(64, 3), verbose=0)
    under_xla = tf.function(keras.losses.SparseCategoricalCrossentropy(), jit_compile=True)
    assert math.isnan(under_xla(tf.fill([64], 3), tf.constant(model.predict(X, verbose=0))))


def test_a_label_is_cut_to_a_whole_number():
    scores = [[0.1, 0.2, 0.6, 0.1]]
    assert value("SparseCategoricalCrossentropy", [2.7], scores) == value("SparseCategoricalCrossentropy", [2], scores)


def test_zeros_are_converted_for_a_hinge_only_among_zeros_and_ones():
    assert value("Hinge", [[0.0], [1.0]], [[-2.0], [2.0]]) == 0.0
    assert value("Hinge", [[0.0], [0.5]], [[-2.0], [2.0]]) == 0.5


def test_classes_that_neither_labels_nor_predictions_have_are_left_out_of_mean_iou():
    assert fed("MeanIoU", [([1, 0, 1], [1, 0, 1])], num_classes=3) == pytest.approx(1.0, abs=1e-4)


def test_p_of_a_half_is_no_for_binary_accuracy_and_yes_for_binary_iou():
    assert value("BinaryAccuracy", [[1.0]], [[0.5]]) == 0.0
    assert fed("BinaryIoU", [([[1.0]], [[0.5]])], target_class_ids=[1]) == pytest.approx(1.0, abs=1e-4)


def test_one_column_has_no_correlation_within_a_row():
    assert math.isnan(fed("PearsonCorrelation", [([[1.0], [2.0]], [[1.0], [2.0]])]))
    assert fed("ConcordanceCorrelation", [([[1.0], [2.0]], [[1.0], [2.0]])]) == 0.0


def test_adjusted_r2_counts_cells_for_rows():
    y, p = PAIRS
    plain = sklearn.metrics.r2_score(y, p)
    assert fed("R2Score", [PAIRS], num_regressors=3) == pytest.approx(1 - (1 - plain) * 39 / 36, rel=1e-4)
