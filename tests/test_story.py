"""What is told of a finished run: every figure is the record's, whatever became of the run and however wide the page."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from lossmetric_cli import cli, store, story
from lossmetric_cli.console import figure, span
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.explain import page


def ran(folder, *words):
    """Return the run folder of a command line in `folder`, whatever its exit code."""
    with contextlib.chdir(folder), contextlib.redirect_stderr(io.StringIO()):
        cli.answer([*words, "plots=[]"])
        return (Path("outputs") / "latest").resolve()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run with a test part, a penalty, two metrics and epochs in which it is still improving."""
    words = ["data=iris", "metrics=accuracy+auc", "model.l2=0.001", "validation.test_split=0.2", "epochs=4"]
    return ran(tmp_path_factory.mktemp("finished"), *words)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run that early stopping ended after its best epoch."""
    words = ["data=page1", "epochs=40", "lr=0.03", "callbacks=early_stopping", "callbacks.early_stopping.patience=3"]
    return ran(tmp_path_factory.mktemp("stopped"), *words)


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """A run whose loss became NaN."""
    return ran(tmp_path_factory.mktemp("broken"), "data=iris", "optimizer=sgd", "lr=1e30", "epochs=3")


@pytest.fixture
def changed(finished, tmp_path):
    """`changed(status="running")`: a copy of the finished run whose run.json says otherwise; None takes a fact away."""

    def change(folder=finished, **facts):
        copy = tmp_path / "run"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder, copy)
        info = {**read(folder), **facts}
        store.write(copy / "run.json", json.dumps({name: fact for name, fact in info.items() if fact is not None}))
        return copy

    return change


def read(folder, name="run.json"):
    return json.loads((folder / name).read_text(encoding="utf-8"))


def told(*words, width=100):
    return " ".join(story.answer([str(word) for word in words], width=width).split())


# A run


def test_it_says_what_was_trained_on_what(finished):
    text = told(finished)
    assert "mlp(64) with adam 0.001 on iris: 90 rows to train on, 30 rows to validate and 30 rows kept for a test" in text
    assert "A row is one of 3 classes (setosa, versicolor, virginica)." in text


def test_it_says_what_was_optimised_and_what_only_measured(finished):
    text = told(finished)
    assert "optimised sparse_categorical_crossentropy and an L2 penalty of 0.001 (lower is better) and nothing else" in text
    assert "Only measured: accuracy (higher is better) and auc (higher is better)." in text


def test_several_answers_are_told_with_the_loss_of_each(tmp_path):
    words = ["data=multitask", "outputs=[price,rooms]", "loss=mae", "outputs.price.weight=0.5", "model.l2=0.1"]
    text = told(ran(tmp_path, *words, "epochs=1", "batch_size=240"))
    assert "A row has 2 answers: price, a number; rooms, a number." in text
    losses = "mean_absolute_error of price times 0.5, mean_absolute_error of rooms and an L2 penalty of 0.1"
    assert f"It optimised {losses} (lower is better) and nothing else." in text


def test_its_figures_are_those_of_the_record(finished):
    text, scores, last = told(finished), read(finished, "metrics.json"), pd.read_csv(finished / "history.csv").iloc[-1]
    best = read(finished)["best"]["val_loss"]
    assert f"val_loss, which chooses the epoch, was lowest at epoch {best['epoch']}: {figure(best['value'])}." in text
    constant = figure(scores["baseline"]["val"]["loss"])
    assert f"its loss is {figure(scores['val']['loss'])} where the best constant answer has {constant}" in text
    assert f"a skill of {scores['skill']['val']:.2f}" in text
    partner = f"{figure(last['train_loss_eval'])} on training rows and {figure(last['val_loss'])} on validation rows"
    assert partner in text
    assert f"({figure(last['val_loss_stderr'])} over these rows)" in text


def test_its_test_figures_have_their_intervals(finished):
    scores = read(finished, "metrics.json")
    ends = span(*scores["interval"]["test"]["accuracy"])
    assert f"accuracy {figure(scores['test']['accuracy'])} ({ends})" in told(finished)


def test_it_names_the_largest_part_of_the_gap(finished):
    gap = read(finished)["gap"]
    parts = {"running_mean": "running mean", "mode": "mode", "weights": "class weights", "generalisation": "generalisation"}
    largest = max(parts, key=lambda part: abs(gap[part]))
    assert re.search(rf"the largest part of that is (the )?{parts[largest]}:", told(finished))


def test_its_verdicts_stand_with_what_to_try_next(finished):
    text = told(finished)
    assert all(verdict in text for verdict in read(finished)["verdicts"])
    assert "epochs=8" in text


def test_early_stopping_is_what_ended_it(stopped):
    info, epochs = read(stopped), len(pd.read_csv(stopped / "history.csv"))
    text = told(stopped)
    assert f"early_stopping ended it after {epochs} of 40 epochs: val_loss had not improved for 3 epochs." in text
    assert f"was lowest at epoch {info['best']['val_loss']['epoch']}" in text
    assert "The weights of that epoch are the ones it ended with." in text


def test_a_loss_that_became_nan_is_told_with_a_smaller_learning_rate(broken):
    text = told(broken)
    assert "It failed after 1 epoch of 3: loss became nan at step 2 of 4 in epoch 1" in text
    assert text.endswith("lmrun data=iris optimizer=sgd epochs=3 'plots=[]' optimizer.learning_rate=0.1")


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("interrupted", "It goes on where it was left:"),
        ("running", "If nothing works at it any more, the rest of it:"),
        ("failed", "Once that is mended, it goes on from its last state:"),
    ],
)
def test_a_run_with_a_state_is_told_how_it_goes_on(changed, status, sentence):
    copy = changed(status=status, error="the disk is full")
    store.write(copy / "state" / "000001.state", "")
    assert f"{sentence} lmrun resume" in told(copy)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("interrupted", "It was left after 4 epochs of 4 (the disk is full); nothing was scored at the end."),
        ("running", "It has not ended, or was killed: 4 epochs of 4 so far."),
        ("failed", "It failed after 4 epochs of 4: the disk is full."),
    ],
)
def test_a_run_without_an_end_is_told_from_what_it_has(changed, status, sentence):
    folder = changed(status=status, error="the disk is full", verdicts=None, best=None)
    (folder / "metrics.json").unlink()
    text = told(folder)
    assert sentence in text
    assert "val_loss, which chooses the epoch, was lowest at epoch 4" in text, "from the history"


def test_a_run_that_failed_before_its_parts_were_known_is_told(changed):
    early = dict.fromkeys(("title", "task", "loss", "metrics", "monitor", "rows", "best", "verdicts", "gap"))
    folder = changed(status="failed", error="x has missing values", **early)
    for name in ("history.csv", "metrics.json"):
        (folder / name).unlink()
    assert "It failed before the end of its first epoch: x has missing values." in told(folder)


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("overfits since epoch 2: val_loss rose", "callbacks=early_stopping"),
        ("still improving: val_loss fell", "epochs=8"),
        ("diverged: loss rose from 1 to 9", "optimizer.learning_rate=0.0001"),
        ("val_loss spikes at epoch 2", "optimizer/learning_rate=cosine_decay"),
        ("val_loss 1 is no better than a constant answer's 1", "optimizer.learning_rate=0.1,0.01,0.001,0.0001"),
    ],
)
def test_each_verdict_leads_to_a_command_that_composes(lmrun, changed, verdict, words):
    lines = re.sub(r" \\\n *", " ", story.answer([str(changed(verdicts=[verdict]))], width=100)).splitlines()
    (command,) = [line for line in lines if "lmrun " in line and words in line]
    typed = [re.sub(r"(rate=[^,]+),.*", r"\1", word) for word in shlex.split(command) if word not in ("lmrun", "-m")]
    assert lmrun("--cfg", "job", *typed).out


# The gap


def test_gap_prints_parts_that_add_up(finished):
    text = told("gap", finished)
    numbers = [
        float(number.replace("−", "-")) for number in re.findall(r"(?:mean|mode|weights|generalisation) +([+−]?[\d.]+)", text)
    ]
    whole = float(re.search(r"= ([+−][\d.]+), which is the sum", text)[1].replace("−", "-"))
    assert len(numbers) == 4
    assert sum(numbers) == pytest.approx(whole, abs=0.01)


def test_gap_without_validation_has_three_parts_and_says_so(changed, finished):
    gap = {**read(finished)["gap"], "val_loss": None}
    del gap["generalisation"]
    text = told("gap", changed(gap=gap))
    assert text.count("running mean") == 1
    assert "Nothing was validated in that epoch" in text
    assert "generalisation" not in text


def test_gap_of_a_sample_says_of_how_many_rows(changed, finished):
    text = told("gap", changed(gap={**read(finished)["gap"], "rows": 20_000, "of": 1_000_000}))
    assert "a seeded sample of 20,000 of 1,000,000 training rows" in text


def test_gap_that_was_left_out_is_refused_with_the_reason(broken):
    with pytest.raises(ConfigError, match="has no gap: the loss is not a number"):
        story.answer(["gap", str(broken)])


def test_gap_of_a_run_that_did_not_end_is_refused_with_the_reason(changed):
    with pytest.raises(ConfigError, match="the run is interrupted, and the gap is measured when training ends"):
        story.answer(["gap", str(changed(status="interrupted", gap=None))])


def test_every_part_has_a_sentence_for_either_sign(changed, finished):
    for sign in (-1, 0, 1):
        gap = {**read(finished)["gap"], **dict.fromkeys(("running_mean", "mode", "weights", "generalisation"), 0.1 * sign)}
        text = told("gap", changed(gap=gap))
        assert text.count(". ") >= 4, sign


# A sweep


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """Three jobs: two that differ in their learning rate, and one whose callback fails."""
    folder = tmp_path_factory.mktemp("sweep")
    with contextlib.chdir(folder), contextlib.redirect_stderr(io.StringIO()):
        cli.answer(["-m", "data=iris", "optimizer.learning_rate=0.001,0.1,1e30", "epochs=2", "plots=[]"])
    return (folder / "outputs" / "sweeps" / "latest").resolve()


def test_a_sweep_is_told_by_its_best_job_and_its_folder(sweep):
    text, results = told(sweep), pd.read_csv(sweep / "results.csv")
    assert "3 jobs: 2 finished, 1 failed." in text
    assert f"is job 1: optimizer.learning_rate=0.1, {figure(results['best'][0])} at epoch 2." in text
    assert "The next is job 0: optimizer.learning_rate=0.001" in text
    assert re.search(r"failed 2: optimizer.learning_rate=1e\+?30: loss became nan", text)
    assert text.endswith(str(sweep / "1"))


def test_a_sweep_over_losses_says_that_they_do_not_compare(sweep, tmp_path):
    shutil.copytree(sweep, tmp_path / "jobs")
    for job, loss in (("0", "mse"), ("1", "mae")):
        info = read(sweep / job)
        store.write(
            tmp_path / "jobs" / job / "run.json", json.dumps({**info, "overrides": [*info["overrides"], f"loss={loss}"]})
        )
    assert "figures of two losses do not compare" in told(tmp_path / "jobs")


def test_a_job_of_a_sweep_is_a_run_like_any_other(sweep):
    assert "It is job 1 of a sweep." in told(sweep / "1")


def test_gap_of_a_sweep_is_refused(sweep):
    with pytest.raises(ConfigError, match="a gap is that of a run"):
        story.answer(["gap", str(sweep)])


# Which words are runs


def test_latest_is_the_run_that_ended_last(finished, monkeypatch):
    monkeypatch.chdir(finished.parents[2])
    assert told("latest") == told("outputs/latest")
    assert "on iris" in told("latest")


def test_a_name_wins_over_a_folder_that_is_no_run_and_a_run_over_a_name(finished, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "auc").mkdir()
    assert told("auc").startswith("auc · metric")
    shutil.copytree(finished, tmp_path / "auc", dirs_exist_ok=True)
    assert told("auc").startswith("iris · mlp(64)")
    assert told("loss/hinge").startswith("hinge · loss")


def test_names_and_runs_can_stand_together(finished):
    assert told("auc", finished).startswith("auc · metric")
    assert "iris · mlp(64)" in told("auc", finished)


@pytest.mark.parametrize("word", ["outputs/2026/none", "empty", "latest"])
def test_a_folder_that_holds_no_run_is_refused(lmrun, tmp_path, word):
    (tmp_path / "outputs").mkdir()
    (tmp_path / "empty").mkdir()
    run = lmrun("explain", word, code=2)
    assert re.search(r"(outputs/2026/none|empty|outputs/latest) is no run folder: its run.json is missing", run.err)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("run.json", "{"),
        ("run.json", "[1]"),
        ("run.json", '{"status": "finished", "title": "x"}'),
        ("metrics.json", "{"),
        ("history.csv", 'epoch,loss\n"1'),
        ("history.csv", ""),
    ],
)
def test_a_damaged_record_is_refused_in_a_line(lmrun, changed, name, content):
    folder = changed()
    (folder / name).write_text(content, encoding="utf-8")
    run = lmrun("explain", str(folder), code=2)
    assert re.match(
        rf"lmrun: error: {folder} is no run folder: its (record is|(run|metrics).json is missing or) damaged", run.err
    )


# How it looks


@pytest.mark.parametrize("width", [40, 60, 100])
def test_no_line_is_wider_than_the_page(finished, stopped, broken, sweep, width):
    pages = [story.answer([str(folder)], width=width) for folder in (finished, stopped, broken, sweep)]
    pages += [story.answer(["gap", str(folder)], width=width) for folder in (finished, stopped)]
    wide = [line for text in pages for line in text.splitlines() if len(line) > width]
    assert not [line for line in wide if " " in line.strip().removesuffix(" \\")], "a path alone may be longer than a line"


def test_pages_need_no_character_that_ascii_has_no_word_for(finished, sweep):
    every = story.answer([str(finished), str(sweep)]) + story.answer(["gap", str(finished)])
    assert {character for character in every if ord(character) > 127} <= set(page._ASCII)


def test_a_long_path_is_not_broken_in_a_command_to_copy(changed, tmp_path):
    folder = tmp_path / ("long" * 20)
    shutil.copytree(changed(), folder)
    assert f"lmrun explain gap {folder}" in re.sub(r" \\\n *", " ", story.answer([str(folder)], width=60))


@pytest.mark.parametrize("words", [[], ["gap"]])
def test_a_story_is_told_without_tensorflow(finished, words):
    code = (
        f"import sys; from lossmetric_cli.cli import answer; code = answer(['explain', *{words}, {str(finished)!r}]); "
        "print(code, *sorted({'tensorflow', 'keras', 'matplotlib', 'sklearn', 'hydra'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60, env=os.environ)
    assert done.stderr.split() == ["0"]


def test_the_readme_shows_true_lines_of_a_story_and_a_gap(tmp_path, monkeypatch):
    """Line by line, figures aside: they are of the machine that the README was written on."""
    readme = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"```text\n((?:digits · mlp|The gap of).*?)```", readme, re.DOTALL)
    commands = [
        ["loss=categorical_crossentropy", "metrics=[auc]", "validation.test_split=0.1", "epochs=30"],
        ["experiment=dropout"],
    ]

    def shape(text):
        return [word for word in re.sub(r"[+−]?\d[\d.,]*", "0", text).split() if word != "…"]

    for number, command in enumerate(commands):
        ran(tmp_path, *command)
        monkeypatch.chdir(tmp_path)
        printed = iter(shape(told(*["gap"][:number], "outputs/latest")))
        assert all(word in printed for word in shape(shown[number])), "the words of the README in their order"
