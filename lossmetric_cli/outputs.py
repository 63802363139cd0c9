"""One answer of a model and all that belongs to it: its task, its loss, its metrics."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lossmetric_cli.task import Task


@dataclass
class Output:
    """What one answer of the model is asked, what it costs, and how it is measured.

    `name` is empty where the model has a single answer. `labels` is the form in which the loss is fed, "dense" or
    "index"; `activation` the last one of the answer, None where it is unknown; `weight` what its loss counts in the sum;
    `columns` the history's columns of each metric, by its name.
    """

    name: str
    task: Task
    loss: Any
    labels: str
    activation: str | None
    weight: float = 1.0
    metrics: list[Any] = field(default_factory=list)
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Where its settings stand in the config."""
        return f"outputs.{self.name}" if self.name else ""

    @property
    def figures(self) -> list[str]:
        """The history's columns of all its metrics."""
        return [column for metric in self.metrics for column in self.columns[metric.name]]

    def column(self, name: str) -> str:
        """Return the history's name of one of its figures: `price_mae` for the mae of the output price."""
        return f"{self.name}_{name}" if self.name else name


def of(values: Any, output: Output) -> Any:
    """Return what belongs to one output: an entry of a dict by output, or the value itself where there is one answer."""
    return values[output.name] if output.name else values
