"""The split in time: what comes last validates and tests, as a forecast is judged by what it has not seen yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lossmetric_cli.data.sentences import counted
from lossmetric_cli.data.split import check_enough_rows, check_shares, rounded
from lossmetric_cli.errors import DataError

if TYPE_CHECKING:
    import numpy as np

WORDS = {"train": "training", "val": "validation", "test": "test"}


def time(
    *,
    labels: np.ndarray,
    kind: str,
    seed: int,
    span: np.ndarray | None = None,
    split: float = 0.2,
    test_split: float = 0.0,
    folds: int = 1,
) -> dict[str, np.ndarray] | list[dict[str, np.ndarray]]:
    """Return the rows of `train`, `val` and `test`, ascending and in this order in time; the rows stand in it already.

    The last share `test_split` of the rows tests, the share `split` before it validates, and what comes earlier trains.
    Of windows of a series, those that share steps with a later part are in none, so that no part has seen a step of
    another (the purging of López de Prado, "Advances in Financial Machine Learning", 2018, chapter 7).

    Several `folds` are a list of these: what does not test is cut into `folds` + 1 stretches of as many rows, and each but
    the first validates what trains on all that comes before it, as scikit-learn's TimeSeriesSplit has it.

    Raises ConfigError for shares that leave nothing, DataError for too few rows, or windows too long to be parted.
    """

    check_shares(split=split, test_split=test_split)
    rows = len(labels)
    check_enough_rows(rows=rows, split=split, test_split=test_split)
    test = rows - rounded(rows, share=test_split)
    val = test - rounded(rows, share=split)
    if folds == 1:
        return in_time(val, test, test, rows, span=span)
    stretch = test // (folds + 1)
    if not stretch:
        raise DataError(
            f"{counted(test, 'row')} cannot be cut into {folds} folds in time; type validation.folds={max(1, test - 1)}"
        )
    begins = [test - stretch * number for number in range(folds, 0, -1)]
    return [in_time(begin, begin + stretch, test, rows, span=span) for begin in begins]


def in_time(val: int, end: int, test: int, rows: int, *, span: np.ndarray | None) -> dict[str, np.ndarray]:
    """Return the parts where rows from `val` to `end` validate, those from `test` on test, and those before `val` train."""
    import numpy as np

    parts = {"train": np.arange(val), "val": np.arange(val, end), "test": np.arange(test, rows)}
    return parts if span is None else parted(parts, span=span)


def parted(parts: dict[str, np.ndarray], *, span: np.ndarray) -> dict[str, np.ndarray]:
    """Return the parts without the windows that reach into the steps of a later one."""
    kept, later = {}, None
    for name in ("test", "val", "train"):
        rows = parts[name]
        kept[name] = rows if later is None else rows[span[rows, 1] <= later]
        if len(rows) and not len(kept[name]):
            length = int((span[:, 1] - span[:, 0]).max())
            told = f"all {counted(len(rows), f'{WORDS[name]} window')} of {length} steps share steps with a later part"
            raise DataError(f"{told}; type a smaller data.lookback or another share of validation.split")
        later = int(span[kept[name][0], 0]) if len(kept[name]) else later
    return kept
