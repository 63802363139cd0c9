"""Every experiment runs, and its header says how, how long and what to expect."""

from __future__ import annotations

import re
from pathlib import Path

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
def test_it_is_run_and_held_to_what_it_says(name):
    """Each of the tests below runs one, for as many epochs as what it says takes to show."""
    assert re.search(rf'lmrun\("experiment={name}"', Path(__file__).read_text(encoding="utf-8"))


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


def test_page1_loss_is_the_val_loss_of_the_epoch_before(lmrun):
    run = lmrun("experiment=page1", "epochs=5", "plots=[]")
    loss, val_loss = (run.history[name].to_numpy() for name in ("loss", "val_loss"))
    assert loss[1:] == pytest.approx(val_loss[:-1], rel=1e-5)
    gap = run.json("run.json")["gap"]
    assert gap["running_mean"] == pytest.approx(loss[-1] - val_loss[-1], abs=1e-6)
    assert gap["mode"] == pytest.approx(0, abs=1e-6)


def test_frozen_dropout_drops_all_the_same_and_a_rate_of_0_does_not(lmrun):
    frozen = lmrun("experiment=frozen_dropout", "epochs=4", "plots=[]")
    assert "[ignored_setting]" in frozen.err
    assert (frozen.history["loss"] > 1.15 * frozen.history["train_loss_eval"]).all()
    rest = lmrun("experiment=frozen_dropout", "epochs=4", "plots=[]", "model.layers.1.rate=0").json("run.json")["gap"]
    assert rest["mode"] == pytest.approx(0, abs=1e-6)
    assert frozen.json("run.json")["gap"]["mode"] > 0.05


def test_regularization_is_in_val_loss(lmrun):
    history = lmrun("experiment=regularization", "epochs=3", "plots=[]").history
    assert (history["val_regularization"] > 0.3).all()
    parts = history["val_data_loss"] + history["val_regularization"]
    assert parts.to_numpy() == pytest.approx(history["val_loss"].to_numpy(), rel=1e-5)


def test_the_smaller_binary_loss_is_the_worse_model(lmrun):
    binary = lmrun("experiment=binary_or_categorical", "epochs=6", "plots=[]").history.iloc[-1]
    words = ["loss=categorical_crossentropy", "model.output_activation=softmax"]
    categorical = lmrun("experiment=binary_or_categorical", "epochs=6", "plots=[]", *words).history.iloc[-1]
    assert binary["val_loss"] < 0.2 * categorical["val_loss"]
    assert binary["val_accuracy"] < categorical["val_accuracy"]


def test_class_weights_lift_loss_and_leave_val_loss(lmrun):
    history = lmrun("experiment=class_weight", "epochs=4", "plots=[]").history
    assert (history["loss"] > 1.5 * history["unweighted_loss"]).all()
    assert list(history["val_unweighted_loss"]) == list(history["val_data_loss"])


def test_batch_normalisation_lags_behind_on_the_very_same_rows(lmrun):
    history = lmrun("experiment=batch_norm", "plots=[]").history
    assert (history["val_loss"] > history["loss"])[2:10].all()
    assert history["val_loss"].iloc[-1] < 1.3 * history["loss"].iloc[-1]


def test_validation_moves_no_weight(lmrun):
    every = lmrun("experiment=validation", "epochs=4", "plots=[]").history
    last = lmrun("experiment=validation", "epochs=4", "plots=[]", "validation_freq=4").history
    assert list(every["loss"]) == list(last["loss"])
    assert every["val_loss"].iloc[-1] == last["val_loss"].iloc[-1]


def test_a_forecast_is_judged_by_the_naive_ones_which_a_constant_flatters(lmrun):
    scores = lmrun("experiment=forecast", "epochs=4", "plots=[]", "train_eval=0").json("metrics.json")
    naive = [found["loss"] for found in scores["naive"]["val"].values()]
    assert scores["val"]["loss"] < min(naive) < max(naive) < 0.15 * scores["baseline"]["val"]["loss"]
    assert scores["skill_naive"]["val"] < scores["skill"]["val"] - 0.05


def test_loss_and_auc_would_choose_other_epochs(lmrun):
    history = lmrun("experiment=auc_or_loss", "plots=[]").history
    assert history["val_loss"].idxmin() != history["val_auc"].idxmax()
    assert history["val_loss"].iloc[-1] > 1.2 * history["val_loss"].min()


def test_augmentation_keeps_the_pictures_from_being_known_by_heart(lmrun):
    """Loss falls below 0.1 without it, and val_loss ends higher than with it."""
    words = ["plots=[]", "train_eval=0"]
    augmented, plain = (lmrun("experiment=augmentation", *words, *more).history for more in ([], ["model.augment=[]"]))
    assert plain["loss"].iloc[-1] < 0.1 < augmented["loss"].iloc[-1]
    assert augmented["val_loss"].iloc[-1] < plain["val_loss"].iloc[-1]
