"""A fault at every operation on the disk, one after another: `python tests/fault_loop.py FOLDER` prints what came of it.

As SQLite tests itself (https://sqlite.org/atomiccommit.html, https://sqlite.org/testing.html#i_o_error_testing).
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
from tiny_trainer import KILLED, Clean, attempt, files, past_the_room, unfinished

KINDS = ("kill", "torn", "enospc", "eio")


def survive(clean: Clean, out: Path, kind: str, number: int) -> list[str]:
    """Return what is wrong after a fault at one operation, or after going on from there, where a kill befalls that as well."""
    code, told = attempt(out, fault=f"{kind}@{number}")
    wrong = clean.faults(out, told)
    if code not in ((KILLED,) if kind in ("kill", "torn") else (0, 5)):  # 0: it could not hinder the run
        wrong.append(f"the exit code was {code}")
    if kind in ("enospc", "eio") and unfinished(out):
        wrong.append(f"left {unfinished(out)}")
    if kind == "kill":
        again = np.random.default_rng(number).integers(1, 21)
        _, told_again = attempt(out, fault=f"kill@{again}")
        wrong += [f"killed again at {again}: {fault}" for fault in clean.faults(out, told + told_again)]
    code, _ = attempt(out)
    if code or files(out) != clean.files or unfinished(out):
        wrong.append(f"it went on to another end (exit code {code}, {unfinished(out)})")
    return wrong


def main(place: Path) -> None:
    clean = Clean(place / "clean")
    lost = {}
    for kind in KINDS:
        for number in range(1, len(clean.operations) + 1):
            out = place / f"{kind}-{number}"
            wrong = survive(clean, out, kind, number)
            if wrong:
                lost[f"{kind}@{number} {clean.operations[number - 1][:2]}"] = wrong
            else:
                shutil.rmtree(out)
    beyond, _ = attempt(place / "beyond", fault=f"kill@{len(clean.operations) + 1}")
    found = {"operations": len(clean.operations), "kinds": len(KINDS), "beyond": beyond, "lost": lost}
    print(json.dumps({**found, "past_the_room": past_the_room(place / "past")}, indent=1))


main(Path(sys.argv[1]))
