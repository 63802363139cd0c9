"""Faults on purpose: what shows that a run survives them at every operation on the disk.

`LMRUN_FAULT=kill@7` ends the process before its seventh operation, `torn@7` in the middle of it, `enospc@7` lets it find
the disk full and `eio@7` lets it fail. Only a test, which sets LMRUN_TESTING=1, is obeyed.
"""

from __future__ import annotations

import errno
import functools
import itertools
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

_ERRORS = {"enospc": errno.ENOSPC, "eio": errno.EIO}
#: A full disk takes some of the bytes before it refuses, and a killed process has written some.
_HALVES = ("enospc", "torn")


@dataclass(frozen=True)
class Fault:
    """What befalls which operation."""

    kind: str
    number: int
    count: Iterator[int] = field(default_factory=lambda: itertools.count(1))


def perform(act: Callable[..., Any], *arguments: Any) -> Any:
    """Return what an operation does, or let the fault that a test asked for befall it."""
    fault = asked()
    if fault is None or next(fault.count) != fault.number:
        return act(*arguments)
    if fault.kind in _HALVES and isinstance(arguments[-1], bytes):
        act(*arguments[:-1], arguments[-1][: len(arguments[-1]) // 2])
    if fault.kind in _ERRORS:
        raise OSError(_ERRORS[fault.kind], os.strerror(_ERRORS[fault.kind]))
    os.kill(os.getpid(), signal.SIGKILL)
    raise RuntimeError("a process that kills itself is gone")


@functools.cache
def asked() -> Fault | None:
    """Return the fault that a test asked for, else None; read once."""
    kind, _, number = os.environ.get("LMRUN_FAULT", "").partition("@")
    if not kind or os.environ.get("LMRUN_TESTING") != "1":
        return None
    if kind not in ("kill", "torn", *_ERRORS):
        raise ValueError(f"LMRUN_FAULT={kind}: the faults are kill, torn, enospc and eio")
    return Fault(kind, int(number))
