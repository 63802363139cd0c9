"""What the data demands of the model and the loss: the kind of task, its shapes, and the forms a label can take."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

KINDS = ("binary", "multiclass", "multilabel", "regression")


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation of each column, or channel, over the training rows."""

    mean: np.ndarray
    deviation: np.ndarray


@dataclass(frozen=True)
class Input:
    """One of several inputs of a model: the shape and dtype of a row, and what its cells are.

    `scale` is there for columns of numbers. `values` is how many different numbers there are of ids and words, int32,
    from 0 (unknown, or the padding after a text's end); 0 where cells are quantities.
    """

    shape: tuple[int, ...]
    dtype: str = "float32"
    scale: Scale | None = None
    values: int = 0


@dataclass(frozen=True)
class Task:
    """What the training rows ask of a model.

    `units` is the number of columns of a prediction: the classes of a multiclass task, the labels of a
    multi-label one, the targets of a regression, and 1 for a binary task. `classes` are the labels as they
    stand in the data, in the order of their index. `input_dtype` is float32, or uint8 for the bytes of images.
    `scale` is there for tables (one axis a row) and series (steps and channels, a scale a channel), `targets` for
    regressions. `head` is the activation that the loss wants where that is not the task's own: margins for a hinge,
    "embedding" for vectors of length 1. `is_soft` says that labels
    are shares of the classes and no numbers of them. `quantiles` are those that the columns of a prediction answer, where a
    loss asks for several of one target; the labels keep their one column. `is_sampled` says that the loss looks at a few of
    the classes while it trains, which the head draws for it. `outputs` are the tasks of a model with several
    answers, by name; then `kind` is "several" and `units` 0. `inputs` are those of a model with several, by name; then
    `input_shape` is ().
    """

    kind: str
    input_shape: tuple[int, ...]
    units: int
    classes: tuple[Any, ...] = ()
    input_dtype: str = "float32"
    scale: Scale | None = None
    targets: Scale | None = None
    head: str | None = None
    is_soft: bool = False
    quantiles: tuple[float, ...] = ()
    is_sampled: bool = False
    outputs: dict[str, Task] | None = None
    inputs: dict[str, Input] | None = None

    @property
    def row(self) -> str:
        """What a row of inputs is, for a message: its shape, or the names of several inputs."""
        return f"{len(self.inputs)} inputs, {', '.join(self.inputs)}" if self.inputs else str(self.input_shape)

    @property
    def is_classification(self) -> bool:
        """Whether a row is answered by classes rather than by quantities."""
        return self.kind != "regression"

    @property
    def activation(self) -> str:
        """The activation that turns a model's last layer into an answer to this task."""
        if self.head:
            return self.head
        return {"binary": "sigmoid", "multilabel": "sigmoid", "multiclass": "softmax"}.get(self.kind, "linear")

    def as_two_classes(self) -> Task:
        """Return a binary task as a multiclass task of two, for losses that want one column a class."""
        return replace(self, kind="multiclass", units=2)

    def as_one_column(self) -> Task:
        """Return a multiclass task of two as the binary task that a single column answers."""
        return replace(self, kind="binary", units=1)

    def encode(self, labels: np.ndarray, *, form: str) -> np.ndarray:
        """Return labels (rows,) or (rows, units) in the form that a loss wants.

        "index": class numbers, int32 (rows,). "dense": the shape of a prediction, float32 (rows, units), a
        class as its one-hot row; (rows, 1) where the columns of a prediction are quantiles.
        """
        import numpy as np

        if form == "index":
            return labels.astype("int32")
        if self.is_soft and self.kind == "multiclass":
            return labels.astype("float32")
        if self.kind == "multiclass":
            return np.eye(self.units, dtype="float32")[labels.astype("int64")]
        return labels.astype("float32").reshape(len(labels), 1 if self.quantiles else self.units)
