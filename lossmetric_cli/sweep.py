"""What a sweep's jobs came to: a row a job, the best first."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lossmetric_cli import store
from lossmetric_cli.console import figure
from lossmetric_cli.record import Record

if TYPE_CHECKING:
    import pandas as pd


def results(folder: Path) -> pd.DataFrame:
    """Return a row for each job of a sweep's folder, best first by the direction of its monitor, failures last.

    Columns: job, status, overrides, monitor, best (the monitor's best value), epoch (that reached it), the validation
    figures of the weights that the job ended with, folder, error.
    """
    import pandas as pd

    rows = [_row(file.parent) for file in sorted(folder.glob("*/run.json"), key=lambda file: int(file.parent.name))]
    frame = pd.DataFrame(rows)
    order = frame["best"].where(frame.pop("direction") != "max", -frame["best"])
    frame = frame.loc[order.sort_values(kind="stable").index]
    last = ["folder", "error"]
    return frame[[*[name for name in frame.columns if name not in last], *last]].reset_index(drop=True)


def write(results: pd.DataFrame, folder: Path) -> None:
    """Write results.csv."""
    store.write(folder / "results.csv", results.map(_as_text).to_csv(index=False, lineterminator="\n"))


def _as_text(cell: Any) -> Any:
    """Return a cell that no spreadsheet computes: text that begins as a formula does gets a quote before it."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in tuple("=+-@\t\r") else cell


def table(results: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Return the headings and cells of the closing table."""
    monitor = next(iter(results["monitor"].dropna()), "best")
    columns = ["job", "what differs", monitor, "at epoch", "status"]
    shared = set.intersection(*(set(words.split()) for words in results["overrides"]))
    cells = [
        [
            str(row.job),
            " ".join(word for word in row.overrides.split() if word not in shared),
            "" if math.isnan(row.best) else figure(row.best),
            "" if math.isnan(row.epoch) else f"{row.epoch:.0f}",
            row.status,
        ]
        for row in results.itertuples()
    ]
    return columns, cells


def _row(folder: Path) -> dict[str, Any]:
    record = Record.read(folder)
    info = record.info
    monitor = info.get("monitor", {})
    best = info.get("best", {}).get(monitor.get("name"), {})
    return {
        "job": info["job"],
        "status": info["status"],
        "overrides": " ".join(info["overrides"]),
        "monitor": monitor.get("name"),
        "direction": monitor.get("direction"),
        "best": float("nan") if best.get("value") is None else best["value"],
        "epoch": best.get("epoch", float("nan")),
        **{f"val_{name}": value for name, value in record.scores.get("val", {}).items()},
        "folder": str(folder),
        "error": info.get("error", ""),
    }
