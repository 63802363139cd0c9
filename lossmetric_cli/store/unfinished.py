"""The names of files that are still being written, and what to do about those that a killed process leaves."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lossmetric_cli.store import disk

_NAME = re.compile(r"\..+\.(?P<pid>\d+)\.tmp(\..+)?")


def temporary(path: Path, *, ending: str = "") -> Path:
    """Return the name beside `path` that its next content is written under; no reader looks for such a name."""
    return path.with_name(f".{path.name}.{os.getpid()}.tmp{ending}")


@contextmanager
def becoming(path: Path, unfinished: Path) -> Iterator[None]:
    """Let what is written inside become `path` and wait until that is on the disk, or remove it where that fails."""
    try:
        yield
        disk.rename(unfinished, path)
    except BaseException:
        with contextlib.suppress(OSError):  # the fault above is the one to tell
            disk.unlink(unfinished)
        raise
    disk.sync_folder(path.parent)


def settle(folder: Path) -> list[Path]:
    """Settle what a killed process left in a folder and below it, and return the unfinished files that were removed.

    All other names in there are on the disk after it. For the owner of the folder's lock, before the first write: files
    of another process that is alive are left alone, files of this one's number are an earlier one's (in a container,
    every process may have the same number).

    Raises EnvironmentFault where it cannot.
    """
    removed = []
    for place, _, names in os.walk(folder):
        with disk.explained(Path(place)):
            for path in (Path(place) / name for name in sorted(names)):
                if is_left(path):
                    disk.unlink(path)
                    removed.append(path)
            disk.sync_folder(Path(place))
    return removed


def clear(path: Path) -> None:
    """Remove what killed processes left unfinished of one path, where that can be done."""
    for other in path.parent.glob(f".{path.name}.*.tmp*"):
        if is_left(other):
            with contextlib.suppress(OSError):
                disk.unlink(other)


def is_alive(pid: int) -> bool:
    """Return whether a process of that number runs on this machine."""
    try:
        os.kill(pid, 0)
    except PermissionError:  # another user's
        return True
    except (OverflowError, ProcessLookupError):
        return False
    return True


def is_left(path: Path) -> bool:
    """Return whether a file or folder is one that a process had not finished when it was killed."""
    named = _NAME.fullmatch(path.name)
    return named is not None and (int(named["pid"]) == os.getpid() or not is_alive(int(named["pid"])))
