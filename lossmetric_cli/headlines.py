"""What a run is and came to, in the lines that the console shows."""

from __future__ import annotations

import math
from typing import Any

from lossmetric_cli import losses, metrics, models
from lossmetric_cli.catalog import NAIVE
from lossmetric_cli.console import ARROWS, figure, span
from lossmetric_cli.spec import RunSpec, describe_data, describe_model, describe_optimizer


def against_naive(naive: dict[str, dict[str, float]], worth: float | None) -> str:
    """Return the losses of the naive forecasts, and the skill against the best of them."""
    told = " · ".join(f"{figure(found['loss'])} ({NAIVE.get(name, name)})" for name, found in naive.items() if "loss" in found)
    return (f"loss {told}" if told else "no loss to compare") + (f" · skill {worth:.2f}" if worth is not None else "")


def reach(values: list[Any]) -> str:
    """Return a value as the console shows it, of several the lowest and the highest."""
    found = [value for value in values if value is not None and not (len(values) > 1 and math.isnan(value))]
    if len(values) == 1 or not found:
        return figure(next(iter(found), None))
    return f"{figure(min(found))}..{figure(max(found))}"


def title(spec: RunSpec) -> str:
    """Return what a run is in a line: data, model, optimizer and seed."""
    named = (describe(spec) for describe in (describe_data, describe_model, describe_optimizer))
    return " · ".join([*named, f"seed {spec.seed}"])


def optimises(spec: RunSpec, setup: Any) -> str:
    """Return what training makes small: the loss of each output by its weight, the weights' penalties, what layers add."""
    parts = [losses.loss_name(output.loss) for output in setup.outputs]
    if setup.outputs[0].loss is None:
        parts = ["what the model's own train_step does" if setup.logged else "what the model's layers add to the loss"]
    if setup.outputs[0].name:
        parts = [f"{o.weight:g}·{o.name} {losses.loss_name(o.loss)}" for o in setup.outputs]
    penalties = [f"{name.upper()} {spec.model[name]:g}" for name in ("l1", "l2") if spec.model.get(name)]
    return " + ".join([*parts, *penalties, *(setup.parts.added if setup.parts else [])])


def size(model: Any, *, rows: int) -> str:
    """Return how many weights are trained on how many rows."""
    trained = models.trained_parameters(model)
    frozen = models.frozen_parameters(model)
    held = f" · {frozen:,} more are frozen" if frozen else ""
    return f"{counted(trained, 'parameter')} for {counted(rows, 'training row')}: {trained / rows:.3g} a row{held}"


def reports(setup: Any) -> list[tuple[str, str, str | None]]:
    """Return what is only measured: the name of each metric, its class, and which way is better."""
    return [
        (output.column(metric.name), metrics.describe(metric, task=output.task), metrics.direction(metric))
        for output in setup.outputs
        for metric in output.metrics
    ]


def watches(spec: RunSpec, setup: Any) -> str:
    """Return what decides the best epoch, then what else callbacks watch, each with who watches it."""
    watchers: dict[str, list[str]] = {spec.monitor: []}
    for key, node in spec.callbacks.items():
        if "monitor" in node:
            watchers.setdefault(node["monitor"], []).append(key)
    arrows = {name: ARROWS[setup.directions.get(name)] for name in watchers}
    told = [f"{name} {arrows[name]}".rstrip() + (f" ({', '.join(keys)})" if keys else "") for name, keys in watchers.items()]
    return " · ".join(told)


def of_own_steps(setup: Any) -> list[str]:
    """Return what the steps of a model's own return beside the loss and the metrics that lmrun knows."""
    known = {"loss", *(column for output in setup.outputs for column in output.figures)}
    return [name for name in (setup.figures if setup.logged else ()) if name not in known]


def between(ends: tuple[float, float] | None) -> str:
    """Return the ends of an interval as they stand behind a figure, "" where there is none."""
    return f" ({span(*ends)})" if ends else ""


def counted(number: int, noun: str) -> str:
    """Return `1 epoch` or `2,000 epochs`."""
    return f"{number:,} {noun}{'s' * (number != 1)}"
