"""A hostile case: the files of a stranger, what somebody asks of them, and what lmrun must answer."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: A file by its name: text, bytes, or a function that makes it at a path.
Files = dict[str, "str | bytes | Callable[[Path], object]"]

#: The value of the environment's LMRUN_CANARY_SECRET, which stands in no file of a run.
CANARY = "c4n4ry-0f-the-environment"
#: A secret that is typed, or stands in a stranger's file.
TYPED = "c4n4ry-that-is-typed"
#: What code of a stranger leaves where it runs.
MARK = "ran"
#: The folder of a stranger's run, a copy of a real one, that a case may change.
THEIRS = "theirs"


@dataclass(frozen=True)
class Case:
    """What is asked: `words` on the command line, or a `node` that lmrun builds as `part`, without composing a config.

    `says` is a pattern in what is said; `writes` are the folders that may change, `runs` the code that may run. `mutate`
    changes a copy of a real run folder in THEIRS. `is_heavy` says that the answer needs TensorFlow.
    """

    id: str
    says: str
    words: tuple[str, ...] = ()
    part: str = ""
    node: dict[str, Any] = field(default_factory=dict)
    code: int = 2
    files: Files = field(default_factory=dict)
    mutate: Callable[[Path], object] | None = None
    writes: tuple[str, ...] = ("outputs",)
    runs: tuple[str, ...] = ()
    is_heavy: bool = False


def make(case: Case, folder: Path, *, run: Path) -> None:
    """Make the files of a case in its folder; `run` is a real run folder."""
    folder.mkdir(parents=True)
    (folder.parent / "outside").mkdir()
    (folder.parent / "outside" / "precious.txt").write_text("untouched")
    if case.mutate:
        shutil.copytree(run, folder / THEIRS)
        case.mutate(folder / THEIRS)
    for name, content in case.files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if callable(content):
            content(file)
        elif isinstance(content, bytes):
            file.write_bytes(content)
        else:
            file.write_text(content, encoding="utf-8")


def link(to: str) -> Callable[[Path], object]:
    """Return what makes a symbolic link."""
    return lambda path: path.symlink_to(to)


def contents(file: Path) -> Iterator[bytes]:
    """Yield the bytes of a file, of an archive those of its members."""
    yield file.read_bytes()
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            yield from (archive.read(name) for name in archive.namelist())
