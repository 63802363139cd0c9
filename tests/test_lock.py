"""One process to a run's folder: who comes second is told who is there, and a killed owner stands in nobody's way."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lossmetric_cli import store
from lossmetric_cli.errors import EnvironmentFault, StateFault

#: A process that takes the lock, says what became of that, and holds it until its stdin ends.
TAKER = """
import errno, fcntl, os, sys
from pathlib import Path
from lossmetric_cli import store
from lossmetric_cli.errors import StateFault

def refuse(file, how):
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

if sys.argv[2] == "without flock":
    fcntl.flock = refuse
print("ready", flush=True)
sys.stdin.readline()
try:
    with store.lock(Path(sys.argv[1])) as before:
        print("took", before.pid if before else None, flush=True)
        sys.stdin.read()
except StateFault as fault:
    print("refused", fault, flush=True)
"""


@pytest.fixture(params=["flock", "without flock"])
def disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The file system: with flock, or as some network disks are, which refuse it."""

    def refuse(file: object, how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    if request.param != "flock":
        monkeypatch.setattr(fcntl, "flock", refuse)
    return request.param


@pytest.fixture
def start(tmp_path: Path, disk: str) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """`start()`: a process that takes the lock as soon as it is sent a line."""
    started: list[subprocess.Popen[str]] = []

    def run() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", TAKER, str(tmp_path), disk]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        assert started[-1].stdout.readline() == "ready\n"
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


def go(process: subprocess.Popen[str]) -> None:
    process.stdin.write("\n")
    process.stdin.flush()


def told(process: subprocess.Popen[str]) -> str:
    return process.stdout.readline().rstrip("\n")


def holder(start: Callable[[], subprocess.Popen[str]]) -> subprocess.Popen[str]:
    process = start()
    go(process)
    assert told(process) == "took None"
    return process


def test_second_process_is_told_who_is_there_and_since_when(tmp_path: Path, start):
    pid = holder(start).pid
    host = re.escape(os.uname().nodename)
    told = rf"{tmp_path} is in use by pid {pid} on host {host} \(since \d\d:\d\d\); wait for it, or stop that process"
    with pytest.raises(StateFault, match=f"^{told}$"), store.lock(tmp_path):
        pass
    assert StateFault.exit_code == 7


def test_folder_is_free_again_and_empty_when_its_owner_has_ended(tmp_path: Path, start):
    holder(start).communicate()
    assert not list(tmp_path.iterdir())
    with store.lock(tmp_path) as before:
        assert before is None
    assert not list(tmp_path.iterdir())


def test_lock_of_a_killed_owner_is_taken_over_and_the_owner_named(tmp_path: Path, start):
    process = holder(start)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with store.lock(tmp_path) as before:
        assert before.pid == process.pid
        assert json.loads((tmp_path / ".lock").read_text())["pid"] == os.getpid()
    assert not list(tmp_path.iterdir())


def test_what_a_killed_owner_left_unfinished_is_gone_for_the_next(tmp_path: Path, start):
    process = holder(start)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / f".000001.state.{process.pid}.tmp").write_text("half")
    process.kill()
    process.communicate()
    with store.lock(tmp_path):
        assert not list((tmp_path / "state").iterdir())


@pytest.mark.parametrize("before", ["nobody", "a killed owner"])
def test_of_takers_at_once_one_has_it_and_the_others_are_told_of_that_one(tmp_path: Path, start, disk: str, before: str):
    if before != "nobody":
        process = holder(start)
        process.kill()
        process.wait()
    takers = [start() for _ in range(4)]
    for taker in takers:
        go(taker)
    answers = {taker: told(taker) for taker in takers}
    (owner,) = [taker for taker, answer in answers.items() if answer.startswith("took")]
    assert answers[owner] == f"took {None if before == 'nobody' else process.pid}"
    others = [answer for taker, answer in answers.items() if taker is not owner]
    named = {int(re.search(r"in use by pid (\d+) on", answer)[1]) for answer in others}
    if disk == "flock" or before == "nobody":
        assert named == {owner.pid}
    else:  # without flock some may have seen one of the others, just before that was told
        assert named <= {taker.pid for taker in takers}


def test_lock_is_held_by_one_at_a_time_while_many_come_and_go(tmp_path: Path, disk: str):
    """Each adds one to a number in a file, which loses some where two are in at once."""
    (tmp_path / "number").write_text("0")
    code = TAKER.split("print(")[0] + (
        "for _ in range(50):\n"
        "    while True:\n"
        "        try:\n"
        "            with store.lock(Path(sys.argv[1])):\n"
        "                number = Path(sys.argv[1]) / 'number'\n"
        "                number.write_text(str(int(number.read_text()) + 1))\n"
        "            break\n"
        "        except StateFault:\n"
        "            pass\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), disk]) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert (tmp_path / "number").read_text() == "150"


def test_owner_on_another_host_is_never_taken_for_dead_where_there_is_no_flock(tmp_path: Path, disk: str):
    (tmp_path / ".lock").write_text('{"pid": 1073741824, "host": "elsewhere", "since": "2026-11-22T03:52:25+00:00"}')
    if disk == "flock":  # which a host that is gone has lost
        with store.lock(tmp_path) as before:
            assert before.host == "elsewhere"
        return
    told = r"host elsewhere \(since 2026-11-22 .+\); wait for it, or stop that process, or where it is gone remove .+/\.lock$"
    with pytest.raises(StateFault, match=told), store.lock(tmp_path):
        pass


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": "x", "host": 1}', '{"pid": 1, "host": "a", "since": "noon"}'])
def test_file_that_says_nothing_of_an_owner_is_no_lock_under_flock(tmp_path: Path, content: str):
    (tmp_path / ".lock").write_text(content)
    with store.lock(tmp_path) as before:
        assert before is None


@pytest.mark.usefixtures("disk")
def test_folder_that_goes_while_it_is_held_is_no_fault(tmp_path: Path):
    folder = store.make_folder(tmp_path, "run")
    with store.lock(folder):
        store.remove_folder(folder)


def test_folder_that_cannot_hold_the_lock_is_a_fault_of_the_machine():
    told = r"^cannot write /proc/nope/\.lock: No such file or directory; "
    with pytest.raises(EnvironmentFault, match=told), store.lock(Path("/proc/nope")):
        pass


def test_error_inside_frees_the_folder_and_comes_through(tmp_path: Path):
    with pytest.raises(FileNotFoundError), store.lock(tmp_path):
        (tmp_path / "none").read_bytes()
    assert not list(tmp_path.iterdir())
