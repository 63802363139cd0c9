"""The operations that change the disk, of which everything in the store is made; each is where a test can put a fault."""

from __future__ import annotations

import errno
import functools
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import ParamSpec, TypeVar

from lossmetric_cli.errors import EnvironmentFault
from lossmetric_cli.store import faults

P = ParamSpec("P")
T = TypeVar("T")

#: What fsync of a folder answers where the file system has no such thing (PostgreSQL's fsync_fname passes over the same two).
_NO_FOLDER_SYNC = (errno.EBADF, errno.EINVAL)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the operating system refuses inside into an EnvironmentFault that names `path`."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)  # HDF5's own text is a paragraph
        raise EnvironmentFault(f"cannot write {path}: {reason}; make room for it or set out=FOLDER") from error


def _operation(act: Callable[P, T]) -> Callable[P, T]:
    """Let `faults.perform` do it."""

    @functools.wraps(act)
    def perform(*arguments: P.args, **_: P.kwargs) -> T:
        return faults.perform(act, *arguments)

    return perform


@_operation
def create(path: Path) -> FileIO:
    """Return a new, empty file to write to; never through a link that somebody has laid there."""
    path.unlink(missing_ok=True)
    return path.open("xb", buffering=0)


@_operation
def create_new(path: Path) -> FileIO:
    """Return a new, empty file to read and write. Raises FileExistsError where there is one."""
    return path.open("x+b", buffering=0)


@_operation
def extend(path: Path) -> FileIO:
    """Return a file to read and to write to the end of, made where there is none; a link that stands there is not followed."""

    def opened(name: str, flags: int) -> int:
        return os.open(name, flags | os.O_NOFOLLOW, 0o666)

    return open(path, "a+b", buffering=0, opener=opened)


@_operation
def put(file: FileIO, data: bytes) -> None:
    """Write all of the bytes."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


@_operation
def sync(file: FileIO) -> None:
    """Wait until what was written to a file is on the disk."""
    os.fsync(file.fileno())


@_operation
def truncate(file: FileIO, size: int) -> None:
    """Cut a file to its first bytes."""
    file.truncate(size)


@_operation
def rename(old: Path, new: Path) -> None:
    """Give a file or link another name, in place of what had that name."""
    old.replace(new)


@_operation
def unlink(path: Path) -> None:
    """Remove a file or link."""
    path.unlink()


@_operation
def mkdir(folder: Path) -> None:
    """Make a folder that is not there."""
    folder.mkdir()


@_operation
def symlink(link: Path, target: str) -> None:
    """Make a symbolic link to a folder."""
    link.symlink_to(target, target_is_directory=True)


@_operation
def rmdir(folder: Path) -> None:
    """Remove an empty folder."""
    folder.rmdir()


@_operation
def remove_tree(folder: Path) -> None:
    """Remove a folder with all it holds."""
    shutil.rmtree(folder)


@_operation
def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except PermissionError:  # somebody else's, above what is ours
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(handle)
