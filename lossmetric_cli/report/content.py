"""What the page of a run says: plain texts and tables, read off its record."""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lossmetric_cli.catalog import NAIVE
from lossmetric_cli.console import ARROWS, duration, figure, span
from lossmetric_cli.record import Record
from lossmetric_cli.story import advice, gaps, runs
from lossmetric_cli.story.words import command, count, settled

if TYPE_CHECKING:
    import pandas as pd

_PARTS = {"train": "training rows", "val": "validation rows", "test": "test rows"}
#: Rows of a table, columns of that of the epochs, and metrics at a glance; the files beside the page have them all.
_MOST_ROWS, _MOST_COLUMNS, _MOST_TILES = 60, 9, 2
#: Epochs of the table of them.
_EPOCHS = 16
#: Letters of a file that a page has room for.
_LONGEST = 20_000
#: What the page leads to.
_FILES = ("history.csv", "metrics.json", "run.json", "model.keras", "error.log")


@dataclass(frozen=True)
class Tile:
    """A figure at a glance: what it is, its value, and what that is to be held against."""

    name: str
    value: str
    beside: str


@dataclass(frozen=True)
class Table:
    """Headings, rows of as many cells, and what is to be known of them."""

    headings: list[str]
    rows: list[list[str]]
    note: str = ""


def of(record: Record) -> dict[str, Any]:
    """Return what the template of the page shows."""
    info, gap = record.info, gaps.measured(record.info)
    return {
        "title": info.get("title") or record.folder.name,
        "status": info.get("status", "of unknown status"),
        "facts": _facts(record),
        "command": command(info),
        "tiles": _tiles(record),
        "paragraphs": runs.paragraphs(record),
        "verdicts": info.get("verdicts", [])[:_MOST_ROWS],
        "advice": advice.advice(record),
        "figures": _figures(record),
        "gap": {"sum": gaps.total(gap), "parts": gaps.parts(gap, record)} if gap else None,
        "epochs": _epochs(record),
        "notes": [*info.get("notes", []), *(finding["text"] for finding in info.get("findings", []))][:_MOST_ROWS],
        "made_of": _made_of(info),
        "classes": _classes(info),
        "config": _text(record, ".hydra/config.yaml"),
        "files": [name for name in _FILES if (record.folder / name).exists()],
    }


def _facts(record: Record) -> list[str]:
    """Return when it began, how long it took, and where it ran."""
    info, done = record.info, len(record.history)
    took = [f"{count(done, 'epoch')} in {duration(record.seconds)}"] if done else []
    threads = f" {count(info['threads'], 'thread')}" if info.get("threads") else ""
    return [str(info.get("started", "")).replace("T", " ")[:16], *took, f"{info.get('device', '')}{threads}"]


def _tiles(record: Record) -> list[Tile]:
    """Return the figures that answer whether the run is good."""
    info, scores = record.info, record.scores
    best, monitor = runs.best(record), info.get("monitor", {})
    found = []
    if best:
        name = f"best {monitor['name']} {ARROWS.get(monitor['direction'], '')}".rstrip()
        found.append(Tile(name, figure(best["value"]), f"at epoch {best['epoch']:,} of {len(record.history):,}"))
    part = _judge(scores)
    if scores.get("skill", {}).get(part) is not None:
        found.append(Tile("skill", f"{scores['skill'][part]:.2f}", f"on {_PARTS[part]}; 0 is a constant answer, 1 perfect"))
    constants = scores.get("baseline", {}).get(part, {})
    names = [name for name, facts in info.get("metrics", {}).items() if "metric" not in facts and name in scores.get(part, {})]
    for name in names[:_MOST_TILES]:
        known = constants.get(name) is not None
        constant = f"; a constant answer has {figure(settled(constants[name], beside=scores[part][name]))}" if known else ""
        found.append(Tile(_arrowed(name, info), figure(scores[part][name]), f"on {_PARTS[part]}{constant}"))
    return found


def _figures(record: Record) -> Table | None:
    """Return the loss and the metrics of each part beside what they are to be held against."""
    scores = record.scores
    part, parts = _judge(scores), [part for part in _PARTS if part in scores]
    if not parts:
        return None
    against = {"95 % interval": {name: span(*ends) for name, ends in scores.get("interval", {}).get(part, {}).items() if ends}}
    constants = scores.get("baseline", {}).get(part, {})
    known = {name: value for name, value in constants.items() if value is not None and scores[part].get(name) is not None}
    against["constant answer"] = _shown({name: settled(value, beside=scores[part][name]) for name, value in known.items()})
    against |= {NAIVE.get(name, name): _shown(found) for name, found in scores.get("naive", {}).get(part, {}).items()}
    if part in scores.get("rival", {}):
        against[scores["rival"]["name"]] = _shown(scores["rival"][part])
    against = dict([(heading, cells) for heading, cells in against.items() if cells][:_MOST_COLUMNS])
    names = list(scores[part])
    rows = [
        [
            _arrowed(name, record.info),
            *(_shown(scores[each]).get(name, "") for each in parts),
            *(cells.get(name, "") for cells in against.values()),
        ]
        for name in names[:_MOST_ROWS]
    ]
    told = [f"What stands right of the parts is of the {_PARTS[part]}."] if against and len(parts) > 1 else []
    told += [f"{len(names) - _MOST_ROWS:,} more stand in metrics.json."] if len(names) > _MOST_ROWS else []
    told += [f"Means over {scores['over']}."] if "over" in scores else []
    return Table(["", *(_PARTS[each] for each in parts), *against], rows, " ".join(told))


def _epochs(record: Record) -> Table | None:
    """Return some epochs of the history: the first, the last, the best, and others evenly between."""
    history, best = record.history, runs.best(record)
    if not len(history):
        return None
    last = len(history) - 1
    at_best = history.index[history["epoch"] == best["epoch"]].tolist() if best else []
    chosen = sorted({*(round(last * step / (_EPOCHS - 1)) for step in range(_EPOCHS)), *at_best})
    first = [name for name in ("epoch", "loss", "train_loss_eval", "val_loss") if name in history]
    others = [name for name in history if name not in first and not name.endswith(("_stderr", "_std"))]
    telling = [name for name in others if not _is_idle(name, history)]
    columns = [*first, *sorted(telling, key=lambda name: not name.startswith("val_"))][:_MOST_COLUMNS]
    rows = [
        [f"{int(number):,}{' ★' * (row in at_best)}", *map(_cell, values)]
        for row, (number, *values) in zip(chosen, history.iloc[chosen][columns].to_numpy(), strict=True)
    ]
    left_out = len(history.columns) - len(columns)
    told = [f"{len(rows)} of {last + 1:,} epochs."] if len(rows) <= last else []
    told += [f"{count(left_out, 'more column')} in history.csv."] if left_out else []
    return Table(columns, rows, " ".join(told))


def _is_idle(name: str, history: pd.DataFrame) -> bool:
    """Return whether a column tells nothing: it stays as it is, or is the loss once more, as it is without a penalty."""
    column = history[name]
    if column.nunique() < min(2, len(history)) or not column.any():
        return True
    return any(column.equals(history[loss]) for loss in ("loss", "val_loss") if loss in history)


def _made_of(info: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what the run came from: enough to make it again, or to know why another differs."""
    typed, git = info.get("argv", []), info.get("git")
    told = {
        "typed": typed != info.get("overrides", typed) and shlex.join(["lmrun", *typed]),
        "rows": ", ".join(f"{rows:,} {_PARTS.get(part, part)}" for part, rows in info.get("rows", {}).items()),
        "data": info.get("data_sha256") and f"sha256 {info['data_sha256']}",
        "parameters": info.get("parameters") is not None and f"{info['parameters']:,}",
        "versions": ", ".join(f"{name} {version}" for name, version in info.get("versions", {}).items()),
        "platform": info.get("platform"),
        "git": f"{git['commit']}{', with changes since' * git['is_dirty']}" if git else "",
        "only in training": ", ".join(info.get("differs_in_training", [])),
    }
    return [(name, str(text)) for name, text in told.items() if text]


def _classes(info: dict[str, Any]) -> Table | None:
    counts = info.get("class_counts") or {}
    parts = [part for part in _PARTS if isinstance(counts.get(part), dict)]
    if not parts:
        return None
    names = list(counts[parts[0]])
    rows = [[str(name), *(f"{counts[part].get(name, 0):,}" for part in parts)] for name in names[:_MOST_ROWS]]
    more = f"{len(names) - _MOST_ROWS:,} more stand in run.json." if len(names) > _MOST_ROWS else ""
    return Table(["class", *(_PARTS[part] for part in parts)], rows, more)


def _arrowed(name: str, info: dict[str, Any]) -> str:
    """Return a name with the arrow of the way that is better."""
    ways = {
        "loss": "min",
        **info.get("directions", {}),
        **{key: each.get("direction") for key, each in info["metrics"].items()},
    }
    return f"{name} {ARROWS.get(ways.get(name), '')}".rstrip()


def _judge(scores: dict[str, Any]) -> str:
    """Return the part whose rows say most of how good the run is."""
    return next((part for part in ("test", "val") if part in scores), "train")


def _shown(values: dict[str, Any]) -> dict[str, str]:
    return {name: figure(value) for name, value in values.items() if value is not None}


def _cell(value: Any) -> str:
    return "" if value is None or math.isnan(value) else figure(value)


def _text(record: Record, name: str) -> str:
    """Return the beginning of a file of the record; a page has room for no more."""
    path = record.place(name)
    if not path.is_file():
        return ""
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.read(_LONGEST)
