"""A table in time order, read as windows of a series: what was, and what comes next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lossmetric_cli.data.columns import read_mixed
from lossmetric_cli.data.dataset import Dataset
from lossmetric_cli.data.generators import check_whole
from lossmetric_cli.data.sentences import counted, quoted
from lossmetric_cli.data.table import Dialect, Opened, Table, open_table
from lossmetric_cli.data.tables import NA_WORDS, as_list, drop_unnamed, find_columns, refuse_target
from lossmetric_cli.data.windows import cut
from lossmetric_cli.errors import ConfigError, DataError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

WAYS = ("refuse", "forward", "interpolate")
#: Steps that are so many times as long as the usual one are gaps.
LONG_STEP = 1.5


@dataclass
class Reading:
    """How the cells of a table become numbers, and what was noticed on the way."""

    decimal: str
    missing: str
    notes: list[str] = field(default_factory=list)


def series(
    *,
    path: str,
    target: str | int | Sequence[str | int],
    lookback: int = 24,
    horizon: int = 1,
    stride: int = 1,
    columns: Sequence[str | int] | None = None,
    time: str | int | None = None,
    time_format: str | None = None,
    season: int | None = None,
    missing: str = "refuse",
    drop: Sequence[str | int] = (),
    header: bool = True,
    sep: str = "auto",
    decimal: str = ".",
    na: Sequence[str] = NA_WORDS,
    encoding: str = "utf-8",
) -> Dataset:
    """Return the windows of a delimited text file whose rows are steps in time, x (windows, lookback, channels).

    y is what the target columns are in the `horizon` steps after each window (see `windows.cut`). The channels are every
    column of numbers, the targets among them, unless `columns` lists them. With `time` the rows are sorted by that column,
    of numbers or of times: ISO 8601, or as `time_format` has it (Python's strptime). `missing` says what a missing value
    becomes: "forward" the value before it, "interpolate" the straight line between its neighbours, which looks ahead.

    Raises DataError for what is wrong in the file, with its line, and ConfigError for settings that exclude each other.
    """
    check_whole(least=1, lookback=lookback, horizon=horizon, stride=stride, **({} if season is None else {"season": season}))
    if missing not in WAYS:
        raise ConfigError(f"data.missing must be refuse, forward or interpolate, got {quoted(missing)}")
    words = tuple(str(word) for word in as_list(na))
    dialect = Dialect(sep=sep, decimal=decimal, na=words, encoding=encoding, header=header, least_columns=1)
    file = open_table(path, dialect=dialect)
    targets = find_columns(as_list(target), file=file, setting="target")
    when = find_columns(as_list(time), file=file, setting="time")
    refuse_target(targets, names=when, setting="time")
    reading = Reading(dialect.point, missing, file.notes)
    table = file.read(file.names, text=when)
    check_contiguous(table)
    if when:
        table = in_order(table, name=when[0], form=time_format, notes=reading.notes)
    names = choose_channels(file, table, targets=targets, time=when, columns=columns, drop=drop, notes=reading.notes)
    values = {name: read_channel(table, name=name, reading=reading) for name in dict.fromkeys([*names, *targets])}
    dataset = cut(
        stacked([values[name] for name in names]).astype("float32"),
        stacked([values[name] for name in targets]),
        names=names,
        target_names=targets,
        lookback=lookback,
        horizon=horizon,
        stride=stride,
        season=season,
        source=file.name,
    )
    return replace(dataset, notes=(*dict.fromkeys(reading.notes), *dataset.notes))


def stacked(columns: list[np.ndarray]) -> np.ndarray:
    """Return columns (steps,) side by side, (steps, columns)."""
    import numpy as np

    return np.stack(columns, axis=1)


def check_contiguous(table: Table) -> None:
    """Raise DataError for a blank line inside a file of one column, where it can be a missing value."""
    import numpy as np

    lines = table.lines
    blank = np.flatnonzero(np.diff(lines) > 1)
    if table.frame.shape[1] == 1 and len(blank):
        where = f"{table.name} line {lines[blank[0]] + 1}"
        raise DataError(f"{where} is blank; write NA where a step has no value, or remove the line")


def choose_channels(
    file: Opened, table: Table, *, targets: list[str], time: list[str], columns: Any, drop: Any, notes: list[str]
) -> list[str]:
    """Return the columns that a window shows; text columns are left out with a note unless `columns` lists them."""
    dropped = find_columns(as_list(drop), file=file, setting="drop")
    refuse_target(targets, names=dropped, setting="drop")
    listed = find_columns(as_list(columns), file=file, setting="columns")
    if listed:
        stray = next((name for name in listed if name in time), None)
        if stray is not None:
            raise ConfigError(f"data.columns names the time {quoted(stray)}; take it out of one of the two")
        return listed
    there = drop_unnamed([name for name in file.names if name not in (*dropped, *time)], notes=notes)
    words = [name for name in there if name not in targets and is_text(table.frame[name])]
    for name in words:
        hint = "" if time else f"; if it is the time of the rows, type data.time={name}"
        notes.append(f"column {quoted(name)} holds text and is no channel{hint}")
    return [name for name in there if name not in words]


def is_text(column: pd.Series) -> bool:
    """Return whether a column as pandas read it has no number in it."""
    import pandas as pd

    return column.dtype.kind not in "biuf" and bool(pd.to_numeric(column, errors="coerce").isna().all())


def in_order(table: Table, *, name: str, form: str | None, notes: list[str]) -> Table:
    """Return the table sorted by its column of times; unsorted, repeated and missing times go to the notes."""
    import numpy as np

    when = read_times(table, name=name, form=form)
    steps = np.diff(when)
    back = np.flatnonzero(steps < 0)
    if len(back):
        order = np.argsort(when, kind="stable")
        notes.append(f"rows are sorted by {quoted(name)} ({table.cell(name, back[0] + 1)} is earlier than the line before)")
        table = table.at(order)
        steps = np.diff(when[order])
    again = np.flatnonzero(steps == 0)
    if len(again):
        found = f"{counted(len(again), 'row')} of {quoted(name)} at the time of another ({table.cell(name, again[0] + 1)})"
        notes.append(f"{found}: one step each; several series in one file want a file each")
    usual = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
    gaps = np.flatnonzero(steps > LONG_STEP * usual) if usual else again[:0]
    if len(gaps):
        found = f"{counted(len(gaps), 'gap')} in {quoted(name)}, first after {table.cell(name, gaps[0])}"
        notes.append(f"{found}: windows go across as if no time were missing")
    return table


def read_times(table: Table, *, name: str, form: str | None) -> np.ndarray:
    """Return a column of times as float64 (rows,): numbers as they are, else seconds; DataError names the line of another."""
    import pandas as pd

    cells = table.frame[name].str.strip()
    numbers = pd.to_numeric(cells, errors="coerce")
    if form is None and not numbers.isna().any():
        return numbers.to_numpy(dtype="float64")
    try:
        found = pd.to_datetime(cells, format=form or "ISO8601", errors="coerce", utc=True)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"data.time_format={quoted(form)} is no format of times ({error}); try %d.%m.%Y %H:%M") from error
    wrong = found.isna().to_numpy().nonzero()[0]
    if len(wrong):
        like = f"as {quoted(form)}" if form else "a number or ISO 8601 (2026-01-31 23:00)"
        raise DataError(
            f"time {quoted(name)} is not {like} in {counted(len(wrong), 'row')} ({table.cell(name, wrong[0])}); "
            "set data.time_format, such as %d.%m.%Y %H:%M"
        )
    return (found - pd.Timestamp(0, tz="UTC")).dt.total_seconds().to_numpy(dtype="float64")


def read_channel(table: Table, *, name: str, reading: Reading) -> np.ndarray:
    """Return a column as float64 (steps,) with its missing values filled; raise DataError for those that cannot be."""
    import numpy as np

    column = table.frame[name]
    if column.dtype.kind not in "biuf":
        column = read_mixed(
            table, name=name, decimal=reading.decimal, fix="a series is numbers: fix the line, or another column"
        )
    values = column.to_numpy(dtype="float64", copy=True)
    with np.errstate(over="ignore"):
        infinite = np.isinf(values.astype("float32"))
    refuse(infinite, table, f"column {quoted(name)} has {counted(int(infinite.sum()), 'infinite value')}", "fix or remove them")
    empty = np.isnan(values)
    if not empty.any():
        return values
    found = f"column {quoted(name)} has {counted(int(empty.sum()), 'missing value')}"
    if reading.missing == "refuse":
        refuse(empty, table, found, "fill them, or type data.missing=forward or interpolate")
    filled = column.ffill() if reading.missing == "forward" else column.interpolate(limit_area="inside")
    values = filled.to_numpy(dtype="float64")
    open_ended = np.isnan(values)
    refuse(open_ended, table, f"column {quoted(name)} has no value to fill from", "remove the lines at this end")
    first = table.lines[int(empty.argmax())]
    by = "the value before" if reading.missing == "forward" else "a straight line"
    reading.notes.append(f"{found} (first: line {first}), filled by {by}")
    return values


def refuse(wrong: np.ndarray, table: Table, found: str, fix: str) -> None:
    """Raise DataError, with the line of the first wrong value, if there is one."""
    if wrong.any():
        raise DataError(f"{found} (first: {table.where(int(wrong.argmax()))}); {fix}")
