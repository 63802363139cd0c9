"""The tables of losses and metrics against Keras itself: complete, and true of every kind of task they name."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from functools import cache
from typing import Any

import formulas
import keras
import numpy as np
import pytest

from lossmetric_cli import catalog, shipped
from lossmetric_cli.build import build, resolve
from lossmetric_cli.losses import build_loss, fit_task
from lossmetric_cli.metrics import build_metrics
from lossmetric_cli.task import KINDS

#: Public classes of Keras that the tables leave out, and why.
LEFT_OUT = {
    "losses": {"Loss": "an abstract base"},
    "metrics": {
        "Metric": "an abstract base",
        "Mean": "averages a value that it is handed",
        "MeanMetricWrapper": "wraps a function",
        "Sum": "sums a value that it is handed",
    },
}
#: Ours; what a sum of losses asks for is what its parts do.
OWN = {
    "losses": {"Brier", "Exponential", "Nce", "Quantile", "SampledSoftmax", "WeightedBinaryCrossentropy"},
    "metrics": {"Coverage"},
}
#: By the resolution of 200 thresholds.
COARSE = {"auc": 0.01, "auc_pr": 0.01}

Option = Callable[..., dict[str, Any]]


@cache
def class_name(group: str, name: str) -> str:
    text = shipped.options(group)[name].read_text(encoding="utf-8")
    target = next((line.split()[1] for line in text.splitlines() if line.startswith("_target_: ")), "")
    return target.rsplit(".", 1)[-1]


def of_kinds(group: str, table: dict[str, Any], known: dict[str, Any]) -> list[Any]:
    """Return (option, kind) for every option of Keras' own and every kind of task that its entry names."""
    return [pytest.param(name, kind, id=f"{name}-{kind}") for name in known for kind in table[class_name(group, name)].kinds]


@pytest.mark.parametrize(
    ("group", "table"), [("losses", catalog.LOSSES), ("metrics", catalog.METRICS)], ids=["losses", "metrics"]
)
def test_table_names_exactly_the_public_classes_of_keras_and_our_own(group: str, table: dict[str, Any]):
    public = {name for name, _ in inspect.getmembers(getattr(keras, group), inspect.isclass)}
    assert set(table) == public - set(LEFT_OUT[group]) | OWN[group]
    assert set(LEFT_OUT[group]) <= public


@pytest.mark.parametrize(
    ("group", "table"), [("loss", formulas.LOSSES), ("metrics", formulas.METRICS)], ids=["loss", "metrics"]
)
def test_every_option_of_keras_has_a_formula_here(group: str, table: dict[str, Any]):
    known = catalog.LOSSES if group == "loss" else catalog.METRICS
    options = {
        name for name in shipped.options(group) if class_name(group, name) in known and name not in shipped.aliases(group)
    }
    assert options - {"ctc", "coverage"} == set(table)


@pytest.mark.parametrize("name", formulas.METRICS)
def test_direction_is_the_one_keras_infers(name: str, option: Option):
    facts = catalog.METRICS[class_name("metrics", name)]
    node = option("metrics", name)
    fills = {"num_classes": 3, "target_class_ids": [0, 1], "threshold": None}
    metric = build({**node, **{key: fills[key] for key in facts.fills}}, path=f"metrics.{name}")
    inferred = {"up": "max", "down": "min", None: facts.direction}[getattr(metric, "_direction", None)]
    assert facts.direction == inferred


def test_only_the_counts_of_a_confusion_matrix_have_a_direction_that_keras_does_not_know():
    unknown = {
        name
        for name in ("FalseNegatives", "FalsePositives", "TrueNegatives", "TruePositives")
        if not hasattr(getattr(keras.metrics, name)(), "_direction")
    }
    assert {name: catalog.METRICS[name].direction for name in sorted(unknown)} == {
        "FalseNegatives": "min",
        "FalsePositives": "min",
        "TrueNegatives": "max",
        "TruePositives": "max",
    }


@pytest.mark.parametrize(("name", "kind"), of_kinds("loss", catalog.LOSSES, formulas.LOSSES))
def test_loss_of_a_kind_it_names_is_what_its_formula_says(name: str, kind: str, option: Option):
    rows = formulas.sample(kind)
    loss = build_loss(option("loss", name), task=rows.task)
    facts = catalog.loss_facts(loss)
    task, _ = fit_task(loss, rows.task)
    scores = rows.scores(task.activation)
    value = float(loss(task.encode(rows.labels, form=facts.labels), scores))
    assert value == pytest.approx(formulas.LOSSES[name](rows.dense, scores.astype("float64")), rel=1e-4)


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize(
    "name", [name for name in formulas.LOSSES if catalog.LOSSES[class_name("loss", name)].kinds == ("multiclass",)]
)
def test_loss_of_classes_takes_no_other_form_of_label_than_its_own(name: str, option: Option):
    rows = formulas.sample("multiclass")
    loss = build(option("loss", name), path="loss", task=rows.task)
    facts = catalog.loss_facts(loss)
    task, _ = fit_task(loss, rows.task)
    scores = rows.scores(task.activation)
    other = {"dense": "index", "index": "dense"}[facts.labels]
    try:
        value = float(np.mean(loss(task.encode(rows.labels, form=other), scores)))
    except Exception:
        value = math.nan
    assert value != pytest.approx(formulas.LOSSES[name](rows.dense, scores.astype("float64")), rel=1e-4)


@pytest.mark.parametrize(("name", "kind"), of_kinds("metrics", catalog.METRICS, formulas.METRICS))
def test_metric_of_a_kind_it_names_is_what_its_formula_says(name: str, kind: str, option: Option):
    rows = formulas.sample(kind)
    facts = catalog.METRICS[class_name("metrics", name)]
    labels = "index" if facts.labels == "index" else "dense"
    (metric,) = build_metrics({name: option("metrics", name)}, task=rows.task, labels=labels, activation=rows.task.activation)
    scores = rows.scores(rows.task.activation)
    metric.update_state(rows.task.encode(rows.labels, form=labels), scores)
    expected = formulas.METRICS[name](rows.dense, scores.astype("float64"))
    assert float(metric.result()) == pytest.approx(expected, rel=1e-4, abs=COARSE.get(name, 1e-6))


@pytest.mark.parametrize(
    "entry", [*catalog.LOSSES.values(), *catalog.METRICS.values()], ids=[*catalog.LOSSES, *catalog.METRICS]
)
def test_kinds_and_labels_are_words_that_the_task_knows(entry: catalog.LossFacts | catalog.MetricFacts):
    assert set(entry.kinds) <= set(KINDS)
    assert entry.labels in ("dense", "index", "class")


def home(metric: str) -> str:
    return "lossmetric_cli.metrics" if metric in OWN["metrics"] else "keras.metrics"


def test_fills_are_parameters_of_their_metric():
    wrong = {
        (name, parameter)
        for name, facts in catalog.METRICS.items()
        for parameter in facts.fills
        if parameter not in inspect.signature(resolve(f"{home(name)}.{name}", path="metrics")).parameters
    }
    assert not wrong
