"""Whole files and growing ones: what a reader finds is what was there before, or all of what came after."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from lossmetric_cli.store import disk
from lossmetric_cli.store.disk import explained


def write(path: Path, content: bytes | str) -> None:
    """Write a whole file: readers see what was there before, or all of the new content.

    Raises EnvironmentFault where it cannot be written; what was there before is then still there.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with _becoming(path, unfinished), disk.create(unfinished) as file:
            disk.put(file, data)
            disk.sync(file)


@contextmanager
def through(path: Path) -> Iterator[Path]:
    """Hand over a path of the same ending to write to, which becomes `path` when all of it is written and on the disk.

    Raises EnvironmentFault where it cannot be written; what was there before is then still there.
    """
    unfinished = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    with explained(path), _becoming(path, unfinished):
        yield unfinished
        with disk.extend(unfinished) as file:
            disk.sync(file)


@contextmanager
def _becoming(path: Path, unfinished: Path) -> Iterator[None]:
    """Give an unfinished file its name once it is written inside, and remove it where that fails."""
    try:
        yield
        disk.rename(unfinished, path)
    except BaseException:
        with contextlib.suppress(OSError):  # the fault above is the one to tell
            disk.unlink(unfinished)
        raise
    disk.sync_folder(path.parent)


def append(path: Path, text: str) -> None:
    """Append text to a file and wait until it is on the disk.

    Raises EnvironmentFault where it cannot be written.
    """
    with explained(path):
        is_new = not path.exists()
        with disk.extend(path) as file:
            disk.put(file, text.encode("utf-8"))
            disk.sync(file)
        if is_new:
            disk.sync_folder(path.parent)


def cut(path: Path, size: int) -> None:
    """Cut a file to its first `size` bytes and wait until that is on the disk; a file that is not there stays so.

    Raises EnvironmentFault where it cannot be written.
    """
    if not path.exists():
        return
    with explained(path), disk.extend(path) as file:
        disk.truncate(file, size)
        disk.sync(file)


def remove(path: Path) -> None:
    """Remove a file, if it is there. Raises EnvironmentFault where it cannot be."""
    with explained(path), contextlib.suppress(FileNotFoundError):
        disk.unlink(path)


def scratch(path: Path) -> BinaryIO:
    """Return a new file to write blocks to that nobody keeps: no record, and gone when the process is."""
    return path.open("wb")
