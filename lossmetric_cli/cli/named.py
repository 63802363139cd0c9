"""Names of options where the config keeps nodes: the losses and metrics of several outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from lossmetric_cli import shipped
from lossmetric_cli.errors import ConfigError, did_you_mean


def fill_outputs(config: DictConfig) -> DictConfig:
    """Return the config with the losses and metrics that `outputs` names replaced by the nodes of those options.

    Raises ConfigError for a name that is no option.
    """
    outputs = config.get("outputs")
    if not isinstance(outputs, DictConfig):
        return config
    with open_dict(config):
        for name, node in outputs.items():
            if not isinstance(node, DictConfig):
                continue
            path = f"outputs.{name}"
            if isinstance(node.get("loss"), str):
                node["loss"] = _node("loss", node["loss"], path=f"{path}.loss")
            if node.get("metrics") is not None and not isinstance(node["metrics"], DictConfig):
                names = node["metrics"].split("+") if isinstance(node["metrics"], str) else list(node["metrics"])
                node["metrics"] = {_key(name): _node("metrics", name, path=f"{path}.metrics") for name in names}
    return config


def _key(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else name


def _node(group: str, name: str, *, path: str) -> dict[str, Any]:
    """Return the node of an option, or of a dot path to the user's own code."""
    if "." in name:
        return {"_target_": name}
    file = _file(group, name, path=path)
    return OmegaConf.to_container(OmegaConf.load(file), resolve=False)


def _file(group: str, name: str, *, path: str) -> Path:
    options = shipped.options(group)
    real = shipped.aliases(group).get(name, name)
    if real not in options:
        raise ConfigError(f"{path}: unknown {group} '{name}'{did_you_mean(name, options)}")
    return options[real]
