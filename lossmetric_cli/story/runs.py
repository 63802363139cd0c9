"""The story of one run in plain words, each sentence with its figures."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from lossmetric_cli.catalog import NAIVE
from lossmetric_cli.console import figure, span
from lossmetric_cli.explain import page
from lossmetric_cli.explain.page import Row
from lossmetric_cli.record import Record
from lossmetric_cli.story import gaps
from lossmetric_cli.story.advice import advice
from lossmetric_cli.story.words import BETTER, FARTHEST, count, listed, settled, signed

_PARTS = {"train": "to train on", "val": "to validate", "test": "kept for a test"}


def story(record: Record, *, width: int) -> list[Row]:
    """Return the page of a run: finished, failed, interrupted or running."""
    info = record.info
    status = info.get("status", "of unknown status")
    title = info.get("title") or "lmrun " + " ".join(info.get("overrides", []))
    rows = page.title(f"{title} · {status}", width=width)
    for paragraph in paragraphs(record):
        rows += [*page.blank(), *page.margin(paragraph, width=width)]
    rows += page.blank()
    rows += page.items("verdicts", info.get("verdicts", []), width=width)
    for number, (text, command) in enumerate(advice(record)):
        label = "" if number else "next"
        rows += page.prose(label, text, width=width) + (
            page.command("", command, width=width, keeps_words=True) if command else []
        )
    see = (
        page.command("see", f"lmrun explain gap {record.folder}", width=width, keeps_words=True) if gaps.measured(info) else []
    )
    return [*rows, *see]


def paragraphs(record: Record) -> list[str]:
    """Return what was asked, how it went and what it is worth."""
    figures = (_worth(record), _folds(record), _rival(record), _partner(record), _test(record))
    told = (" ".join(sentences) for sentences in (_what(record.info), _course(record), *figures))
    return [text for text in told if text]


def _what(info: dict[str, Any]) -> Iterator[str]:
    """Yield what was trained on what, what was optimised, and what only measured."""
    if "title" not in info:  # it failed before its parts were known
        return
    data, model, optimizer, *_ = info["title"].split(" · ")
    rows = [f"{n:,} rows {_PARTS[part]}" for part, n in info["rows"].items() if part in _PARTS]
    folds = f" in {info['folds']} folds, each of which has" if "folds" in info else ":"
    yield f"It trained {model} with {optimizer} on {data}{folds} {listed(rows)}{_same_rows(info)}. {_asks(info)}"
    settings = info["config"]["model"] if isinstance(info["config"].get("model"), dict) else {}
    penalties = [f"an {name.upper()} penalty of {settings[name]:g}" for name in ("l1", "l2") if settings.get(name)]
    if "own_steps" in info:
        yield f"It did what the model's own train_step does, which logs {listed(info['own_steps'])}."
        return
    what = listed([*(_losses(info) or ["what the model's layers add to the loss"]), *penalties])
    yield f"It optimised {what} (lower is better) and nothing else."
    measured = [f"{name} ({BETTER[facts['direction']]})" for name, facts in info["metrics"].items()]
    yield f"Only measured: {listed(measured)}." if measured else "No metric was measured beside it."
    if "job" in info:
        yield f"It is job {info['job']} of a sweep."


def _same_rows(info: dict[str, Any]) -> str:
    same = info["config"].get("validation", {}).get("_target_") == "lossmetric_cli.data.same"
    return ", which are the same rows" if same else ""


def _asks(info: dict[str, Any]) -> str:
    task, outputs = info["task"], info.get("outputs", {})
    if outputs:
        told = "; ".join(f"{name}, {_answer(output)}" for name, output in outputs.items())
        return f"A row has {count(len(outputs), 'answer')}: {told}."
    begins = {"regression": "is answered by", "multilabel": "has"}
    return f"A row {begins.get(task['kind'], 'is')} {_answer(task)}."


def _answer(task: dict[str, Any]) -> str:
    units, classes = task["units"], task["classes"]
    named = f" ({', '.join(map(str, classes))})" if classes and len(classes) <= 4 else ""
    return {
        "binary": f"one of two classes{named}",
        "multiclass": f"one of {len(classes) or units} classes{named}",
        "multilabel": f"{units} labels, each on or off",
        "regression": "a number" if units == 1 else f"{units} numbers",
    }[task["kind"]]


def _losses(info: dict[str, Any]) -> list[str]:
    """Return what the loss is made of: a name, those of several outputs with their weights, or nothing."""
    losses = {name: output["loss"] for name, output in info.get("outputs", {}).items()} or {"": info["loss"]}
    return [
        loss["name"] + f" of {name}" * bool(name) + f" times {loss['weight']:g}" * (name != "" and loss["weight"] != 1)
        for name, loss in losses.items()
        if loss["name"] != "none"
    ]


def _course(record: Record) -> Iterator[str]:
    """Yield how far the run came, what stopped it, and its best epoch."""
    info, done = record.info, len(record.history)
    asked = info.get("config", {}).get("epochs")
    yield _end(info, done, asked)
    monitor = info.get("monitor", {})
    found = best(record)
    if not found:
        return
    name, way = monitor["name"], monitor["direction"]
    text = f"{name}, which chooses the epoch, was {FARTHEST[way]} at epoch {found['epoch']}: {figure(found['value'])}."
    is_last = found["epoch"] == done
    if info.get("status") != "finished" or is_last:
        yield text
    elif _restores(info):
        yield f"{text} The weights of that epoch are the ones it ended with."
    else:
        yield f"{text} The run ended with the weights of epoch {done} all the same."


def _end(info: dict[str, Any], done: int, asked: int | None) -> str:
    status, of = info.get("status"), f" of {asked:,}" if asked else ""
    if status == "failed":
        when = f"after {count(done, 'epoch')}{of}" if done else "before the end of its first epoch"
        return f"It failed {when}: {info['error']}."
    if status == "interrupted":
        why = f" ({info['error']})" if info.get("error") else ""
        return f"It was left after {count(done, 'epoch')}{of}{why}; nothing was scored at the end."
    if status != "finished":
        return f"It has not ended, or was killed: {count(done, 'epoch')}{of} so far."
    if done == asked:
        return "It ran its one epoch." if done == 1 else f"It ran all of its {done:,} epochs."
    callbacks = info["config"].get("callbacks") or {}
    stopper = next((node for node in callbacks.values() if str(node.get("_target_")).endswith("EarlyStopping")), None)
    if stopper:
        waited = count(stopper.get("patience", 0), "epoch")
        return (
            f"early_stopping ended it after {done:,} of {asked:,} epochs: {stopper['monitor']} had not improved for {waited}."
        )
    return f"A callback stopped it after {done:,} of {asked:,} epochs."


def _restores(info: dict[str, Any]) -> bool:
    return any(node.get("restore_best_weights") for node in (info["config"].get("callbacks") or {}).values())


def best(record: Record) -> dict[str, Any] | None:
    """Return the best value of the monitor and its epoch; a run that did not finish has it in its history alone."""
    info, history = record.info, record.history
    monitor = info.get("monitor", {})
    name = monitor.get("name")
    known = info.get("best", {}).get(name)
    if known and known["epoch"]:
        return known
    if name not in history or not history[name].notna().any() or monitor.get("direction") not in ("min", "max"):
        return None
    row = history[name].idxmin() if monitor["direction"] == "min" else history[name].idxmax()
    return {"value": float(history[name][row]), "epoch": int(history["epoch"][row])}


def _worth(record: Record) -> Iterator[str]:
    """Yield the loss and the metrics against the constant answer, and of a series the loss against the naive forecasts."""
    info, scores = record.info, record.scores
    part, rows = ("val", "validation rows") if "val" in scores else ("train", "training rows")
    reached, constant = scores.get(part, {}), scores.get("baseline", {}).get(part, {})
    if reached.get("loss") is not None and constant.get("loss") is not None:
        yield _skill(reached, constant, scores["skill"].get(part), rows, info)
    naive = {name: found["loss"] for name, found in scores.get("naive", {}).get(part, {}).items() if "loss" in found}
    if naive:
        told = listed([f"'{NAIVE.get(name, name)}' {figure(loss)}" for name, loss in naive.items()])
        worth = scores["skill_naive"].get(part)
        said = f", a skill of {worth:.2f} against the best of them" if worth is not None else ""
        yield f"The naive forecasts have {told}{said}."


def _skill(reached: dict[str, float], constant: dict[str, float], skill: float | None, rows: str, info: dict[str, Any]) -> str:
    metrics = [
        f"{name} {figure(reached[name])} against {figure(settled(value, beside=reached[name]))}"
        for name, value in constant.items()
        if name in info["metrics"] and reached.get(name) is not None
    ]
    said = f", a skill of {skill:.2f} (0 is worthless, 1 perfect)" if skill is not None else ""
    also = f"; {listed(metrics)}" if metrics else ""
    return (
        f"On the {rows} its loss is {figure(reached['loss'])} where the best constant answer has "
        f"{figure(constant['loss'])}{said}{also}."
    )


def _folds(record: Record) -> Iterator[str]:
    """Yield how far the folds scatter around the means that stand above."""
    scores, part = record.scores, "val"
    each = [fold[part] for fold in scores.get("folds", []) if part in fold]
    ends = scores.get("interval", {}).get(part, {})
    if not each or not ends:
        return
    told = [f"{name} {span(*pair)}" for name, pair in ends.items() if "metric" not in record.info["metrics"].get(name, {})]
    yield f"These are means over {scores['over']}; their 95 % intervals by Student's t are {listed(told)}."
    losses = [fold["loss"] for fold in each if fold.get("loss") is not None]
    if len(losses) == len(each):
        low, high = min(losses), max(losses)
        yield (
            f"Its loss is lowest in fold {losses.index(low) + 1} ({figure(low)}) and highest in fold "
            f"{losses.index(high) + 1} ({figure(high)}); folds/ has the record of each."
        )


def _rival(record: Record) -> Iterator[str]:
    """Yield what another way to learn from the same rows scores; the verdicts say whether that differs from chance."""
    rival = record.scores.get("rival", {})
    parts = [(part, rows) for part, rows in (("val", "validation rows"), ("test", "test rows")) if part in rival]
    for part, rows in parts:
        own = record.scores[part]
        told = [
            f"{name} {figure(value)} against {figure(own[name])}"
            for name, value in rival[part].items()
            if value is not None and own.get(name) is not None and "metric" not in record.info["metrics"].get(name, {})
        ]
        who = "It" if part != parts[0][0] else f"{rival['name']} ({rival['fitted_to']}), trained on the same rows,"
        yield f"{who} has on the {rows} {listed(told)} of the network."


def _partner(record: Record) -> Iterator[str]:
    """Yield training rows against validation rows, both in inference mode, what chance makes of it, and the gap."""
    yield from _honest(record)
    gap = gaps.measured(record.info)
    if gap and gap["val_loss"] is not None:
        yield _gap(gap)


def _honest(record: Record) -> Iterator[str]:
    history = record.history
    if not len(history) or not {"train_loss_eval", "val_loss"} <= {*history.columns}:
        return
    last = history.iloc[-1]
    train, val, error = (float(last.get(name, math.nan)) for name in ("train_loss_eval", "val_loss", "val_loss_stderr"))
    if not (math.isfinite(train) and math.isfinite(val)) or _same_rows(record.info):
        return
    way = "higher" if val > train else "lower"
    text = (
        f"After epoch {last['epoch']:.0f}, in inference mode, the loss was {figure(train)} on training rows and {figure(val)} "
        f"on validation rows"
    )
    if not error > 0:
        yield f"{text}."
        return
    times = abs(val - train) / error
    chance = "which can be chance" if times < 2 else "which is more than chance"
    yield f"{text}: {way} by {times:.1f} standard errors of val_loss ({figure(error)} over these rows), {chance}."
    yield f"A val_loss that differs from that of another run by less than {figure(2 * error)} says little by itself."


def _gap(gap: dict[str, Any]) -> str:
    scale = max(abs(gap["loss"]), abs(gap["val_loss"]))
    key = gaps.largest(gap)
    difference = signed(gap["loss"] - gap["val_loss"], scale=scale)
    if key is None:
        return f"The logged loss less val_loss was {difference}, next to nothing."
    return (
        f"The logged loss less val_loss was {difference} in epoch {gap['epoch']}; the largest part of that is {_PLAIN[key]} "
        f"({signed(gap[key], scale=scale)})."
    )


_PLAIN = {
    "sampling": "that loss is of a few drawn classes and val_loss of all",
    "running_mean": "the running mean: loss is measured while the weights change",
    "mode": "the mode: layers that work differently in training",
    "weights": "the class weights, which only the training loss has",
    "generalisation": "generalisation: rows that it has seen against rows that it has not",
}


def _test(record: Record) -> Iterator[str]:
    """Yield the figures of the test rows with their intervals."""
    scores = record.scores
    figures, ends = scores.get("test", {}), scores.get("interval", {}).get("test", {})
    told = [
        f"{name} {figure(value)}" + (f" ({span(*ends[name])})" if ends.get(name) else "")
        for name, value in figures.items()
        if value is not None
    ]
    if told:
        sure = ", with 95 % intervals" if ends else ""
        yield f"On {count(record.info['rows']['test'], 'test row')}, which chose nothing{sure}: {listed(told)}."
