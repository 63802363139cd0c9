"""All cards by group, and the ideas."""

from __future__ import annotations

from lossmetric_cli.explain import (
    callbacks,
    class_losses,
    class_metrics,
    exact_metrics,
    number_losses,
    number_metrics,
    optimizers,
    own_losses,
    score_metrics,
)
from lossmetric_cli.explain.card import Card

SCHEDULES = "optimizer/learning_rate"
CARDS: dict[str, dict[str, Card]] = {
    "loss": {**class_losses.CARDS, **number_losses.CARDS, **own_losses.CARDS},
    "metrics": {
        **class_metrics.CARDS,
        **score_metrics.CARDS,
        **number_metrics.CARDS,
        **exact_metrics.CARDS,
        **own_losses.METRICS,
    },
    "optimizer": optimizers.CARDS,
    SCHEDULES: optimizers.SCHEDULES,
    "callbacks": callbacks.CARDS,
}
#: What one of a group is called, and what they are called together, which `lmrun list` takes.
ONE = {"loss": "loss", "metrics": "metric", "optimizer": "optimizer", SCHEDULES: "schedule", "callbacks": "callback"}
PLURALS = {"loss": "losses", "metrics": "metrics", "optimizer": "optimizers", SCHEDULES: "schedules", "callbacks": "callbacks"}
