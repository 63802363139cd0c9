"""RunSpec: the settings that Hydra checks a config against, and the plain object that the runner gets."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any, get_type_hints

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from lossmetric_cli import ranges, shipped, yaml_files
from lossmetric_cli.catalog import SETTING_ALIASES
from lossmetric_cli.errors import ConfigError, did_you_mean
from lossmetric_cli.task import KINDS

Precision = Enum("Precision", {name: name for name in ("float32", "mixed_bfloat16", "mixed_float16")})
TaskKind = Enum("TaskKind", {name: name for name in ("auto", *KINDS, "reconstruction")})


@dataclass
class RunSpec:
    """What was asked: a node of plain values for each group, and the settings that no group owns.

    conf/config.yaml explains every setting where it sets it.
    """

    data: Any = None
    model: Any = None
    loss: Any = None
    optimizer: Any = None
    metrics: Any = field(default_factory=dict)
    callbacks: Any = field(default_factory=dict)
    plots: Any = field(default_factory=dict)
    validation: Any = None
    check: Any = None
    rival: Any = None
    outputs: Any = None
    class_weight: Any = None
    weighted_metrics: Any = field(default_factory=list)
    task: TaskKind = TaskKind.auto
    epochs: int = 30
    batch_size: int = 32
    seed: int = 0
    monitor: str = "val_loss"
    mode: str = "auto"
    out: str = "outputs"
    quiet: bool = False
    device: str = "auto"
    precision: Precision = Precision.float32
    threads: int | None = None
    deterministic: bool | None = None
    jit_compile: bool | None = None
    run_eagerly: bool = False
    auto_scale_loss: bool = True
    steps_per_execution: int | None = None
    steps_per_epoch: int | None = None
    validation_freq: int = 1
    validation_batch_size: int | None = None
    train_eval: int | None = 2048
    save_model: bool = True
    state_every: float | None = 10.0
    max_time: float | None = None
    stall_time: float | None = None


SETTINGS = [setting.name for setting in fields(RunSpec)]
LIST_KEYS = "; lmrun --cfg job lists every key"
GROUPS = ("data", "model", "loss", "optimizer", "metrics", "callbacks", "plots", "validation", "check", "rival")

#: What can be set of one of several outputs.
OUTPUT_SETTINGS = ("target", "loss", "weight", "metrics", "class_weight", "activation")

#: Where the settings live that people look for at the top.
_HOMES = {"learning_rate": "optimizer.learning_rate", "dropout": "model.dropout", "hidden": "model.hidden"}


def load(config: DictConfig) -> tuple[RunSpec, list[str]]:
    """Return the RunSpec of a composed config, and a sentence for each thing that was mended on the way.

    Raises ConfigError for unknown keys (also behind `+`), missing values and numbers that cannot be meant.
    """
    _refuse_unknown_settings(config)
    try:
        notes = _mend_monitor(config)
        _refuse_missing(config)
        spec = OmegaConf.to_object(config)
    except OmegaConfBaseException as error:
        raise unresolved(error) from error
    for group in shipped.MANY:
        setattr(spec, group, getattr(spec, group) or {})
    if isinstance(spec.weighted_metrics, str):
        spec.weighted_metrics = spec.weighted_metrics.split("+")
    spec.outputs = _checked_outputs(spec.outputs)
    _check_words(spec)
    _check_parameters(spec)
    spec.loss = _with_parts(spec.loss)
    for name in SETTINGS:
        setattr(spec, name, ranges.checked(getattr(spec, name), path=name))
    rate = spec.optimizer.get("learning_rate")
    if isinstance(rate, float) and rate > 1:
        notes.append(f"optimizer.learning_rate={rate:g} is above 1, where most runs diverge")
    return spec, notes


def unresolved(error: OmegaConfBaseException) -> ConfigError:
    """Return what is wrong with a value that OmegaConf cannot resolve or convert, and where it stands."""
    fact = re.sub(r"^\w+ raised while resolving interpolation: ", "", str(error).splitlines()[0]).strip('"')
    return ConfigError(f"{error.full_key}: {fact}" if error.full_key else fact)


def describe_data(spec: RunSpec) -> str:
    """Return the data in a word: its option, or the file that it reads."""
    return str(spec.data.get("path") or spec.data["_target_"].rsplit(".", 1)[-1]).rstrip("/").rsplit("/", 1)[-1]


def describe_model(spec: RunSpec) -> str:
    """Return the model in a word, with the sizes of its hidden layers: `mlp(64)`."""
    sizes = spec.model.get("backbone") or spec.model.get("hidden") or spec.model.get("units")
    sizes = "-".join(map(str, sizes)) if isinstance(sizes, list) else sizes
    name = spec.model["_target_"].rsplit(".", 1)[-1]
    return f"{name}({sizes})" if sizes else name


def describe_optimizer(spec: RunSpec) -> str:
    """Return the optimizer in two words: `adam 0.001`, or `adam CosineDecay`."""
    rate = spec.optimizer.get("learning_rate", "")
    told = rate["_target_"].rsplit(".", 1)[-1] if isinstance(rate, dict) else f"{rate:g}" if rate != "" else ""
    return f"{spec.optimizer['_target_'].rsplit('.', 1)[-1].lower()} {told}".strip()


def setting_hint(key: str) -> str:
    """Return the hint at the setting that was meant by an unknown one."""
    meant = SETTING_ALIASES.get(key, key)
    meant = _HOMES.get(meant, meant)
    return f"; did you mean '{meant}'?" if meant != key else did_you_mean(key, SETTINGS) or LIST_KEYS


def _refuse_unknown_settings(config: DictConfig) -> None:
    for key in config:
        if key not in SETTINGS:
            raise ConfigError(f"unknown key '{key}'{setting_hint(str(key))}")


def _mend_monitor(config: DictConfig) -> list[str]:
    validation = config.get("validation") or {}
    if validation.get("_target_") == "lossmetric_cli.data.none" and config.monitor == "val_loss":
        config.monitor = "loss"
        return ["nothing is validated, so callbacks watch loss and not val_loss"]
    return []


def _refuse_missing(config: DictConfig) -> None:
    for path in sorted(OmegaConf.missing_keys(config)):
        raise ConfigError(f"{path} has no default and was not given; type {path}=…")


def _check_parameters(spec: RunSpec) -> None:
    for group in GROUPS:
        node = getattr(spec, group)
        if group in shipped.MANY:
            for key in node:
                node[key] = _checked_node(node[key], path=f"{group}.{key}", group=group)
        else:
            setattr(spec, group, _checked_node(node, path=group, group=group))


def _checked_outputs(outputs: Any) -> dict[str, dict[str, Any]]:
    """Return the outputs with every setting that they know; a list of targets is an output for each."""
    if outputs is None:
        return {}
    if isinstance(outputs, list):
        outputs = {str(name): {} for name in outputs}
    if not isinstance(outputs, dict):
        raise ConfigError(f"outputs must be names with their settings, got {outputs!r}; type outputs.NAME.target=COLUMN")
    for name, node in outputs.items():
        if not re.fullmatch(r"[A-Za-z]\w*", str(name)) or str(name).startswith(("val_", "train_")):
            raise ConfigError(f"outputs.{name}: the name of an output is letters, digits and _, as its columns begin with it")
        if name in ("data", "unweighted", "val"):
            raise ConfigError(
                f"outputs.{name}: the history has a column {name}_loss without it; type outputs.{name}_2.target={name}"
            )
        for key in node or {}:
            if key not in OUTPUT_SETTINGS:
                raise ConfigError(f"unknown key 'outputs.{name}.{key}'{did_you_mean(str(key), OUTPUT_SETTINGS) or LIST_KEYS}")
        weight = (node or {}).get("weight", 1.0)
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < math.inf:
            raise ConfigError(f"outputs.{name}.weight must be a number > 0, got {ranges.typed(weight)}")
    return {str(name): _checked_output(node or {}, path=f"outputs.{name}") for name, node in outputs.items()}


def _checked_output(node: dict[str, Any], *, path: str) -> dict[str, Any]:
    """Return an output's settings with the nodes of its loss and metrics checked as those of the groups are."""
    checked = dict(node)
    if checked.get("loss"):
        checked["loss"] = _with_parts(_checked_node(checked["loss"], path=f"{path}.loss", group="loss"))
    if checked.get("metrics") is not None:
        metrics = checked["metrics"]
        checked["metrics"] = {
            key: _checked_node(metrics[key], path=f"{path}.metrics.{key}", group="metrics") for key in metrics
        }
    return checked


def _checked_node(node: Any, *, path: str, group: str) -> dict[str, Any]:
    """Return the node of an option with its values as its file has them: a lone value is a list of one where that is a list.

    Raises ConfigError for a node that no option made, unknown keys, and anything but true or false for a switch.
    """
    if isinstance(node, dict) and "_target_" not in node:
        name = path.rsplit(".", 1)[-1]
        if path.startswith("outputs."):
            told = ", ".join(["_target_: CLASS", *(f"{key}: {ranges.typed(value)}" for key, value in node.items())])
            raise ConfigError(
                f"{path} has settings and no class beside them; type '{path}={{{told}}}', CLASS as conf/{group} has it"
            )
        raise ConfigError(
            f"{path} has settings and is not chosen; type {group}={name}, in a file defaults: [override /{group}: [{name}]]"
        )
    if not isinstance(node, dict):
        name = node if isinstance(node, str) else "NAME"
        raise ConfigError(
            f"{path} is no option of {group} but {node!r}; type {group}={name}, in a file defaults: [override /{group}: {name}]"
        )
    known = shipped.parameters(group).get(node["_target_"])
    if known is None:
        return node
    for key in node:
        if key not in known:
            raise ConfigError(f"unknown key '{path}.{key}'{did_you_mean(key, set(known) - {'_target_'}) or LIST_KEYS}")
    schedule = node.get("learning_rate")
    if group == "optimizer" and isinstance(schedule, dict):
        node["learning_rate"] = _checked_node(schedule, path=f"{path}.learning_rate", group="optimizer/learning_rate")
    return {key: _shaped(value, known[key], path=f"{path}.{key}") for key, value in node.items()}


def _with_parts(node: dict[str, Any]) -> dict[str, Any]:
    """Return the node of a loss, the parts of a weighted sum as nodes: `{mse: 1, mae: 0.5}` names options, of the defaults."""
    if node.get("_target_") != "lossmetric_cli.losses.WeightedSum":
        return node
    parts = node["parts"]
    if isinstance(parts, dict):
        parts = [{"loss": name, "weight": weight} for name, weight in parts.items()]
    if not isinstance(parts, list) or not all(isinstance(part, dict) and "loss" in part for part in parts):
        raise ConfigError(
            f"loss.parts must be losses and their weights, got {ranges.typed(parts)}; type 'loss.parts={{mse:1,mae:0.5}}'"
        )
    return {**node, "parts": [{"loss": _part_node(part["loss"]), "weight": part.get("weight", 1.0)} for part in parts]}


def _part_node(loss: Any) -> dict[str, Any]:
    if loss == "none":
        raise ConfigError("loss.parts: unknown loss 'none'; leave the part out")
    return _with_parts(loss if isinstance(loss, dict) else option_node("loss", str(loss), path="loss.parts"))


def option_node(group: str, name: str, *, path: str) -> dict[str, Any]:
    """Return the node of an option's file, or of a dot path to the user's own code.

    Raises ConfigError for a name that is no option; `path` is where it stands in the config.
    """
    if "." in name:
        return {"_target_": name}
    options = shipped.options(group)
    file = options.get(shipped.aliases(group).get(name, name))
    if file is None:
        hint = did_you_mean(name, options) or f"; lmrun help {group} lists all"
        raise ConfigError(f"{path}: unknown {group} '{name}'{hint}")
    yaml_files.check(file)
    return OmegaConf.to_container(OmegaConf.load(file))


def _shaped(value: Any, default: str, *, path: str) -> Any:
    if default in ("true", "false") and not isinstance(value, bool):
        raise ConfigError(f"{path} must be true or false, got {ranges.typed(value)}")
    is_alone = default.startswith("[") and value is not None and not isinstance(value, (list, dict))
    return [value] if is_alone else value


def expectation(path: str) -> str:
    """Return in words what the value of a setting must be."""
    if ranges.expected(path):
        return ranges.expected(path)
    name = ranges.last(path)
    kind = get_type_hints(RunSpec).get(name)
    if isinstance(kind, type) and issubclass(kind, Enum):
        *first, last = (word.name for word in kind)
        return f"{', '.join(first)} or {last}"
    return "text" if kind is str else "true or false"


def _check_words(spec: RunSpec) -> None:
    if not re.fullmatch(r"auto|(cpu|gpu)(:\d+(\+\d+)*)?", spec.device):
        raise ConfigError(f"device must be auto, cpu, gpu, gpu:1 or gpu:0+1, got '{spec.device}'")
    if spec.mode not in ("auto", "min", "max"):
        raise ConfigError(f"mode must be auto, min or max, got '{spec.mode}'")
    for name in ("out", "monitor"):
        if not getattr(spec, name).strip():
            raise ConfigError(f"{name} must not be empty; leave {name}= out for its default")
    for group in GROUPS:
        if getattr(spec, group) is None or (group in ("data", "model", "optimizer") and not _is_named(getattr(spec, group))):
            raise ConfigError(f"{group} must be one option and is none; lmrun help {group} lists them")


def _is_named(node: Any) -> bool:
    return not isinstance(node, dict) or node.get("_target_", "") is not None
