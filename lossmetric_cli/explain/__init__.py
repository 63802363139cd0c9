"""What a name means: cards of losses, metrics, optimizers and callbacks, and of ideas, without Keras and in a blink."""

from __future__ import annotations

from lossmetric_cli import shipped
from lossmetric_cli.explain import choosers, page, sheets, topics
from lossmetric_cli.explain.cards import CARDS, PLURALS
from lossmetric_cli.explain.ideas import IDEAS
from lossmetric_cli.explain.listing import listing
from lossmetric_cli.explain.page import Row
from lossmetric_cli.explain.topics import foreign, is_name
from lossmetric_cli.explain.untrainable import why_untrainable

__all__ = ["explain", "foreign", "is_name", "list_names", "why_untrainable"]


def explain(words: list[str], *, width: int | None = None) -> str:
    """Return the pages of what words name; without words, what can be explained.

    `auc`, `loss/hinge`, `loss=huber`, `metrics=[auc,f1]`, `SoftmaxWithLoss` and `loss and metric` are words that name;
    `task=multilabel` asks what a name that chooses by the task becomes.

    Raises ConfigError for a word that names nothing.
    """
    width = width or page.terminal_width()
    kind, names = choosers.read_task(words)
    found = topics.read(names)
    if not found:
        return _text(_index(width=width), width=width)
    labels = _labels_of(found)
    pages = [sheets.sheet(topic, width=width, kind=kind, labels=labels) for topic in found]
    return _text([row for number, rows in enumerate(pages) for row in [*(page.rule() if number else []), *rows]], width=width)


def list_names(words: list[str], *, width: int | None = None) -> str:
    """Return the names of a kind (`losses`, `ideas`), a line each; with `--aliases`, their names in other libraries.

    Raises ConfigError for a kind that does not exist.
    """
    width = width or page.terminal_width()
    return _text(listing(words, width=width), width=width)


def _text(rows: list[Row], *, width: int) -> str:
    return page.printable(page.laid_out(rows, width=width, is_bold=page.is_bold_wanted()))


def _labels_of(found: list[topics.Topic]) -> str | None:
    """Return the form in which a loss among the topics keeps the labels."""
    facts = [sheets.facts_of(topic) for topic in found if topic.group == "loss"]
    return next((fact.labels for fact in facts if fact), None)


def _index(*, width: int) -> list[Row]:
    rows = [*page.title("lmrun explain NAME …", width=width), *page.blank()]
    for group in CARDS:
        names = sorted(shipped.options(group).keys() - shipped.aliases(group))
        rows += page.prose(PLURALS[group], ", ".join(names), width=width)
    rows += page.prose("ideas", ", ".join(IDEAS), width=width)
    rows += page.command("try", "lmrun explain huber", width=width)
    rows += page.command("", "lmrun explain loss/hinge", width=width)
    rows += page.command("", "lmrun explain accuracy task=multilabel", width=width)
    return [*rows, *page.command("", "lmrun explain SoftmaxWithLoss", width=width)]
