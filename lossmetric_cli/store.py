"""Durable writes: every byte that lmrun keeps goes through here."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from lossmetric_cli.errors import EnvironmentFault


def make_folder(root: Path, name: str) -> Path:
    """Return a new folder `root/name`, or `root/name-2`, `-3`, … when that is taken.

    The exclusive mkdir is the lock: two runs that start in the same second never share a folder.

    Raises EnvironmentFault where the folder cannot be made.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        for count in itertools.count(1):
            folder = root / (name if count == 1 else f"{name}-{count}")
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            return folder
    except OSError as error:
        raise EnvironmentFault(
            f"cannot create {root / name}: {error.strerror}; set out=FOLDER to a place you can write"
        ) from error
    raise AssertionError("itertools.count ended")


def refuse_way_out(path: Path, below: Path) -> None:
    """Raise EnvironmentFault for a path that does not lie below a folder once its links are followed."""
    if below.resolve() not in path.resolve().parents:
        raise EnvironmentFault(f"{path} leads out of {below} by a link; remove the link")


def write(path: Path, content: bytes | str) -> None:
    """Write a whole file: readers see what was there before, or all of the new content.

    Raises EnvironmentFault where it cannot be written; what was there before is then still there.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.unlink(missing_ok=True)
        try:
            with unfinished.open("xb") as file:  # never through a link that somebody has laid there
                _put(file, data)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
        _sync_folder(path.parent)


@contextmanager
def through(path: Path) -> Iterator[Path]:
    """Hand over a path of the same ending to write to, which becomes `path` when all of it is written and on the disk.

    Raises EnvironmentFault where it cannot be written; what was there before is then still there.
    """
    unfinished = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    with _explained(path):
        unfinished.unlink(missing_ok=True)
        try:
            yield unfinished
            with unfinished.open("rb+") as file:
                os.fsync(file.fileno())
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
        _sync_folder(path.parent)


def append(path: Path, text: str) -> None:
    """Append text to a file and wait until it is on the disk.

    Raises EnvironmentFault where it cannot be written.
    """
    with _explained(path):
        is_new = not path.exists()
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        with open(handle, "ab") as file:  # noqa: PTH123 - a link that stands there is not followed
            _put(file, text.encode("utf-8"))
        if is_new:
            _sync_folder(path.parent)


def scratch(path: Path) -> BinaryIO:
    """Return a new file to write blocks to that nobody keeps: no record, and gone when the process is."""
    return path.open("wb")


def point(link: Path, folder: Path) -> None:
    """Let the symbolic link `link` name `folder`, a neighbour of it or below one.

    Raises EnvironmentFault where it cannot: a folder stands there, or the disk knows no links.
    """
    unfinished = link.with_name(f".{link.name}.{os.getpid()}.tmp")
    with _explained(link):
        unfinished.unlink(missing_ok=True)
        unfinished.symlink_to(os.path.relpath(folder, link.parent), target_is_directory=True)
        try:
            unfinished.replace(link)
        finally:
            unfinished.unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Remove a file, if there is one."""
    path.unlink(missing_ok=True)


def remove_folder(folder: Path) -> None:
    """Remove a folder with all it holds, and the day's folder above it when that is left empty."""
    shutil.rmtree(folder)
    if not any(folder.parent.iterdir()):
        folder.parent.rmdir()


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise EnvironmentFault(f"cannot write {path}: {reason}; make room for it or set out=FOLDER") from error


def _put(file: BinaryIO, data: bytes) -> None:
    """Write bytes to an open file and wait until they are on the disk."""
    file.write(data)
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
