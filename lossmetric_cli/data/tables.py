"""Tables: files of the user's own, column by column, as inputs and labels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lossmetric_cli.data.columns import Column, kind_of, read_column, read_numbers, refuse_missing, told, words_of
from lossmetric_cli.data.dataset import Dataset
from lossmetric_cli.data.delimited import first_repeated
from lossmetric_cli.data.encoder import Recipe
from lossmetric_cli.data.inputs import row_count
from lossmetric_cli.data.sentences import counted, listed, quoted
from lossmetric_cli.data.streams import Stream, first_block, is_large, survey
from lossmetric_cli.data.streams import told as told_of_stream
from lossmetric_cli.data.table import Dialect, Opened, Table, files_of, open_table
from lossmetric_cli.data.targets import read_targets
from lossmetric_cli.errors import ConfigError, DataError, did_you_mean

if TYPE_CHECKING:
    import numpy as np

NA_WORDS = ("", "NA", "N/A", "NaN", "nan", "NULL", "null", "?")
#: What can be done with a row that lacks a cell.
MISSING = ("error", "mean", "median", "zero", "drop")


@dataclass(frozen=True)
class Roles:
    """Which columns of a table are what; `declared` has the kind of those that the user named."""

    targets: list[str]
    features: list[str]
    declared: dict[str, str]
    groups: dict[str, str]
    weight: str | None = None
    group: str | None = None

    @property
    def all(self) -> list[str]:
        """Every column that plays a part."""
        return list(dict.fromkeys([*self.targets, *self.features, *filter(None, [self.weight, self.group])]))


def csv(
    *,
    path: str | Sequence[str],
    target: str | int | Sequence[str | int],
    positive: str | int | None = None,
    test_path: str | Sequence[str] | None = None,
    columns: Sequence[str | int] | None = None,
    inputs: dict[str, Sequence[str]] | None = None,
    categorical: Sequence[str | int] = (),
    numeric: Sequence[str | int] = (),
    text: Sequence[str | int] = (),
    dates: Sequence[str | int] = (),
    drop: Sequence[str | int] = (),
    sample_weight: str | int | None = None,
    group: str | int | None = None,
    missing: str = "error",
    stream: bool | None = None,
    one_hot: int = 32,
    words: int = 20_000,
    text_length: int | None = None,
    header: bool = True,
    sep: str = "auto",
    decimal: str = ".",
    na: Sequence[str] = NA_WORDS,
    encoding: str = "utf-8",
    bad_rows: str = "error",
) -> Dataset:
    """Return a table from delimited text or Parquet files, its columns still raw and y (rows,) or (rows, targets).

    `path` is a file, a list of them or a pattern with `*`; `test_path` likewise, of rows that are only tested on. Every
    column but the `target` and those in `drop` is a feature, unless `columns` lists them, or `inputs` those of each input
    of the model. Without a header, columns are named by their position: 0 is the first and -1 the last. What a column is,
    is read off its cells (`columns.kind_of`) unless a setting names it; how it is encoded is fitted on training rows
    (`encoder`). `sample_weight` and `group` name columns that are no features. The target's cells decide the kind of task
    (`read_kind`), `positive` which of two classes is the second one. With `stream`, rows stay on the disk.

    Raises DataError for what is wrong in a file, with its line, and ConfigError for settings that exclude each other.
    """
    if missing not in MISSING:
        raise ConfigError(f"data.missing must be one of {', '.join(MISSING)}, got {quoted(missing)}")
    known = tuple(str(word) for word in as_list(na))
    dialect = Dialect(sep=sep, decimal=decimal, na=known, encoding=encoding, header=header, bad_rows=bad_rows)
    paths = files_of(path)
    is_streamed = is_large(paths) if stream is None else stream
    opened = [first_block(paths, dialect=dialect) if is_streamed else open_table(paths, dialect=dialect)]
    opened += [open_table(test_path, dialect=dialect)] if test_path else []
    notes = [note for one in opened for note in one.notes]
    declared = {"category": categorical, "number": numeric, "text": text, "date": dates}
    named = {"target": target, "columns": columns, "inputs": inputs, "declared": declared, "weight": sample_weight}
    roles = choose_columns(opened[0], **named, group=group, drop=drop, notes=notes)
    recipe = Recipe(missing=missing, one_hot=one_hot, words=words, length=text_length)
    dataset = read_dataset(opened, roles, dialect=dialect, recipe=recipe, notes=notes)
    dataset = streamed(dataset, paths, roles, dialect=dialect) if is_streamed else dataset
    return replace(dataset, class_names=classes_with(positive, dataset.y, name=roles.targets[0]))


def streamed(dataset: Dataset, paths: list[str], roles: Roles, *, dialect: Dialect) -> Dataset:
    """Return a table of which only the first block was read, with the labels of all rows and the other columns to come."""
    whole = {"sample_weight": roles.weight, "group": dataset.groups, "missing=drop": dataset.recipe.missing == "drop" or None}
    setting = next((name for name, value in whole.items() if value is not None), None)
    if setting:
        raise ConfigError(f"data.{setting} is for tables that are read whole; leave it out, or type data.stream=false")
    columns, recipe = list(dataset.columns), dataset.recipe
    seen = survey(paths, targets=roles.targets, columns=columns, dialect=dialect, missing=recipe.missing)
    later = Stream(paths, columns, dialect, recipe, head=dataset.x, words=seen.words, rows=len(seen.labels))
    notes = [*dataset.notes, *seen.notes, *told_of_stream(paths, len(later), row_count(dataset.x))]
    return replace(dataset, x=later, y=seen.labels, notes=tuple(dict.fromkeys(notes)))


def read_dataset(opened: list[Opened], roles: Roles, *, dialect: Dialect, recipe: Recipe, notes: list[str]) -> Dataset:
    """Return the columns that play a part of a table, and of the table of rows kept apart if there is one."""
    for other in opened[1:]:
        find_columns([name for name in roles.all if name != roles.group], file=other)
    no_features = [*roles.targets, *filter(None, [roles.group])]
    first = opened[0].read(roles.all, text=[*no_features, *(name for name, kind in roles.declared.items() if kind != "number")])
    columns = choose_kinds(first, roles, notes=notes)
    as_written = [*roles.targets, *words_of(columns)]  # what is words in the first table is read as words in the other
    others = [one.read([name for name in roles.all if name != roles.group], text=as_written) for one in opened[1:]]
    tables = [first, *others]
    if recipe.missing == "drop":
        tables = [without_missing(table, columns, dialect=dialect, notes=notes) for table in tables]
    cells = {"decimal": dialect.point, "notes": notes}
    raw = [{c.name: read_column(t, c, na=dialect.na, missing=recipe.missing, **cells) for c in columns} for t in tables]
    labels = read_targets(tables, names=roles.targets, na=list(dialect.na), **cells)
    weights = [read_weight(table, roles.weight, **cells) for table in tables]
    has_test = len(tables) > 1
    return Dataset(
        x=raw[0],
        y=labels[0],
        columns=tuple(columns),
        recipe=recipe,
        target_names=tuple(roles.targets),
        test=(raw[1], labels[1]) if has_test else None,
        weights=weights[0],
        test_weights=weights[1] if has_test else None,
        groups=read_groups(tables[0], roles.group) if roles.group else None,
        notes=tuple(dict.fromkeys(notes)),
    )


def as_list(value: Any) -> list[Any]:
    """Return a list as it is, one word as a list of one, and None as an empty list."""
    return [] if value is None else [value] if isinstance(value, str | int | float) else list(value)


def read_groups(table: Table, name: str) -> np.ndarray:
    """Return what each row belongs to, as text (rows,); raise DataError for a missing one."""
    cells = table.frame[name].str.strip()
    refuse_missing((cells == "").to_numpy(), what=f"group {quoted(name)}", table=table, fix="give every row one")
    return cells.to_numpy(dtype="object")


def choose_columns(
    file: Opened,
    *,
    target: Any,
    columns: Any,
    inputs: Any,
    declared: dict[str, Any],
    drop: Any,
    weight: Any,
    group: Any,
    notes: list[str],
) -> Roles:
    """Return the part that each column plays; raise DataError for an unknown one, ConfigError for two parts."""
    targets = find_columns(as_list(target), file=file, setting="target")
    dropped = find_columns(as_list(drop), file=file, setting="drop")
    weights = find_columns(as_list(weight), file=file, setting="sample_weight")
    together = find_columns(as_list(group), file=file, setting="group")
    refuse_target(targets, names=weights, setting="sample_weight")
    groups = group_columns(inputs, file=file)
    listed_ones = find_columns(as_list(columns), file=file, setting="columns") or list(groups)
    features = listed_ones or [name for name in file.names if name not in (*targets, *dropped, *weights, *together)]
    if not listed_ones:
        features = drop_unnamed(features, notes=notes)
    settings = {"category": "categorical", "number": "numeric", "text": "text", "date": "dates"}
    found = {
        settings[kind]: find_columns(as_list(names), file=file, setting=settings[kind]) for kind, names in declared.items()
    }
    for setting, names in {"drop": dropped, "columns": listed_ones, **found}.items():
        refuse_target(targets, names=names, setting=setting)
    for setting, names in found.items():
        stray = next((name for name in names if name not in features), None)
        if stray is not None:
            raise ConfigError(f"data.{setting} names {quoted(stray)}, which is no feature; add it to data.columns")
    twice = first_repeated([name for names in found.values() for name in names])
    if twice is not None:
        raise ConfigError(
            f"data.{' and data.'.join(s for s in found if twice in found[s])} both name {quoted(twice)}; keep one"
        )
    if not features:
        raise DataError(f"{file.name} has no feature columns beside the target; check data.target and data.drop")
    kinds = {name: kind for kind, setting in settings.items() for name in found[setting]}
    return Roles(targets, features, kinds, groups, next(iter(weights), None), next(iter(together), None))


def group_columns(inputs: Any, *, file: Opened) -> dict[str, str]:
    """Return the input that each column goes to, {} where there is but one.

    Raises ConfigError for anything but lists of columns by name, and for a column in two of them.
    """
    if inputs is None:
        return {}
    if not isinstance(inputs, dict):
        raise ConfigError(
            f"data.inputs must be lists of columns by name, got {inputs!r}; type 'data.inputs={{left:[a,b],right:[c]}}'"
        )
    found = {str(name): find_columns(as_list(names), file=file, setting=f"inputs.{name}") for name, names in inputs.items()}
    twice = first_repeated([name for names in found.values() for name in names])
    if twice is not None:
        raise ConfigError(f"data.inputs has {quoted(twice)} twice; a column goes to one input")
    return {name: group for group, names in found.items() for name in names}


def find_columns(names: list[Any], *, file: Opened, setting: str = "columns") -> list[str]:
    """Return names and positions as names of a file's columns.

    Raises DataError for one that the file does not have, ConfigError for one that is listed twice.
    """
    found = [find_column(name, file=file) for name in names]
    twice = first_repeated(found)
    if twice is not None:
        raise ConfigError(f"data.{setting} lists {quoted(twice)} twice; name it once")
    return found


def find_column(name: Any, *, file: Opened) -> str:
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


def choose_kinds(table: Table, roles: Roles, *, notes: list[str]) -> list[Column]:
    """Return the features with their kinds, without identifiers that nobody declared; what was read is noted."""
    kinds = {name: roles.declared.get(name) or kind_of(table, name) for name in roles.features}
    left_out = [name for name, kind in kinds.items() if kind == "identifier"]
    if len(left_out) == len(kinds):
        raise DataError(f"every feature of {table.name} differs in every row, as identifiers do; name one in data.categorical")
    chosen = [Column(name, kind, roles.groups.get(name, "numbers")) for name, kind in kinds.items() if kind != "identifier"]
    own = [column.key for column in chosen if column.kind in ("category", "text")]
    twice = first_repeated([*own, *{column.group for column in chosen}]) or first_repeated([column.key for column in chosen])
    if twice is not None:
        raise DataError(f"{quoted(twice)} is the name of two inputs of the model; rename one column")
    notes.extend(filter(None, [told(chosen, left_out)]))
    return chosen


def without_missing(table: Table, columns: list[Column], *, dialect: Dialect, notes: list[str]) -> Table:
    """Return the table without the rows that lack a feature, which is noted."""
    import numpy as np

    bad = np.zeros(len(table.frame), dtype=bool)
    for column in columns:
        cells = read_column(table, column, decimal=dialect.point, na=dialect.na, missing="drop", notes=[])
        bad |= (cells == "") if cells.dtype == object else np.isnan(cells)
    if bad.all():
        raise DataError(f"every row of {table.name} lacks a value; set data.missing=mean, or data.drop=[COLUMN]")
    if bad.any():
        rows, first = counted(int(bad.sum()), "row"), table.where(int(bad.argmax()))
        notes.append(f"{rows} of {len(bad):,} left out for missing values (first: {first})")
    return table.at(np.flatnonzero(~bad))


def read_weight(table: Table, name: str | None, *, decimal: str, notes: list[str]) -> np.ndarray | None:
    """Return the column of row weights, None where there is none."""
    if name is None:
        return None
    weights = read_numbers(table, name=name, decimal=decimal, missing="drop", notes=notes)
    refuse_missing(weights != weights, what=f"sample_weight {quoted(name)}", table=table, fix="give every row one")
    if (weights < 0).any():
        raise DataError(
            f"sample_weight {quoted(name)} is below 0 ({table.cell(name, int(weights.argmin()))}); weights go from 0 up"
        )
    return weights


def classes_with(positive: str | int | None, labels: np.ndarray, *, name: str) -> tuple[Any, ...]:
    """Return two classes in such an order that `positive` is the second; () where nobody said which is.

    Raises ConfigError for a label that is none, and where there are not two.
    """
    if positive is None:
        return ()
    if labels.ndim > 1:
        raise ConfigError("data.positive is for a target of two classes, and there are several targets; leave it out")
    classes = sorted(set(labels.tolist()))
    meant = [label for label in classes if str(label).lower() == str(positive).strip().lower()]
    if len(classes) != 2:
        raise ConfigError(f"data.positive is for a target of two classes, and {quoted(name)} has {len(classes)}; leave it out")
    if not meant:
        hint = did_you_mean(str(positive), [str(label) for label in classes]) or f"; its classes are {listed(classes)}"
        raise ConfigError(f"data.positive: {quoted(name)} has no class {quoted(positive)}{hint}")
    return (*(label for label in classes if label not in meant), *meant)
