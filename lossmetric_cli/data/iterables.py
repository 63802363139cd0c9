"""Data sets that hand over rows one after the other: tf.data.Dataset and keras.utils.PyDataset, read into memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lossmetric_cli.data.arrays import as_pictures
from lossmetric_cli.data.dataset import Dataset
from lossmetric_cli.data.sentences import counted
from lossmetric_cli.errors import DataError

if TYPE_CHECKING:
    import numpy as np

#: Gigabytes that a stream may take in memory.
MOST = 4.0


def is_stream(source: Any) -> bool:
    """Return whether a source hands over rows one after the other, as tf.data and Keras' data sets do."""
    return hasattr(source, "as_numpy_iterator") or _is_indexed(source)


def _is_indexed(source: Any) -> bool:
    return any(
        kind.__name__ in ("PyDataset", "Sequence") and kind.__module__.startswith("keras") for kind in type(source).__mro__
    )


def read_stream(source: Any, *, memory: float = MOST, batched: bool | None = None) -> Dataset:
    """Return all rows of a stream of pairs (x, y), or of triples with the rows' weights.

    `batched` says whether the pairs are batches, None to find out. Raises DataError for an endless stream, for one that
    hands over something else, and for more than `memory` gigabytes.
    """
    import numpy as np

    if batched is None:
        batched = _is_indexed(source) or _is_batched(source.element_spec)
    pieces: list[list[np.ndarray]] = []
    size = 0
    for item in _items(source):
        piece = [np.asarray(array) if batched else np.asarray(array)[None] for array in item]
        size += sum(array.nbytes for array in piece)
        if size > memory * 1e9:
            rows = counted(sum(len(one[0]) for one in pieces), "row")
            raise DataError(f"the data set takes more than {memory:g} GB in memory, {rows} fill it; take fewer or smaller ones")
        pieces.append(piece)
    if not pieces:
        raise DataError("the data set hands over no row; nothing to learn")
    x, y, *weights = (_joined(arrays) for arrays in zip(*pieces, strict=True))
    kind = "batches" if batched else "rows"
    note = f"{counted(len(x), 'row')} of a {type(source).__name__.lstrip('_')} are read into memory, handed over as {kind}"
    return Dataset(x=as_pictures(x), y=y, weights=weights[0] if weights else None, notes=(note,))


def _joined(arrays: tuple[np.ndarray, ...]) -> np.ndarray:
    """Return batches after one another, text as text; raise DataError where their rows differ."""
    import numpy as np

    if len({array.shape[1:] for array in arrays}) > 1:
        shapes = " and ".join(sorted({str(array.shape[1:]) for array in arrays})[:2])
        raise DataError(f"the data set hands over rows of different shapes, such as {shapes}; make them alike")
    joined = np.concatenate(arrays)
    return np.char.decode(joined.astype("S"), "utf-8") if joined.dtype.kind in "SO" else joined


def _items(source: Any) -> Iterator[tuple[Any, ...]]:
    if _is_indexed(source):
        if source.num_batches is None:
            raise DataError("the PyDataset is endless; give it a number of batches")
        found = (source[number] for number in range(source.num_batches))
    else:
        if int(source.cardinality()) == -1:
            raise DataError("the tf.data.Dataset is endless; return it without repeat(), or with take(BATCHES)")
        found = source.as_numpy_iterator()
    for item in found:
        if not isinstance(item, tuple | list) or len(item) not in (2, 3) or any(isinstance(part, dict) for part in item):
            raise DataError(f"the data set hands over {type(item).__name__}; make it hand over (x, y) or (x, y, weights)")
        yield tuple(item)


def _is_batched(spec: Any) -> bool:
    """Return whether the items of a tf.data.Dataset are batches: its labels have an axis, and it is as long as the inputs'.

    A length that is left open is a batch's; where both have one and it is equal, they are read as batches too.
    """
    if not isinstance(spec, tuple | list) or not all(hasattr(part, "shape") for part in spec[:2]):
        return False
    x, y = (part.shape for part in spec[:2])
    if x.rank is None or y.rank is None:
        return True
    return bool(x.rank and y.rank) and x[0] == y[0]
