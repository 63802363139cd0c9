"""Metrics are fed what they need: one value whatever the loss keeps for labels, however the model ends, whatever the batch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import formulas
import keras
import numpy as np
import pytest
import sklearn.metrics as sk
from formulas import Sample, sample
from scipy.special import softmax

from lossmetric_cli import catalog, metrics, shipped
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.metrics import Fed, build_metrics
from lossmetric_cli.task import KINDS, Task

Option = Callable[..., dict[str, Any]]

#: By the resolution of 200 thresholds.
COARSE = {"auc": 0.01, "auc_pr": 0.01}
CHOOSERS = {"auto": formulas.accuracy, "accuracy": formulas.accuracy, "crossentropy": formulas.crossentropy}
CLASSES = ("binary", "multiclass", "multilabel")

TWO_CLASSES = Task("multiclass", (4,), 2, ("no", "yes"))


def facts(name: str) -> catalog.MetricFacts:
    text = shipped.options("metrics")[name].read_text(encoding="utf-8")
    target = next(line.split()[1] for line in text.splitlines() if line.startswith("_target_: "))
    return catalog.METRICS[target.rsplit(".", 1)[-1]]


def build_one(node: dict[str, Any], task: Task, *, labels: str = "dense", activation: str | None = None, key: str = "it"):
    (metric,) = build_metrics({key: node}, task=task, labels=labels, activation=activation or task.activation)
    return metric


def count(metric: keras.metrics.Metric, labels: np.ndarray, scores: np.ndarray, *, batch: int = 1000) -> float:
    metric.reset_state()
    for start in range(0, len(labels), batch):
        metric.update_state(labels[start : start + batch], scores[start : start + batch])
    return float(metric.result())


def value(
    node: dict[str, Any], rows: Sample, *, labels: str = "dense", activation: str | None = None, batch: int = 1000
) -> float:
    activation = activation or rows.task.activation
    metric = build_one(node, rows.task, labels=labels, activation=activation)
    return count(metric, rows.task.encode(rows.labels, form=labels), rows.scores(activation), batch=batch)


def expected(formula: formulas.Formula, rows: Sample) -> float:
    return formula(rows.dense, rows.scores(rows.task.activation).astype("float64"))


OF_KEYS = [(name, kind) for name in formulas.METRICS for kind in facts(name).kinds]
OF_CLASSES = [(name, "multiclass") for name in formulas.METRICS if "multiclass" in facts(name).kinds]
ON_MARGINS = [(name, kind) for name, kind in OF_KEYS if facts(name).probabilities or facts(name).labels == "class"]


# --- one value, however it is fed


@pytest.mark.parametrize("labels", ["dense", "index"])
@pytest.mark.parametrize(("name", "kind"), OF_CLASSES, ids=[name for name, _ in OF_CLASSES])
def test_form_of_the_labels_changes_no_metric_of_classes(name: str, kind: str, labels: str, option: Option):
    rows = sample(kind)
    found = value(option("metrics", name), rows, labels=labels)
    assert found == pytest.approx(expected(formulas.METRICS[name], rows), rel=1e-4, abs=COARSE.get(name, 1e-6))


@pytest.mark.parametrize(("name", "kind"), ON_MARGINS, ids=["-".join(pair) for pair in ON_MARGINS])
def test_linear_head_counts_as_the_probabilities_would(name: str, kind: str, option: Option):
    rows = sample(kind)
    found = value(option("metrics", name), rows, activation="linear")
    assert found == pytest.approx(expected(formulas.METRICS[name], rows), rel=1e-4, abs=COARSE.get(name, 1e-6))


@pytest.mark.parametrize("batch", [7, 32])
@pytest.mark.parametrize(("name", "kind"), OF_KEYS, ids=["-".join(pair) for pair in OF_KEYS])
def test_size_of_a_batch_changes_no_metric(name: str, kind: str, batch: int, option: Option):
    rows, node = sample(kind, rows=45), option("metrics", name)
    assert value(node, rows, batch=batch) == pytest.approx(value(node, rows), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(("kind", "labels"), [*((kind, "dense") for kind in CLASSES), ("multiclass", "index")])
@pytest.mark.parametrize("name", CHOOSERS)
def test_chooser_takes_the_metric_of_the_task(name: str, kind: str, labels: str, option: Option):
    rows = sample(kind)
    assert value(option("metrics", name), rows, labels=labels) == pytest.approx(expected(CHOOSERS[name], rows), rel=1e-4)


def test_auto_is_the_mean_absolute_error_for_numbers(option: Option):
    rows = sample("regression")
    metric = build_one(option("metrics", "auto"), rows.task, key="auto")
    assert metric.name == "mean_absolute_error"
    assert count(metric, rows.labels, rows.raw) == pytest.approx(sk.mean_absolute_error(rows.labels, rows.raw), rel=1e-5)


@pytest.mark.parametrize("kind", ["binary", "multilabel"])
def test_threshold_of_accuracy_is_heeded(kind: str, option: Option):
    rows = sample(kind)
    found = value(option("metrics", "accuracy", threshold=0.8), rows)
    assert found == pytest.approx(np.mean((rows.scores("sigmoid") > 0.8) == rows.dense), rel=1e-5)


def test_smoothed_crossentropy_of_classes_mixes_in_every_class(option: Option):
    rows = sample("multiclass")
    scores = rows.scores("softmax").astype("float64")
    wanted = -np.mean(((0.9 * rows.dense + 0.1 / 7) * np.log(scores)).sum(axis=1))
    for labels in ("dense", "index"):
        found = value(option("metrics", "crossentropy", label_smoothing=0.1), rows, labels=labels)
        assert found == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("average", ["micro", "macro", "weighted"])
def test_f1_averages_as_scikit_learn_does(average: str, option: Option):
    rows = sample("multiclass")
    wanted = sk.f1_score(rows.labels, rows.raw.argmax(axis=1), average=average)
    assert value(option("metrics", "f1_score", average=average), rows, labels="index") == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("name", ["precision", "recall"])
def test_class_id_counts_one_class_against_the_rest(name: str, option: Option):
    rows = sample("multiclass")
    wanted = getattr(sk, f"{name}_score")(rows.labels == 2, rows.scores("softmax")[:, 2] > 0.5)
    assert value(option("metrics", name, class_id=2), rows, labels="index") == pytest.approx(wanted, rel=1e-4)


def test_multi_label_auc_is_the_mean_of_one_curve_a_class(option: Option):
    rows = sample("multiclass")
    wanted = sk.roc_auc_score(rows.dense, rows.scores("softmax"), average="macro")
    found = value(option("metrics", "auc", multi_label=True, num_labels=7), rows, labels="index")
    assert found == pytest.approx(wanted, abs=COARSE["auc"])


@pytest.mark.parametrize("kind", CLASSES)
def test_tanh_head_is_right_on_the_side_of_zero(kind: str, option: Option):
    rows = sample(kind)
    metric = build_one(option("metrics", "accuracy"), rows.task, activation="tanh")
    found = count(metric, rows.task.encode(rows.labels, form="dense"), np.tanh(rows.raw))
    assert found == pytest.approx(expected(formulas.accuracy, rows), rel=1e-5)


# --- two classes in two columns


@pytest.mark.parametrize("labels", ["dense", "index"])
@pytest.mark.parametrize("head", ["softmax", "linear"])
@pytest.mark.parametrize("name", [name for name, kind in ON_MARGINS if kind == "binary"])
def test_two_columns_for_two_classes_count_as_one_column_would(name: str, head: str, labels: str, option: Option):
    rows = sample("binary")
    two = np.concatenate([-rows.raw, rows.raw], axis=1) / 2
    scores = two if head == "linear" else Sample(TWO_CLASSES, rows.labels, two).scores("softmax")
    metric = build_one(option("metrics", name), TWO_CLASSES, labels=labels, activation=head)
    found = count(metric, TWO_CLASSES.encode(rows.labels, form=labels), scores)
    assert found == pytest.approx(expected(formulas.METRICS[name], rows), rel=1e-4, abs=COARSE.get(name, 1e-6))


# --- in a run, from its graph to its record

CLOUDS = ("data=blobs", "data.classes=7", "data.rows=210", "optimizer.learning_rate=0.1")
RUNS = {
    "binary": (["data=breast_cancer"], ["auc", "auc_pr", "exact_accuracy", "f1_score"]),
    "multiclass": ([*CLOUDS, "loss=cce"], ["f1_score", "iou", "sparse_categorical_crossentropy"]),
    "multiclass with a linear head": (
        [*CLOUDS, "model.output_activation=linear"],
        ["auc", "categorical_crossentropy", "mean_iou", "top_k_categorical_accuracy"],
    ),
    "regression": (["data=linnerud"], ["pearson_correlation", "r2_score", "root_mean_squared_error"]),
}


@pytest.mark.parametrize(("words", "names"), RUNS.values(), ids=RUNS)
def test_metric_of_a_run_is_what_its_formula_says_of_the_saved_predictions(words: list[str], names: list[str], lmrun):
    done = lmrun("optimizer=sgd", *words, "model=linear", f"metrics={'+'.join(names)}", "epochs=1", "plots=[]")
    labels, raw = done.predictions["val_true"], done.predictions["val_pred"].astype("float64")
    raw = raw.reshape(len(raw), -1)
    truth = np.eye(7)[labels] if "data=blobs" in words else labels.reshape(raw.shape).astype("float64")
    scores = softmax(raw, axis=1) if "model.output_activation=linear" in words else raw
    for name in names:
        wanted = formulas.METRICS[name](truth, scores)
        assert done.history[f"val_{name}"].iloc[-1] == pytest.approx(wanted, rel=1e-4, abs=COARSE.get(name, 1e-6)), name


# --- what Keras would do alone: the faults that Fed and the choosers mend


def test_keras_takes_ten_independent_labels_for_ten_classes():
    rows = sample("multilabel")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Identity()])
    model.compile(loss="binary_crossentropy", metrics=["accuracy"])
    found = model.evaluate(rows.scores("sigmoid"), rows.dense, verbose=0, return_dict=True)["accuracy"]
    assert found == pytest.approx(np.mean(rows.raw.argmax(axis=1) == rows.dense.argmax(axis=1)), abs=1e-6)
    assert found < expected(formulas.accuracy, rows)


def test_keras_correlates_the_single_output_of_a_row_with_itself():
    numbers = np.array([[1.0], [2.0], [4.0]], "float32")
    for kind in (keras.metrics.PearsonCorrelation, keras.metrics.ConcordanceCorrelation):
        metric = kind()
        metric.update_state(numbers, numbers + 0.1)
        assert not float(metric.result()) > 0.5


# --- Fed as a Keras object


@pytest.mark.parametrize(
    ("name", "labels", "activation"),
    [("auc", "index", "linear"), ("iou", "dense", "softmax"), ("f1_score", "index", "softmax")],
)
def test_fed_survives_its_config(name: str, labels: str, activation: str, option: Option):
    rows = sample("multiclass")
    metric = build_one(option("metrics", name), rows.task, labels=labels, activation=activation, key=name)
    again = Fed.from_config(metric.get_config())
    encoded, scores = rows.task.encode(rows.labels, form=labels), rows.scores(activation)
    assert (again.name, type(again.metric)) == (name, type(metric.metric))
    assert count(again, encoded, scores) == count(metric, encoded, scores)


def test_model_with_fed_metrics_is_saved_and_loaded(tmp_path: Path, option: Option):
    rows = sample("multiclass")
    nodes = {name: option("metrics", name) for name in ("f1_score", "iou")}
    measured = build_metrics(nodes, task=rows.task, labels="index", activation="softmax")
    model = keras.Sequential([keras.Input((7,)), keras.layers.Softmax()])
    model.compile(loss="sparse_categorical_crossentropy", metrics=measured)
    before = model.evaluate(rows.raw, rows.labels, verbose=0, return_dict=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.evaluate(rows.raw, rows.labels, verbose=0, return_dict=True) == pytest.approx(before)


# --- names


def test_second_job_of_a_process_keeps_the_names_of_the_first(option: Option):
    nodes = {name: option("metrics", name) for name in ("auc", "auc_pr")}
    for _ in range(2):
        built = build_metrics(nodes, task=sample("multiclass").task, labels="index", activation="softmax")
        assert [metric.name for metric in built] == ["auc", "auc_pr"]


@pytest.mark.usefixtures("own")
def test_key_of_the_config_is_the_name_of_a_metric_that_names_itself():
    assert build_one({"_target_": "own_metrics.Stubborn"}, sample("regression").task, key="square").name == "square"


@pytest.mark.parametrize("name", ["loss", "epoch", "learning_rate", "val_accuracy"])
def test_name_of_a_column_that_is_there_already_is_refused(name: str, option: Option):
    with pytest.raises(ConfigError, match=rf"^metrics\.{name}: .+; rename its key$"):
        build_one(option("metrics", "auc"), sample("binary").task, key=name)


def test_auto_beside_the_metric_that_it_is_is_refused(option: Option):
    nodes = {name: option("metrics", name) for name in ("auto", "accuracy")}
    with pytest.raises(ConfigError, match=r"^metrics\.auto is accuracy here, and so is metrics\.accuracy; drop one of them$"):
        build_metrics(nodes, task=sample("binary").task, labels="dense", activation="sigmoid")


# --- refused


WRONG_KINDS = [(name, kind) for name in formulas.METRICS for kind in KINDS if kind not in facts(name).kinds]


@pytest.mark.parametrize(("name", "kind"), WRONG_KINDS, ids=["-".join(pair) for pair in WRONG_KINDS])
def test_metric_of_another_kind_of_task_is_refused_with_one_that_fits(name: str, kind: str, option: Option):
    with pytest.raises(ConfigError) as fault:
        build_one(option("metrics", name), sample(kind).task, key=name)
    instead = "mae+rmse+r2" if kind == "regression" else "accuracy"
    assert str(fault.value).startswith(f"metrics.{name}: ")
    assert str(fault.value).endswith(f"and this one is {kind}; try metrics={instead}")


@pytest.mark.parametrize(("name", "instead"), [("accuracy", "mae+r2"), ("crossentropy", "mse")])
def test_chooser_of_a_metric_of_classes_refuses_numbers(name: str, instead: str, option: Option):
    with pytest.raises(
        ConfigError, match=rf"^metrics\.{name}: .+ this target is a number; type metrics={instead.replace('+', '[+]')}$"
    ):
        build_one(option("metrics", name), sample("regression").task)


@pytest.mark.parametrize("name", ["pearson_correlation", "concordance_correlation", "cosine_similarity"])
def test_comparison_of_columns_is_refused_where_a_row_has_one(name: str, option: Option):
    one = Task("regression", (4,), 1)
    with pytest.raises(
        ConfigError, match=rf"^metrics\.{name}: \w+ compares the columns of a row, and a row here has one; type metrics=r2$"
    ):
        build_one(option("metrics", name), one, key=name)


def test_correlation_over_the_rows_of_a_batch_is_left_to_the_user(option: Option):
    y = np.array([[1.0], [2.0], [4.0]], "float32")
    p = np.array([[1.0], [3.0], [3.5]], "float32")
    metric = build_one(option("metrics", "pearson_correlation", axis=0), Task("regression", (4,), 1))
    assert count(metric, y, p) == pytest.approx(np.corrcoef(y[:, 0], p[:, 0])[0, 1], rel=1e-5)


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
@pytest.mark.parametrize("name", ["auc", "crossentropy"])
def test_from_logits_of_a_linear_head_means_the_probabilities(name: str, kind: str, option: Option):
    rows, formula = sample(kind), {**formulas.METRICS, **CHOOSERS}[name]
    found = value(option("metrics", name, from_logits=True), rows, activation="linear")
    assert found == pytest.approx(expected(formula, rows), rel=1e-4, abs=COARSE.get(name, 1e-6))


def test_from_logits_of_probabilities_is_refused(option: Option):
    with pytest.raises(
        ConfigError, match=r"^metrics\.it\.from_logits=true, and the model ends in softmax, not in logits; drop it$"
    ):
        build_one(option("metrics", "auc", from_logits=True), sample("multiclass").task)


def test_embedding_has_no_accuracy(option: Option):
    task = Task("multiclass", (4,), 7, tuple("abcdefg"), head="embedding")
    with pytest.raises(ConfigError, match=r"^metrics\.accuracy: the model answers with an embedding, .+; type metrics=\[\]$"):
        build_metrics({"accuracy": option("metrics", "accuracy")}, task=task, labels="index", activation=None)
    assert build_metrics({"auto": option("metrics", "auto")}, task=task, labels="index", activation=None) == []


# --- the user's own


OWN = """
import keras
from keras import ops

def distance(y_true, y_pred, power=1):
    return ops.mean(ops.abs(y_true - y_pred) ** power, axis=-1)

def of_batch(y_true, y_pred):
    return ops.max(ops.abs(y_true - y_pred))

class Up(keras.metrics.Mean):
    direction = "max"
    def update_state(self, y_true, y_pred, sample_weight=None):
        return super().update_state(y_pred)

class F1Score(keras.metrics.Metric):
    def __init__(self, name="f1"):
        super().__init__(name=name)
        self.rows = self.add_variable((), "zeros")
    def update_state(self, y_true, y_pred, sample_weight=None):
        self.rows.assign_add(len(y_pred))
    def result(self):
        return self.rows

class Auc(keras.metrics.AUC):
    pass

class Stubborn(keras.metrics.MeanSquaredError):
    def __init__(self):
        super().__init__(name="mine")

class Vector(keras.metrics.MeanSquaredError):
    def result(self):
        return keras.ops.ones(3)
"""


@pytest.fixture
def own(own_code: Callable[[str, str], None]) -> None:
    own_code("own_metrics", OWN)


@pytest.mark.usefixtures("own")
def test_function_of_rows_becomes_the_mean_over_rows_under_its_key():
    rows = sample("multiclass")
    metric = build_one({"_target_": "own_metrics.distance", "power": 2}, rows.task, labels="index", key="far")
    found = count(metric, rows.task.encode(rows.labels, form="index"), rows.scores("softmax"), batch=7)
    assert metrics.counted(metric).name == metric.name == "far"
    assert found == pytest.approx(sk.mean_squared_error(rows.dense, rows.scores("softmax")), rel=1e-5)


@pytest.mark.usefixtures("own")
def test_function_of_a_batch_becomes_the_mean_over_batches():
    rows = sample("regression")
    metric = build_one({"_target_": "own_metrics.of_batch"}, rows.task)
    errors = np.abs(rows.labels - rows.raw)
    wanted = np.mean([errors[start : start + 30].max() for start in range(0, 100, 30)])
    assert count(metric, rows.labels, rows.raw, batch=30) == pytest.approx(wanted, rel=1e-5)
    assert metrics.describe(metric, task=rows.task) == "mean of of_batch"


@pytest.mark.usefixtures("own")
def test_function_of_keras_can_be_a_metric():
    rows = sample("regression")
    metric = build_one({"_target_": "keras.losses.huber", "delta": 0.1}, rows.task)
    assert count(metric, rows.labels, rows.raw) == pytest.approx(formulas.huber(rows.labels, rows.raw, delta=0.1), rel=1e-5)


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(("name", "direction"), [("Up", "max"), ("F1Score", None), ("Auc", "max")])
def test_direction_of_an_own_metric_is_what_it_says_or_inherits(name: str, direction: str | None):
    metric = build_one({"_target_": f"own_metrics.{name}"}, sample("multiclass").task, labels="index")
    assert metrics.direction(metric) == direction


@pytest.mark.usefixtures("own")
def test_own_class_that_bears_the_name_of_one_of_keras_is_not_taken_for_it():
    metric = build_one({"_target_": "own_metrics.F1Score"}, sample("binary").task)
    assert count(metric, np.zeros((5, 1)), np.zeros((5, 1))) == 5


# --- how they are told


@pytest.mark.parametrize(
    ("labels", "names", "said"),
    [
        ("index", ["auc", "f1_score"], ["the loss takes class numbers; auc, f1_score are fed one-hot rows"]),
        (
            "dense",
            ["sparse_categorical_accuracy"],
            ["the loss takes one-hot rows; sparse_categorical_accuracy is fed class numbers"],
        ),
        ("index", ["accuracy"], []),
    ],
    ids=["one-hot rows", "class numbers", "nothing"],
)
def test_labels_that_are_turned_for_a_metric_are_said(labels: str, names: list[str], said: list[str], option: Option):
    nodes = {name: option("metrics", name) for name in names}
    measured = build_metrics(nodes, task=sample("multiclass").task, labels=labels, activation="softmax")
    assert metrics.feeding(measured, task=sample("multiclass").task) == said


@pytest.mark.parametrize(
    ("name", "kind", "changes", "told"),
    [
        ("auc", "binary", {}, "AUC"),
        ("auc", "multiclass", {}, "AUC(micro)"),
        ("auc_pr", "multilabel", {"multi_label": True, "num_labels": 3}, "AUC(PR)"),
        ("auc_pr", "multiclass", {}, "AUC(PR, micro)"),
        ("precision", "multiclass", {"class_id": 1}, "Precision"),
        ("recall_at_precision", "multiclass", {}, "RecallAtPrecision(micro)"),
        ("f1_score", "multiclass", {"average": "weighted"}, "F1Score(weighted)"),
        ("f1_score", "binary", {}, "F1Score"),
        ("accuracy", "multiclass", {}, "SparseCategoricalAccuracy"),
    ],
)
def test_console_tells_a_metric_from_its_kin(name: str, kind: str, changes: dict[str, Any], told: str, option: Option):
    task = sample(kind).task
    labels = "index" if kind == "multiclass" else "dense"
    assert metrics.describe(build_one(option("metrics", name, **changes), task, labels=labels), task=task) == told


def test_two_columns_for_two_classes_are_not_told_as_pooled(option: Option):
    metric = build_one(option("metrics", "auc"), TWO_CLASSES, labels="index")
    assert metrics.describe(metric, task=TWO_CLASSES) == "AUC"
