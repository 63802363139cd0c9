"""Checks of what callbacks watch and set: columns, directions, modes, the learning rate, file names."""

from __future__ import annotations

import string

import keras

from lossmetric_cli.checks.case import Case
from lossmetric_cli.checks.finding import Found, stop, warning
from lossmetric_cli.errors import ConfigError, did_you_mean

#: Callbacks that set the learning rate.
RATE_SETTERS = (keras.callbacks.ReduceLROnPlateau, keras.callbacks.LearningRateScheduler)


def check_monitor(monitor: str, *, path: str, directions: dict[str, str | None], mode: str = "auto") -> None:
    """Refuse to watch what the run does not log, or what has no known direction.

    Args:
        monitor: the column to watch.
        path: what watches it, for the error.
        directions: for each column of the history "max", "min" or None where it is unknown.
        mode: "max", "min" or "auto" as the config says.
    """
    if monitor not in directions:
        if monitor.startswith("val_") and not any(name.startswith("val_") for name in directions):
            raise ConfigError(f"{path} watches '{monitor}' and nothing is validated; set validation=holdout or monitor 'loss'")
        hint = _elsewhere(monitor, directions) or did_you_mean(monitor, directions) or f"; it logs {', '.join(directions)}"
        raise ConfigError(f"{path} watches '{monitor}', which this run does not log{hint}")
    if directions[monitor] is None and mode == "auto":
        setting = "mode" if path == "monitor" else f"{path}.mode"
        raise ConfigError(
            f"{path} watches '{monitor}', and whether more of it is better is not known; type {setting}=max or min"
        )


def _elsewhere(monitor: str, directions: dict[str, str | None]) -> str:
    """Return a hint at the columns of a metric that has none of its own name: a column a class, or none while it trains."""
    is_eval = monitor.endswith("_eval")
    stem = f"{monitor.removesuffix('_eval')}_"
    several = [name for name in directions if name.startswith(stem) and name.endswith("_eval") == is_eval]
    if several:
        named = ", ".join(several[:12]) + (f" and {len(several) - 12} more" if len(several) > 12 else "")
        return f", but a column for each of its values; watch one of {named}"
    later = [name for name in (f"val_{monitor}", f"train_{monitor}_eval") if name in directions]
    return f", since it is measured after the epoch; watch {' or '.join(later)}" if later else ""


def monitor(case: Case) -> Found:
    """Look at the monitor of each callback; of the run's own, a column that is not logged is refused once."""
    told = {case.spec.monitor} - set(case.directions)
    for key, callback in case.callbacks.items():
        if isinstance(getattr(callback, "monitor", None), str) and callback.monitor not in told:
            try:
                check_monitor(
                    callback.monitor,
                    path=f"callbacks.{key}",
                    directions=case.directions,
                    mode=str(case.spec.callbacks[key].get("mode", "auto")),
                )
            except ConfigError as error:
                yield stop(str(error))


def monitor_mode(case: Case) -> Found:
    """Look for modes that are typed against the known direction of what they are for, which Keras obeys."""
    asked = [("mode", case.spec.monitor, case.spec.mode)]
    for key, node in case.spec.callbacks.items():
        if isinstance(node.get("monitor"), str):
            asked.append((f"callbacks.{key}.mode", node["monitor"], str(node.get("mode", "auto"))))
    for path, column, mode in asked:
        known = case.directions.get(column)
        if known and mode in ("min", "max") and mode != known:
            yield stop(
                f"{path}={mode}, and of {column} the {'highest' if known == 'max' else 'lowest'} is best; type {path}=auto"
            )


def rare_validation(case: Case) -> Found:
    """Look for patience that counts epochs without validation, in which a callback sees nothing."""
    every = case.spec.validation_freq
    watchers = [key for key, node in case.spec.callbacks.items() if str(node.get("monitor", "")).startswith("val_")]
    patient = [key for key in watchers if "patience" in case.spec.callbacks[key]]
    if every > 1 and watchers:
        first, counts = (patient[0], ", and its patience counts those") if patient else (watchers[0], "")
        yield warning(f"callbacks.{first} sees val_ columns in every {every}. epoch only{counts}; type validation_freq=1")


def callback_conflict(case: Case) -> Found:
    """Look for callbacks that contradict the optimizer, which Keras finds out in the midst of a run, if at all."""
    rate = case.spec.optimizer.get("learning_rate")
    setters = [key for key, callback in case.callbacks.items() if isinstance(callback, RATE_SETTERS)]
    if setters and isinstance(rate, dict):
        yield stop(
            f"callbacks.{setters[0]} sets the learning rate, and optimizer.learning_rate is a schedule; drop one of them"
        )
    optimizer = getattr(case.model.optimizer, "inner_optimizer", case.model.optimizer)
    for key, callback in case.callbacks.items():
        if isinstance(callback, keras.callbacks.SwapEMAWeights) and not getattr(optimizer, "use_ema", False):
            yield stop(f"callbacks.{key} swaps in averaged weights, and none are kept; type optimizer.use_ema=true")
        saves_all = isinstance(callback, keras.callbacks.ModelCheckpoint) and not callback.save_weights_only
        if saves_all and not _has_config(case.model):
            path = f"callbacks.{key}"
            yield stop(
                f"{path} saves the whole model, and {type(case.model).__name__} has no get_config to build it from; give it "
                f"one, or type {path}.save_weights_only=true {path}.filepath=checkpoints/best.weights.h5"
            )


def _has_config(model: keras.Model) -> bool:
    try:
        model.get_config()
    except NotImplementedError:  # how Keras says so (3.15), once it saves
        return False
    return True


def file_name(case: Case) -> Found:
    """Look for a field such as {val_auc:.2f} in a file's name that will not be there to fill in."""
    known = ["epoch", "batch", *case.directions]
    for key, callback in case.callbacks.items():
        if isinstance(callback, keras.callbacks.ModelCheckpoint):
            for _, field, _, _ in string.Formatter().parse(callback.filepath):
                if field is not None and field not in known:
                    hint = did_you_mean(field, known)
                    yield stop(f"callbacks.{key}.filepath has {{{field}}}, which this run does not log{hint}")
