"""The parts of a run's loss - val_loss, each with what it means and what to do about it."""

from __future__ import annotations

from typing import Any

from lossmetric_cli.console import figure
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.explain import page
from lossmetric_cli.explain.page import Row
from lossmetric_cli.record import Record
from lossmetric_cli.story.words import signed

#: The parts in the order in which they are taken off the loss, and what each is called.
NAMES = {
    "running_mean": "running mean",
    "sampling": "drawn classes",
    "mode": "train/inference mode",
    "weights": "class weights",
    "generalisation": "generalisation",
}
#: A part below this share of the larger loss is said to be nothing.
NOTHING = 1e-3


def story(record: Record, *, width: int) -> list[Row]:
    """Return the page of a run's gap.

    Raises ConfigError where the run has none.
    """
    gap = measured(record.info)
    if gap is None:
        raise ConfigError(f"{record.folder} has no gap: {_why_not(record.info)}")
    rows = [*page.title(f"The gap of {record.folder}, epoch {gap['epoch']}", width=width), *page.blank()]
    rows += page.margin(total(gap), width=width) + page.blank()
    found = parts(gap, record)
    name_width, part_width = max(map(len, NAMES.values())), max(len(part) for _, part, _ in found)
    told = [(f"{name:<{name_width}}  {part:>{part_width}}", meaning) for name, part, meaning in found]
    rows += page.table(told, width=width) + page.blank()
    if gap["rows"] < gap["of"]:
        rows += page.margin(
            f"Measured on a seeded sample of {gap['rows']:,} of {gap['of']:,} training rows, in whole batches.", width=width
        )
    return [*rows, *page.command("see", "lmrun explain gap", width=width)]


def parts(gap: dict[str, Any], record: Record) -> list[tuple[str, str, str]]:
    """Return of each part of a gap its name, its size with the sign, and what it means."""
    error, scale = _error(record), _scale(gap)
    keys = [key for key in NAMES if key in gap]
    return [(NAMES[key], signed(gap[key], scale=scale), meaning(key, gap, record.info, error=error)) for key in keys]


def measured(info: dict[str, Any]) -> dict[str, Any] | None:
    """Return the gap of run.json, or None where it was not taken apart."""
    gap = info.get("gap")
    return gap if gap and "running_mean" in gap else None


def largest(gap: dict[str, Any]) -> str | None:
    """Return the key of the largest part, None where all are nothing."""
    key = max((key for key in NAMES if key in gap), key=lambda key: abs(gap[key]))
    return key if abs(gap[key]) > NOTHING * _scale(gap) else None


def meaning(key: str, gap: dict[str, Any], info: dict[str, Any], *, error: float = 0.0) -> str:
    """Return what a part of a gap means and what to do; `error` is the standard error of val_loss."""
    value = gap[key]
    sign = 0 if abs(value) <= NOTHING * _scale(gap) else 1 if value > 0 else -1
    if key == "generalisation":
        return _generalisation(value, sign, info, error)
    if key == "running_mean" and sign and info.get("rows", {}).get("train", 0) <= info.get("config", {}).get("batch_size", 0):
        return (
            "An epoch is one batch here: loss was measured before its step, val_loss after it. So loss of an epoch is what "
            "the weights of the epoch before score. Nothing to mend."
        )
    return _MEANINGS[key, sign]


_MEANINGS = {
    ("running_mean", 1): (
        "loss is a mean over the epoch, each batch measured before the step that it causes, and the weights got better on "
        "the way. Nothing to mend; it shrinks as the curve flattens."
    ),
    ("running_mean", 0): "Over this epoch the weights hardly moved the loss, so its mean is that of the last weights.",
    ("running_mean", -1): (
        "The weights that the epoch ended with are worse than those on the way: the last steps went too far. A smaller "
        "learning rate or a schedule that falls calms them."
    ),
    **dict.fromkeys(
        (("sampling", 1), ("sampling", -1)),
        "While it trains the loss is of a few drawn classes, and val_loss is of all of them: two formulas, whose difference "
        "says nothing of the model. Compare train_loss_eval with val_loss, not loss.",
    ),
    ("sampling", 0): "The loss of the drawn classes happens to be that of all of them.",
    ("mode", 1): (
        "Dropout, noise or augmentation make training rows harder, and rest in validation. Nothing to mend: compare "
        "train_loss_eval with val_loss, not loss."
    ),
    ("mode", 0): "No layer behaves differently in training, or it makes no difference here.",
    ("mode", -1): (
        "In inference mode the same rows score worse: most likely BatchNormalization's running means, which have not caught "
        "up with the weights. More steps (epochs, a smaller batch_size) or a smaller momentum mend it."
    ),
    ("weights", 1): "Class weights make the loss of training rows larger, and val_loss has none. Compare metrics.",
    ("weights", 0): "No class weights, or weights that make no difference here.",
    ("weights", -1): "Class weights make the loss of training rows smaller, and val_loss has none. Compare metrics.",
}


def _generalisation(value: float, sign: int, info: dict[str, Any], error: float) -> str:
    if info.get("config", {}).get("validation", {}).get("_target_") == "lossmetric_cli.data.same":
        return "Training and validation rows are the same here, so there is nothing to generalise to."
    if not sign:
        return "The model is as good on rows that it has not seen. A larger model, or more epochs, may still gain."
    chance = f", by {abs(value) / error:.1f} standard errors of val_loss" if error > 0 else ""
    if error > 0 and abs(value) < 2 * error:
        better = "Validation" if sign > 0 else "Training"
        return f"{better} rows score better{chance}: less than two of them can be chance."
    if sign > 0:
        return f"The validation rows are easier than the training rows{chance}, so look at how they were drawn."
    return (
        f"The model knows its training rows better than new ones{chance}. While val_loss still falls that is no harm; once it "
        "rises: more data, dropout, l2, a smaller model, or callbacks=early_stopping."
    )


def total(gap: dict[str, Any]) -> str:
    """Return what the parts of a gap add up to."""
    if gap["val_loss"] is None:
        rest = gap["loss"] - sum(gap[key] for key in NAMES if key in gap)
        return (
            f"Nothing was validated in that epoch, so loss {figure(gap['loss'])} is taken apart as far as the training rows "
            f"go: the parts below, and {figure(rest)}, which is what the last weights score on them in inference mode."
        )
    difference = signed(gap["loss"] - gap["val_loss"], scale=_scale(gap))
    return f"loss {figure(gap['loss'])} − val_loss {figure(gap['val_loss'])} = {difference}, which is the sum of:"


def _scale(gap: dict[str, Any]) -> float:
    return max(abs(gap["loss"]), abs(gap["val_loss"] or 0.0))


def _error(record: Record) -> float:
    history = record.history
    errors = history["val_loss_stderr"].dropna() if "val_loss_stderr" in history else ()
    return float(errors.iloc[-1]) if len(errors) else 0.0


def _why_not(info: dict[str, Any]) -> str:
    if info.get("gap"):
        return info["gap"].get("left_out", "its run.json is damaged")
    if info.get("status") == "finished":
        return "it was made before lmrun measured one; run it again"
    return f"the run is {info.get('status', 'of unknown status')}, and the gap is measured when training ends"
