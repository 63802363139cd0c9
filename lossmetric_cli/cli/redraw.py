"""`lmrun plot RUN`: the pictures of a run drawn again from its record."""

from __future__ import annotations

from pathlib import Path

from lossmetric_cli import plots
from lossmetric_cli.errors import LmrunError
from lossmetric_cli.record import Record


def redraw(name: str) -> Path:
    """Draw the plots that a run's own config names, into its folder, and return that folder."""
    record = Record.read(Path(name).resolve())
    for failure in plots.draw(record, record.info["config"]["plots"]):
        raise LmrunError(failure)
    return record.folder
