"""Being told to stop: signals and clocks, heard where a run can be left without losing anything."""

from __future__ import annotations

import contextlib
import math
import os
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from lossmetric_cli.errors import EnvironmentFault, Stopped, own_place

#: What ends a run, and what a person calls it. SLURM sends SIGUSR1 before the time of a job is over.
SIGNALS = {
    signal.SIGINT: "Ctrl-C",
    signal.SIGTERM: "SIGTERM",
    signal.SIGHUP: "SIGHUP",
    signal.SIGUSR1: "SIGUSR1",
}
#: Seconds that a run has to come to a place where it loses nothing, before it is left where it is.
GRACE = 2.0
#: Seconds after that in which the process has to end; then it is left for good, by whatever it is held.
LAST = 20.0
#: Times that a pulse is felt in the seconds after which a run without one hangs.
FEELS = 10
#: What wakes the listening thread without being a signal: look at the clocks again, or end.
_LOOK, _END = 0, 255


class Alarm:
    """Hears signals for the time of a `with` block, in the main thread only; elsewhere it hears clocks alone.

    Outside of `holding` a signal raises at once. Inside, `on_pause` is called from another thread, `is_stopping` is true,
    and whoever trains raises `refusal()` at the next good place; after `GRACE` seconds, or for good where the same is
    typed twice, it comes at once all the same. Where the block is not left by then, since the main thread never comes back
    to Python or somebody's code caught what was raised, `on_lost` is given it. `on_pause` is told too when the seconds of
    `wake_in` are over. Whoever trains sets these three and `pulse`; all are called from another thread.

    Args:
        max_time: seconds after which the run is to end; None for no limit.
        stall_time: seconds that `pulse` may return the same number, inside of `holding`, before the run is taken to hang.
    """

    def __init__(self, *, max_time: float | None = None, stall_time: float | None = None) -> None:
        self.on_pause: Callable[[], None] = lambda: None
        self.on_stop: Callable[[], None] = lambda: None
        self.on_lost: Callable[[Stopped], None] = lambda stopped: None
        self.pulse: Callable[[], int] | None = None
        self.is_stopping = False
        self._max_time, self._stall_time = max_time, stall_time
        self._number: int | None = None
        self._stacks = self._place = ""
        self._heard = 0
        self._depth = {"held": 0, "guarded": 0}
        self._is_overdue = self._is_told = False
        # when to press the brake, to raise where the main thread is, to leave for good, and to feel the pulse
        self._pause_at = self._force_at = self._leave_at = self._feel_at = math.inf
        self._end_at = math.inf if max_time is None else time.monotonic() + max_time
        self._felt, self._felt_at = -1, 0.0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Alarm:
        """Listen."""
        self._ear, self._mouth = os.pipe()
        os.set_blocking(self._mouth, False)
        self._main = threading.get_ident()
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._hear) for number in SIGNALS}
            self._waker = signal.set_wakeup_fd(self._mouth, warn_on_full_buffer=False)
        self._thread = threading.Thread(target=self._listen, name="lmrun alarm", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave signals to whoever had them."""
        self._tell(_END)
        self._thread.join()
        if self._before:
            signal.set_wakeup_fd(self._waker)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._ear)
        os.close(self._mouth)

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        """Return the context in which a signal waits for `refusal`, and a run without a pulse is taken to hang."""
        with self._deeper("held"):
            if self._stall_time:
                self._feel_at = self._felt_at = time.monotonic()
                self._tell(_LOOK)
            yield

    @contextlib.contextmanager
    def guarding(self) -> Iterator[None]:
        """Return the context, inside of `holding`, that not even a signal that is overdue leaves; it is a sign of life."""
        with self._deeper("guarded"):
            self._felt_at = time.monotonic()
            yield
        self._felt_at = time.monotonic()

    def wake_in(self, seconds: float) -> None:
        """Let `on_pause` be called after so many seconds."""
        self._pause_at = time.monotonic() + seconds
        self._tell(_LOOK)

    def refusal(self, where: str = "") -> Stopped:
        """Return what ends the run: a signal, that its time is over, or that it hangs. It is not ended a second time."""
        self._is_told = True
        if self._number is not None:
            told = f"interrupted{where} by {SIGNALS[signal.Signals(self._number)]}"
            return Stopped(told, exit_code=128 + self._number, details=self._stacks)
        if self._stacks:
            told = f"stopped{where}: nothing moved for {self._stall_time:g} s{self._place} (stall_time={self._stall_time:g})"
        else:
            told = f"stopped{where} after {self._max_time:g} s (max_time={self._max_time:g})"
        return Stopped(told, exit_code=EnvironmentFault.exit_code, details=self._stacks)

    @contextlib.contextmanager
    def _deeper(self, name: str) -> Iterator[None]:
        self._depth[name] += 1
        try:
            yield
        finally:
            self._depth[name] -= 1

    def _hear(self, number: int, frame: FrameType | None) -> None:
        """Be told of a signal, in the main thread and between two of its instructions."""
        if self._is_overdue and number == signal.SIGUSR1:
            if not self._depth["guarded"] and not self._is_told:
                raise self.refusal()
            return
        self._heard += 1
        if self._heard > 1:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        self._number, self.is_stopping = number, True
        if not self._depth["held"]:
            raise self.refusal()

    def _listen(self) -> None:
        """Wait for signals and clocks; the bytes that arrive are the numbers of signals, as Python writes them."""
        while True:
            clocks = (self._pause_at, self._force_at, self._end_at, self._feel_at, self._leave_at)
            wait = min(clocks) - time.monotonic()
            ready, _, _ = select.select([self._ear], [], [], None if wait == math.inf else max(0.0, wait))
            told = os.read(self._ear, 4096) if ready else b""
            if _END in told:
                return
            self._look(told, time.monotonic())

    def _look(self, told: bytes, now: float) -> None:
        """Do what is due."""
        signals = {number for number in told if number in SIGNALS} - ({signal.SIGUSR1} if self._is_overdue else set())
        if now >= self._end_at or signals:  # once overdue, SIGUSR1 is our own
            self._end_at = math.inf
            self._stop(now)
        if now >= self._pause_at:
            self._pause_at = math.inf
            self.on_pause()
        if now >= self._feel_at:
            self._feel(now)
        if now >= self._force_at:
            self._force(now)
        if now >= self._leave_at:
            self._leave(now)

    def _stop(self, now: float) -> None:
        """Ask for the next good place, and for any place after a while."""
        self.is_stopping = True
        is_held = self._depth["held"] > 0
        self._force_at = min(self._force_at, now + GRACE * is_held)
        (self.on_pause if is_held else self.on_stop)()

    def _force(self, now: float) -> None:
        """Let the main thread raise wherever it is, if it is in Python, and wait for the block to be left."""
        self._force_at, self._is_overdue = math.inf, True
        self._leave_at = min(self._leave_at, now + (GRACE if self._stacks else LAST))
        if self._before and not self._is_told:
            signal.pthread_kill(self._main, signal.SIGUSR1)
        self.on_stop()

    def _leave(self, now: float) -> None:
        """Leave for good, but for a state that is being written, and that hangs not either."""
        is_writing = self._depth["guarded"] > 0 and not self._stacks
        self._leave_at = now + GRACE if is_writing else math.inf
        if not is_writing:
            self.on_lost(self.refusal())

    def _feel(self, now: float) -> None:
        """Take a run that has shown no pulse for its time to hang, and note where each of its threads is."""
        late, every = now - self._feel_at, self._stall_time / FEELS
        felt = self._pulse()
        if felt != self._felt:
            self._felt, self._felt_at = felt, now
        elif late > every:  # this process was suspended, and so was what trains
            self._felt_at += late
        is_watched = self._depth["held"] > 0 and not self.is_stopping
        self._feel_at = now + every if is_watched else math.inf
        if is_watched and now - self._felt_at >= self._stall_time:
            stacks = _stacks(self._main)
            place = next(filter(None, map(own_place, stacks.values())), "")
            self._place = f" in {place}" if place else ""
            self._stacks = "\n".join(f"{name}:\n{''.join(traceback.format_list(calls))}" for name, calls in stacks.items())
            self.is_stopping, self._force_at = True, now

    def _pulse(self) -> int:
        try:
            return self.pulse() if self.pulse else 0
        except Exception:  # this thread has more to do than to feel
            return self._felt

    def _tell(self, number: int) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._mouth, bytes([number]))


def _stacks(first: int) -> dict[str, traceback.StackSummary]:
    """Return what each other thread is at, by its name, the thread of that number before the others."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    others = {ident: frame for ident, frame in sys._current_frames().items() if ident != threading.get_ident()}
    ordered = sorted(others.items(), key=lambda item: item[0] != first)
    return {f"{names.get(ident, 'thread')} {ident}": traceback.extract_stack(frame) for ident, frame in ordered}
