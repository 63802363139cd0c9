"""Hydra's own multirun: unique folders, jobs that fail alone, and a table with the best job first."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from lossmetric_cli import sweep

WORDS = ("data=iris", "epochs=2", "plots=[]")
FOUR = ("-m", "optimizer.learning_rate=0.1,0.01", "seed=0,1", "metrics=auc+f1", *WORDS)
RATES = ("-m", "optimizer.learning_rate=0.001,-1,0.1", "metrics=[auc]", "monitor=val_auc", *WORDS)


@pytest.fixture
def four(run_once):
    """Two rates by two seeds."""
    return run_once(*FOUR)


@pytest.fixture
def rates(run_once):
    """Three rates, the second of which is none, watched by a metric of which more is better."""
    return run_once(*RATES, code=6)


def results(run) -> pd.DataFrame:
    return pd.read_csv(run.folder / "results.csv")


def test_every_combination_is_a_job_with_a_record(four):
    jobs = sorted(path.parent.name for path in four.folder.glob("*/run.json"))
    assert jobs == ["0", "1", "2", "3"]
    overrides = {tuple(json.loads((four.folder / job / "run.json").read_text())["overrides"][:2]) for job in jobs}
    assert overrides == {(f"optimizer.learning_rate={rate}", f"seed={seed}") for rate in (0.1, 0.01) for seed in (0, 1)}
    assert all((four.folder / job / "history.csv").exists() for job in jobs)


@pytest.mark.parametrize(("sweep", "monitor", "better"), [("four", "val_loss", min), ("rates", "val_auc", max)])
def test_the_best_job_stands_first_by_the_monitors_direction(request, sweep, monitor, better):
    table = results(request.getfixturevalue(sweep)).query("status == 'finished'")
    assert set(table["monitor"]) == {monitor}
    assert table["best"][0] == better(table["best"])
    assert table["best"][0] != table["best"][1]


def test_a_jobs_figure_is_the_best_of_its_history(four):
    for row in results(four).itertuples():
        history = pd.read_csv(four.folder / str(row.job) / "history.csv")
        assert row.best == history["val_loss"].min()
        assert row.epoch == history["epoch"][history["val_loss"].idxmin()]


def test_a_job_that_fails_leaves_the_others_and_exit_code_6(rates):
    table = results(rates)
    assert list(table["status"]) == ["finished", "finished", "failed"]
    assert "optimizer.learning_rate must be a number > 0" in table["error"][2]
    assert "must be a number > 0" in (rates.folder / "1" / "error.log").read_text()
    assert "ok 2 · failed 1" in rates.err


def test_a_job_alone_and_in_a_sweep_gives_the_same_bytes(four, lmrun):
    alone = lmrun("optimizer.learning_rate=0.01", "seed=1", "metrics=auc+f1", *WORDS)
    assert (four.folder / "3" / "history.csv").read_bytes() == (alone.folder / "history.csv").read_bytes()


def test_names_of_metrics_stay_the_same_from_job_to_job(four):
    for job in ("0", "1", "2", "3"):
        columns = list(pd.read_csv(four.folder / job / "history.csv").columns)
        assert {"loss", "auc", "f1", "val_loss", "val_auc", "val_f1"} <= set(columns)
        assert not [name for name in columns if name.rsplit("_", 1)[-1].isdigit()]


def test_sets_of_metrics_and_losses_are_swept_by_name(lmrun):
    run = lmrun("-m", "loss=cce,mse", "metrics=auc,auc+accuracy", *WORDS, "epochs=1")
    columns = {tuple(pd.read_csv(path).columns[1:4]) for path in run.folder.glob("*/history.csv")}
    assert columns == {("loss", "auc", "data_loss"), ("loss", "auc", "accuracy")}


def test_a_sweep_that_cannot_be_composed_leaves_no_folder(lmrun, tmp_path):
    assert "did you mean" in lmrun("-m", "loss=mse,maee", code=2).err
    assert not list(tmp_path.glob("outputs/sweeps/*/*"))


@pytest.mark.slow
def test_joblib_runs_jobs_in_processes_of_their_own(shell):
    run = shell("-m", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "seed=0,1", "lr=0.1,-1", *WORDS, code=6)
    table = results(run)
    assert sorted(table["status"]) == ["failed", "failed", "finished", "finished"]
    assert np.isfinite(table["best"][:2]).all()


def test_the_learning_rate_experiment_sweeps_by_its_own_words(lmrun):
    run = lmrun("-m", "experiment=learning_rate", "seed=0", "epochs=1", "data=iris", "plots=[]")
    swept = {word for words in results(run)["overrides"] for word in words.split() if "learning_rate=" in word}
    assert len(results(run)) == len(swept - {"experiment=learning_rate"}) == 5


def test_text_that_a_spreadsheet_would_compute_gets_a_quote_before_it(tmp_path):
    sweep.write(pd.DataFrame({"job": [0], "overrides": ["+data.x=1"], "best": [-1.5], "error": ["=cmd|x"]}), tmp_path)
    assert (tmp_path / "results.csv").read_text() == "job,overrides,best,error\n0,'+data.x=1,-1.5,'=cmd|x\n"
