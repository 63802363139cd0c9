"""Cards of the metrics for numbers."""

from __future__ import annotations

from dataclasses import replace

from lossmetric_cli.explain import class_losses, number_losses
from lossmetric_cli.explain.card import Card, of_loss

CELLS = "the mean over the columns of a row, then over all rows since the epoch began"
LOSS = number_losses.CARDS
SQUARES = ("mean_squared_error", "huber", "mean_absolute_error")

CARDS = {
    "mean_squared_error": of_loss(
        LOSS["mean_squared_error"],
        "mean_squared_error",
        traps=("Its unit is squared: root_mean_squared_error is the one to tell people.",),
    ),
    "mean_absolute_error": of_loss(
        LOSS["mean_absolute_error"],
        "mean_absolute_error",
        traps=(
            "Whose loss is mse aims at the mean, and this metric is best at the median: the two may disagree on the best "
            "epoch.",
        ),
    ),
    "root_mean_squared_error": Card(
        formula="value = √(mean of e²)",
        where="e = y − p, y label, p prediction",
        note="The typical error, large ones weighed more; never below mean_absolute_error.",
        range="0 upwards, in the unit of the target; 0 is perfect, the standard deviation of y says the mean always",
        counts="the root of the mean over all cells since the epoch began, not the mean of roots of batches",
        beside=SQUARES,
        traps=(
            "A mean of the root over batches would be another number: errors 1 and 3 in two batches give 2.236, not 2.0.",
            "As a loss take mse: the smallest of one is the smallest of the other.",
        ),
        source="Keras docs: Regression metrics",
    ),
    "mean_absolute_percentage_error": of_loss(
        LOSS["mean_absolute_percentage_error"],
        "mean_absolute_percentage_error",
        traps=(
            "One label of 0 drowns all others: y = 0 and p = 1 score 1,000,000,000.",
            "Percent, where scikit-learn has shares.",
        ),
    ),
    "mean_squared_logarithmic_error": of_loss(
        LOSS["mean_squared_logarithmic_error"],
        "mean_squared_logarithmic_error",
        traps=("What is below 0 counts as 0: y = 0 and p = −5 score a perfect 0.",),
    ),
    "log_cosh_error": of_loss(
        LOSS["log_cosh"], "log_cosh", traps=("Keras calls it logcosh in its logs; here the column is log_cosh_error.",)
    ),
    "poisson": of_loss(
        LOSS["poisson"], "poisson", traps=("A perfect answer does not score 0, and a prediction below 0 gives NaN.",)
    ),
    "huber": of_loss(
        LOSS["huber"],
        "huber",
        note="The number that loss=huber would have; metrics.huber.delta is its own.",
        traps=("delta is in the unit of the target: with another delta than the loss's it is another number.",),
    ),
    "r2_score": Card(
        formula="value = 1 − Σ e² / Σ (y − m)²",
        where="e = y − p, y label, p prediction, m mean of the labels measured, sums over rows",
        range="no lower end to 1; 1 is perfect, 0 says the mean always, below 0 is worse than that",
        counts="sums over the whole epoch for each column, then the mean over columns (class_aggregation)",
        beside=SQUARES,
        traps=(
            "Keras computes Σ (y − m)² as Σ y² − (Σ y)²/N in float32, which loses it where the mean is far from 0: labels "
            "10001, 10002, 10003 all missed by 0.1 score 0.0, and 0.985 is true.",
            "Labels that are all equal score 0 or NaN.",
            "The adjusted form (num_regressors above 0) counts cells for rows: with two columns N is twice too large.",
        ),
        source="Keras docs: Regression metrics",
        command="lmrun data=diabetes metrics=r2+rmse+mae",
    ),
    "pearson_correlation": Card(
        formula="value = mean of (y − mean(y))·(p − mean(p)) / (sd(y)·sd(p))",
        where="y labels, p predictions, mean and sd (standard deviation) over the columns of one row",
        note="Whether the columns of a row rise and fall together, whatever their level and scale.",
        range="−1 to 1; 1 is perfect, 0 is no linear relation",
        counts="a value for each row, then their mean; axis=0: over the rows of a batch, a value a column",
        beside=("mean_squared_error", "cosine_similarity"),
        traps=(
            "It is no correlation over rows, as SciPy's pearsonr is: one column gives NaN.",
            "With axis=0 it is a mean over batches and depends on batch_size: 0.941 in batches of 7 and 13, 0.922 at once.",
        ),
        source="Pearson, 1895; Keras docs: Regression metrics",
        command="lmrun data=linnerud metrics=pearson",
    ),
    "concordance_correlation": Card(
        formula="value = 2·cov(y, p) / (var(y) + var(p) + (mean(y) − mean(p))²)",
        where="y labels, p predictions, cov, var and mean over the columns of one row",
        note="A correlation that also minds level and scale.",
        range="−1 to 1; 1 is perfect",
        counts="a value for each row, then their mean; axis=0: over the rows of a batch, a value a column",
        beside=("mean_squared_error",),
        traps=(
            "One column has no variance within a row, and the value is 0.",
            "With axis=0 it is a mean over batches and depends on batch_size.",
        ),
        source="Lin, A Concordance Correlation Coefficient, 1989; Keras docs: Regression metrics",
        command="lmrun data=linnerud metrics=ccc",
    ),
    "cosine_similarity": replace(
        of_loss(
            class_losses.CARDS["cosine_similarity"],
            "cosine_similarity",
            traps=("The loss of the same name has the other sign.", "With one column it knows the sign alone."),
        ),
        formula="value = Σ y·p / (‖y‖·‖p‖)       over the columns of a row",
        range="−1 to 1; 1 is perfect, 0 a right angle, −1 the opposite direction",
        note="",
    ),
}
