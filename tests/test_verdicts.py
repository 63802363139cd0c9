"""What curves say in plain words, on curves whose answer is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lossmetric_cli.verdicts import verdicts

EPOCHS = np.arange(1, 31)
INFO = {"metrics": {"accuracy": {"direction": "max"}}}


def history(val, *, train=None, error=0.01, **columns):
    val = np.asarray(val, dtype=float)
    train = np.linspace(1, 0.1, len(val)) if train is None else train
    return pd.DataFrame(
        {"epoch": np.arange(1, len(val) + 1), "loss": train, "val_loss": val, "val_loss_stderr": error, **columns}
    )


def said(frame, *, scores=None, predictions=None, info=INFO):
    return " | ".join(verdicts(frame, info, scores or {}, predictions or {}))


def test_a_val_loss_that_rises_while_loss_falls_is_overfitting_since_its_lowest_epoch():
    val = np.where(EPOCHS <= 7, 1 - 0.08 * EPOCHS, 0.44 + 0.03 * (EPOCHS - 7))
    assert "overfits since epoch 7: val_loss rose from 0.44 to 1.13" in said(history(val))


def test_a_rise_within_the_scatter_of_the_rows_is_not_overfitting():
    val = np.where(EPOCHS <= 20, 1 - 0.02 * EPOCHS, 0.6 + 0.001 * (EPOCHS - 20))
    assert "overfits" not in said(history(val, error=0.05))


def test_a_val_loss_that_rose_within_the_scatter_has_not_stayed():
    val = np.where(EPOCHS <= 20, 1 - 0.02 * EPOCHS, 0.6 + 0.007 * (EPOCHS - 20))
    told = said(history(val, error=0.05))  # 0.07 above the lowest, which is less than two errors and more than half a one
    assert "no better since epoch 20: val_loss was 0.6 and ends at 0.67" in told
    assert "plateau" not in told


def test_a_val_loss_that_falls_to_the_end_is_still_improving():
    assert "still improving" in said(history(1 - 0.02 * EPOCHS))


def test_a_val_loss_that_stays_is_a_plateau_since_it_got_there():
    assert "plateau since epoch 5" in said(history(np.maximum(0.5, 1 - 0.1 * EPOCHS)))


@pytest.mark.parametrize(("last", "words"), [(np.nan, "loss is not a number from epoch 30"), (9.0, "loss rose from 1 to 9")])
def test_a_loss_that_leaves_is_diverged(last, words):
    train = np.append(np.ones(29), last)
    assert f"diverged: {words}" in said(history(np.ones(30), train=train))


def test_an_epoch_that_stands_out_by_more_than_chance_is_a_spike():
    val = np.full(30, 0.5)
    val[11] = 0.9
    assert "spikes at epoch 12, by up to 40.0 standard errors" in said(history(val))
    assert "spikes" not in said(history(val, error=0.2)), "within the scatter of the rows it is chance"


def test_loss_and_metric_that_choose_other_epochs_are_said_with_the_cost():
    frame = history(np.abs(EPOCHS - 10) / 10 + 0.2, val_accuracy=1 - np.abs(EPOCHS - 20) / 50)
    assert "val_accuracy is best at epoch 20 (1) and val_loss at epoch 10, where val_accuracy is 0.8" in said(frame)


def test_one_answer_for_every_row_is_said():
    predictions = {"val_pred": np.tile([0.1, 0.9], (20, 1)), "val_true": np.arange(20) % 2}
    assert "predicts one class, number 1" in said(history([1, 1, 1]), predictions=predictions)
    numbers = {"val_pred": np.full(20, 3.0), "val_true": np.arange(20.0)}
    assert "predicts one value, 3" in said(history([1, 1, 1]), predictions=numbers)


def test_several_quantiles_of_one_number_are_no_classes():
    answers = np.stack([np.arange(20.0) - 1, np.arange(20.0), np.arange(20.0) + 1], axis=1)
    predictions = {"val_pred": answers, "val_true": np.arange(20.0)}
    assert "predicts one" not in said(history([1, 1, 1]), predictions=predictions)
    constant = {"val_pred": np.tile([1.0, 2.0, 3.0], (20, 1)), "val_true": np.arange(20.0)}
    assert "predicts one value a column, 1, 2, 3, for every" in said(history([1, 1, 1]), predictions=constant)


def test_an_accuracy_no_better_than_the_largest_class_is_said():
    info = {"metrics": {"accuracy": {"class": "SparseCategoricalAccuracy", "direction": "max"}}}
    predictions = {"val_true": np.zeros(100), "val_pred": np.random.default_rng(0).random(100)}
    scores = {"val": {"accuracy": 0.92}, "baseline": {"val": {"accuracy": 0.9}}}
    assert "val_accuracy 0.92 is no better than a constant answer's 0.9" in said(
        history([1, 0.9, 0.8]), scores=scores, predictions=predictions, info=info
    )
    scores["val"]["accuracy"] = 0.99
    assert "no better" not in said(history([1, 0.9, 0.8]), scores=scores, predictions=predictions, info=info)


def test_ups_and_downs_within_the_rows_scatter_are_called_chance():
    val = 1 - 0.02 * EPOCHS
    val[14] += 0.15  # 0.85, which is 0.13 above the larger of its neighbours
    assert "most at epoch 15 by 1.3 standard errors of its rows: no more than chance" in said(history(val, error=0.1))
    assert "chance" not in said(history(1 - 0.02 * EPOCHS, error=0.1))


@pytest.mark.parametrize(("layers", "is_late"), [(["BatchNormalization ×1"], True), (["Dropout(0.5) ×1"], False), ([], False)])
def test_batch_statistics_that_arrive_late_are_told_where_there_are_any(layers, is_late):
    loss = np.linspace(1, 0.5, 30)
    evaluated = np.where(EPOCHS <= 12, 2 * loss, loss)
    frame = history(evaluated, train=loss, train_loss_eval=evaluated)
    told = said(frame, info={**INFO, "differs_in_training": layers})
    assert ("batch normalisation was late up to epoch 12: training rows cost up to 2.0 times the loss" in told) == is_late
