"""Secrets that are typed, written down or asked of the environment, and where a run would keep them."""

from __future__ import annotations

from typing import Any

from hostile.case import TYPED, Case

MINE = """
import numpy as np


def rows(path=None, token=None, door=None, login=None, tokens=(), url=None):
    return np.arange(40.0).reshape(20, 2), np.arange(20.0) + 0.5


def fail(**given):
    raise ValueError(f"cannot log in with {given}")
"""
DOOR = "${oc.env:LMRUN_CANARY_SECRET}"
#: Every way in which a word may hold a secret.
WORDS = (
    f"+data.token={TYPED}",
    f"+data.login={{user: me, password: {TYPED}}}",
    f"+data.tokens=[{TYPED}, x]",
    f"+data.url='https://me:{TYPED}@example.org/'",
    f"+data.door={DOOR}",
)
QUICK = ("epochs=1", "model.hidden=[4]", "metrics=[]", "train_eval=0")


def asked(id: str, says: str, text: str, *words: str, code: int = 2, **facts: Any) -> Case:
    """Return the case of an experiment beside data of the user's own."""
    files = {"experiments/theirs.yaml": text, "mine.py": MINE}
    return Case(id, says, (*words, "experiment=theirs"), code=code, files=files, runs=("mine.py",), **facts)


REFUSED = "is text of the environment, which files of the run would hold"
CASES = [
    asked(
        "secrets-of-a-run",
        "took",
        f"seed: 1\ndata: {{path: 'x/{DOOR}', door: '${{data.path}}'}}\n",
        *("data=mine.rows", *WORDS[:-1], *QUICK),
        code=0,
        is_heavy=True,
    ),
    asked(
        "secrets-of-a-run-that-fails",
        "1 jobs · ok 0 · failed 1",
        f"data: {{path: '${{ oc.${{monitor}}: LMRUN_CANARY_SECRET }}', api_key: {TYPED}}}\nmonitor: env\n",
        *("-m", "data=mine.fail", "seed=0", *WORDS, *QUICK),
        code=6,
        is_heavy=True,
    ),
    asked("secret-as-the-name-of-a-model", f"model.name {REFUSED}", f"model: {{_target_: keras.Sequential, name: '{DOOR}'}}\n"),
    asked(
        "secret-as-a-setting-of-a-loss",
        f"loss.reduction {REFUSED}",
        "monitor: env\nloss: {_target_: keras.losses.Huber, reduction: '${ oc.${monitor}: LMRUN_CANARY_SECRET }'}\n",
    ),
    asked(
        "secret-as-a-file-of-a-callback",
        f"filename {REFUSED}",
        f"callbacks: {{c: {{_target_: keras.callbacks.CSVLogger, filename: '{DOOR}'}}}}\n",
    ),
    asked("secret-as-a-monitor", r"watches '\*\*\*'", f"monitor: '{DOOR}'\n", "data=iris", *QUICK, is_heavy=True),
    asked("secret-as-a-loss", "unknown loss", f"defaults: [override /loss: '{DOOR}']\n"),
]
