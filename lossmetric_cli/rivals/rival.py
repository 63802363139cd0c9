"""A rival, what it is asked, and how it is fitted to one part of the data and answers for the others."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lossmetric_cli.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np

#: So many of a text's most frequent words are counted.
MOST_WORDS = 500
#: What a rival that knows no better is fitted to.
MEAN = "squared_error"


@dataclass(frozen=True)
class Question:
    """What is asked of each row.

    `objective` is "classes", or for numbers what the run's loss is best at: "squared_error", "absolute_error", "quantile",
    "poisson", "huber", "log_cosh", "percentage" or "squared_log". `classes` are how many there are, 0 for numbers;
    `parameter` is the quantile, or the delta of "huber". `metrics` are the run's metrics as the console
    tells them, `AUC(PR)`.
    """

    objective: str
    classes: int = 0
    parameter: float | None = None
    metrics: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """Rows to fit: inputs (rows, cells), class numbers or numbers (rows,), and what each row counts, None for all alike."""

    x: np.ndarray
    y: np.ndarray
    weights: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True)
class Rival:
    """A way to answer by name.

    Attributes:
        name: its option.
        make: takes a Question and returns what is fitted, with scikit-learn's methods.
        objectives: what it can be fitted to where a row is answered by a number, by its own names.
        tell: takes a Question and returns in a few words what it is fitted to.
        stops_early: whether it watches the validation rows while it is fitted, as early stopping does.
    """

    name: str
    make: Callable[[Question], Any]
    objectives: dict[str, str] = field(default_factory=dict)
    tell: Callable[[Question], str]
    stops_early: bool = False

    def asked(self, question: Question) -> Question:
        """Return the question as this rival can take it: the mean in place of an objective that it has not.

        Raises ConfigError for a quantile where it knows none, since a mean is no answer to that.
        """
        if question.objective in ("classes", *self.objectives):
            return question
        if question.objective == "quantile":
            raise ConfigError(
                f"rival={self.name} answers with a mean, and loss.tau={question.parameter:g} asks for a quantile; "
                "type rival=hist_gradient_boosting"
            )
        return Question(MEAN, metrics=question.metrics)


def matrix(x: Any) -> np.ndarray:
    """Return the inputs of rows as columns, float32 (rows, columns).

    Of several inputs they stand side by side: ids as their number, of a text how often it has each of its most frequent
    words.

    Raises ConfigError for rows on the disk: a rival learns in memory.
    """
    import numpy as np

    if isinstance(x, dict):
        return np.concatenate([_columns(array) for array in x.values()], axis=1)
    return _columns(x)


def _columns(array: Any) -> np.ndarray:
    import numpy as np

    if not isinstance(array, np.ndarray):
        raise ConfigError("rival learns from rows in memory, and these are streamed; type rival=none, or data.stream=false")
    if array.dtype.kind == "i" and array.ndim == 2:
        words = np.zeros((len(array), MOST_WORDS), dtype="float32")
        rows, places = np.nonzero((array > 1) & (array < MOST_WORDS + 2))
        np.add.at(words, (rows, array[rows, places] - 2), 1)
        return words
    return np.ascontiguousarray(array.reshape(len(array), -1), dtype="float32")


def answers(
    rival: Rival, question: Question, train: Table, judged: dict[str, np.ndarray], *, validation: Table | None = None
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Return what a rival answers for the rows of `judged`, and what it warned of while it was fitted.

    By part probabilities (rows, classes), or numbers (rows, 1). Rows that weigh 0 are left out of the fit.

    Raises ConfigError for settings that it refuses.
    """
    import numpy as np

    train = _weighing(train)
    if question.classes and len(np.unique(train.y)) == 1:  # there is nothing to fit
        only = np.eye(question.classes, dtype="float32")[int(train.y[0])]
        return {part: np.tile(only, (len(x), 1)) for part, x in judged.items()}, []
    watched = {"eval_set": (validation.x, validation.y)} if validation is not None and rival.stops_early else {}
    weights = {} if train.weights is None else {"sample_weight": train.weights}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            fitted = rival.make(question).fit(train.x, train.y, **weights, **watched)
        except Exception as error:  # whatever another library raises
            raise ConfigError(f"rival: {rival.name} refuses this: {_one_line(error)}") from error
    return {part: _answer(fitted, question, x) for part, x in judged.items()}, list(_told(rival, caught))


def _weighing(train: Table) -> Table:
    if train.weights is None:
        return train
    counts = train.weights > 0
    return Table(train.x[counts], train.y[counts], train.weights[counts])


def _answer(fitted: Any, question: Question, x: np.ndarray) -> np.ndarray:
    """Return probabilities with a column for each class, also for those that no training row has, or numbers (rows, 1)."""
    import numpy as np

    if not question.classes:
        return np.asarray(fitted.predict(x), dtype="float32").reshape(len(x), 1)
    found = np.zeros((len(x), question.classes), dtype="float32")
    found[:, np.asarray(fitted.classes_, dtype="int64")] = fitted.predict_proba(x)
    return found


def _told(rival: Rival, caught: list[Any]) -> Iterator[str]:
    """Yield a sentence for a fit that did not end; what else libraries warn of is about their own future."""
    if any(type(warning.message).__name__ == "ConvergenceWarning" for warning in caught):
        yield f"rival: {rival.name} did not converge; type a larger rival.max_iter"


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 140 else f"{text[:137]}…"
