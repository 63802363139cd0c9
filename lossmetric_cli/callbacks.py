"""The callbacks of a config, their files kept in the run folder, and the one that writes the record."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from lossmetric_cli.build import build, resolve
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.optimizers import learning_rate

#: Parameters of Keras' callbacks that name a file or a folder.
_PATHS = ("filepath", "filename", "backup_dir", "log_dir", "directory")


def build_callbacks(
    nodes: dict[str, Any], *, folder: Path, directions: dict[str, str | None], given: dict[str, Any]
) -> list[keras.callbacks.Callback]:
    """Return the callbacks of a config.

    Args:
        nodes: the callbacks by key.
        folder: the run folder, below which their paths lie.
        directions: for each column of the history "max", "min", or None where it is unknown; a callback's mode
            `auto` becomes it.
        given: what callbacks of the user's own may ask for by parameter name.
    """
    return [_build_callback(node, f"callbacks.{key}", folder, directions, given) for key, node in nodes.items()]


def _build_callback(
    node: dict[str, Any], path: str, folder: Path, directions: dict[str, str | None], given: dict[str, Any]
) -> keras.callbacks.Callback:
    arguments = dict(node)
    for name in _PATHS:
        if arguments.get(name):
            arguments[name] = str(_below(folder, arguments[name], path=f"{path}.{name}"))
    if arguments.get("mode") == "auto" and "monitor" in arguments:
        arguments["mode"] = directions.get(arguments["monitor"]) or "auto"
    if isinstance(arguments.get("schedule"), str):
        arguments["schedule"] = resolve(arguments["schedule"], path=f"{path}.schedule")
    callback = build(arguments, path=path, **given)
    if not isinstance(callback, keras.callbacks.Callback):
        raise ConfigError(f"{path}: {node['_target_']} is a {type(callback).__name__} and no keras.callbacks.Callback")
    return callback


def _below(folder: Path, name: str, *, path: str) -> Path:
    place = (folder / name).resolve()
    if folder.resolve() not in place.parents:
        raise ConfigError(f"{path}: '{name}' lies outside the run folder; name a path below it")
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


class EpochWriter(keras.callbacks.Callback):
    """Hands every epoch to `write(row, seconds)`: the row begins with `epoch`, from 1, and ends with `learning_rate`.

    It stands last, so that what the other callbacks put into the logs is in the row.
    """

    def __init__(self, write: Callable[[dict[str, Any], float], None]) -> None:
        super().__init__()
        self._write = write

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Note the time and the learning rate that the epoch starts with."""
        self._started = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Hand over the row."""
        values = {name: _single(name, value) for name, value in (logs or {}).items() if name != "learning_rate"}
        rate = (logs or {}).get("learning_rate", learning_rate(self.model.optimizer))
        self._write({"epoch": epoch + 1, **values, "learning_rate": float(rate)}, time.monotonic() - self._started)


def _single(name: str, value: Any) -> float:
    if getattr(value, "shape", ()):
        raise ConfigError(f"metrics.{name} gives several values, and a curve is one value an epoch; give their mean, or one of them")
    return float(value)
