"""The page of a run says what its record says, is small, holds all that it shows, and runs nothing."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pages import Page

from lossmetric_cli import report
from lossmetric_cli.console import figure, span
from lossmetric_cli.record import Record
from lossmetric_cli.story import gaps

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def run(run_once: Callable[..., Any]) -> Path:
    """A run with a test part, a penalty, two metrics, and pictures."""
    return run_once("data=iris", "metrics=accuracy+auc", "model.l2=0.001", "validation.test_split=0.2", "epochs=4").folder


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run, tmp_path / "run"))


def changed(folder: Path, **facts: Any) -> Path:
    """Change run.json of a folder, and return that; None takes a fact away."""
    told = {**json.loads((folder / "run.json").read_text()), **facts}
    (folder / "run.json").write_text(json.dumps({key: fact for key, fact in told.items() if fact is not None}))
    return folder


def page_of(folder: Path) -> Page:
    path = report.write(Record.read(folder))
    assert path.stat().st_size < report.LARGEST
    return Page(path.read_text(encoding="utf-8"))


# What it says


def test_every_run_has_a_page_and_is_told_where(lmrun: Callable[..., Any]):
    found = lmrun("data=iris", "epochs=1")
    place = (found.folder / "report.html").relative_to(Path.cwd())
    assert f" report      {place}\n" in found.err
    assert Page(place.read_text()).faults == []


def test_its_figures_are_those_of_the_record(run: Path):
    record = Record.read(run)
    page, scores, best = page_of(run), record.scores, record.info["best"]["val_loss"]
    assert page.faults == []
    assert f"best val_loss ↓ {figure(best['value'])} at epoch {best['epoch']} of 4" in page.text
    assert f"skill {scores['skill']['test']:.2f} on test rows" in page.text
    for name, arrow in (("loss", "↓"), ("accuracy", "↑"), ("auc", "↑")):
        parts = [figure(scores[part][name]) for part in ("train", "val", "test")]
        ends = scores["interval"]["test"].get(name)
        cells = [*parts, *([span(*ends)] if ends else []), figure(scores["baseline"]["test"][name])]
        assert f"{name} {arrow} {' '.join(cells)}" in page.text


def test_it_tells_the_story_the_gap_and_the_epochs(run: Path):
    record, page = Record.read(run), page_of(run)
    assert "mlp(64) with adam 0.001 on iris: 90 rows to train on, 30 rows to validate and 30 rows kept for a test" in page.text
    for name, size, meaning in gaps.parts(record.info["gap"], record):
        assert f"{name} {size} {meaning}" in page.text
    for row in record.history.to_dict("records"):
        assert f"{row['epoch']:.0f} " in page.text
        assert f" {figure(row['loss'])} {figure(row['train_loss_eval'])} {figure(row['val_loss'])} " in page.text


def test_it_holds_the_pictures_that_lie_beside_it(run: Path):
    kept = [("svg+xml", (run / "plots" / f"{name}.svg").read_bytes()) for name in ("curves", "model")]
    assert page_of(run).pictures == kept


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["data=iris", "optimizer=sgd", "lr=1e30", "epochs=3"], 4, "It failed after 1 epoch of 3: loss became nan"),
        (["data=iris", "epochs=2", "validation=kfold", "validation.folds=2"], 0, "Means over 2 folds."),
        (["data=multitask", "outputs=[price,rooms]", "loss=mae", "epochs=1", "batch_size=240"], 0, "price_loss"),
        (
            ["model=vae", "outputs.picture.target=input", "outputs.digit.target=y", "batch_size=512", "epochs=1"],
            0,
            "val_picture_loss",
        ),
        (["data=multilabel", "epochs=1"], 0, "labels, each on or off"),
        (["data=blobs", "validation=none", "epochs=1"], 0, "training rows"),
        (["data=load_curve", "data.season=24", "epochs=1", "batch_size=512"], 0, "same as last"),
        (["data=iris", "rival=linear", "epochs=1"], 0, "linear"),
        (["data=blobs", "task=reconstruction", "model=autoencoder", "epochs=1", "metrics=[]", "plots=[]"], 0, "val_loss"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_runs_of_every_kind_have_one(lmrun: Callable[..., Any], words: list[str], code: int, says: str):
    lmrun(*words, code=code)
    page = Page(Path("outputs/latest/report.html").read_text())
    assert page.faults == []
    assert says in page.text


def test_jobs_of_a_sweep_have_one_and_the_sweep_says_so(lmrun: Callable[..., Any]):
    folder = lmrun("-m", "data=iris", "epochs=1", "plots=[]", "seed=0,1").folder.relative_to(Path.cwd())
    assert all((folder / job / "report.html").is_file() for job in "01")
    found = lmrun("report", str(folder), code=2)
    assert found.err.endswith(f"is a sweep, and each of its jobs has a page; type lmrun report {folder}/0\n")


def test_a_run_that_was_killed_has_one_once_it_is_asked_for(copy: Path, lmrun: Callable[..., Any]):
    for name in ("report.html", "metrics.json", "predictions.npz"):
        (copy / name).unlink()
    found = lmrun("report", str(changed(copy, status="running", best=None, gap=None, verdicts=None)))
    assert found.out == f"{copy}/report.html\n"
    page = Page((copy / "report.html").read_text())
    assert "running" in page.text
    assert "It has not ended, or was killed: 4 epochs of 4 so far." in page.text


BLOCKS = """
    import pathlib

    import keras

    class Blocks(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            (record,) = pathlib.Path("outputs").glob("2*/*/run.json")
            (record.parent / "report.html").mkdir()
"""


def test_what_cannot_be_written_fails_no_run(lmrun: Callable[..., Any], tmp_path: Path):
    (tmp_path / "my_callbacks.py").write_text(textwrap.dedent(BLOCKS))
    found = lmrun("data=iris", "epochs=1", "plots=[]", "callbacks=my_callbacks.Blocks")
    assert " note        report.html failed: " in found.err
    assert Record.read(found.folder).info["status"] == "finished"


# How large it is


def test_a_hundred_thousand_epochs_fit(copy: Path):
    history = pd.read_csv(copy / "history.csv")
    many = history.loc[np.arange(100_000) % 4].assign(epoch=np.arange(1, 100_001))
    many.to_csv(copy / "history.csv", index=False)
    page = page_of(copy)
    assert "16 of 100,000 epochs." in page.text or "17 of 100,000 epochs." in page.text
    assert (copy / "report.html").stat().st_size < 300_000


def test_pictures_that_are_too_large_are_left_out_and_told(copy: Path):
    (copy / "plots" / "curves.svg").write_bytes(b"<svg>" + b" " * 3_000_000)
    (copy / "plots" / "wide.png").write_bytes(b"x" * 1_900_000)
    page = page_of(copy)
    assert [kind for kind, _ in page.pictures] == ["png", "svg+xml"], "the smaller form of curves, and the model"
    assert "wide is too large for this page; it lies in plots/" in page.text


def test_texts_without_end_are_cut(copy: Path):
    (copy / ".hydra" / "config.yaml").write_text("x: " + "y" * 5_000_000)
    facts = {"title": f"{'t' * 500_000} · a · b · c", "verdicts": ["v" * 50_000] * 1000, "overrides": ["o" * 500_000]}
    facts |= dict.fromkeys(("notes", "differs_in_training"), ['"' * 50_000] * 100)
    scores = json.loads((copy / "metrics.json").read_text())
    scores["naive"] = {"test": {f"{number}{'<' * 200}": {"loss": 1.0} for number in range(3000)}}
    (copy / "metrics.json").write_text(json.dumps(scores))
    page = page_of(changed(copy, **facts, class_counts={"train": {str(number): 1 for number in range(100_000)}}))
    assert page.faults == []


# What it lets in


def test_what_a_record_says_stays_text(copy: Path):
    said = f'{SCRIPT}" onload="x \u202e\x1b[2J'
    metrics = {said: {"class": said, "direction": "max"}}
    facts = {"title": f"{said} · a · b · c", "rows": {"train": 1, "val": 1, "test": 1}, "versions": {said: said}}
    facts |= dict.fromkeys(("status", "started", "device", "platform", "data_sha256", "error"), said)
    lists = {key: [said] for key in ("verdicts", "notes", "argv", "overrides", "differs_in_training")}
    (copy / ".hydra" / "config.yaml").write_text(said)
    scores = json.loads((copy / "metrics.json").read_text())
    (copy / "metrics.json").write_text(json.dumps(scores | {part: {"loss": 1.0, said: 0.5} for part in ("val", "test")}))
    page = page_of(changed(copy, **facts, **lists, metrics=metrics))
    assert page.faults == []
    assert SCRIPT in page.text
    assert not {"\x1b", "\u202e"} & set((copy / "report.html").read_text())


def test_pictures_through_a_link_that_leads_elsewhere_are_left_out(copy: Path, tmp_path: Path):
    (tmp_path / "secret.svg").write_text("precious")
    for name in ("curves.svg", "curves.png"):
        (copy / "plots" / name).unlink()
        (copy / "plots" / name).symlink_to(tmp_path / "secret.svg")
    page = page_of(copy)
    assert len(page.pictures) == 1
    assert b"precious" not in page.pictures[0][1]


@pytest.mark.parametrize("name", ["report.html", ".hydra"])
def test_files_of_the_page_that_lead_elsewhere_are_refused(name: str, copy: Path, lmrun: Callable[..., Any], tmp_path: Path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.yaml").write_text("precious")
    shutil.rmtree(copy / ".hydra") if name == ".hydra" else (copy / name).unlink()
    (copy / name).symlink_to(other if name == ".hydra" else other / "config.yaml")
    assert "leads out of" in lmrun("report", str(copy), code=5).err
    assert (other / "config.yaml").read_text() == "precious"
