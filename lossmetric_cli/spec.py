"""RunSpec: the settings that Hydra checks a config against, and the plain object that the runner gets."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from lossmetric_cli import shipped
from lossmetric_cli.catalog import SETTING_ALIASES
from lossmetric_cli.errors import ConfigError, did_you_mean
from lossmetric_cli.task import KINDS

Precision = Enum("Precision", {name: name for name in ("float32", "mixed_bfloat16", "mixed_float16")})
TaskKind = Enum("TaskKind", {name: name for name in ("auto", *KINDS)})


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


SETTINGS = [setting.name for setting in fields(RunSpec)]
LIST_KEYS = "; lmrun --cfg job lists every key"
GROUPS = ("data", "model", "loss", "optimizer", "metrics", "callbacks", "plots", "validation")

#: What a number must be, by the last word of its path; everything else is Keras' own business.
_RULES = {
    **dict.fromkeys(("epochs", "batch_size", "validation_batch_size", "steps_per_execution", "steps_per_epoch"), ("whole", 1)),
    **dict.fromkeys(("validation_freq", "threads", "units", "filters", "kernel_size"), ("whole", 1)),
    "seed": ("whole", 0),
    **dict.fromkeys(("learning_rate", "initial_learning_rate"), ("above", 0)),
    **dict.fromkeys(("dropout", "rate", "split", "test_split", "label_smoothing"), ("share", 0)),
    **dict.fromkeys(("l1", "l2", "clipnorm", "clipvalue", "global_clipnorm", "patience"), ("from", 0)),
}
_EXPECTED = {
    "whole": "a whole number >= {}",
    "above": "a number > {}",
    "from": "a number >= {}",
    "share": "a number in [0, 1)",
}
_SECRET = re.compile(r"key$|token|secret|passw|credential", re.IGNORECASE)


def load(config: DictConfig) -> tuple[RunSpec, list[str]]:
    """Return the RunSpec of a composed config, and a sentence for each thing that was mended on the way.

    Raises ConfigError for unknown keys (also behind `+`), missing values and numbers that cannot be meant.
    """
    _refuse_unknown_settings(config)
    notes = _mend_monitor(config)
    _refuse_missing(config)
    try:
        spec = OmegaConf.to_object(config)
    except OmegaConfBaseException as error:
        raise ConfigError(f"{error.full_key or 'config'}: {str(error).splitlines()[0]}") from error
    _refuse_unknown_parameters(spec)
    for name in SETTINGS:
        setattr(spec, name, _checked(getattr(spec, name), path=name))
    _check_words(spec)
    return spec, notes


def masked(config: DictConfig, *, resolve: bool) -> dict[str, Any]:
    """Return the config as plain values for the record; secrets and what comes from the environment are `***`."""
    shown = {
        key: node for key, node in OmegaConf.to_container(config, resolve=False, enum_to_str=True).items() if key != "hydra"
    }
    for path, value in _leaves(shown):
        if isinstance(value, str) and (_SECRET.search(str(path[-1])) or "${oc.env" in value):
            _put(shown, path, "***")
    return OmegaConf.to_container(OmegaConf.create(shown), resolve=resolve)


def masked_words(words: list[str]) -> list[str]:
    """Return command line words with the value of every secret as `***`."""
    return [f"{word.split('=')[0]}=***" if _SECRET.search(word.split("=")[0]) and "=" in word else word for word in words]


def describe_data(spec: RunSpec) -> str:
    """Return the data in a word: its option, or the file that it reads."""
    return str(spec.data.get("path") or spec.data["_target_"].rsplit(".", 1)[-1]).rsplit("/", 1)[-1]


def describe_model(spec: RunSpec) -> str:
    """Return the model in a word, with the sizes of its hidden layers: `mlp(64)`."""
    sizes = spec.model.get("hidden") or spec.model.get("units")
    sizes = "-".join(map(str, sizes)) if isinstance(sizes, list) else sizes
    name = spec.model["_target_"].rsplit(".", 1)[-1]
    return f"{name}({sizes})" if sizes else name


def describe_optimizer(spec: RunSpec) -> str:
    """Return the optimizer in two words: `adam 0.001`, or `adam CosineDecay`."""
    rate = spec.optimizer.get("learning_rate", "")
    told = rate["_target_"].rsplit(".", 1)[-1] if isinstance(rate, dict) else f"{rate:g}" if rate != "" else ""
    return f"{spec.optimizer['_target_'].rsplit('.', 1)[-1].lower()} {told}".strip()


def _refuse_unknown_settings(config: DictConfig) -> None:
    for key in config:
        if key not in SETTINGS:
            meant = SETTING_ALIASES.get(str(key), str(key))
            hint = f"; did you mean '{meant}'?" if meant in SETTINGS else did_you_mean(str(key), SETTINGS)
            raise ConfigError(f"unknown key '{key}'{hint or LIST_KEYS}")


def _mend_monitor(config: DictConfig) -> list[str]:
    validation = config.get("validation") or {}
    if validation.get("_target_") == "lossmetric_cli.data.none" and config.monitor == "val_loss":
        config.monitor = "loss"
        return ["nothing is validated, so callbacks watch loss and not val_loss"]
    return []


def _refuse_missing(config: DictConfig) -> None:
    for path in sorted(OmegaConf.missing_keys(config)):
        raise ConfigError(f"{path} has no default and was not given; type {path}=…")


def _refuse_unknown_parameters(spec: RunSpec) -> None:
    for group in GROUPS:
        node = getattr(spec, group)
        nodes = {f"{group}.{key}": value for key, value in (node or {}).items()} if group in shipped.MANY else {group: node}
        for path, value in nodes.items():
            _refuse_unknown_keys(value, path=path, group=group)


def _refuse_unknown_keys(node: Any, *, path: str, group: str) -> None:
    if node is None:
        return
    if not isinstance(node, dict):
        raise ConfigError(f"{path} must be one of the options of {group}, got {node!r}; lmrun help {group} lists them")
    known = shipped.parameters(group).get(node.get("_target_"))
    for key in node:
        if known is not None and key not in known:
            raise ConfigError(f"unknown key '{path}.{key}'{did_you_mean(key, known - {'_target_'}) or LIST_KEYS}")
    schedule = node.get("learning_rate")
    if group == "optimizer" and isinstance(schedule, dict):
        _refuse_unknown_keys(schedule, path=f"{path}.learning_rate", group="optimizer/learning_rate")


def _checked(value: Any, *, path: str) -> Any:
    """Return a value with its numbers checked by the rule of their name, numbers in quotes read as numbers."""
    if isinstance(value, dict):
        return {key: _checked(item, path=f"{path}.{key}") for key, item in value.items()}
    rule = _RULES.get(path.rsplit(".", 1)[-1])
    if isinstance(value, list) or rule is None or value is None:
        return value
    return _check_number(value, *rule, path=path)


def expectation(path: str) -> str:
    """Return in words what the value of a setting must be."""
    name = path.rsplit(".", 1)[-1]
    if name in _RULES:
        rule, least = _RULES[name]
        return _EXPECTED[rule].format(least)
    words = {"precision": Precision, "task": TaskKind}.get(name)
    return ", ".join(word.name for word in words) if words else "true or false"


def _check_number(value: Any, rule: str, least: int, *, path: str) -> Any:
    try:
        number = float(value) if isinstance(value, str) else value
        fits = {
            "whole": isinstance(number, int) and not isinstance(number, bool) and number >= least,
            "above": least < number < math.inf,
            "from": least <= number < math.inf,
            "share": 0 <= number < 1,
        }[rule]
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise ConfigError(f"{path} must be {expectation(path)}, got {value!r}")
    return float(number) if rule == "above" else number


def _check_words(spec: RunSpec) -> None:
    if not re.fullmatch(r"auto|(cpu|gpu)(:\d+(\+\d+)*)?", spec.device):
        raise ConfigError(f"device must be auto, cpu, gpu, gpu:1 or gpu:0+1, got '{spec.device}'")
    if spec.mode not in ("auto", "min", "max"):
        raise ConfigError(f"mode must be auto, min or max, got '{spec.mode}'")
    if not spec.data:
        raise ConfigError("data must be one option, got null; lmrun help data lists them")
    for group in ("model", "optimizer"):
        if not (getattr(spec, group) or {}).get("_target_"):
            raise ConfigError(f"{group} must be one option, got null; lmrun help {group} lists them")


def _leaves(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    """Return each plain value of nested mappings and lists with the keys and positions that lead to it."""
    if isinstance(node, (dict, list)):
        steps = node.items() if isinstance(node, dict) else enumerate(node)
        return [leaf for step, value in steps for leaf in _leaves(value, (*path, step))]
    return [(path, node)]


def _put(node: Any, path: tuple[Any, ...], value: Any) -> None:
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
