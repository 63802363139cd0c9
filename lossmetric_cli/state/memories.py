"""What callbacks remember from epoch to epoch, which Keras' own forget when training begins again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from lossmetric_cli import store

Callback = keras.callbacks.Callback

#: The attributes of Keras' callbacks that carry over from one epoch to the next (3.15).
_REMEMBERED: dict[str, tuple[str, ...]] = {
    "EarlyStopping": ("wait", "stopped_epoch", "best", "best_epoch", "best_weights"),
    "ReduceLROnPlateau": ("wait", "best", "cooldown_counter"),
    "ModelCheckpoint": ("best", "_batches_seen_since_last_saving", "_last_batch_seen"),
    "OrbaxCheckpoint": ("best", "_batches_seen_since_last_saving", "_last_batch_seen", "_total_batches_seen"),
    "SwapEMAWeights": ("_ema_weights_in_model",),
}
_FILE_SIZE = "bytes"


def of(callbacks: Sequence[Callback]) -> list[dict[str, Any]]:
    """Return what each callback remembers: what its `get_state` returns, or the known attributes of Keras' own."""
    return [_of(callback) for callback in callbacks]


def _of(callback: Callback) -> dict[str, Any]:
    if hasattr(callback, "get_state"):
        return callback.get_state()
    if isinstance(callback, keras.callbacks.CSVLogger):
        callback.csv_file.flush()
        store.sync(Path(callback.filename))
        return {_FILE_SIZE: Path(callback.filename).stat().st_size}
    return {name: getattr(callback, name) for name in _names(callback) if hasattr(callback, name)}


def give_back(callbacks: Sequence[Callback], remembered: Sequence[dict[str, Any]]) -> None:
    """Let callbacks remember again, after `on_train_begin` has made them forget.

    Anybody may have made a state: of Keras' own no other attribute is set (`filepath` leads out of the run's folder).
    """
    for callback, found in zip(callbacks, remembered, strict=True):
        if hasattr(callback, "set_state"):
            callback.set_state(found)
            continue
        for name in found.keys() & set(_names(callback)):
            setattr(callback, name, found[name])


def go_on_with_files(callbacks: Sequence[Callback], remembered: Sequence[dict[str, Any]]) -> None:
    """Cut the files that callbacks add lines to to what they held then, before training begins again."""
    for callback, found in zip(callbacks, remembered, strict=True):
        if isinstance(callback, keras.callbacks.CSVLogger) and _FILE_SIZE in found:
            store.cut(Path(callback.filename), found[_FILE_SIZE])
            callback.append = True


def close_files(callbacks: Sequence[Callback]) -> None:
    """Close the files of callbacks that were left before `on_train_end`."""
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.CSVLogger) and callback.csv_file:
            callback.csv_file.close()


def forgetful(callbacks: Sequence[Callback]) -> list[str]:
    """Return the names of callbacks of the user's own that keep no state."""
    own = [callback for callback in callbacks if type(callback).__module__.split(".")[0] not in ("keras", "lossmetric_cli")]
    return [type(callback).__name__ for callback in own if not hasattr(callback, "get_state")]


def _names(callback: Callback) -> tuple[str, ...]:
    return next((_REMEMBERED[base.__name__] for base in type(callback).__mro__ if base.__name__ in _REMEMBERED), ())
