"""`lmrun plot RUN`: the pictures of a run drawn again from its record."""

from __future__ import annotations

from pathlib import Path

from lossmetric_cli import plots
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.record import Record


def redraw(name: str) -> Path:
    """Draw the plots that a run's own config names, into its folder, and return that folder."""
    record = Record.read(Path(name).resolve())
    config = record.info.get("config")
    nodes = config.get("plots") if isinstance(config, dict) else None
    if not isinstance(nodes, dict) or not all(isinstance(node, dict) for node in nodes.values()):
        raise ConfigError(f"{record.folder} is no run folder: its run.json names no plots")
    for failure in plots.draw(record, nodes):
        raise ConfigError(failure)
    return record.folder
