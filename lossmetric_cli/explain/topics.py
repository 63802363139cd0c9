"""From what was typed to what it names: options of every group, names of other libraries, and ideas."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lossmetric_cli import shipped
from lossmetric_cli.errors import ConfigError, did_you_mean
from lossmetric_cli.explain import elsewhere
from lossmetric_cli.explain.cards import CARDS, ONE, PLURALS
from lossmetric_cli.explain.elsewhere import plain
from lossmetric_cli.explain.ideas import IDEAS

#: The group of the ideas, which has no option files.
IDEA = "idea"
_GROUPS = {
    **{word: group for table in (ONE, PLURALS) for group, word in table.items()},
    **{group: group for group in CARDS},
    **{"learning_rate": "optimizer/learning_rate", "idea": IDEA, "ideas": IDEA},
}


@dataclass(frozen=True)
class Topic:
    """One thing to explain, an option of a group or an idea; `remark` says how another library's name led here."""

    group: str
    name: str
    remark: str = ""


def read(words: list[str]) -> list[Topic]:
    """Return what words name: all of them together where that is a name, else one after the other.

    Raises ConfigError for a word that names nothing.
    """
    if len(words) > 1:
        together = [] if any(re.search("[=/]", word) for word in words) else find("_".join(words))
        if together:
            return together
    return list(dict.fromkeys(topic for word in words for topic in _of_word(word)))


def find(name: str, group: str | None = None) -> list[Topic]:
    """Return every topic of a name, in one group or in all.

    A name is that of an option, an alias, a class of Keras or an idea, or where it is none of them, that of another
    library; capitals, hyphens and underscores make no difference.
    """
    groups = [group] if group else [*CARDS, IDEA]
    own = [
        Topic(where, option)
        for where in groups
        for option in ([_idea(name)] if where == IDEA else [_option(name, where)])
        if option
    ]
    return own or _foreign(name, group)


def foreign(name: str, group: str | None = None) -> str | None:
    """Return the option that is meant by another library's name, in `group` or in the first group that has one."""
    if any(_option(name, where) for where in ([group] if group else CARDS) if where in CARDS):
        return None
    return next((option for _, _, option in elsewhere.found(name, group)), None)


def known() -> set[str]:
    """Return every name that can be explained, those of other libraries left out."""
    options = {name for group in CARDS for name in shipped.options(group)}
    return options | IDEAS.keys() | {word for idea in IDEAS.values() for word in idea.also}


def _of_word(word: str) -> list[Topic]:
    group, names = _split(word)
    return [topic for name in names for topic in _required(name, group)]


def _split(word: str) -> tuple[str | None, list[str]]:
    """Return the group that a word names, if any, and its names: `auc`, `loss/hinge`, `metrics=[auc,f1]`, `metrics=auc+f1`."""
    prefix, sign, rest = word.rpartition("=" if "=" in word else "/")
    if not sign:
        return None, [word]
    group = _GROUPS.get(prefix)
    if group is None:
        raise ConfigError(f"{word}: nothing is called '{prefix}'{did_you_mean(prefix, _GROUPS)}")
    return group, [name for name in re.split(r"[+,\s]+", rest.strip("[]")) if name]


def _required(name: str, group: str | None) -> list[Topic]:
    topics = find(name, group)
    if not topics:
        raise ConfigError(f"nothing to explain is called '{name}'{_hint(name, group)}")
    return topics


def _hint(name: str, group: str | None) -> str:
    if group and find(name):
        return f" among the {PLURALS.get(group, 'ideas')}; type lmrun explain {name}"
    for other in [*shipped.groups(), "experiment"]:
        if other not in CARDS and name in shipped.options(other):
            return f"; it is an option of {other}, and lmrun help {other} says in a line what it is"
    names = known() if group is None else IDEAS if group == IDEA else shipped.options(group)
    return did_you_mean(name, names) or "; lmrun explain lists what is"


def _option(name: str, group: str) -> str | None:
    """Return the option of a group that a name, an alias or the name of its class stands for."""
    options, real = shipped.options(group), shipped.aliases(group)
    last = plain(name.rpartition(".")[2])
    by_name = {plain(option): option for option in options}
    by_class = {
        plain((shipped.target(file) or "").rpartition(".")[2]): option for option, file in options.items() if option not in real
    }
    option = by_name.get(last) or by_class.get(last)
    return real.get(option, option)


def _idea(name: str) -> str | None:
    return next(
        (key for key, idea in IDEAS.items() if plain(name) in (plain(key), *(plain(word) for word in idea.also))),
        None,
    )


def _foreign(name: str, group: str | None) -> list[Topic]:
    libraries: dict[tuple[str, str], list[str]] = {}
    for library, where, option in elsewhere.found(name, group):
        libraries.setdefault((where, option), []).append(library)
    return [
        Topic(where, option, f"{name} is its name in {' and '.join(called)}") for (where, option), called in libraries.items()
    ]
