"""How sure a figure is: the ends equal the formulas, cover the truth as often as they say, and repeat to the byte."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from sklearn import metrics as sk

from lossmetric_cli import console, intervals
from lossmetric_cli.intervals import Seen
from lossmetric_cli.metrics import build_metrics
from lossmetric_cli.outputs import Output
from lossmetric_cli.task import Task

BINARY = Task("binary", (4,), 1)


def rows_of_a_binary_task(seed, rows=120):
    """Return labels and answers whose classes overlap: answers of the second class are higher by one deviation."""
    random = np.random.default_rng(seed)
    y = random.integers(2, size=(rows, 1)).astype("float32")
    p = 1 / (1 + np.exp(-(random.normal(size=(rows, 1)) + y - 0.5)))
    return y, p.astype("float32")


def measured(task=BINARY, labels="dense", **kinds):
    nodes = {name: {"_target_": f"keras.metrics.{kind}"} for name, kind in kinds.items()}
    return build_metrics(nodes, task=task, labels=labels, activation=task.activation)


def value_of(metric, y, p):
    metric.reset_state()
    metric.update_state(y, p)
    return float(metric.result())


def ends_of(metrics, y, p, *, seed=0, **figures):
    figures |= {metric.name: value_of(metric, y, p) for metric in metrics}
    return intervals.intervals([answer(metrics)], {"": Seen(y, p)}, {"loss": 1.0, **figures}, seed=seed)


def answer(metrics):
    columns = {metric.name: (metric.name,) for metric in metrics}
    return Output("", BINARY, None, "dense", "sigmoid", metrics=metrics, columns=columns)


@pytest.mark.parametrize(("right", "rows"), [(0, 7), (3, 7), (174, 180), (180, 180), (1, 100_000)])
def test_wilson_equals_scipy(right, rows):
    expected = scipy.stats.binomtest(right, rows).proportion_ci(0.95, method="wilson")
    assert intervals.wilson(right / rows, rows) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_of_a_card_is_as_it_says():
    assert console.span(*intervals.wilson(174 / 180, 180)) == "0.93 to 0.98"


def test_a_share_of_right_rows_has_wilsons_interval():
    y, p = rows_of_a_binary_task(0)
    right = int(((p > 0.5) == y).sum())
    expected = scipy.stats.binomtest(right, len(y)).proportion_ci(0.95, method="wilson")
    assert ends_of(measured(accuracy="BinaryAccuracy"), y, p)["accuracy"] == pytest.approx(
        (expected.low, expected.high), abs=1e-6
    )


def test_an_accuracy_over_several_labels_a_row_is_a_mean_over_rows():
    """The labels of a row hang together, so they do not count as rows of their own."""
    random = np.random.default_rng(0)
    y, p = random.integers(2, size=(60, 3)).astype("float32"), random.random(size=(60, 3)).astype("float32")
    by_row = ((p > 0.5) == y).mean(axis=1)
    half = 1.96 * by_row.std(ddof=1) / math.sqrt(60)
    found = ends_of(measured(Task("multilabel", (4,), 3), accuracy="BinaryAccuracy"), y, p)["accuracy"]
    assert found == pytest.approx((by_row.mean() - half, by_row.mean() + half), abs=1e-4)


def test_a_metric_that_is_fed_other_labels_has_the_interval_of_those():
    task = Task("multiclass", (4,), 3)
    y = np.arange(30, dtype="int32") % 3
    p = np.random.default_rng(0).dirichlet([1, 1, 1], size=30).astype("float32")
    by_row = ((np.eye(3)[y] - p) ** 2).mean(axis=1)
    half = 1.96 * by_row.std(ddof=1) / math.sqrt(30)
    found = ends_of(measured(task, "index", mse="MeanSquaredError"), y, p)["mse"]
    assert found == pytest.approx((by_row.mean() - half, by_row.mean() + half), rel=1e-4)


def test_the_loss_has_the_normal_interval_of_its_standard_error():
    y, p = rows_of_a_binary_task(0)
    assert ends_of([], y, p, loss_stderr=0.1)["loss"] == pytest.approx((1 - 0.1959964, 1 + 0.1959964))
    assert ends_of([], y, p) == {}


def test_everything_else_has_percentiles_of_the_metric_itself_on_drawn_rows():
    y, p = rows_of_a_binary_task(0)
    random = np.random.default_rng(123)
    drawn = [sk.roc_auc_score(y[at], p[at]) for at in random.integers(120, size=(400, 120))]
    found = ends_of(measured(auc="AUC"), y, p)["auc"]
    assert found == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])), abs=0.03)


def test_intervals_cover_the_truth_about_95_times_in_100():
    """300 samples of 120 rows, against what a million rows give."""
    y, p = rows_of_a_binary_task(999, rows=1_000_000)
    truth = {"accuracy": float(((p > 0.5) == y).mean()), "mse": float(((p - y) ** 2).mean())}
    metrics = measured(accuracy="BinaryAccuracy", mse="MeanSquaredError")
    covered = {name: [] for name in (*truth, "rmse")}
    for seed in range(300):
        labels, answers = rows_of_a_binary_task(seed)
        found = ends_of(metrics, labels, answers)
        squares = ((answers - labels) ** 2)[:, 0]
        found["rmse"] = intervals.bootstrap(
            lambda numbers, by_row=squares: np.sqrt(by_row[numbers].mean(axis=1, keepdims=True)), 120, seed=seed
        )[0]
        for name, value in {**truth, "rmse": math.sqrt(truth["mse"])}.items():
            covered[name].append(found[name][0] <= value <= found[name][1])
    assert {name: 0.91 <= np.mean(is_covered) <= 0.98 for name, is_covered in covered.items()} == dict.fromkeys(covered, True)


def test_of_too_many_cells_nothing_is_drawn_and_formulas_stay():
    y, p = rows_of_a_binary_task(0, rows=intervals.MOST_CELLS + 1)
    assert set(ends_of(measured(auc="AUC", accuracy="BinaryAccuracy"), y, p)) == {"accuracy"}


def test_metrics_of_one_row_have_no_interval():
    y, p = rows_of_a_binary_task(0, rows=1)
    assert ends_of(measured(auc="AUC", accuracy="BinaryAccuracy"), y, p) == {}


def test_bootstrap_leaves_out_samples_without_a_value():
    def scores(numbers):
        return np.where(np.arange(len(numbers)) % 2, np.nan, 3.0)[:, np.newaxis]

    assert intervals.bootstrap(scores, 10, seed=0) == [(3.0, 3.0)]
    assert np.isnan(intervals.bootstrap(lambda numbers: np.full((len(numbers), 1), np.nan), 10, seed=0)).all()


def test_metrics_are_left_without_rows():
    y, p = rows_of_a_binary_task(0)
    (auc,) = measured(auc="AUC")
    ends_of([auc], y, p)
    assert not any(np.any(variable) for variable in auc.variables)


WORDS = ["data=iris", "metrics=accuracy+auc", "epochs=2", "plots=[]"]


def test_a_run_keeps_them_and_prints_those_of_the_test_rows(lmrun):
    run = lmrun(*WORDS, "validation.test_split=0.2")
    scores, arrays = run.json("metrics.json"), run.predictions
    ends = scores["interval"]["test"]
    assert set(scores["interval"]) == {"test"}
    assert set(ends) == {"loss", "accuracy", "auc"}
    right = int((arrays["test_pred"].argmax(axis=1) == arrays["test_true"]).sum())
    expected = scipy.stats.binomtest(right, 30).proportion_ci(0.95, method="wilson")
    assert ends["accuracy"] == pytest.approx([expected.low, expected.high], abs=1e-6)
    by_row = -np.log(arrays["test_pred"][np.arange(30), arrays["test_true"]])
    half = 1.96 * by_row.std() / math.sqrt(30)
    assert ends["loss"] == pytest.approx([by_row.mean() - half, by_row.mean() + half], rel=1e-3)
    (line,) = [line for line in run.err.splitlines() if line.startswith(" test")]
    assert f"accuracy {console.figure(scores['test']['accuracy'])} ({console.span(*ends['accuracy'])})" in line


def test_without_test_rows_the_console_says_nothing_more(lmrun):
    run = lmrun(*WORDS)
    assert set(run.json("metrics.json")["interval"]) == {"val"}
    assert " to " not in run.err


def test_two_equal_runs_have_equal_bytes(lmrun):
    first, second = (lmrun(*WORDS, "validation.test_split=0.2") for _ in range(2))
    assert (first.folder / "metrics.json").read_bytes() == (second.folder / "metrics.json").read_bytes()


def test_an_eager_run_has_those_of_formulas_alone(lmrun):
    assert set(lmrun(*WORDS, "run_eagerly=true").json("metrics.json")["interval"]["val"]) == {"loss", "accuracy"}


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0.9292, 0.9846, "0.93 to 0.98"),
        (2349.8, 4089.2, "2350 to 4089"),
        (0.3559, 0.5951, "0.36 to 0.60"),
        (0.9948, 0.9993, "0.995 to 0.999"),
        (3.0, 3.0, "3 to 3"),
        (-0.5, 0.25, "-0.5 to 0.2"),
    ],
)
def test_a_span_has_the_decimals_that_its_width_leaves_meaning_to(low, high, text):
    assert console.span(low, high) == text
