"""From a `_target_` node to the object it names, with errors that say where in the config the fault is."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import pkgutil
import re
import sys
from pathlib import Path
from typing import Any

from lossmetric_cli import shipped
from lossmetric_cli.errors import ConfigError, EnvironmentFault, LmrunError, did_you_mean
from lossmetric_cli.text import reason

#: Packages whose code a config may name; `--allow-code=PACKAGE` adds to them for one call.
TRUSTED = ("keras", "lossmetric_cli")
#: The parts of Keras that components come from; the rest reads files, writes them or runs code.
_PARTS = (
    *("Input", "Model", "Sequential", "activations", "applications", "callbacks", "constraints", "dtype_policies"),
    *("initializers", "layers", "losses", "metrics", "models", "ops", "optimizers", "quantizers", "random", "regularizers"),
)
#: Names in those parts that run, load or write what a config cannot vouch for, or hold callbacks that nobody has checked.
REFUSED = {
    *("Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "LambdaCallback", "RemoteMonitor", "CallbackList"),
    *("clone_model", "deserialize", "get", "load_model", "model_from_json", "save_model", "decode_predictions"),
}
_UNVOUCHED = "runs or loads what a config cannot vouch for; no YAML reaches it"
#: What of a node is no argument.
_OF_NODES = ("_target_", "_partial_")

allowed_packages: list[str] = []


def build(node: dict[str, Any], *, path: str, **given: Any) -> Any:
    """Return the object that a node names: its `_target_` called with its other keys.

    Args:
        node: plain values; nodes inside it are built first, in lists as well.
        path: where the node stands in the config, for the errors.
        given: what the runner hands over (`task`, `seed`, `name`, …); each goes to the targets that have a
            parameter of that name and do not set it themselves.

    Raises:
        ConfigError: an unknown or refused target, unknown or missing parameters, values the target refuses.
        EnvironmentFault: the target needs a package that is not installed.
    """
    target = resolve(node.get("_target_"), path=path)
    _check_values(node, target=target, path=path)
    arguments = {key: build_value(value, path=f"{path}.{key}", **given) for key, value in node.items() if key[:1] != "_"}
    _check_arguments(target, arguments, path=path)
    signature = _signature(target)
    handed = {key: value for key, value in given.items() if key in signature and key not in arguments}
    _check_complete(target, {*arguments, *handed}, path=path)
    if is_plain_function(target) or node.get("_partial_"):
        return functools.partial(target, **arguments, **handed) if arguments or handed else target
    try:
        return target(**arguments, **handed)
    except (LmrunError, MemoryError):
        raise
    except ImportError as error:
        told = reason(error)
        fix = "" if "pip install" in told else f"; pip install {error.name or 'what it names'}"
        raise EnvironmentFault(f"{path}: {told}{fix}") from error
    except Exception as error:
        raise ConfigError(f"{path}: {target.__name__} refuses this: {reason(error)}") from error


def build_value(value: Any, *, path: str, **given: Any) -> Any:
    """Return a value with every `_target_` node in it built."""
    if isinstance(value, dict):
        if "_target_" in value:
            return build(value, path=path, **given)
        return {key: build_value(item, path=f"{path}.{key}", **given) for key, item in value.items()}
    if isinstance(value, list):
        return [build_value(item, path=f"{path}[{index}]", **given) for index, item in enumerate(value)]
    return value


def check_targets(node: Any, *, path: str) -> None:
    """Refuse, without importing anything, a `_target_` anywhere in a node that `resolve` would not reach."""
    if isinstance(node, dict):
        if node.get("_target_") is not None:
            _check_name(node["_target_"], path=path)
            _check_keys(node, path=path)
        for key, value in node.items():
            check_targets(value, path=f"{path}.{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            check_targets(value, path=f"{path}[{index}]")


def resolve(name: Any, *, path: str) -> Any:
    """Return the Python object that a dot path names.

    Reached are the components of Keras' public API and of lossmetric_cli, modules under the working folder (the user's
    own code), and the packages of `--allow-code`. The module's origin is looked up before it is imported, since
    importing is running.
    """
    _check_name(name, path=path)
    found, rest = _import_longest(name, path=path)
    for attribute in rest:
        if not hasattr(found, attribute):
            raise ConfigError(f"{path}: {getattr(found, '__name__', name)} has no '{attribute}'{_meant(attribute, found)}")
        is_method = inspect.isclass(found) and name.startswith(tuple(f"{package}." for package in TRUSTED))
        found = getattr(found, attribute)
        if is_method or inspect.ismodule(found):
            raise ConfigError(
                f"{path}: '{name}' goes through '{attribute}' to what its own path may not reach; name a class or a function"
            )
    if not callable(found):
        raise ConfigError(f"{path}: '{name}' is a {type(found).__name__}, and neither a class nor a function")
    home = getattr(found, "__module__", None) or ""
    if not _is_trusted(home.split(".")[0]):
        raise ConfigError(f"{path}: '{name}' is code of {home}; allow it with --allow-code={home.split('.')[0]}")
    return found


def is_plain_function(target: Any) -> bool:
    """Return whether the target is itself a loss or metric: a function of `y_true` and `y_pred`."""
    names = list(_signature(target))[:2] if inspect.isfunction(target) else []
    return names == ["y_true", "y_pred"]


def _check_name(name: Any, *, path: str) -> None:
    if not isinstance(name, str) or "." not in name:
        raise ConfigError(f"{path}: _target_ must be a dot path such as my_code.Thing, got {name!r}")
    package = name.split(".")[0]
    if package in TRUSTED:
        _check_part(name, path=path)
    elif _is_own_code(package):
        _refuse_data(name, path=path)
    elif package not in allowed_packages:
        if not _is_installed(package):
            hint = did_you_mean(package, _own_modules()) or f"; is {package}.py in {Path.cwd()}?"
            raise ConfigError(f"{path}: no module '{package}' for '{name}'{hint}")
        raise ConfigError(
            f"{path}: '{name}' is neither Keras' nor lmrun's nor in a file under {Path.cwd().name}/; "
            f"allow it with --allow-code={package}"
        )


def _check_part(name: str, *, path: str) -> None:
    """Refuse of lmrun what no option of ours names, and of Keras what is no component of its public API.

    A callback writes files, and where they lie is checked in its own group alone.
    """
    package, part, *rest = name.split(".")
    is_stray = part == "callbacks" and not re.fullmatch(r"callbacks\.[^.]+(\.schedule)?", path)
    is_private = REFUSED & {part, *rest} or any(word[:1] == "_" for word in rest)
    if package == "keras" and (part not in _PARTS or is_private or is_stray):
        raise ConfigError(f"{path}: '{name}' {_UNVOUCHED}")
    if package == "lossmetric_cli" and name not in shipped.targets():
        raise ConfigError(f"{path}: '{name}' {_UNVOUCHED}{did_you_mean(name, shipped.targets())}")


def _check_keys(node: dict[str, Any], *, path: str) -> None:
    for key in node:
        if str(key)[:1] == "_" and key not in _OF_NODES:
            raise ConfigError(f"{path}: lmrun knows no '{key}'; type arguments by name, such as {path}.NAME=…")


def _check_values(node: dict[str, Any], *, target: Any, path: str) -> None:
    """Refuse what makes Keras read from an address, or fill a vocabulary from a file, which model.keras would hold then."""
    _check_keys(node, path=path)
    if not str(getattr(target, "__module__", "")).startswith("keras."):
        return
    for key, value in node.items():
        if isinstance(value, str) and "://" in value:
            raise ConfigError(f"{path}.{key}: '{value}' is an address; download the file and give its path")
        if isinstance(value, str) and key == "vocabulary":
            raise ConfigError(f"{path}.{key} is a list of words, and '{value}' names a file; type {path}.{key}=[a,b]")


def _is_trusted(package: str) -> bool:
    return package in (*TRUSTED, *allowed_packages) or _is_own_code(package)


def _is_own_code(package: str) -> bool:
    """Return whether a top-level module lies under the working folder, without importing it."""
    if package in sys.stdlib_module_names:  # those built into Python have "frozen" for a path, which would lie here
        return False
    try:
        found = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return False
    if found is None or (found.origin and not found.has_location):
        return False
    here = Path.cwd().resolve()
    installed = Path(sys.prefix).resolve()
    places = [Path(origin).resolve() for origin in ([found.origin] if found.origin else found.submodule_search_locations or [])]
    return bool(places) and all(
        here in place.parents
        and (installed not in place.parents or installed == here)
        and not {"site-packages", "dist-packages"} & set(place.parts)
        for place in places
    )


def _refuse_data(name: str, *, path: str) -> None:
    """Refuse code in folders that hold data, which may come from anywhere: those without __init__.py, and those of runs."""
    folder = Path.cwd()
    for word in ("", *name.split(".")[:-1]):
        folder = folder / word
        is_package = (folder / "__init__.py").exists()
        if (folder / "run.json").exists():
            raise ConfigError(
                f"{path}: '{name}' lies in a run folder, which is data and no code; move it elsewhere if it is yours"
            )
        if word and folder.is_dir() and not is_package and not folder.with_suffix(".py").exists():
            raise ConfigError(
                f"{path}: {folder.relative_to(Path.cwd())}/ has no __init__.py, so it is data and no code; add one to yours"
            )
        if word and not is_package:
            return


def _is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def _own_modules() -> list[str]:
    """Return the names of the modules in the working folder."""
    return [file.stem for file in Path.cwd().glob("*.py")] + [file.parent.name for file in Path.cwd().glob("*/__init__.py")]


def _meant(attribute: str, found: Any) -> str:
    """Return the hint at the attribute or module in `found` that was meant."""
    modules = [module.name for module in pkgutil.iter_modules(getattr(found, "__path__", []))]
    return did_you_mean(attribute, [name for name in (*dir(found), *modules) if name[0] != "_"])


def _import_longest(name: str, *, path: str) -> tuple[Any, list[str]]:
    """Return the longest importable module at the front of a dot path, and the attributes that follow it."""
    parts = name.split(".")
    for end in range(len(parts) - 1, 0, -1):
        module = ".".join(parts[:end])
        try:
            return importlib.import_module(module), parts[end:]
        except ModuleNotFoundError as error:
            if not (error.name and (module == error.name or module.startswith(f"{error.name}."))):
                missing = str(error.name).split(".")[0]
                raise EnvironmentFault(
                    f"{path}: {module} needs '{missing}', which is not installed; pip install {missing}"
                ) from error
        except Exception as error:
            raise ConfigError(f"{path}: importing {module} failed: {type(error).__name__}: {reason(error)}") from error
    raise ConfigError(f"{path}: no module '{parts[0]}' for '{name}'; is {parts[0]}.py in {Path.cwd()}?")


def _check_arguments(target: Any, arguments: dict[str, Any], *, path: str) -> None:
    signature = _signature(target)
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in signature.values()):
        extra = _base_arguments(target)
        if extra is None:
            return
        signature = {**signature, **extra}
    for key in arguments:
        if key not in signature:
            raise ConfigError(f"{path}: {target.__name__} takes no '{key}'{did_you_mean(key, signature)}")


def _base_arguments(target: Any) -> dict[str, Any] | None:
    """Return what a Keras class takes through `**kwargs`: its bases' parameters; None where anything may go through."""
    if not inspect.isclass(target) or not target.__module__.startswith("keras."):
        return None
    found: dict[str, Any] = {}
    for base in target.__mro__[1:]:
        if "__init__" in vars(base) and base is not object:
            found |= dict(inspect.signature(base.__init__).parameters)
    return {**found, "name": None, "dtype": None, "trainable": None, "input_shape": None}


def _check_complete(target: Any, present: set[str], *, path: str) -> None:
    if is_plain_function(target):
        return
    if inspect.isfunction(target) and path.startswith(("loss", "metrics.", "outputs.")):
        _refuse_other_names(target, present, path=path)
    for name, parameter in _signature(target).items():
        is_free = parameter.kind in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
        if parameter.default is inspect.Parameter.empty and not is_free and name not in present:
            raise ConfigError(f"{path}: {target.__name__} needs '{name}'; type {path}.{name}=…")


def _refuse_other_names(target: Any, present: set[str], *, path: str) -> None:
    """Refuse a function that looks like a loss or a metric of two arguments by other names, such as `y` and `p`."""
    empty = inspect.Parameter.empty
    names = [name for name, one in _signature(target).items() if one.default is empty and name not in present]
    if len(names) == 2:
        raise ConfigError(
            f"{path}: {target.__name__} takes {' and '.join(names)}, which are labels and predictions only by the names y_true "
            "and y_pred; rename them so"
        )


def _signature(target: Any) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(target).parameters)
    except (TypeError, ValueError):
        return {"kwargs": inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD)}
