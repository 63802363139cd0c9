"""Columns that give the answer away: what nobody would know when the answer is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lossmetric_cli.data.sentences import quoted

if TYPE_CHECKING:
    import numpy as np

#: So sure is one column alone of the answer that it is no feature, but the answer in another form.
_SURE = 0.999
_FEWEST_ROWS, _MOST_ROWS, _MOST_COLUMNS = 50, 5_000, 100


def giveaways(columns: dict[str, np.ndarray], y: Any, *, is_regression: bool) -> Iterator[str]:
    """Yield a sentence for each column that tells the target of almost every training row by itself.

    `columns` are cells by name, numbers or text (rows,); `y` class numbers (rows,) or one target (rows, 1). Numbers tell a
    class where a tree of as many leaves as classes does, a quantity where their correlation with it is 0.9999 or more;
    text tells it where a value always has the same one.
    """
    if len(y) < _FEWEST_ROWS or (y.ndim == 2 and y.shape[1] > 1):
        return
    step = -(-len(y) // _MOST_ROWS)
    labels = y.reshape(-1)[::step]
    for name, cells in list(columns.items())[:_MOST_COLUMNS]:
        seen = cells[::step]
        tells = _tells_quantity if is_regression else _tells_class
        if tells(seen, labels):
            yield f"column {quoted(name)} alone gives the target away; if it is not known beforehand, list it in data.drop"


def _tells_quantity(cells: np.ndarray, target: np.ndarray) -> bool:
    import numpy as np

    if cells.dtype.kind not in "fiu" or np.nanmin(cells) == np.nanmax(cells):
        return False
    there = np.isfinite(cells)
    return bool(abs(np.corrcoef(cells[there], target[there])[0, 1]) > 1 - 1e-4)


def _tells_class(cells: np.ndarray, classes: np.ndarray) -> bool:
    import numpy as np

    if cells.dtype.kind not in "fiu":
        values, places = np.unique(cells.astype("U"), return_inverse=True)
        counts = np.zeros((len(values), int(classes.max()) + 1))
        np.add.at(counts, (places, classes), 1)
        return len(values) * 5 <= len(cells) and counts.max(axis=1).sum() / len(cells) >= _SURE
    from sklearn.tree import DecisionTreeClassifier

    column = np.nan_to_num(cells.astype("float64"))[:, None]
    leaves = max(2, len(np.unique(classes)))
    return DecisionTreeClassifier(max_leaf_nodes=leaves, random_state=0).fit(column, classes).score(column, classes) >= _SURE
