"""Words put where they cover nothing: names at the ends of lines, the best value beside its dot."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from lossmetric_cli.plots.panel import Panel, trace
from lossmetric_cli.plots.style import GREY, LINES, RIVAL, clean
from lossmetric_cli.plots.words import short

LINE_HEIGHT = 11.5
"""Points from one label to the next above it."""


def text_width(text: Text) -> float:
    """Return the width of a text in inches, 0 for none."""
    return text.get_window_extent().width / text.get_figure().dpi if text.get_text() else 0.0


def trimmed(text: Text, *, inches: float) -> str:
    """Return the text, shortened to an ellipsis if it is wider than so many inches."""
    whole, width = text.get_text(), text_width(text)
    if width <= inches or not whole:
        return whole
    kept = whole[: max(0, int(len(whole) * inches / width) - 1)].rstrip()
    return f"{kept}…" if kept else ""


def label_ends(axes: Axes, panel: Panel) -> None:
    """Write the role of each line at the right of its last value, moved up or down where two would touch."""
    lines = [line for line in panel.lines if len(line.drawable) and line.role != "learning rate"]
    ends = [np.clip(last_of(trace(line).middle), *axes.get_ylim()) for line in lines]
    points = 72 / axes.figure.dpi
    wanted = np.array([axes.transData.transform((0, end))[1] * points for end in ends])
    placed = spread(wanted, gap=LINE_HEIGHT, low=axes.bbox.y0 * points, high=axes.bbox.y1 * points)
    for line, end, shift in zip(lines, ends, placed - wanted, strict=True):
        color = LINES[line.role]["color"]
        last, edge = line.epochs[~np.isnan(line.values)][-1], axes.get_xlim()[1]
        if axes.transLimits.transform((last, 0))[0] < 0.93:  # the line broke off: a hair leads on to its name
            axes.plot([last, edge], [end, end], linewidth=0.6, color=color, alpha=0.5)
        at = {"xycoords": axes.get_yaxis_transform(), "textcoords": "offset points", "annotation_clip": False}
        axes.annotate(line.role, (1, end), (5, shift), va="center", size=9, color=color, **at)


def last_of(values: np.ndarray) -> float:
    """Return the last value that is no gap."""
    return float(values[~np.isnan(values)][-1])


def spread(wanted: np.ndarray, *, gap: float, low: float, high: float) -> np.ndarray:
    """Return positions at least `gap` apart and between `low` and `high`, in the order of and nearest to those wanted.

    Without its share of gaps each position must only not fall below the one before: isotonic regression, by the
    max-min formula (Barlow et al., "Statistical Inference under Order Restrictions", 1972).
    """
    order, count = np.argsort(wanted, kind="stable"), len(wanted)
    shares = gap * np.arange(count)
    free = wanted[order] - shares
    level = [max(min(free[i : k + 1].mean() for k in range(j, count)) for i in range(j + 1)) for j in range(count)]
    placed = np.empty(count)
    placed[order] = np.clip(level, low, max(low, high - gap * max(0, count - 1))) + shares
    return placed


def label_levels(axes: Axes, panel: Panel) -> np.ndarray:
    """Draw what answers without the network score as lines across the panel, and return the pixels (n, 2) of their names."""
    covered = np.empty((0, 2))
    for name, value in panel.levels:
        look = {"color": GREY, "linewidth": 0.9, "linestyle": (0, (1, 2.5))}
        covered = label_level(axes, panel, f"{name} {short(value)}", value, look, covered=covered)
    if panel.rival is not None:
        name, score = panel.rival
        look = {"color": RIVAL, "linewidth": 1.1, "linestyle": (0, (6, 2, 1, 2))}
        covered = label_level(axes, panel, f"{clean(name)} {short(score)}", score, look, covered=covered)
    return covered


def label_level(axes: Axes, panel: Panel, told: str, value: float, look: dict[str, Any], *, covered: np.ndarray) -> np.ndarray:
    """Draw a level with its name where the fewest lines run; return `covered` and the pixels of the name, (n, 2)."""
    axes.axhline(value, zorder=1.2, **look)
    at = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "size": 7.5, "zorder": 1.3}
    text = axes.annotate(told, (1, value), (0, 0), color=look["color"], **at)
    ink, frame = np.concatenate([inked(axes, panel), covered]), axes.bbox

    def place(side: float, is_above: bool) -> float:
        """Return the cost of a place, after the text was put there."""
        text.xy = (side, value)
        text.set(position=(3 - 6 * side, 3 if is_above else -3))
        text.set(ha=("left", "center", "right")[round(2 * side)], va="bottom" if is_above else "top")
        box = text.get_window_extent()
        hidden = ((ink > box.min - 3) & (ink < box.max + 3)).all(axis=1).sum()
        return hidden + 1000 * (box.y0 < frame.y0 or box.y1 > frame.y1)

    places = [(side, is_above) for side in (1.0, 0.0, 0.5) for is_above in (False, True)]
    place(*min(places, key=lambda each: place(*each)))
    box = text.get_window_extent()
    named = np.stack(np.meshgrid(np.arange(box.x0, box.x1, 4), np.arange(box.y0, box.y1, 4)), axis=-1).reshape(-1, 2)
    return np.concatenate([covered, named])


def label_best(axes: Axes, panel: Panel, *, covered: np.ndarray) -> None:
    """Mark the best epoch by a dot and write its value where the fewest lines run, and not on `covered` pixels (n, 2)."""
    for line in panel.lines:
        if line.best:
            epoch, value = line.best
            point = (epoch, np.clip(value, *axes.get_ylim()))
            color = LINES[line.role]["color"]
            axes.plot(*point, "o", markersize=6.5, color=color, markeredgecolor="white", markeredgewidth=1.2, clip_on=False)
            text = f"best {short(value, digits=telling_digits(value, panel.limits))} at {epoch:,}"
            write_near(axes, text, point=point, ink=np.concatenate([inked(axes, panel), covered]), color=color)


def telling_digits(value: float, limits: tuple[float, float]) -> int:
    """Return the digits, four or more, that show a hundredth of the panel's height and keep 0.99996 from reading 1."""
    height = limits[1] - limits[0]
    digits = int(np.ceil(np.log10(abs(value)) - np.log10(height))) + 2 if height and value else 4
    while digits < 12 and abs(value) < 1 and abs(float(f"{value:.{max(4, digits)}g}")) == 1:
        digits = max(4, digits) + 1
    return min(12, max(4, digits))


def write_near(axes: Axes, text: str, *, point: tuple[float, float], ink: np.ndarray, color: str) -> None:
    """Write the text near a point of the axes, with a hair to it where it had to go further away."""
    plate = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.8}  # a halo would make an SVG 26 kB larger
    at = {"textcoords": "offset points", "annotation_clip": False, "ha": "center", "va": "center"}
    note = axes.annotate(text, point, (0, 0), size=8.5, color=color, bbox=plate, **at)
    points = 72 / axes.figure.dpi
    start = axes.transData.transform(point) * points
    half = np.array(note.get_window_extent().size) * points / 2
    centre = clearest(start, half=half, frame=Bbox(axes.bbox.get_points() * points), ink=ink * points)
    note.set_position(centre - start)
    nearest = np.clip(start, centre - half, centre + half)
    if np.hypot(*(nearest - start)) > 12:
        hair = {"arrowstyle": "-", "linewidth": 0.6, "color": color, "alpha": 0.6, "shrinkA": 0, "shrinkB": 4}
        axes.annotate("", point, nearest - start, textcoords="offset points", arrowprops=hair)


def inked(axes: Axes, panel: Panel, *, every: float = 2.0) -> np.ndarray:
    """Return pixels (n, 2) on the lines and in the bands of a panel, one on every so many pixels of length."""
    traces = [trace(line) for line in panel.lines]
    levels = [(each, each.low + share * (each.high - each.low)) for each in traces for share in (0, 0.25, 0.5, 0.75, 1)]
    return np.concatenate([sampled(axes, each.epochs, values, every=every) for each, values in levels])


def sampled(axes: Axes, epochs: np.ndarray, values: np.ndarray, *, every: float) -> np.ndarray:
    """Return pixels (n, 2) at equal distances along a curve, its gaps bridged; none if it is all gap."""
    kept = ~np.isnan(values)
    pixels = axes.transData.transform(np.stack([epochs[kept], np.clip(values[kept], *axes.get_ylim())], axis=1))
    if not len(pixels):
        return pixels
    length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(pixels, axis=0).T))])
    at = np.linspace(0, length[-1], int(length[-1] / every) + 1)
    return np.stack([np.interp(at, length, column) for column in pixels.T], axis=1)


def clearest(point: np.ndarray, *, half: np.ndarray, frame: Bbox, ink: np.ndarray) -> np.ndarray:
    """Return the centre of the box, `half` its size to each side, that covers the least ink inside the frame near a point."""
    shifts = [(dx * half[0], dy) for dy in range(-100, 101, 4) for dx in (0, -0.5, 0.5, -1.2, 1.2, -1.8, 1.8, -2.4, 2.4)]

    def cost(centre: np.ndarray) -> float:
        covered = (np.abs(ink - centre) < half + 2.5).all(axis=1).sum()
        away = np.hypot(*np.maximum(np.abs(point - centre) - half, 0))
        return 5 * covered + 100 * max(0.0, 5 - away) + away + 0.1 * np.hypot(*(centre - point))

    centres = [np.clip(point + shift, frame.min + half, frame.max - half) for shift in shifts]
    return min(centres, key=cost)
