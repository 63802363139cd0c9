"""Files of a record as they are read: anybody may have made them, so they are held to a size and to their kind."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lossmetric_cli.errors import ConfigError

#: Bytes of a file of a record that no run of ours comes near.
_LARGEST = 200_000_000


def readable(path: Path) -> Path | None:
    """Return a file of a record, None where there is none. Raises ConfigError for one that is too large."""
    try:
        if not path.is_file():
            return None
    except OSError:  # a name that is too long for one
        return None
    if path.stat().st_size > _LARGEST:
        raise ConfigError(f"{path} has more than {_LARGEST / 1e6:.0f} MB, which no record of a run has")
    return path


def read_bytes(path: Path) -> bytes:
    """Return what is in a file of a record; nothing where there is none."""
    found = readable(path)
    return found.read_bytes() if found else b""


def read_json(path: Path) -> dict[str, Any]:
    """Return a mapping of a record; an empty one where there is no file. Raises ConfigError where it is damaged."""
    damaged = f"{path.parent} is no run folder: its {path.name} is missing or damaged"
    found = readable(path)
    try:
        told = json.loads(found.read_text(encoding="utf-8")) if found else {}
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(damaged) from error
    if not isinstance(told, dict):
        raise ConfigError(damaged)
    return told


def is_sweep(folder: Path) -> bool:
    """Return whether a folder holds the jobs of a sweep, which lie in folders that numbers name."""
    return not (folder / "run.json").exists() and any(file.parent.name.isdigit() for file in folder.glob("*/run.json"))


@contextlib.contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Say of a record that anything may have written that it is damaged, where its values are of other kinds than a run's.

    Raises ConfigError.
    """
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        told = f"its record is damaged ({type(error).__name__}: {error})"
        raise ConfigError(f"{folder} is no run folder: {told}") from error
