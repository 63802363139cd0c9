"""Tables larger than memory: read block by block, encoded onto the disk, and drawn from there batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lossmetric_cli.data.columns import Column, read_column, words_of
from lossmetric_cli.data.delimited import explained, has_parquet
from lossmetric_cli.data.rowfile import Shelf
from lossmetric_cli.data.sentences import counted, quoted
from lossmetric_cli.data.table import Dialect, Opened, Table, open_bytes
from lossmetric_cli.data.targets import read_targets
from lossmetric_cli.errors import ConfigError, DataError

if TYPE_CHECKING:
    import numpy as np

    from lossmetric_cli.data.encoder import Encoder

#: Bytes of text that are read at once.
_BLOCK = 4 * 2**20
#: A file from so many bytes on is streamed unless data.stream=false.
LARGE = 2 * 2**30


def blocks(paths: Sequence[str], *, dialect: Dialect) -> Iterator[Opened]:
    """Yield the records of text files block by block, each looked through like a file of its own, lines counted on.

    Raises ConfigError for files that cannot be cut at the ends of their lines.
    """
    if dialect.encoding.lower().startswith(("utf-16", "utf-32", "utf16", "utf32")):
        raise ConfigError(f"data.encoding={dialect.encoding} cannot be read block by block; type data.stream=false")
    for path in paths:
        file = Path(path).expanduser()
        with explained(path), file.open("rb") as stream:
            head = stream.readline() if dialect.header else b""
            if has_parquet(head):
                raise ConfigError(f"{file.name} is a Parquet file, which is read whole; type data.stream=false")
            before, text = 0, b""
            for text in _records(stream):
                yield open_bytes(head + text, name=file.name, dialect=dialect, before=before)
                before += text.count(b"\n")
            if not text:  # a header alone, or nothing: the error says so
                yield open_bytes(head, name=file.name, dialect=dialect, before=0)


def _records(stream: Any) -> Iterator[bytes]:
    """Yield blocks of whole lines, cut where no quoted field is open."""
    kept: list[bytes] = []
    is_open = False
    size = 0
    for line in stream:
        kept.append(line)
        size += len(line)
        is_open ^= bool(line.count(b'"') % 2)
        if size >= _BLOCK and not is_open:
            yield b"".join(kept)
            kept, size = [], 0
    if kept:
        yield b"".join(kept)


@dataclass
class Stream:
    """A table whose columns stay in their files until they are encoded; `head` holds the raw cells of its first block."""

    paths: list[str]
    columns: list[Column]
    dialect: Dialect
    missing: str
    head: dict[str, np.ndarray]
    rows: int

    def __len__(self) -> int:
        return self.rows

    def known(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return of some rows those that `head` holds."""
        there = rows[rows < len(next(iter(self.head.values())))]
        return {name: cells[there] for name, cells in self.head.items()}

    def encode(self, encoder: Encoder) -> Any:
        """Return all rows as a model reads them, on the disk: a dict by input, or the one array of numbers."""
        with Shelf() as shelf:
            for opened in blocks(self.paths, dialect=self.dialect):
                arrays = encoder.encode(self.raw(opened.read([c.name for c in self.columns], text=words_of(self.columns))))
                shelf.add(arrays if isinstance(arrays, dict) else {"numbers": arrays})
            found = shelf.arrays()
        return found["numbers"] if list(found) == ["numbers"] else found

    def raw(self, table: Table) -> dict[str, np.ndarray]:
        """Return the cells of a block."""
        cells = {"decimal": self.dialect.point, "na": self.dialect.na, "missing": self.missing, "notes": []}
        return {column.name: read_column(table, column, **cells) for column in self.columns}


def read_labels_of(paths: list[str], names: list[str], *, dialect: Dialect, notes: list[str]) -> np.ndarray:
    """Return the targets of all rows, (rows,) or (rows, targets); raise DataError where some are text and some numbers."""
    import numpy as np

    found = []
    for opened in blocks(paths, dialect=dialect):
        table = opened.read(names, text=names)
        found += read_targets([table], names=names, decimal=dialect.point, na=list(dialect.na), notes=notes)
    kinds = {"text" if labels.dtype.kind in "OU" else "numbers" for labels in found}
    if len(kinds) > 1:
        raise DataError(f"target {quoted(names[0])} holds numbers in some lines and text in others; give its labels one type")
    return np.concatenate(found)


def told(paths: list[str], rows: int, seen: int) -> list[str]:
    """Return what is to be said of a table that is streamed."""
    size = sum(Path(path).expanduser().stat().st_size for path in paths)
    how = f"{counted(rows, 'row')} of {size / 2**30:.2g} GB are streamed from the disk (data.stream)"
    return [f"{how}; kinds, categories and fills are read off the first {seen:,} of them"] if seen < rows else [how]


def is_large(paths: Sequence[str]) -> bool:
    """Return whether text files are too large to be read whole; Parquet is always read so."""
    files = [Path(path).expanduser() for path in paths]
    try:
        return sum(file.stat().st_size for file in files if file.suffix.lower() not in (".parquet", ".pq")) >= LARGE
    except OSError:  # what cannot be opened is told of where it is read
        return False


def first_block(paths: list[str], *, dialect: Dialect) -> Opened:
    """Return the first records of text files."""
    return next(blocks(paths, dialect=dialect))
