"""`lmrun list`: the names of a kind, a line each, with the names that other libraries have for them."""

from __future__ import annotations

from lossmetric_cli import shipped
from lossmetric_cli.catalog import CHECKS
from lossmetric_cli.errors import ConfigError, did_you_mean
from lossmetric_cli.explain import page
from lossmetric_cli.explain.cards import PLURALS
from lossmetric_cli.explain.ideas import IDEAS
from lossmetric_cli.explain.page import Row
from lossmetric_cli.explain.sheets import called_elsewhere
from lossmetric_cli.explain.topics import Topic

ALIASES = "--aliases"
#: What can be listed, and the group that it is in; ideas and checks are in none.
KINDS = {
    **{plural: group for group, plural in PLURALS.items()},
    **{"data": "data", "models": "model", "experiments": "experiment", "ideas": "", "checks": ""},
}
_OTHER_WORDS = {"loss": "losses", "metric": "metrics", "optimizer": "optimizers", "schedule": "schedules", "idea": "ideas"}
_OTHER_WORDS |= {
    "callback": "callbacks",
    "model": "models",
    "experiment": "experiments",
    "learning_rate": "schedules",
    "check": "checks",
}


def listing(words: list[str], *, width: int) -> list[Row]:
    """Return the rows of what is asked for; without words, what there is to list.

    Raises ConfigError for a kind that does not exist.
    """
    kinds = [_kind(word) for word in words if word != ALIASES]
    if not kinds:
        return _what_there_is(width=width)
    return [row for kind in kinds for row in _of_kind(kind, with_aliases=ALIASES in words, width=width)]


def _kind(word: str) -> str:
    kind = _OTHER_WORDS.get(word, word)
    if kind not in KINDS:
        hint = did_you_mean(word, [*KINDS, ALIASES]) or f"; type one of {' '.join(KINDS)}"
        raise ConfigError(f"nothing to list is called '{word}'{hint}")
    return kind


def _what_there_is(*, width: int) -> list[Row]:
    rows = page.title("What can be listed", width=width)
    for kind in KINDS:
        rows += page.command("", f"lmrun list {kind}", width=width)
    return [*rows, *page.command("", f"lmrun list losses {ALIASES}", width=width)]


def _of_kind(kind: str, *, with_aliases: bool, width: int) -> list[Row]:
    if kind == "ideas":
        return page.table([(name, idea.title) for name, idea in IDEAS.items()], width=width)
    if kind == "checks":
        return page.table(list(CHECKS.items()), width=width)
    group = KINDS[kind]
    real = shipped.aliases(group)
    files = {name: file for name, file in shipped.options(group).items() if name not in real}
    if not with_aliases:
        return page.table([(name, shipped.help_line(file)) for name, file in files.items()], width=width)
    aliases = {name: [alias for alias in real if real[alias] == name] for name in files}
    return [row for name in files for row in page.entry(name, _called(group, name, aliases[name]), width=width)]


def _called(group: str, name: str, aliases: list[str]) -> list[str]:
    others = called_elsewhere(Topic(group, name))
    return [*([f"lmrun: {', '.join(aliases)}"] if aliases else []), *(others.split(" · ") if others else [])]
