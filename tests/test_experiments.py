"""Every experiment runs, and its header says how, how long and what to expect."""

from __future__ import annotations

import re

import pytest

from lossmetric_cli import shipped

FILES = shipped.options("experiment")
SWEEPS = {name for name, file in FILES.items() if "sweeper:" in file.read_text(encoding="utf-8")}


def test_there_are_experiments():
    assert len(FILES) >= 4


@pytest.mark.parametrize("name", FILES)
def test_the_header_asks_a_question_and_gives_command_time_and_expectation(name):
    head = FILES[name].read_text(encoding="utf-8").split("\n\n")[0]
    lines = [line.lstrip("# ") for line in head.splitlines() if line.startswith("#")]
    assert lines[0].endswith("?")
    assert re.search(rf"lmrun (-m )?experiment={name} +\d+ (second|minute)s? on a laptop CPU", head)
    assert "Expect" in head or "equals" in head


@pytest.mark.parametrize("name", sorted(FILES.keys() - SWEEPS))
def test_it_runs_for_an_epoch(lmrun, name):
    assert len(lmrun(f"experiment={name}", "epochs=1", "plots=[]").history) == 1


def test_the_headline_shows_that_a_metric_changes_no_weight(lmrun):
    measured = lmrun("experiment=headline", "epochs=2", "plots=[]")
    without = lmrun("experiment=headline", "epochs=2", "plots=[]", "metrics=[]")
    assert list(measured.history["val_loss"]) == list(without.history["val_loss"])


def test_letters26_begins_with_the_accuracy_of_always_saying_no(lmrun):
    history = lmrun("experiment=letters26", "epochs=1", "plots=[]").history
    assert history["val_binary_accuracy"][0] == pytest.approx(25 / 26, abs=0.01)
    assert history["val_accuracy"][0] < 0.6


def test_dropout_raises_the_training_loss_above_the_same_rows_at_rest(lmrun):
    history = lmrun("experiment=dropout", "epochs=4", "plots=[]").history
    assert (history["loss"] > history["val_loss"]).all()
