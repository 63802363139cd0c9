"""Optimizers train, their schedules last as long as the run, and history.csv tells the rate that they are at."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from lossmetric_cli import shipped
from lossmetric_cli.optimizers import build_optimizer, learning_rate

Option = Callable[..., dict[str, Any]]

OPTIMIZERS = sorted(set(shipped.options("optimizer")) - set(shipped.aliases("optimizer")) - {"loss_scale"})
#: Iris without its 30 rows for validation is 120 rows: 4 batches of 32.
IRIS = ("data=iris", "model=linear", "metrics=[]", "train_eval=0", "plots=[]")


def under(option: Option, schedule: str, *, steps: int, **changes: Any) -> keras.optimizers.Optimizer:
    node = option("optimizer", "sgd", learning_rate=option("optimizer/learning_rate", schedule, **changes))
    return build_optimizer(node, steps=steps)


def rate_at(optimizer: keras.optimizers.Optimizer, step: int) -> float:
    optimizer.iterations.assign(step)
    return learning_rate(optimizer)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_takes_steps(name: str, option: Option):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(32, 4)), random.normal(size=(32, 3))
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(3)])
    model.compile(optimizer=build_optimizer(option("optimizer", name), steps=20), loss="mse", run_eagerly=True)
    before = model.evaluate(x, y, verbose=0)
    for _ in range(5):
        model.train_on_batch(x, y)
    assert model.evaluate(x, y, verbose=0) < before
    assert int(model.optimizer.iterations) == 5


def test_loss_scale_takes_steps_by_its_inner_optimizer(lmrun):
    done = lmrun(*IRIS, "optimizer=loss_scale", "optimizer.inner_optimizer.learning_rate=0.1", "epochs=2")
    assert done.history["loss"].is_monotonic_decreasing
    assert done.history["learning_rate"].tolist() == pytest.approx([0.1, 0.1])


# --- schedules by their formulas


@pytest.mark.parametrize("step", [0, 30, 99, 100])
def test_cosine_falls_over_the_run(step: int, option: Option):
    wanted = 0.5 * (0.1 + 0.9 * (1 + math.cos(math.pi * step / 100)) / 2)
    found = rate_at(under(option, "cosine_decay", steps=100, initial_learning_rate=0.5, alpha=0.1), step)
    assert found == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize(("step", "share"), [(0, 0), (10, 0.5), (20, 1), (60, 0.5), (100, 0)])
def test_warm_up_is_part_of_the_run(step: int, share: float, option: Option):
    changes = {"initial_learning_rate": 0.0, "warmup_target": 0.4, "warmup_steps": 20}
    assert rate_at(under(option, "cosine_decay", steps=100, **changes), step) == pytest.approx(0.4 * share, abs=1e-7)


@pytest.mark.parametrize(("step", "share"), [(0, 1), (5, 0.5), (10, 1), (20, 0.5), (30, 1), (50, 0.5)])
def test_restarts_fall_three_times(step: int, share: float, option: Option):
    found = rate_at(under(option, "cosine_decay_restarts", steps=70, initial_learning_rate=0.2), step)
    assert found == pytest.approx(0.2 * share, rel=1e-4)


@pytest.mark.parametrize("step", [0, 50, 100, 200])
def test_exponential_leaves_a_tenth_at_the_end(step: int, option: Option):
    found = rate_at(under(option, "exponential_decay", steps=100, initial_learning_rate=0.3), step)
    assert found == pytest.approx(0.3 * 0.1 ** (step / 100), rel=1e-5)


@pytest.mark.parametrize("step", [0, 50, 100, 200])
def test_inverse_time_leaves_half_at_the_end(step: int, option: Option):
    found = rate_at(under(option, "inverse_time_decay", steps=100, initial_learning_rate=0.3), step)
    assert found == pytest.approx(0.3 / (1 + step / 100), rel=1e-5)


@pytest.mark.parametrize(("step", "wanted"), [(0, 0.3), (50, 0.2), (100, 0.1), (150, 0.1)])
def test_polynomial_is_a_line_to_its_end(step: int, wanted: float, option: Option):
    changes = {"initial_learning_rate": 0.3, "end_learning_rate": 0.1}
    assert rate_at(under(option, "polynomial_decay", steps=100, **changes), step) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize(("step", "wanted"), [(0, 0.1), (10, 0.1), (11, 0.01), (50, 0.001)])
def test_piecewise_changes_at_its_boundaries(step: int, wanted: float, option: Option):
    changes = {"boundaries": [10, 40], "values": [0.1, 0.01, 0.001]}
    assert rate_at(under(option, "piecewise_constant_decay", steps=100, **changes), step) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("name", ["cosine_decay", "exponential_decay", "inverse_time_decay", "polynomial_decay"])
def test_typed_length_is_not_stretched(name: str, option: Option):
    assert under(option, name, steps=100, decay_steps=7)._learning_rate.decay_steps == 7


def test_schedule_of_an_inner_optimizer_is_stretched_too(option: Option):
    inner = option("optimizer", "sgd", learning_rate=option("optimizer/learning_rate", "cosine_decay"))
    node = {"_target_": "keras.optimizers.LossScaleOptimizer", "inner_optimizer": inner}
    assert build_optimizer(node, steps=42).inner_optimizer._learning_rate.decay_steps == 42


def test_every_schedule_is_tested_here():
    assert set(shipped.options("optimizer/learning_rate")) - set(shipped.aliases("optimizer/learning_rate")) == {
        *("cosine_decay", "cosine_decay_restarts", "exponential_decay"),
        *("inverse_time_decay", "piecewise_constant_decay", "polynomial_decay"),
    }


# --- in a run


def test_schedule_ends_with_the_run_and_history_tells_its_rates(lmrun):
    done = lmrun(*IRIS, "optimizer/learning_rate=cosine_decay", "lr=0.2", "optimizer.learning_rate.alpha=0.25", "epochs=4")
    shares = [(1 + math.cos(math.pi * epoch / 4)) / 2 for epoch in range(1, 5)]
    assert done.history["learning_rate"].tolist() == pytest.approx([0.2 * (0.25 + 0.75 * share) for share in shares], rel=1e-5)


def test_decay_divides_the_rate_as_keras_2_did(lmrun):
    done = lmrun(*IRIS, "optimizer=sgd", "lr=0.5", "decay=0.25", "epochs=3")
    assert done.history["learning_rate"].tolist() == pytest.approx([0.5 / (1 + 0.25 * step) for step in (4, 8, 12)], rel=1e-5)
    assert "note" in done.err


def test_constant_rate_stands_in_every_row(lmrun):
    done = lmrun(*IRIS, "lr=0.03", "epochs=2")
    assert done.history["learning_rate"].tolist() == pytest.approx([0.03, 0.03])
