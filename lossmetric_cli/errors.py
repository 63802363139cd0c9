"""What a user can do wrong: one exception a kind of mistake, its exit code, and the closest known name.

LmrunError                exit
├── ConfigError            2    a word on the command line or a key in a YAML
│   └── Refused            2    what the checks found, all of it together
├── DataError              3    a file, a column or a label
├── TrainingError          4    the model, the loss or a callback failed while it ran
├── EnvironmentFault       5    disk, device, memory, time or a missing package
├── StateFault             7    a run's kept state: damaged, or of another request; or its folder is in use
└── Stopped     5, 128 + n    its time or a signal, after the run kept what it had
"""

from __future__ import annotations

import functools
import os
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any


class LmrunError(Exception):
    """A mistake that the user can mend; its text says where it is, what it is and what to type."""

    exit_code = 1


class ConfigError(LmrunError):
    """The request contradicts itself, the options that exist, or the data it names."""

    exit_code = 2


class Refused(ConfigError):
    """What the checks found before the first epoch: each reason is a sentence of its own, and so is each warning."""

    def __init__(self, reasons: list[str], warnings: Sequence[str] = ()) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons
        self.warnings = list(warnings)


class DataError(LmrunError):
    """The data cannot be read, or cannot be learned from, as it stands."""

    exit_code = 3


class TrainingError(LmrunError):
    """The request was sound and the training of it failed."""

    exit_code = 4


class EnvironmentFault(LmrunError):
    """This machine cannot do what was asked."""

    exit_code = 5


class StateFault(LmrunError):
    """The state that a run kept cannot be gone on with: damaged, of another request or other data, or the run is in use."""

    exit_code = 7


class Stopped(LmrunError):
    """The run was told to end: by the clock, or by a signal, whose exit code is 128 and its number, as shells have it.

    `details` is what belongs into its error.log.
    """

    def __init__(self, message: str, *, exit_code: int, details: str = "") -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.details = details

    def __reduce__(self) -> tuple[Any, ...]:  # a worker process hands it to its parent
        return functools.partial(Stopped, exit_code=self.exit_code, details=self.details), self.args


def own_place(frames: Iterable[traceback.FrameSummary]) -> str:
    """Return where the innermost of some calls stands that is the user's own: `my_callbacks.py:12`, "" where none is."""
    here, ours = f"{Path.cwd()}{os.sep}", str(Path(__file__).parent)
    own = [frame for frame in frames if frame.filename.startswith(here) and not frame.filename.startswith(ours)]
    own = [frame for frame in own if "site-packages" not in frame.filename]
    return f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else ""


def did_you_mean(name: str, known: Iterable[str], *, limit: int = 7) -> str:
    """Return `; did you mean 'a' or 'b'?` for the known names nearest to `name`, or an empty string.

    Nearest is the smallest number of edits (`edit_distance`), at most a third of the name's length and never more
    than three. Names that are equally near all stand, up to `limit` (`mce` is one letter from six losses); those that
    hold what was typed come first, then those of the same first letter and length. A name that merely contains what
    was typed counts when nothing is near.
    """
    nearest = nearest_names(name, known, limit=limit)
    if not nearest:
        return ""
    quoted = [f"'{other}'" for other in nearest]
    return f"; did you mean {' or '.join(filter(None, [', '.join(quoted[:-1]), quoted[-1]]))}?"


def nearest_names(name: str, known: Iterable[str], *, limit: int = 7) -> list[str]:
    """Return at most `limit` of the `known` names, those with the fewest edits between them and `name`."""
    name, known = name.lower(), sorted(set(known))
    best, tied = min(3, max(1, len(name) // 3)), []
    for other in known:
        distance = edit_distance(name, other.lower(), most=best)
        if distance < best:
            best, tied = distance, []
        if distance == best:
            tied.append(other)
    if not tied:
        return sorted((other for other in known if len(name) > 2 and name in other.lower()), key=len)[:limit]
    return sorted(tied, key=lambda other: _rank(name, other))[:limit]


def _rank(name: str, other: str) -> tuple[bool, bool, int, str]:
    """Return what orders names that are equally near: a dropped letter is the commonest slip, the first one the rarest."""
    is_part = name in other.lower() or other.lower() in name
    return not is_part, other[:1].lower() != name[:1], abs(len(other) - len(name)), other


def edit_distance(a: str, b: str, *, most: int) -> int:
    """Return how many letters must be added, dropped, replaced or swapped with their neighbour to make `a` into `b`.

    A distance above `most` is `most + 1`, found without counting on. The optimal string alignment distance: Damerau,
    "A technique for computer detection and correction of spelling errors", CACM 7(3), 1964.
    """
    before, above = [], list(range(len(b) + 1))
    if abs(len(a) - len(b)) > most:
        return most + 1
    for i, x in enumerate(a, start=1):
        row = [i]
        for j, y in enumerate(b, start=1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > most:  # no later row is below the smallest of this one
            return most + 1
        before, above = above, row
    return min(above[-1], most + 1)
