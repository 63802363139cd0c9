"""Answers hostile cases in a process of its own, and tells what an audit hook saw: it cannot be removed, so nobody else has it.

stdin is the cases as JSON, stdout what became of each; the folders of the cases are made before.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

#: Events that nothing of a stranger's may cause.
NEVER = re.compile(
    r"os\.(system|exec|spawn|fork|forkpty|posix_spawn|startfile|setxattr|kill)|socket\.(connect|getaddrinfo|"
    r"gethostbyname|sendto|sendmsg)|urllib\.Request|http\.client\.connect|pickle\.find_class|pty\.spawn|ftplib.*|smtplib.*"
)
#: Events of a path, and which of their arguments it is.
WRITES = {
    **dict.fromkeys(("os.mkdir", "os.rmdir", "os.remove", "os.truncate", "os.chmod", "os.chown", "shutil.rmtree"), (0,)),
    **dict.fromkeys(("os.rename", "os.link", "os.symlink", "shutil.move", "shutil.copyfile", "shutil.copytree"), (1,)),
}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
#: What lmrun asks git for the record, and Python's platform module the machine.
OURS = (["git", "describe"], ["uname", "-p"])
#: What the interpreter itself opens for writing, and the compiled files beside installed modules.
ALLOWED = re.compile(r"/dev/null|.*/__pycache__/.*")


class Guard:
    """Keeps what a case does that it must not; `here` is its folder, `may_write` and `may_run` what it is allowed."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.here = ""
        self.may_write: list[str] = []
        self.may_run: list[str] = []

    def begin(self, here: Path, case: dict[str, Any]) -> None:
        """Watch over a case."""
        self.seen = []
        self.may_write = [*map(os.path.realpath, (os.environ["HOME"], os.environ["TMPDIR"])), *self._all(here, case["writes"])]
        self.may_run = self._all(here, case["runs"])
        self.here = os.path.realpath(here)

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Keep what an audit event tells, where it is out of bounds."""
        if not self.here:
            return
        if NEVER.fullmatch(event):
            self.seen.append(f"{event} {arguments!r:.200}")
        elif event == "subprocess.Popen" and list(arguments[1])[:2] not in OURS:
            self.seen.append(f"{event} {arguments[1]}")
        elif event == "open" and isinstance(arguments[0], (str, bytes)) and self._is_writing(*arguments[1:]):
            self._wrote(event, arguments[0])
        elif event in WRITES and not self._is_relative(event, arguments):
            self._wrote(event, *(arguments[at] for at in WRITES[event]))
        elif event in ("exec", "compile", "import", "ctypes.dlopen"):
            self._ran(event, arguments)

    @staticmethod
    def _all(here: Path, names: list[str]) -> list[str]:
        return [os.path.realpath(here / name) for name in names]

    @staticmethod
    def _is_writing(mode: str | None, flags: int) -> bool:
        return bool(set(mode or "") & set("wax+")) or bool(flags & WRITING)

    @staticmethod
    def _is_relative(event: str, arguments: tuple[Any, ...]) -> bool:
        """Return whether a path is that of an open folder: rmtree takes a tree away so, and tells of its root itself."""
        return event in ("os.remove", "os.rmdir", "os.mkdir") and arguments[-1] != -1

    def _wrote(self, event: str, *paths: Any) -> None:
        for path in paths:
            if not isinstance(path, (str, bytes, os.PathLike)):  # of a descriptor that was opened before
                continue
            folder, name = os.path.split(os.fsdecode(path))
            place = (
                os.path.realpath(os.fsdecode(path)) if event == "open" else f"{os.path.realpath(folder or '.')}{os.sep}{name}"
            )
            if not ALLOWED.fullmatch(place) and not self._is_below(place, self.may_write):
                self.seen.append(f"{event} writes {place}")

    def _ran(self, event: str, arguments: tuple[Any, ...]) -> None:
        told = arguments[1] if event in ("import", "compile") else getattr(arguments[0], "co_filename", arguments[0])
        if isinstance(told, str) and told[:1] not in ("", "<"):
            place = os.path.realpath(told)
            if self._is_below(place, [self.here]) and not self._is_below(place, self.may_run):
                self.seen.append(f"{event} runs {place}")

    @staticmethod
    def _is_below(place: str, folders: list[str]) -> bool:
        return any(place == folder or place.startswith(f"{folder}{os.sep}") for folder in folders)


def built(part: str, node: dict[str, Any]) -> int:
    """Return the exit code of building a node as a part of a run."""
    from lossmetric_cli import build, cli
    from lossmetric_cli.errors import LmrunError

    try:
        if part == "callbacks":
            from lossmetric_cli.callbacks import build_callbacks

            build_callbacks({"theirs": node}, folder=Path("outputs").resolve(), directions={}, given={})
        elif part == "init_from":
            import keras

            from lossmetric_cli.export import begin_with

            begin_with(keras.Sequential([keras.Input((64,)), keras.layers.Dense(1)], name="linear"), node["path"])
        else:
            build.check_targets(node, path=part)
            build.build(node, path=part)
    except LmrunError as error:
        return cli.complain(error)
    return 0


def answered(case: dict[str, Any], guard: Guard) -> dict[str, Any]:
    """Return what lmrun says to a case, its exit code, and what the guard saw."""
    from lossmetric_cli import cli

    out, err = io.StringIO(), io.StringIO()
    path, began = list(sys.path), time.monotonic()
    os.chdir(case["folder"])
    if case["part"]:
        sys.path.append(case["folder"])  # as the command line does
    guard.begin(Path(case["folder"]), case)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = built(case["part"], case["node"]) if case["part"] else cli.answer(case["words"])
    guard.here = ""
    sys.path[:] = path
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(case["folder"]):
            del sys.modules[name]
    seconds = time.monotonic() - began
    return {"code": code, "out": out.getvalue(), "err": err.getvalue(), "seen": guard.seen, "seconds": seconds}


def main() -> None:
    """Answer every case of stdin."""
    guard = Guard()
    sys.addaudithook(guard.hear)
    outcomes = {case["id"]: answered(case, guard) for case in json.load(sys.stdin)}
    json.dump(outcomes, sys.__stdout__)


if __name__ == "__main__":
    main()
