"""What a run keeps survives a fault at every operation on the disk, and a power cut after each, with nothing in between."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lossmetric_cli import shipped

HERE = Path(__file__).parent


def found_by(script: str, place: Path) -> dict[str, Any]:
    """Return what a script says that forks, which must not have loaded TensorFlow."""
    env = {**os.environ, "PYTHONPATH": str(shipped.PACKAGE.parent), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, HERE / script, place]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=300)
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return found_by("fault_loop.py", tmp_path_factory.mktemp("loop"))


@pytest.fixture(scope="module")
def cuts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return found_by("lying_disk.py", tmp_path_factory.mktemp("cuts"))


def test_a_kill_a_torn_write_a_full_disk_and_an_error_at_every_operation_lose_nothing(loop: dict[str, Any]):
    print(f"{loop['operations']} operations x {loop['kinds']} faults, {len(loop['lost'])} lost")
    assert loop["lost"] == {}
    assert loop["operations"] > 90
    assert loop["kinds"] == 4


def test_the_operations_are_counted_to_the_last(loop: dict[str, Any]):
    assert loop["beyond"] == 0


def test_a_run_changes_the_disk_nowhere_but_where_a_fault_can_be_put(loop: dict[str, Any]):
    written_by_others = (".best.keras.", ".model.keras.")
    assert [call for call in loop["past_the_room"] if not any(name in call for name in written_by_others)] == []


def test_a_power_cut_after_any_operation_loses_nothing_that_was_said_to_be_kept(cuts: dict[str, Any]):
    print(f"{cuts['operations']} operations, {cuts['disks']} different disks after the cut, {len(cuts['lost'])} lost")
    assert cuts["lost"] == {}
    assert cuts["disks"] > 150


def test_a_run_that_was_killed_and_gone_on_with_outlives_a_power_cut_too(cuts: dict[str, Any]):
    assert cuts["later"] == {}


@pytest.mark.parametrize(
    ("env", "code"),
    [({"LMRUN_TESTING": "1"}, -9), ({}, 0), ({"LMRUN_TESTING": "0"}, 0)],
    ids=["testing", "not testing", "told not to"],
)
def test_a_fault_is_obeyed_in_tests_only(tmp_path: Path, env: dict[str, str], code: int):
    script = "import sys; from pathlib import Path; from lossmetric_cli import store; store.write(Path(sys.argv[1]), 'new')"
    command = [sys.executable, "-c", script, tmp_path / "x"]
    known = {name: value for name, value in os.environ.items() if not name.startswith("LMRUN")}
    done = subprocess.run(command, env={**known, **env, "LMRUN_FAULT": "kill@2"}, check=False, timeout=60)
    assert done.returncode == code
    assert (tmp_path / "x").exists() == (code == 0)
