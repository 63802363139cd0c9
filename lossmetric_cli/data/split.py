"""Which rows train, which validate and which test: drawn by the seed, in the proportions of the classes."""

from __future__ import annotations

from itertools import count
from math import floor
from typing import TYPE_CHECKING

from lossmetric_cli.data.sentences import counted
from lossmetric_cli.errors import ConfigError, DataError

if TYPE_CHECKING:
    import numpy as np

#: Keeps the draw of the rows apart from the draws of a generator that got the same seed.
SPLIT_STREAM = 1


def holdout(
    *,
    labels: np.ndarray,
    kind: str,
    seed: int,
    split: float = 0.2,
    test_split: float = 0.0,
    stratify: bool = True,
) -> dict[str, np.ndarray]:
    """Return the rows of `train`, `val` and `test`, ascending; they are disjoint and cover every row.

    `split` and `test_split` are shares of all rows. With `stratify`, binary and multiclass tasks keep the
    classes' proportions: each class gives a part its exact share, rounded down or up, and keeps at least one
    row for training. `labels` are in their natural form (see `Part`).

    Raises ConfigError for shares that leave nothing, DataError for too few rows.
    """
    import numpy as np

    check_shares(split=split, test_split=test_split)
    check_enough_rows(rows=len(labels), split=split, test_split=test_split)
    random = np.random.default_rng([seed, SPLIT_STREAM])
    groups = labels if stratify and kind in ("binary", "multiclass") else np.zeros(len(labels), dtype="int64")
    return draw(groups, shares={"test": test_split, "val": split}, random=random)


def none(*, labels: np.ndarray, kind: str, seed: int) -> dict[str, np.ndarray]:
    """Return every row as a row of `train`, and no rows for `val` and `test`."""
    import numpy as np

    nothing = np.empty(0, dtype="int64")
    return {"train": np.arange(len(labels)), "val": nothing, "test": nothing}


def same(*, labels: np.ndarray, kind: str, seed: int) -> dict[str, np.ndarray]:
    """Return every row as a row of `train` and of `val`: the same rows seen in training and in inference."""
    return none(labels=labels, kind=kind, seed=seed) | {"val": none(labels=labels, kind=kind, seed=seed)["train"]}


def draw(groups: np.ndarray, *, shares: dict[str, float], random: np.random.Generator) -> dict[str, np.ndarray]:
    """Return the rows of each part of `shares`, and of `train` what is left, all ascending.

    Raises DataError when no group is large enough to give a row to a part that was asked for.
    """
    import numpy as np

    # Of a shuffled group the first rows test, the next validate and the rest train.
    shuffled = random.permutation(len(groups))
    _, sizes = np.unique(groups, return_counts=True)
    queues = np.split(shuffled[np.argsort(groups[shuffled], kind="stable")], np.cumsum(sizes)[:-1])
    begin, parts = np.zeros_like(sizes), {}
    for part, share in shares.items():
        end = begin + allocate(sizes, share=share, most=sizes - 1 - begin)
        parts[part] = gather(queues, begin=begin, end=end)
        if share and not len(parts[part]):
            reason = "every class has one row, too few for a stratified split"
            raise DataError(f"{reason}; check data.target or set validation.stratify=false")
        begin = end
    return parts | {"train": gather(queues, begin=begin, end=sizes)}


def gather(queues: list[np.ndarray], *, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the rows from `begin` to `end` of each queue together, ascending."""
    import numpy as np

    return np.sort(np.concatenate([queue[a:b] for queue, a, b in zip(queues, begin, end, strict=True)]))


def allocate(sizes: np.ndarray, *, share: float, most: np.ndarray) -> np.ndarray:
    """Return how many rows each group gives: its share by the method of largest remainders, up to `most`."""
    import numpy as np

    exact = sizes * share
    given = np.minimum(np.floor(exact).astype("int64"), most)
    wanting = rounded(sizes.sum(), share=share) - given.sum()
    by_remainder = np.argsort(given - exact, kind="stable")
    able = by_remainder[(given < np.minimum(most, np.ceil(exact)))[by_remainder]]
    given[able[: max(0, wanting)]] += 1
    return given


def rounded(rows: int, *, share: float) -> int:
    """Return a share of the rows to the nearest whole row, halves up."""
    return floor(rows * share + 0.5)


def check_shares(*, split: float, test_split: float) -> None:
    """Raise ConfigError unless both are shares, and something is left beside them."""
    check_share(name="split", value=split)
    check_share(name="test_split", value=test_split)
    if split + test_split >= 1:
        raise ConfigError(f"validation.split + validation.test_split must be below 1, got {split} + {test_split}")


def check_share(*, name: str, value: float) -> None:
    """Raise ConfigError unless the share is a number in [0, 1)."""
    if not isinstance(value, int | float) or not 0 <= value < 1:
        raise ConfigError(f"validation.{name} must be in [0, 1), got {value}")


def check_enough_rows(*, rows: int, split: float, test_split: float) -> None:
    """Raise DataError when the parts that were asked for, or the training rows, would be empty."""
    if leaves_rows(rows, split=split, test_split=test_split):
        return
    needed = next(n for n in count(1) if leaves_rows(n, split=split, test_split=test_split))
    asked = f"validation.split={split}" + (f" and validation.test_split={test_split}" if test_split else "")
    raise DataError(f"{counted(rows, 'row')} cannot be split by {asked}, which needs {needed}; set validation=none")


def leaves_rows(rows: int, *, split: float, test_split: float) -> bool:
    """Return whether each part that is asked for gets a row, and training too."""
    shares = [share for share in (split, test_split) if share]
    sizes = [rounded(rows, share=share) for share in shares]
    return all(sizes) and rows > sum(sizes)
