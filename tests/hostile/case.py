"""A hostile case: the files of a stranger, the words that somebody types, and what lmrun must answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

#: A file by its name: text, bytes, or a function that makes it at a path.
Files = dict[str, "str | bytes | Callable[[Path], object]"]

#: The value of the environment's LMRUN_CANARY_SECRET, which stands in no file of a run.
CANARY = "c4n4ry-0f-the-environment"
#: A secret that is typed, or stands in a stranger's file.
TYPED = "c4n4ry-that-is-typed"


@dataclass(frozen=True)
class Case:
    """`says` is a pattern somewhere in what is said; `writes` are the folders that may change, `runs` the code that may run.

    `is_heavy` says that the answer needs TensorFlow.
    """

    id: str
    words: tuple[str, ...]
    says: str
    code: int = 2
    files: Files = field(default_factory=dict)
    writes: tuple[str, ...] = ("outputs",)
    runs: tuple[str, ...] = ()
    is_heavy: bool = False


def make(case: Case, folder: Path) -> None:
    """Make the files of a case in its folder, and beside it the canary that nobody may touch."""
    folder.mkdir(parents=True)
    for name, content in case.files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if callable(content):
            content(file)
        elif isinstance(content, bytes):
            file.write_bytes(content)
        else:
            file.write_text(content, encoding="utf-8")
