"""Delimited text files: read strictly, so that a damaged line is refused by its number."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from csv import Error, reader
from dataclasses import dataclass, field
from io import BytesIO, StringIO
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lossmetric_cli.data.sentences import counted, quoted
from lossmetric_cli.errors import ConfigError, DataError, did_you_mean

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "space": " "}
#: What a file may be separated by, the rarest inside numbers and names first.
GUESSES = ("\t", ";", "|", ",", " ")
DECIMALS = {".": ".", "point": ".", ",": ",", "comma": ","}
#: The first bytes of files that are no text.
PACKED = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip or xlsx",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x93NUMPY": "npy",
    b"\x89HDF": "HDF5",
}


@dataclass
class TextFile:
    """A delimited text file whose records all have as many fields as there are column names.

    `lines` (records,) is the line each record starts on, counted from 1 as editors do, `left_out` those of other fields.
    """

    name: str
    text: str
    sep: str
    has_header: bool
    names: list[str]
    lines: np.ndarray
    notes: list[str] = field(default_factory=list)
    word: str = "line"
    left_out: list[int] = field(default_factory=list)


def has_parquet(content: bytes) -> bool:
    """Return whether a file's bytes are those of Parquet."""
    return content.startswith(b"PAR1")


def read_text_file(
    content: bytes,
    *,
    name: str,
    sep: str,
    encoding: str,
    header: bool,
    bad_rows: str = "error",
    least_columns: int = 2,
    before: int = 0,
) -> TextFile:
    """Return a file whose separator, column names and number of fields a line are sound.

    Columns without a header are named by their position, "0" first. With `bad_rows` "skip", lines of another number of
    fields are left out, with a note. Of a part of a file `before` lines lie between its header and it. Raises DataError
    for what is wrong with the file, with the line, and ConfigError for an unknown `sep` or `encoding`.
    """
    text = decode(content, name=name, encoding=encoding)
    left_out: list[int] = []
    separator, notes = choose_separator(text, sep=sep, name=name)
    if separator == " ":
        text = re.sub(r"^ +| +$", "", re.sub(r" {2,}", " ", text), flags=re.MULTILINE)
    if bad_rows == "skip":
        text, left_out = blank_bad_lines(text, sep=separator, name=name, before=before)
        notes += told_of_bad(name, left_out)
    first, lines = scan(text, sep=separator, name=name, before=before)
    if not first:
        raise DataError(f"{name} is empty; data.path wants a table with a header and rows")
    if len(first) == 1:
        check_one_column(text, name=name, header=first[0], least_columns=least_columns)
    names = [str(position) for position in range(len(first))]
    if header:
        names, lines = name_columns(first, name=name, notes=notes), lines[1:]
    if not len(lines):
        raise DataError(f"{name} has a header and no rows; nothing to learn")
    return TextFile(name, text, separator, header, names, lines, notes, left_out=left_out)


def read_bytes(path: str) -> bytes:
    """Return a file's bytes; raise DataError when there is none or it cannot be read."""
    with explained(path):
        return Path(path).expanduser().read_bytes()


@contextmanager
def explained(path: Any) -> Iterator[None]:
    """Raise DataError that says what is wrong with a file where it cannot be opened or read."""
    file = Path(path).expanduser()
    if "://" in str(path):
        raise DataError(f"{quoted(path, limit=80)} is an address; download the file and give its path as data.path")
    try:
        if file.is_char_device() or file.is_block_device():
            raise DataError(f"{quoted(path, limit=80)} is a device, which never ends; data.path wants a file")
        yield
    except IsADirectoryError as error:
        raise DataError(f"{quoted(path, limit=80)} is a directory; data.path wants a file") from error
    except FileNotFoundError as error:
        near = did_you_mean(file.name, [other.name for other in file.parent.glob("*") if other.is_file()])
        hint = near or "; data.path is taken from the folder where lmrun starts"
        raise DataError(f"data file {quoted(path, limit=80)} not found{hint}") from error
    except OSError as error:
        raise DataError(f"cannot read data file {quoted(path, limit=80)}: {error.strerror}; check data.path") from error


def decode(content: bytes, *, name: str, encoding: str) -> str:
    """Return a file's text with `\\n` at line ends and without a byte order mark."""
    packed = next((form for start, form in PACKED.items() if content.startswith(start)), None)
    if packed:
        raise DataError(f"{name} is a {packed} file; lmrun reads plain text: unpack it or save it as CSV")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) and "16" not in encoding:
        raise DataError(f"{name} is UTF-16; set data.encoding=utf-16")
    try:
        text = content.decode(encoding)
    except LookupError as error:
        raise ConfigError(f"data.encoding={encoding} is unknown; try utf-8, latin-1 or utf-16") from error
    except UnicodeError as error:
        raise DataError(undecodable(content, error=error, name=name, encoding=encoding)) from error
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def undecodable(content: bytes, *, error: UnicodeError, name: str, encoding: str) -> str:
    """Return the sentence on the first byte that is not in the encoding."""
    other = "utf-8" if encoding.lower() == "latin-1" else "latin-1"
    where = ""
    if isinstance(error, UnicodeDecodeError):
        line = content.count(b"\n", 0, error.start) + 1
        where = f" (byte 0x{content[error.start]:02x} at line {line})"
    return f"{name} is not {encoding.upper()}{where}; try data.encoding={other}"


def choose_separator(text: str, *, sep: str, name: str) -> tuple[str, list[str]]:
    """Return the separator that `sep` names or, for "auto", finds, and a note when it is found and no comma."""
    if sep != "auto":
        separator = SEPARATORS.get(sep, sep)
        if len(separator) != 1 or separator in '"\n\r':
            words = "auto, comma, semicolon, tab, space or one character"
            raise ConfigError(f"data.sep must be {words}, got {quoted(sep)}")
        return separator, []
    found = guess_separator(text, known=("\t", ";", ","))
    return found, [] if found == "," else [f"{name} is read as {separator_word(found)}-separated"]


def guess_separator(text: str, *, known: Sequence[str] = GUESSES) -> str:
    """Return the first of the known separators that cuts each of the first lines into as many fields.

    When none does, the one that is most frequent in the first line; a comma when none is in it.
    """
    start = list(islice(filter(str.strip, StringIO(text)), 20))
    for sep in known:
        if start and sep in start[0] and cuts_evenly(start, sep=sep):
            return sep
    best = max(known, key=start[0].count) if start else ","
    return best if start and best in start[0] else ","


def cuts_evenly(lines: list[str], *, sep: str) -> bool:
    """Return whether a separator cuts every line into the same number of fields, two or more."""
    try:
        widths = {len(record) for record in reader(lines, delimiter=sep)}
    except Error:  # a field longer than the csv module takes
        return False
    return len(widths) == 1 and widths != {1}


def separator_word(sep: str) -> str:
    """Return how data.sep names a separator: `semicolon`, or the character itself."""
    return next((word for word, character in SEPARATORS.items() if character == sep), sep)


def scan(text: str, *, sep: str, name: str, before: int = 0) -> tuple[list[str], np.ndarray]:
    """Return the first record's fields and the line each record starts on.

    Raises DataError for the first record that has more or fewer fields than the first.
    """
    import numpy as np

    first: list[str] = []
    lines = []
    for line, fields in widths(text, sep=sep, name=name, before=before):
        first = first or next(records(text, sep=sep, name=name, before=before))[1]
        if fields != len(first):
            found = counted(fields, "field")
            raise DataError(f"{name} line {line} has {found}, expected {len(first)}; fix it or set data.bad_rows=skip")
        lines.append(line)
    return first, np.array(lines, dtype="int64")


def widths(text: str, *, sep: str, name: str, before: int = 0) -> Iterable[tuple[int, int]]:
    """Return the line of each record that is not blank, and its number of fields; raise DataError for a stray quote."""
    if '"' in text:
        return ((line, len(record)) for line, record in records(text, sep=sep, name=name, before=before))
    written = enumerate(text.split("\n"), before + 1)  # without quotes a line is a record, and counting is ten times as fast
    return ((line, cells.count(sep) + 1) for line, cells in written if sep in cells or cells.strip(" \t"))


def blank_bad_lines(text: str, *, sep: str, name: str, before: int = 0) -> tuple[str, list[int]]:
    """Return the text with the records of another number of fields than the first one blanked, and the lines they start on."""
    written = text.split("\n")
    starts = list(widths(text, sep=sep, name=name))
    bad = [number for number, (_, fields) in enumerate(starts) if fields != starts[0][1]]
    for number in bad:
        end = starts[number + 1][0] if number + 1 < len(starts) else len(written) + 1
        for line in range(starts[number][0], end):
            written[line - 1] = ""
    return "\n".join(written), [starts[number][0] + before for number in bad]


def told_of_bad(name: str, lines: Sequence[int], *, more: str = "") -> list[str]:
    """Return what is to be said of lines that were left out; nothing where there are none."""
    return (
        [f"{counted(len(lines), f'{more}line')} of {name} left out (first: line {lines[0]}), of other fields"] if lines else []
    )


def records(text: str, *, sep: str, name: str, before: int = 0) -> Iterator[tuple[int, list[str]]]:
    """Yield each record that is not blank, after the line it starts on; raise DataError for a stray quote."""
    written = text.split("\n")
    rows = reader((line + "\n" for line in written), delimiter=sep, strict=True)
    line = 1
    try:
        for record in rows:
            # pandas skips lines of spaces and tabs, but not a quoted blank
            if len(record) > 1 or written[line - 1].strip(" \t"):
                yield line + before, record
            line = rows.line_num + 1
    except Error as error:
        raise DataError(f'{name} line {line + before} cannot be read ({error}); look for an open or stray quote (")') from error


def check_one_column(text: str, *, name: str, header: str, least_columns: int) -> None:
    """Raise DataError where one column is too few, or another separator cuts it."""
    sep = guess_separator(text, known=GUESSES if least_columns > 1 else GUESSES[:-1])  # a lone name may have a space in it
    if sep in header:
        word = separator_word(sep)
        option = f"data.sep={word}" if word != sep else f"\"data.sep='{sep}'\""
        raise DataError(f"{name} looks {sep!r}-separated; set {option}")
    if least_columns > 1:
        raise DataError(f"{name} has one column ({quoted(header)}); lmrun needs a target and at least one feature")


def name_columns(fields: list[str], *, name: str, notes: list[str]) -> list[str]:
    """Return column names without blanks around them; what was mended or looks odd goes to the notes.

    Raises DataError for a name that appears twice.
    """
    names = [field.strip() or f"Unnamed: {position}" for position, field in enumerate(fields)]
    if any(field != field.strip() for field in fields):
        notes.append(f"blanks around column names of {name} are stripped")
    numeric = all(re.fullmatch(r"[-+]?\d+([.,]\d*)?", name) for name in names)
    hint = "set data.header=false if line 1 holds data" if numeric else "rename one in line 1"
    twice = first_repeated(names)
    if twice is not None:
        raise DataError(f"column {quoted(twice)} appears twice in {name}; {hint}")
    if numeric:
        notes.append(f"every column name of {name} is a number; {hint}")
    return names


def first_repeated(names: list[str]) -> str | None:
    """Return the first name that stands in the list more than once, or None."""
    return next((name for name, times in Counter(names).items() if times > 1), None)


def parse(file: TextFile, *, text_columns: Sequence[str], decimal: str, na: Sequence[str]) -> pd.DataFrame:
    """Return a file's records as columns, `text_columns` as they are written and the others as numbers.

    Where a number is missing (one of the `na` words) stands NaN; a column that holds text stays text.
    """
    import pandas as pd

    try:
        return pd.read_csv(
            BytesIO(file.text.encode()),
            sep=file.sep,
            header=0 if file.has_header else None,
            names=file.names,
            index_col=False,
            decimal=decimal,
            dtype=dict.fromkeys(text_columns, str),
            na_values={name: list(na) for name in file.names if name not in text_columns},
            keep_default_na=False,
            low_memory=False,
        )
    except pd.errors.ParserError as error:
        raise MemoryError if "out of memory" in str(error) else error from error  # pandas 2.3 has no type for it
