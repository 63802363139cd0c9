"""Rows that lie on the disk and are read as they are needed: more of them than memory holds."""

from __future__ import annotations

import mmap
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from types import TracebackType
from typing import TYPE_CHECKING, Any

from lossmetric_cli import store

if TYPE_CHECKING:
    import numpy as np

#: Rows that are looked at at once.
BLOCK = 65_536


class RowFile:
    """An array (rows, …) in a file, of which an index reads a part: `rows[:64]`, `rows[numbers]`.

    `view` is some of its rows without reading them. What was read is given back to the system at once, so that a
    process holds no more of it than it works with.
    """

    def __init__(self, whole: np.memmap, rows: np.ndarray | None = None) -> None:
        self._whole = whole
        self._rows = rows
        self.shape = (len(whole) if rows is None else len(rows), *whole.shape[1:])
        self.dtype = whole.dtype
        self.ndim = whole.ndim
        self.size = int(self.shape[0] * max(1, whole[:1].size))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> np.ndarray:
        """Return the rows of an index, read into memory."""
        import numpy as np

        chosen = index if self._rows is None else self._rows[index]
        found = np.array(self._whole[chosen])
        self._whole._mmap.madvise(mmap.MADV_DONTNEED)
        return found

    def view(self, rows: np.ndarray) -> RowFile:
        """Return some of the rows, still on the disk."""
        return RowFile(self._whole, rows if self._rows is None else self._rows[rows])

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield the rows, so many at a time."""
        for start in range(0, len(self), BLOCK):
            yield self[start : start + BLOCK]


class Shelf:
    """A folder for arrays that grow block by block; it is removed when nobody reads them any more.

    Use it as a context: what fails inside leaves nothing behind.
    """

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="lmrun-"))
        self._files: dict[str, Any] = {}
        self._facts: dict[str, tuple[str, tuple[int, ...], int]] = {}

    def add(self, arrays: dict[str, np.ndarray]) -> None:
        """Append a block of rows to each array."""
        for number, (name, array) in enumerate(arrays.items()):
            if name not in self._files:
                self._files[name] = store.scratch(self._folder / f"{number}.rows")
            array.tofile(self._files[name])
            known = self._facts.get(name, ("", (), 0))[2]
            self._facts[name] = (array.dtype.str, array.shape[1:], known + len(array))

    def __enter__(self) -> Shelf:
        """Return the shelf itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the files; remove them where something failed."""
        for file in self._files.values():
            file.close()
        if error is not None:
            rmtree(self._folder, ignore_errors=True)

    def arrays(self) -> dict[str, RowFile]:
        """Return the arrays by name, whole."""
        import numpy as np

        found = {}
        for name, file in self._files.items():
            file.flush()
            dtype, shape, rows = self._facts[name]
            whole = np.memmap(file.name, dtype=dtype, mode="r", shape=(rows, *shape))
            found[name] = RowFile(whole)
            weakref.finalize(whole, rmtree, self._folder, ignore_errors=True)
        return found
