"""Several losses on one output added up, each with its weight."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Any

import keras

from lossmetric_cli import catalog
from lossmetric_cli.catalog import LossFacts
from lossmetric_cli.errors import ConfigError

ops = keras.ops


@dataclasses.dataclass(frozen=True)
class Part:
    """A loss, what it weighs, and what errors call it."""

    loss: Any
    weight: float
    name: str

    @property
    def facts(self) -> LossFacts:
        """What the loss asks for."""
        return catalog.loss_facts(self.loss)

    def values(self, y_true: Any, y_pred: Any) -> Any:
        """Return the weighted loss of each row, (rows,), or () of a loss that gives one number for a whole batch."""
        call = self.loss.call if isinstance(self.loss, keras.losses.Loss) else self.loss
        values = ops.convert_to_tensor(call(y_true, y_pred))
        if len(values.shape) > 1:
            values = ops.mean(ops.reshape(values, (ops.shape(values)[0], -1)), axis=-1)
        return self.weight * values


@keras.saving.register_keras_serializable(package="lossmetric_cli")
class WeightedSum(keras.losses.Loss):
    """The sum of several losses of one output, Σ weight·loss.

    Keras takes a list of losses for one output and trains the first of them alone (3.15).

    Args:
        parts: a mapping `{"loss": …, "weight": …}` for each part, the loss an object or a function; `build_loss` makes
            them of the names of options.
        reduction: as of every loss of Keras; that of a part is not used.

    Raises:
        ConfigError: no parts, a weight that is no number above 0, or parts that contradict each other.
    """

    def __init__(
        self,
        *,
        parts: Sequence[dict[str, Any]],
        reduction: str = "sum_over_batch_size",
        dtype: Any = None,
        name: str = "weighted_sum",
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.parts = [Part(part["loss"], _weight(part), _name_of(part["loss"])) for part in parts]
        self.facts = _facts_of_all(self.parts)
        self.taus = _same_quantiles(self.parts)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each row, (rows,), of labels in the form of `facts.labels` and predictions (rows, columns)."""
        return sum(part.values(self._labels(part, y_true), y_pred) for part in self.parts)

    def with_losses(self, losses: Sequence[Any]) -> WeightedSum:
        """Return this sum with other losses under the same weights."""
        parts = [{"loss": loss, "weight": part.weight} for loss, part in zip(losses, self.parts, strict=True)]
        return WeightedSum(parts=parts, reduction=self.reduction, name=self.name)

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds this loss."""
        kept = [{"loss": keras.saving.serialize_keras_object(part.loss), "weight": part.weight} for part in self.parts]
        return {**super().get_config(), "parts": kept}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> WeightedSum:
        """Return the loss of a `get_config`."""
        parts = [{**part, "loss": keras.saving.deserialize_keras_object(part["loss"])} for part in config["parts"]]
        return cls(**{**config, "parts": parts})

    def _labels(self, part: Part, y_true: Any) -> Any:
        """Return the labels as a part takes them: class numbers of one-hot rows where another part needs the rows."""
        return ops.argmax(y_true, axis=-1) if part.facts.labels != self.facts.labels else y_true


def _weight(part: dict[str, Any]) -> float:
    weight, name = part["weight"], _name_of(part["loss"])
    is_number = isinstance(weight, (int, float)) and not isinstance(weight, bool)
    if not is_number or not 0 < weight < math.inf:
        raise ConfigError(f"loss.parts: {name} has the weight {weight}, which is no number above 0; type 1 or leave it out")
    return weight


def _name_of(loss: Any) -> str:
    function = loss.func if isinstance(loss, functools.partial) else loss
    return getattr(loss, "name", None) or getattr(function, "__name__", type(loss).__name__)


def _facts_of_all(parts: list[Part]) -> LossFacts:
    """Return what all parts together ask for. Raises ConfigError where they contradict each other."""
    if not parts:
        raise ConfigError("loss.parts is empty, and nothing is trained; type 'loss.parts={mse:1,mae:0.5}'")
    for part in parts:
        if part.facts.samples:
            raise ConfigError(f"loss.parts: {part.name} draws its classes by itself; name it alone, type loss={part.name}")
    all_facts = [part.facts for part in parts]
    heads = [facts.head for facts in all_facts]
    wanted = {head for head in heads if head}
    kinds = tuple(kind for kind in catalog.EVERY_KIND if all(kind in facts.kinds for facts in all_facts))
    if not kinds:
        raise ConfigError(_contradiction("no task is for all of them", [(part, _or(part.facts.kinds)) for part in parts]))
    # A margin or an embedding is no probability, and nothing but a loss of embeddings takes one.
    is_read_otherwise = bool(wanted & {"linear", "embedding"}) and any(facts.probabilities for facts in all_facts)
    if len(wanted) > 1 or is_read_otherwise or ("embedding" in wanted and None in heads):
        raise ConfigError(_contradiction("the model has one head", [(part, _head_of(part.facts)) for part in parts]))
    return LossFacts(
        kinds,
        labels="dense" if any(facts.labels == "dense" for facts in all_facts) else "index",
        head=next(iter(wanted), None),
        takes_logits=any(facts.takes_logits for facts in all_facts),
        probabilities=any(facts.probabilities for facts in all_facts),
        regresses=all(facts.regresses for facts in all_facts),
        across_columns=any(facts.across_columns for facts in all_facts),
    )


def _same_quantiles(parts: list[Part]) -> tuple[float, ...]:
    """Return the quantiles that the columns of a prediction answer, which all parts must agree on."""
    found = {part.name: tuple(getattr(part.loss, "taus", ())) for part in parts}
    several = {name: taus for name, taus in found.items() if len(taus) > 1}
    if several and set(found.values()) != {next(iter(several.values()))}:
        told = " and ".join(f"{name} wants {len(found[name]) if name in several else 1}" for name in found)
        raise ConfigError(f"loss.parts contradict each other: {told} columns for a target; drop one of them")
    return next(iter(several.values()), ())


def _contradiction(why: str, wishes: list[tuple[Part, str]]) -> str:
    told = ", ".join(f"{part.name} is for {wish}" for part, wish in wishes)
    return f"loss.parts contradict each other, since {why}: {told}; drop one of them"


def _or(words: Sequence[str]) -> str:
    return " or ".join(words) or "sequences"


def _head_of(facts: LossFacts) -> str:
    if facts.head:
        return {"embedding": "an embedding"}.get(facts.head, f"a {facts.head} head")
    return "probabilities" if facts.probabilities else "the task's own head"
