"""Tables: a CSV file of the user's own, column by column, as inputs and labels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lossmetric_cli.data.dataset import Dataset
from lossmetric_cli.data.delimited import DECIMALS, TextFile, first_repeated, parse, read_text_file
from lossmetric_cli.data.labels import MOST_CLASSES_OF_NUMBERS
from lossmetric_cli.data.sentences import counted, listed, quoted
from lossmetric_cli.errors import ConfigError, DataError, did_you_mean

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MISSING = ("", "NA", "N/A", "NaN", "nan", "NULL", "null", "?")
#: Whole numbers up to here are exact in float32.
EXACT_IN_FLOAT32 = 2**24


@dataclass(frozen=True)
class Columns:
    """Which columns of a table are what."""

    targets: list[str]
    features: list[str]
    categorical: list[str]
    weight: str | None = None


@dataclass
class Table:
    """A file and the columns read from it."""

    file: TextFile
    frame: pd.DataFrame

    def cell(self, name: str, row: int) -> str:
        """Return where a cell stands and what it holds, as `line 3: 'x'`."""
        return f"line {self.file.lines[row]}: {quoted(self.frame[name].iloc[row], limit=24)}"


def csv(
    *,
    path: str,
    target: str | int | Sequence[str | int],
    test_path: str | None = None,
    columns: Sequence[str | int] | None = None,
    categorical: Sequence[str | int] = (),
    drop: Sequence[str | int] = (),
    sample_weight: str | int | None = None,
    group: str | int | None = None,
    header: bool = True,
    sep: str = "auto",
    decimal: str = ".",
    na: Sequence[str] = MISSING,
    encoding: str = "utf-8",
) -> Dataset:
    """Return a table from a delimited text file, x (rows, features) and y (rows,) or (rows, targets).

    Every column but the `target` and those in `drop` is a feature, unless `columns` lists them. Without a
    header, columns are named by their position: 0 is the first and -1 the last. A column in `categorical`
    becomes a column of 0 and 1 for each of its values. `sample_weight` names the column of what each row counts in the
    loss, `group` that of what a row belongs to; both are no features. The target's cells decide the kind of task (see
    `read_kind`); a word in `na` is a missing value among numbers and a class among text. `test_path` is a
    file of the same columns whose rows are only tested on.

    Raises DataError for what is wrong in a file, with its line, and ConfigError for settings that exclude
    each other.
    """
    if decimal not in DECIMALS:
        raise ConfigError(f"data.decimal must be point or comma, got {quoted(decimal)}")
    files = [read_text_file(str(file), sep=sep, encoding=encoding, header=header) for file in (path, test_path) if file]
    unused = [*as_list(drop), *as_list(group)]
    roles = choose_columns(files[0], target=target, columns=columns, categorical=categorical, drop=unused, weight=sample_weight)
    for file in files[1:]:
        find_columns([*roles.targets, *roles.features, *filter(None, [roles.weight])], file=file, setting="test_path")
    words = [str(word) for word in as_list(na)]
    tables = [read_table(file, roles=roles, decimal=DECIMALS[decimal], na=words) for file in files]
    notes = [note for file in files for note in file.notes]
    inputs, feature_names = read_features(tables, roles=roles, decimal=DECIMALS[decimal], na=words, notes=notes)
    labels = read_targets(tables, names=roles.targets, decimal=DECIMALS[decimal], na=words, notes=notes)
    weights = [
        read_numbers(table, name=roles.weight, decimal=DECIMALS[decimal], notes=notes) if roles.weight else None
        for table in tables
    ]
    return Dataset(
        x=inputs[0],
        y=labels[0],
        feature_names=feature_names,
        target_names=tuple(roles.targets),
        test=(inputs[1], labels[1]) if test_path else None,
        weights=weights[0],
        test_weights=weights[1] if test_path else None,
        groups=None if group is None else read_groups(files[0], find_column(group, file=files[0])),
        notes=tuple(dict.fromkeys(notes)),
    )


def as_list(value: Any) -> list[Any]:
    """Return a list as it is, one word as a list of one, and None as an empty list."""
    return [] if value is None else [value] if isinstance(value, str | int | float) else list(value)


def read_groups(file: TextFile, name: str) -> np.ndarray:
    """Return what each row belongs to, as text (rows,); raise DataError for a missing one."""
    table = Table(file, parse(file, text_columns=[name], decimal=".", na=()))
    cells = table.frame[name].str.strip()
    check_none_missing((cells == "").to_numpy(), what=f"group {quoted(name)}", table=table)
    return cells.to_numpy(dtype="object")


def choose_columns(file: TextFile, *, target: Any, columns: Any, categorical: Any, drop: Any, weight: Any = None) -> Columns:
    """Return the part that each column plays; raise DataError for an unknown one, ConfigError for two parts."""
    targets = find_columns(as_list(target), file=file, setting="target")
    dropped = find_columns(as_list(drop), file=file, setting="drop")
    weights = find_columns(as_list(weight), file=file, setting="sample_weight")
    refuse_target(targets, names=weights, setting="sample_weight")
    listed_ones = find_columns(as_list(columns), file=file, setting="columns")
    features = listed_ones or [name for name in file.names if name not in (*targets, *dropped, *weights)]
    if not listed_ones:
        features = drop_unnamed(features, notes=file.notes)
    one_hot = find_columns(as_list(categorical), file=file, setting="categorical")
    for setting, names in {"drop": dropped, "columns": listed_ones, "categorical": one_hot}.items():
        refuse_target(targets, names=names, setting=setting)
    stray = next((name for name in one_hot if name not in features), None)
    if stray is not None:
        raise ConfigError(f"data.categorical names {quoted(stray)}, which is no feature; add it to data.columns")
    if not features:
        raise DataError(f"{file.name} has no feature columns beside the target; check data.target and data.drop")
    return Columns(targets=targets, features=features, categorical=one_hot, weight=next(iter(weights), None))


def find_columns(names: list[Any], *, file: TextFile, setting: str) -> list[str]:
    """Return names and positions as names of a file's columns.

    Raises DataError for one that the file does not have, ConfigError for one that is listed twice.
    """
    found = [find_column(name, file=file) for name in names]
    twice = first_repeated(found)
    if twice is not None:
        raise ConfigError(f"data.{setting} lists {quoted(twice)} twice; name it once")
    return found


def find_column(name: Any, *, file: TextFile) -> str:
    """Return the column's name; raise DataError, with the nearest names, when the file has none like it."""
    text = str(name).strip()
    if not file.has_header and re.fullmatch(r"-\d+", text):
        text = str(int(text) + len(file.names))
    if text in file.names:
        return text
    hint = did_you_mean(text, file.names) or f"; it has {listed(file.names)}"
    if not file.has_header:
        hint = f"; positions go from 0 to {len(file.names) - 1}, or set data.header=true if line 1 has names"
    raise DataError(f"no column {quoted(name)} in {file.name}{hint}")


def refuse_target(targets: list[str], *, names: list[str], setting: str) -> None:
    """Raise ConfigError when a setting for features names a target."""
    both = next((name for name in names if name in targets), None)
    if both is not None:
        raise ConfigError(f"data.{setting} names the target {quoted(both)}; take it out of one of the two")


def drop_unnamed(names: list[str], *, notes: list[str]) -> list[str]:
    """Return the names without those that pandas gives to columns without one, such as a saved index."""
    for name in names:
        if name.startswith("Unnamed: "):
            notes.append(f"column {quoted(name)} looks like an index; dropped (data.columns can list it)")
    return [name for name in names if not name.startswith("Unnamed: ")]


def read_table(file: TextFile, *, roles: Columns, decimal: str, na: list[str]) -> Table:
    """Return a file with its columns read, targets and categorical columns as text."""
    if file.sep == decimal:
        raise ConfigError(f"data.sep and data.decimal are both {quoted(decimal)}; set data.decimal=point")
    return Table(file=file, frame=parse(file, text_columns=[*roles.targets, *roles.categorical], decimal=decimal, na=na))


def read_features(
    tables: list[Table], *, roles: Columns, decimal: str, na: list[str], notes: list[str]
) -> tuple[list[np.ndarray], tuple[str, ...]]:
    """Return each table's inputs float32 (rows, features), and the features' names.

    The values of a categorical column are those of the first table, in alphabetical order.
    """
    import numpy as np

    names: list[str] = []
    blocks: list[list[np.ndarray]] = [[] for _ in tables]
    for feature in roles.features:
        if feature in roles.categorical:
            values, parts = read_categories(tables, name=feature, na=na, notes=notes)
            names += [f"{feature}={value}" for value in values]
        else:
            parts = [read_numbers(table, name=feature, decimal=decimal, notes=notes)[:, None] for table in tables]
            names.append(feature)
        for block, part in zip(blocks, parts, strict=True):
            block.append(part)
    return [np.concatenate(block, axis=1) for block in blocks], tuple(names)


def read_categories(tables: list[Table], *, name: str, na: list[str], notes: list[str]) -> tuple[list[str], list[np.ndarray]]:
    """Return a categorical column's values in the first table, and each table's 0/1 columns, float32.

    Raises DataError for a missing value; one that only a later table has is 0 in every column, with a note.
    """
    import numpy as np

    columns = [table.frame[name].str.strip().to_numpy(dtype="object") for table in tables]
    for table, cells in zip(tables, columns, strict=True):
        check_none_missing(np.isin(cells, na), what=f"feature {quoted(name)}", table=table)
    values = sorted(set(columns[0]))
    notes.append(f"column {quoted(name)} is read as {counted(len(values), 'column')} of 0/1: {listed(values)}")
    for table, cells in zip(tables[1:], columns[1:], strict=True):
        unknown = np.flatnonzero(~np.isin(cells, values))
        if len(unknown):
            rows = counted(len(unknown), "row")
            notes.append(
                f"column {quoted(name)} of {table.file.name} has values that training lacks in {rows} "
                f"({table.cell(name, unknown[0])}); all its 0/1 columns are 0 there"
            )
    return values, [(cells[:, None] == np.array(values, dtype="object")).astype("float32") for cells in columns]


def read_numbers(table: Table, *, name: str, decimal: str, notes: list[str]) -> np.ndarray:
    """Return a feature column float32 (rows,); raise DataError for text, missing and infinite values."""
    import numpy as np

    column = table.frame[name]
    if column.dtype.kind == "b":
        notes.append(f"column {quoted(name)} holds True and False, read as 1 and 0")
    if column.dtype.kind not in "biuf":
        column = read_mixed(table, name=name, decimal=decimal)
    exact = column.to_numpy(dtype="float64")
    with np.errstate(over="ignore"):
        values = exact.astype("float32")
    check_none_missing(~np.isfinite(values), what=f"feature {quoted(name)}", table=table)
    inexact = np.flatnonzero((abs(exact) > EXACT_IN_FLOAT32) & (exact == np.floor(exact)) & (values != exact))
    if len(inexact):
        notes.append(
            f"column {quoted(name)} does not fit float32 exactly ({table.cell(name, inexact[0])}); "
            "if it is an id, list it in data.drop"
        )
    return values


def read_mixed(table: Table, *, name: str, decimal: str) -> pd.Series:
    """Return a column that pandas left as text, as numbers: whole ones past 64 bits.

    Raises DataError when it holds text: how much, where, and what it could be instead.
    """
    cells = table.frame[name]
    numbers = as_numbers(cells.astype(str), decimal=decimal)
    is_text = (numbers.isna() & cells.notna()).to_numpy()
    if not is_text.any():
        return numbers
    texts, where = cells[is_text].astype(str), table.cell(name, int(is_text.argmax()))
    mark, word = {".": (",", "comma"), ",": (".", "point")}[decimal]
    if texts.str.fullmatch(rf"[-+]?[\d.,' ]*{re.escape(mark)}[\d.,' ]*").all():
        fix = f"set data.decimal={word}, or remove them if they part thousands"
        raise DataError(f"column {quoted(name)} has {word}s in its numbers ({where}); {fix}")
    found = f"column {quoted(name)} has text in {is_text.sum()} of {counted(len(cells), 'row')} ({where})"
    raise DataError(f"{found}; list it in data.categorical or data.drop")


def check_none_missing(missing: np.ndarray, *, what: str, table: Table) -> None:
    """Raise DataError that names the line of the first missing or infinite value."""
    rows = missing.nonzero()[0]
    if len(rows):
        where = f"{table.file.name} line {table.file.lines[rows[0]]}"
        found = counted(len(rows), "missing or infinite value")
        raise DataError(f"{what} has {found} (first: {where}); drop or fill them before")


def as_numbers(cells: pd.Series, *, decimal: str) -> pd.Series:
    """Return text as numbers, NaN where it is none."""
    import pandas as pd

    if decimal == ",":
        cells = cells.str.replace(".", "_", regex=False).str.replace(",", ".", regex=False)
    return pd.to_numeric(cells, errors="coerce")


def read_targets(tables: list[Table], *, names: list[str], decimal: str, na: list[str], notes: list[str]) -> list[np.ndarray]:
    """Return each table's labels: (rows,) of one target, float64 (rows, targets) of several."""
    import numpy as np

    columns = [read_target(tables, name=name, decimal=decimal, na=na, notes=notes) for name in names]
    for name, column in zip(names, columns, strict=True):
        if len(names) > 1 and column.dtype.kind == "O":
            raise DataError(f"target {quoted(name)} holds text; several targets must be numbers: list one in data.target")
    joined = columns[0] if len(names) == 1 else np.stack(columns, axis=1).astype("float64")
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
        check_none_missing(missing[begin:end], what=f"target {quoted(name)}", table=table)
        begin = end


def refuse_stray_text(cells: pd.Series, *, is_text: np.ndarray, tables: list[Table], name: str) -> None:
    """Raise DataError when most labels are numbers, too many different ones to be classes, and some are text."""
    if 2 * is_text.sum() >= len(cells) or cells[~is_text].nunique() <= MOST_CLASSES_OF_NUMBERS:
        return
    row = int(is_text.argmax())
    lines = [(table.file, line) for table in tables for line in table.file.lines]
    where = f"{lines[row][0].name} line {lines[row][1]}: {quoted(cells[row], limit=24)}"
    found = f"target {quoted(name)} has text in {is_text.sum()} of {counted(len(cells), 'row')}"
    raise DataError(f"{found} ({where}); fix or remove that line")
