"""Every option file says what it is, names its target, and writes out every parameter as the target has it."""

from __future__ import annotations

import importlib
import inspect
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from lossmetric_cli import shipped

CONF = shipped.folder("conf")

#: Public classes of Keras that are no option, and why.
EXCLUDED = {
    "keras.losses.Loss": "an abstract base",
    "keras.metrics.Metric": "an abstract base",
    "keras.metrics.Mean": "averages a value that it is handed, and compares no predictions with labels",
    "keras.metrics.Sum": "sums a value that it is handed, and compares no predictions with labels",
    "keras.metrics.MeanMetricWrapper": "wraps a function, and the dot path of a function does that by itself",
    "keras.optimizers.Optimizer": "an abstract base",
    "keras.optimizers.OptimizerMap": "no optimizer, but the argument of MultiOptimizer",
    "keras.optimizers.MultiOptimizer": (
        "has no learning rate, which history.csv records and a schedule sets; and its map from variable names to "
        "optimizers has one right value a model, which no file can guess"
    ),
    "keras.optimizers.schedules.LearningRateSchedule": "an abstract base",
    "keras.callbacks.Callback": "an abstract base",
    "keras.callbacks.CallbackList": "a container, which fit makes of the callbacks",
    "keras.callbacks.LambdaCallback": "runs code that a YAML file cannot hold",
    "keras.callbacks.ModelCheckpoint": "leaves half a model when it is killed; lossmetric_cli.callbacks' is the option",
    "keras.callbacks.RemoteMonitor": "opens a URL",
}

#: Parameters of our own functions that the runner hands over, so that no file may set them.
HANDED_OVER = {"kind", "folder", "groups", "labels", "name", "record", "run_seed", "seed", "span", "steps", "task"}


def _name(file: Path) -> str:
    return file.relative_to(CONF).with_suffix("").as_posix()


def _group(file: Path) -> str:
    return file.parent.relative_to(CONF).as_posix()


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()


def _top_level_keys(file: Path) -> list[str]:
    return [match[1] for line in _lines(file) if (match := re.match(r"(\w+):", line))]


def _help(file: Path) -> str:
    return next(line for line in _lines(file) if not line.startswith("# @package"))


def _is_alias(file: Path) -> bool:
    return _top_level_keys(file) == ["defaults"]


def _is_of_every_model(file: Path, key: str) -> bool:
    """Return whether lmrun reads a key itself, which every model has."""
    return _group(file) == "model" and key == "init_from"


def _by_file(files: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("file", files, ids=_name)


FILES = sorted(file for file in CONF.rglob("*.yaml") if file != CONF / "config.yaml" and CONF / "hydra" not in file.parents)
ALIASES = [file for file in FILES if _is_alias(file)]
OPTIONS = [file for file in FILES if not _is_alias(file)]
WITH_TARGET = [file for file in OPTIONS if re.search(r"^_target_: (?!null)", file.read_text(encoding="utf-8"), re.MULTILINE)]


@cache
def _load(file: Path) -> dict[str, Any]:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def _resolve(target: str) -> Any:
    module, _, name = target.rpartition(".")
    return getattr(importlib.import_module(module), name)


def _parameters(target: str) -> dict[str, inspect.Parameter]:
    """Return the parameters that a file can set, in the order of the signature."""
    left_out = HANDED_OVER if target.startswith("lossmetric_cli.") else {"name"}
    left_out = left_out - {"name"} if target.startswith("lossmetric_cli.data.") else left_out  # that of a data set
    signature = inspect.signature(_resolve(target)).parameters.values()
    return {p.name: p for p in signature if p.name not in left_out and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}


def _as_yaml(value: Any) -> Any:
    """Return a default as YAML reads it back: a tuple is a list."""
    return [_as_yaml(item) for item in value] if isinstance(value, tuple | list) else value


def _is_same(value: Any, default: Any) -> bool:
    """Return whether a value is the default, type and all: 0, 0.0 and false are three things."""
    return repr(value) == repr(_as_yaml(default))


def _fault(file: Path, parameter: inspect.Parameter) -> str | None:
    """Return what is wrong with a value: it differs from the default and does not say why, or says why and does not differ."""
    value = _load(file)[parameter.name]
    line = next(line for line in _lines(file) if line.startswith(f"{parameter.name}:"))
    says_why = "# lmrun: " in line
    if parameter.default is inspect.Parameter.empty:
        is_fine = says_why or value == "???" or _load(file)["_target_"].startswith("lossmetric_cli.")
        return None if is_fine else f"{line}: the target has no default, and no '# lmrun: ' says where this one comes from"
    if _is_same(value, parameter.default) == says_why:
        return f"{line}: the target's default is {parameter.default!r}"
    return None


@_by_file(FILES)
def test_file_is_a_yaml_mapping(file: Path):
    assert isinstance(_load(file), dict)


@_by_file(FILES)
def test_help_is_one_comment_line_of_at_most_100_characters(file: Path):
    assert re.fullmatch(r"# \S.{0,97}", _help(file))


@_by_file(OPTIONS)
def test_help_is_not_that_of_another_option(file: Path):
    twins = [
        _name(other) for other in OPTIONS if _group(other) == _group(file) and other != file and _help(other) == _help(file)
    ]
    assert not twins


@_by_file([file for file in WITH_TARGET if _group(file) in shipped.MANY])
def test_option_among_many_names_its_package_on_line_1(file: Path):
    assert _lines(file)[0] == f"# @package {_group(file)}.{file.stem}"


@_by_file(ALIASES)
def test_alias_is_two_lines_that_lead_to_an_option(file: Path):
    real = _load(file)["defaults"][0].partition("@")[0]
    at = f"@{file.stem}" if _group(file) in shipped.MANY else ""
    assert _lines(file) == [f"# Alias of {real}.", f"defaults: [{real}{at}]"]
    assert file.with_name(f"{real}.yaml") in OPTIONS


@_by_file(WITH_TARGET)
def test_keys_are_the_parameters_of_the_target_in_its_order(file: Path):
    keys = [key for key in _load(file) if key not in ("defaults", "_target_") and not _is_of_every_model(file, key)]
    assert keys == list(_parameters(_load(file)["_target_"]))


@_by_file(WITH_TARGET)
def test_value_is_the_default_of_the_target_unless_its_line_says_why(file: Path):
    parameters = _parameters(_load(file)["_target_"]).values()
    assert not [fault for parameter in parameters if parameter.name in _load(file) and (fault := _fault(file, parameter))]


@pytest.mark.parametrize(
    "module", ["keras.losses", "keras.metrics", "keras.optimizers", "keras.optimizers.schedules", "keras.callbacks"]
)
def test_every_public_class_of_keras_is_an_option(module: str):
    classes = {f"{module}.{name}" for name, _ in inspect.getmembers(importlib.import_module(module), inspect.isclass)}
    missing = classes - {_load(file)["_target_"] for file in WITH_TARGET} - set(EXCLUDED)
    assert not sorted(missing)


@pytest.mark.parametrize("target", EXCLUDED)
def test_excluded_class_exists_and_is_no_option(target: str):
    assert inspect.isclass(_resolve(target))
    assert target not in {_load(file)["_target_"] for file in WITH_TARGET}
