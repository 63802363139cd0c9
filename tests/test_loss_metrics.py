"""A loss as a metric is its mean over rows, or its value on all rows at once, whatever the batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import formulas
import keras
import numpy as np
import pytest
from formulas import sample

from lossmetric_cli import catalog, metrics, shipped
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.metrics import MeanLoss, WholeLoss, build_metrics

Option = Callable[..., dict[str, Any]]
QUICK = ("model=linear", "epochs=2", "plots=[]")
AS_METRICS = [
    name
    for name, file in shipped.options("metrics").items()
    if (shipped.target(file) or "").startswith("keras.losses.") and name in formulas.LOSSES
]
OF_KINDS = [
    (name, kind)
    for name in AS_METRICS
    for kind in catalog.LOSSES[shipped.target(shipped.options("metrics")[name]).rpartition(".")[2]].kinds
]

OWN = """
import keras
from keras import ops

class Cubed(keras.losses.Loss):
    def __init__(self, scale=1.0):
        super().__init__()
        self.scale = scale
    def call(self, y_true, y_pred):
        return self.scale * ops.mean(ops.abs(y_true - y_pred) ** 3, axis=-1)

class Largest(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return ops.max(ops.abs(y_true - y_pred))
"""


def one(node: dict[str, Any], kind: str, *, labels: str = "dense", activation: str | None = None) -> Any:
    task = sample(kind).task
    (metric,) = build_metrics({"it": node}, task=task, labels=labels, activation=activation or task.activation)
    return metric


def value(metric: Any, kind: str, *, labels: str = "dense", activation: str | None = None, batch: int = 1000) -> float:
    rows = sample(kind)
    y, p = rows.task.encode(rows.labels, form=labels), rows.scores(activation or rows.task.activation)
    if isinstance(metric, WholeLoss):
        return metric.values(y_true=y, y_pred=p)["it"]
    metric.reset_state()
    for start in range(0, len(y), batch):
        metric.update_state(y[start : start + batch], p[start : start + batch])
    return float(metric.result())


def formula(name: str, kind: str) -> float:
    rows = sample(kind)
    return formulas.LOSSES[name](rows.dense, rows.scores(rows.task.activation).astype("float64"))


def test_losses_that_were_no_metrics_are():
    assert {"huber", "dice", "tversky", "binary_focal_crossentropy", "categorical_focal_crossentropy"} < set(AS_METRICS)


@pytest.mark.parametrize("batch", [7, 100])
@pytest.mark.parametrize(("name", "kind"), OF_KINDS, ids=["-".join(pair) for pair in OF_KINDS])
def test_value_is_that_of_its_formula_over_all_rows(name: str, kind: str, batch: int, option: Option):
    found = value(one(option("metrics", name), kind), kind, batch=batch)
    assert found == pytest.approx(formula(name, kind), rel=1e-4)


@pytest.mark.parametrize("name", [name for name, kind in OF_KINDS if kind == "multiclass"])
def test_form_of_the_labels_changes_nothing(name: str, option: Option):
    metric = one(option("metrics", name), "multiclass", labels="index")
    assert value(metric, "multiclass", labels="index") == pytest.approx(formula(name, "multiclass"), rel=1e-4)


@pytest.mark.parametrize(("name", "kind"), [pair for pair in OF_KINDS if pair[0] != "huber"])
def test_logits_of_a_linear_head_become_the_probabilities_it_reads(name: str, kind: str, option: Option):
    metric = one(option("metrics", name), kind, activation="linear")
    assert value(metric, kind, activation="linear") == pytest.approx(formula(name, kind), rel=1e-4)


def test_parameters_are_its_own(option: Option):
    rows = sample("regression")
    found = value(one(option("metrics", "huber", delta=0.1), "regression"), "regression")
    assert found == pytest.approx(formulas.huber(rows.labels, rows.raw, delta=0.1), rel=1e-5)


@pytest.mark.parametrize(("kind", "name"), [("binary", "binary"), ("multiclass", "categorical"), ("multilabel", "binary")])
def test_focal_is_that_of_the_task(kind: str, name: str, option: Option):
    balanced = {"apply_class_balancing": True} if name == "binary" else {}
    wanted = value(one(option("metrics", f"{name}_focal_crossentropy", **balanced), kind), kind)
    assert value(one(option("metrics", "focal"), kind), kind) == pytest.approx(wanted)


def test_focal_of_numbers_is_refused(option: Option):
    with pytest.raises(ConfigError, match=r"^metrics\.focal: .+ this target is a number; type metrics=huber$"):
        one(option("metrics", "focal"), "regression")


def test_class_of_keras_under_a_dot_path_is_the_loss_and_not_the_metric_of_its_name():
    metric = one({"_target_": "keras.losses.CosineSimilarity"}, "regression")
    assert metrics.direction(metric) == "min"
    assert value(metric, "regression") == pytest.approx(formula("cosine_similarity", "regression"), rel=1e-4)


def test_loss_of_the_users_own_is_its_mean_over_rows(own_code):
    own_code("own_losses", OWN)
    rows = sample("regression")
    metric = one({"_target_": "own_losses.Cubed", "scale": 2.0}, "regression")
    assert isinstance(metric, MeanLoss)
    assert metrics.describe(metric, task=rows.task) == metrics.class_name(metric) == "Cubed"
    wanted = 2 * np.mean(np.abs(rows.labels - rows.raw) ** 3)
    assert value(metric, "regression", batch=30) == pytest.approx(wanted, rel=1e-5)


def test_loss_of_the_users_own_of_one_number_a_batch_is_taken_of_all_rows(own_code):
    own_code("own_losses", OWN)
    rows = sample("regression")
    metric = one({"_target_": "own_losses.Largest"}, "regression")
    assert isinstance(metric, WholeLoss)
    assert value(metric, "regression") == pytest.approx(np.abs(rows.labels - rows.raw).max(), rel=1e-5)


def test_keras_own_dice_is_another_number_in_batches():
    rows = sample("multilabel")
    y, p = rows.dense.astype("float32"), rows.scores("sigmoid")
    parts = [float(keras.losses.Dice()(y[at : at + 7], p[at : at + 7])) for at in range(0, len(y), 7)]
    assert np.mean(parts) != pytest.approx(formula("dice", "multilabel"), rel=1e-4)


@pytest.mark.parametrize(
    ("node", "kind", "said"),
    [
        ({"_target_": "keras.losses.Huber", "reduction": "sum"}, "regression", "reduction=sum is no mean .+_size"),
        ({"_target_": "keras.losses.Circle"}, "multiclass", "Circle compares the rows of a batch .+; drop it"),
        ({"_target_": "keras.losses.CTC"}, "multiclass", "CTC is for sequence .+"),
        ({"_target_": "keras.losses.Dice"}, "regression", "Dice is for .+; try metrics=mae[+]rmse[+]r2"),
        ({"_target_": "keras.losses.Dice", "from_logits": True}, "binary", ".+"),
    ],
)  # fmt: skip
def test_what_has_no_value_of_its_own_is_refused(node: dict[str, Any], kind: str, said: str):
    with pytest.raises(ConfigError, match=rf"^metrics\.it[:.] ?{said}$"):
        one(node, kind)


def test_run_has_the_mean_over_rows_however_they_fall_into_batches(lmrun):
    words = ("data=breast_cancer", *QUICK, "metrics=huber+dice+binary_focal", "train_eval=0")
    runs = [lmrun(*words, f"validation_batch_size={size}") for size in (8, 32, 250)]
    y, p = (
        runs[0].predictions["val_true"][:, None].astype("float64"),
        runs[0].predictions["val_pred"][:, None].astype("float64"),
    )
    wanted = {
        "huber": formulas.huber(y, p),
        "dice": formulas.LOSSES["dice"](y, p),
        "binary_focal": formulas.LOSSES["binary_focal_crossentropy"](y, p),
    }
    for done in runs:
        scores = done.json("metrics.json")
        for name, number in wanted.items():
            assert scores["val"][name] == done.history[f"val_{name}"].iloc[-1] == pytest.approx(number, rel=1e-5), name
        assert scores["best"]["val_huber"]["value"] == done.history["val_huber"].min()
    assert "dice" not in runs[0].history
    assert "huber = Huber ↓ · dice = Dice ↓" in runs[0].err


# --- the size of a batch


def test_batch_means_are_known(own_code):
    own_code(
        "own_metrics",
        """
        from keras import ops
        def of_batch(y_true, y_pred, power=1):
            return ops.max(ops.abs(y_true - y_pred)) ** power
        def of_rows(y_true, y_pred):
            return ops.max(ops.abs(y_true - y_pred), axis=-1)
        """,
    )
    rows = sample("multiclass")
    nodes = {
        "of_batch": {"_target_": "own_metrics.of_batch", "power": 2},
        "of_rows": {"_target_": "own_metrics.of_rows"},
        "huber": {"_target_": "keras.losses.Huber"},
        "dice": {"_target_": "keras.losses.Dice"},
        "auc": {"_target_": "keras.metrics.AUC"},
        "mcc": {"_target_": "lossmetric_cli.metrics.mcc"},
    }
    for labels in ("dense", "index"):
        built = build_metrics(nodes, task=rows.task, labels=labels, activation="softmax")
        y, p = rows.task.encode(rows.labels[:4], form=labels), rows.scores("softmax")[:4]
        assert [metric.name for metric in built if metrics.is_batch_mean(metric, y, p)] == ["of_batch"]
