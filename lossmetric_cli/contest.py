"""The network's rival: asked the same, trained on the same rows, and scored by the same loss and metrics."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from lossmetric_cli import catalog, losses, metrics
from lossmetric_cli.build import build
from lossmetric_cli.data import Data, Part
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.feed import Rows
from lossmetric_cli.outputs import Output, of
from lossmetric_cli.rivals import Question, Rival, Table, answers, matrix

#: What the best answer to a loss is, by its class; what is not named is best at a mean, or is a loss of classes.
_OBJECTIVES = {
    keras.losses.MeanAbsoluteError: "absolute_error",
    keras.losses.Poisson: "poisson",
    keras.losses.Huber: "huber",
    keras.losses.LogCosh: "log_cosh",
    keras.losses.MeanAbsolutePercentageError: "percentage",
    keras.losses.MeanSquaredLogarithmicError: "squared_log",
}


@dataclass
class Contest:
    """What a rival came to.

    Attributes:
        name: its option.
        told: what it was fitted to, in a few words.
        seconds: that the fit and its answers took.
        scores: by part the loss and the metrics, by column.
        answers: by part what it answers, (rows, columns) in the form of the model's answers; dicts of it by output.
        notes: sentences on what it could not do.
    """

    name: str
    told: str
    seconds: float = 0.0
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def build_rival(node: dict[str, Any] | None, outputs: list[Output], *, seed: int) -> Rival | None:
    """Return the rival of a config, None where there is none.

    Raises ConfigError where it cannot answer what the model is asked.
    """
    if not node or node.get("_target_") is None:
        return None
    rival = build(node, path="rival", seed=seed)
    if not isinstance(rival, Rival):
        raise ConfigError(f"rival: {node['_target_']} returns a {type(rival).__name__} and no rival; type rival=linear")
    for output in outputs:
        _refuse(rival, output)
    return rival


def told(rival: Rival, outputs: list[Output]) -> str:
    """Return what a rival is fitted to, for each answer of the model."""
    each = {output.name: dict.fromkeys(rival.tell(rival.asked(one)) for one in questions(output)) for output in outputs}
    return " · ".join(f"{name} {', '.join(what)}".strip() for name, what in each.items())


def compete(rival: Rival, data: Data, outputs: list[Output], rows: dict[str, Rows], *, batch: int) -> Contest:
    """Return what a rival answers and scores, once it was trained on the training rows with their weights.

    Args:
        rival: what `build_rival` returns.
        data: the run's parts, with inputs and labels in their natural form.
        outputs: the model's answers, each with its compiled loss and metrics, whose state is reset.
        rows: the same parts as losses and metrics are fed.
        batch: rows of an evaluation batch, which a loss of one number for a batch depends on.
    """
    started = time.monotonic()
    found = Contest(rival.name, told(rival, outputs))
    inputs = {name: matrix(part.x) for name, part in data.parts.items()}
    for output in outputs:
        by_part = _answers(rival, output, data.parts, inputs, rows["train"], found)
        for part, answer in by_part.items():
            if output.name:
                found.answers.setdefault(part, {})[output.name] = answer
            else:
                found.answers[part] = answer
    found.seconds = time.monotonic() - started
    for part in data.parts:
        found.scores[part] = scores(outputs, rows[part], found.answers[part], batch=batch)
    return found


def questions(output: Output) -> list[Question]:
    """Return what one answer of a model asks: its classes at once, or each of its labels, targets or quantiles by itself."""
    task = output.task
    reported = tuple(metrics.describe(metric, task=task) for metric in output.metrics)
    if task.kind in ("binary", "multiclass"):
        return [Question("classes", max(task.units, 2), metrics=reported)]
    if task.kind == "multilabel":
        return [Question("classes", 2, metrics=reported)] * task.units
    loss = output.loss
    if isinstance(loss, losses.Quantile):
        return [Question("quantile", parameter=tau, metrics=reported) for tau in task.quantiles or loss.taus * task.units]
    objective = _OBJECTIVES.get(type(loss), "squared_error")
    parameter = loss._fn_kwargs["delta"] if objective == "huber" else None
    return [Question(objective, parameter=parameter, metrics=reported)] * task.units


def scores(outputs: list[Output], rows: Rows, answered: Any, *, batch: int) -> dict[str, float]:
    """Return the loss, that of each of several outputs, and the metrics of some answers, as an evaluation has them.

    Penalties of a model's weights are not in it. Metrics that ask the model itself are left out.
    """
    found: dict[str, float] = {}
    for output in outputs:
        weights = None if rows.weights is None else of(rows.weights, output)
        y_true, y_pred = of(rows.y, output), of(answered, output)
        if isinstance(output.loss, keras.losses.Loss):
            found[output.column("loss")] = _loss(output.loss, y_true, y_pred, weights, batch=batch)
        for metric in output.metrics:
            if not isinstance(metric, metrics.Own):
                counted = weights if metrics.is_weighted(metric) else None
                values = metrics.values_of(metric, y_true=y_true, y_pred=y_pred, weights=counted, batch=batch)
                found |= dict(zip(output.columns[metric.name], values.values(), strict=True))
    each = [(output.weight, found.get(output.column("loss"))) for output in outputs]
    if outputs[0].name and all(score is not None for _, score in each):
        found = {"loss": sum(weight * score for weight, score in each), **found}
    return found


def in_form(shares: np.ndarray, output: Output) -> np.ndarray:
    """Return probabilities (rows, columns) as the model's head answers: shares, logits, or margins around 0.

    A head that a loss draws to the labels themselves answers shares. Margins are 2p - 1, where the squared hinge is
    least, and half the logits for the exponential loss (Friedman, Hastie and Tibshirani, 2000).
    """
    facts = catalog.loss_facts(output.loss)
    if output.activation == "tanh":
        return 2 * shares - 1
    if output.activation != "linear" or facts.regresses or facts.probabilities:
        return shares
    kept = np.clip(shares.astype("float64"), 1e-7, 1 - 1e-7)
    if output.task.kind == "multiclass":
        return np.log(kept).astype("float32")
    logits = (np.log(kept) - np.log1p(-kept)).astype("float32")
    if facts.takes_logits or output.loss is None:
        return logits
    return logits / 2 if isinstance(output.loss, losses.Exponential) else 2 * shares - 1


def _refuse(rival: Rival, output: Output) -> None:
    """Raise ConfigError for what a rival cannot answer."""
    task, path = output.task, f"rival={rival.name}"
    if task.head == "embedding":
        raise ConfigError(f"{path} answers with classes, and loss={output.loss.name} wants an embedding; type rival=none")
    if task.is_soft:
        raise ConfigError(f"{path} learns from one class a row, and these labels are shares of them; type rival=none")
    for question in questions(output):
        rival.asked(question)


def _answers(
    rival: Rival, output: Output, parts: dict[str, Part], inputs: dict[str, np.ndarray], train: Rows, found: Contest
) -> dict[str, np.ndarray]:
    """Return by part what a rival answers for one output, as the model would."""
    asked, task = questions(output), output.task
    weights = train.weights if train.training_weights is None else train.training_weights
    weights = None if weights is None else of(weights, output)
    columns: dict[str, list[np.ndarray]] = {part: [] for part in parts}
    for place, question in enumerate(asked):
        labels = {part: _column(of(parts[part].y, output), 0 if task.quantiles else place) for part in parts}
        known = rival.asked(question)
        if known.objective != question.objective and not place:
            note = f"rival: {rival.name} knows no {question.objective} and is fitted to {known.objective}"
            found.notes += [note] if note not in found.notes else []
        table = Table(inputs["train"], labels["train"], weights)
        val = Table(inputs["val"], labels["val"]) if "val" in parts else None
        by_part, notes = answers(rival, known, table, inputs, validation=val)
        found.notes += [note for note in notes if note not in found.notes]
        for part, answer in by_part.items():
            columns[part].append(answer[:, -1:] if task.kind in ("binary", "multilabel") else answer)
    joined = {part: np.concatenate(found_, axis=1) for part, found_ in columns.items()}
    return {part: in_form(one, output) if task.is_classification else one for part, one in joined.items()}


def _column(y: np.ndarray, place: int) -> np.ndarray:
    """Return labels (rows,): of several columns one of them."""
    return y if y.ndim == 1 else y[:, place]


def _loss(loss: keras.losses.Loss, y_true: Any, y_pred: Any, weights: Any, *, batch: int) -> float:
    """Return the mean loss over rows, batch by batch as an evaluation takes it."""
    total = 0.0
    for start in range(0, len(y_true), batch):
        some = slice(start, start + batch)
        value = loss(y_true[some], y_pred[some], sample_weight=None if weights is None else weights[some])
        total += float(value) * len(y_true[some])
    return total / len(y_true)
