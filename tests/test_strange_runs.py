"""Run folders that somebody else may have made: what is gone on with is held against what a run leaves."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest

from lossmetric_cli import store
from lossmetric_cli.cli import jobs
from lossmetric_cli.errors import EnvironmentFault, StateFault
from lossmetric_cli.record import Record
from lossmetric_cli.state import archive, memories
from lossmetric_cli.state.past import Past

SOUND: dict[str, Any] = {
    **{"epochs": 2, "batches": 0, "is_stopped": False, "history_sha256": "e3", "lines": {"history.csv": 9, "timing.csv": 9}},
    **{"callbacks": [], "random": [], "numpy": [], "weights": [], "variables": [], "metrics": []},
}
INFO = {"status": "finished", "overrides": []}


def stated(folder: Path, facts: Any) -> Past:
    """Return the past of a folder with one state, whose checksum is right whatever its facts are."""
    store.write(folder / archive.FOLDER / "000001.state", archive.pack(facts, {}))
    return Past.of(folder, INFO)


def test_sound_facts_are_taken(tmp_path: Path):
    assert stated(tmp_path, SOUND).epochs == 2


@pytest.mark.parametrize(
    "facts",
    [
        *({"epochs": value} for value in (-1, "3", None, 1.5, True, 10**30)),
        *({"batches": value} for value in (-1, "3", [1])),
        *({"is_stopped": 7}, {"callbacks": {}}, {"random": "x"}, {"weights": None}, {"lines": {}}, {"history_sha256": 1}),
        {"lines": {"history.csv": -5, "timing.csv": 0}},
    ],
    ids=str,
)
def test_facts_that_no_run_keeps_are_refused(facts: dict[str, Any], tmp_path: Path):
    with pytest.raises(StateFault, match=rf"no usable state in .*: its ({next(iter(facts))}|history\.csv) is"):
        stated(tmp_path, SOUND | facts)


def test_a_state_without_facts_is_refused(tmp_path: Path):
    with pytest.raises(StateFault, match="it has no facts; type lmrun rerun"):
        stated(tmp_path, [])


def test_a_state_that_is_a_device_is_damaged(tmp_path: Path):
    stated(tmp_path, SOUND)
    (tmp_path / archive.FOLDER / "000002.state").symlink_to("/dev/zero")
    assert archive.newest(tmp_path).damaged == ("000002.state",)


def test_a_state_cannot_lead_a_checkpoint_out_of_its_folder():
    checkpoint = keras.callbacks.ModelCheckpoint("best.keras")
    memories.give_back([checkpoint], [{"best": 0.5, "filepath": "/elsewhere/best.keras"}])
    assert (checkpoint.best, checkpoint.filepath) == (0.5, "best.keras")


@pytest.mark.parametrize("name", ["of_another", "dangling"])
def test_a_lock_that_is_a_link_writes_over_nothing(name: str, tmp_path: Path):
    (tmp_path / "of_another").write_text("precious")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").symlink_to(tmp_path / name)
    with pytest.raises(StateFault, match=r"\.lock is no file; remove it"), store.lock(tmp_path / "run"):
        pass
    assert [(file.name, file.read_text()) for file in tmp_path.glob("*") if file.is_file()] == [("of_another", "precious")]


@pytest.mark.parametrize("name", ["folds/1", "folds/1/history.csv"])
def test_a_link_in_a_fold_that_leads_elsewhere_is_refused(name: str, tmp_path: Path):
    other, run = tmp_path / "other", tmp_path / "run"
    for folder in (other, run, run / "folds" if name == "folds/1" else run / "folds" / "1"):
        store.write(folder / "run.json", json.dumps(INFO))
    (run / name).symlink_to(other)
    with pytest.raises(EnvironmentFault, match="by a link; remove the link"):
        Record.read(run).fold(1)


@pytest.mark.parametrize(
    "facts", [{"status": None}, {"overrides": 7}, {"overrides": [1]}, {"threads": "x"}, {"epochs": "3"}, {"fold": []}], ids=str
)
def test_a_record_of_other_types_is_answered_in_a_line(facts: dict[str, Any], lmrun: Callable[..., Any], tmp_path: Path):
    store.write(tmp_path / "run" / "run.json", json.dumps(INFO | facts))
    found = lmrun("resume", "run", "epochs=2", code=2)
    assert f"is no run folder: in its run.json {next(iter(facts))} is " in found.err
    assert found.err.count("\n") == 1


@pytest.mark.parametrize("verb", [["rerun"], ["resume", "fork=true"]], ids=str)
def test_a_record_does_not_say_that_a_new_run_goes_elsewhere(verb: list[str], lmrun: Callable[..., Any], tmp_path: Path):
    inside, other = tmp_path / "of" / "a" / "stranger" / "run", tmp_path / "elsewhere"
    store.write(inside / "run.json", json.dumps(INFO))
    config = lmrun("--cfg", "job", "data=iris").out
    store.write(inside / ".hydra" / "config.yaml", config.replace("out: outputs", f"out: {other}"))
    (tmp_path / "here").mkdir()
    with contextlib.chdir(tmp_path / "here"):
        found = lmrun(verb[0], str(inside), *verb[1:], code=2)
    assert found.err == f"lmrun: error: the record sets out to '{other}', which lies elsewhere; type out=FOLDER\n"
    assert not other.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_between_jobs_ends_a_sweep_with_its_workers(number: int):
    before = signal.getsignal(number)
    with pytest.raises(jobs.SweepLeft, match="interrupted by SIG") as left, jobs.leaving_no_worker():
        os.kill(os.getpid(), number)
    assert left.value.stopped.exit_code == 128 + number
    assert signal.getsignal(number) is before
