"""A table as its files hold it: rows of one or several of them, each with the line it stands on."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lossmetric_cli.data.delimited import DECIMALS, has_parquet, parse, read_bytes, read_text_file
from lossmetric_cli.data.sentences import counted, quoted
from lossmetric_cli.errors import ConfigError, DataError, EnvironmentFault

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

#: Cells of a Parquet file, whose rows are not read block by block: 4 GB of numbers.
LARGEST_PARQUET = 500_000_000


@dataclass
class Table:
    """The records of one or several files of the same columns.

    `frame` holds the columns that were asked for. `files` are the files' names, `word` what a record's place is, a line or
    a row; `file` (rows,) is the file that each record stands in, and `lines` (rows,) its place there.
    """

    frame: pd.DataFrame
    files: list[str]
    word: str
    file: np.ndarray
    lines: np.ndarray

    @property
    def name(self) -> str:
        """What the table is called: its first file."""
        return self.files[0]

    def where(self, row: int) -> str:
        """Return where a row stands, as `x.csv line 3`."""
        return f"{self.files[self.file[row]]} {self.word} {self.lines[row]}"

    def cell(self, name: str, row: int) -> str:
        """Return where a cell stands and what it holds, as `line 3: 'x'`."""
        where = self.where(row) if len(self.files) > 1 else f"{self.word} {self.lines[row]}"
        return f"{where}: {quoted(self.frame[name].iloc[row], limit=24)}"

    def at(self, rows: np.ndarray) -> Table:
        """Return some rows, in the order of their numbers."""
        return Table(self.frame.iloc[rows].reset_index(drop=True), self.files, self.word, self.file[rows], self.lines[rows])


@dataclass(frozen=True)
class Dialect:
    """How text files of a table are written."""

    sep: str = "auto"
    decimal: str = "."
    na: tuple[str, ...] = ()
    encoding: str = "utf-8"
    header: bool = True
    bad_rows: str = "error"
    least_columns: int = 2

    def __post_init__(self) -> None:
        """Refuse words that are none."""
        if self.decimal not in DECIMALS:
            raise ConfigError(f"data.decimal must be point or comma, got {quoted(self.decimal)}")
        if self.bad_rows not in ("error", "skip"):
            raise ConfigError(f"data.bad_rows must be error or skip, got {quoted(self.bad_rows)}")

    @property
    def point(self) -> str:
        """The character between a number's whole part and its decimals."""
        return DECIMALS[self.decimal]


def files_of(path: Any) -> list[str]:
    """Return the files that a path names: one, a list of them, or those that a pattern with `*` fits, in order of name."""
    if isinstance(path, (list, tuple)):
        return [file for one in path for file in files_of(one)]
    if "*" not in str(path) or Path(str(path)).exists():
        return [str(path)]
    pattern = Path(str(path)).expanduser()
    found = sorted(str(file) for file in Path(pattern.anchor or ".").glob(str(pattern.relative_to(pattern.anchor))))
    if not found:
        raise DataError(f"no file fits data.path={quoted(path, limit=80)}; it is taken from the folder where lmrun starts")
    return found


def open_table(path: Any, *, dialect: Dialect) -> Opened:
    """Return the files of a table, looked through but not yet read into columns.

    Raises DataError for what is wrong with a file, with the line, and for files whose columns differ.
    """
    files = files_of(path)
    first = _open(files[0], dialect)
    opened = Opened(first.names, first.has_header, dialect, [first])
    for other in files[1:]:
        file = _open(other, dialect)
        refuse_other_columns(file, first)
        opened.files.append(file)
    return opened


def refuse_other_columns(file: Any, first: Any) -> None:
    """Raise DataError where a file of a table has other columns than the first one."""
    if file.names == first.names:
        return
    strange = next((name for name in file.names if name not in first.names), None)
    told = f"a column {quoted(strange)}" if strange else f"{counted(len(file.names), 'column')} in another order or number"
    raise DataError(f"{file.name} has {told}, and {first.name} has not; give the files the same columns")


@dataclass
class Opened:
    """Files whose columns are known; `read` makes a Table of some of them."""

    names: list[str]
    has_header: bool
    dialect: Dialect
    files: list[Any]

    @property
    def name(self) -> str:
        """What the table is called: its first file."""
        return self.files[0].name

    @property
    def notes(self) -> list[str]:
        """What was mended in the files, a sentence each."""
        return [note for file in self.files for note in file.notes]

    def read(self, columns: Sequence[str], *, text: Sequence[str]) -> Table:
        """Return the columns, those of `text` as they are written and the others as numbers where all cells are."""
        import numpy as np
        import pandas as pd

        if any(file.sep == self.dialect.point for file in self.files):
            raise ConfigError(f"data.sep and data.decimal are both {quoted(self.dialect.point)}; set data.decimal=point")
        frames = [self._frame(file, text)[list(columns)] for file in self.files]
        for name in columns if len(frames) > 1 else ():  # a column that is text in one file is text in all
            if len({frame[name].dtype.kind in "OTUS" for frame in frames}) > 1:
                frames = [self._frame(file, [*text, *columns])[list(columns)] for file in self.files]
                break
        frame = frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
        numbers = np.repeat(np.arange(len(self.files)), [len(file.lines) for file in self.files])
        lines = np.concatenate([file.lines for file in self.files])
        return Table(frame, [file.name for file in self.files], self.files[0].word, numbers, lines)

    def _frame(self, file: Any, text: Sequence[str]) -> pd.DataFrame:
        if isinstance(file, ParquetFile):
            return file.columns(text)
        return parse(file, text_columns=text, decimal=self.dialect.point, na=self.dialect.na)


def _check_cells(content: bytes, *, name: str) -> None:
    """Refuse a Parquet file of so many cells that reading it is an attack on the memory: a few bytes may stand for all."""
    from pyarrow.parquet import read_metadata

    about = read_metadata(io.BytesIO(content))
    cells = about.num_rows * about.num_columns
    if cells > LARGEST_PARQUET:
        raise DataError(f"{name} says that it has {cells:,} cells, and a Parquet file is read whole; save it as CSV")


@dataclass
class ParquetFile:
    """A Parquet file: its columns have types, and its records are counted from 1."""

    name: str
    frame: pd.DataFrame
    lines: np.ndarray
    has_header: bool = True
    sep: str = ""
    word: str = "row"
    notes: list[str] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The columns."""
        return list(self.frame.columns)

    def columns(self, text: Sequence[str]) -> pd.DataFrame:
        """Return the columns; those of `text`, dates and whatever is no number as text, with "" where nothing stands."""
        frame = self.frame.copy(deep=False)
        for name in frame:
            cells = frame[name]
            if cells.dtype.kind == "M":
                cells = cells.dt.strftime("%Y-%m-%d %H:%M:%S").str.removesuffix(" 00:00:00")
            is_number = cells.dtype.kind in "biuf"
            if name in text or not is_number:
                written = cells.map(lambda cell: f"{cell:g}" if isinstance(cell, float) and cell == int(cell) else str(cell))
                frame[name] = written.where(cells.notna(), "" if name in text else float("nan"))
        return frame


def open_bytes(content: bytes, *, name: str, dialect: Dialect, before: int) -> Opened:
    """Return a part of one file after its header, looked through but not yet read; `before` lines lie between the two."""
    file = _opened(content, name, dialect, before)
    return Opened(file.names, file.has_header, dialect, [file])


def _open(path: str, dialect: Dialect) -> Any:
    return _opened(read_bytes(path), Path(path).name, dialect)


def _opened(content: bytes, name: str, dialect: Dialect, before: int = 0) -> Any:
    if not has_parquet(content):
        names = ("sep", "encoding", "header", "bad_rows", "least_columns")
        return read_text_file(content, name=name, before=before, **{name: getattr(dialect, name) for name in names})
    import numpy as np
    import pandas as pd

    try:
        _check_cells(content, name=name)
        frame = pd.read_parquet(io.BytesIO(content))
    except DataError:
        raise
    except ImportError as error:
        raise EnvironmentFault(
            f"{name} is a Parquet file, which needs pyarrow; pip install 'lossmetric_cli[parquet]'"
        ) from error
    except Exception as error:
        raise DataError(f"{name} cannot be read as Parquet ({quoted(error, limit=80)}); write it again") from error
    if not len(frame):
        raise DataError(f"{name} has no rows; nothing to learn")
    frame.columns = [str(column).strip() for column in frame.columns]
    return ParquetFile(name, frame.reset_index(drop=True), np.arange(1, len(frame) + 1))
