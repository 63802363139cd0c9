"""A model as boxes in rows: read from its description, folded where they are many, placed in inches; nothing here draws."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

#: More boxes than that are folded.
MOST = 40
#: Layers of a model within the model that its box names.
MOST_INNER = 8
#: Rows of a chain from which it goes on in another column.
TALLEST = 14
# Inches: a box, a line in it, and what lies between boxes, columns and lines that pass by.
WIDTH, HEIGHT, LINE, BETWEEN, ASIDE, PASSING = 2.5, 0.44, 0.15, 0.24, 0.3, 0.16


@dataclass(frozen=True)
class Box:
    """A layer, or several folded into one.

    `sources` are the names of the boxes whose answers it takes; `inner` the lines that tell what is in it; `title` is what
    it is called where that is not its name.
    """

    name: str
    kind: str
    shape: str
    parameters: int
    trained: int
    sources: tuple[str, ...] = ()
    inner: tuple[str, ...] = ()
    title: str = ""

    @property
    def is_frozen(self) -> bool:
        """Return whether it has parameters and training moves none of them."""
        return self.parameters > 0 and not self.trained

    @property
    def height(self) -> float:
        """Return its height in inches."""
        return HEIGHT + LINE * len(self.inner)


@dataclass(frozen=True)
class Place:
    """The middle of a box's upper edge, in inches from the left and from the top."""

    x: float
    y: float


@dataclass
class Layout:
    """Where boxes and lines go: a line is its corners, from the box that answers to the one that takes it."""

    boxes: list[Box]
    places: dict[str, Place] = field(default_factory=dict)
    lines: list[list[Place]] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0


def boxes_of(described: dict[str, Any]) -> list[Box]:
    """Return a box for each layer of a description, so many folded into one that at most `MOST` are left."""
    return folded([_box(layer) for layer in described["layers"]])


def folded(boxes: list[Box]) -> list[Box]:
    """Return the boxes with neighbours in a chain folded into one, by as few as will do; else whole rows of them."""
    if len(boxes) <= MOST:
        return boxes
    chains = _chains(boxes)
    for size in range(2, max(map(len, chains)) + 1):
        pieces = [chain[start : start + size] for chain in chains for start in range(0, len(chain), size)]
        if len(pieces) <= MOST:
            return _joined(boxes, pieces)
    ranks = ranked(boxes)
    count = max(ranks.values()) + 1
    step = -(-count // min(MOST, count))
    pieces = [[box for box in boxes if ranks[box.name] // step == part] for part in range(-(-count // step))]
    return _joined(boxes, pieces)


def ranked(boxes: list[Box]) -> dict[str, int]:
    """Return the row of each box: one below the lowest of those that it takes answers from."""
    by_name = {box.name: box for box in boxes}
    found: dict[str, int] = {}
    waiting = list(boxes)
    while waiting:
        ready = [box for box in waiting if all(source in found or source not in by_name for source in box.sources)]
        for box in ready or waiting[:1]:  # a layer that takes its own answer has no row above
            found[box.name] = max((found[source] + 1 for source in box.sources if source in found), default=0)
        waiting = [box for box in waiting if box.name not in found]
    return found


def layout(boxes: list[Box], *, is_graph: bool) -> Layout:
    """Return where the boxes of a model go, top to bottom by their rows, a long chain in columns side by side.

    Without a graph they stand one below the other, and no line says what is connected to what.
    """
    ranks = ranked(boxes) if is_graph else {box.name: number for number, box in enumerate(boxes)}
    found = Layout(boxes)
    if len(set(ranks.values())) == len(boxes) and _is_chain(boxes):
        _in_columns(found, sorted(boxes, key=lambda box: ranks[box.name]))
    else:
        _in_rows(found, ranks)
    return found


def _box(layer: dict[str, Any]) -> Box:
    inner = layer.get("layers", [])
    told = [" ".join(filter(None, [each["name"], _kind(each), _sizes(each["shape"])])) for each in inner[:MOST_INNER]]
    told += [f"… {len(inner) - MOST_INNER} more"] * (len(inner) > MOST_INNER)
    return Box(
        name=layer["name"],
        kind=_kind(layer),
        shape=_sizes(layer["shape"]),
        parameters=layer["parameters"],
        trained=layer["trained"],
        sources=tuple(layer["inputs"]),
        inner=tuple(told),
    )


def _kind(layer: dict[str, Any]) -> str:
    """Return the class of a layer where its name does not tell it already."""
    plain = layer["name"].replace("_", "").rstrip("0123456789").lower()
    return "" if plain == layer["type"].rstrip("0123456789").lower() else layer["type"]


def _sizes(shape: Any) -> str:
    """Return the shape of an answer as a person says it: `28 × 28 × 16`."""
    if shape is None:
        return ""
    if shape and isinstance(shape[0], list):
        return ", ".join(map(_sizes, shape))
    return " × ".join("any" if size is None else str(size) for size in shape) or "1"


def _chains(boxes: list[Box]) -> list[list[Box]]:
    """Return the boxes in runs in which each takes the answer of the one before alone, and nobody else takes that."""
    takers = Counter(source for box in boxes for source in box.sources)
    chains: list[list[Box]] = []
    last_of: dict[str, list[Box]] = {}
    for box in boxes:
        chain = last_of.get(box.sources[0]) if len(box.sources) == 1 and takers[box.sources[0]] == 1 else None
        if chain is None:
            chain = []
            chains.append(chain)
        else:
            del last_of[box.sources[0]]
        chain.append(box)
        last_of[box.name] = chain
    return chains


def _joined(boxes: list[Box], pieces: list[list[Box]]) -> list[Box]:
    """Return one box for each piece, connected as its layers were."""
    names = {
        box.name: piece[0].name if len(piece) == 1 else f"{piece[0].name} … {piece[-1].name}"
        for piece in pieces
        for box in piece
    }
    found = []
    for piece in filter(None, pieces):
        name = names[piece[0].name]
        sources = dict.fromkeys(names[source] for box in piece for source in box.sources if source in names)
        known = tuple(source for source in sources if source != name)
        if len(piece) == 1:
            found.append(replace(piece[0], sources=known))
            continue
        kinds = Counter(box.kind or _plain(box.name) for box in piece)
        told = (name, ", ".join(f"{count} {kind}" for kind, count in kinds.most_common()))
        cells, trained = sum(box.parameters for box in piece), sum(box.trained for box in piece)
        found.append(Box(name, "", piece[-1].shape, cells, trained, known, told, title=f"{len(piece)} layers"))
    return found


def _plain(name: str) -> str:
    return name.rstrip("0123456789").rstrip("_")


def _is_chain(boxes: list[Box]) -> bool:
    takers = Counter(source for box in boxes for source in box.sources)
    return all(len(box.sources) <= 1 for box in boxes) and all(count == 1 for count in takers.values())


def _in_columns(found: Layout, chain: list[Box]) -> None:
    """Place a chain in columns of equal length, each beside the one before."""
    columns = -(-len(chain) // TALLEST)
    length = -(-len(chain) // columns)
    for column in range(columns):
        y, x = 0.0, WIDTH / 2 + column * (WIDTH + ASIDE)
        for box in chain[column * length : (column + 1) * length]:
            found.places[box.name] = Place(x, y)
            y += box.height + BETWEEN
        found.height = max(found.height, y - BETWEEN)
    found.width = columns * (WIDTH + ASIDE) - ASIDE
    for before, box in itertools.pairwise(chain):
        if before.name not in box.sources:
            continue
        start, end = _bottom(found, before), found.places[box.name]
        if start.x == end.x:
            found.lines.append([start, end])
        else:
            between = start.x + (WIDTH + ASIDE) / 2
            low, high = start.y + BETWEEN / 2, end.y - BETWEEN / 2
            found.lines.append([start, Place(start.x, low), Place(between, low), Place(between, high), Place(end.x, high), end])
    if columns > 1:
        found.height += BETWEEN / 2


def _bottom(found: Layout, box: Box) -> Place:
    place = found.places[box.name]
    return Place(place.x, place.y + box.height)


def _in_rows(found: Layout, ranks: dict[str, int]) -> None:
    """Place boxes row by row under what they take answers from, with room beside them for lines that pass a row."""
    by_name = {box.name: box for box in found.boxes}
    edges = [
        (source, box.name) for box in found.boxes for source in box.sources if ranks.get(source, 1 << 30) < ranks[box.name]
    ]
    rows: list[list[str]] = [[] for _ in range(max(ranks.values()) + 1)]
    for box in found.boxes:
        rows[ranks[box.name]].append(box.name)
    above: dict[str, list[str]] = {name: [] for name in by_name}
    paths = []
    for source, target in edges:
        stations = [f"{source}→{target}·{row}" for row in range(ranks[source] + 1, ranks[target])]
        for row, station in enumerate(stations, ranks[source] + 1):
            rows[row].append(station)
        path = [source, *stations, target]
        for before, after in itertools.pairwise(path):
            above.setdefault(after, []).append(before)
        paths.append(path)
    across = _across(rows, above, by_name)
    y = 0.0
    bands = []
    for row in rows:
        tallest = max((by_name[name].height for name in row if name in by_name), default=HEIGHT)
        for name in row:
            if name in by_name:
                found.places[name] = Place(across[name], y + (tallest - by_name[name].height) / 2)
        bands.append((y, y + tallest))
        y += tallest + BETWEEN
    found.height = y - BETWEEN
    for path in paths:
        corners = [_bottom(found, by_name[path[0]])]
        for row, station in enumerate(path[1:-1], ranks[path[0]] + 1):
            corners += [Place(across[station], bands[row][0]), Place(across[station], bands[row][1])]
        found.lines.append([*corners, found.places[path[-1]]])
    left = min(across[name] - _width(name, by_name) / 2 for name in across)
    found.width = max(across[name] + _width(name, by_name) / 2 for name in across) - left
    found.places = {name: Place(place.x - left, place.y) for name, place in found.places.items()}
    found.lines = [[Place(corner.x - left, corner.y) for corner in line] for line in found.lines]


def _across(rows: list[list[str]], above: dict[str, list[str]], by_name: dict[str, Box]) -> dict[str, float]:
    """Return where each box and each passing line stands across: under the mean of what is above it, boxes before lines."""
    found: dict[str, float] = {}
    for row in rows:
        wanted = {}
        for name in row:
            over = [before for before in above.get(name, ()) if before in by_name] or above.get(name, [])
            wanted[name] = sum(found[before] for before in over) / max(1, len(over))
        row.sort(key=lambda name: (wanted[name], name not in by_name))
        room = [_width(name, by_name) for name in row]
        weights = [1e6 if name in by_name else 1.0 for name in row]
        for name, x in zip(row, spaced([wanted[name] for name in row], room, weights), strict=True):
            found[name] = x
    return found


def _width(name: str, by_name: dict[str, Box]) -> float:
    return WIDTH + ASIDE if name in by_name else PASSING


def spaced(wanted: list[float], room: list[float], weights: list[float]) -> list[float]:
    """Return positions nearest to those wanted, in their order and with `room` for each, the heavier moved the less.

    Less what the rooms take, they must not fall: isotonic regression by pooling adjacent violators (Barlow et al.,
    "Statistical Inference under Order Restrictions", 1972).
    """
    starts, at = [], 0.0
    for each in room:
        starts.append(at + each / 2)
        at += each
    pools: list[list[float]] = []  # mean, weight, count
    for want, start, weight in zip(wanted, starts, weights, strict=True):
        pools.append([want - start, weight, 1])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            mean, heavy, count = pools.pop()
            last = pools[-1]
            last[0] = (last[0] * last[1] + mean * heavy) / (last[1] + heavy)
            last[1], last[2] = last[1] + heavy, last[2] + count
    levels = [mean for mean, _, count in pools for _ in range(int(count))]
    return [level + start for level, start in zip(levels, starts, strict=True)]
