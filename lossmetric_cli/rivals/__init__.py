"""Other ways to answer the same rows, to hold a network against: what they are, and how they are fitted; no Keras here."""

from __future__ import annotations

from lossmetric_cli.rivals.of_catboost import catboost
from lossmetric_cli.rivals.of_sklearn import hist_gradient_boosting, linear, random_forest
from lossmetric_cli.rivals.rival import Question, Rival, Table, answers, matrix

__all__ = [
    "Question",
    "Rival",
    "Table",
    "answers",
    "catboost",
    "hist_gradient_boosting",
    "linear",
    "matrix",
    "random_forest",
]
