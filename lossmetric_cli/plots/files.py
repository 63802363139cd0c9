"""A figure as files, the same bytes each time.

Determinism needs no date and no version in the file, and a fixed salt for the ids that SVG makes up. Letters are
stored as paths: the picture then looks the same where DejaVu Sans is not installed.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from pathlib import Path

from matplotlib.figure import Figure

from lossmetric_cli.plots.style import quiet_style

NO_METADATA = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


def save(
    figure: Figure, folder: Path, name: str, *, write: Callable[[Path, bytes], object], formats: Iterable[str] = ("png", "svg")
) -> list[Path]:
    """Write the figure as `<folder>/<name>.<format>` by calling `write(path, bytes)`, and return the paths."""
    paths = {form: Path(folder) / f"{name}.{form}" for form in formats}
    for form, path in paths.items():
        write(path, rendered(figure, form=form))
    return list(paths.values())


def rendered(figure: Figure, *, form: str) -> bytes:
    """Return the figure as the bytes of a file."""
    buffer = io.BytesIO()
    with quiet_style():
        figure.savefig(buffer, format=form, dpi=figure.dpi, metadata=NO_METADATA.get(form))
    return buffer.getvalue()
