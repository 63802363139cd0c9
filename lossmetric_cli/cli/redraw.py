"""`lmrun plot RUN` and `lmrun report RUN`: the pictures and the page of a run made again from its record."""

from __future__ import annotations

from pathlib import Path

from lossmetric_cli import plots, report, story
from lossmetric_cli.cli import app
from lossmetric_cli.console import Voice
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.record import Record, reading


def redraw(name: str) -> Path:
    """Draw the plots that a run's own config names, into its folder, and return that folder."""
    record = Record.read(Path(name).resolve())
    for failure in _drawn(record):
        raise ConfigError(failure)
    return record.folder


def page(name: str) -> Path:
    """Draw the plots of a run, write its page, and return the path of that.

    Raises ConfigError for a sweep and for what is no run folder.
    """
    folder = Path(name).resolve()
    if story.is_sweep(folder):
        raise ConfigError(f"{name} is a sweep, and each of its jobs has a page; type lmrun report {name}/0")
    record = Record.read(folder)
    for failure in _drawn(record) if (folder / "history.csv").exists() else []:
        Voice().note(failure)
    with reading(folder):
        return report.write(record)


def _drawn(record: Record) -> list[str]:
    """Draw the plots of a run, those of your own code too, and return a sentence for each that failed."""
    app.let_own_code_be_imported()
    config = record.info.get("config")
    nodes = config.get("plots") if isinstance(config, dict) else None
    if not isinstance(nodes, dict) or not all(isinstance(node, dict) for node in nodes.values()):
        raise ConfigError(f"{record.folder} is no run folder: its run.json names no plots")
    return plots.draw(record, nodes)
