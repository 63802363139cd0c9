"""Cards: what there is to say of a name beyond what the catalog and its option file hold."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Card:
    """What a name means.

    Labels, heads, tasks and directions are in `lossmetric_cli.catalog`, parameters in the option file, and the names of
    other libraries in `elsewhere`: a card repeats none of them.

    Attributes:
        formula: lines of plain text, in which parameters bear their own names.
        where: what the symbols of the formula are.
        note: what it is for, after the one-line help of its option file.
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
    """Things that people mix up, told apart.

    Attributes:
        title: the question it answers.
        text: paragraphs.
        show: commands that show it, each with what to look at.
        said: what is often said, each with what is so.
        also: other words that lead here.
        see: names of related ideas and options.
    """

    title: str
    text: tuple[str, ...]
    show: tuple[tuple[str, str], ...]
    said: tuple[tuple[str, str], ...] = ()
    also: tuple[str, ...] = ()
    see: tuple[str, ...] = ()


def of_loss(loss: Card, twin: str, *, traps: tuple[str, ...] = (), note: str = "") -> Card:
    """Return the card of the metric that computes what a loss computes, `twin` being the name of that loss."""
    formula = (
        loss.formula.replace("loss =", "value =").replace("       near", "        near").replace("       one", "        one")
    )
    counts = f"{loss.counts}: all rows since the epoch began"
    return replace(loss, formula=formula, counts=counts, twin=twin, beside=(twin,), traps=traps, note=note, command="")
