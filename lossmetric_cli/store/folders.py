"""Folders of a run's own, and the link that names the latest."""

from __future__ import annotations

import contextlib
import itertools
import os
from pathlib import Path

from lossmetric_cli.errors import EnvironmentFault
from lossmetric_cli.store import disk
from lossmetric_cli.store.unfinished import becoming, clear, temporary


def make_folder(root: Path, name: str) -> Path:
    """Return a new folder `root/name`, or `root/name-2`, `-3`, … when that is taken; its name is on the disk.

    The exclusive mkdir is the lock: two runs that start in the same second never share a folder.

    Raises EnvironmentFault where the folder cannot be made.
    """
    try:
        folders = (root / (name if count == 1 else f"{name}-{count}") for count in itertools.count(1))
        folder = next(folder for folder in folders if _claim(folder))
        for place in folder.parents[:3]:  # out/day/run: another run may have made out, or the day, and not be as far as this
            disk.sync_folder(place)
        return folder
    except OSError as error:
        raise EnvironmentFault(
            f"cannot create {root / name}: {error.strerror}; set out=FOLDER to a place you can write"
        ) from error


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
