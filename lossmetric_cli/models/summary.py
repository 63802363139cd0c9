"""The table of a model's layers as plain text, in Keras' columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

#: Letters of a line.
WIDTH = 100


def summary(described: dict[str, Any]) -> str:
    """Return what `model.summary()` shows as text of at most 100 columns, without colours and without the optimizer.

    A layer whose parameters all stay as they are is marked `frozen`.

    Args:
        described: what `description` returns.
    """
    rows = [("Layer (type)", "Output Shape", "Param #", "Connected to"), *_rows(described["layers"], depth=0)]
    if not described["is_graph"]:
        rows = [row[:3] for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    if sum(widths) + 2 * len(widths) > WIDTH:  # the longest give way, the numbers never
        widths[:2] = [min(widths[0], 44), min(widths[1], 22)]
        widths[3:] = [max(8, WIDTH - sum(widths[:3]) - 6)] * (len(widths) > 3)
    lines = ["  ".join(map(_cell, row, widths, (False, False, True, False))) for row in rows]
    rule = "─" * min(WIDTH, max(map(len, lines)))
    trained, total = described["trained"], described["parameters"]
    ends = [f"Total params: {total:,}", f"Trainable params: {trained:,}", f"Non-trainable params: {total - trained:,}"]
    told = [f'Model: "{described["name"]}"', rule, lines[0].rstrip(), rule, *(line.rstrip() for line in lines[1:]), rule, *ends]
    return "\n".join(told) + "\n"


def _rows(layers: list[dict[str, Any]], *, depth: int) -> Iterator[tuple[str, str, str, str]]:
    for layer in layers:
        indent = "  " * (depth - 1) + "└ " if depth else ""
        frozen = ", frozen" * (layer["parameters"] > 0 and not layer["trained"])
        name = f"{indent}{layer['name']} ({layer['type']}{frozen})"
        yield name, shape_text(layer["shape"]), f"{layer['parameters']:,}", ", ".join(layer["inputs"]) or "-"
        yield from _rows(layer.get("layers", []), depth=depth + 1)


def shape_text(shape: list[Any] | None) -> str:
    """Return the shape of a layer's answer, its rows as Keras writes them: `(None, 64)`."""
    if shape is None:
        return "?"
    if shape and isinstance(shape[0], list):
        return ", ".join(map(shape_text, shape))
    return f"({', '.join(['None', *(str(size) for size in shape)])})"


def _cell(text: str, width: int, is_right: bool) -> str:
    text = text if len(text) <= width else f"{text[: width - 1]}…"
    return text.rjust(width) if is_right else text.ljust(width)
