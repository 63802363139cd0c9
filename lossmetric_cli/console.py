"""What a run tells a person, on stderr: a header, a line an epoch, the best and where it is kept."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterable
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lossmetric_cli.text import tame

ARROWS = {"max": "↑", "min": "↓", None: ""}
_ASCII = str.maketrans({"·": "-", "↑": "^", "↓": "v", "★": "*", "…": "~", "×": "x"})

#: Where sentences begin, after the word that says what they are.
INDENT = 13
#: Columns below which a sentence stands at the margin all the way.
NARROW = 33
#: Letters of an epoch's line that is not printed on a terminal.
PIPED = 120


class _Console(Console):
    """One that falls silent where its reader has gone or its file has no room; a training is worth more than its log."""

    def print(self, *objects: Any, **settings: Any) -> None:
        """Print, if that is possible."""
        try:
            super().print(*objects, **settings)
        except OSError:
            self.on_broken_pipe()

    def on_broken_pipe(self) -> None:
        """Say nothing from now on."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


class Voice:
    """Speaks to one stream: plain lines, colours and a line in place only on a terminal, nothing but errors when quiet."""

    def __init__(self, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        stream = stream or sys.stderr
        self._console = _Console(file=stream, quiet=quiet, highlight=False, markup=False, emoji=False)
        self._widths: list[int] = []
        self._is_ascii = "utf" not in (getattr(stream, "encoding", None) or "utf-8").lower()

    def say(self, text: str, *, style: str = "") -> None:
        """Print one line, a word of 12 letters and what it says; on a terminal too narrow for it, it is folded."""
        self._print(Text(text, style=style))

    def wait(self, what: str) -> None:
        """Print, on a terminal only, what is going on until the next line."""
        if self._console.is_terminal:
            line = self._shown(Text(f" {what} …", style="dim"))
            self._console.print(line, no_wrap=True, overflow="ellipsis", crop=True, end="\r")

    def note(self, text: str) -> None:
        """Print what lmrun decided or mended by itself."""
        self._print(Text.assemble((" note        ", "dim"), text))

    def finding(self, level: str, text: str, check: str) -> None:
        """Print what a check found, with the check's name."""
        style = {"stop": "bold red", "warn": "yellow"}.get(level, "dim")
        self._print(Text.assemble((f" {level:<12}", style), text, (f" [{check}]", "dim")))

    def header(
        self,
        *,
        title: str,
        folder: str | None = None,
        optimises: str,
        reports: list[tuple[str, str, str | None]],
        watches: str,
        size: str,
    ) -> None:
        """Print what the run is, what it optimises, what it only measures, what decides its best epoch, and its size."""
        measured = [f"{name} = {kind} {ARROWS[direction]}".rstrip() for name, kind, direction in reports]
        self._print(Text.assemble((" lmrun       ", "bold"), title, (f"  {folder}" if folder else "", "dim")))
        self._print(Text.assemble((" optimises   ", "bold"), optimises))
        self._print(Text.assemble((" reports     ", "bold"), " · ".join(measured) or "no metric"))
        self._print(Text.assemble((" watches     ", "bold"), watches))
        self._print(Text.assemble((" size        ", "bold"), size))

    def headings(self, names: Iterable[str]) -> None:
        """Print the headings of the epoch lines, and which columns do not fit them."""
        names = list(names)
        self._widths = [max(len(name), 8) for name in names]
        room = self._console.width if self._console.is_terminal else PIPED
        while len(self._widths) > 1 and len(self._line("epoch", names)) + len(" ★") > room:
            self._widths.pop()
        if hidden := names[len(self._widths) :]:
            self.note(f"too many columns for a line; in history.csv alone: {', '.join(hidden)}")
        self._print_row(Text(self._line("epoch", names), style="dim"))

    def epoch(self, number: int, epochs: int, figures: Iterable[str], *, is_best: bool, seconds_left: float) -> None:
        """Print an epoch's line; on a terminal, the time left stands below it until the next one."""
        line = self._line(f"{number}/{epochs}", figures) + (" ★" if is_best else "")
        self._print_row(Text(line, style="bold" if is_best else ""))
        if number < epochs:
            self.wait(f"{duration(seconds_left)} left")

    def table(self, columns: list[str], rows: list[list[str]]) -> None:
        """Print a table, its first row the best."""
        table = Table(*map(self._plain, columns), box=None, header_style="dim", pad_edge=True)
        for row in rows:
            table.add_row(*(self._plain(cell) for cell in row))
        self._console.print(table)

    def _line(self, first: str, cells: Iterable[str]) -> str:
        return f" {first:>11}" + "".join(f"  {cell:>{width}}" for cell, width in zip(cells, self._widths, strict=False))

    def _print(self, text: Text) -> None:
        """Print a sentence: whole into a pipe, on a terminal folded at words, below itself."""
        text = self._shown(text)
        if not self._console.is_terminal:
            self._console.print(text, soft_wrap=True)
            return
        indent = INDENT if self._console.width >= NARROW else 0
        for number, line in enumerate(text[indent:].wrap(self._console, self._console.width - indent)):
            begin = text[:indent] if number == 0 else Text(" " * indent)
            self._console.print(begin + line, no_wrap=True, crop=False, overflow="ignore")

    def _print_row(self, text: Text) -> None:
        """Print a line of figures, whose end is cut on a terminal too narrow for it."""
        if self._console.is_terminal:
            self._console.print(self._shown(text), no_wrap=True, overflow="ellipsis", crop=True)
        else:
            self._console.print(self._shown(text), soft_wrap=True)

    def _shown(self, text: Text) -> Text:
        plain = self._plain(text.plain)
        return text if plain == text.plain else Text(plain)

    def _plain(self, text: str) -> str:
        """Return what somebody else's words may do to a terminal: be read."""
        return tame(text).translate(_ASCII) if self._is_ascii else tame(text)


def figure(value: Any) -> str:
    """Return a number in four significant digits, `nan` and `inf` by name, and an empty cell where there is none."""
    if value is None or value == "":
        return ""
    if not math.isfinite(value):
        return str(value)
    text = f"{value:.4g}"
    return text if "e" not in text or abs(value) < 1e-3 or abs(value) >= 1e6 else f"{value:.0f}"


def span(low: float, high: float) -> str:
    """Return two ends of an interval, `0.94 to 0.98`, with the decimals that its width leaves meaning to."""
    half = (high - low) / 2
    if not half > 0:
        return f"{figure(low)} to {figure(high)}"
    decimals = min(max(0, -math.floor(math.log10(half / 2))), 12)
    return f"{low:.{decimals}f} to {high:.{decimals}f}"


def duration(seconds: float) -> str:
    """Return a length of time in words that fit a line: `12 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
