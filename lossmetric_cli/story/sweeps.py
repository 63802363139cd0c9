"""Which job of a sweep is the best one, and by how much."""

from __future__ import annotations

import math
import shlex
from pathlib import Path
from typing import Any

from lossmetric_cli.console import figure
from lossmetric_cli.explain import page
from lossmetric_cli.explain.page import Row
from lossmetric_cli.record import Record
from lossmetric_cli.story.words import BETTER, count
from lossmetric_cli.sweep import results


def story(folder: Path, *, width: int) -> list[Row]:
    """Return the page of a sweep."""
    jobs = results(folder).to_dict("records")
    rows = [*page.title(f"The sweep {folder}", width=width), *page.blank()]
    finished = [job for job in jobs if job["status"] == "finished" and not math.isnan(job["best"])]
    failed = [job for job in jobs if job["status"] not in ("finished", "running")]
    rows += page.margin(" ".join([_counts(jobs, failed), *_best(folder, finished, jobs)]), width=width)
    rows += page.blank()
    rows += page.items("failed", [f"{job['job']}: {_differs(job, jobs)}: {job['error']}" for job in failed], width=width)
    if finished:
        rows += page.command("next", f"lmrun explain {shlex.quote(finished[0]['folder'])}", width=width, keeps_words=True)
    return rows


def _counts(jobs: list[dict[str, Any]], failed: list[dict[str, Any]]) -> str:
    finished = sum(job["status"] == "finished" for job in jobs)
    running = len(jobs) - finished - len(failed)
    ends = [f"{finished} finished", f"{len(failed)} failed" if failed else "", f"{running} without an end" if running else ""]
    return f"{count(len(jobs), 'job')}: {', '.join(filter(None, ends))}."


def _best(folder: Path, finished: list[dict[str, Any]], jobs: list[dict[str, Any]]) -> list[str]:
    if not finished:
        return ["No job finished, so there is no best one."]
    first = finished[0]
    record = Record.read(Path(first["folder"]))
    told = [
        f"The best by {first['monitor']} ({BETTER[record.info['monitor']['direction']]}) is job {first['job']}: "
        f"{_differs(first, jobs)}, {figure(first['best'])} at epoch {first['epoch']:.0f}."
    ]
    if len(finished) > 1:
        second = finished[1]
        told.append(f"The next is job {second['job']}: {_differs(second, jobs)}, {figure(second['best'])}.")
        told += _losses(first, finished) or _chance(record, first, second)
    return told


def _losses(first: dict[str, Any], finished: list[dict[str, Any]]) -> list[str]:
    """Return a warning where losses of several kinds were compared."""
    chosen = {word for job in finished for word in job["overrides"].split() if word.startswith("loss")}
    shared = set.intersection(*(set(job["overrides"].split()) for job in finished))
    if not chosen - shared or not str(first["monitor"]).endswith("loss"):
        return []
    return ["But the jobs differ in their loss, and figures of two losses do not compare: let a metric choose (monitor=val_…)."]


def _chance(record: Record, first: dict[str, Any], second: dict[str, Any]) -> list[str]:
    """Return what the rows' scatter says of the difference between the two best; it is known for val_loss alone."""
    history = record.history
    if first["monitor"] != "val_loss" or "val_loss_stderr" not in history:
        return []
    error = float(history.loc[history["epoch"] == first["epoch"], "val_loss_stderr"].iloc[0])
    difference = abs(first["best"] - second["best"])
    if not error > 0:
        return []
    if difference >= 2 * error:
        return [f"They differ by {difference / error:.1f} standard errors of val_loss, so by more than the rows' scatter."]
    return [
        f"They differ by {difference / error:.1f} standard errors of val_loss, which may be chance; more seeds would tell "
        "(-m seed=0,1,2)."
    ]


def _differs(job: dict[str, Any], jobs: list[dict[str, Any]]) -> str:
    """Return the words that not all jobs share."""
    shared = set.intersection(*(set(other["overrides"].split()) for other in jobs))
    return " ".join(word for word in job["overrides"].split() if word not in shared) or "the same words as the others"
