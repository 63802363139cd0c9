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
from lossmetric_cli.store.unfinished import becoming, clear, is_left, temporary


def make_folder(root: Path, name: str) -> Path:
    """Return a new folder `root/name`, or `root/name-2`, `-3`, … when that is taken; its name is on the disk.

    The exclusive mkdir is the lock: two runs that start in the same second never share a folder.

    Raises EnvironmentFault where the folder cannot be made.
    """
    return _first_free(root, (name if count == 1 else f"{name}-{count}" for count in itertools.count(1)))


def make_numbered(root: Path) -> Path:
    """Return a new folder `root/1`, or the next number that is free, as `make_folder` makes them."""
    return _first_free(root, map(str, itertools.count(1)))


def refuse_way_out(path: Path, below: Path) -> None:
    """Raise EnvironmentFault for a path that does not lie below a folder once its links are followed."""
    if below.resolve() not in path.resolve().parents:
        raise EnvironmentFault(f"{path} leads out of {below} by a link; remove the link")


def ensure_folder(folder: Path) -> None:
    """Make a folder, and those above it, where they are not there. Raises EnvironmentFault where one cannot be made."""
    with disk.explained(folder):
        ensure(folder)


def ensure(folder: Path) -> None:
    """Make a folder, and those above it, where they are not there, and wait until their names are on the disk."""
    missing = list(itertools.takewhile(lambda place: not place.is_dir(), [folder, *folder.parents]))
    for place in reversed(missing):
        with contextlib.suppress(FileExistsError):
            disk.mkdir(place)
        disk.sync_folder(place.parent)


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """Hand over an empty folder inside `folder` to write to, which is gone at the end with what `hand_over` did not take.

    Raises EnvironmentFault where it cannot be made.
    """
    place = temporary(folder / "staging")
    with disk.explained(folder):
        ensure(folder)
        for left in filter(is_left, folder.glob(".staging.*.tmp")):
            disk.remove_tree(left)
        disk.mkdir(place)
    try:
        yield place
    finally:
        disk.remove_tree(place)
        with contextlib.suppress(OSError):  # where something was handed over, or stood there before
            disk.rmdir(folder)


def hand_over(written: Path, target: Path) -> None:
    """Give a file or folder that is written whole its place, instead of what stood there. Both are on one disk.

    Raises EnvironmentFault where it cannot; what stood there is then still there, of a folder perhaps inside `staging`.
    """
    with disk.explained(target):
        for path in [written, *written.rglob("*")]:
            _sync(path)
        if target.is_dir():
            disk.rename(target, written.with_name(f"{written.name}.before"))
        disk.rename(written, target)
        disk.sync_folder(target.parent)


def point(link: Path, folder: Path) -> None:
    """Let the symbolic link `link` name `folder`, a neighbour of it or below one.

    Raises EnvironmentFault where it cannot: a folder stands there, or the disk knows no links.
    """
    clear(link)
    unfinished = temporary(link)
    with disk.explained(link), becoming(link, unfinished):
        disk.symlink(unfinished, os.path.relpath(folder, link.parent))


def remove_folder(folder: Path) -> None:
    """Remove a folder with all it holds, and the day's folder above it when that is left empty."""
    disk.remove_tree(folder)
    with contextlib.suppress(OSError):  # another run has just made a folder there
        disk.rmdir(folder.parent)


def _first_free(root: Path, names: Iterator[str]) -> Path:
    """Return the new folder with the first of endlessly many names that is free; raise EnvironmentFault where none can be."""
    folder = root
    try:
        for folder in (root / name for name in names):
            if _claim(folder):
                break
        for place in folder.parents[:3]:  # out/day/run: another run may have made out, or the day, and not be as far as this
            disk.sync_folder(place)
        return folder
    except OSError as error:
        raise EnvironmentFault(f"cannot create {folder}: {error.strerror}; set out=FOLDER to a place you can write") from error


def _sync(path: Path) -> None:
    if path.is_dir():
        disk.sync_folder(path)
    else:
        with disk.extend(path) as file:
            disk.sync(file)


def _claim(folder: Path, *, tries: int = 10) -> bool:
    """Make a folder, and return False where there is one."""
    try:
        ensure(folder.parent)
        disk.mkdir(folder)
    except FileExistsError:
        return False
    except FileNotFoundError:  # a run that was refused has just removed the day's folder with its own
        if not tries:
            raise
        return _claim(folder, tries=tries - 1)
    return True
