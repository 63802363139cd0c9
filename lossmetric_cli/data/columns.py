"""What each column of a table is: numbers, yes or no, categories, dates, text, or an identifier that says nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from lossmetric_cli.data.sentences import counted, quoted
from lossmetric_cli.data.table import Table
from lossmetric_cli.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

#: Whole numbers up to here are exact in float32.
EXACT_IN_FLOAT32 = 2**24
#: Whole numbers from here on have more than 64 bits.
_LONGEST = 2**64
#: Two words that are yes and no, the yes first.
YES_AND_NO = (("yes", "no"), ("true", "false"), ("y", "n"), ("t", "f"), ("on", "off"))
#: A date, with or without a time, as ISO 8601 writes it.
ISO_DATE = r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?"
_OTHER_DATE = r"\d{1,2}([./-])\d{1,2}\1\d{2,4}"
#: Words of a cell on average from which a column is text.
_WORDS_OF_TEXT = 4
#: Rows from which a column of all different values is an identifier.
_FEWEST_TO_IDENTIFY = 20
_NAMES_OF_IDENTIFIERS = r"(?i)(.*[_ ])?(id|ids|uuid|guid|index|row_?(number|id))"


@dataclass(frozen=True)
class Column:
    """A column of a table as a model will read it; `group` is the input that its numbers go to."""

    name: str
    kind: str
    group: str = "numbers"

    @property
    def key(self) -> str:
        """Its name as an input of a model, which Keras 3.15 lets have no slash."""
        return self.name.replace("/", "_")


def kind_of(table: Table, name: str) -> str:
    """Return what a column is, read off its cells; text astray among numbers is left to `read_numbers` to refuse."""
    cells = table.frame[name]
    if cells.dtype.kind in "biuf":
        return "identifier" if _is_row_number(cells) else "number"
    written = cells.dropna().astype(str).str.strip()
    if not len(written) or _mostly_numbers(written):
        return "number"
    lowered = set(written.str.lower().unique())
    if any(lowered == set(words) for words in YES_AND_NO):
        return "boolean"
    if written.str.fullmatch(ISO_DATE).all():
        return "date"
    if written.str.fullmatch(_OTHER_DATE).all():
        fix = "write dates as 2026-12-31, or list it in data.categorical or data.drop"
        raise DataError(f"column {quoted(name)} looks like dates ({table.cell(name, int(written.index[0]))}); {fix}")
    if written.str.count(r"\s+").mean() + 1 >= _WORDS_OF_TEXT:
        return "text"
    all_different = written.nunique() == len(written) == len(cells)
    return "identifier" if all_different and len(cells) >= _FEWEST_TO_IDENTIFY else "category"


def _mostly_numbers(written: pd.Series) -> bool:
    import pandas as pd

    return 2 * pd.to_numeric(written.str.replace(r"[,' ]", "", regex=True), errors="coerce").notna().sum() >= len(written)


def _is_row_number(cells: pd.Series) -> bool:
    """Return whether whole numbers are all different under a name that says that they only tell rows apart."""
    named = re.fullmatch(_NAMES_OF_IDENTIFIERS, str(cells.name)) is not None
    return named and cells.dtype.kind in "iu" and len(cells) >= _FEWEST_TO_IDENTIFY and cells.is_unique


def words_of(columns: Sequence[Column]) -> list[str]:
    """Return the columns whose cells are read as they are written."""
    return [column.name for column in columns if column.kind != "number"]


def told(columns: Sequence[Column], left_out: Sequence[str]) -> str:
    """Return the kinds of a table's columns in one line; "" where all are numbers and none is left out."""
    if not left_out and all(column.kind == "number" for column in columns):
        return ""
    parts = []
    for kind, plural in (
        *(("number", "numbers"), ("boolean", "yes-or-no"), ("category", "categories")),
        *(("date", "dates"), ("text", "text")),
    ):
        names = [column.name for column in columns if column.kind == kind]
        if kind == "number" and names:
            parts.append(counted(len(names), "number"))
        elif names:
            parts.append(f"{plural}: {_names(names)}")
    if left_out:
        parts.append(f"left out as identifiers: {_names(left_out)} (data.numeric or data.categorical keeps them)")
    return "columns are read as " + " · ".join(parts)


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(quoted(name, limit=20) for name in names[:4])
    return shown + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def read_column(table: Table, column: Column, *, decimal: str, na: Sequence[str], missing: str, notes: list[str]) -> np.ndarray:
    """Return a column's cells: float32 (rows,) of numbers, NaN where one is missing; text (rows,) of others, "" there.

    Raises DataError for missing cells unless `missing` says what to do with them, and for text among numbers.
    """
    if column.kind == "number":
        return read_numbers(table, name=column.name, decimal=decimal, missing=missing, notes=notes)
    import numpy as np

    cells = table.frame[column.name]
    written = cells.where(cells.notna(), "").astype(str).str.strip()
    absent = written.isin([*na, ""]).to_numpy()
    if missing == "error":
        refuse_missing(absent, what=f"feature {quoted(column.name)}", table=table)
    if column.kind == "date":
        odd = ~(written.isin([cell for cell in written.unique() if _is_date(cell)]).to_numpy() | absent)
        if odd.any():
            raise DataError(
                f"column {quoted(column.name)} holds dates such as 2026-12-31, but {table.cell(column.name, int(odd.argmax()))}"
                "; mend it, or list it in data.categorical or data.drop"
            )
    if column.kind == "boolean":
        written = written.str.lower()
    return np.where(absent, "", written.to_numpy(dtype="object")).astype("object")


def _is_date(cell: str) -> bool:
    """Return whether a cell is a day that there is, as ISO 8601 writes it."""
    try:
        return re.fullmatch(ISO_DATE, cell) is not None and bool(datetime.fromisoformat(cell))
    except ValueError:
        return False


def read_numbers(table: Table, *, name: str, decimal: str, missing: str, notes: list[str]) -> np.ndarray:
    """Return a column of numbers, float32 (rows,), NaN where one is missing or infinite.

    Raises DataError for text, and for missing and infinite cells unless `missing` says what to do with them.
    """
    import numpy as np

    column = table.frame[name]
    if column.dtype.kind == "b":
        notes.append(f"column {quoted(name)} holds True and False, read as 1 and 0")
    if column.dtype.kind not in "biuf":
        column = read_mixed(table, name=name, decimal=decimal)
    exact = column.to_numpy(dtype="float64")
    with np.errstate(over="ignore"):
        values = exact.astype("float32")
    if missing == "error":
        refuse_missing(~np.isfinite(values), what=f"feature {quoted(name)}", table=table)
    inexact = np.flatnonzero((abs(exact) > EXACT_IN_FLOAT32) & (exact == np.floor(exact)) & (values != exact))
    if len(inexact):
        notes.append(
            f"column {quoted(name)} does not fit float32 exactly ({table.cell(name, inexact[0])}); "
            "if it is an id, list it in data.drop"
        )
    return np.where(np.isfinite(values), values, np.float32("nan"))


def read_mixed(table: Table, *, name: str, decimal: str, fix: str = "list it in data.categorical or data.drop") -> pd.Series:
    """Return a column that pandas left as text, as numbers.

    Raises DataError when it holds whole numbers past 64 bits, or text: how much, where, and what it could be instead, or `fix`.
    """
    cells = table.frame[name]
    numbers = as_numbers(cells.astype(str), decimal=decimal)
    is_long = ((abs(numbers) >= _LONGEST) & cells.astype(str).str.fullmatch(r"\s*[-+]?\d+\s*")).to_numpy()
    if is_long.any():
        told = f"column {quoted(name)} has whole numbers past 64 bits ({table.cell(name, int(is_long.argmax()))})"
        raise DataError(f"{told}, which no float32 tells apart; list it in data.drop or data.categorical")
    is_text = (numbers.isna() & cells.notna()).to_numpy()
    if not is_text.any():
        return numbers
    texts, where = cells[is_text].astype(str), table.cell(name, int(is_text.argmax()))
    mark, word = {".": (",", "comma"), ",": (".", "point")}[decimal]
    if texts.str.fullmatch(rf"[-+]?[\d.,' ]*{re.escape(mark)}[\d.,' ]*").all():
        told = f"set data.decimal={word}, or remove them if they part thousands"
        raise DataError(f"column {quoted(name)} has {word}s in its numbers ({where}); {told}")
    found = f"column {quoted(name)} has text in {is_text.sum()} of {counted(len(cells), 'row')} ({where})"
    raise DataError(f"{found}; {fix}")


def refuse_missing(
    missing: np.ndarray, *, what: str, table: Table, fix: str = "set data.missing=mean|median|zero|drop"
) -> None:
    """Raise DataError that names the place of the first missing or infinite cell."""
    rows = missing.nonzero()[0]
    if len(rows):
        found = counted(len(rows), "missing or infinite value")
        raise DataError(f"{what} has {found} (first: {table.where(rows[0])}); {fix}")


def as_numbers(cells: pd.Series, *, decimal: str) -> pd.Series:
    """Return text as numbers, NaN where it is none."""
    import pandas as pd

    if decimal == ",":
        cells = cells.str.replace(".", "_", regex=False).str.replace(",", ".", regex=False)
    return pd.to_numeric(cells, errors="coerce")
