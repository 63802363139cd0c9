"""Folders of a run's own, and the link that names the latest."""

from __future__ import annotations

import contextlib
import itertools
import os
from pathlib import Path

from lossmetric_cli.errors import EnvironmentFault
from lossmetric_cli.store import disk
from lossmetric_cli.store.disk import explained


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
