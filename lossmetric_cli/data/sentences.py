"""Values as error sentences and notes show them: quoted, clipped, on one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def quoted(value: object, *, limit: int = 40) -> str:
    """Return a value in quotes, control characters escaped, cut to `limit` characters."""
    text = str(value)
    return repr(text if len(text) <= limit else text[: limit - 1] + "…")


def placed(path: object, *, limit: int = 80) -> str:
    """Return a path in quotes, control characters escaped, cut to the last `limit` characters: its end tells the file."""
    text = str(path)
    return repr(text if len(text) <= limit else "…" + text[1 - limit :])


def listed(values: Sequence[Any]) -> str:
    """Return labels as a short list: `1..10` for whole numbers in a row, `'a', 'b', … 'z'` for many others."""
    if len(values) > 3 and type(values[0]) is int and list(values) == list(range(values[0], values[0] + len(values))):
        return f"{values[0]}..{values[-1]}"
    shown = [quoted(value, limit=20) if isinstance(value, str) else str(value) for value in values]
    return ", ".join(shown) if len(shown) <= 4 else f"{shown[0]}, {shown[1]}, … {shown[-1]}"


def counted(count: int, word: str) -> str:
    """Return `1 row`, `2 rows` or `1,797 rows`."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"
