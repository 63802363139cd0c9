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
from collections.abc import Callable
from typing import Any

_ERRORS = {"enospc": errno.ENOSPC, "eio": errno.EIO}
#: A full disk takes some of the bytes before it refuses, and a killed process has written some.
_HALVES = ("enospc", "torn")
_count = itertools.count(1)


def perform(act: Callable[..., Any], *arguments: Any) -> Any:
    """Return what an operation does, or let the fault that a test asked for befall it."""
    kind, number = _asked()
    if not kind or next(_count) != number:
        return act(*arguments)
    if kind in _HALVES and isinstance(arguments[-1], bytes):
        act(*arguments[:-1], arguments[-1][: len(arguments[-1]) // 2])
    if kind in _ERRORS:
        raise OSError(_ERRORS[kind], os.strerror(_ERRORS[kind]))
    os.kill(os.getpid(), signal.SIGKILL)
    raise RuntimeError("a process that kills itself is gone")


@functools.cache
def _asked() -> tuple[str, int]:
    """Return the kind of fault and the number of the operation that it is for; ("", 0) outside tests."""
    asked = os.environ.get("LMRUN_FAULT", "") if os.environ.get("LMRUN_TESTING") == "1" else ""
    kind, _, number = asked.partition("@")
    if kind not in ("", "kill", "torn", *_ERRORS):
        raise ValueError(f"LMRUN_FAULT={asked}: the faults are kill, torn, enospc and eio")
    return kind, int(number or 0)
