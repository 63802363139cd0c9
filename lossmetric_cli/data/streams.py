"""Tables larger than memory: read block by block, encoded onto the disk, and drawn from there batch by batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lossmetric_cli.data.columns import YES_AND_NO, Column, read_column, words_of
from lossmetric_cli.data.delimited import explained, has_parquet, told_of_bad
from lossmetric_cli.data.encoder import absences, filled
from lossmetric_cli.data.rowfile import Shelf
from lossmetric_cli.data.sentences import counted, quoted
from lossmetric_cli.data.table import Dialect, Opened, Table, open_bytes, refuse_other_columns
from lossmetric_cli.data.targets import read_targets
from lossmetric_cli.errors import ConfigError, DataError

if TYPE_CHECKING:
    import numpy as np

    from lossmetric_cli.data.encoder import Encoder, Recipe

#: Bytes of text that are read at once.
_BLOCK = 4 * 2**20
#: A file from so many bytes on is streamed unless data.stream=false.
LARGE = 2 * 2**30
#: Rows that are kept of a category: enough that one of them trains wherever many do.
_PLACES = 16
#: Characters of a date without a time.
_DAY = len("2026-12-31")


def blocks(paths: Sequence[str], *, dialect: Dialect) -> Iterator[Opened]:
    """Yield the records of text files block by block, each looked through like a file of its own, lines counted on.

    Raises ConfigError for files that cannot be cut at the ends of their lines.
    """
    if dialect.encoding.lower().startswith(("utf-16", "utf-32", "utf16", "utf32")):
        raise ConfigError(f"data.encoding={dialect.encoding} cannot be read block by block; type data.stream=false")
    if dialect.bad_rows == "skip" and not dialect.header:
        raise ConfigError("data.bad_rows=skip needs a header to count fields by, or a table read whole; type data.stream=false")
    first = None
    for path in paths:
        for opened in _blocks_of(path, dialect=dialect):
            first = first or opened
            refuse_other_columns(opened.files[0], first.files[0])
            yield opened


def _blocks_of(path: str, *, dialect: Dialect) -> Iterator[Opened]:
    """Yield the records of one file block by block, all of them cut by the separator that its first block shows."""
    file = Path(path).expanduser()
    with explained(path), file.open("rb") as stream:
        head = stream.readline() if dialect.header else b""
        if has_parquet(head):
            raise ConfigError(f"{file.name} is a Parquet file, which is read whole; type data.stream=false")
        before, text = 0, b""
        for text in _records(stream):
            opened = open_bytes(head + text, name=file.name, dialect=dialect, before=before)
            dialect = replace(dialect, sep=opened.files[0].sep)
            yield opened
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
    """A table whose columns stay in their files until they are encoded.

    `head` holds the raw cells of its first block, `words` of each column of categories the values in all rows, each with
    the first rows that have it. `notes` are filled while it is encoded.
    """

    paths: list[str]
    columns: list[Column]
    dialect: Dialect
    recipe: Recipe
    head: dict[str, np.ndarray]
    words: dict[str, dict[str, list[int]]]
    rows: int
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return self.rows

    def known(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return of some rows those that `head` holds."""
        there = rows[rows < len(next(iter(self.head.values())))]
        return {name: cells[there] for name, cells in self.head.items()}

    def learned(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return the cells that an encoder learns some rows by: those of `known`, and of categories each value once."""
        import numpy as np

        chosen = np.zeros(self.rows, dtype=bool)
        chosen[rows] = True
        found = {}
        for name, values in self.words.items():
            there = [value for value, where in values.items() if chosen[where].any()]
            found[name] = np.array(there, dtype="object")
            strange = next((value for value in values if value and value not in set(there)), None)
            if strange is not None:
                told = f"column {quoted(name)} has {counted(len(values) - len(there), 'value')} that no training row has"
                self.notes.append(f"{told} ({quoted(strange, limit=24)}); rows of such count as unknown")
        return self.known(rows) | found

    def encode(self, encoder: Encoder) -> Any:
        """Return all rows as a model reads them, on the disk: a dict by input, or the one array of numbers.

        Raises DataError for what contradicts the kinds of the first block.
        """
        absent: Counter[str] = Counter()
        with Shelf() as shelf:
            for opened in blocks(self.paths, dialect=self.dialect):
                raw = self.raw(opened.read([c.name for c in self.columns], text=words_of(self.columns)))
                absent.update(absences(self.columns, raw))
                arrays = encoder.encode(raw)
                shelf.add(arrays if isinstance(arrays, dict) else {"numbers": arrays})
            found = shelf.arrays()
        self.notes += filled(self.columns, encoder, recipe=self.recipe, absent=absent)
        return found["numbers"] if list(found) == ["numbers"] else found

    def raw(self, table: Table) -> dict[str, np.ndarray]:
        """Return the cells of a block."""
        notes: list[str] = []
        cells = {"decimal": self.dialect.point, "na": self.dialect.na, "missing": self.recipe.missing, "notes": notes}
        found = {column.name: read_column(table, column, **cells) for column in self.columns}
        for column in self.columns:
            self._refuse_another_kind(column, found[column.name], table)
        told = {note.partition("(")[0] for note in self.notes}  # of what many blocks say, the first place is enough
        self.notes += [note for note in notes if note.partition("(")[0] not in told]
        return found

    def _refuse_another_kind(self, column: Column, cells: np.ndarray, table: Table) -> None:
        """Raise DataError for a word that is neither yes nor no, or a time of day, where the first block has none."""
        import numpy as np

        head = self.head[column.name]
        if column.kind == "boolean":
            pair = next(words for words in YES_AND_NO if set(words) & set(head))
            odd, fix = ~np.isin(cells, [*pair, ""]), f"data.categorical=[{column.name}]"
        elif column.kind == "date" and max(map(len, head)) <= _DAY:
            odd, fix = np.array([len(cell) > _DAY for cell in cells]), f"data.drop=[{column.name}], or write all with a time"
        else:
            return
        if odd.any():
            what = "yes or no" if column.kind == "boolean" else "days alone"
            told = f"column {quoted(column.name)} is {what} in the first {counted(len(head), 'row')}"
            raise DataError(f"{told}, but {table.cell(column.name, int(odd.argmax()))}; type {fix}")


@dataclass
class Survey:
    """What a first look through all rows of a table finds: its labels, and the values of its categories (see `Stream`)."""

    labels: np.ndarray
    words: dict[str, dict[str, list[int]]]
    notes: list[str]


def survey(paths: list[str], *, targets: list[str], columns: list[Column], dialect: Dialect, missing: str) -> Survey:
    """Return the targets of all rows, (rows,) or (rows, targets), and what the rows have in columns of categories.

    Raises DataError where some targets are text and some numbers.
    """
    import numpy as np

    categories = [column for column in columns if column.kind == "category"]
    wanted = [*targets, *(column.name for column in categories)]
    words: dict[str, dict[str, list[int]]] = {column.name: {} for column in categories}
    found, notes, left_out, rows = [], [], [], 0
    for opened in blocks(paths, dialect=dialect):
        table = opened.read(wanted, text=wanted)
        (labels,) = read_targets([table], names=targets, decimal=dialect.point, na=list(dialect.na), notes=notes)
        found.append(labels.astype("U") if labels.dtype.kind == "O" and labels.ndim == 1 else labels)
        for column in categories:
            cells = read_column(table, column, decimal=dialect.point, na=dialect.na, missing=missing, notes=[])
            _note_places(words[column.name], cells, before=rows)
        left_out += opened.files[0].left_out if found[1:] else []
        rows += len(labels)
    _refuse_two_types({labels.dtype.kind for labels in found}, name=targets[0])
    notes += told_of_bad("the table", left_out, more="more ")
    return Survey(np.concatenate(found), words, list(dict.fromkeys(notes)))


def _note_places(words: dict[str, list[int]], cells: np.ndarray, *, before: int) -> None:
    """Add to each value the first rows of a block that hold it, `_PLACES` in all."""
    import numpy as np

    values, places = np.unique(cells, return_inverse=True)
    for number, value in enumerate(values.tolist()):
        known = words.setdefault(value, [])
        if len(known) < _PLACES:
            known += (np.flatnonzero(places == number)[: _PLACES - len(known)] + before).tolist()


def _refuse_two_types(kinds: set[str], *, name: str) -> None:
    told = {"O": "text", "U": "text", "b": "true and false"}
    types = sorted({told.get(kind, "numbers") for kind in kinds})
    if len(types) > 1:
        raise DataError(
            f"target {quoted(name)} holds {types[0]} in some lines and {types[1]} in others; give its labels one type"
        )


def told(paths: list[str], rows: int, seen: int) -> list[str]:
    """Return what is to be said of a table that is streamed."""
    size = sum(Path(path).expanduser().stat().st_size for path in paths)
    written = f"{size / 2**30:.3g} GB" if size >= 2**30 else f"{size / 2**20:.3g} MB"
    how = f"{counted(rows, 'row')} of {written} are streamed from the disk (data.stream)"
    return [f"{how}; kinds, fills and words of texts are read off the first {seen:,} of them"] if seen < rows else [how]


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
