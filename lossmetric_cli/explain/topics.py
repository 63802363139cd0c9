"""From what was typed to what it names: options of every group, names of other libraries, and ideas."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from lossmetric_cli import shipped
from lossmetric_cli.errors import ConfigError, did_you_mean
from lossmetric_cli.explain import elsewhere
from lossmetric_cli.explain.cards import CARDS, ONE, PLURALS
from lossmetric_cli.explain.elsewhere import plain
from lossmetric_cli.explain.ideas import IDEAS

_LIBRARIES = ("keras", "tf", "tensorflow", "torch", "nn", "torchmetrics", "sklearn")
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
    groups, name = [group] if group else [*CARDS, IDEA], _bare(name)
    own = [(where, _idea(name) if where == IDEA else _option(name, where)) for where in groups]
    return [Topic(where, option) for where, option in own if option] or _foreign(name, group)


def is_name(word: str) -> bool:
    """Return whether a word names something, or begins with a group as `loss/hinge` does."""
    return bool(find(word)) or word.rpartition("/")[0] in _GROUPS


def foreign(name: str, group: str | None = None) -> str | None:
    """Return the option that is meant by another library's name, in `group` or in the first group that has one."""
    name = _bare(name)
    if any(_option(name, where) for where in CARDS if group in (None, where)):
        return None
    return next((option for *_, option in elsewhere.found(name, group)), None)


def known() -> set[str]:
    """Return every name that can be explained, those of other libraries left out."""
    options = {name for group in CARDS for name in shipped.options(group)}
    return options | IDEAS.keys() | {word for idea in IDEAS.values() for word in idea.also}


def _bare(name: str) -> str:
    """Return the last part of a library's dot path, `Huber` for keras.losses.Huber; a path of the user's own is kept."""
    return name.rpartition(".")[2] if name.partition(".")[0] in _LIBRARIES else name


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
    options, name = shipped.options(group), plain(name)
    for option in options:
        if plain(option) == name:
            return shipped.aliases(group).get(option, option)
    return next((option for option, file in options.items() if plain(_class_name(file)) == name), None)


def _class_name(file: Path) -> str:
    return (shipped.target(file) or "").rpartition(".")[2]


def _idea(name: str) -> str | None:
    return next(
        (key for key, idea in IDEAS.items() if plain(name) in (plain(key), *(plain(word) for word in idea.also))),
        None,
    )


def _foreign(name: str, group: str | None) -> list[Topic]:
    libraries: dict[tuple[str, str], list[str]] = {}
    for spelled, library, where, option in elsewhere.found(name, group):
        libraries.setdefault((where, option), []).append(f"{spelled} in {library}")
    return [Topic(where, option, f"It is called {' and '.join(called)}") for (where, option), called in libraries.items()]
