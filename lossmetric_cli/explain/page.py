"""Text laid out for a terminal of any width: a column of labels, or labels on lines of their own where it is narrow."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from lossmetric_cli.text import tame

LABELS = 12
NARROW = 60
WIDEST = 110
_BOLD, _PLAIN = "\033[1m", "\033[0m"
#: What stands for a character on a stream that cannot carry it.
_ASCII = {
    **{"·": "*", "−": "-", "½": "1/2", "²": "^2", "√": "sqrt", "π": "pi", "Σ": "sum", "‖": "||"},
    **{"≤": "<=", "≥": ">=", "↑": "(up)", "↓": "(down)", "…": "...", "“": '"', "”": '"'},
}


@dataclass(frozen=True)
class Row:
    """A line of a page; `label` is None for text at the margin, and empty below the first line of what a label names."""

    label: str | None
    text: str
    is_title: bool = False


def terminal_width() -> int:
    """Return how wide a page may be: the terminal, between 40 and 110 columns; 100 where there is none."""
    return max(40, min(shutil.get_terminal_size((100, 24)).columns, WIDEST))


def title(text: str, *, width: int) -> list[Row]:
    """Return the rows of a page's first line."""
    return [Row(None, line, is_title=True) for line in _wrapped(text, width)]


def blank() -> list[Row]:
    """Return an empty row."""
    return [Row(None, "")]


def margin(text: str, *, width: int, hang: int = 0) -> list[Row]:
    """Return running text that has no label; all but its first line stand `hang` columns further in."""
    return [Row(None, line) for line in _wrapped(text, width, hang=hang)]


def prose(label: str, text: str, *, width: int) -> list[Row]:
    """Return running text beside its label, or nothing for an empty text."""
    return _rows(label, _wrapped(text, _room(width)) if text else [])


def items(label: str, texts: Sequence[str], *, width: int) -> list[Row]:
    """Return texts beside their label, each with a dash before it where there are several."""
    if len(texts) == 1:
        return prose(label, texts[0], width=width)
    return _rows(label, [line for text in texts for line in _wrapped(f"- {text}", _room(width), hang=2)])


def verbatim(label: str, text: str, *, width: int) -> list[Row]:
    """Return a text whose lines are kept; what is too long for the page goes on below, further in."""
    room = _room(width)
    return _rows(label, [part for line in text.splitlines() for part in _kept(line, room)])


def whole(text: str, *, width: int) -> list[Row]:
    """Return a text without a label whose lines are kept."""
    return [Row(None, part) for line in text.splitlines() for part in _kept(line, width)]


def command(label: str, text: str, *, width: int, keeps_words: bool = False) -> list[Row]:
    r"""Return a command that can be copied: a line that goes on below ends in ` \`.

    A word that is longer than the line, such as a path, is broken unless `keeps_words`.
    """
    room = _room(width) - 2
    parts = textwrap.wrap(text, room, subsequent_indent="  ", break_on_hyphens=False, break_long_words=not keeps_words)
    return _rows(label, [*(f"{part} \\" for part in parts[:-1]), *parts[-1:]])


def table(entries: Sequence[tuple[str, str]], *, width: int) -> list[Row]:
    """Return names with a text beside each; a name that is too long stands above its text, and so do all on a narrow page."""
    column = 2 if width < NARROW else min(max((len(name) for name, _ in entries), default=0), 36) + 2
    rows = []
    for name, text in entries:
        lines = _wrapped(text, width - column)
        if len(name) + 2 <= column and lines:
            rows.append(Row(None, f"{name:<{column}}{lines.pop(0)}"))
        else:
            rows.append(Row(None, name))
        rows += [Row(None, " " * column + line) for line in lines]
    return rows


def entry(name: str, texts: Sequence[str], *, width: int) -> list[Row]:
    """Return a name with texts below it."""
    lines = [line for text in texts for line in _wrapped(text, width - 4, hang=2)]
    return [Row(None, name), *(Row(None, f"    {line}") for line in lines)]


def rule() -> list[Row]:
    """Return what parts two pages."""
    return [Row(None, ""), Row(None, "")]


def laid_out(rows: Iterable[Row], *, width: int, is_bold: bool = False) -> str:
    """Return the text of a page, its title and labels in bold if asked."""
    bold, plain = (_BOLD, _PLAIN) if is_bold else ("", "")
    tamed = (replace(row, text=tame(row.text), label=row.label and tame(row.label)) for row in rows)
    return "".join(f"{line.rstrip()}\n" for row in tamed for line in _lines(row, bold, plain, is_narrow=width < NARROW))


def is_bold_wanted() -> bool:
    """Return whether standard output is a terminal that shows bold text."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def printable(text: str) -> str:
    """Return a text as the standard output can carry it: in ASCII where its encoding lacks a character."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(str.maketrans(_ASCII)).encode(encoding, "replace").decode(encoding)
    return text


def _lines(row: Row, bold: str, plain: str, *, is_narrow: bool) -> list[str]:
    if row.label is None:
        return [f"{bold}{row.text}{plain}" if row.is_title else row.text]
    if is_narrow:
        return [*([f"{bold}{row.label}{plain}"] if row.label else []), f"  {row.text}"]
    return [f"{bold if row.label else ''}{row.label:<{LABELS}}{plain if row.label else ''}{row.text}"]


def _room(width: int) -> int:
    return width - 2 if width < NARROW else width - LABELS


def _rows(label: str, texts: list[str]) -> list[Row]:
    return [Row(label if index == 0 else "", text) for index, text in enumerate(texts)]


def _wrapped(text: str, room: int, *, hang: int = 0) -> list[str]:
    return textwrap.wrap(text, room, subsequent_indent=" " * hang, break_on_hyphens=False)


def _kept(line: str, room: int) -> list[str]:
    """Return a line as it stands if there is room for it, else wrapped with its own indent and two more."""
    indent = len(line) - len(line.lstrip())
    deep = min(indent, room // 3)
    return (
        [line]
        if len(line) <= room
        else textwrap.wrap(
            line.strip(), room, initial_indent=" " * deep, subsequent_indent=" " * (deep + 2), break_on_hyphens=False
        )
    )
