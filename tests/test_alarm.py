"""Signals and clocks are heard at moments when a run can be left, and at once where it does not come to one."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lossmetric_cli import alarm as alarms
from lossmetric_cli.alarm import GRACE, Alarm
from lossmetric_cli.errors import Stopped


def send(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_signal_ends_at_once_where_nothing_is_held(number: int):
    with pytest.raises(Stopped, match=r"^interrupted by ") as found, Alarm():
        send(number)
    assert found.value.exit_code == 128 + number


def test_signal_waits_for_the_next_good_place():
    presses = []
    with Alarm() as alarm, alarm.holding():
        alarm.on_pause = lambda: presses.append("pause")
        send(signal.SIGTERM)
        until(lambda: presses)
        assert alarm.is_stopping
        assert str(alarm.refusal(" in epoch 3")) == "interrupted in epoch 3 by SIGTERM"


def hang() -> None:
    send(signal.SIGINT)
    time.sleep(GRACE + 5)


def until(is_so: object, seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not is_so() and time.monotonic() < end:
        time.sleep(0.005)
    assert is_so()


def test_run_that_comes_to_no_good_place_is_left_where_it_is():
    stops = []
    started = time.monotonic()
    alarm = Alarm()
    alarm.on_stop = lambda: stops.append("stop")
    with pytest.raises(Stopped), alarm, alarm.holding():
        hang()
    assert GRACE <= time.monotonic() - started < GRACE + 4
    assert stops == ["stop"]


def test_what_is_being_written_is_written_even_then():
    with Alarm() as alarm, alarm.holding():
        with alarm.guarding():
            send(signal.SIGINT)
            until(lambda: alarm._is_overdue)
            time.sleep(0.1)
        assert alarm.is_stopping


def test_told_end_is_not_told_twice():
    with Alarm() as alarm:
        with alarm.holding():
            send(signal.SIGINT)
            assert alarm.refusal().exit_code == 130
        time.sleep(GRACE + 0.3)  # what is drawn and kept on the way out is not disturbed


def test_second_signal_leaves_for_good():
    code = (
        "import os, signal, time\n"
        "from lossmetric_cli.alarm import Alarm\n"
        "with Alarm() as alarm, alarm.holding():\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    time.sleep(30)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=20, check=False).returncode == -signal.SIGINT


def test_clock_ends_as_a_signal_does():
    with Alarm(max_time=0.1) as alarm, alarm.holding():
        until(lambda: alarm.is_stopping)
        assert (alarm.refusal().exit_code, str(alarm.refusal())) == (5, "stopped after 0.1 s (max_time=0.1)")


def test_run_without_a_pulse_hangs_and_is_left_with_what_it_was_at():
    alarm = Alarm(stall_time=0.2)
    alarm.pulse = lambda: 7
    told = r"^stopped: nothing moved for 0\.2 s in test_alarm\.py:\d+ \(stall_time=0\.2\)"
    with pytest.raises(Stopped, match=told) as found, alarm, alarm.holding():
        time.sleep(5)
    assert found.value.exit_code == 5
    assert "time.sleep(5)" in found.value.details


def test_run_with_a_pulse_goes_on_and_is_not_watched_outside_of_its_training():
    counts = itertools.count()
    with Alarm(stall_time=0.3) as alarm:
        with alarm.holding():
            alarm.pulse = lambda: next(counts)
            time.sleep(0.6)
            alarm.pulse = lambda: 7
            for _ in range(4):
                with alarm.guarding():  # a state is being written
                    time.sleep(0.1)
        time.sleep(0.6)
        assert not alarm.is_stopping


def compute() -> None:
    """Be some seconds in C, where no handler of Python's runs."""
    hashlib.pbkdf2_hmac("sha256", b"", b"", 8_000_000)


def catch_all() -> None:
    """Try again and again, as code does that waits for a server."""
    end = time.monotonic() + 3
    while time.monotonic() < end:
        with contextlib.suppress(Exception):
            time.sleep(0.01)


def write_for_ever(alarm: Alarm) -> None:
    with alarm.guarding():
        time.sleep(3)


@pytest.mark.parametrize("is_in", [compute, catch_all])
@pytest.mark.parametrize(
    ("end", "code"), [({"stall_time": 0.2}, 5), ({"max_time": 0.2}, 5), ({"signal": signal.SIGTERM}, 143)], ids=str
)
def test_what_does_not_end_is_given_to_who_can_leave_it(
    end: dict[str, Any], code: int, is_in: Callable[[], None], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(alarms, "GRACE", 0.2)
    monkeypatch.setattr(alarms, "LAST", 0.6)
    lost: list[tuple[int, bool]] = []
    is_back = False
    number, clocks = end.get("signal"), {name: seconds for name, seconds in end.items() if name != "signal"}
    with contextlib.suppress(Stopped), Alarm(**clocks) as alarm, alarm.holding():
        alarm.on_lost = lambda stopped: lost.append((stopped.exit_code, is_back))
        if number:
            send(number)
        is_in()
        is_back = True
    assert lost == [(code, False)]


def test_a_state_whose_writing_hangs_is_left_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(alarms, "GRACE", 0.2)
    lost: list[int] = []
    with contextlib.suppress(Stopped), Alarm(stall_time=0.3) as alarm, alarm.holding():
        alarm.on_lost = lambda stopped: lost.append(stopped.exit_code)
        write_for_ever(alarm)
    assert lost == [5]


def test_a_process_that_was_suspended_does_not_hang():
    code = (
        "import time\n"
        "from lossmetric_cli.alarm import Alarm\n"
        "steps = []\n"
        "with Alarm(stall_time=1) as alarm, alarm.holding():\n"
        "    alarm.pulse = lambda: len(steps)\n"
        "    print('ready', flush=True)\n"
        "    while len(steps) < 6:\n"
        "        time.sleep(0.5)\n"
        "        steps.append(1)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        time.sleep(0.3)
        process.send_signal(signal.SIGSTOP)
        time.sleep(2)
        process.send_signal(signal.SIGCONT)
        assert process.wait(timeout=20) == 0


def test_a_pulse_that_fails_stops_no_clock():
    with Alarm(stall_time=60, max_time=0.3) as alarm, alarm.holding():
        alarm.pulse = lambda: 1 // 0
        until(lambda: alarm.is_stopping)


def test_where_a_run_hangs_is_said_of_its_own_thread_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "innocent.py").write_text("import time\ndef wait(event):\n    event.wait()\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    event = threading.Event()
    thread = threading.Thread(target=importlib.import_module("innocent").wait, args=(event,))
    thread.start()
    alarm = Alarm(stall_time=0.2)
    with pytest.raises(Stopped) as found, alarm, alarm.holding():
        time.sleep(5)
    event.set()
    thread.join()
    assert found.value.details.startswith("MainThread")


def test_pause_comes_when_its_time_is_over():
    presses = []
    with Alarm() as alarm:
        alarm.on_pause = lambda: presses.append(time.monotonic())
        started = time.monotonic()
        alarm.wake_in(0.2)
        until(lambda: presses)
    assert presses[0] - started >= 0.2


def test_handlers_are_as_before():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)]
    with Alarm():
        assert signal.getsignal(signal.SIGTERM) not in before
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)] == before
