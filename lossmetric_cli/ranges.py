"""What a number in a config must be, by the last word of its path; everything else is Keras' own business."""

from __future__ import annotations

import math
import re
from typing import Any

from lossmetric_cli.errors import ConfigError

#: What a number must be, by the last word of its path.
_RULES = {
    **dict.fromkeys(("epochs", "batch_size", "validation_batch_size", "steps_per_execution", "steps_per_epoch"), ("whole", 1)),
    **dict.fromkeys(("validation_freq", "threads", "units", "hidden", "filters", "kernel_size"), ("whole", 1)),
    **dict.fromkeys(("lookback", "horizon", "stride", "season", "kernel_sizes", "blocks", "heads", "code"), ("whole", 1)),
    **dict.fromkeys(("feed_forward", "latent", "one_hot", "words", "text_length"), ("whole", 1)),
    **dict.fromkeys(("seed", "train_eval", "fine_tune_at", "beta_steps"), ("whole", 0)),
    "folds": ("whole", 1),
    **dict.fromkeys(("learning_rate", "initial_learning_rate", "fine_tune_learning_rate", "memory"), ("above", 0)),
    **dict.fromkeys(("max_time", "stall_time"), ("above", 0)),
    **dict.fromkeys(("dropout", "rate", "split", "test_split", "label_smoothing"), ("share", 0)),
    **dict.fromkeys(("l1", "l2", "clipnorm", "clipvalue", "global_clipnorm", "patience", "decay_rate"), ("from", 0)),
    "state_every": ("from", 0),
}
#: Of these: those that stand in lists, and those that null does not stand in for.
_SEVERAL = ("hidden", "units", "filters", "kernel_size", "kernel_sizes")
_NEEDED = ("learning_rate", "initial_learning_rate", "decay_rate", "dropout", "rate", "l1", "l2", "patience")
_NEEDED += ("fine_tune_learning_rate", "memory")
#: A number that null stands in for all the same: what CatBoost chooses itself.
_CHOSEN = ("rival.learning_rate",)
_EXPECTED = {
    "whole": "a whole number >= {}",
    "above": "a number > {}",
    "from": "a number >= {}",
    "share": "a number in [0, 1)",
}


def checked(value: Any, *, path: str) -> Any:
    """Return a value with its numbers checked by the rule of their name, numbers in quotes read as numbers."""
    if isinstance(value, dict):
        return {key: checked(item, path=f"{path}.{key}") for key, item in value.items()}
    name = last(path)
    if isinstance(value, list) and (name in _SEVERAL or name not in _RULES):
        return [checked(item, path=f"{path}[{index}]") for index, item in enumerate(value)]
    if name not in _RULES or (value is None and (name not in _NEEDED or path in _CHOSEN)):
        return value
    return _check_number(value, *_RULES[name], path=path)


def last(path: str) -> str:
    """Return the last word of a path, without the position in a list."""
    return re.sub(r"\[\d+\]$", "", path.rsplit(".", 1)[-1])


def expected(path: str) -> str:
    """Return in words what the number at a path must be, or an empty text where there is no rule."""
    rule, least = _RULES.get(last(path), ("", 0))
    return _EXPECTED[rule].format(least) if rule else ""


def _check_number(value: Any, rule: str, least: int, *, path: str) -> Any:
    try:
        number = float(value) if isinstance(value, str) else value
        fits = {
            "whole": isinstance(number, int) and number >= least,
            "above": least < number < math.inf,
            "from": least <= number < math.inf,
            "share": 0 <= number < 1,
        }[rule] and not isinstance(number, bool)
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise ConfigError(f"{path} must be {expected(path)}, got {typed(value)}")
    return float(number) if rule == "above" else number


def typed(value: Any) -> str:
    """Return a value as a person would type it."""
    return {"None": "null", "True": "true", "False": "false"}.get(repr(value), repr(value))


def gentler(rate: float) -> float:
    """Return the learning rate to try where one was too large: a tenth of it, and none that no network takes."""
    return min(rate / 10, 0.1)
