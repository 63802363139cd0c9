"""Real runs, killed at random moments and resumed: `python -m tests.kill_storm` counts what is damaged and what differs.

Each life of a run is a process forked after TensorFlow is loaded and before anything is computed, which saves seconds.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import os
import signal
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree  # of our own pictures
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lossmetric_cli import devices
from lossmetric_cli.cli import answer
from lossmetric_cli.state import archive

#: A run in which everything that remembers something does so: dropout, batch normalization, Adam, three callbacks.
WORDS = (
    *("data=digits", "model.hidden=[32]", "model.dropout=0.3", "model.batch_norm=true", "epochs=15", "seed=7", "threads=1"),
    *("optimizer=adam", "optimizer.learning_rate=0.02", "callbacks=[early_stopping,reduce_lr_on_plateau,checkpoint]"),
    *("callbacks.early_stopping.patience=3", "callbacks.early_stopping.min_delta=0.01", "state_every=0"),
    "callbacks.reduce_lr_on_plateau.patience=1",
)


@dataclass
class Life:
    """A process that does what `words` say in a folder."""

    words: list[str]
    place: Path
    pid: int = field(init=False)
    born: float = field(init=False)

    def __post_init__(self) -> None:
        self.born, self.pid = time.monotonic(), os.fork()
        if not self.pid:
            os._exit(self._live())

    def _live(self) -> int:
        os.chdir(self.place)
        for number, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(os.open(self.place.with_suffix(f".{name}"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        code = answer(self.words)
        sys.stdout.flush()
        sys.stderr.flush()
        return code

    def end(self, *, after: float | None = None) -> tuple[int, float]:
        """Wait, kill after so many seconds, and return the exit code (minus the signal) and the seconds it lived."""
        while True:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            lived = time.monotonic() - self.born
            if ended:
                return os.waitstatus_to_exitcode(status), lived
            if after is not None and lived >= after:
                os.kill(self.pid, signal.SIGKILL)
                after = None
            time.sleep(0.002)


def folder_of(place: Path) -> Path | None:
    """Return the folder of the run that was begun in a place."""
    begun = sorted(place.glob("outputs/2*/*/run.json"))
    return begun[-1].parent if begun else None


def damaged(folder: Path, whole: Path) -> Iterator[str]:
    """Yield the files that a reader would take for whole and that are not; a torn last line of a history is left out."""
    for path in sorted(file for file in folder.rglob("*") if file.is_file()):
        name = str(path.relative_to(folder))
        if ".tmp" in name or name == ".lock":
            continue
        try:
            _read(path, whole / name)
        except Exception as error:
            yield f"{name}: {type(error).__name__}: {error}"


def _read(path: Path, whole: Path) -> None:
    """Read a file as its readers do. Raises an exception where it is not whole."""
    content = path.read_bytes()
    if path.name == "history.csv" and not whole.read_bytes().startswith(content[: content.rfind(b"\n") + 1]):
        raise ValueError("its whole lines are not those of the run that was left alone")
    if path.suffix == ".json":
        json.loads(content)
    elif path.suffix == ".state":
        archive.unpack(content)
    elif path.suffix == ".npz":
        _arrays(content)
    elif path.suffix == ".keras" and zipfile.ZipFile(io.BytesIO(content)).testzip():
        raise ValueError("a part of it differs from its checksum")
    elif path.suffix == ".svg":
        ElementTree.fromstring(content)  # noqa: S314
    elif path.suffix == ".png" and not content.endswith(b"IEND\xaeB`\x82"):
        raise ValueError("its end is missing")
    elif path.suffix in (".yaml", ".txt") and content != whole.read_bytes():
        raise ValueError("it differs")


def _arrays(content: bytes) -> dict[str, bytes]:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return {name: arrays[name].tobytes() for name in arrays.files}


def differences(folder: Path, whole: Path) -> list[str]:
    """Return the files whose figures are not the bytes of the run that was left alone."""
    found = [name for name in ("history.csv", "metrics.json") if (folder / name).read_bytes() != (whole / name).read_bytes()]
    answers = [_arrays((place / "predictions.npz").read_bytes()) for place in (folder, whole)]
    return found if answers[0] == answers[1] else [*found, "predictions.npz"]


@dataclass
class Storm:
    """What came of all the kills."""

    root: Path
    kills: int
    seed: int
    done: int = 0
    runs: int = 0
    harm: list[str] = field(default_factory=list)
    lengths: dict[str, float] = field(default_factory=dict)  # seconds of the last start, and the last resume, that ended

    def rage(self) -> None:
        """Kill runs until there were enough kills, and let each come to its end."""
        calm = self._place("calm")
        code, length = Life(list(WORDS), calm).end()
        whole = folder_of(calm)
        if code or whole is None:
            raise SystemExit(f"the run that nobody kills ended with {code}: {calm.with_suffix('.stderr').read_text()}")
        print(f"a run that is left alone takes {length:.1f} s", flush=True)
        self.lengths = {"start": length, "resume": 0.8 * length}  # which has less to do
        chance = np.random.default_rng(self.seed)
        while self.done < self.kills:
            self.runs += 1
            self._run(self._place(f"run-{self.runs}"), whole, chance)

    def _run(self, place: Path, whole: Path, chance: np.random.Generator) -> None:
        """Kill a run and what goes on with it a few times, and let it come to its end."""
        cut_short = int(chance.integers(3, 8))
        for life in itertools.count(1):
            begun = folder_of(place)
            kind, words = ("resume", ["resume", str(begun)]) if begun else ("start", list(WORDS))
            is_last = life > cut_short or self.done >= self.kills
            code, lived = Life(words, place).end(after=None if is_last else chance.uniform(0, self.lengths[kind]))
            folder = folder_of(place)
            self.harm += [f"{place.name}, life {life}: {name}" for name in (damaged(folder, whole) if folder else [])]
            if code != -signal.SIGKILL:
                self.lengths[kind] = lived
                self._judge(place, folder, whole, code)
                return
            self.done += 1
            print(f"kill {self.done:3}/{self.kills}  {place.name:7} {kind:6}  after {lived:.2f} s", flush=True)

    def _judge(self, place: Path, folder: Path | None, whole: Path, code: int) -> None:
        """Compare a run that has come to its end."""
        if code or folder is None:
            told = place.with_suffix(".stderr").read_text(encoding="utf-8").strip().splitlines()[-1:]
            self.harm.append(f"{place.name} ended with {code}: {' '.join(told)}")
            return
        told = place.with_suffix(".stdout").read_text(encoding="utf-8").split()
        if [Path(line).resolve() for line in told] != [folder.resolve()]:
            self.harm.append(f"{place.name} named {told}, not its folder")
        self.harm += [f"{place.name}: {name} differs" for name in differences(folder, whole)]
        self.harm += [f"{place.name}: {path.name} is left" for path in folder.rglob(".*") if ".tmp" in path.name]

    def _place(self, name: str) -> Path:
        place = self.root / name
        place.mkdir()
        return place


def load() -> None:
    """Import all that a run imports, and compute nothing."""
    devices.load_tensorflow()
    from lossmetric_cli import plots, runner  # noqa: F401
    from lossmetric_cli.cli import again, app, jobs  # noqa: F401


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    load()
    with tempfile.TemporaryDirectory() as root:
        storm = Storm(Path(root), given.kills, given.seed)
        with suppress(KeyboardInterrupt):
            storm.rage()
    for harm in storm.harm:
        print(harm)
    print(f"{storm.done} kills, {storm.runs} runs: {len(storm.harm)} files damaged or different")
    return bool(storm.harm)


if __name__ == "__main__":
    sys.exit(main())
