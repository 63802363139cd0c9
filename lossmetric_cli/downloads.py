"""What Keras downloads: where the file would lie, said in one line when it cannot be had."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

from lossmetric_cli.errors import EnvironmentFault


def keras_home() -> Path:
    """Return the folder that Keras keeps what it downloads in."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")


@contextlib.contextmanager
def explained(otherwise: str) -> Iterator[None]:
    """Turn Keras' failure to download into one line: the file, the folder to put it in, and what else to type.

    What Keras prints on the way goes to stderr, since stdout is for programs.

    Raises EnvironmentFault where a download failed; every other error passes.
    """
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except Exception as error:  # Keras 3.15 raises a bare Exception here
        file = _wanted_file(error)
        if file is None:
            raise
        why = "its hash is not the known one" if "hash" in str(error) else "no network"
        raise EnvironmentFault(f"cannot download {file.name} ({why}); put it into {file.parent}, or {otherwise}") from error


def _wanted_file(error: Exception) -> Path | None:
    """Return the file that `keras.utils.get_file` was about to write, None where the error is not of it.

    Neither its message nor the address tells: what is on the server is often called otherwise.
    """
    places = [frame.f_locals.get("download_target") for frame, _ in traceback.walk_tb(error.__traceback__)]
    return next((Path(place) for place in places if isinstance(place, str)), None)
