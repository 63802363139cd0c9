"""What the checks find, and what becomes of it: a stop, a warning or a note."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from lossmetric_cli.catalog import CHECKS
from lossmetric_cli.errors import ConfigError, Refused, did_you_mean

#: What a check yields: a level and a sentence.
Found = Iterator[tuple[str, str]]


@dataclass(frozen=True)
class Finding:
    """One sentence on what a check found, with the values and what to type.

    `check` is the check's name, `level` is "stop", "warn" or "note": a stop would make a number other than it
    says, a warning is worth a look, and a note says what was mended.
    """

    check: str
    level: str
    text: str


class Findings:
    """All findings of a run.

    `mode` is "strict" (a stop stops), "warn" (it becomes a warning) or "skip" (nothing is looked at); the checks that
    `ignore` names find nothing.
    """

    def __init__(self, mode: str, ignore: Sequence[str]) -> None:
        for name in ignore:
            if name not in CHECKS:
                raise ConfigError(f"check.ignore: no check is called '{name}'{did_you_mean(name, CHECKS)}")
        self.mode = mode
        self.ignore = tuple(ignore)
        self.found: list[Finding] = []

    def looks_at(self, check: str) -> bool:
        """Return whether a check is made."""
        return self.mode != "skip" and check not in self.ignore

    def add(self, check: str, found: Iterable[tuple[str, str]]) -> None:
        """Keep what a check yields: pairs of a level and a sentence."""
        if not self.looks_at(check):
            return
        for level, text in found:
            self.found.append(Finding(check, "warn" if (level, self.mode) == ("stop", "warn") else level, text))

    @contextmanager
    def stopping(self, check: str) -> Iterator[None]:
        """Keep a ConfigError raised inside as a stop of this check, and go on."""
        try:
            yield
        except ConfigError as error:
            self.add(check, [("stop", str(error))])

    def of(self, level: str) -> list[Finding]:
        """Return the findings of a level."""
        return [finding for finding in self.found if finding.level == level]

    def close(self) -> None:
        """Raise Refused, a reason for each stop and the warnings with them, if there is a stop."""
        if self.of("stop"):
            raise self.refusal()

    def refusal(self, *others: str) -> Refused:
        """Return the error of the stops, and of `others` that were found on the way."""
        stops, warnings = ([f"{finding.text} [{finding.check}]" for finding in self.of(level)] for level in ("stop", "warn"))
        return Refused([*stops, *others], warnings)


def stop(text: str) -> tuple[str, str]:
    """Return what a check yields where a number would not be what it says."""
    return "stop", text


def warning(text: str) -> tuple[str, str]:
    """Return what a check yields where a look pays."""
    return "warn", text


def strict(*, ignore: Sequence[str] = ()) -> Findings:
    """Return findings that stop a run; the checks in `ignore` find nothing."""
    return Findings("strict", ignore)


def warn(*, ignore: Sequence[str] = ()) -> Findings:
    """Return findings that are said, and stop nothing."""
    return Findings("warn", ignore)


def skip(*, ignore: Sequence[str] = ()) -> Findings:
    """Return findings that stay empty."""
    return Findings("skip", ignore)
