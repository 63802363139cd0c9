"""What a check looks at: all that is known of a run before its first epoch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np

from lossmetric_cli.data import Data
from lossmetric_cli.feed import Rows
from lossmetric_cli.outputs import Output, of
from lossmetric_cli.spec import RunSpec

#: Rows that a probe is made with.
PROBE_ROWS = 64


@dataclass
class Case:
    """A run before its first epoch.

    `rows` are the parts as loss and metrics are fed, `directions` the columns of the history to come, each with "max",
    "min" or None.
    """

    spec: RunSpec
    data: Data
    model: keras.Model
    outputs: list[Output]
    rows: dict[str, Rows]
    callbacks: dict[str, keras.callbacks.Callback]
    directions: dict[str, str | None]

    def labels(self, output: Output, part: str) -> np.ndarray:
        """Return the labels of a part as the output's loss is fed them."""
        return of(self.rows[part].y, output)

    def natural(self, output: Output, part: str) -> np.ndarray:
        """Return the labels of a part in their natural form: class numbers (rows,) or columns."""
        return of(self.data.parts[part].y, output)

    @cached_property
    def computed(self) -> Any:
        """What the model computes for some training rows in inference mode, as it leaves the last layer."""
        return self.model(self.rows["train"].first(PROBE_ROWS), training=False)

    def answer(self, output: Output) -> Any:
        """Return what the model computes for some training rows, (rows, columns), of one output."""
        return of(self.computed, output)

    def fits(self, output: Output) -> bool:
        """Return whether the model answers an output with a column for each of its task's, so that its loss can be tried."""
        return output.task.head != "embedding" and tuple(self.answer(output).shape[1:]) == (output.task.units,)
