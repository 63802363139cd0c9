"""What the catalog knows of a loss or a metric, in words: tasks, labels, head, direction."""

from __future__ import annotations

from lossmetric_cli import catalog
from lossmetric_cli.catalog import LossFacts, MetricFacts
from lossmetric_cli.task import Task

ARROWS = {"max": "↑ higher is better", "min": "↓ lower is better"}
_ONE_LABEL = {
    "regression": "numbers",
    "multiclass": "one-hot rows",
    "binary": "0 or 1",
    "multilabel": "0 or 1 in a column for each label",
}
_ENCODES = "lmrun encodes them"
_HEADS = {
    "embedding": "vectors of length 1 (lmrun's models end in them)",
    "linear": "linear: scores, with no activation",
    "exponential": "exponential, so that predictions stay above 0",
}


def facts_of(group: str, target: str | None) -> LossFacts | MetricFacts | None:
    """Return the catalog's entry of a `_target_`, or None for a chooser, for `none` and for the user's own."""
    table = {"loss": catalog.LOSSES, "metrics": catalog.METRICS | catalog.EXACT}.get(group, {})
    module, _, name = (target or "").rpartition(".")
    if group == "metrics" and module.endswith(".losses"):
        return catalog.as_metric(catalog.LOSSES[name])
    return table.get(name) if module.startswith(("keras.", "lossmetric_cli.")) else None


def direction(group: str, facts: LossFacts | MetricFacts | None) -> str:
    """Return which way is better: a loss falls, a metric as the catalog says."""
    if group == "loss":
        return ARROWS["min"]
    return ARROWS.get(getattr(facts, "direction", None), "") if group == "metrics" else ""


def tasks(facts: LossFacts | MetricFacts) -> str:
    """Return the tasks that it is for."""
    if facts.kinds == catalog.EVERY_KIND:
        return "every task"
    several = "; it compares the columns of a row, so there must be several" if facts.across_columns else ""
    return f"{', '.join(facts.kinds)}{several}" if facts.kinds else "sequences, which lmrun has no data for yet"


def labels(facts: LossFacts | MetricFacts) -> str:
    """Return the labels that it is fed."""
    if facts.labels == "index":
        return f"class numbers from 0; {_ENCODES}"
    if facts.labels == "class":
        return f"class numbers; {_ENCODES}"
    kinds = [kind for kind in _ONE_LABEL if kind in facts.kinds]
    words = [word for kind, word in _ONE_LABEL.items() if kind in kinds]
    words = [word for word in words if not any(word != other and other.startswith(word) for other in words)]
    return f"{' / '.join(words)}; {_ENCODES}" if set(kinds) & set(catalog.CLASSIFICATION) else " / ".join(words)


def head(facts: LossFacts | MetricFacts) -> str:
    """Return what the model must end in, or what a metric is passed of it."""
    if isinstance(facts, MetricFacts):
        if facts.labels == "class":
            return "the predicted class, which lmrun takes from the scores"
        own = "predictions as the model gives them"
        return "probabilities; lmrun puts logits through sigmoid or softmax first" if facts.probabilities else own
    if facts.head:
        return _HEADS[facts.head]
    if not facts.kinds:
        return _HEADS["linear"]
    natural = dict.fromkeys(Task(kind, (), 1).activation for kind in facts.kinds)
    words = " or ".join(natural)
    if facts.takes_logits:
        return f"{words}, or linear with from_logits=true, which lmrun sets by the model's last layer"
    if facts.regresses:
        return "linear; for classes the task's own, sigmoid or softmax, does as well"
    return words
