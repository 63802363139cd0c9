"""The rivals of scikit-learn: boosted trees, a forest, and straight lines."""

from __future__ import annotations

import functools
import os
from typing import Any

from lossmetric_cli.rivals.rival import MEAN, Question, Rival

#: Cells from which boosted trees take all cores.
LARGE = 10_000_000


def hist_gradient_boosting(
    *,
    seed: int,
    max_iter: int = 100,
    learning_rate: float = 0.1,
    max_leaf_nodes: int | None = 31,
    max_depth: int | None = None,
    min_samples_leaf: int = 20,
    l2_regularization: float = 0.0,
    max_features: float = 1.0,
    max_bins: int = 255,
    early_stopping: bool | str = "auto",
    validation_fraction: float | None = 0.1,
    n_iter_no_change: int = 10,
    tol: float = 1e-7,
) -> Rival:
    """Return gradient boosting of trees over histograms (Friedman, 2001; Ke et al., LightGBM, 2017).

    Parameters are those of scikit-learn's HistGradientBoostingClassifier and -Regressor; early stopping holds out training
    rows, never the validation rows.
    """
    settings = {
        **{"max_iter": max_iter, "learning_rate": learning_rate, "max_leaf_nodes": max_leaf_nodes, "max_depth": max_depth},
        **{"min_samples_leaf": min_samples_leaf, "l2_regularization": l2_regularization, "max_features": max_features},
        **{"max_bins": max_bins, "early_stopping": early_stopping, "validation_fraction": validation_fraction},
        **{"n_iter_no_change": n_iter_no_change, "tol": tol, "random_state": seed},
    }
    objectives = {name: name for name in (MEAN, "absolute_error", "quantile", "poisson")}

    def make(question: Question) -> Any:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        if question.classes:
            return _OneCore(HistGradientBoostingClassifier(**settings))
        loss = objectives[question.objective]
        return _OneCore(HistGradientBoostingRegressor(loss=loss, quantile=_quantile(question), **settings))

    return Rival(name="hist_gradient_boosting", make=make, objectives=objectives, tell=_told)


def random_forest(
    *,
    seed: int,
    n_estimators: int = 100,
    max_depth: int | None = None,
    min_samples_split: int | float = 2,
    min_samples_leaf: int | float = 1,
    max_features: int | float | str | None = "auto",
    bootstrap: bool = True,
    max_samples: int | float | None = None,
) -> Rival:
    """Return a random forest (Breiman, 2001).

    Parameters are those of scikit-learn's RandomForestClassifier and -Regressor; `max_features="auto"` is their own
    default: the root of the number of columns for classes, all columns for numbers.
    """
    settings = {
        **{"n_estimators": n_estimators, "max_depth": max_depth, "min_samples_split": min_samples_split},
        **{"min_samples_leaf": min_samples_leaf, "bootstrap": bootstrap, "max_samples": max_samples, "random_state": seed},
    }

    def make(question: Question) -> Any:
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        kind, usual = (RandomForestClassifier, "sqrt") if question.classes else (RandomForestRegressor, 1.0)
        return _Forest(kind(max_features=usual if max_features == "auto" else max_features, **settings))

    return Rival(name="random_forest", make=make, objectives={MEAN: MEAN}, tell=_told)


def linear(*, C: float = 1.0, alpha: float = 1.0, max_iter: int = 1000, standardize: bool = True) -> Rival:  # noqa: N803
    """Return logistic regression for classes and ridge regression for numbers, of standardised columns.

    `C` and `max_iter` are LogisticRegression's, `alpha` is Ridge's, by scikit-learn's names.
    """

    def make(question: Question) -> Any:
        from sklearn.linear_model import LogisticRegression, Ridge

        line = LogisticRegression(C=C, max_iter=max_iter) if question.classes else Ridge(alpha=alpha)
        return _Standardised(line) if standardize else line

    return Rival(name="linear", make=make, objectives={MEAN: MEAN}, tell=_told)


class _OneCore:
    """Boosted trees on one core where the table is small: where others work too, their threads wait for one another.

    Two threads on two cores that are busy take 14 times as long as one (scikit-learn 1.9, 1,797 rows of 64 columns).
    """

    def __init__(self, trees: Any) -> None:
        self._trees = trees

    def fit(self, x: Any, y: Any, **weights: Any) -> Any:
        """Return the fitted trees."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(limits=1 if x.size < LARGE else None, user_api="openmp"):
            return self._trees.fit(x, y, **weights)


class _Forest:
    """A forest that grows on all cores and answers on one: several would add up the trees in an order of chance."""

    def __init__(self, forest: Any) -> None:
        self._forest = forest

    def fit(self, x: Any, y: Any, **weights: Any) -> Any:
        """Return the fitted forest."""
        self._forest.set_params(n_jobs=len(os.sched_getaffinity(0))).fit(x, y, **weights)
        return self._forest.set_params(n_jobs=1)


class _Standardised:
    """A line over columns of mean 0 and deviation 1, as the training rows have them, each row counting once."""

    def __init__(self, line: Any) -> None:
        self._line = line

    def fit(self, x: Any, y: Any, **weights: Any) -> _Standardised:
        """Return itself, fitted."""
        from sklearn.preprocessing import StandardScaler

        self._scaler = StandardScaler().fit(x)
        self._line.fit(self._scaler.transform(x), y, **weights)
        self.classes_ = getattr(self._line, "classes_", None)
        self.predict, self.predict_proba = (functools.partial(self._of, name) for name in ("predict", "predict_proba"))
        return self

    def _of(self, method: str, x: Any) -> Any:
        return getattr(self._line, method)(self._scaler.transform(x))


def _quantile(question: Question) -> float | None:
    return question.parameter if question.objective == "quantile" else None


def _told(question: Question) -> str:
    if question.classes:
        return "log_loss"
    return f"quantile {question.parameter:g}" if question.objective == "quantile" else question.objective
