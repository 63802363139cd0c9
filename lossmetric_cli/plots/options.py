"""The plots that a config names, drawn from a record into its folder."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lossmetric_cli import store
from lossmetric_cli.build import build
from lossmetric_cli.errors import ConfigError, LmrunError, Stopped
from lossmetric_cli.plots.files import save

if TYPE_CHECKING:
    from lossmetric_cli.record import Record


def draw(record: Record, nodes: dict[str, Any]) -> list[str]:
    """Draw each plot node into `<folder>/plots/<key>.png` and `.svg`; return a sentence for each that failed.

    A picture that fails never fails the run that it shows.
    """
    failures = []
    for key, node in nodes.items():
        try:
            if not re.fullmatch(r"[\w-]+", key):
                raise ConfigError(f"plots.{key}: a plot's name is letters, digits, _ and -, as its files are called so")
            save(build(node, path=f"plots.{key}", record=record), record.place("plots"), key, write=store.write)
        except Stopped:
            raise
        except (Exception, SystemExit) as error:
            told = str(error) if isinstance(error, LmrunError) else f"{type(error).__name__}: {error}"
            failures.append(f"plots.{key:.80} failed: {told}; lmrun plot {record.folder} draws it again")
    return failures
