"""`lmrun eval RUN` and `lmrun export RUN`: a run's weights scored later, and its model taken elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from lossmetric_cli import catalog, devices, masking, shipped
from lossmetric_cli.cli import jobs
from lossmetric_cli.cli.recorded import key_of, recorded, run_of
from lossmetric_cli.console import Voice
from lossmetric_cli.errors import ConfigError, did_you_mean
from lossmetric_cli.text import hides

#: What an evaluation may be told: what is measured, on which rows, and how.
_MEASURING = (
    "metrics",
    "weighted_metrics",
    "data",
    "check",
    "device",
    "threads",
    "deterministic",
    "validation_batch_size",
    "quiet",
)
_WEIGHTS = ("last", "best")


def evaluate(words: list[str]) -> Path:
    """Score a run's weights on other metrics or other rows, without training, and return the folder that keeps the figures.

    Raises ConfigError for no run folder, and for words that would change what is scored.
    """
    record, typed = run_of(words, "eval")
    which, typed = _taken("weights", typed, default="last", known=_WEIGHTS)
    own = recorded(record.folder, [], with_masks=True)
    typed = [_as_test(word, own) for word in typed]
    for word in typed:
        _refuse_training(word)
    elsewhere = [word for word in typed if _names_other_data(word, own)]
    config = recorded(record.folder, [word for word in typed if word not in elsewhere])
    asked, notes = jobs.load(config)
    record.hidden = masking.secrets(config)
    other = jobs.load(recorded(record.folder, typed))[0] if elsewhere else None
    is_new = other is not None or any(key_of(word) == "data.test_path" for word in typed)
    voice = _voice(notes, quiet=asked.quiet)
    from lossmetric_cli import evaluation

    return evaluation.evaluate(
        asked, record, which=which, words=masking.masked_words(typed), voice=voice, other=other, is_new=is_new
    )


def export(words: list[str]) -> Path:
    """Write a run's model in the formats of others, try each elsewhere, and return the folder that holds them.

    Raises ConfigError for no run folder, for unknown formats and for a place among a run's own files.
    """
    record, typed = run_of(words, "export")
    which, typed = _taken("weights", typed, default="last", known=_WEIGHTS)
    to, typed = _taken("to", typed, default=str(record.folder / "export"))
    place = Path(to).expanduser().resolve()
    _refuse_own_files(place, to)
    formats, typed = _taken("format", typed, default="keras,saved_model")
    kinds = list(dict.fromkeys(name for name in re.split(r"[+,\[\] ]", formats) if name))
    for kind in kinds:
        _refuse_unknown(kind, "format", list(catalog.EXPORTS))
    config = recorded(record.folder, typed)
    asked, notes = jobs.load(config)
    record.hidden = masking.secrets(config)
    voice = _voice(notes, quiet=asked.quiet)
    from lossmetric_cli import shipping

    return shipping.ship(asked, record, kinds, which=which, to=place, voice=voice)


def _refuse_own_files(place: Path, typed: str) -> None:
    """Refuse a folder in which a run keeps its own files: an export would stand in place of its model.keras."""
    run = next((folder for folder in (place, *place.parents) if (folder / "run.json").exists()), None)
    if run and place.relative_to(run).parts[:1] != ("export",):
        own = shipped.shown(run)
        raise ConfigError(f"to={typed} lies among the files of the run {own}; type to={own}/export, or a folder elsewhere")


def _voice(notes: list[str], *, quiet: bool) -> Voice:
    """Return the voice that has said what was mended, and load TensorFlow."""
    voice = Voice(quiet=quiet)
    for note in notes:
        voice.note(note)
    voice.wait("loading TensorFlow")
    devices.load_tensorflow()
    return voice


def _taken(name: str, words: list[str], *, default: str, known: tuple[str, ...] = ()) -> tuple[str, list[str]]:
    """Return the value of a word that is the verb's own, and the other words."""
    value = next((word.partition("=")[2] for word in reversed(words) if key_of(word) == name), default)
    if known:
        _refuse_unknown(value, name, list(known))
    return value, [word for word in words if key_of(word) != name]


def _refuse_unknown(value: str, name: str, known: list[str]) -> None:
    if value not in known:
        raise ConfigError(f"{name}={value} is none of {', '.join(known)}{did_you_mean(value, known)}")


def _as_test(word: str, own: DictConfig) -> str:
    """Return `data.path=` as the rows that are only tested on, where the run's data have such: read as its own rows are."""
    return word.replace("data.path=", "data.test_path=", 1) if key_of(word) == "data.path" and "test_path" in own.data else word


def _names_other_data(word: str, own: DictConfig) -> bool:
    """Return whether a word is about other rows than the run's: not a secret that the run's own data are read with."""
    key = key_of(word)
    return key.split(".")[0] == "data" and key != "data.test_path" and not hides(_plain(own, key))


def _plain(config: DictConfig, key: str) -> Any:
    node = OmegaConf.select(config, key)
    return OmegaConf.to_container(node, resolve=False) if OmegaConf.is_config(node) else node


def _refuse_training(word: str) -> None:
    """Refuse a word that a run's weights were trained by."""
    key = key_of(word)
    if word[:1] == "-" or key.split(".")[0] in _MEASURING or re.fullmatch(r"outputs\.\w+\.metrics(\..*)?", key):
        return
    hint = "a loss is a metric too, metrics=NAME" if key.split(".")[0] == "loss" else "lmrun rerun trains with it"
    raise ConfigError(f"{word}: eval trains nothing, and scores the weights as they were trained; leave it out ({hint})")
