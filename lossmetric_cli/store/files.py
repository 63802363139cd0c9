"""Whole files and growing ones: what a reader finds is what was there before, or all of what came after."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from lossmetric_cli.errors import StateFault
from lossmetric_cli.store import disk
from lossmetric_cli.store.disk import explained
from lossmetric_cli.store.folders import ensure
from lossmetric_cli.store.unfinished import becoming, temporary

_PAGE = 4096


def write(path: Path, content: bytes | str) -> None:
    """Write a whole file and wait until it is on the disk: readers see what was there before, or all of the new content.

    Raises EnvironmentFault where it cannot be written; one of the two is then still there.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    unfinished = temporary(path)
    with explained(path):
        ensure(path.parent)
        with becoming(path, unfinished), disk.create(unfinished) as file:
            disk.put(file, data)
            disk.sync(file)


@contextmanager
def through(path: Path) -> Iterator[Path]:
    """Hand over a path of the same endings to write to, which becomes `path` when all of it is written and on the disk.

    Raises EnvironmentFault where it cannot be written; what was there before is then still there.
    """
    unfinished = temporary(path, ending="".join(path.suffixes))  # Keras looks at .weights.h5
    with explained(path):
        ensure(path.parent)
        with becoming(path, unfinished):
            unfinished.unlink(missing_ok=True)  # which may be a link that somebody has laid there
            yield unfinished
            with unfinished.open("rb+", buffering=0) as file:
                disk.sync(file)


def append(path: Path, text: str) -> None:
    """Append whole lines to a file and wait until they are on the disk.

    A torn last line, which a killed process may have left, is cut off first.

    Raises EnvironmentFault where they cannot be written; what was there before is then still there, and no part of them.
    """
    with explained(path), disk.extend(path) as file:
        size = _cut_torn(file)
        try:
            disk.put(file, text.encode("utf-8"))
            disk.sync(file)
        except BaseException:
            with contextlib.suppress(OSError):  # the next to append cuts it off
                disk.truncate(file, size)
            raise
        if not size:
            disk.sync_folder(path.parent)


def whole_lines(path: Path) -> bytes:
    """Return what `append` wrote, without a last line that a kill or a power cut has torn; nothing where there is no file."""
    try:
        return _whole(path.read_bytes())
    except FileNotFoundError:
        return b""


def sync(path: Path) -> None:
    """Wait until what others wrote to a file is on the disk. Raises EnvironmentFault where it cannot be."""
    with explained(path), path.open("rb", buffering=0) as file:
        disk.sync(file)


def cut(path: Path, size: int) -> None:
    """Cut a file to its first `size` bytes and wait until that is on the disk; a file that is not there stays so.

    Raises:
        StateFault: the file is shorter than that.
        EnvironmentFault: it cannot be written.
    """
    if not path.exists():
        return
    with explained(path), path.open("rb+", buffering=0) as file:
        found = file.seek(0, os.SEEK_END)
        if found < size:
            raise StateFault(f"{path} is damaged: {found} of the {size} bytes are there that a state of its run counts on")
        disk.truncate(file, size)
        disk.sync(file)


def remove(path: Path) -> None:
    """Remove a file, if it is there, and wait until that is on the disk. Raises EnvironmentFault where it cannot be."""
    if path.exists():
        with explained(path):
            disk.unlink(path)
            disk.sync_folder(path.parent)


def scratch(path: Path) -> BinaryIO:
    """Return a new file to write blocks to that nobody keeps: no record, and gone when the process is."""
    return path.open("wb")


def _cut_torn(file: FileIO) -> int:
    """Cut a file after its last whole line, and return how long it is then."""
    size = file.seek(0, os.SEEK_END)
    tail = os.pread(file.fileno(), _PAGE, max(0, size - _PAGE))
    if not tail or (tail.endswith(b"\n") and b"\0" not in tail):
        return size
    whole = len(_whole(os.pread(file.fileno(), size, 0)))
    disk.truncate(file, whole)
    return whole


def _whole(content: bytes) -> bytes:
    """Return the whole lines at the beginning; where the power failed, what was not written reads as zeros."""
    content = content.partition(b"\0")[0]
    return content[: content.rfind(b"\n") + 1]
