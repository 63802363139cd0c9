"""A run that is left, by whatever and wherever, and gone on with ends with the bytes that it would have had."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lossmetric_cli.record import Record
from lossmetric_cli.state import archive

OWN = {
    "my_callbacks": """
        import keras

        class Damping(keras.callbacks.Callback):
            \"\"\"Lowers the rate by what it has seen so far, which a resumed run must know.\"\"\"

            def __init__(self):
                super().__init__()
                self.seen = []

            def on_epoch_end(self, epoch, logs=None):
                self.seen.append(float(logs["loss"]))
                self.model.optimizer.learning_rate = 0.01 / (1 + sum(self.seen))

            def get_state(self):
                return {"seen": self.seen}

            def set_state(self, state):
                self.seen = state["seen"]
    """,
    "my_models": """
        import keras
        from keras import layers, ops

        class Two(keras.Model):
            \"\"\"Trains two halves in turn with optimizers of its own.\"\"\"

            def __init__(self, units):
                super().__init__()
                self.code, self.noise = layers.Dense(4), layers.GaussianNoise(0.1)
                self.back = layers.Dense(units)
                self.first, self.second = keras.optimizers.Adam(0.01), keras.optimizers.SGD(0.01, momentum=0.9)

            def call(self, x, training=False):
                return self.back(self.noise(self.code(x), training=training))

            def train_step(self, data):
                import tensorflow as tf

                x = data[0]
                with tf.GradientTape() as tape:
                    loss = ops.mean(ops.square(self(x, training=True) - x))
                halves = [self.code.trainable_variables, self.back.trainable_variables]
                for optimizer, half, slope in zip((self.first, self.second), halves, tape.gradient(loss, halves)):
                    optimizer.apply_gradients(zip(slope, half))
                return {"loss": loss}

            def test_step(self, data):
                return {"loss": ops.mean(ops.square(self(data[0]) - data[0]))}

        def two(task):
            return Two(int(task.input_shape[-1]))
    """,
}

#: What a run may consist of whose state is more than its weights.
REQUESTS = {
    "callbacks that count, dropout, metrics": [
        *("data=digits", "model.dropout=0.3", "metrics=auc+f1", "validation_freq=2"),
        "callbacks=early_stopping+reduce_lr+checkpoint+csv+my_callbacks.Damping",
        *("callbacks.reduce_lr.patience=0", "callbacks.reduce_lr.min_delta=0.1", "monitor=train_loss_eval"),
    ],
    "several outputs, averaged weights, half precision": [
        *("data=multitask", "outputs=[price,rooms]", "loss=mae", "batch_size=2"),
        *("precision=mixed_float16", "callbacks=ema", "optimizer.use_ema=true"),
    ],
    "a model that trains itself": ["data=blobs", "task=reconstruction", "loss=none", "model=my_models.two", "batch_size=4"],
}
#: More of them, for which the suite has no time.
MORE = {
    "a schedule, batch statistics, images turned": [
        *("model=cnn", "model.filters=[4]", "model.augment=[random_flip]", "optimizer=sgd", "optimizer.momentum=0.9"),
        "optimizer/learning_rate=cosine_decay",
    ],
    "an eager run": ["run_eagerly=true", "batch_size=256", "model.dropout=0.3"],
    "drawn classes": ["data=next_word", "loss=sampled_softmax", "optimizer=adagrad", "batch_size=256"],
    "weighted classes": ["data=breast_cancer", "class_weight=balanced", "metrics=recall", "batch_size=4"],
    "rows that stay on the disk": ["data=csv", "data.path=rows.csv", "data.target=y", "data.stream=true", "batch_size=4"],
    "a backbone that trains from an epoch on": [
        *("data=pictures", "model=transfer", "model.backbone=mobilenet", "model.weights=null", "model.fine_tune_from=0.1"),
        *("model.fine_tune_at=1", "train_eval=0"),
    ],
    "a sampling autoencoder": ["model=vae", "task=reconstruction", "model.beta_steps=100"],
}
EACH = [
    *(pytest.param(words, id=name) for name, words in REQUESTS.items()),
    *(pytest.param(words, id=name, marks=pytest.mark.slow) for name, words in MORE.items()),
]


@pytest.fixture
def interrupted(lmrun: Callable[..., Any], tmp_path: Path) -> Callable[..., Path]:
    """`interrupted("epochs=9", after=3)`: the folder of a run that a signal ended some time after its third epoch."""

    def run(*words: str, after: int = 2, number: int = signal.SIGINT, inside: str = "", file: str = "history.csv") -> Path:
        history = Path("*", "*", inside, file)
        with _signalled(tmp_path / "left", str(history), lines=after + 1, number=number):
            found = lmrun(*words, "out=left", "state_every=0.05", code=128 + number)
        assert "continue with: lmrun resume left/" in found.err
        return tmp_path / found.err.rsplit("lmrun resume ", 1)[1].strip()

    return run


@contextlib.contextmanager
def _signalled(root: Path, history: str, *, lines: int, number: int) -> Iterator[None]:
    """Send this process a signal once a history below `root` has so many lines."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.002):
            if any(file.read_bytes().count(b"\n") >= lines for file in root.glob(history)):
                time.sleep(0.3 * (lines == 0))  # a file that has just come to be: training is well under way then
                os.kill(os.getpid(), number)
                return

    before = signal.signal(number, lambda *_: None)  # one that comes too late ends no more than this test
    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        signal.signal(number, before)


def same(a: Path, b: Path) -> bool:
    """Return whether two runs have the same figures and predictions, byte for byte."""
    with np.load(a / "predictions.npz") as ours, np.load(b / "predictions.npz") as theirs:
        is_same = ours.files == theirs.files and all(ours[name].tobytes() == theirs[name].tobytes() for name in ours.files)
    return is_same and all((a / name).read_bytes() == (b / name).read_bytes() for name in ("history.csv", "metrics.json"))


@pytest.mark.parametrize("words", EACH)
def test_interrupted_run_ends_with_the_same_bytes(
    words: list[str], interrupted: Callable[..., Path], lmrun: Callable[..., Any], own_code: Callable[[str, str], None]
):
    for name, text in OWN.items():
        own_code(name, text)
    Path("rows.csv").write_text("\n".join(["a,b,y", *(f"{n},{n * n % 7},{n % 3}.5" for n in range(400))]))
    words = [*words, "epochs=12"]
    whole = lmrun(*words, "out=whole", "plots=[]").folder
    left = interrupted(*words, "plots=[]")
    assert len(pd.read_csv(left / "history.csv")) < len(pd.read_csv(whole / "history.csv"))
    assert lmrun("resume", str(left)).folder == left
    assert same(left, whole)


def test_run_that_is_left_inside_a_long_epoch_goes_on_there(interrupted: Callable[..., Path], lmrun: Callable[..., Any]):
    words = ["data=letters26", "batch_size=1", "epochs=1", "plots=[]", "model.dropout=0.3"]
    whole = lmrun(*words, "out=whole").folder
    left = interrupted(*words, after=-1, file="state/000001.state")
    state = archive.newest(left)
    assert (state.facts["epochs"], state.facts["batches"] > 0) == (0, True)
    assert f"goes on in epoch 1, after {state.facts['batches']} batches" in lmrun("resume", str(left)).err
    assert same(left, whole)


def test_callback_that_hears_batches_is_gone_on_with_from_a_whole_epoch(
    interrupted: Callable[..., Path], lmrun: Callable[..., Any], own_code: Callable[[str, str], None]
):
    own_code(
        "hearing",
        """
        import keras

        class Hearing(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                pass
        """,
    )
    words = ["data=iris", "epochs=60", "plots=[]", "model.dropout=0.3", "callbacks=hearing.Hearing"]
    whole = lmrun(*words, "out=whole").folder
    left = interrupted(*words, after=20)
    state = archive.newest(left)
    assert (state.facts["epochs"] > 0, state.facts["batches"]) == (True, 0)
    found = lmrun("resume", str(left))
    assert "note        Hearing keeps no state over a resume; give it get_state and set_state" in found.err
    assert same(left, whole)


def test_folds_that_ended_stay_and_the_others_go_on(interrupted: Callable[..., Path], lmrun: Callable[..., Any]):
    words = ["data=iris", "validation=kfold", "validation.folds=3", "epochs=8", "plots=[]", "batch_size=4"]
    whole = lmrun(*words, "out=whole").folder
    left = interrupted(*words, inside="folds/2")
    ended = (left / "folds/1/run.json").read_bytes()
    found = lmrun("resume", str(left))
    assert "note        fold 1 of 3 had ended" in found.err
    assert (left / "folds/1/run.json").read_bytes() == ended
    assert same(left, whole)


def test_signal_ends_a_sweep_and_its_job_can_go_on(lmrun: Callable[..., Any], tmp_path: Path):
    with _signalled(tmp_path / "outputs", "sweeps/*/*/0/history.csv", lines=3, number=signal.SIGTERM):
        found = lmrun("-m", "data=iris", "seed=0,1", "epochs=100", "plots=[]", "batch_size=2", code=None)
    assert found.code == 143
    left = Path(found.err.rsplit("lmrun resume ", 1)[1].strip())
    assert [folder.name for folder in left.parent.iterdir() if folder.is_dir()] == ["0"]
    assert lmrun("resume", str(left)).folder == left.resolve()
    assert len(Record.read(left).history) == 100


# --- what may change, and what may not


@pytest.fixture(scope="module")
def finished(run_once: Callable[..., Any]) -> Path:
    return run_once("data=iris", "epochs=3", "plots=[]", "out=whole", "callbacks=checkpoint", "metrics=auc").folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """The folder of a run that ended, which a test may spoil."""
    folder = tmp_path / "whole" / "2026-01-01" / "run"
    shutil.copytree(finished, folder)
    return folder


def told(folder: Path, **facts: Any) -> None:
    record = Record.read(folder)
    record.tell(**facts)


def test_finished_run_is_complete_and_stays_as_it_is(run: Path, lmrun: Callable[..., Any]):
    before = {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}
    found = lmrun("resume", str(run))
    assert found.err == " note        already complete (3/3 epochs)\n"
    assert found.folder == run
    assert {file: file.read_bytes() for file in run.rglob("*") if file.is_file()} == before


def test_more_epochs_go_on_as_if_they_had_been_asked_for_at_once(run: Path, lmrun: Callable[..., Any]):
    lmrun("resume", str(run), "epochs=6")
    whole = lmrun("data=iris", "epochs=6", "plots=[]", "out=six", "callbacks=checkpoint", "metrics=auc").folder
    assert same(run, whole)
    assert lmrun("resume", str(run)).err == " note        already complete (6/6 epochs)\n"


@pytest.mark.parametrize(
    ("words", "reason"),
    {
        "optimizer.learning_rate=0.5": r"optimizer\.learning_rate was 0\.001, now 0\.5; leave it out, or type fork=true ",
        "loss=mse": r"loss\._target_ was .*, now .*; leave it out, or type fork=true",
        "seed=1": r"seed was 0, now 1; ",
        "epochs=2": r"epochs=2, and the run had 3; epochs can only grow$",
    }.items(),
)
def test_another_request_is_refused_with_the_difference(words: str, reason: str, run: Path, lmrun: Callable[..., Any]):
    found = lmrun("resume", str(run), words, code=7)
    assert re.search(rf"^lmrun: error: {reason}", found.err.strip())
    assert Record.read(run).info["status"] == "finished"


def test_unknown_word_is_told_as_ever(run: Path, lmrun: Callable[..., Any]):
    found = lmrun("resume", str(run), "epoch=9", code=2)
    assert found.err == "lmrun: error: unknown key 'epoch'; did you mean 'epochs'?\n"


def test_data_may_move_and_changed_data_is_refused_and_the_run_stays(tmp_path: Path, lmrun: Callable[..., Any]):
    rows = ["a,b,y", *(f"{n},{n * n % 7},{'yes' if n % 3 else 'no'}" for n in range(60))]
    (tmp_path / "x.csv").write_text("\n".join(rows))
    folder = lmrun("data=csv", "data.path=x.csv", "data.target=y", "epochs=2", "plots=[]").folder
    (tmp_path / "x.csv").rename(tmp_path / "moved.csv")
    lmrun("resume", str(folder), "epochs=3", "data.path=moved.csv")
    (tmp_path / "moved.csv").write_text("\n".join([*rows[:-1], "59,1,no"]))
    found = lmrun("resume", str(folder), "epochs=4", code=7)
    assert re.search(r"the data has changed since the run began \(sha256 \w{8}… is now \w{8}…\); put it back, or ", found.err)
    assert len(Record.read(folder).history) == 3


def test_fork_is_a_new_run_that_begins_with_the_weights(run: Path, lmrun: Callable[..., Any]):
    found = lmrun("resume", str(run), "fork=true", "optimizer.learning_rate=0.002", "epochs=1")
    assert "begins with the weights of 2 layers of" in found.err
    assert found.folder != run
    assert found.json("run.json")["forked_from"] == str(run)
    assert found.history.loss[0] < pd.read_csv(run / "history.csv").loss[1]


def test_fork_of_a_run_that_was_left_takes_the_weights_of_its_state(
    interrupted: Callable[..., Path], lmrun: Callable[..., Any]
):
    left = interrupted("epochs=30", "plots=[]", after=6)
    assert not (left / "model.keras").exists()
    found = lmrun("resume", str(left), "fork=true", "loss=mse", "metrics=accuracy", "epochs=1", "plots=[]")
    assert found.history.val_accuracy[0] > 0.8  # of ten classes, where one epoch from scratch reaches some 0.3


# --- what is damaged, missing or in use


def test_damaged_state_is_told_and_the_one_before_it_is_used(run: Path, lmrun: Callable[..., Any]):
    spoil(run, keep=1)
    found = lmrun("resume", str(run), "epochs=5")
    assert "note        000003.state is damaged; the state before it is used" in found.err
    whole = lmrun("data=iris", "epochs=5", "plots=[]", "out=five", "callbacks=checkpoint", "metrics=auc").folder
    assert same(run, whole)


def spoil(run: Path, *, keep: int) -> None:
    """Flip a bit of the newest states of a run, of all but `keep` copies of the true one."""
    files = sorted((run / archive.FOLDER).glob("*.state"))
    content = files[-1].read_bytes()
    for file in files:
        file.unlink()
    for number in range(1, keep + 1):
        (run / archive.FOLDER / f"{number:06}.state").write_bytes(content)
    torn = bytearray(content)
    torn[-1000] ^= 1
    (run / archive.FOLDER / "000003.state").write_bytes(torn)


def test_run_without_a_whole_state_is_refused(run: Path, lmrun: Callable[..., Any]):
    spoil(run, keep=0)
    found = lmrun("resume", str(run), "epochs=5", code=7)
    assert re.search(r"^lmrun: error: no usable state in .*/state: 000003\.state damaged; type lmrun rerun ", found.err)


def test_run_that_was_left_before_a_state_was_kept_begins_again(run: Path, lmrun: Callable[..., Any], finished: Path):
    shutil.rmtree(run / archive.FOLDER)
    told(run, status="failed", error="the disk was full")
    (run / "error.log").write_text("the disk was full")
    found = lmrun("resume", str(run))
    assert not (run / "error.log").exists()
    assert "error" not in Record.read(run).info
    assert "note        the run was left before a state was kept; it begins again" in found.err
    assert same(run, finished)


def test_edited_history_is_refused(run: Path, lmrun: Callable[..., Any]):
    text = (run / "history.csv").read_text()
    (run / "history.csv").write_text(text.replace("1,", "1,9", 1))
    found = lmrun("resume", str(run), "epochs=5", code=7)
    assert re.search(r"history\.csv was changed since the run wrote it; type lmrun rerun ", found.err)


def test_state_of_another_model_is_refused_and_the_run_stays_finished(run: Path, lmrun: Callable[..., Any]):
    state = archive.newest(run)
    archive.save(run, {**state.facts, "variables": state.facts["variables"][1:]}, state.arrays)
    found = lmrun("resume", str(run), "epochs=5", code=7)
    assert "the state is of another model" in found.err
    assert Record.read(run).info["status"] == "finished"


def test_other_machine_is_told_and_with_exact_refused(run: Path, lmrun: Callable[..., Any]):
    told(run, versions={**Record.read(run).info["versions"], "keras": "3.15.0"})
    found = lmrun("resume", str(run), "epochs=4", "exact=true", code=7)
    assert re.search(r"not bit-exact: keras 3\.15\.0 → 3\.\d+\.\d+; leave exact=true out", found.err)
    found = lmrun("resume", str(run), "epochs=4")
    assert re.search(r" note        not bit-exact: keras 3\.15\.0 → ", found.err)


def test_folder_in_use_is_refused_with_its_owner(run: Path, lmrun: Callable[..., Any]):
    holder = (
        "import sys, time; from pathlib import Path; from lossmetric_cli import store\n"
        f"with store.lock(Path({str(run)!r})):\n print(flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", holder], stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        found = lmrun("resume", str(run), "epochs=4", code=7)
        other.kill()
    assert re.search(rf"is in use by pid {other.pid} on host \S+ \(since \d\d:\d\d\)", found.err)


@pytest.mark.parametrize(
    ("name", "reason"),
    {"": "resume needs a run folder; type lmrun resume outputs/latest", "nowhere": "nowhere is no run folder"}.items(),
)
def test_what_is_no_run_is_told(name: str, reason: str, lmrun: Callable[..., Any]):
    assert reason in lmrun("resume", *filter(None, [name]), code=2).err


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file may grow beyond 100 kB: the nearest that a process comes to a full disk by itself."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("small_disk")
def test_disk_too_full_for_states_is_told_and_the_run_ends_all_the_same(lmrun: Callable[..., Any], tmp_path: Path):
    found = lmrun("model.hidden=[256]", "save_model=false", "epochs=3", "state_every=0", "plots=[]", code=5)
    told = re.findall(r"cannot write .*/state/000001\.state: File too large; make room for it or set out=FOLDER", found.err)
    assert len(told) == 2  # once while it trains, and in the end
    assert found.err.count("; the run goes on") == 1
    folder = next((tmp_path / "outputs").glob("2*/*"))
    assert Record.read(folder).info["status"] == "finished"
    assert len(Record.read(folder).history) == 3
    assert list((folder / "state").iterdir()) == []


# --- once more


def test_rerun_has_the_same_bytes_and_says_so(run: Path, lmrun: Callable[..., Any]):
    found = lmrun("rerun", str(run))
    assert "history.csv, metrics.json and predictions.npz have the same bytes" in found.err
    assert same(found.folder, run)
    assert found.folder != run


def test_rerun_with_another_word_says_what_differs(run: Path, lmrun: Callable[..., Any]):
    found = lmrun("rerun", str(run), "seed=1")
    assert "history.csv differs; metrics.json differs; predictions.npz differs" in found.err
    assert found.json("run.json")["config"]["seed"] == 1


def test_rerun_of_a_run_without_an_end_says_what_it_lacks(interrupted: Callable[..., Path], lmrun: Callable[..., Any]):
    left = interrupted("data=iris", "epochs=100000", "plots=[]")
    found = lmrun("rerun", str(left), f"epochs={len(Record.read(left).history) + 1}", "out=outputs")
    assert "the run left no metrics.json and no predictions.npz to compare with\n" in found.err


# --- the clock


def test_run_whose_time_is_over_ends_with_what_to_type(lmrun: Callable[..., Any]):
    found = lmrun("epochs=100000", "plots=[]", "max_time=1", code=5)
    assert re.search(r"^lmrun: stopped .*\(max_time=1\); continue with: lmrun resume outputs/", found.err, re.MULTILINE)
    folder = Path(found.err.rsplit("lmrun resume ", 1)[1].strip())
    assert Record.read(folder).info["status"] == "interrupted"


STUCK = """
    import time

    import keras
    import tensorflow as tf

    def wait(x):
        wait.calls += 1
        while wait.calls > 60:
            time.sleep(0.01)
        return x

    wait.calls = 0

    class Stuck(keras.layers.Layer):
        def call(self, x):
            return tf.ensure_shape(tf.numpy_function(wait, [x], tf.float32), x.shape)

    def net(task):
        return keras.Sequential([keras.Input(task.input_shape), Stuck(), keras.layers.Dense(task.units)])
"""


def test_run_that_hangs_where_no_signal_is_heard_is_left_with_its_state(shell: Callable[..., Any], tmp_path: Path):
    (tmp_path / "my_models.py").write_text(textwrap.dedent(STUCK))
    words = ["data=diabetes", "model=my_models.net", "plots=[]", "save_model=false", "train_eval=0"]
    left = shell(*words, "state_every=0", "stall_time=2", code=5)
    place = r"nothing moved for 2 s in my_models\.py:\d+ \(stall_time=2\)"
    told = re.search(rf"^lmrun: stopped: {place}; continue with: lmrun resume (outputs/.*)$", left.err, re.MULTILINE)
    folder = tmp_path / told[1]
    assert "time.sleep(0.01)" in (folder / "error.log").read_text()
    assert Record.read(folder).info["status"] == "interrupted"
    assert archive.newest(folder).facts["epochs"] == len(Record.read(folder).history) > 0


def test_run_that_is_watched_has_the_same_bytes(lmrun: Callable[..., Any]):
    plain, watched = (lmrun("data=iris", "epochs=2", "plots=[]", *words).folder for words in ([], ["stall_time=60"]))
    assert same(plain, watched)
