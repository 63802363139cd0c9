"""A metric of the user's own may ask for the model and the rows: it is called after every epoch."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

QUICK = ("plots=[]", "epochs=3")
OWN = """
import numpy as np

def area(model, x):
    grid = np.linspace(x.min(), x.max(), 101, dtype="float32")[:, None]
    return float(np.trapezoid(model(grid).numpy()[:, 0], grid[:, 0]))

area.direction = "max"

def shares(y_true, y_pred, x, above=0.0):
    error = y_true - y_pred
    return {"too low": (error > above).mean(), "too/high": float((error < -above).mean())}

class Worst:
    direction = "min"
    def __init__(self, k=1):
        self.k = k
    def __call__(self, model, y_true, y_pred):
        assert y_true.shape == y_pred.shape
        return np.sort(np.abs(y_true - y_pred), axis=None)[-self.k]

def of_rows(y_true, y_pred):
    return abs(y_true - y_pred)[:, 0]

def vector(model, x):
    return np.ones(3)

def crash(model, x):
    return 1 / 0

def text(x):
    return "high"
"""


@pytest.fixture
def mine(tmp_path):
    (tmp_path / "my_metrics.py").write_text(OWN, encoding="utf-8")


@pytest.mark.usefixtures("mine")
def test_area_under_the_fitted_line_is_watched_and_is_that_of_the_line(lmrun):
    words = ("data=linear", "model=linear", "metrics=my_metrics.area", "monitor=val_area", "callbacks=model_checkpoint")
    done = lmrun(*words, *QUICK)
    history, scores = done.history, done.json("metrics.json")
    assert [name for name in history if "area" in name] == ["val_area", "train_area_eval"]
    assert done.json("run.json")["monitor"] == {"name": "val_area", "direction": "max"}
    assert scores["best"]["val_area"]["value"] == history["val_area"].max()
    assert scores["val"]["area"] == history["val_area"].iloc[-1]
    assert "area = area(model, x) ↑" in done.err


@pytest.mark.usefixtures("mine")
def test_dict_has_a_column_for_each_of_its_numbers(lmrun):
    done = lmrun("data=diabetes", "metrics=my_metrics.shares", "+metrics.shares.above=10", *QUICK)
    y, p = done.predictions["val_true"], done.predictions["val_pred"]
    scores = done.json("metrics.json")["val"]
    assert scores["shares_too_low"] == pytest.approx(np.mean(y - p > 10))
    assert scores["shares_too_high"] == pytest.approx(np.mean(y - p < -10))
    assert {"val_shares_too_low", "train_shares_too_high_eval"} <= set(done.history)


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize("data", ["iris", "breast_cancer", "multilabel"])
def test_object_is_handed_labels_in_the_shape_of_the_predictions(data: str, lmrun):
    done = lmrun(f"data={data}", "metrics=my_metrics.Worst", "+metrics.Worst.k=2", *QUICK)
    y, p = done.predictions["val_true"], done.predictions["val_pred"]
    y = np.eye(p.shape[1])[y] if y.ndim < p.ndim else y
    assert done.json("metrics.json")["val"]["Worst"] == pytest.approx(np.sort(np.abs(y - p), axis=None)[-2], rel=1e-6)
    assert done.json("run.json")["metrics"]["Worst"] == {"class": "Worst", "direction": "min"}


@pytest.mark.usefixtures("mine")
def test_plain_function_stays_the_running_mean_of_its_values(lmrun):
    done = lmrun("data=diabetes", "metrics=my_metrics.of_rows+mae", *QUICK)
    pd.testing.assert_series_equal(done.history["of_rows"], done.history["mae"], check_names=False, rtol=1e-5)


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("vector", "metrics.vector returns shape (3,); return a number, or a dict with a number for each column"),
        ("text", "metrics.text returns str; return a number, or a dict with a number for each column"),
        ("crash", "metrics.crash: crash(model, x) fails: ZeroDivisionError: division by zero"),
    ],
)
def test_fault_is_found_before_the_first_epoch(name: str, said: str, lmrun):
    assert lmrun("data=linear", f"metrics=my_metrics.{name}", *QUICK, code=2).err == f"lmrun: error: {said}\n"


@pytest.mark.usefixtures("mine")
def test_no_direction_is_no_verdict_and_no_monitor_without_a_mode(lmrun):
    err = lmrun("data=diabetes", "metrics=my_metrics.shares", "monitor=val_shares_too_low", *QUICK, code=2).err
    assert "whether more of it is better is not known; type mode=max or min [monitor]" in err


@pytest.mark.usefixtures("mine")
def test_calling_it_changes_no_weight(lmrun):
    words = ("data=linear", "model.dropout=0.3", *QUICK)
    without = lmrun(*words, "metrics=[]").history
    assert list(lmrun(*words, "metrics=my_metrics.area").history["loss"]) == list(without["loss"])
