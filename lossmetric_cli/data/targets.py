"""The target columns of a table: numbers, bools or text, with what is missing or astray among them refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lossmetric_cli.data.columns import as_numbers, refuse_missing
from lossmetric_cli.data.labels import MOST_CLASSES_OF_NUMBERS
from lossmetric_cli.data.sentences import counted, quoted
from lossmetric_cli.data.table import Table
from lossmetric_cli.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def read_targets(tables: list[Table], *, names: list[str], decimal: str, na: list[str], notes: list[str]) -> list[np.ndarray]:
    """Return each table's labels: (rows,) of one target; of several (rows, targets), float64 where all are numbers.

    Several targets of which some are text are (rows, targets) of objects: each is an answer of its own, or an error later.
    """
    import numpy as np

    columns = [read_target(tables, name=name, decimal=decimal, na=na, notes=notes) for name in names]
    if len(names) == 1:
        joined = columns[0]
    elif any(column.dtype.kind in "OU" for column in columns):
        joined = np.stack([column.astype("object") for column in columns], axis=1)
    else:
        joined = np.stack(columns, axis=1).astype("float64")
    return np.split(joined, np.cumsum([len(table.frame) for table in tables])[:-1])


def read_target(tables: list[Table], *, name: str, decimal: str, na: list[str], notes: list[str]) -> np.ndarray:
    """Return one target over all tables: int64 or float64 when its cells are numbers, bools, or text (object).

    Raises DataError for missing labels and for text astray among many numbers.
    """
    import pandas as pd

    written = pd.concat([table.frame[name] for table in tables], ignore_index=True)
    cells = written.str.strip()
    numbers = as_numbers(cells, decimal=decimal)
    is_text = numbers.isna().to_numpy()
    all_missing_among_numbers = not is_text.all() and cells[is_text].isin([*na, ""]).all()
    missing = is_text if all_missing_among_numbers else (cells == "").to_numpy()
    check_labels_there(missing | (abs(numbers) == float("inf")).to_numpy(), tables=tables, name=name)
    if not is_text.any():
        return numbers.to_numpy()
    if cells.str.lower().isin(["true", "false"]).all():
        return (cells.str.lower() == "true").to_numpy(dtype="bool")
    refuse_stray_text(cells, is_text=is_text, tables=tables, name=name)
    if (cells != written).any():
        notes.append(f"blanks around the labels of {quoted(name)} are stripped")
    return cells.to_numpy(dtype="object")


def check_labels_there(missing: np.ndarray, *, tables: list[Table], name: str) -> None:
    """Raise DataError that names the file and line of the first missing label."""
    begin = 0
    for table in tables:
        end = begin + len(table.frame)
        refuse_missing(missing[begin:end], what=f"target {quoted(name)}", table=table, fix="drop or fill them before")
        begin = end


def refuse_stray_text(cells: pd.Series, *, is_text: np.ndarray, tables: list[Table], name: str) -> None:
    """Raise DataError when most labels are numbers, too many different ones to be classes, and some are text."""
    if 2 * is_text.sum() >= len(cells) or cells[~is_text].nunique() <= MOST_CLASSES_OF_NUMBERS:
        return
    row = int(is_text.argmax())
    table = tables[0] if row < len(tables[0].frame) else tables[1]
    place = table.where(row if table is tables[0] else row - len(tables[0].frame))
    found = f"target {quoted(name)} has text in {is_text.sum()} of {counted(len(cells), 'row')}"
    raise DataError(f"{found} ({place}: {quoted(cells[row], limit=24)}); fix or remove that line")
