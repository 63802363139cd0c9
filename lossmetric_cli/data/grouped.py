"""Splits beyond one draw: folds in which every row validates once, and parts that share no group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossmetric_cli.data.sentences import counted
from lossmetric_cli.data.split import SPLIT_STREAM, check_share, check_shares, draw
from lossmetric_cli.errors import ConfigError, DataError

if TYPE_CHECKING:
    import numpy as np


def kfold(
    *,
    labels: np.ndarray,
    kind: str,
    seed: int,
    groups: np.ndarray | None = None,
    folds: int = 5,
    stratify: bool = True,
    group: Any = None,
    test_split: float = 0.0,
) -> list[dict[str, np.ndarray]]:
    """Return for each fold the rows of `train`, `val` and `test`, ascending: each row that is no test row is in `val` once.

    With `stratify`, binary and multiclass tasks deal each class out by itself: its rows in two folds differ by at most 1, as
    do the rows of two folds. Rows of a group stay together, in the test as well; then the folds are as even as the groups
    allow. `groups` (rows,) is what the data has of the column `group`; `labels` are in their natural form (see `Part`).

    Raises ConfigError for settings that leave nothing, DataError for fewer rows or groups than folds.
    """
    import numpy as np

    if not isinstance(folds, int) or folds < 2:
        raise ConfigError(f"validation.folds must be a whole number >= 2, got {folds}")
    check_share(name="test_split", value=test_split)
    random = np.random.default_rng([seed, SPLIT_STREAM])
    classes = labels if stratify and kind in ("binary", "multiclass") else np.zeros(len(labels), dtype="int64")
    if groups is None:
        test = draw(classes, shares={"test": test_split}, random=random)["test"]
    else:
        test = whole_groups(groups, shares={"test": test_split}, random=random)["test"]
    rest = np.setdiff1d(np.arange(len(labels)), test)
    members = rest if groups is None else np.unique(groups[rest])
    if len(members) < folds:
        what = counted(len(members), "row" if groups is None else "group")
        fix = f"type validation.folds={len(members)}" if len(members) > 1 else "give it more, or type validation=holdout"
        raise DataError(f"{what} cannot be dealt out to {folds} folds; {fix}")
    numbers = (
        dealt(classes[rest], folds=folds, random=random)
        if groups is None
        else packed(groups[rest], classes[rest], folds=folds, random=random)
    )
    return [{"train": rest[numbers != fold], "val": rest[numbers == fold], "test": test} for fold in range(folds)]


def group(
    *,
    labels: np.ndarray,
    kind: str,
    seed: int,
    groups: np.ndarray | None = None,
    split: float = 0.2,
    test_split: float = 0.0,
    group: Any = None,
) -> dict[str, np.ndarray]:
    """Return the rows of `train`, `val` and `test`, ascending; no group is in two of them.

    Groups are drawn by the seed until a part has its share of the rows, or comes nearest to it. `groups` (rows,) is what the
    data has of the column `group`.

    Raises ConfigError for shares that leave nothing and for data without groups, DataError for too few groups.
    """
    import numpy as np

    if groups is None:
        raise ConfigError("validation=group, and the data has no groups; type validation.group=COLUMN, of a table of yours")
    check_shares(split=split, test_split=test_split)
    random = np.random.default_rng([seed, SPLIT_STREAM])
    return whole_groups(groups, shares={"test": test_split, "val": split}, random=random)


def whole_groups(groups: np.ndarray, *, shares: dict[str, float], random: np.random.Generator) -> dict[str, np.ndarray]:
    """Return the rows of each part of `shares`, and of `train` what is left, in whole groups, ascending.

    Raises DataError when there are fewer groups than parts.
    """
    import numpy as np

    names, of = np.unique(groups, return_inverse=True)
    asked = [part for part, share in shares.items() if share]
    if len(names) <= len(asked):
        told = f"{counted(len(names), 'group')} cannot be parted into training and {' and '.join(asked)} rows"
        raise DataError(f"{told}; give the column more groups, or type validation=holdout")
    sizes, waiting = np.bincount(of), list(random.permutation(len(names)))
    parts = {part: np.empty(0, dtype="int64") for part in shares}
    for number, part in enumerate(asked):
        chosen, rows, wanted = [], 0, shares[part] * len(groups)
        while not chosen or (
            len(waiting) > len(asked) - number and abs(rows + sizes[waiting[0]] - wanted) < abs(rows - wanted)
        ):
            chosen.append(waiting.pop(0))
            rows += sizes[chosen[-1]]
        parts[part] = np.flatnonzero(np.isin(of, chosen))
    return parts | {"train": np.flatnonzero(np.isin(of, waiting))}


def dealt(classes: np.ndarray, *, folds: int, random: np.random.Generator) -> np.ndarray:
    """Return the fold of each row, (rows,): shuffled, sorted by class, and dealt out one after the other."""
    import numpy as np

    shuffled = random.permutation(len(classes))
    order = shuffled[np.argsort(classes[shuffled], kind="stable")]
    numbers = np.empty(len(classes), dtype="int64")
    numbers[order] = np.arange(len(classes)) % folds
    return numbers


def packed(groups: np.ndarray, classes: np.ndarray, *, folds: int, random: np.random.Generator) -> np.ndarray:
    """Return the fold of each row, (rows,): group by group, the largest first, to where its classes are wanted most.

    That is the fold in which the squares of the classes' shares grow least; of equal groups a draw decides which comes first.
    """
    import numpy as np

    names, of = np.unique(groups, return_inverse=True)
    _, kinds = np.unique(classes, return_inverse=True)
    counts = np.zeros((len(names), kinds.max() + 1))
    np.add.at(counts, (of, kinds), 1)
    shares = counts / counts.sum(axis=0)
    shuffled = random.permutation(len(names))
    order = shuffled[np.argsort(-counts.sum(axis=1)[shuffled], kind="stable")]
    filled, home = np.zeros((folds, shares.shape[1])), np.empty(len(names), dtype="int64")
    for name in order:
        growth = ((filled + shares[name]) ** 2 - filled**2).sum(axis=1)
        home[name] = int(growth.argmin())
        filled[home[name]] += shares[name]
    return home[of]
