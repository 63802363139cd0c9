"""The callbacks of a config, their files kept in the run folder, and the one that writes the record."""

from __future__ import annotations

import importlib.util
import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from string import Formatter
from typing import Any

import keras

from lossmetric_cli import store
from lossmetric_cli.anatomy import SCATTER, broken_weights
from lossmetric_cli.build import build, resolve
from lossmetric_cli.errors import ConfigError, EnvironmentFault
from lossmetric_cli.optimizers import learning_rate
from lossmetric_cli.record import OWN_FILES

Callback = keras.callbacks.Callback
#: Parameters of Keras' callbacks that name a file or a folder.
_PATHS = ("filepath", "filename", "backup_dir", "log_dir", "directory")
#: What a callback implements to hear of a batch.
_ON_BATCH = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")


def build_callbacks(
    nodes: dict[str, Any], *, folder: Path, directions: dict[str, str | None], given: dict[str, Any]
) -> dict[str, Callback]:
    """Return the callbacks of a config by key.

    Args:
        nodes: the callbacks by key.
        folder: the run folder, below which their paths lie.
        directions: for each column of the history "max", "min", or None where it is unknown; a callback's mode
            `auto` becomes it.
        given: what callbacks of the user's own may ask for by parameter name.

    Raises:
        ConfigError: a path outside the run folder, or over a file of the record.
        EnvironmentFault: a callback needs a package that is not installed.
    """
    return {key: _build_callback(node, f"callbacks.{key}", folder, directions, given) for key, node in nodes.items()}


def hears_batches(callback: Callback) -> bool:
    """Return whether a callback wants to hear of every batch, so that an execution may hold no more than one.

    One of the user's own does when it implements a batch method. Keras' do by their settings; TerminateOnNaN finds a NaN
    at the end of an execution as well, since it stays in the running mean.
    """
    if any(not _origin(callback, name).__module__.startswith("keras.") for name in _ON_BATCH):
        return True
    if isinstance(callback, keras.callbacks.TensorBoard):
        return callback.update_freq != "epoch" or callback.write_steps_per_second or callback._should_trace
    return isinstance(callback, keras.callbacks.ProgbarLogger) or getattr(callback, "save_freq", "epoch") != "epoch"


def _origin(callback: Callback, method: str) -> type:
    """Return the class that a callback has a method from."""
    return next(base for base in type(callback).__mro__ if method in vars(base))


def _build_callback(
    node: dict[str, Any], path: str, folder: Path, directions: dict[str, str | None], given: dict[str, Any]
) -> Callback:
    arguments = dict(node)
    for name in _PATHS:
        if arguments.get(name):
            arguments[name] = str(_below(folder, arguments[name], path=f"{path}.{name}"))
    if arguments.get("mode") == "auto" and "monitor" in arguments:
        arguments["mode"] = directions.get(arguments["monitor"]) or "auto"
    if isinstance(arguments.get("schedule"), str):
        arguments["schedule"] = resolve(arguments["schedule"], path=f"{path}.schedule")
    callback = build(arguments, path=path, **given)
    if not isinstance(callback, Callback):
        raise ConfigError(f"{path}: {node['_target_']} is a {type(callback).__name__} and no keras.callbacks.Callback")
    if isinstance(callback, keras.callbacks.TensorBoard) and importlib.util.find_spec("tensorboard") is None:
        raise EnvironmentFault(f"{path} needs tensorboard, which is not installed; pip install tensorboard")
    return callback


def _fields(name: str, *, path: str) -> list[tuple[str, str, str, str | None]]:
    """Return the fields of a file's name that Keras fills in: `{epoch!s:.0}` fills in nothing, and `.{…}.` leads upwards."""
    try:
        return [
            (text, field, form or "", conversion)
            for text, field, form, conversion in Formatter().parse(name)
            if field is not None
        ]
    except ValueError as error:
        raise ConfigError(f"{path}: '{name}' has a brace too many or too few ({error})") from error


def _below(folder: Path, name: str, *, path: str) -> Path:
    for _, field, form, conversion in _fields(name, path=path):
        if conversion or not re.fullmatch(r"\w+", field) or not re.fullmatch(r"\d*(\.\d+)?[defg]?", form):
            raise ConfigError(
                f"{path}: {{{field}}} is filled in with a number, as {{epoch:02d}} or {{val_loss:.3f}}; got '{name}'"
            )
    place = (folder / name).resolve()
    if folder.resolve() not in place.parents:
        raise ConfigError(f"{path}: '{name}' lies outside the run folder; name a path below it")
    if place.relative_to(folder.resolve()).parts[0] in OWN_FILES:
        raise ConfigError(f"{path}: '{name}' is a file of the record itself; name another")
    store.ensure_folder(place.parent)
    return place


class ModelCheckpoint(keras.callbacks.ModelCheckpoint):
    """Keras' own, whose file is whole or not there.

    Keras 3.15 writes over the file that it has: a kill or a full disk in that moment leaves neither the old best model nor
    the new one. What cannot be written is a `fault`, and is tried again with the next that is better; weights that are no
    numbers are not written.
    """

    fault: EnvironmentFault | None = None

    def _save_model(self, epoch: int, batch: int | None, logs: dict[str, Any] | None) -> None:
        path, best = Path(self._get_file_path(epoch, batch, logs)), self.best
        if not self._should_save_model(epoch, batch, logs, str(path)) or broken_weights(self.model):
            self.best = best
            return
        write = self.model.save_weights if self.save_weights_only else self.model.save
        try:
            with store.through(path) as unfinished:
                write(unfinished)
            self.fault = None
        except EnvironmentFault as fault:
            self.best, self.fault = best, fault


class TrainEval(Callback):
    """Scores a fixed sample of the training rows in inference mode after every epoch, as validation rows are.

    Its columns `train_<name>_eval` are the honest partners of `val_<name>`: the same weights, the same mode, and no
    running mean over an epoch. It stands first, so that other callbacks can watch them.
    """

    part = "train_eval"

    def __init__(self, rows: Any, names: list[str]) -> None:
        super().__init__()
        self._rows = rows
        self._names = names

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Put the scores into the logs."""
        scores = self._rows.evaluate(self.model, self.part)
        if logs is not None:
            logs.update({f"train_{name}_eval": scores[name] for name in self._names if name in scores})


class Resting(Callback):
    """Takes out of the logs what counts nothing in training, which would stand there as 0.

    It stands first, so that no other callback sees it.
    """

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__()
        self._names = tuple(names)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Take it out of a batch's logs."""
        self._take_out(logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Take it out of an epoch's logs."""
        self._take_out(logs)

    def _take_out(self, logs: dict[str, Any] | None) -> None:
        for name in self._names:
            (logs or {}).pop(name, None)


class AfterEpoch(Callback):
    """Takes the metrics of whole parts after every epoch: `val_<column>` in the epochs that validate, `train_<column>_eval`.

    It stands before the user's callbacks, so that they can watch them.

    Args:
        score: returns the values of a part, "val" or "train_eval", by column.
        parts: the parts that there are.
    """

    def __init__(self, score: Callable[[str], dict[str, float]], parts: Iterable[str]) -> None:
        super().__init__()
        self._score = score
        self._parts = list(parts)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Put the values into the logs."""
        if logs is None:
            return
        if "val" in self._parts and "val_loss" in logs:
            logs.update({f"val_{name}": value for name, value in self._score("val").items()})
        if TrainEval.part in self._parts:
            logs.update({f"train_{name}_eval": value for name, value in self._score(TrainEval.part).items()})


class FineTune(Callback):
    """Calls `begin` before the epoch number `at`, counted from 0: what was frozen trains from there on.

    It stands before callbacks that set the learning rate. A run that is gone on with after that begins with it.
    """

    def __init__(self, begin: Callable[[], None], *, at: int, has_begun: bool = False) -> None:
        super().__init__()
        self._begin = begin
        self._at = at
        self._has_begun = has_begun

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Begin where an earlier part of the run had."""
        if self._has_begun:
            self._begin()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Begin, in the one epoch."""
        if epoch == self._at and not self._has_begun:
            self._begin()


class EpochWriter(keras.callbacks.Callback):
    """Hands every epoch to `write(row, seconds)`: the row begins with `epoch`, from 1, and ends with `learning_rate`.

    Under a schedule that is the rate after the epoch's last step, as TensorBoard shows it; otherwise the epoch's own.
    It stands last, so that what the other callbacks put into the logs is in the row.
    """

    def __init__(self, write: Callable[[dict[str, Any], float], None]) -> None:
        super().__init__()
        self._write = write

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Note the time."""
        self._started = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Hand over the row."""
        values = {name: _single(name, value) for name, value in (logs or {}).items() if name not in ("learning_rate", SCATTER)}
        rate = (logs or {}).get("learning_rate", learning_rate(self.model.optimizer))
        self._write({"epoch": epoch + 1, **values, "learning_rate": float(rate)}, time.monotonic() - self._started)


def _single(name: str, value: Any) -> float:
    if getattr(value, "shape", ()):
        raise ConfigError(
            f"metrics.{name} gives several values, and a curve is one value an epoch; give their mean, or one of them"
        )
    return float(value)
