"""The Hydra application: composes the config, then runs it, sweeps it, shows it or completes it."""

from __future__ import annotations

import argparse
import functools
import re
import sys
from datetime import datetime
from pathlib import Path

import hydra as hydra_package
from hydra import version
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path, get_args_parser
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from lossmetric_cli import build, shipped, store
from lossmetric_cli.cli import compose, faults, words
from lossmetric_cli.errors import ConfigError, did_you_mean
from lossmetric_cli.spec import RunSpec

#: Our own flags beside Hydra's.
_OURS = ("-q", "--quiet", "--allow-code")


def answer(typed: list[str], *, is_check: bool = False) -> int:
    """Do what a command line says, or with `is_check` only check it, and return its exit code."""
    arguments, notes = _parse(typed)
    hydra = open_hydra(arguments)
    let_own_code_be_imported()
    try:
        if arguments.shell_completion or arguments.info or arguments.cfg:
            return _tell(hydra, arguments)
        if is_check:
            return _check(hydra, arguments, notes)
        if arguments.multirun:
            return _sweep(hydra, arguments, notes)
        return _run(hydra, arguments, notes)
    finally:
        GlobalHydra.instance().clear()


def _parse(typed: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """Return Hydra's flags with the overrides made readable, and what was translated."""
    arguments = read_flags(typed)
    if arguments.shell_completion:
        return arguments, []
    read = words.read(arguments.overrides)
    arguments.overrides = read.overrides
    return arguments, read.notes


def read_flags(typed: list[str]) -> argparse.Namespace:
    """Return Hydra's flags, with the other words as they were typed; ours do what they say.

    Raises ConfigError for an unknown flag.
    """
    parser = get_args_parser()
    parser.error = _refuse_usage  # argparse's own prints its usage and leaves Python
    flags = [word.partition("=") for word in typed if word[:1] == "-"]
    known = [*parser._option_string_actions, *_OURS]
    for name, _, value in flags:
        if name not in known:
            raise ConfigError(f"unknown option '{name}'{did_you_mean(name, known)}")
        if name == "--experimental-rerun":
            raise ConfigError("--experimental-rerun unpickles a file, which lmrun never does")
        if name == "--allow-code" and not value.isidentifier():
            raise ConfigError(f"--allow-code needs the name of a package, got '{value}'; type --allow-code=PACKAGE")
    build.allowed_packages[:] = [value for name, _, value in flags if name == "--allow-code"]
    quiet = ["quiet=true"] if {"-q", "--quiet"} & {name for name, _, _ in flags} else []
    arguments = parser.parse_args([word for word in typed if word.partition("=")[0] not in _OURS])
    arguments.config_name = arguments.config_name or "config"
    arguments.overrides += [] if arguments.shell_completion else quiet
    return arguments


def _refuse_usage(message: str) -> None:
    raise ConfigError(message.removeprefix("argument "))


def open_hydra(arguments: argparse.Namespace) -> Hydra:
    """Return Hydra with our plugins, our schema, the folders of options, and a loader that refuses too much."""
    if hydra_package.__version__.startswith("1.3"):
        version.setbase("1.3")
    plugins = str(shipped.PACKAGE / "_hydra")
    if plugins not in sys.path:
        sys.path.append(plugins)
    if "runspec.yaml" not in ConfigStore.instance().repo:  # Hydra 1.4 warns of a second one in a process
        ConfigStore.instance().store(name="runspec", node=RunSpec, provider="lmrun")
    search_path = create_config_search_path(_source(arguments.config_path or shipped.folder("conf"), flag="--config-path"))
    if arguments.config_dir:
        source = _source(arguments.config_dir, flag="--config-dir")
        search_path.prepend("command-line", source, anchor=SearchPathQuery(provider="schema"))
    # Hydra's completion lives with configs that do not compose yet, by Hydra's own exceptions.
    loader = compose.Completer(search_path) if arguments.shell_completion else compose.Loader(search_path)
    hydra = Hydra("lmrun", loader)
    GlobalHydra.instance().initialize(hydra)
    return hydra


def _source(folder: str | Path, *, flag: str) -> str:
    """Return where Hydra looks for configs in a folder; a package, which it would import for that, is none."""
    place = Path(folder).resolve()
    if not place.is_dir():
        raise ConfigError(f"{flag}: '{place}' is no folder")
    return f"lmrun-conf://{place}"


def let_own_code_be_imported() -> None:
    """Put the working folder on the path: after all that is installed, and after Hydra has looked for plugins there."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)


def compose_config(hydra: Hydra, arguments: argparse.Namespace, *, mode: RunMode = RunMode.RUN) -> DictConfig:
    """Return the config that the words make, with Hydra's own part."""
    return hydra.compose_config(
        config_name=arguments.config_name, overrides=arguments.overrides, run_mode=mode, with_log_configuration=False
    )


def _tell(hydra: Hydra, arguments: argparse.Namespace) -> int:
    """Print what a shell completes, what Hydra knows of itself, or the config that the words make."""
    name, overrides = arguments.config_name, arguments.overrides
    with compose.explained():
        if arguments.shell_completion:
            hydra.shell_completion(config_name=name, overrides=overrides)
        elif arguments.info:
            hydra.show_info(arguments.info, config_name=name, overrides=overrides)
        else:
            _refuse_unknown_package(hydra, arguments)
            hydra.show_cfg(name, overrides, cfg_type=arguments.cfg, package=arguments.package, resolve=arguments.resolve)
    return 0


def _refuse_unknown_package(hydra: Hydra, arguments: argparse.Namespace) -> None:
    """Hydra 1.3.8 would answer an unknown --package with two words on stderr and leave Python."""
    package = arguments.package
    if package in (None, "_global_"):
        return
    config = compose_config(hydra, arguments)
    if OmegaConf.select(config, package) is None:
        raise ConfigError(f"--package={package} is no part of the config{did_you_mean(package, map(str, config))}")


def _run(hydra: Hydra, arguments: argparse.Namespace, notes: list[str]) -> int:
    config = compose_config(hydra, arguments)
    HydraConfig.instance().set_config(config)
    from lossmetric_cli.cli import jobs  # rich and the record are not for those who mistyped

    folder = jobs.run_alone(config, notes=[*notes, *_not_used(config.hydra)])
    print(folder)
    return 0


def _check(hydra: Hydra, arguments: argparse.Namespace, notes: list[str]) -> int:
    if arguments.multirun:
        raise ConfigError("check looks at one run; leave -m out")
    config = compose_config(hydra, arguments)
    HydraConfig.instance().set_config(config)
    from lossmetric_cli.cli import jobs

    jobs.check(config, notes=[*notes, *_not_used(config.hydra)])
    return 0


def _sweep(hydra: Hydra, arguments: argparse.Namespace, notes: list[str]) -> int:
    config = compose_config(hydra, arguments, mode=RunMode.MULTIRUN)
    _refuse_device_sweep(config, arguments.overrides)
    from lossmetric_cli.cli import jobs

    now = datetime.now().astimezone()
    with compose.explained():
        out = Path(config.out).resolve()
    root = out / "sweeps" / f"{now:%Y-%m-%d}"
    folder = hydra.config_loader.sweep_folder = store.make_folder(root, f"{now:%H-%M-%S}")
    try:
        with jobs.leaving_no_worker():
            hydra.multirun(
                config_name=arguments.config_name,
                task_function=functools.partial(jobs.run_in_sweep, allowed=list(build.allowed_packages)),
                overrides=[*arguments.overrides, f"hydra.sweep.dir={words.quote(str(folder))}"],
            )
    except jobs.SweepLeft as left:
        raise left.stopped from left
    except BaseException as error:
        if not any(folder.glob("*/run.json")):
            store.remove_folder(folder)
        if isinstance(error, HydraException):
            raise faults.explain(error) from error
        raise
    return jobs.close_sweep(folder, notes=[*notes, *_not_used(config.hydra)])


def _not_used(hydra: DictConfig) -> list[str]:
    """Return a sentence for each file of the user's ./conf whose name was chosen, and is that of an option of ours."""
    named = set(re.findall(r"\w+", f"{hydra.runtime.choices} {hydra.overrides.task}"))
    return [
        f"{shipped.shown(file)} is not used: {file.stem} is an option of lmrun; give yours another name"
        for file in shipped.shadowed()
        if file.stem in named
    ]


def _refuse_device_sweep(config: DictConfig, overrides: list[str]) -> None:
    """Refuse to sweep, inside one process, what TensorFlow cannot change once it runs."""
    if "basic_launcher" not in config.hydra.launcher._target_:
        return
    for override in words.parse(overrides):
        if override.is_sweep_override() and override.key_or_group in ("device", "threads", "deterministic"):
            name = override.key_or_group
            raise ConfigError(
                f"{name} cannot change within one process once TensorFlow runs; sweep it with hydra/launcher=joblib "
                "or in a shell loop, one lmrun a value"
            )
