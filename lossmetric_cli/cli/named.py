"""Names of options where the config keeps nodes: the losses and metrics of several outputs."""

from __future__ import annotations

from omegaconf import DictConfig, open_dict

from lossmetric_cli.spec import option_node


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
                node["loss"] = option_node("loss", node["loss"], path=f"{path}.loss")
            if node.get("metrics") is not None and not isinstance(node["metrics"], DictConfig):
                names = node["metrics"].split("+") if isinstance(node["metrics"], str) else list(node["metrics"])
                node["metrics"] = {_key(name): option_node("metrics", name, path=f"{path}.metrics") for name in names}
    return config


def _key(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else name
