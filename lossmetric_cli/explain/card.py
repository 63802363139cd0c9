"""Cards: what there is to say of a name beyond what the catalog and its option file hold."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Card:
    """What a name means.

    Labels, heads, tasks and directions are in `lossmetric_cli.catalog`, parameters in the option file, and names of other
    libraries in `elsewhere`: a card repeats none of them.

    Attributes:
        formula: lines of plain text, in which parameters bear their own names.
        where: what the symbols of the formula are.
        note: what it is for, or what to know before anything else.
        range: the values it takes, and the value of a perfect answer.
        counts: over what it is averaged.
        twin: the option of the same formula among the metrics, for a loss, or among the losses, for a metric.
        beside: for a loss, metrics to watch with it; for a metric, losses that move it.
        labels: the labels it wants, where the catalog has no word for them.
        traps: what goes wrong without an error.
        source: the paper, with its equation, or the page of Keras' documentation.
        command: what to type to see it; empty for the usual one of its group.
    """

    formula: str = ""
    where: str = ""
    note: str = ""
    range: str = ""
    counts: str = ""
    twin: str = ""
    beside: tuple[str, ...] = ()
    labels: str = ""
    traps: tuple[str, ...] = ()
    source: str = ""
    command: str = ""


@dataclass(frozen=True)
class Idea:
    """A pair of things that people mix up.

    `text`: paragraphs. `said`: what is often said and what is so. `show`: commands that show it, each with what to look
    at. `also`: other words that lead here. `see`: names of related cards and ideas.
    """

    title: str
    text: tuple[str, ...]
    show: tuple[tuple[str, str], ...]
    said: tuple[tuple[str, str], ...] = ()
    also: tuple[str, ...] = ()
    see: tuple[str, ...] = ()


def as_metric(loss: Card, *, twin: str, counts: str, **changes: object) -> Card:
    """Return the card of the metric that computes what a loss computes: `twin` is the name of that loss."""
    beside = {"twin": twin, "beside": (twin,), "counts": counts, "traps": (), "command": "", "note": ""}
    return replace(loss, **{**beside, **changes})
