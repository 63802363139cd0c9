"""The split in time: what comes last validates and tests, as a forecast is judged by what it has not seen yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lossmetric_cli.data.sentences import counted
from lossmetric_cli.data.split import check_enough_rows, check_share, rounded
from lossmetric_cli.errors import ConfigError, DataError

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
) -> dict[str, np.ndarray]:
    """Return the rows of `train`, `val` and `test`, ascending and in this order in time; the rows stand in it already.

    The last share `test_split` of the rows tests, the share `split` before it validates, and what comes earlier trains.
    Of windows of a series, those that share steps with a later part are in none, so that no part has seen a step of
    another (the purging of López de Prado, "Advances in Financial Machine Learning", 2018, chapter 7).

    Raises ConfigError for shares that leave nothing, DataError for too few rows, or windows too long to be parted.
    """
    import numpy as np

    check_share(name="split", value=split)
    check_share(name="test_split", value=test_split)
    if split + test_split >= 1:
        raise ConfigError(f"validation.split + validation.test_split must be below 1, got {split} + {test_split}")
    rows = len(labels)
    check_enough_rows(rows=rows, split=split, test_split=test_split)
    test = rows - rounded(rows, share=test_split)
    val = test - rounded(rows, share=split)
    parts = {"train": np.arange(val), "val": np.arange(val, test), "test": np.arange(test, rows)}
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
