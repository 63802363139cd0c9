"""The rival of CatBoost, fitted to what the run optimises and watching what it reports, by CatBoost's names."""

from __future__ import annotations

from typing import Any

from lossmetric_cli.errors import ConfigError
from lossmetric_cli.rivals.rival import Question, Rival

#: CatBoost's names of what numbers are fitted to; a brace is filled with the quantile or the delta.
OBJECTIVES = {
    "squared_error": "RMSE",
    "absolute_error": "MAE",
    "quantile": "Quantile:alpha={:g}",
    "poisson": "Poisson",
    "huber": "Huber:delta={:g}",
    "log_cosh": "LogCosh",
    "percentage": "MAPE",
}
#: Its names of metrics, by the class or scikit-learn's function that computes ours: of classes, and of numbers.
METRICS = {
    **{"AUC": "AUC", "AUC(PR)": "PRAUC", "roc_auc_score": "AUC", "accuracy_score": "Accuracy"},
    **dict.fromkeys(("BinaryAccuracy", "CategoricalAccuracy", "SparseCategoricalAccuracy", "Accuracy"), "Accuracy"),
    **{"Precision": "Precision", "precision_score": "Precision", "Recall": "Recall", "recall_score": "Recall"},
    **{"F1Score": "F1", "f1_score": "F1", "balanced_accuracy_score": "BalancedAccuracy"},
    **{"matthews_corrcoef": "MCC", "cohen_kappa_score": "Kappa"},
}
NUMBER_METRICS = {
    **{"RootMeanSquaredError": "RMSE", "MeanSquaredError": "RMSE", "MeanAbsoluteError": "MAE", "R2Score": "R2"},
    **{"MeanAbsolutePercentageError": "MAPE", "MeanSquaredLogarithmicError": "MSLE", "r2_score": "R2"},
}
#: What of several classes stands for metrics that it has for two alone, or for one class of several.
_OF_SEVERAL = {"F1": "TotalF1:average=Macro", "PRAUC": None, "BalancedAccuracy": None, "Precision": None, "Recall": None}


def catboost(
    *,
    seed: int,
    iterations: int = 1000,
    learning_rate: float | None = None,
    depth: int = 6,
    l2_leaf_reg: float = 3.0,
    border_count: int | None = None,
    random_strength: float = 1.0,
    eval_metric: str | None = "auto",
    early_stopping_rounds: int | None = None,
) -> Rival:
    """Return CatBoost's ordered boosting (Prokhorenkova et al., 2018): `pip install 'lossmetric_cli[catboost]'`.

    Its loss_function is what the run's loss is best at. `eval_metric="auto"` is the twin of the run's first metric that
    has one. With `early_stopping_rounds` it watches that on the validation rows and keeps its best iteration.

    Raises ImportError where CatBoost is not installed.
    """
    try:
        import catboost as package
    except ImportError as error:
        raise ImportError(
            "rival=catboost needs catboost, which is not installed; pip install 'lossmetric_cli[catboost]'", name="catboost"
        ) from error
    if early_stopping_rounds is not None and early_stopping_rounds < 1:
        raise ConfigError(f"rival.early_stopping_rounds must be at least 1 or null, got {early_stopping_rounds}")
    settings = {
        **{"iterations": iterations, "learning_rate": learning_rate, "depth": depth, "l2_leaf_reg": l2_leaf_reg},
        **{"border_count": border_count, "random_strength": random_strength, "random_seed": seed},
        **{"early_stopping_rounds": early_stopping_rounds, "verbose": False, "allow_writing_files": False},
    }

    def watched(question: Question) -> str | None:
        return eval_metric if eval_metric != "auto" else twin(question)

    def make(question: Question) -> Any:
        kind = package.CatBoostClassifier if question.classes else package.CatBoostRegressor
        return kind(loss_function=objective(question), eval_metric=watched(question), **settings)

    def tell(question: Question) -> str:
        return objective(question) + (f", eval_metric {watched(question)}" if watched(question) else "")

    stops_early = early_stopping_rounds is not None
    return Rival(name="catboost", make=make, objectives=OBJECTIVES, tell=tell, stops_early=stops_early)


def objective(question: Question) -> str:
    """Return CatBoost's loss_function for a question."""
    if question.classes:
        return "Logloss" if question.classes == 2 else "MultiClass"
    return OBJECTIVES[question.objective].format(question.parameter)


def twin(question: Question) -> str | None:
    """Return CatBoost's name of the first of the run's metrics that it has too, None where it has none of them."""
    if not question.classes:
        found = [NUMBER_METRICS.get(name.partition("(")[0]) for name in question.metrics]
    else:
        found = [METRICS.get(name) or METRICS.get(name.partition("(")[0]) for name in question.metrics]
    if question.classes > 2:
        found = [_OF_SEVERAL.get(name, name) for name in found]
    return next(filter(None, found), None)
