"""A run folder holds what happened: begun and finished, failed or refused, written as it goes and read back."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from lossmetric_cli.errors import ConfigError, DataError, EnvironmentFault, Stopped, TrainingError
from lossmetric_cli.record import OWN_FILES, Record, safe_name

AT = datetime(2026, 11, 22, 3, 52, 25, tzinfo=UTC)


def create(root: Path, title: str = "digits_mlp(64)") -> Record:
    return Record.create(root, title, request={"argv": ["epochs=1"]}, files={"config.yaml": "epochs: 1\n"}, at=AT)


def create_job(sweep: Path) -> Record:
    return Record.create_job(sweep, 3, request={"job": 3}, files={}, at=AT)


def told(folder: Path) -> dict:
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


# --- begun


def test_folder_is_named_by_day_time_and_title(tmp_path: Path):
    record = create(tmp_path)
    assert record.folder == tmp_path / "2026-11-22" / "03-52-25_digits_mlp-64"
    assert (record.folder / ".hydra" / "config.yaml").read_text() == "epochs: 1\n"
    assert told(record.folder) == {"status": "running", "started": "2026-11-22T03:52:25+00:00", "argv": ["epochs=1"]}


def test_second_run_of_the_same_second_has_a_folder_of_its_own(tmp_path: Path):
    assert [create(tmp_path).folder.name for _ in range(2)] == ["03-52-25_digits_mlp-64", "03-52-25_digits_mlp-64-2"]


def test_job_of_a_sweep_has_its_number_for_a_folder(tmp_path: Path):
    assert create_job(tmp_path).folder == tmp_path / "3"


# --- what became of it


def test_refused_request_leaves_no_folder(tmp_path: Path):
    with pytest.raises(ConfigError), create(tmp_path):
        raise ConfigError("epochs must be a whole number >= 1")
    assert not list(tmp_path.iterdir())


def test_refused_request_leaves_the_folders_of_others(tmp_path: Path):
    other = create(tmp_path).folder
    with pytest.raises(ConfigError), create(tmp_path):
        raise ConfigError("no")
    assert [folder.name for folder in other.parent.iterdir()] == [other.name]


def test_refused_job_of_a_sweep_keeps_its_folder(tmp_path: Path):
    with pytest.raises(ConfigError), create_job(tmp_path):
        raise ConfigError("no")
    assert (told(tmp_path / "3")["status"], told(tmp_path / "3")["error"]) == ("failed", "no")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (TrainingError("loss became NaN"), "loss became NaN"),
        (DataError("no rows"), "no rows"),
        (EnvironmentFault("no room"), "no room"),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero"),
    ],
    ids=lambda part: type(part).__name__ if isinstance(part, Exception) else "",
)
def test_failure_is_kept_with_its_traceback(error: Exception, reason: str, tmp_path: Path):
    record = create(tmp_path)
    with pytest.raises(type(error)), record:
        raise error
    assert (told(record.folder)["status"], told(record.folder)["error"]) == ("failed", reason)
    log = (record.folder / "error.log").read_text()
    assert log.startswith("Traceback (most recent call last):\n")
    assert log.endswith(f"{error}\n")


def test_interrupted_run_says_so(tmp_path: Path):
    record = create(tmp_path)
    with pytest.raises(Stopped), record:
        raise Stopped("interrupted in epoch 3 by Ctrl-C", exit_code=130)
    assert told(record.folder)["status"] == "interrupted"
    assert told(record.folder)["error"] == "interrupted in epoch 3 by Ctrl-C"
    assert not (record.folder / "error.log").exists()


def test_run_that_ended_well_is_left_as_it_told(tmp_path: Path):
    with create(tmp_path) as record:
        record.tell(status="finished")
    assert told(record.folder)["status"] == "finished"
    assert not (record.folder / "error.log").exists()


# --- written as it goes


def test_every_fact_is_on_the_disk_at_once(tmp_path: Path):
    record = create(tmp_path)
    record.tell(task={"kind": "binary"})
    record.tell(epochs=3)
    assert (told(record.folder)["task"], told(record.folder)["epochs"]) == ({"kind": "binary"}, 3)


def test_json_holds_null_for_what_is_no_number(tmp_path: Path):
    record = create(tmp_path)
    content = {"a": [math.nan, -math.inf, 1.5], "b": {"c": np.float32("nan")}, "d": np.array([1.0, np.inf])}
    record.write_json("metrics.json", content)
    assert record.scores == {"a": [None, None, 1.5], "b": {"c": None}, "d": [1.0, None]}


def test_json_holds_plain_values_for_those_of_numpy_and_text_for_others(tmp_path: Path):
    record = create(tmp_path)
    content = {1: np.int64(2), "f": np.float32(0.5), "t": (True, np.bool_(False)), "p": Path("x"), "s": "≥ ü"}
    record.write_json("metrics.json", content)
    assert record.scores == {"1": 2, "f": 0.5, "t": [True, False], "p": "x", "s": "≥ ü"}
    assert "≥ ü" in (record.folder / "metrics.json").read_text(encoding="utf-8")


def test_history_keeps_every_digit_and_the_order_of_its_columns(tmp_path: Path):
    record = create(tmp_path)
    rows = [{"epoch": 1, "loss": 1 / 3, "learning_rate": 1e-3}, {"epoch": 2, "loss": math.nan, "learning_rate": 0.1 + 0.2}]
    record.begin_history(rows[0])
    for row in rows:
        record.add_epoch(row, seconds=0.25)
    assert (record.folder / "history.csv").read_text() == (
        "epoch,loss,learning_rate\n1,0.3333333333333333,0.001\n2,nan,0.30000000000000004\n"
    )
    assert (record.folder / "timing.csv").read_text() == "epoch,seconds\n1,0.250000\n2,0.250000\n"
    assert record.history["loss"].isna().tolist() == [False, True]


def test_column_that_an_epoch_lacks_is_left_empty(tmp_path: Path):
    record = create(tmp_path)
    record.begin_history(["epoch", "loss", "val_loss"])
    record.add_epoch({"epoch": 1, "loss": 0.5}, seconds=1)
    assert (record.folder / "history.csv").read_text().splitlines()[1] == "1,0.5,"


def test_history_and_scores_are_empty_before_the_first_epoch(tmp_path: Path):
    record = create(tmp_path)
    assert (len(record.history), record.scores) == (0, {})


def test_equal_predictions_are_equal_bytes(tmp_path: Path):
    arrays = {"val_true": np.arange(5), "val_pred": np.linspace(0, 1, 5, dtype="float32")}
    files = []
    for _ in range(2):
        record = create(tmp_path)
        record.write_predictions(arrays)
        files.append((record.folder / "predictions.npz").read_bytes())
    assert files[0] == files[1]
    with np.load(record.folder / "predictions.npz", allow_pickle=False) as kept:
        assert {name: kept[name].tolist() for name in kept} == {name: array.tolist() for name, array in arrays.items()}


def test_latest_names_the_run_and_no_job_of_a_sweep(tmp_path: Path):
    record = create(tmp_path)
    record.point_latest()
    assert (tmp_path / "latest").resolve() == record.folder
    create_job(tmp_path / "sweeps" / "2026-11-22" / "03-52-25").point_latest()
    assert not list((tmp_path / "sweeps").rglob("latest"))


def test_files_of_the_record_are_the_ones_that_a_run_leaves(lmrun):
    done = lmrun("data=iris", "model=linear", "metrics=[]", "epochs=1")
    assert {path.name for path in done.folder.iterdir()} == set(OWN_FILES) - {"error.log", "folds", "eval", "export"}


# --- read back


def test_record_is_read_back(tmp_path: Path):
    record = create(tmp_path)
    record.tell(status="finished", best={"val_loss": {"value": 0.5, "epoch": 3}})
    record.add_epoch({"epoch": 1, "loss": 0.25}, seconds=1)
    again = Record.read(record.folder)
    assert again.info == record.info
    assert again.history.to_dict("list") == {"epoch": [1], "loss": [0.25]}


@pytest.mark.parametrize("content", [None, "", "{", "[1]", "3"], ids=["missing", "empty", "torn", "list", "number"])
def test_folder_without_a_sound_run_json_is_refused(content: str | None, tmp_path: Path):
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(
        ConfigError, match=rf"^{re.escape(str(tmp_path))} is no run folder: its run\.json is missing or damaged$"
    ):
        Record.read(tmp_path)


# --- names


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("digits_mlp(64)", "digits_mlp-64"),
        ("../../etc/passwd", "etc-passwd"),
        ("..", "run"),
        ("", "run"),
        ("损失é", "run"),
        ("Résumé.csv", "R-sum-.csv"),
        ("a\nb\tc d", "a-b-c-d"),
        ("C:\\x", "C-x"),
    ],
)
def test_name_of_a_folder_holds_no_separator_and_says_what_it_can(title: str, name: str):
    assert safe_name(title) == name


def test_name_of_a_folder_is_at_most_80_bytes():
    assert len(safe_name("x" * 300).encode()) == 80


def test_line_that_a_kill_has_torn_is_no_epoch(tmp_path: Path):
    record = create(tmp_path)
    record.add_epoch({"epoch": 1, "loss": 0.25}, seconds=1)
    with (record.folder / "history.csv").open("a") as file:
        file.write("99,0.1")
    assert record.history.to_dict("list") == {"epoch": [1], "loss": [0.25]}
    (record.folder / "history.csv").write_text("")
    assert record.history.empty
