"""What a user should know about the parts before trusting a run, a sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossmetric_cli.data.inputs import arrays_of
from lossmetric_cli.data.rowfile import RowFile
from lossmetric_cli.data.sentences import counted, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lossmetric_cli.data.dataset import Data

#: The largest class may have so many times the training rows of the smallest before it is worth a word.
MOST_IMBALANCE = 10
#: Rows that columns are looked at in.
_MOST_ROWS = 200_000


def remarks(data: Data) -> list[str]:
    """Return the sentences that the parts deserve: columns, classes and rows that can mislead."""
    return [*remark_columns(data), *remark_classes(data), *remark_repeats(data)]


def remark_columns(data: Data) -> Iterator[str]:
    """Yield a sentence on features that are constant over the training rows, and on equal ones."""
    x = data.train.x["numbers"] if isinstance(data.train.x, dict) and "numbers" in data.train.x else data.train.x
    if isinstance(x, dict) or x.ndim != 2:
        return
    x = x[:_MOST_ROWS]
    names = data.feature_names if len(data.feature_names) == x.shape[1] else [f"x[{i}]" for i in range(x.shape[1])]
    constant = (x.min(axis=0) == x.max(axis=0)).nonzero()[0]
    if len(constant):
        first = constant[0]
        what = f"{counted(len(constant), 'feature')} {'is' if len(constant) == 1 else 'are'} constant"
        yield f"{what} over the training rows ({quoted(names[first])} is {x[0, first]:g})"
    seen: dict[int, int] = {}
    for column in range(x.shape[1]):
        earlier = seen.setdefault(hash(x[:, column].tobytes()), column)
        if earlier != column and column not in constant:
            yield f"features {quoted(names[earlier])} and {quoted(names[column])} are equal in every training row"
            return


def remark_classes(data: Data) -> Iterator[str]:
    """Yield a sentence on classes that a part lacks, and on training rows of very unequal classes."""
    counts = data.class_counts
    for part, rows in counts.items():
        absent = [label for label, count in rows.items() if count == 0]
        if absent:
            total = sum(others[absent[0]] for others in counts.values())
            more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
            word = "training" if part == "train" else "validation" if part == "val" else part
            yield f"class {quoted(absent[0])}{more} has no {word} row ({counted(total, 'row')} in all)"
    there = {label: count for label, count in counts.get("train", {}).items() if count}
    if there and max(there.values()) > MOST_IMBALANCE * min(there.values()):
        most, least = max(there, key=there.__getitem__), min(there, key=there.__getitem__)
        yield (
            f"classes are unbalanced: {there[most]:,} training rows of {quoted(most)}, "
            f"{there[least]:,} of {quoted(least)}; look at more than accuracy, or type class_weight=balanced"
        )


def remark_repeats(data: Data) -> Iterator[str]:
    """Yield a sentence on rows of other parts whose inputs are also those of a training row."""
    if any(isinstance(array, RowFile) for array in arrays_of(data.train.x)):
        return
    known = set(row_hashes(data.train.x))
    for part, word in ((data.val, "validation"), (data.test, "test")):
        if part is not None:
            repeats = sum(row in known for row in row_hashes(part.x))
            if repeats:
                yield f"{repeats:,} of {counted(len(part), f'{word} row')} {'is' if repeats == 1 else 'are'} also in training"


def row_hashes(x: Any) -> list[int]:
    """Return the hash of each row: equal rows have equal ones."""
    arrays = arrays_of(x)
    return [hash(tuple(array[row].tobytes() for array in arrays)) for row in range(len(arrays[0]))]
