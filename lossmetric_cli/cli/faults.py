"""What Hydra could not compose, said in one line with the name that was meant."""

from __future__ import annotations

import re
from typing import Any

from hydra.errors import ConfigCompositionException, MissingConfigException
from omegaconf import OmegaConf

from lossmetric_cli import shipped
from lossmetric_cli.catalog import SETTING_ALIASES
from lossmetric_cli.errors import ConfigError, did_you_mean, nearest_names

#: What a person calls one option of a group.
_NOUNS = {"metrics": "metric", "callbacks": "callback", "plots": "plot"}


def explain(error: Exception) -> ConfigError:
    """Return what went wrong in composing a config."""
    if isinstance(error, MissingConfigException):
        return _unknown_option(error)
    text = str(error)
    found = re.search(r"Could not (?:override|append to config|delete from config)[^']*'([^']+)'", text)
    if isinstance(error, ConfigCompositionException) and found:
        return _unknown_key(found[1], _config_at(error))
    merging = re.search(r"Error merging override (.+)", text)
    if merging:
        return _wrong_type(merging[1])
    cause = f": {str(error.__cause__).splitlines()[0]}" if error.__cause__ and str(error.__cause__) else ""
    return ConfigError(f"{' '.join(text.split())}{cause}")


def _unknown_option(error: MissingConfigException) -> ConfigError:
    path = error.missing_cfg_file or ""
    path = path if isinstance(path, str) else path[0]
    group, _, name = path.removesuffix(".yaml").rpartition("/")
    if not group:
        return ConfigError(" ".join(str(error).split()))
    known = list(shipped.options(group))
    hint = did_you_mean(name, known)
    noun = _NOUNS.get(group, group)
    if hint:
        return ConfigError(f"unknown {noun} '{name}'{hint}")
    if group not in [*shipped.groups(), "experiment"]:
        return ConfigError(f"unknown group '{group}'{did_you_mean(group, shipped.groups())}")
    listed = f"lmrun help {group} lists all {len(known)}"
    return ConfigError(f"unknown {noun} '{name}'; {listed}")


def _unknown_key(key: str, config: dict[str, Any]) -> ConfigError:
    guess = _nearest_path(key, config)
    hint = f"; did you mean '{guess}'?" if guess else "; lmrun --cfg job lists every key"
    return ConfigError(f"unknown key '{key}'{hint}")


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
    from lossmetric_cli.spec import expectation

    return ConfigError(f"{key.lstrip('+')} must be {expectation(key.lstrip('+'))}, got '{value}'")
