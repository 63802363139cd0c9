"""Rows and labels: as a source hands them over, and as the parts that a run learns from and is judged by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from lossmetric_cli.data.columns import Column
    from lossmetric_cli.data.encoder import Encoder, Recipe
    from lossmetric_cli.task import Task


#: Of more classes than these the rows are not counted one by one.
MOST_COUNTED = 1_000


@dataclass
class Dataset:
    """What a data option returns.

    `x` is (rows, *input_shape), or a dict of that by input; `y` (rows,) or (rows, targets) with the labels as they stand
    in the source: whole numbers, text, bools or decimals. `kind` is one of `task.KINDS`, or "auto" to read it off `y`.
    The `x` of a table is a dict of its raw `columns`, which `recipe` says how to encode. `class_names` are in the order
    of the classes' indices. `test` holds rows that the source keeps apart. `weights` (rows,) says what each row counts in
    the loss, `test_weights` what those of `test` do, `groups` (rows,) what a row belongs to, for splits that keep groups
    whole. `span` is there where rows are windows of a series: int64 (rows, 2), the first step that each is made of and
    the step after its last one. `naive` holds forecasts that need no model, by name, each in the shape of `y`. Each note
    is one sentence on what was mended while reading.
    """

    x: Any
    y: np.ndarray
    kind: str = "auto"
    columns: tuple[Column, ...] = ()
    recipe: Recipe | None = None
    class_names: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()
    test: tuple[Any, np.ndarray] | None = None
    weights: np.ndarray | None = None
    test_weights: np.ndarray | None = None
    span: np.ndarray | None = None
    naive: dict[str, np.ndarray] = field(default_factory=dict)
    groups: np.ndarray | None = None
    notes: tuple[str, ...] = ()


@dataclass
class Part:
    """Rows that are used for one purpose.

    `x` is float32 (rows, *input_shape), uint8 of images; of a model with several inputs a dict by input, in which whole
    numbers (int32) are ids that it embeds. `y` are the labels in their natural form: class numbers int64 (rows,)
    for binary and multiclass tasks, float32 (rows, labels) of 0 and 1 for multi-label ones, and float32
    (rows, targets) for regressions; shares of the classes are float32 (rows, classes). With several outputs `y` is a
    dict of these by output. `rows` are the places of the rows in the source, int64, `weights` float32 (rows,) or None.
    `span` and `naive` are those of `Dataset` for these rows, the forecasts in the form of `y`.
    """

    x: np.ndarray | dict[str, np.ndarray]
    y: np.ndarray | dict[str, np.ndarray]
    rows: np.ndarray
    weights: np.ndarray | None = None
    span: np.ndarray | None = None
    naive: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.rows)


@dataclass
class Data:
    """Everything a run reads: its parts, the task they set, and what was noticed on the way.

    `encoder` is how the raw rows of a table became what the parts hold.

    `fingerprint` is the sha256 of all inputs and labels, and changes with any of them.
    """

    train: Part
    val: Part | None
    test: Part | None
    task: Task
    fingerprint: str
    notes: list[str] = field(default_factory=list)
    feature_names: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()
    encoder: Encoder | None = None

    @property
    def parts(self) -> dict[str, Part]:
        """The parts that there are, by name."""
        named = {"train": self.train, "val": self.val, "test": self.test}
        return {name: part for name, part in named.items() if part is not None}

    @property
    def class_counts(self) -> dict[str, dict[Any, int]]:
        """Rows of each class in each part, zeros included; {} where a row has not exactly one class, or one of very many."""
        import numpy as np

        if self.task.kind not in ("binary", "multiclass") or self.task.is_soft or len(self.task.classes) > MOST_COUNTED:
            return {}
        classes = self.task.classes
        return {
            name: dict(zip(classes, np.bincount(part.y, minlength=len(classes)).tolist(), strict=True))
            for name, part in self.parts.items()
        }
