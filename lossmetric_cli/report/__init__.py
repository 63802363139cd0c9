"""A run as one page for a browser: what it came to, its pictures and its figures, in a file that needs no other.

The page runs nothing and loads nothing: it has no script, its policy allows none, and every text on it is escaped.
"""

from __future__ import annotations

from pathlib import Path

from lossmetric_cli import store
from lossmetric_cli.record import Record
from lossmetric_cli.report import content, pictures
from lossmetric_cli.report.page import rendered

#: Bytes of a page, so that it can be sent by mail.
LARGEST = 2_000_000

__all__ = ["LARGEST", "write"]


def write(record: Record) -> Path:
    """Write `report.html` into a run's folder from its record and the pictures that lie there, and return its path."""
    path = record.place("report.html")
    facts = content.of(record)
    found = pictures.of(record, room=LARGEST - len(rendered(facts, [], []).encode()))
    store.write(path, rendered(facts, *found))
    return path
