"""Folders of a run's own, and the link that names the latest."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lossmetric_cli.errors import EnvironmentFault
from lossmetric_cli.store import disk
from lossmetric_cli.store.disk import explained


def make_folder(root: Path, name: str) -> Path:
    """Return a new folder `root/name`, or `root/name-2`, `-3`, … when that is taken.

    The exclusive mkdir is the lock: two runs that start in the same second never share a folder.

    Raises EnvironmentFault where the folder cannot be made.
    """
    return _make_first(root, (name if count == 1 else f"{name}-{count}" for count in itertools.count(1)))


def make_numbered(root: Path) -> Path:
    """Return a new folder `root/1`, or the next number that is free. Raises as `make_folder` does."""
    return _make_first(root, map(str, itertools.count(1)))


def _make_first(root: Path, names: Iterator[str]) -> Path:
    """Return the new folder with the first of endlessly many names that is free."""
    name = next(names)
    try:
        root.mkdir(parents=True, exist_ok=True)
        while True:
            try:
                (root / name).mkdir()
            except FileExistsError:
                name = next(names)
                continue
            return root / name
    except OSError as error:
        raise EnvironmentFault(
            f"cannot create {root / name}: {error.strerror}; set out=FOLDER to a place you can write"
        ) from error


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """Hand over an empty folder inside `folder` to write to, which is gone at the end with what `settle` did not take.

    Raises EnvironmentFault where it cannot be made.
    """
    place = folder / f".{os.getpid()}.tmp"
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        disk.mkdir(place)
    try:
        yield place
    finally:
        disk.remove_tree(place)
        with contextlib.suppress(OSError):  # where something was settled, or stood there before
            folder.rmdir()


def settle(written: Path, target: Path) -> None:
    """Give a file or folder that is written whole its place, instead of what stood there. Both are on one disk.

    Raises EnvironmentFault where it cannot; what stood there is then still there.
    """
    with explained(target):
        for file in [written] if written.is_file() else [path for path in written.rglob("*") if path.is_file()]:
            with disk.extend(file) as opened:
                disk.sync(opened)
        if target.is_dir():
            disk.rename(target, written.with_name(f"{written.name}.before"))
        disk.rename(written, target)
        disk.sync_folder(target.parent)


def point(link: Path, folder: Path) -> None:
    """Let the symbolic link `link` name `folder`, a neighbour of it or below one.

    Raises EnvironmentFault where it cannot: a folder stands there, or the disk knows no links.
    """
    unfinished = link.with_name(f".{link.name}.{os.getpid()}.tmp")
    with explained(link):
        unfinished.unlink(missing_ok=True)
        unfinished.symlink_to(os.path.relpath(folder, link.parent), target_is_directory=True)
        try:
            unfinished.replace(link)
        finally:
            unfinished.unlink(missing_ok=True)


def remove_folder(folder: Path) -> None:
    """Remove a folder with all it holds, and the day's folder above it when that is left empty."""
    disk.remove_tree(folder)
    with contextlib.suppress(OSError):  # another run has just made a folder there
        folder.parent.rmdir()
