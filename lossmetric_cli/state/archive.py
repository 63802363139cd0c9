"""The state of a run as files: a checksum over all of each, two generations, and the newest whole one found by looking."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lossmetric_cli import store
from lossmetric_cli.errors import EnvironmentFault, StateFault

#: Where states lie in a run folder.
FOLDER = "state"
#: How many are kept: the newest, and the one before it in case that one is damaged.
GENERATIONS = 2
_ENDING = ".state"
_FACTS = "facts"
_DIGEST = hashlib.sha256().digest_size


@dataclass(frozen=True)
class State:
    """A moment of a run: `facts` are plain values, `arrays` the numbers; `damaged` are newer files that cannot be read."""

    number: int
    facts: dict[str, Any]
    arrays: dict[str, np.ndarray]
    damaged: tuple[str, ...] = ()


def save(folder: Path, facts: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> int:
    """Write a state into a run's folder, drop those that are too old, and return how many bytes it takes.

    What was written is read back before an older one goes. An array of a type that NumPy's own format lacks (bfloat16)
    must be handed over as plain bytes.

    Raises EnvironmentFault where it cannot be written; the states before it are then still there.
    """
    place = folder / FOLDER
    number = max(_numbered(place), default=0) + 1
    path = place / f"{number:06}{_ENDING}"
    content = pack(facts, arrays)
    store.write(path, content)
    if path.read_bytes() != content:
        store.remove(path)
        raise EnvironmentFault(f"{path} does not hold what was written into it; the disk is failing")
    prune(folder, number)
    return len(content)


def prune(folder: Path, newest: int) -> None:
    """Remove the states that are too old, and those after the newest that is whole: a damaged one is no generation.

    `save` does so itself; whoever goes on from a state does it first.

    Raises EnvironmentFault where one cannot be removed.
    """
    known = _numbered(folder / FOLDER)
    kept = [number for number in sorted(known) if number <= newest][-GENERATIONS:]
    for number in set(known) - set(kept):
        store.remove(known[number])


def newest(folder: Path) -> State | None:
    """Return the newest state of a run's folder that is whole, None where none was ever written.

    Raises StateFault where there are some and none is whole.
    """
    known = _numbered(folder / FOLDER)
    damaged: list[str] = []
    for number in sorted(known, reverse=True):
        try:
            facts, arrays = unpack(known[number].read_bytes() if known[number].is_file() else b"")  # a device never ends
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            damaged.append(known[number].name)
            continue
        return State(number, facts, arrays, tuple(damaged))
    if damaged:
        raise StateFault(f"no usable state in {folder / FOLDER}: {', '.join(damaged)} damaged; type lmrun rerun {folder}")
    return None


def pack(facts: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return a state as bytes: an uncompressed npz without objects, then the SHA-256 of it."""
    told = np.frombuffer(json.dumps(facts, ensure_ascii=False).encode(), dtype=np.uint8)
    body = io.BytesIO()
    np.savez(body, allow_pickle=False, **{_FACTS: told}, **{f"array.{name}": array for name, array in arrays.items()})
    body.write(hashlib.sha256(body.getbuffer()).digest())
    return body.getvalue()


def unpack(content: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the facts and arrays of `pack`. Raises ValueError where the bytes are not what was packed."""
    body, digest = content[:-_DIGEST], content[-_DIGEST:]
    if hashlib.sha256(body).digest() != digest:
        raise ValueError("its checksum differs")
    with zipfile.ZipFile(io.BytesIO(body)) as members:  # an uncompressed one cannot hold more than it is long
        if any(member.compress_type != zipfile.ZIP_STORED for member in members.infolist()):
            raise ValueError("it is compressed, and states are not")
    with np.load(io.BytesIO(body), allow_pickle=False) as found:
        facts = json.loads(found[_FACTS].tobytes().decode())
        return facts, {name.removeprefix("array."): found[name] for name in found.files if name != _FACTS}


def _numbered(place: Path) -> dict[int, Path]:
    files = place.glob(f"*{_ENDING}")
    return {int(file.stem): file for file in files if file.stem.isdecimal()}
