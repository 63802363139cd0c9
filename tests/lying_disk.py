"""The power fails after every operation on the disk: `python tests/lying_disk.py FOLDER` prints what came of it.

A disk keeps what was synced; of the rest it may keep all, nothing, some sectors, or some names. As SQLite's test6.c.
"""

from __future__ import annotations

import itertools
import json
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from tiny_trainer import Clean, attempt, files, recorded, unfinished

SECTOR = 512
#: What becomes of the bytes that were not synced, and of the names.
BYTES = ("all", "none", "first sectors", "last sector", "only the length")
NAMES = ("all", "none", "some", "others")


class File:
    """The bytes of a file that are on the disk, and what was done to them since."""

    def __init__(self) -> None:
        self.synced = b""
        self.since: list[int | bytes] = []

    def sync(self) -> None:
        self.synced, self.since = self.after("all"), []

    def after(self, kept: str) -> bytes:
        """Return what is found when the power is back: a number in `since` cuts, bytes are put to the end."""
        content = self.synced
        for change in self.since if kept != "none" else []:
            content = content[:change] if isinstance(change, int) else content + _sectors(change, len(content), kept)
        return content


def _sectors(data: bytes, start: int, kept: str) -> bytes:
    """Return what is kept of bytes that were put at a place in a file; what is not there reads as zeros."""
    last = max(0, (start + len(data) - 1) // SECTOR * SECTOR - start)
    if kept == "first sectors":
        return data[:last]
    if kept == "last sector":
        return bytes(last) + data[last:]
    return bytes(len(data)) if kept == "only the length" else data


class Disk:
    """What is in a folder: names, which are synced by folder, and files, which are synced by themselves."""

    def __init__(self) -> None:
        self.synced: dict[str, Any] = {}
        self.now: dict[str, Any] = {}
        self.since: list[dict[str, Any]] = []  # each what a name stands for, None for nothing, all at once

    def do(self, log: Iterable[list[Any]]) -> None:
        """Do the operations that the method of each one's name knows; the others change nothing."""
        for operation, path, *rest in log:
            getattr(self, operation, self._pass)(path, *rest)

    def found(self, kept: str, names: str, *, seed: int) -> dict[str, Any]:
        """Return what is found when the power is back: True is a folder, text what a link names, else a file's bytes."""
        chosen, found = np.random.default_rng([seed, NAMES.index(names)]), dict(self.synced)
        for change in self.since:
            if names == "all" or (names != "none" and chosen.random() < 0.5):
                found |= change
        there = {name for name, what in found.items() if what is not None}
        there = {name for name in there if all(str(p) in there or str(p) not in self.now for p in Path(name).parents)}
        return {name: what.after(kept) if isinstance(what := found[name], File) else what for name in there}

    def create(self, path: str) -> None:
        self.extend(path)
        self.now[path].since.append(0)

    create_new = create

    def extend(self, path: str) -> None:
        if self.now.get(path) is None:
            self._change({path: File()})

    def put(self, path: str, text: str) -> None:
        self.now[path].since.append(text.encode("latin-1"))

    def foreign(self, path: str, text: str) -> None:
        self.create(path)
        self.put(path, text)

    def truncate(self, path: str, size: int) -> None:
        self.now[path].since.append(size)

    def sync(self, path: str) -> None:
        self.now[path].sync()

    def rename(self, old: str, new: str) -> None:
        self._change({old: None, new: self.now[old]})

    def unlink(self, path: str) -> None:
        self._change({path: None})

    def mkdir(self, path: str) -> None:
        self._change({path: True})

    def symlink(self, path: str, target: str) -> None:
        self._change({path: target})

    def sync_folder(self, folder: str) -> None:
        inside = [change for change in self.since if all(str(Path(name).parent) == folder for name in change)]
        for change in inside:
            self.synced |= change
            self.since.remove(change)

    def _change(self, change: dict[str, Any]) -> None:
        self.now |= change
        self.since.append(change)

    def _pass(self, *_: Any) -> None: ...


def put_back(found: dict[str, Any], before: Path, out: Path) -> None:
    """Make a folder what is found of another."""
    out.mkdir()
    for name in sorted(found, key=len):
        path, what = out / Path(name).relative_to(before), found[name]
        if what is True:
            path.mkdir(exist_ok=True)
        elif isinstance(what, str):
            path.symlink_to(what)
        else:
            path.write_bytes(what)


def told(log: list[list[Any]]) -> list[int]:
    return [entry[1] for entry in log if entry[0] == "told"]


def power_cuts(clean: Clean, place: Path) -> tuple[int, dict[str, list[str]]]:
    """Return how many different disks are found when the power fails, and what is wrong with which."""
    seen: dict[frozenset[Any], Path] = {}
    lost: dict[str, list[str]] = {}
    for number in range(len(clean.log) + 1):
        disk = Disk()
        disk.do(clean.log[:number])
        for kept, names in itertools.product(BYTES, NAMES):
            found, so_far = disk.found(kept, names, seed=number), told(clean.log[:number])
            image = frozenset([*found.items(), max(so_far, default=0)])
            if image not in seen:
                out = seen[image] = place / f"{number}-{kept}-{names}".replace(" ", "-")
                put_back(found, place / "clean", out)
                wrong = [*clean.faults(out, so_far), *gone_on(clean, out)]
                if wrong:
                    lost[f"{clean.log[number - 1][:2]} bytes: {kept}, names: {names}"] = wrong
                shutil.rmtree(out)
    return len(seen), lost


def gone_on(clean: Clean, out: Path) -> list[str]:
    """Return what is wrong when the run is gone on with."""
    code, _ = attempt(out)
    if code or files(out) != clean.files or unfinished(out):
        return [f"it went on to another end (exit code {code}, {unfinished(out)})"]
    return []


def kill_then_power_cut(clean: Clean, place: Path) -> dict[str, list[str]]:
    """Return what is lost of a run that was killed, gone on with and finished, when the power fails after that."""
    lost: dict[str, list[str]] = {}
    for number in range(1, len(clean.operations) + 1):
        out, last = place / f"killed-{number}", place / f"cut-{number}"
        disk = Disk()
        for log in (recorded(out, fault=f"kill@{number}"), recorded(out)):
            disk.do(log)
        put_back(disk.found("none", "none", seed=0), out, last)
        if files(last) != clean.files:
            lost[f"kill@{number}"] = sorted({name for name, _ in files(last).items() ^ clean.files.items()})
        for folder in (out, last):
            shutil.rmtree(folder)
    return lost


def main(place: Path) -> None:
    clean = Clean(place / "clean")
    disks, lost = power_cuts(clean, place)
    lost_later = kill_then_power_cut(clean, place)
    print(json.dumps({"operations": len(clean.operations), "disks": disks, "lost": lost, "later": lost_later}, indent=1))


main(Path(sys.argv[1]))
