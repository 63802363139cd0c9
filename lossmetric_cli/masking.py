"""What of a config nobody may read in the files of a run: secrets, and what the environment answers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from omegaconf.resolvers import oc

from lossmetric_cli.errors import ConfigError
from lossmetric_cli.text import MASK, without

#: Keys of secrets; how many words a vocabulary has, or which one stands for unknown ones, is none.
_SECRET = re.compile(
    r"key$|(?<!max_)(?<!num_)(?<!oov_)(?<!mask_)token|secret|passw|passphrase|credential|\bpwd$", re.IGNORECASE
)
#: One interpolation without a default, which holds no secret itself.
_REFERENCE = re.compile(r"\$\{[^${},]+\}")
#: A shorter text than this stands in too many words to be taken out of sentences.
_SHORTEST = 4
#: Settings of models that name a file, which no file of the run holds.
_PATHS = ("init_from", "weights")
#: Where keys are names that a person gave, of classes and of outputs.
_NAMED = (("class_weight",), ("outputs",))


@dataclass(frozen=True)
class Leaf:
    """A plain value of a config: where it stands, what was written and what it comes to.

    `heard` is what the environment answered on the way, `target` the class or function that the value goes to.
    """

    path: tuple[Any, ...]
    written: Any
    value: Any
    heard: tuple[str, ...]
    target: str
    is_secret: bool

    @property
    def has_value(self) -> bool:
        """Return whether there is anything to hide."""
        return self.written is not None and not isinstance(self.written, bool)


def masked(config: DictConfig) -> dict[str, Any]:
    """Return a config as plain resolved values, secrets and what comes from the environment as `***`."""
    leaves = _leaves(config)
    literal = [str(leaf.value) for leaf in leaves if leaf.is_secret and leaf.has_value and str(leaf.value)]
    shown = _plain(config)
    for leaf in leaves:
        is_reference = leaf.value is not leaf.written and any(secret in str(leaf.value) for secret in literal)
        is_hidden = leaf.heard or (leaf.is_secret and leaf.has_value) or is_reference
        _put(shown, leaf.path, MASK if is_hidden else without(leaf.value))
    return shown


def unresolved(config: DictConfig) -> dict[str, Any]:
    """Return a config as it was written: secrets as `***`, and interpolations as they are, since `${oc.env:NAME}` is none."""
    shown = _plain(config)
    for leaf in _leaves(config):
        is_hidden = leaf.is_secret and leaf.has_value and not _REFERENCE.fullmatch(str(leaf.written))
        _put(shown, leaf.path, MASK if is_hidden else without(leaf.written))
    return shown


def masked_words(words: Sequence[str]) -> list[str]:
    """Return command line words with the values of secrets as `***`, the whole value where one of them is inside."""
    found = []
    for word in words:
        key, sign, value = word.partition("=")
        inner = re.findall(r"([\w.-]+)[\"']?\s*:", value) if value[:1] in ("{", "[") else []
        is_secret = any(_SECRET.search(name) for name in (key, *inner)) and not _REFERENCE.fullmatch(value)
        found.append(f"{key}={MASK}" if sign and is_secret else without(word))
    return found


def secrets(config: DictConfig) -> list[str]:
    """Return the texts that no file of a run may hold, the longest first."""
    leaves = [leaf for leaf in _leaves(config) if leaf.has_value]
    found = {str(leaf.value) for leaf in leaves if leaf.is_secret or leaf.heard} | {
        text for leaf in leaves for text in leaf.heard
    }
    return sorted((text for text in found if len(text) >= _SHORTEST), key=len, reverse=True)


def check(config: DictConfig) -> None:
    """Raise ConfigError where text of the environment would become part of a model, a metric or a callback of Keras' or ours.

    It would stand in model.keras, in the history or in the pictures. Data, paths and the user's own code may have it.
    """
    for leaf in _leaves(config):
        is_kept = (
            leaf.target.startswith(("keras.", "lossmetric_cli.")) and leaf.path[0] != "data" and leaf.path[-1] not in _PATHS
        )
        if is_kept and leaf.heard and not re.fullmatch(r"[-+.\deE]*|true|false", str(leaf.value), re.IGNORECASE):
            path = ".".join(map(str, leaf.path))
            raise ConfigError(f"{path} is text of the environment, which files of the run would hold; write it out")


def _leaves(config: DictConfig) -> list[Leaf]:
    """Return every plain value but Hydra's own; one that cannot be resolved comes to what was written."""
    found = []
    with _listening() as heard:
        for path, written, target, is_secret in _walked(_plain(config)):
            value = written
            heard.clear()
            if isinstance(written, str) and "${" in written:
                with suppress(OmegaConfBaseException):
                    value = _resolved(config, path)
            found.append(Leaf(path, written, value, tuple(heard), target, is_secret))
    return found


def _plain(config: DictConfig) -> dict[str, Any]:
    container = OmegaConf.to_container(config, resolve=False, enum_to_str=True)
    return {key: node for key, node in container.items() if key != "hydra"}


def _walked(
    node: Any, path: tuple[Any, ...] = (), target: str = "", *, is_secret: bool = False
) -> Iterator[tuple[tuple[Any, ...], Any, str, bool]]:
    """Yield each plain value with its path, what it goes to, and whether a key above it is that of a secret."""
    if not isinstance(node, (dict, list)):
        yield path, node, target, is_secret
        return
    if isinstance(node, dict) and "_target_" in node:
        target, is_secret = str(node["_target_"]), False  # a metric may be called token_accuracy
    for step, value in node.items() if isinstance(node, dict) else enumerate(node):
        names_it = step != "_target_" and path[:1] not in _NAMED and bool(_SECRET.search(str(step)))
        yield from _walked(value, (*path, step), target, is_secret=is_secret or names_it)


def _resolved(config: DictConfig, path: tuple[Any, ...]) -> Any:
    value: Any = config
    for step in path:
        value = value[step]
    value = OmegaConf.to_container(value, resolve=True, enum_to_str=True) if OmegaConf.is_config(value) else value
    return value.name if isinstance(value, Enum) else value


@contextmanager
def _listening() -> Iterator[list[str]]:
    """Note what the environment answers, however a config spells that it asks: `${oc.env:X}`, `${ oc.${a}: X }`."""
    heard: list[str] = []

    def env(key: str, *default: Any) -> str | None:
        value = oc.env(key, *default)
        heard.append(str(value))
        return value

    OmegaConf.register_new_resolver("oc.env", env, replace=True)
    try:
        yield heard
    finally:
        OmegaConf.register_new_resolver("oc.env", oc.env, replace=True)


def _put(node: Any, path: tuple[Any, ...], value: Any) -> None:
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
