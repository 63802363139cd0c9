"""The best constant answer, against its closed forms."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest

from lossmetric_cli.baselines import baselines, skill
from lossmetric_cli.feed import Rows
from lossmetric_cli.metrics import build_metrics
from lossmetric_cli.metrics import columns as columns_of
from lossmetric_cli.outputs import Output
from lossmetric_cli.task import Task

RANDOM = np.random.default_rng(0)


def of(loss, task, natural, *, form="dense", metrics=None, activation=None):
    nodes = {name: {"_target_": f"keras.metrics.{kind}", **rest} for name, (kind, rest) in (metrics or {}).items()}
    measured = build_metrics(nodes, task=task, labels=form, activation=activation or task.activation)
    rows = Rows(np.zeros((len(natural), 1)), task.encode(natural, form=form))
    columns = {metric.name: columns_of(metric) for metric in measured}
    output = Output("", task, loss, form, activation or task.activation, metrics=measured, columns=columns)
    return baselines([output], natural=natural, rows=rows)


def test_26_balanced_classes_cost_ln_26_and_always_no_scores_25_of_26():
    task = Task("multiclass", (4,), 26)
    found = of(
        keras.losses.CategoricalCrossentropy(),
        task,
        np.repeat(np.arange(26), 40),
        metrics={"binary_accuracy": ("BinaryAccuracy", {}), "accuracy": ("CategoricalAccuracy", {}), "auc": ("AUC", {})},
    )
    assert found["loss"] == pytest.approx(math.log(26), rel=1e-5)
    assert found["binary_accuracy"] == pytest.approx(25 / 26)
    assert found["accuracy"] == pytest.approx(1 / 26)
    assert found["auc"] == pytest.approx(0.5, abs=0.01)


def test_equal_shares_predict_one_class_and_not_all_of_them():
    """Keras' F1Score takes every class whose score is the largest for predicted: 0.5 for three equal shares."""
    found = of(
        keras.losses.CategoricalCrossentropy(),
        Task("multiclass", (4,), 3),
        np.repeat([0, 1, 2], 40),
        metrics={"f1": ("F1Score", {"average": "macro"})},
    )
    assert found["f1"] == pytest.approx(2 * (1 / 3) / (1 / 3 + 1) / 3)


def test_rows_of_one_class_have_no_scale_for_a_skill():
    found = of(keras.losses.BinaryCrossentropy(), Task("binary", (4,), 1), np.zeros(12, "int64"))
    assert found["loss"] == 0
    assert skill(0.5, found["loss"]) is None


@pytest.mark.parametrize("form", ["dense", "index"])
def test_unbalanced_classes_cost_their_entropy(form):
    natural = np.repeat([0, 1, 2], [70, 20, 10])
    loss = {"dense": keras.losses.CategoricalCrossentropy, "index": keras.losses.SparseCategoricalCrossentropy}[form]()
    shares = np.array([0.7, 0.2, 0.1])
    found = of(loss, Task("multiclass", (4,), 3), natural, form=form)
    assert found["loss"] == pytest.approx(-(shares * np.log(shares)).sum(), rel=1e-5)


def test_a_linear_head_has_the_same_baseline_in_logits():
    natural = np.repeat([0, 1, 2], [70, 20, 10])
    shares = np.array([0.7, 0.2, 0.1])
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    found = of(loss, Task("multiclass", (4,), 3), natural, activation="linear")
    assert found["loss"] == pytest.approx(-(shares * np.log(shares)).sum(), rel=1e-4)


def test_a_binary_task_costs_its_entropy_and_recall_is_won_by_always_yes():
    natural = np.repeat([0, 1], [90, 10])
    found = of(
        keras.losses.BinaryCrossentropy(),
        Task("binary", (4,), 1),
        natural,
        metrics={"accuracy": ("BinaryAccuracy", {}), "recall": ("Recall", {}), "precision": ("Precision", {})},
    )
    assert found["loss"] == pytest.approx(-(0.9 * math.log(0.9) + 0.1 * math.log(0.1)), rel=1e-5)
    assert found == pytest.approx({**found, "accuracy": 0.9, "recall": 1.0, "precision": 0.1})


def test_hinge_is_won_by_the_larger_class():
    natural = np.repeat([0, 1], [75, 25])
    found = of(keras.losses.Hinge(), Task("binary", (4,), 1, head="linear"), natural, activation="linear")
    assert found["loss"] == pytest.approx(0.5)  # 1 - (0.75 - 0.25) * 1


@pytest.mark.parametrize("name", ["mse", "mae", "rmse", "r2"])
def test_numbers_cost_what_mean_and_median_cost(name):
    y = RANDOM.gamma(2.0, 3.0, size=(301, 1)).astype("float32")
    kinds = {"mse": "MeanSquaredError", "mae": "MeanAbsoluteError", "rmse": "RootMeanSquaredError", "r2": "R2Score"}
    expected = {"mse": y.var(), "mae": np.abs(y - np.median(y)).mean(), "rmse": y.std(), "r2": 0.0}[name]
    found = of(keras.losses.MeanSquaredError(), Task("regression", (4,), 1), y, metrics={name: (kinds[name], {})})
    assert found[name] == pytest.approx(float(expected), rel=1e-4, abs=1e-5)
    assert found["loss"] == pytest.approx(float(y.var()), rel=1e-4)


@pytest.mark.parametrize("loss", ["Huber", "LogCosh", "MeanAbsolutePercentageError", "MeanSquaredLogarithmicError", "Poisson"])
def test_other_losses_of_numbers_are_searched_to_their_minimum(loss):
    """Against a fine grid over the target's range, which the search knows nothing of."""
    y = RANDOM.gamma(2.0, 3.0, size=(101, 1)).astype("float32") + 0.1
    built = getattr(keras.losses, loss)()
    found = of(built, Task("regression", (4,), 1), y)["loss"]
    grid = [float(built(y, np.full_like(y, value))) for value in np.linspace(y.min(), y.max(), 2001)]
    assert found == pytest.approx(min(grid), rel=1e-3)


def test_mean_of_a_squared_error_is_not_searched_for():
    loss, counted = keras.losses.MeanSquaredError(), []
    loss.call = lambda y, p, call=loss.call: counted.append(1) or call(y, p)
    of(loss, Task("regression", (4,), 8), RANDOM.normal(size=(30, 8)))
    assert len(counted) < 4


def test_several_targets_are_searched_column_by_column():
    y = np.stack([RANDOM.gamma(2.0, 3.0, 101), RANDOM.normal(50, 5, 101)], axis=1).astype("float32")
    both = of(keras.losses.LogCosh(), Task("regression", (4,), 2), y)["loss"]
    each = [of(keras.losses.LogCosh(), Task("regression", (4,), 1), y[:, [column]])["loss"] for column in (0, 1)]
    assert both == pytest.approx(np.mean(each), rel=1e-4)


def test_skill_is_1_for_perfect_0_for_the_constant_and_negative_below():
    assert skill(0.0, 2.0) == 1
    assert skill(2.0, 2.0) == 0
    assert skill(3.0, 2.0) == -0.5
    assert skill(-0.9, -0.5) is None, "a loss without a zero for perfect has no such scale"


def test_r2_of_the_best_constant_is_0_and_not_what_float32_leaves_of_it():
    found = []
    for seed in range(20):
        y = np.random.default_rng(seed).normal(150, 70, size=(88, 1)).astype("float32")
        task = Task("regression", (4,), 1)
        found.append(of(keras.losses.MeanSquaredError(), task, y, metrics={"r2": ("R2Score", {})})["r2"])
    assert found == [0.0] * 20
