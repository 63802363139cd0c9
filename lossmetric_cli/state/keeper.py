"""The callback that keeps the state of a run, and goes on from a kept one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import keras

from lossmetric_cli.alarm import Alarm
from lossmetric_cli.errors import EnvironmentFault
from lossmetric_cli.feed import PAUSE, STOP, Feed
from lossmetric_cli.state import archive
from lossmetric_cli.state.archive import State
from lossmetric_cli.state.snapshot import Snapshot

#: The share of a run's time that keeping its state may take.
SHARE = 0.01
#: Bytes a second that a disk is taken to write before it has shown what it does.
ASSUMED_SPEED = 200e6


class Keeper(keras.callbacks.Callback):
    """Keeps the state of a run every so many seconds, between two batches or two epochs, and before it is left.

    It stands last: callbacks forget what they knew in `on_train_begin`, and what it vouches for must be on the disk.
    `costs` tells how many states were kept, and the seconds that it took.

    Args:
        snapshot: what is kept.
        rows: the feed, whose place inside an epoch is part of the state.
        record: the run's record, whose lines of history the state vouches for.
        alarm: what says that the run is to end.
        every: seconds between two states, at least; 0 after every epoch, None for none.
        is_divisible: whether an epoch may be left inside: no callback wants to hear of every batch.
        is_sound: whether the run is worth going on from: its loss is a number.
        past: the state to go on from.
        tell: says something to the person.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        rows: Feed,
        record: Any,
        alarm: Alarm,
        every: float | None,
        is_divisible: bool,
        is_sound: Callable[[], bool],
        past: State | None,
        tell: Callable[[str], None],
    ) -> None:
        super().__init__()
        self._snapshot, self._rows, self._record, self._alarm = snapshot, rows, record, alarm
        self._every, self._past, self._tell = every, past, tell
        self._is_divisible, self._is_sound = is_divisible, is_sound
        self._cost = snapshot.size / ASSUMED_SPEED
        self._started = time.monotonic()
        self._epoch = 0
        self._fault: EnvironmentFault | None = None
        self._was_told = self._is_late = False
        self.costs = {"kept": 0, "seconds": 0.0}

    @property
    def fault(self) -> EnvironmentFault | None:
        """Why the newest state, or a callback's newest file, could not be written."""
        return next((fault for fault in [self._fault, *(getattr(c, "fault", None) for c in self.remembering)] if fault), None)

    @property
    def remembering(self) -> list[keras.callbacks.Callback]:
        """The callbacks whose memory it keeps, in their order."""
        return self._snapshot.callbacks

    def prepare(self) -> list[str]:
        """Let callbacks go on with their files, before training begins again; return what is to be said of them."""
        if self._past is None:
            return []
        archive.prune(self._record.folder, self._past.number)
        return self._snapshot.prepare(self._past)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Put back what an earlier part of the run left, and listen."""
        if self._past:
            self._snapshot.put(self._past)
            self.model.stop_training = self._past.facts["is_stopped"]
        self._rows.at_pause = self._at_pause
        self._alarm.on_pause = lambda: self._rows.brake.press(PAUSE)
        self._alarm.on_stop = lambda: self._rows.brake.press(STOP)
        self._alarm.pulse = lambda: self._rows.pulse.count
        self._wait()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Put back what was counted of an epoch that was left inside."""
        self._epoch = epoch
        if self._past and self._past.facts["batches"]:
            self._rows.build_metrics(self.model)
            self._snapshot.put_metrics(self._past)
        self._past = None

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Keep the state where it is time to, at the end of training too, and leave where that was asked for."""
        is_last = self.model.stop_training or epoch + 1 == self.params["epochs"]
        is_due = self._every == 0 or (self._every is not None and (self._is_late or self._rows.brake.level))
        if (self._alarm.is_stopping or is_due or (is_last and self._is_worth_it())) and self._is_sound():
            self._keep(epochs=epoch + 1, batches=0)
        if self.fault and not self._was_told:
            self._tell(f"{self.fault}; the run goes on")
        self._was_told = self.fault is not None
        if self._alarm.is_stopping and not is_last:
            raise self._alarm.refusal(f" after epoch {epoch + 1}")

    def _at_pause(self) -> None:
        """Keep the state between two batches."""
        if self._is_divisible and self._is_sound():
            self._keep(epochs=self._epoch, batches=self._rows.done)
        if self._alarm.is_stopping:
            raise self._alarm.refusal(f" in epoch {self._epoch + 1}")
        if self._rows.brake.level:
            self._is_late = True
            self._rows.brake.release()

    def _is_worth_it(self) -> bool:
        """Return whether a state at the end of training takes no more than its share of the run's time."""
        spent = time.monotonic() - self._started
        return self._every is not None and self.costs["seconds"] + self._cost <= SHARE * spent

    def _keep(self, *, epochs: int, batches: int) -> None:
        """Write the state; a disk that takes none is asked again the next time."""
        started, self._is_late = time.monotonic(), False
        self._rows.brake.release()
        with self._alarm.guarding():
            facts, arrays = self._snapshot.take()
            facts |= {"epochs": epochs, "batches": batches, "is_stopped": bool(self.model.stop_training)}
            try:
                archive.save(self._record.folder, {**facts, **self._record.vouched()}, arrays)
                self._fault = None
            except EnvironmentFault as fault:
                self._fault = fault
        self._cost = time.monotonic() - started
        self.costs = {"kept": self.costs["kept"] + 1, "seconds": self.costs["seconds"] + self._cost}
        self._wait()

    def _wait(self) -> None:
        if self._every:
            spent = time.monotonic() - self._started
            self._alarm.wake_in(max(self._every, (self.costs["seconds"] + self._cost) / SHARE - spent))
