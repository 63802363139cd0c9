"""A metric of several values has a column for each, in the history, the console, the plots and what callbacks watch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk
from formulas import sample

from lossmetric_cli import metrics
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.headlines import reach
from lossmetric_cli.metrics import Several, build_metrics
from lossmetric_cli.metrics.several import column_names
from lossmetric_cli.plots.numbers import panels
from lossmetric_cli.task import Task

Option = Callable[..., dict[str, Any]]
QUICK = ("model=linear", "epochs=2", "plots=[]")


def of(node: dict[str, Any], kind: str, *, targets: tuple[str, ...] = (), labels: str = "dense") -> dict[str, float]:
    """Return the values by column that a metric under the key `it` counts in batches of 7."""
    rows = sample(kind)
    (metric,) = build_metrics({"it": node}, task=rows.task, labels=labels, activation=rows.task.activation, targets=targets)
    encoded, scores = rows.task.encode(rows.labels, form=labels), rows.scores(rows.task.activation)
    for start in range(0, len(encoded), 7):
        metric.update_state(encoded[start : start + 7], scores[start : start + 7])
    assert metrics.columns(metric) == tuple(metric.result())
    return {name: float(value) for name, value in metric.result().items()}


@pytest.mark.parametrize("labels", ["dense", "index"])
def test_f1_without_an_average_has_a_column_a_class(labels: str, option: Option):
    rows = sample("multiclass")
    wanted = sk.f1_score(rows.labels, rows.raw.argmax(axis=1), average=None)
    found = of(option("metrics", "f1_score", average=None), "multiclass", labels=labels)
    assert found == pytest.approx({f"it_{label}": value for label, value in zip("abcdefg", wanted, strict=True)}, abs=1e-6)


def test_fbeta_without_an_average_has_a_column_a_label(option: Option):
    rows = sample("multilabel")
    wanted = sk.fbeta_score(rows.labels, rows.scores("sigmoid") > 0.5, beta=2, average=None)
    found = of(option("metrics", "fbeta_score", average=None, beta=2.0), "multilabel")
    assert found == pytest.approx({f"it_{label}": value for label, value in zip("xyz", wanted, strict=True)}, abs=1e-6)


def test_f1_of_one_column_keeps_its_name(option: Option):
    rows = sample("binary")
    found = of(option("metrics", "f1_score", average=None), "binary")
    assert found == pytest.approx({"it": sk.f1_score(rows.labels, rows.raw > 0)}, abs=1e-6)


@pytest.mark.parametrize(("targets", "names"), [((), "012"), (("u", "v", "w"), "uvw")])
def test_r2_without_an_aggregation_has_a_column_a_target(targets: tuple[str, ...], names: str, option: Option):
    rows = sample("regression")
    wanted = sk.r2_score(rows.labels, rows.raw, multioutput="raw_values")
    found = of(option("metrics", "r2_score", class_aggregation=None), "regression", targets=targets)
    assert found == pytest.approx({f"it_{name}": value for name, value in zip(names, wanted, strict=True)}, rel=1e-4)


@pytest.mark.parametrize(("name", "function"), [("precision", sk.precision_score), ("recall", sk.recall_score)])
def test_thresholds_have_a_column_each(name: str, function: Callable[..., float], option: Option):
    rows = sample("binary")
    found = of(option("metrics", name, thresholds=[0.3, 0.75]), "binary")
    wanted = {f"it_at_{at}": function(rows.labels, rows.scores("sigmoid") > at) for at in (0.3, 0.75)}
    assert found == pytest.approx(wanted, abs=1e-6)


def test_names_of_columns_are_safe_and_no_two_alike():
    labels = ["a b", "a/b", "é", "", "/", -1, 1, "1"]
    assert column_names("f1", labels[:3]) == ("f1_a_b", "f1_a_b_1", "f1_é")
    assert column_names("f1", ["/", -1, 1, "1"]) == ("f1_0", "f1_-1", "f1_1", "f1_1_3")


def test_two_metrics_with_the_same_column_are_refused(option: Option):
    rows = sample("multiclass")
    nodes = {"it": option("metrics", "f1_score", average=None), "it_a": option("metrics", "auc")}
    with pytest.raises(ConfigError, match=r"^metrics\.it_a and metrics\.it both have a column 'it_a'; rename the key of one$"):
        build_metrics(nodes, task=rows.task, labels="dense", activation="softmax")


def test_keras_would_log_a_vector_on_which_early_stopping_fails():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, "softmax")])
    model.compile(loss="categorical_crossentropy", metrics=[keras.metrics.F1Score()])
    logs = model.fit(np.eye(2), np.eye(2), verbose=0).history
    assert np.shape(logs["f1_score"][0]) == (2,)


def test_it_survives_its_config(option: Option):
    task = Task("multiclass", (4,), 3, ("a", "b", "c"))
    (metric,) = build_metrics(
        {"it": option("metrics", "f1_score", average=None)}, task=task, labels="dense", activation="softmax"
    )
    again = Several.from_config(metric.get_config())
    y = np.eye(3, dtype="float32")
    assert metrics.values_of(again, y_true=y, y_pred=y) == pytest.approx({"it_a": 1, "it_b": 1, "it_c": 1}, abs=1e-6)


def test_run_records_and_watches_every_column(lmrun):
    words = ("metrics=f1+accuracy", "metrics.f1.average=null", "monitor=val_f1_virginica", "callbacks=early_stopping")
    done = lmrun("data=iris", *QUICK, *words)
    names = [f"f1_{label}" for label in ("setosa", "versicolor", "virginica")]
    scores, y, p = done.json("metrics.json"), done.predictions["val_true"], done.predictions["val_pred"]
    wanted = dict(zip(names, sk.f1_score(y, p.argmax(axis=1), average=None), strict=True))
    assert {name: scores["val"][name] for name in names} == pytest.approx(wanted, abs=1e-6)
    assert done.history[[f"val_{name}" for name in names]].iloc[-1].to_dict() == pytest.approx(
        {f"val_{name}": value for name, value in wanted.items()}, abs=1e-6
    )
    assert set(names) <= set(scores["baseline"]["val"])
    assert {f"train_{name}_eval" for name in names} <= set(done.history)
    assert done.json("run.json")["metrics"]["f1_setosa"] == {"class": "F1Score", "direction": "max", "metric": "f1"}
    assert done.json("run.json")["monitor"] == {"name": "val_f1_virginica", "direction": "max"}
    assert "f1 = F1Score(macro" not in done.err


def test_name_without_a_column_is_refused_with_the_columns(lmrun):
    err = lmrun("data=iris", *QUICK, "metrics=f1", "metrics.f1.average=null", "monitor=val_f1", code=2).err
    assert "; watch one of val_f1_setosa, val_f1_versicolor, val_f1_virginica [monitor]" in err


def test_many_columns_are_told_as_a_range_and_drawn(lmrun):
    done = lmrun("data=digits", "model=linear", "epochs=1", "metrics=f1_per_class")
    row = done.history[[f"val_f1_per_class_{digit}" for digit in range(10)]].iloc[-1]
    assert "val_f1_per_class (10)" in done.err
    assert reach(list(row)) in done.err
    assert (done.folder / "plots" / "curves.png").stat().st_size > 10_000


def test_range_leaves_out_what_has_no_value():
    assert reach([0.5]) == "0.5"
    assert reach([0.25, float("nan"), 0.75]) == "0.25..0.75"
    assert reach([float("nan"), None]) == ""


VALUES = np.linspace(0.1, 0.9, 10).reshape(2, 5)


class Recorded:
    """A record of 2 epochs of a metric with 5 columns."""

    scores: dict[str, Any] = {}  # noqa: RUF012
    info = {  # noqa: RUF012
        "loss": {"name": "mse"},
        "metrics": {f"f1_{label}": {"class": "F1Score", "direction": "max", "metric": "f1"} for label in "abcde"},
    }
    history = pd.DataFrame(
        {"epoch": [1, 2], "loss": [2.0, 1.0]} | {f"val_f1_{label}": VALUES[:, i] for i, label in enumerate("abcde")}
    )


def test_plot_of_many_columns_is_their_mean_with_the_extremes():
    [_, panel] = panels(Recorded())
    assert panel.title == "f1"
    assert [line.column for line in panel.lines] == ["val_f1"]
    assert panel.lines[0].values == pytest.approx(VALUES.mean(axis=1))
    assert "mean of 5 columns; in the end the lowest is a (0.5444); the highest e (0.9)" in panel.notes


@pytest.mark.parametrize(("kind", "endings"), [("Pair", ("low", "high")), ("Vector", ("0", "1"))])
def test_metric_of_the_users_own_has_a_column_for_each_of_its_values(lmrun, own_code, kind, endings):
    own_code(
        "my_metrics",
        """
        import keras
        from keras import ops

        class Vector(keras.metrics.Metric):
            def __init__(self, name="vector"):
                super().__init__(name=name)
                self.low, self.high = (self.add_weight(initializer="zeros") for _ in range(2))
            def update_state(self, y_true, y_pred, sample_weight=None):
                self.low.assign(ops.minimum(self.low, ops.min(y_true)))
                self.high.assign(ops.maximum(self.high, ops.max(y_true)))
            def result(self):
                return ops.stack([self.low.value, self.high.value])

        class Pair(Vector):
            def result(self):
                return {"low": self.low.value, "high": self.high.value}
        """,
    )
    words = ["data=diabetes", f"metrics=my_metrics.{kind}", "mode=max", f"monitor=val_{kind}_{endings[1]}"]
    run = lmrun(*words, *QUICK)
    values, truth = run.json("metrics.json")["val"], run.predictions["val_true"]
    assert values[f"{kind}_{endings[0]}"] == min(0, truth.min())
    assert values[f"{kind}_{endings[1]}"] == pytest.approx(truth.max())
    assert run.history[f"val_{kind}_{endings[1]}"].iloc[-1] == pytest.approx(truth.max())
