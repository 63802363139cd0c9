"""Numbers and lists as a sentence has them."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from typing import Any

BETTER = {"min": "lower is better", "max": "higher is better", None: "nobody said which way is better"}
FARTHEST = {"min": "lowest", "max": "highest", None: "best"}


def signed(value: float, *, scale: float) -> str:
    """Return a difference with its sign, in as many decimals as four digits of `scale` have."""
    decimals = min(max(0, 3 - math.floor(math.log10(scale))), 12) if scale > 0 else 4
    return f"{value:+.{decimals}f}".replace("-", "−") if round(value, decimals) else f"{0:.{decimals}f}"


def settled(value: float, *, beside: float) -> float:
    """Return a score without the dust of the arithmetic: 0 where it is next to nothing beside another score of its kind."""
    return 0.0 if abs(value) < 1e-9 * abs(beside) else value


def count(number: int, noun: str) -> str:
    """Return a number with its noun: `1 epoch`, `1,438 rows`."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def listed(words: Sequence[str]) -> str:
    """Return words as a list in a sentence: `a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def command(info: dict[str, Any], *changes: str, is_sweep: bool = False) -> str:
    """Return what to type for a run's own words with some of them changed."""
    keys = {"quiet", *(change.partition("=")[0] for change in changes)}
    kept = [word for word in info.get("overrides", []) if word[:1] != "-" and word.partition("=")[0] not in keys]
    return " ".join(["lmrun", *(["-m"] if is_sweep else []), *map(shlex.quote, [*kept, *changes])])
