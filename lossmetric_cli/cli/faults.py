"""What Hydra could not compose, said in one line with the name that was meant."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hydra.errors import ConfigCompositionException, MissingConfigException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import MarkedYAMLError

from lossmetric_cli import shipped
from lossmetric_cli.catalog import SETTING_ALIASES
from lossmetric_cli.errors import ConfigError, did_you_mean, nearest_names
from lossmetric_cli.spec import LIST_KEYS, expectation, setting_hint, unresolved

#: What a person calls one option of a group.
_NOUNS = {"metrics": "metric", "callbacks": "callback", "plots": "plot"}


def explain(error: Exception) -> ConfigError:
    """Return what went wrong in composing a config."""
    if isinstance(error, MissingConfigException):
        return _unknown_option(error)
    if isinstance(error, MarkedYAMLError):
        return _broken_yaml(error)
    text = str(error)
    found = re.search(r"Could not (?:override|append to config|delete from config)[^']*'([^']+)'", text)
    if isinstance(error, ConfigCompositionException) and found:
        return _unknown_key(found[1], _config_at(error))
    for pattern, explained in _SENTENCES.items():
        found = re.search(pattern, text, re.DOTALL)
        if found:
            return explained(*found.groups())
    if isinstance(error, OmegaConfBaseException):
        return unresolved(error)
    if isinstance(error, KeyError):
        return ConfigError(f"the environment variable {error} is not set")
    cause = f": {str(error.__cause__).splitlines()[0]}" if error.__cause__ and str(error.__cause__) else ""
    return ConfigError(f"{' '.join(text.split())}{cause}")


def _broken_yaml(error: MarkedYAMLError) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    place = f"{shipped.shown(Path(mark.name))}:{mark.line + 1}:{mark.column + 1}"
    hint = "; indent with spaces" if re.search(r"'\\t'|tab character", str(error.problem)) else ""
    return ConfigError(f"{place}: {error.problem}{hint}")


def _in_file(path: str, kind: str, fact: str, key: str) -> ConfigError:
    """Return what a file says that the schema does not take."""
    group, _, name = path.rpartition("/")
    file = shipped.options(group).get(name) if group else None
    where = shipped.shown(file) if file else path
    value = re.match(r"Value '(.*)' of type", fact)
    if kind == "ConfigKeyError" or kind == "ConfigAttributeError":
        return ConfigError(f"{where}: unknown key '{key}'{setting_hint(key)}")
    if value:
        return ConfigError(f"{where}: {_wrong_type(f'{key}={value[1]}')}")
    return ConfigError(f"{where}: {key}{': ' if key else ''}{fact}")


def _chosen_twice(group: str) -> ConfigError:
    return ConfigError(f"{group} is chosen twice; a file chooses in its defaults: [override /{group}: NAME]")


def _several_values(word: str) -> ConfigError:
    key, _, values = word.partition("=")
    return ConfigError(
        f"{word}: several values; a sweep is typed lmrun -m {word}, a list {key}=[{values}], text \"{key}='{values}'\""
    )


def _needs_sweep(word: str) -> ConfigError:
    return ConfigError(f"{word} is a sweep; type lmrun -m {word}")


def _nothing_to_delete(group: str) -> ConfigError:
    hint = f"; type {group}=[] for none" if group in shipped.MANY else f"; {group} has an option always"
    return ConfigError(f"~{group} finds nothing to delete{hint}")


#: What Hydra 1.3 and 1.4 say, and what it comes to.
_SENTENCES: dict[str, Callable[..., ConfigError]] = {
    r"Error merging override ([^\n]+)": lambda word: _wrong_type(word),
    r"In '([^']+)': (\w+) raised while composing config:\s*([^\n]*)(?:.*?full_key: (\S*))?": _in_file,
    r"In '([^']+)': ()([^\n]+)()": _in_file,
    r"Multiple values for (\S+)\. To override": _chosen_twice,
    r"Ambiguous value for argument '([^']*)'": _several_values,
    r"Sweep parameters '([^']*)' requires": _needs_sweep,
    r"Could not delete '([^']+)'\. No match": _nothing_to_delete,
}


def _unknown_option(error: MissingConfigException) -> ConfigError:
    path = error.missing_cfg_file or ""
    path = path if isinstance(path, str) else path[0]
    group, _, name = path.removesuffix(".yaml").rpartition("/")
    if not group or "primary config" in str(error):
        return ConfigError(" ".join(str(error).split("Config search path:")[0].split()))
    known = list(shipped.options(group))
    noun = _NOUNS.get(group, group)
    from lossmetric_cli.explain import foreign, why_untrainable  # the cards are not for those who typed a name that exists

    untrainable = why_untrainable(name) if group == "loss" else None
    if untrainable:
        return ConfigError(untrainable)
    meant = foreign(name, group)
    hint = f"; here it is called {meant}" if meant else did_you_mean(name, known)
    if hint:
        return ConfigError(f"unknown {noun} '{name}'{hint}")
    if group.startswith("hydra/"):
        return ConfigError(f"unknown {group} '{name}'; lmrun --info plugins lists what is installed")
    if group not in [*shipped.groups(), "experiment"]:
        return ConfigError(f"unknown group '{group}'{did_you_mean(group, shipped.groups())}")
    return ConfigError(f"unknown {noun} '{name}'; lmrun help {group} lists all {len(known)}")


def _unknown_key(key: str, config: dict[str, Any]) -> ConfigError:
    hint = _choice_hint(key, config) or did_you_mean_path(key, config) or LIST_KEYS
    return ConfigError(f"unknown key '{key}'{hint}")


def did_you_mean_path(key: str, config: dict[str, Any]) -> str:
    """Return `; did you mean 'optimizer.learning_rate'?`, or an empty string where nothing is near."""
    guess = _nearest_path(key, config)
    return f"; did you mean '{guess}'?" if guess else ""


def _choice_hint(key: str, config: dict[str, Any]) -> str:
    """Return what to type for a setting of an option that is not chosen, or of the user's own code."""
    group, _, rest = key.partition(".")
    node = config.get(group)
    if group in shipped.MANY:
        option, _, rest = rest.partition(".")
        node = (node or {}).get(option)
        if node is None and option in shipped.options(group):
            chosen = "+".join([*(config.get(group) or {}), option])
            return f"; {option} is not chosen, {group}={chosen} does that"
    if not isinstance(node, dict) or not rest:
        return ""
    known = shipped.parameters(group)
    if node.get("_target_") not in known and "." in str(node.get("_target_")):
        return f"; a parameter of your own code is typed +{key}=…"
    if nearest_names(rest, node):
        return ""
    every = {name for names in known.values() for name in names}
    meant = rest if rest in every else next(iter(nearest_names(rest, every, limit=1)), "")
    having = [name for name, file in shipped.options(group).items() if meant in known.get(shipped.target(file), ())]
    return f"; {meant} belongs to {group}={' or '.join(having[:3])}" if having else ""


def _config_at(error: Exception) -> dict[str, Any]:
    """Return the config as far as it was composed when the error came up: OmegaConf's errors know the node they are at."""
    node = getattr(error.__cause__, "parent_node", None)
    return OmegaConf.to_container(node._get_root(), resolve=False) if node is not None else {}


def _nearest_path(key: str, config: dict[str, Any]) -> str | None:
    """Return the key that was meant: the nearest name at every step, or the one place where the last name exists."""
    node, path = config, []
    for part in key.split("."):
        names = [name for name in node if isinstance(name, str)] if isinstance(node, dict) else []
        meant = SETTING_ALIASES.get(part, part)
        near = [meant] if meant in names else nearest_names(part, names, limit=1)
        if not near:
            break
        path.append(near[0])
        node = node[near[0]]
    else:
        return ".".join(path)
    return _only_place(SETTING_ALIASES.get(key.rsplit(".", 1)[-1], key.rsplit(".", 1)[-1]), config)


def _only_place(name: str, config: dict[str, Any]) -> str | None:
    """Return the path of the key nearest to `name` anywhere in the config, the shallowest of several."""
    paths = sorted(_paths({key: node for key, node in config.items() if key != "hydra"}), key=lambda path: path.count("."))
    last = {path.rsplit(".", 1)[-1]: path for path in reversed(paths)}
    near = [name] if name in last else nearest_names(name, last, limit=1)
    return last[near[0]] if near else None


def _paths(node: dict[str, Any], prefix: str = "") -> list[str]:
    found = []
    for key, value in node.items():
        found.append(f"{prefix}{key}")
        if isinstance(value, dict):
            found += _paths(value, f"{prefix}{key}.")
    return found


def _wrong_type(override: str) -> ConfigError:
    key, _, value = override.partition("=")
    return ConfigError(f"{key.lstrip('+')} must be {expectation(key.lstrip('+'))}, got '{value}'")
