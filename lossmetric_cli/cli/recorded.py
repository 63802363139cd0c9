"""A run's own config, as its record has it, composed again with new words."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf

from lossmetric_cli import build, shipped
from lossmetric_cli.cli import app, compose, words
from lossmetric_cli.cli.named import fill_outputs
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.record import Record, is_sweep
from lossmetric_cli.spec import GROUPS, SETTINGS, RunSpec, setting_hint
from lossmetric_cli.text import MASK, hides


def run_of(words: list[str], verb: str) -> tuple[Record, list[str]]:
    """Return the record of the run that the first word names, and the other words.

    Raises ConfigError for no run folder, for a sweep and for what holds runs. EnvironmentFault for one in which a link leads
    elsewhere.
    """
    if not words or "=" in words[0] or words[0][:1] == "-":
        raise ConfigError(f"{verb} needs a run folder; type lmrun {verb} outputs/latest")
    folder = Path(words[0]).resolve()
    if is_sweep(folder):
        raise ConfigError(f"{words[0]} is a sweep; type lmrun {verb} {words[0]}/0 for one of its jobs")
    if (folder / "latest").is_dir() and not (folder / "run.json").exists():
        raise ConfigError(f"{words[0]} is no run folder, it holds them; type lmrun {verb} {Path(words[0]) / 'latest'}")
    record = Record.read(folder)
    _refuse_malformed(record)
    return record, words[1:]


def _refuse_malformed(record: Record) -> None:
    """Refuse a run.json whose facts that are gone on with are not what a run tells; anybody may have made it."""
    words, info = record.info.get("overrides"), record.info
    sound = {
        "status": isinstance(info.get("status"), str),
        "overrides": isinstance(words, list) and all(isinstance(word, str) for word in words),
        "threads": info.get("threads") is None or type(info["threads"]) is int,
        "epochs": type(info.get("epochs", 0)) is int,
        "fold": type(info.get("fold", 1)) is int,
        "title": isinstance(info.get("title", ""), str),
        "notes": isinstance(info.get("notes", []), list),
    }
    for key in [key for key, is_sound in sound.items() if not is_sound]:
        raise ConfigError(f"{record.folder} is no run folder: in its run.json {key} is {str(info.get(key))[:60]}")


def recorded(run_folder: Path, typed: list[str], *, with_masks: bool = False) -> DictConfig:
    """Return the config that a run recorded, interpolations as they were written, changed by words as they are typed.

    Files of conf/ that were edited since change nothing but what the words choose: the run's own words are composed
    without and with the new ones, and the record is changed where the two differ and where a new word points. A new choice
    of a group takes those of the run's words below the group that it knows. Of a fold it is the config of its run.

    Raises ConfigError for a folder that is no run, words that do not compose, code that a config may not reach, and, but
    `with_masks`, for a secret that the record does not keep and no word gives.
    """
    arguments = app.read_flags(typed)
    if arguments.multirun or arguments.cfg or arguments.info or arguments.shell_completion:
        raise ConfigError("a run is composed again by itself; leave -m, --cfg and --info out")
    app.let_own_code_be_imported()
    record = Record.read(run_folder)
    config = _read(record)
    own = record.info.get("overrides", [])
    if arguments.overrides:
        config = _changed(config, arguments, own=[_whole(word) for word in own])
    config["quiet"] = bool({"-q", "--quiet", "quiet=true"} & set(typed))  # it is of one command, and not of the run
    if not with_masks:
        _refuse_masked(config, own)
    return _checked(config)


def _read(record: Record) -> dict[str, Any]:
    """Return `.hydra/config.yaml` as it was written; raise ConfigError where it is missing or damaged."""
    of_run = record.folder.resolve().parent.parent if "fold" in record.info else record.folder
    file = of_run / ".hydra" / "config.yaml"
    if not file.is_file():
        raise ConfigError(f"{record.folder} cannot be composed again: {file} is missing")
    with compose.explained():
        node = OmegaConf.load(file)
    if not isinstance(node, DictConfig):
        raise ConfigError(f"{record.folder} cannot be composed again: {file} is no config")
    config = _plain(node)
    gone = _lacking(json.loads(json.dumps(config, default=str)), record.info.get("config"))
    if gone:
        named = ", ".join(gone[:3]) + (f" and {len(gone) - 3} more" if len(gone) > 3 else "")
        raise ConfigError(f"{file} is damaged: it lacks {named}, which the run's run.json has; put it back from a copy")
    return config


def _lacking(node: Any, told: Any, path: str = "") -> list[str]:
    """Return the keys of a config, as run.json tells it, that are not in what was read; an interpolation may stand for them."""
    if not isinstance(told, dict) or (isinstance(node, str) and "${" in node):
        return []
    if not isinstance(node, dict):
        return [path]
    inner = [(f"{path}.{key}".lstrip("."), key) for key in told]
    return [gone for here, key in inner for gone in (_lacking(node[key], told[key], here) if key in node else [here])]


def _changed(config: dict[str, Any], arguments: argparse.Namespace, *, own: list[str]) -> dict[str, Any]:
    """Return a recorded config with what new words change, `own` being the run's."""
    hydra = app.open_hydra(arguments)
    try:
        before = _composed_before(hydra, arguments, own)
        kept = left_standing(own, arguments.overrides)
        read = words.read([*kept, *arguments.overrides]).overrides
        after = _composed(hydra, arguments, read)
    finally:
        GlobalHydra.instance().clear()
    config = _with_difference(config, before, after)
    for word in words.parse(read[len(kept) :]):
        _follow(config, after, word.key_or_group, is_deleted=word.is_delete())
    return config


def _composed_before(hydra: Any, arguments: argparse.Namespace, own: list[str]) -> dict[str, Any]:
    """Return what conf/ makes of a run's own words by now."""
    try:
        return _composed(hydra, arguments, words.read(own).overrides)
    except ConfigError as error:
        raise ConfigError(f"the run's own words do not compose any more: {error}") from error


def _composed(hydra: Any, arguments: argparse.Namespace, overrides: list[str]) -> dict[str, Any]:
    config = _plain(app.compose_config(hydra, argparse.Namespace(**{**vars(arguments), "overrides": overrides})))
    del config["hydra"]
    return config


def _plain(config: DictConfig) -> dict[str, Any]:
    return OmegaConf.to_container(config, resolve=False, enum_to_str=True)


def _whole(word: str) -> str:
    """Return a recorded word as Hydra reads it: a masked value is no grammar of its."""
    key, _, value = word.partition("=")
    return f"{key}={words.quote(value)}" if value == MASK else word


def left_standing(own: list[str], typed: list[str]) -> list[str]:
    """Return those of a run's words that new ones leave standing: not of the same key, nor of an option that is gone."""
    for word in typed:
        key, value = key_of(word), word.partition("=")[2]
        own = [other for other in own if key_of(other) != key]
        if key in shipped.groups():
            own = [other for other in own if _still_fits(other, key, value)]
    return own


def key_of(word: str) -> str:
    """Return what a word sets or chooses."""
    return word.lstrip("+~").partition("=")[0]


def _still_fits(word: str, group: str, value: str) -> bool:
    """Return whether a word has a meaning beside `group=value`: it sets something else, or what the new option has."""
    place = f"{group.replace('/', '.')}."
    if not key_of(word).startswith(place):
        return True
    step = key_of(word).removeprefix(place).partition(".")[0]
    if group in shipped.MANY:
        return not word.startswith("~") and step in re.findall(r"[\w.]+", value)
    file = shipped.options(group).get(shipped.aliases(group).get(value, value))
    return file is not None and step in shipped.parameters(group).get(shipped.target(file), {})


def _with_difference(node: Any, before: Any, after: Any) -> Any:
    """Return a node changed as `after` differs from `before`; one that becomes of another class is taken whole."""
    if before == after:
        return node
    if not all(isinstance(each, dict) for each in (node, before, after)) or before.get("_target_") != after.get("_target_"):
        return after
    gone = before.keys() - after.keys()
    same = {key: value for key, value in node.items() if key not in gone}
    changed = {key: after[key] for key in after if key not in before or before[key] != after[key]}
    return same | {
        key: _with_difference(node[key], before[key], value) if key in node and key in before else value
        for key, value in changed.items()
    }


def _follow(config: dict[str, Any], after: dict[str, Any], key: str, *, is_deleted: bool) -> None:
    """Put what a new word points at into a config as the word makes it, whatever the files of conf/ say by now."""
    *steps, last = key.replace("/", ".").split(".")
    for step in steps:
        if not isinstance(after.get(step), dict):
            return  # `~` of a part that is gone, or experiment=: the difference holds what they do
        after, config = after[step], config.setdefault(step, {})
    if is_deleted and last not in after:
        config.pop(last, None)
    elif last in after:
        is_choice = key in shipped.groups()
        config[last] = _chosen(config.get(last), after[last]) if is_choice else after[last]


def _chosen(node: Any, after: Any) -> Any:
    """Return the node of a choice: of the class that is chosen, with the run's values where it is the run's class."""
    if not isinstance(node, dict) or not isinstance(after, dict) or node.get("_target_") != after.get("_target_"):
        return after
    if "_target_" in after:
        return node
    return {key: _chosen(node.get(key), value) for key, value in after.items()}


def _checked(config: dict[str, Any]) -> DictConfig:
    """Return a config by the schema that Hydra composes with; refuse what none may hold, since a stranger may have made it."""
    for key in config:
        if key not in SETTINGS:
            raise ConfigError(f"unknown key '{key}'{setting_hint(str(key))}")
    with compose.explained():
        checked = fill_outputs(OmegaConf.merge(OmegaConf.structured(RunSpec), config))
        resolved = OmegaConf.to_container(checked, resolve=True)
    for group in (*GROUPS, "outputs"):
        build.check_targets(resolved[group], path=group)
    return checked


def _refuse_masked(node: Any, own: list[str], path: str = "") -> None:
    """Refuse a value that the record does not keep, and say how the run's `own` words had it."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        here = f"{path}.{key}".lstrip(".")
        if isinstance(value, str) and hides(value):
            above = [word for word in own if f"{here}.".startswith(f"{key_of(word)}.") and key_of(word) not in shipped.groups()]
            typed = above[-1].partition("=")[0] if above else here
            raise ConfigError(f"{here} is a secret, which a record does not keep; type {typed}=…")
        _refuse_masked(value, own, here)
