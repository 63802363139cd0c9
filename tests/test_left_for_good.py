"""What ends a run, wherever it comes from, ends it with the right word and leaves what it had; a refusal changes nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from lossmetric_cli import feed, store
from lossmetric_cli.record import Record
from lossmetric_cli.state import archive

CALLBACKS = """
    import pathlib, shutil

    import keras

    class Late(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                self.model.optimizer.learning_rate = 1e25

    class Leaves(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise SystemExit(0)

    class Last(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            raise ValueError("too late")

    class Takes(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                (record,) = pathlib.Path("outputs").glob("2*/*/run.json")
                shutil.rmtree(record.parent)
"""
PLOTS = """
    import os, signal

    from matplotlib.figure import Figure

    def draw(record):
        if os.environ.get("LMRUN_TEST_SIGNAL"):
            os.kill(os.getpid(), signal.SIGINT)
        return Figure()
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder with callbacks and a plot of somebody's own."""
    (tmp_path / "my_callbacks.py").write_text(textwrap.dedent(CALLBACKS))
    (tmp_path / "my_plots.py").write_text(textwrap.dedent(PLOTS))
    (tmp_path / "conf" / "plots").mkdir(parents=True)
    (tmp_path / "conf" / "plots" / "mine.yaml").write_text("# @package plots.mine\n# Mine.\n_target_: my_plots.draw\n")
    return tmp_path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    x = np.random.default_rng(0).normal(size=(60, 3))
    return write(tmp_path / "rows.csv", x)


def write(path: Path, x: np.ndarray) -> Path:
    path.write_text("a,b,y\n" + "\n".join(",".join(f"{value:.4f}" for value in row) for row in x) + "\n")
    return path


def kept(folder: Path) -> dict[str, bytes]:
    """Return what lies in a run folder, by name."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


# A refusal changes nothing


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["data.path=other.csv", "epochs=9"], 7),
        (["data.path=none.csv", "epochs=9"], 3),
        (["epochs=1"], 7),
        (["lr=0.5"], 7),
    ],
    ids=str,
)
def test_resume_that_is_refused_leaves_the_run_as_it_was(
    lmrun: Callable[..., Any], table: Path, tmp_path: Path, words: list[str], code: int
):
    write(tmp_path / "other.csv", np.ones((60, 3)) * np.arange(60)[:, np.newaxis])
    quick = ("epochs=3", "plots=[]", "state_every=0")
    run = lmrun("data=csv", "data.path=rows.csv", "data.target=y", *quick).folder
    before = kept(run)
    lmrun("resume", str(run), *words, code=code)
    assert kept(run) == before
    lmrun("resume", str(run), "epochs=4")
    assert len(Record.read(run).history) == 4


def test_resume_of_a_run_in_use_leaves_its_config_as_it_was(lmrun: Callable[..., Any]):
    run = lmrun("data=iris", "epochs=2", "plots=[]", "state_every=0").folder
    before = kept(run)
    with store.lock(run):
        found = lmrun("resume", str(run), "epochs=9", code=7)
    assert f"in use by pid {os.getpid()}" in found.err
    assert kept(run) == before


def test_what_is_asked_of_one_sitting_stays_with_it(lmrun: Callable[..., Any]):
    run = lmrun("data=iris", "epochs=2", "plots=[]", "state_every=0", "-q").folder
    lmrun("resume", str(run), "epochs=100000", "max_time=2", "stall_time=60", code=5)
    config = (run / ".hydra" / "config.yaml").read_text()
    assert "max_time: null" in config
    assert "stall_time: null" in config
    assert "epochs: 100000" in config
    assert Record.read(run).info["config"]["max_time"] is None
    assert "have the same bytes" in lmrun("rerun", str(lmrun("data=iris", "epochs=1", "plots=[]", "-q").folder)).err


# Numbers that are none


def floats(facts: dict[str, Any]) -> list[int]:
    """Return the places of the weights of a state whose four bytes are a number; all of them set are none."""
    return [place for place, (dtype, _) in enumerate(facts["variables"]) if dtype == "float32"]


def test_nan_inside_a_long_epoch_leaves_the_states_before_it_and_ends_the_epoch(lmrun: Callable[..., Any], own: Path):
    words = ["data=digits", "callbacks=my_callbacks.Late", "batch_size=1", "epochs=3", "plots=[]", "train_eval=0"]
    found = lmrun(*words, "state_every=0.02", "steps_per_execution=4", code=4)
    assert re.search(r"loss became (nan|inf) at step \d+ of 1438 in epoch 2", found.err)
    (run,) = (file.parent for file in own.glob("outputs/*/*/run.json"))
    for file in (run / archive.FOLDER).glob("*.state"):
        facts, arrays = archive.unpack(file.read_bytes())
        weights = [arrays[f"variables.{place}"] for place in floats(facts)]
        assert all(np.isfinite(np.frombuffer(weight.tobytes(), "float32")).all() for weight in weights)
    history = Record.read(run).history
    assert history["loss"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    "words", [["callbacks=checkpoint"], ["callbacks=checkpoint", "callbacks.checkpoint.save_best_only=false"]]
)
def test_a_checkpoint_is_not_made_of_nan(lmrun: Callable[..., Any], own: Path, words: list[str]):
    lmrun("data=iris", "optimizer=sgd", "lr=1e30", "epochs=2", "plots=[]", *words, code=4)
    assert not list(own.glob("outputs/*/*/checkpoints/*"))


def test_a_run_does_not_begin_with_weights_that_are_no_numbers(lmrun: Callable[..., Any]):
    run = lmrun("data=iris", "epochs=1", "plots=[]", "state_every=0", "save_model=false").folder
    state = archive.newest(run)
    broken = {f"variables.{place}": state.arrays[f"variables.{place}"] * np.nan for place in floats(state.facts)}
    archive.save(run, state.facts, state.arrays | broken)
    found = lmrun("resume", str(run), "fork=true", code=2)
    assert "model.init_from: the weights of " in found.err
    assert "are no numbers" in found.err


# Signals and code that leaves


def test_a_signal_while_pictures_are_drawn_is_heard(own: Path, shell: Callable[..., Any]):
    words = ("data=iris", "epochs=1", "plots=[mine]")
    found = shell(*words, env={"LMRUN_TEST_SIGNAL": "1"}, code=130)
    told = r"lmrun: interrupted by Ctrl-C; the run had ended before; draw it with: lmrun report (outputs/.*)\n"
    (folder,) = re.findall(told, found.err)
    assert Record.read(own / folder).info["status"] == "finished"
    assert "plots.mine failed" not in found.err


def test_a_signal_while_a_job_draws_ends_the_sweep(own: Path, shell: Callable[..., Any]):
    shell("-m", "data=iris", "epochs=1", "plots=[mine]", "seed=0,1,2", env={"LMRUN_TEST_SIGNAL": "1"}, code=130)
    assert len(list(own.glob("outputs/sweeps/*/*/*/run.json"))) == 1


def test_a_callback_that_leaves_python_fails_the_run(lmrun: Callable[..., Any], own: Path):
    found = lmrun("data=iris", "callbacks=my_callbacks.Leaves", "epochs=3", "plots=[]", "state_every=0", code=4)
    told = r"SystemExit: 0 \(my_callbacks\.py:\d+\); once that is mended, continue with: lmrun resume outputs/"
    assert re.search(rf"error: training failed in epoch 2: {told}", found.err)


def test_a_callback_that_fails_at_the_end_is_not_of_an_epoch_that_never_was(lmrun: Callable[..., Any], own: Path):
    found = lmrun("data=iris", "callbacks=my_callbacks.Last", "epochs=2", "plots=[]", code=4)
    assert "training failed after its last epoch: ValueError: too late (my_callbacks.py:" in found.err


def test_a_folder_that_is_taken_away_ends_the_run_in_a_line(lmrun: Callable[..., Any], own: Path):
    found = lmrun("data=iris", "callbacks=my_callbacks.Takes+checkpoint", "epochs=4", "plots=[]", "state_every=0", code=5)
    assert re.search(r"error: .*_iris_mlp-64 was removed or renamed while the run wrote to it\n", found.err)
    assert "Traceback" not in found.err


def test_a_plot_of_ones_own_is_drawn_again(lmrun: Callable[..., Any], own: Path):
    run = lmrun("data=iris", "epochs=1", "plots=[mine]").folder
    (run / "plots" / "mine.png").unlink()
    lmrun("plot", str(run))
    assert (run / "plots" / "mine.png").is_file()


# Streams without room


@pytest.fixture
def no_room() -> Iterator[int]:
    """A stream that takes nothing."""
    handle = os.open("/dev/full", os.O_WRONLY)
    yield handle
    os.close(handle)


def lmrun_into(folder: Path, *words: str, **streams: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lossmetric_cli", *words]
    return subprocess.run(command, cwd=folder, text=True, check=False, timeout=120, **streams)


def test_a_log_without_room_ends_no_run(tmp_path: Path, no_room: int):
    done = lmrun_into(tmp_path, "data=iris", "epochs=2", "plots=[]", stdout=subprocess.PIPE, stderr=no_room)
    assert done.returncode == 0
    assert Record.read(Path(done.stdout.strip())).info["status"] == "finished"


def test_an_answer_without_room_is_a_fault_of_the_machine(tmp_path: Path, no_room: int):
    done = lmrun_into(tmp_path, "list", "losses", stdout=no_room, stderr=subprocess.PIPE)
    assert done.returncode == 5
    assert done.stderr == "lmrun: error: stdout takes nothing: No space left on device; make room where it goes\n"


def test_an_error_without_room_keeps_its_exit_code(tmp_path: Path, no_room: int):
    assert lmrun_into(tmp_path, "loss=nothing", stdout=subprocess.PIPE, stderr=no_room).returncode == 2


# Threads that a process which ends would wait for


@pytest.mark.parametrize("kind", [feed.DeviceFeed, feed.Feed])
def test_no_dataset_of_a_training_is_tuned_by_a_thread(kind: type[feed.Feed]):
    x = np.zeros((8, 2), "float32")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    pace = feed.Pace.of(8, batch_size=4, steps_per_epoch=None, steps_per_execution=None, validation=4)
    arguments = kind({"train": feed.Rows(x, x[:, :1])}, pace=pace, seed=0).fit_arguments(model)
    assert arguments["x"].options().autotune.enabled is False
