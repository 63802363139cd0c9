"""The targets of a source by output: their columns, their labels, the form these take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lossmetric_cli.data.dataset import Dataset, Part
from lossmetric_cli.data.labels import as_array, natural_form, read_form, read_labels
from lossmetric_cli.data.sentences import counted, listed, quoted
from lossmetric_cli.errors import ConfigError, DataError, did_you_mean

if TYPE_CHECKING:
    import numpy as np


@dataclass
class Answer:
    """One target as a source holds it, and once it is read."""

    name: str
    columns: Any
    kind: str
    class_names: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()
    labels: Any = None
    form: Any = None
    y: Any = None

    def of(self, labels: Any) -> Any:
        """Return the columns of this target."""
        import numpy as np

        if self.columns is None:
            return labels
        chosen = np.asarray(labels)[:, self.columns]
        return chosen[:, 0] if len(self.columns) == 1 else chosen


def answers_of(dataset: Dataset, *, kind: str, outputs: dict[str, list[str]] | None) -> dict[str, Answer]:
    """Return the targets by output; a single one, all columns together, has no name.

    Raises ConfigError for a target that the source does not have.
    """
    if not outputs:
        name = dataset.target_names[0] if len(dataset.target_names) == 1 else "y"
        return {"": Answer(name, None, kind, dataset.class_names, dataset.target_names)}
    known = list(dataset.target_names)
    found = {}
    for output, targets in outputs.items():
        for target in targets:
            if target not in known:
                hint = did_you_mean(target, known) or f"; the data has {listed(known) or 'one target without a name'}"
                raise ConfigError(f"outputs.{output}.target: no target is called {quoted(target)}{hint}")
        found[output] = Answer(output, [known.index(target) for target in targets], "auto", target_names=tuple(targets))
    return found


def read_answer(dataset: Dataset, answer: Answer, *, rows: int) -> Answer:
    """Return a target with its labels, their form and its natural form filled in."""
    answer.labels = read_rows(answer.of(dataset.y), rows=rows, target=answer.name, kind=answer.kind)
    answer.form = read_form(
        answer.labels,
        kind=answer.kind,
        name=answer.name,
        class_names=answer.class_names,
        target_names=answer.target_names,
    )
    answer.y = natural_form(answer.labels, form=answer.form, part="training")
    return answer


def of_outputs(y: dict[str, Any]) -> Any:
    """Return labels by output, or the labels alone where there is one answer."""
    return y.get("", y)


def answers_in(part: Part) -> list[np.ndarray]:
    """Return the labels of every output of a part."""
    return list(part.y.values()) if isinstance(part.y, dict) else [part.y]


def read_rows(y: Any, *, rows: int, target: str, kind: str, part: str = "") -> np.ndarray:
    """Return labels as `read_labels` does, as many as inputs have `rows`.

    Raises DataError for no rows and numbers that differ. `part` says whose rows they are when they are not the main ones.
    """
    labels = read_labels(y, name=target, kind=kind) if rows else as_array(y, name=target)
    if rows != len(labels):
        where, counts = f"{part} " if part else "", (counted(rows, "row"), counted(len(labels), "label"))
        raise DataError(f"the {where}data has {counts[0]} and {counts[1]}; give every row one label")
    return labels
