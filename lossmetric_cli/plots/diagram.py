"""The picture of a model: a box a layer, top to bottom, with its shape and its parameters."""

from __future__ import annotations

from typing import Any, Protocol

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lossmetric_cli.errors import ConfigError
from lossmetric_cli.plots.graph import HEIGHT, LINE, WIDTH, Box, Layout, Place, boxes_of, layout
from lossmetric_cli.plots.labels import text_width, trimmed
from lossmetric_cli.plots.style import GREY, INK, blank, clean, quiet_style

# Inches around the boxes, above them for the title, below them for a note, and across at least.
EDGE, TITLE, NOTE, NARROWEST = 0.2, 0.66, 0.18, 3.3
#: Inches that a letter of the title takes at most, in the mean.
LETTER = 0.066
#: Layers that can be placed in a second.
MOST_LAYERS = 10_000
TRAINED, FROZEN, EMPTY = "#dcebf5", "#e2e2e2", "white"


class HasModel(Protocol):
    """What the picture reads of a Record: model.json and the facts of run.json."""

    model: dict[str, Any]
    info: dict[str, Any]


def model(record: HasModel, *, dpi: int = 110) -> Figure:
    """Return a figure of the layers of a run's model, drawn from its model.json.

    More than 40 layers are folded into groups. Raises ConfigError for a record without a model, and for a `dpi` that is out
    of range.
    """
    if not 30 <= dpi <= 1200:
        raise ConfigError(f"plots.model.dpi must lie between 30 and 1200, got {dpi}")
    described = record.model
    if not described.get("layers"):
        raise ConfigError("plots.model draws model.json, and this run has none; run it again, or type plots=[curves]")
    if len(described["layers"]) > MOST_LAYERS:
        raise ConfigError(f"plots.model: model.json has more than {MOST_LAYERS:,} layers; type plots=[curves]")
    boxes = boxes_of(described)
    found, notes = layout(boxes, is_graph=described["is_graph"]), notes_of(described, boxes)
    with quiet_style():
        return drawn(found, name=described["name"], title=title_of(described), notes=notes, dpi=dpi)


def title_of(described: dict[str, Any]) -> str:
    """Return how large a model is in a line: its layers and its parameters."""
    total, trained = described["parameters"], described["trained"]
    rest = "" if trained == total else f", {total - trained:,} of them not trained"
    return f"{len(described['layers'])} layers · {total:,} parameters{rest}"


def notes_of(described: dict[str, Any], boxes: list[Box]) -> list[str]:
    """Return what a reader must know of the boxes."""
    notes = ["blue: has parameters that are trained"] * any(box.trained for box in boxes)
    notes += ["grey: its parameters stay as they are"] * any(box.is_frozen for box in boxes)
    notes += ["layers folded into groups; model.txt has each"] * (len(boxes) < len(described["layers"]))
    return notes + ["in the order of the code, which tells no connections"] * (not described["is_graph"])


def drawn(found: Layout, *, name: str, title: str, notes: list[str], dpi: int) -> Figure:
    """Return the figure of a layout."""
    widest = max(found.width, NARROWEST, LETTER * len(title))
    width, height = widest + 2 * EDGE, found.height + TITLE + NOTE * (len(notes) + 1) + EDGE
    figure = blank(width, height, dpi=dpi)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    write(axes, name, EDGE, EDGE, room=width - 2 * EDGE, size=9.5, weight="bold", color=INK)
    write(axes, title, EDGE, EDGE + 0.2, room=width - 2 * EDGE, size=8, color=GREY)
    shift = Place((width - found.width) / 2, TITLE)
    for corners in found.lines:
        draw_line(axes, corners, shift=shift)
    for box in found.boxes:
        draw_box(axes, box, Place(found.places[box.name].x + shift.x, found.places[box.name].y + shift.y))
    for number, note in enumerate(notes):
        below = TITLE + found.height + NOTE * (number + 1)
        write(axes, note, EDGE, below, room=width - 2 * EDGE, size=7.5, color=GREY)
    return figure


def draw_line(axes: Axes, corners: list[Place], *, shift: Place) -> None:
    """Draw the way from one box to another, with a head where it ends."""
    x, y = [corner.x + shift.x for corner in corners], [corner.y + shift.y for corner in corners]
    axes.plot(x, y, color=GREY, linewidth=0.9, solid_joinstyle="round", zorder=1)
    axes.plot(x[-1], y[-1] - 0.03, marker="v", markersize=4, color=GREY, zorder=1, linestyle="none")


def draw_box(axes: Axes, box: Box, place: Place) -> None:
    """Draw a box: its name and class, then the shape of its answer and its parameters, then what is in it."""
    left, fill = place.x - WIDTH / 2, FROZEN if box.is_frozen else TRAINED if box.parameters else EMPTY
    axes.add_patch(Rectangle((left, place.y), WIDTH, box.height, facecolor=fill, edgecolor="#9a9a9a", linewidth=0.8, zorder=2))
    inside, first, second = left + 0.09, place.y + 0.14, place.y + HEIGHT - 0.13
    cells = f"{box.parameters:,}{' frozen' * box.is_frozen}" if box.parameters else ""
    room = WIDTH - 0.18
    name = write(axes, box.title or box.name, inside, first, room=room, size=8.5, weight="bold", color=INK)
    if box.kind:
        used = text_width(name) + 0.08
        write(axes, box.kind, inside + used, first, room=room - used, size=8, color=GREY)
    number = write(axes, cells, left + WIDTH - 0.09, second, room=room, size=8, color=INK, ha="right")
    write(axes, box.shape, inside, second, room=room - text_width(number) - 0.1, size=8, color=GREY)
    for place_of, told in enumerate(box.inner):
        write(axes, told, inside + 0.1, place.y + HEIGHT + LINE * place_of + 0.04, room=room - 0.1, size=7.5, color=GREY)


def write(axes: Axes, told: str, x: float, y: float, *, room: float, **look: Any) -> Any:
    """Write a text in the middle of a line, shortened to its room in inches, and return it."""
    text = axes.text(x, y, clean(told, length=160), va="center", zorder=3, **look)
    if len(text.get_text()) * look["size"] / 72 > room:  # no letter is wider than it is high; measuring takes most of the time
        text.set_text(trimmed(text, inches=room) if room > 0 else "")
    return text
