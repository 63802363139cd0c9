"""What a run's curves say in plain words, each sentence with the figures behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lossmetric_cli.catalog import NAIVE

if TYPE_CHECKING:
    import pandas as pd

#: How many standard errors a difference must have to be called one.
SIGNIFICANT = 2.0
#: How many a single epoch must stand out by to be called a spike.
SPIKE = 4.0
#: The share of a curve's height by which one must stand out to be seen.
VISIBLE = 0.1
#: How many times the loss the same rows must cost in inference mode for batch statistics to be called late.
LATE = 1.25


@dataclass(frozen=True)
class Curves:
    """The finite epochs of a run: `val` and its standard error `error` over the validation rows, `train` beside them."""

    epochs: np.ndarray
    train: np.ndarray
    val: np.ndarray
    error: np.ndarray

    @classmethod
    def of(cls, history: pd.DataFrame) -> Curves:
        """Return the epochs of a history that have a finite val_loss."""
        kept = history[np.isfinite(history["val_loss"])] if "val_loss" in history else history[:0]
        error = kept["val_loss_stderr"] if "val_loss_stderr" in kept else kept["epoch"] * 0.0
        val = kept["val_loss"] if "val_loss" in kept else kept["epoch"]
        train = kept.get("loss", val)
        return cls(*(column.to_numpy(dtype="float64") for column in (kept["epoch"], train, val, error)))


def verdicts(
    history: pd.DataFrame, info: dict[str, Any], scores: dict[str, Any], predictions: dict[str, np.ndarray]
) -> list[str]:
    """Return what is worth saying of a finished run.

    Args:
        history: history.csv as a frame.
        info: run.json.
        scores: metrics.json, its `baseline` too.
        predictions: predictions.npz.
    """
    diverged = list(_divergence(history))
    curves = Curves.of(history)
    found = diverged or list(_trend(curves)) if len(curves.epochs) >= 3 else diverged
    return [
        *found,
        *_spikes(curves),
        *_late_statistics(history, info),
        *_choice(history, info),
        *_constant_answer(predictions),
        *_no_better(scores, info, predictions),
        *_no_forecast(scores),
        *_rival(scores, info),
    ]


def _divergence(history: pd.DataFrame) -> Iterator[str]:
    loss = history["loss"].to_numpy(dtype="float64") if "loss" in history else np.array([])
    if not len(loss):
        return
    if not np.isfinite(loss).all():
        yield f"diverged: loss is not a number from epoch {history['epoch'][int(np.argmin(np.isfinite(loss)))]:.0f}"
    elif len(loss) > 2 and loss[-1] > 1.5 * loss[0] > 0:
        yield f"diverged: loss rose from {loss[0]:.4g} to {loss[-1]:.4g}; a smaller learning rate may help"


def _trend(curves: Curves) -> Iterator[str]:
    """Yield one of: overfits since, still improving, plateau since, no better since."""
    best = int(np.argmin(curves.val))
    rise = curves.val[-1] - curves.val[best]
    noise = SIGNIFICANT * curves.error[best]
    if best < len(curves.val) - 1 and rise > max(noise, 0.02 * abs(curves.val[best])) and curves.train[-1] < curves.train[best]:
        yield (
            f"overfits since epoch {curves.epochs[best]:.0f}: val_loss rose from {curves.val[best]:.4g} to {curves.val[-1]:.4g}"
            f"{_in_errors(rise, curves.error[best])} while loss fell from {curves.train[best]:.4g} to {curves.train[-1]:.4g}"
        )
        return
    window = max(2, len(curves.val) // 5)
    fall = curves.val[-1 - window] - curves.val[-window:].min() if len(curves.val) > window else 0.0
    if fall > max(0.02 * abs(curves.val[-1]), 0.25 * curves.error[-1]):
        yield f"still improving: val_loss fell by {fall:.4g} in the last {window} epochs; more epochs may pay"
        return
    level = curves.val.min() + max(0.02 * abs(curves.val.min()), 0.5 * curves.error[best])
    since = curves.epochs[int(np.argmax(curves.val <= level))]
    if curves.val[-1] > level and best < len(curves.val) - 1 - window:
        yield (
            f"no better since epoch {curves.epochs[best]:.0f}: val_loss was {curves.val[best]:.4g} and ends at "
            f"{curves.val[-1]:.4g}, which can be chance over these rows"
        )
    elif since <= curves.epochs[-1] - window:
        yield f"plateau since epoch {since:.0f}: val_loss has stayed near {curves.val.min():.4g}"


def _spikes(curves: Curves) -> Iterator[str]:
    """Yield the epochs whose val_loss stands out from both neighbours by more than the rows' scatter explains."""
    if len(curves.val) < 5 or not curves.error.any():
        return
    middle = np.maximum(curves.val[:-2], curves.val[2:])
    out = (curves.val[1:-1] - middle) / np.maximum(curves.error[1:-1], 1e-12)
    at = np.flatnonzero(out > SPIKE)
    if len(at):
        named = ", ".join(f"{curves.epochs[i + 1]:.0f}" for i in at[:5])
        yield f"val_loss spikes at epoch {named}, by up to {out.max():.1f} standard errors of its rows: more than chance"
    elif (curves.val[1:-1] - middle).max() > VISIBLE * np.ptp(curves.val):
        worst = int(np.argmax(out))
        yield (
            f"val_loss goes up and down, most at epoch {curves.epochs[worst + 1]:.0f} by {out.max():.1f} standard errors "
            "of its rows: no more than chance"
        )


def _late_statistics(history: pd.DataFrame, info: dict[str, Any]) -> Iterator[str]:
    """Yield the epochs in which batch normalisation's moving averages had not arrived yet: the same rows cost more at rest."""
    is_there = any(name.startswith("BatchNormalization") for name in info.get("differs_in_training", []))
    if not is_there or "train_loss_eval" not in history:
        return
    late = history["train_loss_eval"] > LATE * history["loss"].abs()
    if late.sum() >= min(3, len(late)):
        last = history["epoch"][late[late].index[-1]]
        yield (
            f"batch normalisation was late up to epoch {last:.0f}: training rows cost up to "
            f"{(history['train_loss_eval'] / history['loss'])[late].max():.1f} times the loss in inference mode, which its "
            "moving averages decide; they take some hundred steps (momentum 0.99)"
        )


def _choice(history: pd.DataFrame, info: dict[str, Any]) -> Iterator[str]:
    """Yield what it costs a metric to choose the epoch by val_loss, where the two disagree; not for every class of one."""
    if "val_loss" not in history or not history["val_loss"].notna().any():
        return
    by_loss = int(history["val_loss"].idxmin())
    for name, facts in info.get("metrics", {}).items():
        column = f"val_{name}"
        if facts["direction"] is None or "metric" in facts or column not in history or not history[column].notna().any():
            continue
        by_metric = int(history[column].idxmax() if facts["direction"] == "max" else history[column].idxmin())
        best, there = history[column][by_metric], history[column][by_loss]
        chosen = f"{history['epoch'][by_metric]:.0f}"
        if abs(best - there) > 0.005 * max(abs(best), 1e-12):
            yield (
                f"{column} is best at epoch {chosen} ({best:.4g}) and val_loss at epoch "
                f"{history['epoch'][by_loss]:.0f}, where {column} is {there:.4g}; monitor={column} would choose epoch {chosen}"
            )


def _constant_answer(predictions: dict[str, np.ndarray]) -> Iterator[str]:
    predicted, true = predictions.get("val_pred"), predictions.get("val_true")
    if predicted is None or len(predicted) < 2 or not np.isfinite(predicted).all():
        return
    if true.ndim == 1 and predicted.ndim == 2 and np.issubdtype(true.dtype, np.integer):
        classes = np.unique(predicted.argmax(axis=1))
        if len(classes) == 1 and len(np.unique(true)) > 1:
            yield f"predicts one class, number {classes[0]}, for every validation row"
    elif (predicted.std(axis=0) < 0.01 * np.maximum(true.std(axis=0), 1e-12)).all() and true.std() > 0:
        values = ", ".join(f"{value:.4g}" for value in np.atleast_1d(predicted.mean(axis=0)))
        yield f"predicts one value{'' if predicted.ndim == 1 else ' a column'}, {values}, for every validation row"


def _no_better(scores: dict[str, Any], info: dict[str, Any], predictions: dict[str, np.ndarray]) -> Iterator[str]:
    """Yield the figures that a constant answer reaches as well: a share of right rows within two standard errors."""
    rows = len(predictions.get("val_true", ()))
    reached, constant = scores.get("val", {}), scores.get("baseline", {}).get("val", {})
    ways = {"loss": "min", **{name: facts["direction"] for name, facts in info.get("metrics", {}).items()}}
    for name, baseline in constant.items():
        value = reached.get(name)
        if value is None or ways.get(name) is None or "metric" in info.get("metrics", {}).get(name, {}):
            continue
        gain = value - baseline if ways[name] == "max" else baseline - value
        kind = info.get("metrics", {}).get(name, {}).get("class", "")
        is_share = rows and (kind.endswith("CategoricalAccuracy") or (kind == "BinaryAccuracy" and info["task"]["units"] == 1))
        noise = SIGNIFICANT * (baseline * (1 - baseline) / rows) ** 0.5 if is_share else 0.0
        if gain <= noise:
            yield f"val_{name} {value:.4g} is no better than a constant answer's {baseline:.4g}"


def _no_forecast(scores: dict[str, Any]) -> Iterator[str]:
    """Yield the naive forecast of a series that the model does not beat."""
    reached, named = scores.get("val", {}).get("loss"), scores.get("naive", {}).get("val", {})
    known = {name: found["loss"] for name, found in named.items() if "loss" in found}
    best = min(known, key=known.__getitem__, default=None)
    if best is not None and reached is not None and reached >= known[best]:
        yield f"val_loss {reached:.4g} is no better than the naive forecast '{NAIVE.get(best, best)}' with {known[best]:.4g}"


def _rival(scores: dict[str, Any], info: dict[str, Any]) -> Iterator[str]:
    """Yield which figures the rival and the network differ in by more than their paired 95 % interval, and in which not."""
    rival = scores.get("rival", {})
    ways = {"loss": "min", **{name: facts["direction"] for name, facts in info.get("metrics", {}).items()}}
    for part, ends in rival.get("difference", {}).items():
        found: dict[str, list[str]] = {"lost": [], "won": [], "even": []}
        for name, (low, high) in ends.items():
            if ways.get(name) and "metric" not in info.get("metrics", {}).get(name, {}):
                is_above, is_below = low > 0, high < 0
                outcome = "even" if not (is_above or is_below) else "won" if is_above == (ways[name] == "max") else "lost"
                told = f"{name} {rival[part][name]:.4g} against {scores[part][name]:.4g} (by {_ends(low, high)})"
                found[outcome].append(told)
        name, rows = rival["name"], f"on {'test' if part == 'test' else 'validation'} rows"
        if found["lost"]:
            yield f"{name} is better {rows}, beyond the paired interval: {', '.join(found['lost'])}"
        if found["won"]:
            yield f"better than {name} {rows}, beyond the paired interval: {', '.join(found['won'])}"
        if found["even"]:
            yield f"no real difference from {name} {rows}: {', '.join(found['even'])}"


def _ends(low: float, high: float) -> str:
    """Return the size of a difference, its smaller end first; one that holds 0 with its signs."""
    if low <= 0 <= high:
        return f"{low:.2g} to {high:.2g}"
    return " to ".join(f"{end:.2g}" for end in sorted((abs(low), abs(high))))


def _in_errors(difference: float, error: float) -> str:
    return f", {difference / error:.1f} standard errors," if error > 0 else ""
