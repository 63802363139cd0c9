"""A run without Keras: the real record, store and states around a model of six numbers, in forked processes.

What tests put faults into: thousands of such runs take seconds. Imported only by scripts that never load TensorFlow.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd  # noqa: F401  once for all the processes, whose records read their history with it

from lossmetric_cli import store
from lossmetric_cli.errors import EnvironmentFault
from lossmetric_cli.record import Record
from lossmetric_cli.state import archive
from lossmetric_cli.store import faults

EPOCHS = 3
AT = datetime(2026, 11, 22, 3, 52, 25)
#: What the run says it has done: 1 the record is made, 2 an epoch is kept, 3 two are, … and this when all is done.
FINISHED = EPOCHS + 2

Tell = Callable[[int], None]

os.fsync = lambda handle: None  # processes die here, not machines: lying_disk.py is about those
gc.freeze()  # or every forked process would copy what it only counts


def run(out: Path, tell: Tell) -> None:
    """Begin the run that belongs in `out`, or go on with it where one was begun."""
    begun = [file.parent for file in sorted(out.glob("2026-11-22/*/run.json"))]
    if begun:
        _go_on(begun[-1], tell)
        return
    files = {"config.yaml": f"epochs: {EPOCHS}\n", "overrides.yaml": "[]\n"}
    record = Record.create(out, "tiny", request={"config": {"epochs": EPOCHS}}, files=files, at=AT)
    tell(1)
    with store.lock(record.folder):
        _train(record, None, tell)


def _go_on(folder: Path, tell: Tell) -> None:
    with store.lock(folder):
        record, state = Record.read(folder), archive.newest(folder)
        if state:
            archive.prune(folder, state.number)
        if record.info["status"] != "finished":
            record.go_back(state.facts if state else None)
            _train(record, state, tell)


def _train(record: Record, state: Any, tell: Tell) -> None:
    record.point_latest()
    random, weights, best, done = np.random.default_rng(0), np.full(6, 4.0), float("inf"), 0
    if state:
        weights, best, done = state.arrays["weights"], state.facts["best"], state.facts["epochs"]
        random.bit_generator.state = state.facts["random"]
    for epoch in range(done + 1, EPOCHS + 1):
        weights = weights / 2 + random.normal(size=6) / 10  # better in every epoch
        loss = float(weights @ weights)
        others = {f"metric_{number}": loss / number for number in range(1, 40)}  # a line of several sectors
        record.add_epoch({"epoch": epoch, "loss": loss, "val_loss": loss / 3, **others}, seconds=0.25)
        if loss < best:
            best = loss
            _write_as_keras_does(record.folder / "best.keras", weights)
        facts = {"epochs": epoch, "best": best, "random": random.bit_generator.state, **record.vouched()}
        archive.save(record.folder, facts, {"weights": weights})
        tell(1 + epoch)
    record.write_json("metrics.json", {"train": {"loss": best}})
    record.write_predictions({"val_pred": weights})
    _write_as_keras_does(record.folder / "model.keras", weights)
    record.tell(status="finished")
    tell(FINISHED)


def _write_as_keras_does(path: Path, weights: np.ndarray) -> None:
    with store.through(path) as unfinished:
        unfinished.write_bytes(weights.tobytes() * 40)  # more than one sector


# --- attempts


def attempt(out: Path, *, fault: str = "") -> tuple[int, list[int]]:
    """Return the exit code of a run in `out`, or of the rest of one, and what it has told; minus the signal if killed."""
    if fault.startswith(("kill", "torn")):
        return _forked(lambda tell: run(out, tell), fault)
    told: list[int] = []
    return _answer(lambda: run(out, told.append), fault), told


KILLED = -signal.SIGKILL


def _forked(act: Callable[[Tell], None], fault: str) -> tuple[int, list[Any]]:
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        os._exit(_answer(lambda: act(lambda done: os.write(write, json.dumps(done).encode() + b"\n")), fault))
    os.close(write)
    with os.fdopen(read, encoding="utf-8") as pipe:
        told = [json.loads(line) for line in pipe]
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), told


def _answer(act: Callable[[], None], fault: str) -> int:
    os.environ |= {"LMRUN_TESTING": "1", "LMRUN_FAULT": fault}
    faults.asked.cache_clear()
    try:
        act()
    except EnvironmentFault as error:
        return error.exit_code
    except Exception:
        traceback.print_exc()
        return 1
    return 0


# --- the operations of a run


def recorded(out: Path, *, fault: str = "") -> list[list[Any]]:
    """Return the operations on the disk of a run, or of the rest of one, in `out`: `["put", path, text]`, `["told", 1]`, …"""

    def act(tell: Callable[[Any], None]) -> None:
        known: set[str] = set()

        def note(operation: Callable[..., Any], *arguments: Any) -> Any:
            entries = list(_entries(operation.__name__, known, *arguments))
            done = perform(operation, *arguments)
            for entry in entries:
                tell(entry)
            return done

        perform, faults.perform = faults.perform, note
        run(out, lambda done: tell(["told", done]))

    code, log = _forked(act, fault)
    assert code == (KILLED if fault else 0)
    return log


def _entries(name: str, known: set[str], *arguments: Any) -> Iterator[list[Any]]:
    plain = [getattr(argument, "name", argument) if hasattr(argument, "fileno") else argument for argument in arguments]
    path = str(plain[0])
    if name in ("create", "create_new", "extend"):
        known.add(path)
    if name in ("sync", "rename") and path not in known and Path(path).is_file():  # written by another's hand
        known.add(path)
        yield ["foreign", path, Path(path).read_bytes().decode("latin-1")]
    if name == "rename":
        known.discard(path)
        yield ["published", str(plain[1]), "" if plain[0].is_symlink() else plain[0].read_bytes().decode("latin-1")]
    yield [name, *(item.decode("latin-1") if isinstance(item, bytes) else item for item in map(_plain, plain))]


def _plain(item: Any) -> Any:
    return str(item) if isinstance(item, Path) else item


def past_the_room(out: Path) -> list[str]:
    """Return the calls of a run that changed the disk, and that no fault can be put at."""
    inside, found = [False], []

    def perform(operation: Callable[..., Any], *arguments: Any) -> Any:
        inside[0] = True
        try:
            return operation(*arguments)
        finally:
            inside[0] = False

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if (writes or event in CHANGES) and not inside[0]:
            found.append(f"{event} {arguments[0]}")

    def act(tell: Tell) -> None:
        faults.perform = perform
        sys.addaudithook(hook)
        run(out, lambda done: None)
        for call in [*found]:
            tell(call)

    code, told = _forked(act, "")
    assert code == 0
    return told


#: The audit events of Python that say a change of the disk.
CHANGES = ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.link", "os.truncate", "shutil.rmtree")


# --- what may be found in a folder


def files(out: Path) -> dict[str, bytes]:
    """Return what a run in `out` consists of: its files by name, without those that are unfinished, and the link to it."""
    folders = [file.parent for file in sorted(out.glob("2026-11-22/*/run.json"))]
    if not folders:
        return {}
    found = {str(p.relative_to(folders[-1])): p.read_bytes() for p in sorted(folders[-1].rglob("*")) if p.is_file()}
    latest = out / "latest"
    if latest.is_symlink():
        found["latest"] = str(latest.resolve() == folders[-1].resolve()).encode()
    return {name: content for name, content in found.items() if ".tmp" not in name and name != ".lock"}


def unfinished(out: Path) -> list[str]:
    """Return the unfinished files in `out`, but for those of a record that was never made: nobody goes on with that."""
    places = [out, *(file.parent for file in out.glob("2026-11-22/*/run.json"))]
    found = [path for place in places for path in place.glob("*" if place == out else "**/*")]
    return [path.name for path in found if ".tmp" in path.name]


class Clean:
    """The run that nothing befalls: what it leaves, and each content that each of its files ever had."""

    def __init__(self, out: Path) -> None:
        self.log = recorded(out)
        self.files = files(out)
        self.operations = [entry for entry in self.log if entry[0] not in ("told", "published", "foreign")]
        folder = next(out.glob("2026-11-22/*"))
        self.versions: dict[str, set[bytes]] = {"latest": {b"True"}}
        for kind, *rest in self.log:
            if kind == "published" and Path(rest[0]).is_relative_to(folder):
                name = str(Path(rest[0]).relative_to(folder))
                self.versions.setdefault(name, set()).add(rest[1].encode("latin-1"))

    def faults(self, out: Path, all_told: list[int]) -> list[str]:
        """Return what is wrong with what a run left that was ended after it told how far it was."""
        told = max(all_told, default=0)
        found = files(out)
        wrong = [f"{name} is neither before nor after" for name in found if not self._may_be(name, found[name])]
        whole = [name for name in found if name.startswith("state/") and self._may_be(name, found[name])]
        states = {int(name[6:12]): archive.unpack(found[name])[0] for name in whole}
        known = len(_whole(found.get("history.csv", b"")))
        for number, facts in states.items():
            if known < facts["lines"]["history.csv"]:
                wrong.append(f"state {number} knows more than history.csv")
        if told and not found:
            wrong.append("the record was there and is not")
        if 1 < told < FINISHED and max(states, default=0) < told - 1:
            wrong.append(f"epoch {told - 1} was kept and is not")
        if told == FINISHED and found != self.files:
            wrong.append("the run was finished and is not")
        return wrong

    def _may_be(self, name: str, content: bytes) -> bool:
        if name.endswith(".csv"):  # readers drop a torn last line
            return self.files[name].startswith(_whole(content))
        return content in self.versions.get(name, set())


def _whole(content: bytes) -> bytes:
    content = content.split(b"\0")[0]
    return content[: content.rfind(b"\n") + 1]
