"""Folds in time: each is validated by what comes after all that it trained on."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import TimeSeriesSplit

from lossmetric_cli.data import time
from lossmetric_cli.errors import DataError

ROWS = {"labels": np.zeros(103), "kind": "regression", "seed": 0}


def test_folds_are_those_of_scikit_learn():
    known = TimeSeriesSplit(n_splits=4).split(np.zeros(103))
    for fold, (train, val) in zip(time(**ROWS, folds=4), known, strict=True):
        np.testing.assert_array_equal(fold["train"], train)
        np.testing.assert_array_equal(fold["val"], val)


def test_test_rows_come_last_in_every_fold():
    for fold in time(**ROWS, folds=3, test_split=0.1):
        assert fold["test"].tolist() == list(range(93, 103))
        assert fold["train"][-1] < fold["val"][0] <= fold["val"][-1] < 93


def test_windows_of_a_fold_share_no_step_with_its_validation():
    span = np.stack([np.arange(103), np.arange(103) + 12], axis=1)
    for fold in time(**ROWS, folds=3, span=span):
        assert span[fold["train"], 1].max() <= span[fold["val"], 0].min()


def test_too_few_rows_for_the_folds_are_refused():
    with pytest.raises(DataError, match=r"3 rows cannot be cut into 5 folds in time; type validation\.folds=2"):
        time(labels=np.zeros(3), kind="regression", seed=0, folds=5)


def test_run_of_folds_in_time_has_their_mean(lmrun):
    done = lmrun(
        "data=load_curve", "data.hours=400", "validation.folds=2", "epochs=1", "plots=[]", "model=linear", "metrics=[]"
    )
    scores = done.json("metrics.json")
    assert scores["over"] == "2 folds"
    np.testing.assert_allclose(scores["val"]["loss"], np.mean([fold["val"]["loss"] for fold in scores["folds"]]))
