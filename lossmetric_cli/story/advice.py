"""What to try next, from what a run came to: a few sentences, each with the command."""

from __future__ import annotations

import shlex
from typing import Any

from lossmetric_cli.ranges import gentler
from lossmetric_cli.record import Record
from lossmetric_cli.shipped import shown
from lossmetric_cli.story import gaps
from lossmetric_cli.story.words import command

#: As many as a person tries.
MOST = 3


def advice(record: Record) -> list[tuple[str, str]]:
    """Return what to try next, the most pressing first, each with a command; the command may be empty."""
    info = record.info
    if info.get("status") != "finished":
        return _after_failure(info) or _after_leaving(record)
    return [*_by_verdicts(info), *_by_gap(info), *_by_parts(info, record.scores)][:MOST]


def _after_failure(info: dict[str, Any]) -> list[tuple[str, str]]:
    rate = _rate(info)
    if "learning rate" not in info.get("error", "") or not rate:
        return []
    return [("The steps were too long. A smaller learning rate:", command(info, f"optimizer.learning_rate={gentler(rate):g}"))]


def _after_leaving(record: Record) -> list[tuple[str, str]]:
    """Return how a run that did not come to its end goes on, and where it says what ended it."""
    told = [("error.log has what it was at.", "")] if (record.folder / "error.log").exists() else []
    if not any((record.folder / name).is_dir() for name in ("state", "folds")):
        return told
    why = {"interrupted": "It goes on where it was left:", "failed": "Once that is mended, it goes on from its last state:"}
    going_on = f"lmrun resume {shlex.quote(shown(record.folder))}"
    return [*told, (why.get(record.info.get("status"), "If nothing works at it any more, the rest of it:"), going_on)]


def _by_verdicts(info: dict[str, Any]) -> list[tuple[str, str]]:
    verdicts, config = " | ".join(info.get("verdicts", [])), info["config"]
    rate, model = _rate(info), config["model"] if isinstance(config.get("model"), dict) else {}
    found = []
    if "diverged" in verdicts and rate:
        found.append(("A smaller learning rate:", command(info, f"optimizer.learning_rate={gentler(rate):g}")))
    if "predicts one" in verdicts or "val_loss" in _no_better(info):
        rates = "optimizer.learning_rate=0.1,0.01,0.001,0.0001"
        found.append(
            ("It learned nothing yet, so see whether another learning rate does:", command(info, rates, is_sweep=True))
        )
    if "overfits" in verdicts and not any("EarlyStopping" in str(node) for node in config["callbacks"].values()):
        kept = "+".join([*config["callbacks"], "early_stopping"])
        found.append(("Stop where val_loss is lowest, and keep those weights:", command(info, f"callbacks={kept}")))
    if "overfits" in verdicts and model.get("dropout") == 0:
        found.append(("Make the training rows harder to learn by heart:", command(info, "model.dropout=0.3")))
    if "still improving" in verdicts:
        found.append(("It was still improving, so let it:", command(info, f"epochs={2 * config['epochs']}")))
    if "spikes" in verdicts and rate:
        schedule = ("optimizer/learning_rate=cosine_decay", f"optimizer.learning_rate.initial_learning_rate={rate:g}")
        found.append(("A learning rate that falls calms the curve:", command(info, *schedule)))
    return found


def _by_gap(info: dict[str, Any]) -> list[tuple[str, str]]:
    gap = gaps.measured(info)
    if gap and gaps.largest(gap) == "mode" and gap["mode"] < 0:
        half = max(1, info["config"]["batch_size"] // 2)
        return [
            (
                "BatchNormalization's running means lag behind; more steps let them catch up:",
                command(info, f"batch_size={half}"),
            )
        ]
    return []


def _by_parts(info: dict[str, Any], scores: dict[str, Any]) -> list[tuple[str, str]]:
    found = []
    if "val" in scores and "test" not in scores and str(info["config"]["validation"].get("_target_")).endswith(".holdout"):
        text = "Figures that chose an epoch or a setting flatter; rows that choose nothing tell what to expect:"
        found.append((text, command(info, "validation.test_split=0.1")))
    seed = info["config"]["seed"]
    seeds = ",".join(str(seed + step) for step in range(3))
    return [*found, ("How much of it is luck? Other seeds tell:", command(info, f"seed={seeds}", is_sweep=True))]


def _no_better(info: dict[str, Any]) -> str:
    return " ".join(sentence for sentence in info.get("verdicts", []) if "no better than a constant" in sentence)


def _rate(info: dict[str, Any]) -> float | None:
    optimizer = info.get("config", {}).get("optimizer") or {}
    rate = optimizer.get("learning_rate") if isinstance(optimizer, dict) else None
    return rate if isinstance(rate, (int, float)) else None
