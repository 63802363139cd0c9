"""Cards of the losses for numbers."""

from __future__ import annotations

from lossmetric_cli.explain.card import Card

CELLS = "the mean over the columns of a row, then over rows"

CARDS = {
    "mean_squared_error": Card(
        formula="loss = e²",
        where="e = y − p, y label, p prediction",
        range="0 upwards, in the squared unit of the target; 0 is perfect, the variance of y says the mean always",
        counts=CELLS,
        twin="mean_squared_error",
        beside=("root_mean_squared_error", "mean_absolute_error", "r2_score"),
        traps=(
            "One row far off outweighs the rest: an error of 10 counts as a hundred errors of 1.",
            "On one-hot classes Keras divides by the number of classes: p = 0.7, 0.1, 0.1, 0.1 scores 0.03, and its Brier "
            "score, the sum, is 0.12.",
            "Labels (rows, 1) against predictions (rows, columns) are stretched silently by plain Keras, a number for every "
            "column.",
        ),
        source="Gauss, Theoria motus, 1809; Keras docs: Regression losses",
    ),
    "mean_absolute_error": Card(
        formula="loss = |e|",
        where="e = y − p, y label, p prediction",
        note="Outliers weigh no more than their distance.",
        range="0 upwards, in the unit of the target; 0 is perfect",
        counts=CELLS,
        twin="mean_absolute_error",
        beside=("root_mean_squared_error", "r2_score"),
        traps=(
            "The slope is 1 however small the error, so a fixed learning rate jitters around the end: let it decay.",
            "Targets with a long tail upwards have their median below their mean, and the predictions follow the median.",
        ),
        source="Laplace, 1774; Keras docs: Regression losses",
    ),
    "huber": Card(
        formula="loss = ½·e²                   where |e| ≤ delta\n       delta·|e| − ½·delta²   elsewhere",
        where="e = y − p, y label, p prediction",
        note="The middle way between mse and mae.",
        range="0 upwards; 0 is perfect",
        counts=CELLS,
        twin="huber",
        beside=("mean_absolute_error", "root_mean_squared_error"),
        traps=(
            "delta is in the unit of the target: on targets in the hundreds the default 1.0 is the absolute error almost "
            "everywhere (less 0.5), on targets below 1 half the squared error.",
            "Half of the squared error inside delta, so small values are half of mse's: e = 0.2 scores 0.02.",
            "Keras 3.15 forgets delta when a compiled model is saved and loaded: the loaded one evaluates with delta=1.",
        ),
        source="Huber, Robust Estimation of a Location Parameter, 1964; Keras docs: Regression losses",
        command="lmrun data=diabetes loss=huber loss.delta=10 metrics=mae+rmse",
    ),
    "log_cosh": Card(
        formula="loss = log(cosh(e))\n       near ½·e² for small e, near |e| − 0.693 for large e",
        where="e = y − p, y label, p prediction, log natural",
        note="It has no parameter.",
        range="0 upwards; 0 is perfect",
        counts=CELLS,
        twin="log_cosh_error",
        beside=("mean_absolute_error", "root_mean_squared_error"),
        traps=(
            "It turns from squared to absolute near |e| = 1 in the unit of the target, and nothing moves that point but the "
            "unit: e = 10 scores 9.307.",
        ),
        source="Keras docs: Regression losses",
    ),
    "mean_absolute_percentage_error": Card(
        formula="loss = 100·|e|/max(|y|, 1e-7)",
        where="e = y − p, y label, p prediction",
        note="An error of 1 matters more at 10 than at 1,000.",
        range="0 upwards, in percent; 0 is perfect",
        counts=CELLS,
        twin="mean_absolute_percentage_error",
        beside=("mean_absolute_error",),
        traps=(
            "One label of 0 drowns all others: y = 0 and p = 1 score 1,000,000,000.",
            "Of positive targets it favours low predictions: between 0 and y none costs more than 100, and above y there is "
            "no end.",
            "scikit-learn gives the share, Keras the percent: 100 times as much.",
        ),
        source="Keras docs: Regression losses",
    ),
    "mean_squared_logarithmic_error": Card(
        formula="loss = (log(1 + y) − log(1 + p))²",
        where="y label, p prediction, log natural; what is below 0 counts as 0",
        note="Ratios count, not differences.",
        range="0 upwards; 0 is perfect",
        counts=CELLS,
        twin="mean_squared_logarithmic_error",
        beside=("mean_absolute_error", "mean_absolute_percentage_error"),
        traps=(
            "Negative values are cut off silently: y = 0 and p = −5 score a perfect 0, and such rows have no gradient.",
            "Too low costs more than too high by the same amount.",
        ),
        source="Keras docs: Regression losses",
    ),
    "poisson": Card(
        formula="loss = p − y·log(p + 1e-7)",
        where="y count, p predicted rate above 0, log natural",
        note="The term log(y!) is left out, since no prediction moves it.",
        range="no fixed ends; the best p is y, and its loss is y − y·log(y): −0.296 for y = 3",
        counts=CELLS,
        twin="poisson",
        beside=("mean_absolute_error",),
        traps=(
            "A perfect answer does not score 0, and values may be negative: compare runs, not with 0.",
            "A prediction below 0 gives NaN: the head must stay positive.",
            "scikit-learn's mean_poisson_deviance is twice the distance from the perfect answer, so it ends at 0.",
        ),
        source="Keras docs: Probabilistic losses",
    ),
}
