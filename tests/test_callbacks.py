"""Callbacks write below the run folder, watch what is logged in the right direction, and are refused before they fail."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from lossmetric_cli import data, shipped
from lossmetric_cli.callbacks import ModelCheckpoint, build_callbacks, hears_batches
from lossmetric_cli.checks import Case
from lossmetric_cli.checks.watching import callback_conflict, file_name, monitor
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.metrics import build_metrics
from lossmetric_cli.spec import RunSpec
from lossmetric_cli.task import Task

Option = Callable[..., dict[str, Any]]

IRIS = ("data=iris", "model=linear", "optimizer=sgd", "metrics=[]", "train_eval=0", "plots=[]")
#: 120 rows for training.
BATCHES = 4
DIRECTIONS = {"loss": "min", "auc": "max", "mine": None, "val_loss": "min", "val_auc": "max", "val_mine": None}

OWN = """
import pathlib
import keras

def halve(epoch, rate):
    return rate / 2

def three():
    return 3

class Counter(keras.callbacks.Callback):
    def __init__(self, task):
        super().__init__()
        self.heard = [task.kind]

    def on_train_batch_end(self, batch, logs=None):
        self.heard.append(str(batch))

    def on_train_end(self, logs=None):
        pathlib.Path("heard.txt").write_text(" ".join(self.heard))

class Epochs(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        pass

class Older(keras.callbacks.Callback):
    def on_batch_begin(self, batch, logs=None):
        pass

class Watch(keras.callbacks.EarlyStopping):
    def __init__(self, monitor="val_auc"):
        super().__init__(monitor=monitor)

class Plateau(keras.callbacks.ReduceLROnPlateau):
    def __init__(self):
        super().__init__(monitor="loss")
"""


def watching(option: Option, name: str, **changes: Any) -> dict[str, Any]:
    """Return an option that watches val_loss, as the setting monitor has it."""
    node = option("callbacks", name)
    return {**node, **({"monitor": "val_loss"} if "monitor" in node else {}), **changes}


def make(option: Option, name: str, folder: Path, **changes: Any) -> keras.callbacks.Callback:
    node = watching(option, name, **changes)
    return build_callbacks({name: node}, folder=folder, directions=DIRECTIONS, given={})[name]


def written(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


OURS = {
    ".hydra/config.yaml",
    ".hydra/overrides.yaml",
    "history.csv",
    "metrics.json",
    "model.json",
    "model.keras",
    "model.txt",
    "predictions.npz",
    "report.html",
    "run.json",
    "timing.csv",
}
#: Options that run together, what they need, and the files that they write.
RUNS = [
    (["csv_logger", "history", "progbar_logger", "terminate_on_nan"], [], {"csv_logger.csv"}),
    (["early_stopping", "backup_and_restore", "reduce_lr_on_plateau", "model_checkpoint"], [], {"checkpoints/best.keras"}),
    (["learning_rate_scheduler"], ["callbacks.learning_rate_scheduler.schedule=own_callbacks.halve"], set()),
    (["swap_ema_weights"], ["optimizer.use_ema=true"], set()),
]
WITH_PACKAGES = {"orbax_checkpoint": ("orbax", "orbax-checkpoint"), "tensorboard": ("tensorboard", "tensorboard")}


# --- in a run


@pytest.mark.parametrize(("names", "words", "files"), RUNS, ids=["+".join(names) for names, _, _ in RUNS])
def test_callbacks_run_and_write_nothing_outside_the_run_folder(
    names: list[str], words: list[str], files: set[str], lmrun, own_code, tmp_path: Path
):
    own_code("own_callbacks", OWN)
    done = lmrun(*IRIS, f"callbacks={'+'.join(names)}", *words, "epochs=2")
    assert len(done.history) == 2
    assert {name for name in written(done.folder) - OURS if not name.startswith("state/")} == files
    assert {path.name for path in tmp_path.iterdir()} - {"__pycache__"} == {"outputs", "own_callbacks.py"}


def test_every_option_runs_here():
    known = set(shipped.options("callbacks")) - set(shipped.aliases("callbacks"))
    assert known == {*(name for names, _, _ in RUNS for name in names), *WITH_PACKAGES}


@pytest.mark.parametrize("name", WITH_PACKAGES)
def test_callback_without_its_package_names_it_before_training(name: str, lmrun):
    module, package = WITH_PACKAGES[name]
    if find_spec(module):
        pytest.skip(f"{package} is installed")
    done = lmrun(*IRIS, f"callbacks={name}", "epochs=1", code=5)
    (line,) = [line for line in done.err.splitlines() if line.startswith("lmrun: error: ")]
    assert line.startswith(f"lmrun: error: callbacks.{name}")
    assert line.endswith(f"pip install {package}")
    assert "watches" not in done.err


@pytest.mark.parametrize("name", WITH_PACKAGES)
def test_callback_with_its_package_writes_below_the_run_folder(name: str, lmrun, tmp_path: Path):
    module, package = WITH_PACKAGES[name]
    if not find_spec(module):
        pytest.skip(f"{package} is not installed")
    done = lmrun(*IRIS, f"callbacks={name}", "epochs=2")
    assert written(done.folder) > OURS
    assert {path.name for path in tmp_path.iterdir()} == {"outputs"}


def test_own_code_that_needs_a_package_names_it(lmrun, own_code):
    own_code("own_callbacks", "import no_such_package")
    done = lmrun(*IRIS, "+callbacks.mine._target_=own_callbacks.Counter", code=5)
    assert (
        "callbacks.mine: own_callbacks needs 'no_such_package', which is not installed; pip install no_such_package" in done.err
    )


def test_best_model_answers_as_the_predictions_say(lmrun):
    words = ("metrics=auc+f1", "callbacks=early_stopping+model_checkpoint", "optimizer.learning_rate=0.5", "epochs=4")
    done = lmrun(*IRIS, *words, "monitor=val_f1")
    model = keras.models.load_model(done.folder / "checkpoints" / "best.keras")
    rows = done.predictions["val_rows"]
    np.testing.assert_allclose(model.predict(data.iris().x[rows], verbose=0), done.predictions["val_pred"], rtol=1e-5)
    best = done.json("metrics.json")["best"]["val_f1"]
    assert best["value"] == done.history["val_f1"].max() == pytest.approx(done.json("metrics.json")["val"]["f1"])


def test_best_model_is_loaded_without_the_code_that_trained_it(lmrun, own_code):
    own_code("own_losses", "def pinball(y_true, y_pred, tau=0.5):\n    return abs(y_true - y_pred) * tau\n")
    words = ("loss=own_losses.pinball", "+loss.tau=0.9", "metrics=exact_accuracy+own_losses.pinball")
    done = lmrun(*IRIS, *words, "callbacks=model_checkpoint", "epochs=1")
    path = str(done.folder / "checkpoints" / "best.keras")
    code = f"import keras; print(keras.models.load_model({path!r}).optimizer.name)"
    loaded = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    assert loaded.stdout == "sgd\n", loaded.stderr


def test_rate_function_of_the_users_own_sets_the_rate_of_every_epoch(lmrun, own_code):
    own_code("own_callbacks", OWN)
    words = ("callbacks=learning_rate_scheduler", "callbacks.learning_rate_scheduler.schedule=own_callbacks.halve")
    done = lmrun(*IRIS, *words, "lr=0.8", "epochs=3")
    assert done.history["learning_rate"].tolist() == pytest.approx([0.4, 0.2, 0.1])


def test_plateau_lowers_the_rate_of_the_epochs_after_it(lmrun):
    words = ("callbacks=reduce_lr", "callbacks.reduce_lr.patience=1", "callbacks.reduce_lr.min_delta=1000")
    done = lmrun(*IRIS, *words, "lr=0.8", "epochs=4")
    assert done.history["learning_rate"].tolist() == pytest.approx([0.8, 0.8, 0.08, 0.008])


def test_csv_of_keras_holds_the_figures_of_history_csv(lmrun):
    done = lmrun(*IRIS, "metrics=accuracy", "callbacks=csv_logger", "epochs=2")
    theirs = pd.read_csv(done.folder / "csv_logger.csv")
    columns = ["loss", "accuracy", "val_loss", "val_accuracy"]
    pd.testing.assert_frame_equal(theirs[columns], done.history[columns])


def test_callback_of_the_users_own_hears_every_batch(lmrun, own_code, tmp_path: Path):
    own_code("own_callbacks", OWN)
    lmrun(*IRIS, "+callbacks.count._target_=own_callbacks.Counter", "epochs=2")
    assert (tmp_path / "heard.txt").read_text() == "multiclass 0 1 2 3 0 1 2 3"


def test_typed_steps_per_execution_are_left_alone(lmrun, own_code, tmp_path: Path):
    own_code("own_callbacks", OWN)
    lmrun(*IRIS, "+callbacks.count._target_=own_callbacks.Counter", "epochs=1", "steps_per_execution=2")
    assert len((tmp_path / "heard.txt").read_text().split()) == 1 + BATCHES / 2


def test_checkpoint_of_every_batch_is_written(lmrun):
    words = ("callbacks=checkpoint", "callbacks.checkpoint.filepath=batches/{batch}.keras", "callbacks.checkpoint.save_freq=1")
    done = lmrun(*IRIS, *words, "callbacks.checkpoint.save_best_only=false", "epochs=1")
    assert {path.name for path in (done.folder / "batches").iterdir()} == {f"{batch}.keras" for batch in range(1, BATCHES + 1)}


def test_checkpoint_that_finds_the_disk_full_leaves_the_best_model_there_was(full_disk: None, tmp_path: Path):
    path = tmp_path / "best.keras"
    path.write_bytes(b"the best so far")
    callback = saved_at_epoch_end(path, ModelCheckpoint)
    assert str(callback.fault).startswith(f"cannot write {path}: File too large; ")
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"best.keras": b"the best so far"}
    with pytest.raises(OSError, match="File too large"):  # Keras' own writes over it (3.15)
        saved_at_epoch_end(path, keras.callbacks.ModelCheckpoint)
    assert path.read_bytes() != b"the best so far"


@pytest.mark.parametrize("name", ["3.best.keras", "best.weights.h5"])
def test_checkpoint_has_the_name_that_was_asked_for_and_nothing_beside_it(name: str, tmp_path: Path):
    saved_at_epoch_end(tmp_path / name, ModelCheckpoint, save_weights_only=name.endswith(".h5"))
    assert [file.name for file in tmp_path.iterdir()] == [name]


def saved_at_epoch_end(path: Path, kind: type[keras.callbacks.Callback], **arguments: Any) -> keras.callbacks.Callback:
    callback = kind(str(path), monitor="loss", save_best_only=True, mode="min", **arguments)
    callback.set_model(keras.Sequential([keras.Input((20,)), keras.layers.Dense(20)]))
    callback.on_epoch_end(0, {"loss": 1.0})
    return callback


def test_what_a_callback_prints_leaves_stdout_to_programs(lmrun):
    done = lmrun(*IRIS, "callbacks=model_checkpoint", "callbacks.model_checkpoint.verbose=1", "epochs=1")
    assert done.out.splitlines() == [str(done.folder)]
    assert "improved from None" in done.err


# --- who hears batches


@pytest.mark.parametrize(
    ("name", "changes", "hears"),
    [
        ("backup_and_restore", {}, False),
        ("backup_and_restore", {"save_freq": 3}, True),
        ("csv_logger", {}, False),
        ("early_stopping", {}, False),
        ("model_checkpoint", {}, False),
        ("model_checkpoint", {"save_freq": 10}, True),
        ("progbar_logger", {}, True),
        ("reduce_lr_on_plateau", {}, False),
        ("swap_ema_weights", {}, False),
        ("terminate_on_nan", {}, False),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_callback_of_keras_hears_batches_when_its_settings_say_so(
    name: str, changes: dict[str, Any], hears: bool, option: Option, tmp_path: Path
):
    assert hears_batches(make(option, name, tmp_path, **changes)) == hears


@pytest.mark.parametrize(
    ("changes", "hears"),
    [
        ({}, False),
        ({"update_freq": "batch"}, True),
        ({"update_freq": 5}, True),
        ({"write_steps_per_second": True}, True),
        ({"profile_batch": [1, 2]}, True),
    ],
    ids=str,
)
def test_tensorboard_hears_batches_when_its_settings_say_so(changes: dict[str, Any], hears: bool):
    assert hears_batches(keras.callbacks.TensorBoard(**changes)) == hears


@pytest.mark.parametrize(("name", "hears"), [("Counter", True), ("Older", True), ("Epochs", False), ("Watch", False)])
def test_callback_of_the_users_own_hears_batches_when_it_has_a_method_for_them(
    name: str, hears: bool, own_code, tmp_path: Path
):
    own_code("own_callbacks", OWN)
    given = {"task": Task("binary", (4,), 1)}
    node = {"_target_": f"own_callbacks.{name}"}
    built = build_callbacks({"it": node}, folder=tmp_path, directions=DIRECTIONS, given=given)
    assert hears_batches(built["it"]) == hears


# --- directions


@pytest.mark.parametrize(("monitor", "mode"), [("val_auc", "max"), ("auc", "max"), ("val_loss", "min"), ("val_mine", "auto")])
@pytest.mark.parametrize("name", ["early_stopping", "model_checkpoint", "reduce_lr_on_plateau"])
def test_mode_follows_what_is_watched(name: str, monitor: str, mode: str, option: Option, tmp_path: Path):
    assert make(option, name, tmp_path, monitor=monitor).mode == mode


def test_typed_mode_is_left_alone(option: Option, tmp_path: Path):
    assert make(option, "early_stopping", tmp_path, monitor="val_auc", mode="min").mode == "min"


@pytest.mark.parametrize("name", ["auc", "f1_score", "false_negatives", "true_positives"])
def test_keras_infers_the_mode_of_a_subclass_from_a_metric_that_is_fed(name: str, option: Option):
    task = Task("multiclass", (4,), 3, ("a", "b", "c"))
    measured = build_metrics({name: option("metrics", name)}, task=task, labels="index", activation="softmax")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Softmax()])
    model.compile(loss="sparse_categorical_crossentropy", metrics=measured)
    model.evaluate(np.eye(3), np.arange(3), verbose=0)
    callback = keras.callbacks.EarlyStopping(monitor=f"val_{name}")
    callback.set_model(model)
    callback._set_monitor_op()
    assert callback.monitor_op is (keras.ops.less if name == "false_negatives" else keras.ops.greater)


def test_early_stopping_stops_where_the_area_no_longer_grows(lmrun):
    words = ("metrics=auc", "callbacks=early_stopping", "callbacks.early_stopping.monitor=val_auc")
    patience = ("callbacks.early_stopping.patience=1", "callbacks.early_stopping.min_delta=0.5", "epochs=9")
    done = lmrun(*IRIS, *words, *patience)
    assert len(done.history) == 2
    assert " watches     val_loss ↓ · val_auc ↑ (early_stopping)\n" in done.err


# --- refused before the first epoch

REFUSED = {
    "a typo in monitor": (
        "early_stopping",
        {"monitor": "val_los"},
        " watches 'val_los', which this run does not log; did you mean 'val_loss'?",
    ),
    "a metric that is not measured": (
        "model_checkpoint",
        {"monitor": "val_precision"},
        " watches 'val_precision', which this run does not log; it logs loss, auc, mine, val_loss, val_auc, val_mine",
    ),
    "an unknown direction": (
        "reduce_lr_on_plateau",
        {"monitor": "val_mine"},
        " watches 'val_mine', and whether more of it is better is not known; "
        "type callbacks.reduce_lr_on_plateau.mode=max or min",
    ),
    "averages that are not kept": (
        "swap_ema_weights",
        {},
        " swaps in averaged weights, and none are kept; type optimizer.use_ema=true",
    ),
    "a path outside the run folder": (
        "model_checkpoint",
        {"filepath": "../best.keras"},
        ".filepath: '../best.keras' lies outside the run folder; name a path below it",
    ),
    "a path from the root": (
        "csv_logger",
        {"filename": "/x.csv"},
        ".filename: '/x.csv' lies outside the run folder; name a path below it",
    ),
    "the run folder itself": (
        "backup_and_restore",
        {"backup_dir": "."},
        ".backup_dir: '.' lies outside the run folder; name a path below it",
    ),
    "a file of the record": (
        "csv_logger",
        {"filename": "history.csv"},
        ".filename: 'history.csv' is a file of the record itself; name another",
    ),
    "a file among the pictures": (
        "model_checkpoint",
        {"filepath": "plots/best.keras"},
        ".filepath: 'plots/best.keras' is a file of the record itself; name another",
    ),
    "a field that is not logged": (
        "model_checkpoint",
        {"filepath": "{epoch}-{val_los:.2f}.keras"},
        ".filepath has {val_los}, which this run does not log; did you mean 'val_loss'?",
    ),
}


def check(nodes: dict[str, Any], folder: Path, *, directions: dict[str, str | None], has_schedule: bool = False) -> None:
    """Build callbacks and check them, as a run does before its first epoch; raise the first stop."""
    built = build_callbacks(nodes, folder=folder, directions=directions, given={})
    rate = {"_target_": "keras.optimizers.schedules.CosineDecay"} if has_schedule else 0.1
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    spec = RunSpec(callbacks=nodes, optimizer={"learning_rate": rate}, monitor="loss")
    case = Case(spec, None, model, [], {}, built, directions)
    for rule in (monitor, callback_conflict, file_name):
        for _, text in rule(case):
            raise ConfigError(text)


@pytest.mark.parametrize(("name", "changes", "sentence"), REFUSED.values(), ids=REFUSED)
def test_contradiction_is_refused_in_one_line(
    name: str, changes: dict[str, Any], sentence: str, option: Option, tmp_path: Path
):
    with pytest.raises(ConfigError) as fault:
        check({name: watching(option, name, **changes)}, tmp_path, directions=DIRECTIONS)
    assert str(fault.value) == f"callbacks.{name}{sentence}"


def test_watching_validation_without_any_is_refused(option: Option, tmp_path: Path):
    with pytest.raises(ConfigError) as fault:
        check({"stop": watching(option, "early_stopping")}, tmp_path, directions={"loss": "min"})
    assert str(fault.value) == (
        "callbacks.stop watches 'val_loss' and nothing is validated; set validation=holdout or monitor 'loss'"
    )


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("Watch", " watches 'val_auc', which this run does not log; it logs loss, val_loss"),
        ("Plateau", " sets the learning rate, and optimizer.learning_rate is a schedule; drop one of them"),
        ("three", ": own_callbacks.three is a int and no keras.callbacks.Callback"),
    ],
)
def test_callback_of_the_users_own_is_refused_as_one_of_keras_is(target: str, sentence: str, own_code, tmp_path: Path):
    own_code("own_callbacks", OWN)
    directions = {"loss": "min", "val_loss": "min"}
    with pytest.raises(ConfigError) as fault:
        check({"it": {"_target_": f"own_callbacks.{target}"}}, tmp_path, directions=directions, has_schedule=True)
    assert str(fault.value) == f"callbacks.it{sentence}"


@pytest.mark.parametrize(
    ("words", "start"),
    [
        (["callbacks=reduce_lr", "optimizer/learning_rate=cosine_decay"], "callbacks.reduce_lr sets the learning rate, and "),
        (
            ["callbacks=early_stopping", "callbacks.early_stopping.monitor=val_los"],
            "callbacks.early_stopping watches 'val_los'",
        ),
    ],
    ids=["a plateau beside a schedule", "a typo in monitor"],
)
def test_refusal_leaves_no_folder(words: list[str], start: str, lmrun, tmp_path: Path):
    done = lmrun(*IRIS, *words, "epochs=1", code=2)
    assert f"lmrun: error: {start}" in done.err
    assert not list(tmp_path.glob("outputs/*"))


def test_unknown_direction_is_known_once_the_mode_is_typed(option: Option, tmp_path: Path):
    check({"stop": option("callbacks", "early_stopping", monitor="val_mine", mode="max")}, tmp_path, directions=DIRECTIONS)


def test_callback_that_fails_is_told_with_its_place(lmrun, own_code):
    own_code(
        "failing",
        """\
        import keras

        class Late(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                1 / epoch
        """,
    )
    found = lmrun(*IRIS, "callbacks=failing.Late", "epochs=3", code=4)
    assert "training failed in epoch 1: ZeroDivisionError: division by zero (failing.py:5)" in found.err


def test_full_memory_in_training_says_to_take_smaller_batches(lmrun, own_code):
    own_code(
        "hungry",
        """\
        import keras

        class Hungry(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                keras.ops.zeros((10**7, 10**7))
        """,
    )
    found = lmrun(*IRIS, "callbacks=hungry.Hungry", "epochs=2", "batch_size=32", code=5)
    assert "CPU has too little memory in epoch 1 with batch_size=32; try batch_size=16" in found.err
