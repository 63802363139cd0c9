"""Composing a config: Hydra's loader, which refuses what runs code or writes elsewhere and fails in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.plugins.config_source import ConfigLoadError
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from lossmetric_cli import shipped
from lossmetric_cli.cli import faults
from lossmetric_cli.cli.named import fill_outputs
from lossmetric_cli.errors import ConfigError

#: What of Hydra lmrun sets itself, because it decides where files go or whose code runs.
_OWN = {
    "run.dir": ".",
    "sweep.subdir": "${hydra.job.num}",
    "output_subdir": None,
    "mode": None,
    "callbacks": {},
    "searchpath": [],
    "job.chdir": False,
    "job.env_set": {},
    "job.env_copy": [],
}
_PLUGINS = ("hydra._internal.core_plugins.", "hydra_plugins.")
#: What a file may set of Hydra's launcher and sweeper; the rest starts programs, calls functions and names folders.
_SETTINGS = {"launcher": ("_target_",), "sweeper": ("_target_", "params", "max_batch_size")}


class Completer(ConfigLoaderImpl):
    """Composes configs for the shell's completion, by Hydra's own exceptions."""

    def _process_config_searchpath(self, config_name: str | None, parsed_overrides: list[Override], repo: Any) -> None:
        """Refuse what Hydra would look for configs in: `pkg://NAME` is imported before anybody has looked at the config."""
        loaded = repo.load_config(config_path=config_name) if config_name else None
        is_set = loaded and OmegaConf.is_dict(loaded.config) and OmegaConf.select(loaded.config, "hydra.searchpath") is not None
        if is_set or any(override.get_key_element() == "hydra.searchpath" for override in parsed_overrides):
            raise ConfigError(
                "hydra.searchpath can run code; leave it out, and name a folder of options by --config-dir=FOLDER"
            )


class Loader(Completer):
    """Composes configs, those of a sweep's jobs as well.

    `sweep_folder` is where lmrun lets Hydra put a sweep; a config may not say otherwise.
    """

    sweep_folder: Path | None = None

    def load_configuration(self, *arguments: Any, **options: Any) -> DictConfig:
        """Return a composed config. Raises ConfigError where Hydra cannot compose it, or where it reaches for too much."""
        with explained():
            return self._checked(super().load_configuration(*arguments, **options))

    def load_sweep_config(self, *arguments: Any, **options: Any) -> DictConfig:
        """Return the config of a sweep's job, which Hydra 1.4 composes by another way than the one above."""
        with explained():
            return self._checked(super().load_sweep_config(*arguments, **options))

    def _checked(self, config: DictConfig) -> DictConfig:
        for key in _too_much(OmegaConf.to_container(config.hydra, resolve=False), self.sweep_folder):
            hint = "; out=FOLDER says where run folders go" if key.endswith("dir") else ""
            raise ConfigError(f"{_origin(key, config.hydra)} sets {key}, which can run code or write anywhere; remove it{hint}")
        _check_out(config)
        return fill_outputs(config)


@contextmanager
def explained() -> Iterator[None]:
    """Turn what Hydra, OmegaConf and YAML raise into one line."""
    try:
        yield
    except BrokenPipeError:
        raise
    except (
        HydraException,
        OmegaConfBaseException,
        YAMLError,
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AssertionError,
    ) as error:
        raise faults.explain(error) from error


def _too_much(hydra: dict[str, Any], sweep_folder: Path | None) -> list[str]:
    """Return the keys of Hydra's own config that a config has no business to set."""
    found = [f"hydra.{key}" for key, default in _OWN.items() if (_at(hydra, key) or None) != (default or None)]
    if _at(hydra, "sweep.dir") not in ("${out}/sweeps", str(sweep_folder)):
        found.append("hydra.sweep.dir")
    for name in ("launcher", "sweeper"):
        is_plugin = isinstance(hydra[name], dict) and str(hydra[name].get("_target_")).startswith(_PLUGINS)
        if not is_plugin or str(hydra[name]).count("_target_") > 1:
            found.append(f"hydra.{name}._target_")
        found += [f"hydra.{name}.{key}" for key in _set_by_files(name, hydra)] if is_plugin else []
    return found + [f"hydra.{name}" for name in ("job_logging", "hydra_logging") if _has_handlers(hydra[name])]


def _set_by_files(name: str, hydra: dict[str, Any]) -> list[str]:
    """Return the settings of the launcher or sweeper that nobody typed and that are not those of the plugin itself."""
    choice = hydra["runtime"]["choices"][f"hydra/{name}"]
    if choice != "basic" and not _is_typed(f"hydra/{name}", hydra):
        return ["_target_"]
    try:
        known = OmegaConf.to_container(ConfigStore.instance().load(f"hydra/{name}/{choice}.yaml").node)
    except ConfigLoadError:  # a file of the user's own, whose settings are none of the plugin's
        known = {}
    return [
        key
        for key, value in hydra[name].items()
        if key not in _SETTINGS[name] and known.get(key) != value and not _is_typed(f"hydra.{name}.{key}", hydra)
    ]


def _is_typed(key: str, hydra: dict[str, Any]) -> bool:
    words = [*hydra["overrides"]["hydra"], *hydra["overrides"]["task"]]
    return any(word.lstrip("+~").partition("=")[0] == key for word in words)


def _check_out(config: DictConfig) -> None:
    """Refuse an `out` that a file sets above the working folder, through a link, or by what the environment says.

    The command line names any folder: whoever types it knows it.
    """
    if _is_typed("out", OmegaConf.to_container(config.hydra, resolve=False)):
        return
    written = str(OmegaConf.to_container(config, resolve=False)["out"])
    here, place = Path.cwd().resolve(), Path(written)
    if "${" in written or (written != "outputs" and here not in place.resolve().parents):
        raise ConfigError(f"a file sets out to '{written}', and files name plain folders below this one alone; type out=FOLDER")


def _at(node: dict[str, Any], path: str) -> Any:
    for key in path.split("."):
        node = (node.get(key) if isinstance(node, dict) else node) or {}
    return node


def _has_handlers(logging: Any) -> bool:
    """Return whether a logging config makes objects: a handler opens any file, and `()` calls anything."""
    return (
        not isinstance(logging, dict)
        or any(logging.get(key) for key in ("handlers", "formatters", "filters"))
        or "()" in str(logging)
    )


def _origin(key: str, hydra: DictConfig) -> str:
    """Return who set a key of Hydra's own config, as far as Hydra keeps it."""
    group = key.removesuffix("._target_").replace(".", "/")
    words = [*hydra.overrides.hydra, *hydra.overrides.task]
    if any(word.lstrip("+~").startswith((key, f"{group}=")) for word in words):
        return "the command line"
    experiment = shipped.options("experiment").get(str(hydra.runtime.choices.get("experiment")))
    return shipped.shown(experiment) if experiment else "a file of conf/"
