"""The operations that change the disk, of which everything in the store is made."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from lossmetric_cli.errors import EnvironmentFault

#: What fsync of a folder answers where the file system has no such thing (PostgreSQL's fsync_fname passes over the same two).
_NO_FOLDER_SYNC = (errno.EBADF, errno.EINVAL)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the operating system refuses inside into an EnvironmentFault that names `path`."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise EnvironmentFault(f"cannot write {path}: {reason}; make room for it or set out=FOLDER") from error


def create(path: Path) -> FileIO:
    """Return a new, empty file to write to."""
    return path.open("wb", buffering=0)


def create_new(path: Path) -> FileIO:
    """Return a new, empty file to read and write. Raises FileExistsError where there is one."""
    return path.open("x+b", buffering=0)


def extend(path: Path) -> FileIO:
    """Return a file to read and to write to the end of, made where there is none."""
    return path.open("a+b", buffering=0)


def put(file: FileIO, data: bytes) -> None:
    """Write all of the bytes."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def sync(file: FileIO) -> None:
    """Wait until what was written to a file is on the disk."""
    os.fsync(file.fileno())


def truncate(file: FileIO, size: int) -> None:
    """Cut a file to its first bytes."""
    file.truncate(size)


def rename(old: Path, new: Path) -> None:
    """Give a file or link another name, in place of what had that name."""
    old.replace(new)


def unlink(path: Path) -> None:
    """Remove a file or link."""
    path.unlink()


def mkdir(folder: Path) -> None:
    """Make a folder that is not there."""
    folder.mkdir()


def symlink(link: Path, target: str) -> None:
    """Make a symbolic link to a folder."""
    link.symlink_to(target, target_is_directory=True)


def remove_tree(folder: Path) -> None:
    """Remove a folder with all it holds."""
    shutil.rmtree(folder)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(handle)
