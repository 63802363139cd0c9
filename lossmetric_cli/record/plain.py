"""Values as the files of a record have them."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable
from typing import Any


def safe_name(text: str) -> str:
    """Return a title as part of a folder's name: letters, digits, `._-`, 80 bytes at most."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")[:80] or "run"


def csv_line(values: Iterable[Any]) -> str:
    """Return values as a line of a CSV file."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(values)
    return line.getvalue()


def plain(value: Any) -> Any:
    """Return a value of plain kinds alone; NaN and infinities, which JSON lacks, as None."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
