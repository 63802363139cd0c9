"""Every metric has the same value on validation rows, however they fall into batches."""

from __future__ import annotations

import keras
import pandas as pd
import pytest
from formulas import sample

from lossmetric_cli import metrics, shipped
from lossmetric_cli.build import resolve
from lossmetric_cli.metrics import build_metrics
from lossmetric_cli.metrics.traits import facts
from lossmetric_cli.task import KINDS

CHOOSERS = {"auto": KINDS, "accuracy": KINDS[:3], "crossentropy": KINDS[:3], "focal": KINDS[:3]}
OPTIONS = [name for name in shipped.options("metrics") if name not in shipped.aliases("metrics")]


def kinds(name: str) -> tuple[str, ...]:
    """Return the tasks that an option is for."""
    return CHOOSERS.get(name) or facts(resolve(shipped.target(shipped.options("metrics")[name]), path="metrics")).kinds


def whole(measured, y, p):
    """Return the values of the metrics that are taken of all rows, by column."""
    taken = [metric.values(y_true=y, y_pred=p) for metric in measured if isinstance(metric, metrics.Whole)]
    return {column: value for values in taken for column, value in values.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_size_of_a_validation_batch_changes_no_metric(kind: str, option):
    rows = sample(kind, rows=260)  # a ragged last batch of 4, 4 and 10
    nodes = {name: option("metrics", name) for name in OPTIONS if kind in kinds(name) and name not in ("auto", "coverage")}
    measured = build_metrics(nodes, task=rows.task, labels="dense", activation=rows.task.activation)
    model = keras.Sequential([keras.Input((rows.task.units,)), keras.layers.Identity()])
    model.compile(loss="mse", metrics=metrics.within_batches(measured))
    y, p = rows.task.encode(rows.labels, form="dense"), rows.scores(rows.task.activation)
    known = {"verbose": 0, "return_dict": True}
    values = pd.DataFrame(
        [
            model.evaluate(p, y, batch_size=size, **known) | whole(measured, y, model.predict(p, batch_size=size, verbose=0))
            for size in (8, 32, 250)
        ]
    ).drop(columns="loss")
    assert set(values) == {column for metric in measured for column in metrics.columns(metric)}
    assert values.notna().all(axis=None)
    spread = (values.max() - values.min()) / values.abs().max().clip(lower=1)
    assert not {name: value for name, value in spread.items() if value > 1e-6}
