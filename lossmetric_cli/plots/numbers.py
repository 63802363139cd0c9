"""What the curves of a run show: which lines, in which panels, on which scale, with which best epoch and notes.

Nothing here draws. A panel's limits follow three rules, and a rule that was used leaves a note in the panel:

1. A value that is NaN, infinite or beyond ±1e100 is a gap.
2. A few epochs far away from all others (see `fence`) lie outside the panel and are pointed at.
3. The scale is logarithmic if the values are positive, span two decades, and the middle one would lie in the lowest
   2 % of the height (of a learning rate, which moves by factors: 15 %).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import pandas as pd

from lossmetric_cli.catalog import NAIVE
from lossmetric_cli.errors import ConfigError, did_you_mean
from lossmetric_cli.plots.panel import Line, Panel, column_epochs, has_noise
from lossmetric_cli.plots.words import DRAWABLE, failure, short, where

ROLES = {"train": "{}", "train*": "train_{}_eval", "unweighted": "unweighted_{}", "validation": "val_{}"}
"""Role of a line -> its column in history.csv.

`train*` is measured on the training rows after the epoch, `unweighted` on them without class and sample weights.
"""

SCALES = ("auto", "linear", "log")
PANELS = 4
"""A metric of more columns is drawn as their mean."""


class HasHistory(Protocol):
    """What a plot reads of a Record: the table of epochs and the facts of run.json."""

    history: pd.DataFrame
    info: dict[str, Any]
    scores: dict[str, Any]


def panels(record: HasHistory, *, loss_scale: str = "auto") -> list[Panel]:
    """Return the panels of the loss and of its parts, one a metric in the order of run.json, and one of a rate that changes.

    A column that no panel names is left out, and so is a panel without a column. `loss_scale` is "auto" (rule 3
    above), "linear" or "log". Raises ConfigError for another word.
    """
    if loss_scale not in SCALES:
        hint = did_you_mean(str(loss_scale), SCALES) or f"; choose from {', '.join(SCALES)}"
        raise ConfigError(f"plots.curves.loss_scale: unknown scale '{loss_scale}'{hint}")
    history, info = record.history, record.info
    losses = [
        quantity_panel(history, name, direction="min", detail=detail, scale=loss_scale)
        for name, detail in loss_details(history, info).items()
    ]
    metrics = [panel for names in grouped(info) for panel in metric_panels(history, names, info)]
    each = [with_folds(panel, getattr(record, "folds", ())) for panel in (*losses, *metrics)]
    scores = record.scores
    scored = [with_rival(with_levels(panel, scores), scores) for panel in each]
    found = [panel for panel in (*scored, learning_rate_panel(history)) if panel.lines]
    return [replace(panel, notes=(*panel.notes, *band_notes(panel))) if panel is found[0] else panel for panel in found]


def loss_details(history: pd.DataFrame, info: dict[str, Any]) -> dict[str, str]:
    """Return what each loss to draw is: `loss`, the loss of each output, and `data_loss` where penalties are in loss too."""
    outputs = info.get("outputs") or {}
    total = " + ".join(f"{facts['loss']['weight']:g} · {name}_loss" for name, facts in outputs.items())
    added = "".join(f" + {name}" for name in info.get("added", ()))
    alone = info.get("loss") or {}
    drawn = f", train of {alone['samples']} drawn classes" if "samples" in alone else ""
    found = {"loss": (total or alone.get("name", "") + drawn) + added}
    found |= {f"{name}_loss": facts["loss"]["name"] for name, facts in outputs.items()}
    if "data_loss" in history and "regularization" in history and (history["regularization"] > 0).any():
        found["data_loss"] = "loss without penalties"
    return found


def with_folds(panel: Panel, folds: Sequence[HasHistory]) -> Panel:
    """Return the panel with a thin line a fold for the line of validation, or of training where nothing is validated."""
    judged = next((each for each in reversed(panel.lines) if each.role in ("validation", "train")), None)
    tables = [fold.history for fold in folds]
    thin = tuple(line(table, judged.column, role=judged.role) for table in tables if judged and judged.column in table)
    values = np.concatenate([each.drawable for each in thin]) if thin else np.array([])
    if not len(values) or panel.is_empty:
        return panel
    low, high = panel.limits
    reach = max(high - low, 1e-12)
    inside = values[(values > low - reach) & (values < high + reach) & ((values > 0) | (panel.scale == "linear"))]
    return replace(panel, folds=thin, limits=(min(low, *inside), max(high, *inside)))


def with_levels(panel: Panel, scores: dict[str, Any]) -> Panel:
    """Return the panel with the scores of a constant answer and of the best naive forecast of a series."""
    by_part = scores.get("baseline", {})
    panel = with_level(panel, "constant", level(by_part, panel.title), told="a constant answer")
    named = scores.get("naive", {}).get("val" if "val" in by_part else "train", {})
    known = {name: found[panel.title] for name, found in named.items() if np.isfinite(found.get(panel.title, np.nan))}
    if not known or panel.direction is None:
        return panel
    best = (max if panel.direction == "max" else min)(known, key=known.__getitem__)
    word = NAIVE.get(best, best)
    return with_level(panel, word, known[best], told=f"the forecast '{word}'")


def with_level(panel: Panel, name: str, value: float | None, *, told: str) -> Panel:
    """Return the panel with a score beside its lines, or a note of it where that is too far away."""
    limits = None if value is None else reached(panel, value)
    if limits:
        return replace(panel, levels=(*panel.levels, (name, value)), limits=limits)
    note = () if value is None else (f"{told} scores {short(value)}, outside the panel",)
    return replace(panel, notes=(*panel.notes, *note))


def with_rival(panel: Panel, scores: dict[str, Any]) -> Panel:
    """Return the panel with the score of the rival that learned from the same rows, where it is near enough to be shown."""
    rival = scores.get("rival", {})
    score = level(rival, panel.title)
    if score is None:
        return panel
    limits = reached(panel, score)
    if limits:
        return replace(panel, rival=(rival["name"], score), limits=limits)
    return replace(panel, notes=(*panel.notes, f"{rival['name']} scores {short(score)}, outside the panel"))


def level(by_part: dict[str, Any], name: str) -> float | None:
    """Return a figure on the validation rows, on the training rows where there are none; None where it is no number."""
    found = by_part.get("val" if "val" in by_part else "train", {}).get(name)
    return found if found is not None and np.isfinite(found) else None


def reached(panel: Panel, value: float) -> tuple[float, float] | None:
    """Return the limits of a panel that shows a value: within its own, or up to a quarter of them beyond; else None."""
    low, high = panel.limits
    reach = (high - low) / 4
    if panel.scale == "linear" and low - reach <= value <= high + reach:
        return min(low, value), max(high, value)
    return (low, high) if low <= value <= high else None


def grouped(info: dict[str, Any]) -> list[list[str]]:
    """Return the columns of each metric: those of one that has a column a class stand together."""
    groups: dict[str, list[str]] = {}
    for name, facts in info.get("metrics", {}).items():
        groups.setdefault(facts.get("metric") or name, []).append(name)
    return list(groups.values())


def metric_panels(history: pd.DataFrame, names: list[str], info: dict[str, Any]) -> list[Panel]:
    """Return a panel for each column of a metric, of more than 4 columns one of their mean."""
    if len(names) <= PANELS:
        return [metric_panel(history, name, info) for name in names]
    mean = info["metrics"][names[0]]["metric"]
    averaged = {
        form.format(mean): history[[form.format(name) for name in names]].mean(axis=1)
        for form in ROLES.values()
        if all(form.format(name) in history for name in names)
    }
    table = pd.DataFrame({"epoch": history["epoch"], **averaged})
    panel = metric_panel(table, mean, {**info, "metrics": {mean: info["metrics"][names[0]]}})
    notes = [f"mean of {len(names)} columns", *extremes(history, names, stem=mean)]
    return [replace(panel, notes=(*panel.notes, "; ".join(notes)))]


def extremes(history: pd.DataFrame, names: list[str], *, stem: str) -> list[str]:
    """Return which columns of a metric are lowest and highest in the last epoch that measured them, with their values."""
    for form in reversed(ROLES.values()):
        table = history.reindex(columns=[form.format(name) for name in names]).set_axis(names, axis=1).dropna(how="all")
        if len(table):
            row = table.iloc[-1].dropna()
            told = [f"{name.removeprefix(f'{stem}_')} ({short(row[name])})" for name in (row.idxmin(), row.idxmax())]
            return [f"in the end the lowest is {told[0]}", f"the highest {told[1]}"]
    return []


def metric_panel(history: pd.DataFrame, name: str, info: dict[str, Any]) -> Panel:
    """Return the panel of a metric; a metric that knows no direction takes that of the monitor that watches it."""
    metric, monitor = info["metrics"][name], info.get("monitor") or {}
    watched = monitor.get("name") in {column.format(name) for column in ROLES.values()}
    direction = metric.get("direction") or (monitor.get("direction") if watched else None)
    kind = metric.get("class") or ""
    detail = "" if name.replace("_", "").lower().endswith(kind.lower()) else kind
    return quantity_panel(history, name, direction=direction, detail=detail)


def quantity_panel(history: pd.DataFrame, name: str, *, direction: str | None, detail: str, scale: str = "auto") -> Panel:
    """Return the panel of one quantity with a line a role; the best epoch is marked on validation, else on train."""
    columns = [(role, column.format(name)) for role, column in ROLES.items() if column.format(name) in history]
    lines = [line(history, column, role=role) for role, column in columns]
    measured = [each for each in lines if len(each.drawable)]
    if measured:
        judged = max(measured, key=lambda each: (each.role == "validation", each.role == "train"))
        marked = replace(judged, best=best(judged, direction=direction))
        lines = [marked if each is judged else each for each in lines]
    notes = gap_notes(history, [column for _, column in columns])
    return scaled(Panel(name, direction, lines, detail, notes=notes), scale=scale)


def learning_rate_panel(history: pd.DataFrame) -> Panel:
    """Return the panel of the learning rate, which is without lines if the rate stays the same (to 1e-12 of itself)."""
    rate = history["learning_rate"].to_numpy(float) if "learning_rate" in history else np.array([])
    rate = rate[np.isfinite(rate)]
    changes = len(rate) and np.ptp(rate) > 1e-12 * np.abs(rate).max()
    lines = [line(history, "learning_rate", role="learning rate")] if changes else []
    return scaled(Panel("learning rate", None, lines), scale="auto", fenced=False, flat=0.15)


def best(line: Line, *, direction: str | None) -> tuple[int, float] | None:
    """Return the first epoch with the lowest ("min") or highest ("max") value, and that value."""
    if direction not in ("min", "max"):
        return None
    index = int((np.nanargmin if direction == "min" else np.nanargmax)(line.values))
    return int(line.epochs[index]), float(line.values[index])


def line(history: pd.DataFrame, column: str, *, role: str) -> Line:
    """Return a column as a line: joined over the epochs in which nothing was measured, open where a number failed."""
    epochs, raw = measured(history, column)
    scatter = next((name for name in (f"{column}_stderr", f"{column}_std") if name in history), "")
    error = history.set_index("epoch")[scatter].reindex(epochs).to_numpy(float) if scatter in history else None
    return Line(column, role, epochs, np.where(is_drawable(raw), raw, np.nan), error=error)


def measured(history: pd.DataFrame, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the epochs in which the column was measured and its values.

    history.csv has no number where `validation_freq` skipped an epoch, which reads back as NaN just like a loss that
    became NaN. A column that has most of its numbers more than one epoch apart is taken to be skipped.
    """
    epochs, raw = history["epoch"].to_numpy(int), history[column].to_numpy(float)
    present = ~np.isnan(raw)
    if present.any() and np.median(np.diff(epochs[present], prepend=0)) > 1:
        return epochs[present], raw[present]
    return epochs, raw


def is_drawable(values: np.ndarray) -> np.ndarray:
    """Return a mask of the values that matplotlib can place: neither NaN nor infinite nor beyond ±1e100."""
    return np.abs(values) <= DRAWABLE  # False for NaN


def gap_notes(history: pd.DataFrame, columns: list[str]) -> tuple[str, ...]:
    """Return what is missing from which columns, as `loss and val_loss are NaN from epoch 7`."""
    missing: dict[str, list[str]] = {}
    for column in columns:
        missing.setdefault(gap(history, column), []).append(column)
    missing.pop("", None)
    return tuple(f"{' and '.join(found)} {'are' if len(found) > 1 else 'is'} {what}" for what, found in missing.items())


def gap(history: pd.DataFrame, column: str) -> str:
    """Return what is missing from a column and from which epoch on, or an empty string."""
    epochs, raw = measured(history, column)
    failed = ~is_drawable(raw)
    if not len(raw):
        return "empty: no epoch has finished"
    if failed.any():
        return f"{failure(raw[failed])} {where(epochs, failed)}"
    if history["epoch"].iloc[-1] - epochs[-1] >= np.diff(epochs, prepend=0).max():
        return f"without a value after epoch {epochs[-1]:,}"
    return ""


def scaled(panel: Panel, *, scale: str, fenced: bool = True, flat: float = 0.02) -> Panel:
    """Return the panel with its scale, its limits and the notes that say which rule set them."""
    values = np.concatenate([each.drawable for each in panel.lines] or [np.array([])])
    if not len(values):
        return panel
    low, high = fence(panel.lines) if fenced else (-np.inf, np.inf)
    shown = values[(values >= low) & (values <= high)]
    is_log = values.min() > 0 and (scale == "log" or (scale == "auto" and is_flat(shown, share=flat)))
    notes = [*panel.notes, *outlier_notes(panel.lines, low=low, high=high), *scale_notes(scale, is_log=is_log)]
    limits = (float(shown.min()), float(shown.max()))
    return replace(panel, scale="log" if is_log else "linear", limits=limits, notes=tuple(notes))


def scale_notes(asked: str, *, is_log: bool) -> list[str]:
    """Return what to say about the scale: nothing when it is linear as usual."""
    if is_log:
        return ["log scale"]
    return ["linear scale, because not every value is positive"] if asked == "log" else []


def band_notes(panel: Panel) -> list[str]:
    """Return what the lines and bands are; it is said once, for all panels."""
    roles = {line.role for line in panel.lines if len(line.drawable)}
    notes = ["train*: training rows after the epoch, in inference mode"] * ("train*" in roles)
    notes += ["train has row weights, unweighted has none"] * ("unweighted" in roles)
    span = max(column_epochs(line) for line in panel.lines)
    if span > 1:
        notes.append(f"line: median of {span} epochs; band: lowest to highest")
    elif panel.folds:
        notes.append(f"mean of {len(panel.folds)} folds; thin: each of them; shade: ± 1 standard deviation over them")
    elif any(map(has_noise, panel.lines)):
        notes.append("shade: ± 1 standard error of val_loss")
    return ["; ".join(notes)] * bool(notes)


def is_flat(values: np.ndarray, *, share: float) -> bool:
    """Return whether a linear scale shows a flat line: positive values over two decades, the middle one in the lowest share."""
    low, middle, high = np.nanquantile(values, [0, 0.5, 1])
    return bool(high >= 100 * low > 0 and middle - low < share * (high - low))


def fence(lines: list[Line]) -> tuple[float, float]:
    """Return the values between which a panel is drawn: all of them, unless a few epochs would flatten the rest.

    These few, one epoch in 50, at least 1 and at most 3, are the furthest from the median of all lines. They are fenced
    off if that makes the range 15 times smaller, and only where they leave the rest by more than half its range. A
    range is taken to be no smaller than the median, so that a line that never moved before has no outliers.
    """
    table = pd.concat([pd.Series(each.values, index=each.epochs) for each in lines]).dropna()
    distance = (table - table.median()).abs().groupby(level=0).max()
    if len(distance) < 3:
        return -np.inf, np.inf
    furthest = distance.nlargest(min(3, 1 + len(distance) // 50)).index
    rest = table[~table.index.isin(furthest)]
    reach = max(np.ptp(rest), abs(table.median()))
    if np.ptp(table) <= 15 * reach:
        return -np.inf, np.inf
    return rest.min() - reach / 2, rest.max() + reach / 2


def outlier_notes(lines: list[Line], *, low: float, high: float) -> list[str]:
    """Return a note on the values outside the fence, naming for each line the one furthest out, or no note."""
    found = []
    for each in lines:
        values = pd.Series(each.values, index=each.epochs).dropna()
        values = values[(values < low) | (values > high)]
        if len(values):
            epoch = values.abs().idxmax()
            others = f" and {len(values) - 1:,} more" if len(values) > 1 else ""
            found.append(f"{each.column} {short(values[epoch])} at epoch {epoch:,}{others}")
    return [f"outside the panel: {'; '.join(found)}"] if found else []
