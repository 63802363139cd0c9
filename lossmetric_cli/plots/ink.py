"""Panels drawn: a figure in rows of two, axes placed in inches, lines, ticks, titles and notes."""

from __future__ import annotations

import textwrap
from itertools import chain

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lossmetric_cli.errors import ConfigError
from lossmetric_cli.plots.labels import label_best, label_ends, label_levels, text_width, trimmed
from lossmetric_cli.plots.numbers import HasHistory, panels
from lossmetric_cli.plots.panel import Line, Panel, has_noise, trace
from lossmetric_cli.plots.style import GREY, INK, LINES, blank, clean, quiet_style
from lossmetric_cli.plots.ticks import set_epoch_axis, set_value_axis

# Inches around and between the axes. NAMES is the room for "validation" at the end of a line.
EDGE, HEADER, TITLE, FOOT, NOTE, GUTTER, NAMES = 0.14, 0.3, 0.36, 0.46, 0.15, 0.2, 0.76
WIDE = 1.15
"""A panel with a row of its own is so much higher."""
ARROWS = {"min": "↓", "max": "↑"}


def curves(
    record: HasHistory, *, width: float = 7.5, row_height: float = 2.6, dpi: int = 150, loss_scale: str = "auto"
) -> Figure:
    """Return a figure of the loss, the metrics and a changing learning rate over the epochs.

    `width` and `row_height` are inches; `loss_scale` is "auto", "linear" or "log". Raises ConfigError for others.
    """
    for name, value, low, high in (("width", width, 4, 100), ("row_height", row_height, 1.8, 100), ("dpi", dpi, 30, 1200)):
        if not low <= value <= high:
            raise ConfigError(f"plots.curves.{name} must lie between {low} and {high}, got {value}")
    shown = panels(record, loss_scale=loss_scale)
    with quiet_style():
        return drawn(shown, title=clean(record.info.get("title", ""), length=100), width=width, row_height=row_height, dpi=dpi)


def drawn(shown: list[Panel], *, title: str, width: float, row_height: float, dpi: int) -> Figure:
    """Return the figure of some panels."""
    rows = arranged(shown, width=width)
    notes = [[wrapped(panel, inches=width / len(row)) for panel in row] for row in rows]
    plots = [row_height * (WIDE if len(row) == 1 else 1) - TITLE - FOOT for row in rows]
    feet = [FOOT + NOTE * noted(row, lines) for row, lines in zip(rows, notes, strict=True)]
    height = HEADER + sum(TITLE + plot + foot for plot, foot in zip(plots, feet, strict=True)) + EDGE / 2
    figure = blank(width, height, dpi=dpi)
    write_header(figure, title if shown else f"{title} · no loss or metric was recorded")
    axes = [[figure.add_subplot() for _ in row] for row in rows]
    place(axes, plots=plots, feet=feet, ticks=0.5)
    for each, panel, lines in zip(chain(*axes), chain(*rows), chain(*notes), strict=True):
        draw_panel(each, panel, notes=lines)
    place(axes, plots=plots, feet=feet, ticks=tick_room(axes))
    for each, panel in zip(chain(*axes), chain(*rows), strict=True):
        write_title(each, panel)
        label_ends(each, panel)
        label_best(each, panel, covered=label_levels(each, panel))
    return figure


def arranged(shown: list[Panel], *, width: float) -> list[list[Panel]]:
    """Return rows of two, or of one in a narrow figure; of an odd number the first panel, the loss, has its own row."""
    if width < 6:
        return [[panel] for panel in shown]
    odd = len(shown) % 2
    return [shown[:1]] * odd + [shown[i : i + 2] for i in range(odd, len(shown), 2)]


def noted(row: list[Panel], notes: list[list[str]]) -> int:
    """Return the most lines of notes below a panel of a row; an empty panel has its notes inside."""
    return max(0 if panel.is_empty else len(lines) for panel, lines in zip(row, notes, strict=True))


def place(axes: list[list[Axes]], *, plots: list[float], feet: list[float], ticks: float) -> None:
    """Put the axes into their rows, from the top, leaving `ticks` inches for the numbers at their left."""
    top = HEADER
    for row, plot, foot in zip(axes, plots, feet, strict=True):
        for i, each in enumerate(row):
            width, height = each.figure.get_size_inches()
            cell = (width - 2 * EDGE - GUTTER * (len(row) - 1)) / len(row)
            left, bottom = EDGE + i * (cell + GUTTER) + ticks, height - top - TITLE - plot
            each.set_position((left / width, bottom / height, (cell - ticks - NAMES) / width, plot / height))
        top += TITLE + plot + foot


def tick_room(axes: list[list[Axes]]) -> float:
    """Return the inches that the widest number at the left of any axes takes."""
    boxes = [(each.yaxis.get_tightbbox(), each.bbox, each.figure.dpi) for each in chain(*axes)]
    return max([(bbox.x0 - ticks.x0) / dpi for ticks, bbox, dpi in boxes if ticks], default=0.0) + 0.02


def draw_panel(axes: Axes, panel: Panel, *, notes: list[str]) -> None:
    """Draw axes, lines and notes of one panel."""
    set_value_axis(axes, panel)
    set_epoch_axis(axes, panel)
    for each in panel.folds:
        values = np.clip(each.values, *axes.get_ylim())
        axes.plot(each.epochs, values, linewidth=0.7, alpha=0.45, color=LINES[each.role]["color"], zorder=1.3)
    for each in panel.lines:
        draw_line(axes, each)
    at, first, alignment = ((0.5, 0.6), 0.0, "center") if panel.is_empty else ((0, 0), FOOT - 0.03, "left")
    for i, note in enumerate(notes):
        text = axes.annotate(note, at, (0, -72 * (first + NOTE * i)), "axes fraction", textcoords="offset points")
        text.set(size=7.5, color=GREY, ha=alignment, va="top", annotation_clip=False)


def draw_line(axes: Axes, line: Line) -> None:
    """Draw a line with its band, dots where it has no length, and triangles at the edge for values outside the axes."""
    drawn_as, look = trace(line), LINES[line.role]
    epochs, color = drawn_as.epochs, look["color"]
    bottom, top = axes.get_ylim()
    low, middle, high = (np.clip(each, bottom, top) for each in (drawn_as.low, drawn_as.middle, drawn_as.high))
    if drawn_as.low is not drawn_as.high:
        axes.fill_between(epochs, low, high, facecolor=color, edgecolor=color, alpha=0.25, linewidth=0.5, zorder=1.5)
    if has_noise(line):
        ends = (np.clip(line.values + side * line.error, bottom, top) for side in (-1, 1))
        axes.fill_between(epochs, *ends, facecolor=color, alpha=0.22, linewidth=0, zorder=1.4)
    axes.plot(epochs, middle, linewidth=1.1 if len(epochs) > 250 else 1.7, **look)
    gaps = np.isnan(np.concatenate([[np.nan], middle, [np.nan]]))
    lone = np.ones(len(epochs), bool) if len(epochs) <= 12 else gaps[:-2] & gaps[2:]
    axes.plot(epochs[lone], middle[lone], "o", markersize=3.6, color=color, clip_on=False)
    for marker, edge, outside in (("^", top, drawn_as.high > top), ("v", bottom, drawn_as.low < bottom)):
        axes.plot(epochs[outside], np.full(outside.sum(), edge), marker, markersize=6, color=color, clip_on=False)


def write_header(figure: Figure, title: str) -> None:
    """Write what the run is, small and grey, at the top left."""
    width, height = figure.get_size_inches()
    text = figure.text(EDGE / width, 1 - EDGE / height, title, va="top", size=8.5, color=GREY)
    text.set_text(trimmed(text, inches=width - 2 * EDGE))


def write_title(axes: Axes, panel: Panel) -> None:
    """Write the quantity and the arrow of its direction in bold, and what it is exactly in grey."""
    room = axes.bbox.width / axes.figure.dpi + NAMES
    at = {"xycoords": "axes fraction", "textcoords": "offset points", "annotation_clip": False}
    title = axes.annotate(clean(panel.title), (0, 1), (0, 10), size=9.5, weight="bold", color=INK, **at)
    title.set_text(f"{trimmed(title, inches=room - 0.2)} {ARROWS.get(panel.direction, '')}".rstrip())
    end = text_width(title)
    detail = axes.annotate(clean(panel.detail), (0, 1), (72 * end + 6, 10), size=9, color=GREY, **at)
    detail.set_text(trimmed(detail, inches=room - end - 0.1))


def wrapped(panel: Panel, *, inches: float) -> list[str]:
    """Return the notes of a panel as lines that fit its width."""
    room = inches - EDGE - GUTTER - 0.4 - (NAMES if panel.is_empty else 0)
    return [line for note in panel.notes for line in textwrap.wrap(clean(note, length=160), max(20, int(room * 18)))]
