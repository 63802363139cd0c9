"""Names that are typed for a loss and cannot be trained: why, and what to train in their place."""

from __future__ import annotations

from lossmetric_cli import shipped
from lossmetric_cli.explain import sheets, topics
from lossmetric_cli.explain.elsewhere import plain

_COUNTS = "counts answers and has no gradient"
#: By the option of a metric: why it is no loss, and what to type.
_METRICS = {
    **dict.fromkeys(
        (
            *("accuracy", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy", "exact_accuracy"),
            *("top_k_categorical_accuracy", "sparse_top_k_categorical_accuracy", "precision", "recall", "f1_score"),
            *("fbeta_score", "true_positives", "true_negatives", "false_positives", "false_negatives"),
            *("precision_at_recall", "recall_at_precision", "sensitivity_at_specificity", "specificity_at_sensitivity"),
        ),
        (_COUNTS, "loss=crossentropy"),
    ),
    **dict.fromkeys(("binary_iou", "iou", "mean_iou", "one_hot_iou", "one_hot_mean_iou"), (_COUNTS, "loss=dice")),
    **dict.fromkeys(("auc", "auc_pr"), ("goes by the order of the rows and has no gradient", "loss=crossentropy")),
    "root_mean_squared_error": ("has the same minimum as mse", "loss=mse"),
    "r2_score": ("is 1 − mse/variance, so it is best where mse is", "loss=mse"),
    "log_cosh_error": ("is the loss log_cosh", "loss=log_cosh"),
    "coverage": (_COUNTS, "loss=quantile loss.tau=[0.1,0.9]"),
}
#: Losses of other libraries that no option here computes, their names as `plain` has them.
_ELSEWHERE = {
    "ranksampledsoftmaxloss": "it samples in two stages, by a hook of TensorFlow 1; type loss=sampled_softmax",
    "gaussiannllloss": "no model here answers with a variance; type loss=quantile loss.tau=[0.1,0.5,0.9] for an interval",
    "infogainloss": "it weighs every pair of classes, which no loss here does; type loss=categorical_crossentropy",
}


def why_untrainable(name: str) -> str | None:
    """Return why what was typed for a loss is none, and what to type; None where it may be meant for a loss."""
    metrics = shipped.options("metrics")
    if name in metrics:
        return _of_metric(shipped.aliases("metrics").get(name, name), typed=name, called=name)
    if not name or topics.find(name, "loss"):
        return None
    if plain(name) in _ELSEWHERE:
        return f"unknown loss '{name}'; {_ELSEWHERE[plain(name)]}"
    found = topics.find(name, "metrics")
    return _of_metric(found[0].name, typed=name, called=found[0].name) if found else None


def _of_metric(option: str, *, typed: str, called: str) -> str:
    beside = sheets.card_of(topics.Topic("metrics", option)).beside or ("auto",)
    why, instead = _METRICS.get(option, ("is a metric and no loss", f"loss={beside[0]}"))
    return f"loss={typed}: {called} {why}; type {instead} metrics={called}"
