"""A topic as a page: its card beside what the catalog and the option file say."""

from __future__ import annotations

import re

from lossmetric_cli import shipped
from lossmetric_cli.explain import choosers, elsewhere, page, wants
from lossmetric_cli.explain.card import Card, Idea
from lossmetric_cli.explain.cards import CARDS, ONE, SCHEDULES
from lossmetric_cli.explain.ideas import IDEAS
from lossmetric_cli.explain.page import Row
from lossmetric_cli.explain.topics import IDEA, Topic

#: Data of each kind of task, for a command to try, and what metrics across columns need: several numbers a row.
_DATA = {"regression": "diabetes", "multiclass": "digits", "binary": "breast_cancer", "multilabel": "multilabel"}
_SEVERAL_NUMBERS = "linnerud"


def sheet(topic: Topic, *, width: int, kind: str | None = None, labels: str | None = None) -> list[Row]:
    """Return the page of a topic.

    Args:
        topic: what to explain.
        width: columns of the terminal.
        kind: the task that a chooser is asked for.
        labels: the form of the labels, "dense" or "index", where a loss was named.
    """
    if topic.group == IDEA:
        return _of_idea(IDEAS[topic.name], width=width)
    if kind and _chooses(topic):
        return _of_choice(topic, kind, labels, width=width)
    return _of_option(topic, width=width)


def card_of(topic: Topic) -> Card:
    """Return the card of an option; an option of the user's own has an empty one."""
    return CARDS[topic.group].get(topic.name, Card())


def facts_of(topic: Topic) -> wants.LossFacts | wants.MetricFacts | None:
    """Return what the catalog says of an option, None where it has no entry."""
    return wants.facts_of(topic.group, target_of(topic))


def target_of(topic: Topic) -> str:
    """Return the `_target_` of an option, or an empty text."""
    target = shipped.target(shipped.options(topic.group)[topic.name])
    return target if target and target != "null" else ""


def settings(topic: Topic) -> list[tuple[str, str]]:
    """Return each parameter of an option as it is typed, with its default, and the comment of its file."""
    prefix = {SCHEDULES: "optimizer.learning_rate"}.get(topic.group, topic.group)
    prefix = f"{prefix}.{topic.name}" if topic.group in shipped.MANY else prefix
    text = shipped.options(topic.group)[topic.name].read_text(encoding="utf-8")
    found = re.findall(r"^([A-Za-z]\w*): *(.*?)(?: +# *(.*))?$", text, re.MULTILINE)
    return [(f"{prefix}.{key}={value}", comment.removeprefix("lmrun: ")) for key, value, comment in found if key != "defaults"]


def command_of(topic: Topic) -> str:
    """Return the command that shows an option at work."""
    if card_of(topic).command:
        return card_of(topic).command
    facts = facts_of(topic)
    if facts is None or not facts.kinds:
        return f"lmrun {topic.group}={topic.name}"
    data = next(data for kind, data in _DATA.items() if kind in facts.kinds)
    return f"lmrun data={_SEVERAL_NUMBERS if data == 'diabetes' and facts.across_columns else data} {topic.group}={topic.name}"


def _of_option(topic: Topic, *, width: int) -> list[Row]:
    card = card_of(topic)
    return [
        *_heading(topic, width=width),
        *_introduction(topic, card, width=width),
        *page.blank(),
        *page.verbatim("formula", card.formula, width=width),
        *page.prose("where", card.where, width=width),
        *_becoming(topic, width=width),
        *_wanting(topic, card, width=width),
        *page.prose("range", card.range, width=width),
        *page.prose("averages", card.counts, width=width),
        *_relations(topic, card, width=width),
        *page.prose("elsewhere", called_elsewhere(topic), width=width),
        *page.items("traps", card.traps, width=width),
        *page.prose("source", card.source, width=width),
        *_parameters(topic, width=width),
        *page.command("try", command_of(topic), width=width),
    ]


def _heading(topic: Topic, *, width: int, kind: str | None = None) -> list[Row]:
    noun = f"{ONE[topic.group]} of a {kind} task" if kind else ONE[topic.group]
    parts = [topic.name, noun, direction_of(topic, kind=kind), "" if kind else target_of(topic)]
    return page.title(" · ".join(part for part in parts if part), width=width)


def direction_of(topic: Topic, *, kind: str | None = None) -> str:
    """Return which way is better; for a chooser, where all agree that it may become, of one kind of task or of any."""
    table = choosers.BECOMES.get((topic.group, topic.name))
    options = [option for form, option in table.items() if not kind or form == kind] if table else [topic.name]
    found = {wants.direction(topic.group, facts_of(Topic(topic.group, option))) for option in options}
    return found.pop() if len(found) == 1 else ""


def _introduction(topic: Topic, card: Card, *, width: int) -> list[Row]:
    aliases = [alias for alias, real in shipped.aliases(topic.group).items() if real == topic.name]
    parts = [
        f"{topic.remark}." if topic.remark else "",
        shipped.help_line(shipped.options(topic.group)[topic.name]),
        card.note,
        f"Also typed {', '.join(aliases)}." if aliases else "",
    ]
    return page.margin(" ".join(part for part in parts if part), width=width)


def _wanting(topic: Topic, card: Card, *, width: int) -> list[Row]:
    facts = facts_of(topic)
    if facts is None:
        return page.prose("labels", card.labels, width=width)
    return [
        *page.prose("for", wants.tasks(facts), width=width),
        *page.prose("labels", card.labels or wants.labels(facts), width=width),
        *page.prose("head" if topic.group == "loss" else "reads", wants.head(facts), width=width),
    ]


def _relations(topic: Topic, card: Card, *, width: int) -> list[Row]:
    twin_label, beside_label, group = {
        "loss": ("as metric", "watch with", "metrics"),
        "metrics": ("as loss", "moved by", "loss"),
    }.get(topic.group, ("", "", ""))
    beside = ", ".join(name for name in card.beside if name != card.twin)
    twin = f"{group}={card.twin}" if card.twin else ""
    return [*page.prose(twin_label, twin, width=width), *page.prose(beside_label, beside, width=width)]


def called_elsewhere(topic: Topic) -> str:
    """Return an option's names in other libraries, each with what differs there."""
    by_library: dict[str, list[str]] = {}
    for library, name, difference in elsewhere.names(topic.group, topic.name):
        by_library.setdefault(library, []).append(f"{name} ({difference})" if difference else name)
    return " · ".join(f"{library}: {', '.join(names)}" for library, names in by_library.items())


def _parameters(topic: Topic, *, width: int) -> list[Row]:
    """Return a row for each parameter with a comment, and then the others in as few as they need."""
    found = settings(topic)
    long = max((len(text) for text, comment in found if comment), default=0)
    told = [f"{text:<{min(long, 40)}}  {comment}" for text, comment in found if comment]
    others = "  ".join(text for text, comment in found if not comment)
    rows = [*page.verbatim("", "\n".join(told), width=width), *page.prose("", others, width=width)]
    return [Row("settings", rows[0].text), *rows[1:]] if rows else []


def _chooses(topic: Topic) -> bool:
    return (topic.group, topic.name) in choosers.BECOMES


def _becoming(topic: Topic, *, width: int) -> list[Row]:
    """Return what a chooser becomes for every task."""
    if not _chooses(topic):
        return []
    forms = [form for kind in choosers.KINDS for form in choosers.forms(topic.group, topic.name, kind)]
    names = {form: choosers.becomes(topic.group, topic.name, form) or "refused" for form in forms}
    words = {form: choosers.named(topic.group, form) for form in forms}
    column = max(map(len, words.values())) + 2
    lines = [f"{words[form]:<{column}}{name}" for form, name in names.items()]
    return page.verbatim("becomes", "\n".join(lines), width=width)


def _of_choice(topic: Topic, kind: str, labels: str | None, *, width: int) -> list[Row]:
    """Return what a chooser becomes for one kind of task, and why."""
    rows = [*_heading(topic, width=width, kind=kind), *page.blank()]
    for form in choosers.forms(topic.group, topic.name, kind, labels=labels):
        rows += _of_form(topic, form, width=width)
    is_refused = choosers.becomes(topic.group, topic.name, kind) is None
    option = choosers.INSTEAD[topic.group] if is_refused else topic.name
    return [*rows, *page.command("try", f"lmrun data={_DATA[kind]} {topic.group}={option}", width=width)]


def _of_form(topic: Topic, form: str, *, width: int) -> list[Row]:
    option = choosers.becomes(topic.group, topic.name, form)
    because = page.prose("because", choosers.why(topic.group, topic.name, form), width=width)
    keras = page.prose("Keras", choosers.of_keras(topic.group, topic.name, form), width=width)
    if option is None:
        return [*page.prose("becomes", "nothing: it is refused", width=width), *because, *keras, *page.blank()]
    meant = Topic(topic.group, option)
    card, class_name = card_of(meant), target_of(meant).rpartition(".")[2]
    return [
        *page.prose("becomes", f"{class_name}, which is {topic.group}={option}", width=width),
        *because,
        *keras,
        *page.verbatim("formula", card.formula, width=width),
        *page.prose("where", card.where, width=width),
        *page.prose("averages", card.counts, width=width),
        *page.command("more", f"lmrun explain {topic.group}/{option}", width=width),
        *page.blank(),
    ]


def _of_idea(idea: Idea, *, width: int) -> list[Row]:
    rows = [*page.title(idea.title, width=width), *page.blank()]
    for text in idea.text:
        rows += page.whole(text, width=width) if "\n" in text else page.margin(text, width=width, hang=2)
    rows += page.blank()
    rows += page.items("often said", [f"“{claim}”: {truth}." for claim, truth in idea.said], width=width)
    for index, (command, sight) in enumerate(idea.show):
        rows += page.command("" if index else "try", command, width=width)
        rows += page.prose("", f"  {sight}", width=width)
    return [*rows, *page.prose("see", ", ".join(idea.see), width=width)]
