"""`lmrun resume RUN` and `lmrun rerun RUN`: the rest of a run, or all of it once more, from its own record."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from lossmetric_cli import masking, shipped
from lossmetric_cli import spec as specs
from lossmetric_cli.cli import jobs
from lossmetric_cli.cli.recorded import key_of, left_standing, recorded, run_of
from lossmetric_cli.console import Voice
from lossmetric_cli.errors import ConfigError, StateFault
from lossmetric_cli.record import Record, differences
from lossmetric_cli.state.past import Past
from lossmetric_cli.text import hides, without

#: What may be another when a run goes on: it changes no number but how many epochs there are.
_FREE = ("epochs", "quiet", "state_every", "max_time", "stall_time", "plots", "save_model", "threads", "out")
#: What is asked of one sitting, and of the run itself no more.
_OF_A_SITTING = ("quiet", "max_time", "stall_time")
#: Where its data may lie by now: that they are the same, their checksum says.
_MOVED = "data.path"


def resume(words: list[str]) -> Path:
    """Go on with a run where it was left, as if it had not been, and return its folder; with `fork=true` a new run's.

    Raises:
        ConfigError: no run folder, or words that do not compose.
        StateFault: the request or the data differ from those of the run, another process is at work there, or no state
            that was kept is whole; with `exact=true` also where the machine may give other bits.
    """
    record, typed = _whole_run(words, "resume")
    is_fork, typed = _taken("fork=true", typed)
    is_exact, typed = _taken("exact=true", typed)
    config = _pinned(recorded(record.folder, typed), record)
    if is_fork:
        _refuse_way_out(config, record, typed)
        with open_dict(config):
            config.model["init_from"] = str(record.folder)
        return jobs.begin(config, words=_words(record, typed), notes=[], forked_from=str(record.folder))
    asked, notes = jobs.load(config)
    voice = Voice(quiet=asked.quiet)
    record.hidden = masking.secrets(config)
    has_grown = _compared(record, config, asked)
    past = _past(record, asked, is_exact=is_exact)
    if record.info["status"] == "finished" and (complete := _complete(record, asked, past, has_grown=has_grown)):
        voice.note(complete)
        return record.folder
    for note in [*notes, *_told(record, past)]:
        voice.note(note)
    lasting = [word for word in typed if word[:1] != "-" and key_of(word) not in _OF_A_SITTING]
    if lasting:
        kept = _pinned(recorded(record.folder, lasting), record)
        past = replace(past, accepted=partial(jobs.go_on, record, kept, words=_words(record, lasting)))
    jobs.train(asked, record, voice, past=past)
    return record.folder


def rerun(words: list[str]) -> Path:
    """Run a run's own config once more, changed by words, say whether the bytes agree, and return the new folder."""
    record, typed = _whole_run(words, "rerun")
    config = _pinned(recorded(record.folder, typed), record)
    _refuse_way_out(config, record, typed)
    folder = jobs.begin(config, words=_words(record, typed), notes=[], rerun_of=str(record.folder))
    same = "history.csv, metrics.json and predictions.npz have the same bytes"
    told = "; ".join(differences(Record.read(folder), record)) or same
    Voice(quiet=config.quiet).say(f" rerun       of {shipped.shown(record.folder)}: {told}")
    return folder


def _refuse_way_out(config: DictConfig, record: Record, typed: list[str]) -> None:
    """Refuse that a record, which anybody may have made, says where a new run goes; below here or beside itself is no harm."""
    place, here = Path(config.out).resolve(), Path.cwd().resolve()
    is_typed = any(key_of(word) == "out" for word in typed)
    # a run lies in out/<day>/, a job of a sweep in out/sweeps/<day>/<time>/
    if is_typed or here in (place, *place.parents) or place in (record.folder.parents[1], *record.folder.parents[3:4]):
        return
    raise ConfigError(f"the record sets out to '{config.out}', which lies elsewhere; type out=FOLDER")


def _whole_run(words: list[str], verb: str) -> tuple[Record, list[str]]:
    """Return the record that the first word names, and the other words; a fold is part of a run."""
    record, typed = run_of(words, verb)
    if "fold" in record.info:
        whole = record.folder.parent.parent
        raise ConfigError(f"{words[0]} is a fold of {whole}; type lmrun {verb} {whole}")
    return record, typed


def _taken(word: str, words: list[str]) -> tuple[bool, list[str]]:
    return word in words, [other for other in words if other != word]


def _words(record: Record, typed: list[str]) -> list[str]:
    """Return the words that a run's config has become by, without flags and secrets."""
    words = [word for word in typed if word[:1] != "-"]
    own = [word for word in record.info["overrides"] if key_of(word) != "quiet"]
    return [*left_standing(own, words), *masking.masked_words(words)]


def _pinned(config: DictConfig, record: Record) -> DictConfig:
    """Return the config with the threads that the run had: on another number of them the bits differ."""
    if config.threads is None:
        config.threads = record.info.get("threads")
    return config


def _compared(record: Record, config: DictConfig, asked: specs.RunSpec) -> bool:
    """Return whether more epochs are asked for than the run was to have.

    Raises StateFault for any other change that is not free.
    """
    before = recorded(record.folder, [], with_masks=True)
    for path, was, now in _differences(_plain(before), _plain(config)):
        if path.split(".")[0] not in _FREE and path != _MOVED and not hides(was):
            told = without(str(now), record.hidden)
            raise StateFault(
                f"{path} was {was}, now {told}; leave it out, or type fork=true for a new run that begins with these weights"
            )
    if asked.epochs < record.info.get("epochs", before.epochs):
        raise StateFault(f"epochs={asked.epochs}, and the run had {before.epochs}; epochs can only grow")
    return asked.epochs > before.epochs


def _plain(config: DictConfig) -> dict[str, Any]:
    return OmegaConf.to_container(config, resolve=True, enum_to_str=True)


def _differences(before: Any, now: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    if isinstance(before, dict) and isinstance(now, dict):
        keys = dict.fromkeys([*before, *now])
        return [found for key in keys for found in _differences(before.get(key), now.get(key), f"{path}.{key}".lstrip("."))]
    return [] if before == now else [(path, before, now)]


def _past(record: Record, asked: specs.RunSpec, *, is_exact: bool) -> Past:
    past = Past.of(record.folder, record.info, is_exact=is_exact)
    if asked.epochs < past.epochs:
        raise StateFault(f"epochs={asked.epochs}, and {past.epochs} are trained; epochs can only grow")
    return past


def _complete(record: Record, asked: specs.RunSpec, past: Past, *, has_grown: bool) -> str:
    """Return why a finished run has nothing to go on with, or an empty text.

    Raises StateFault where there is more to do and no state to do it from.
    """
    if past.state is None and has_grown:
        has_weights = (record.folder / "model.keras").exists()  # a run of folds has none of its own
        fix = "fork=true to begin with its weights" if has_weights else f"lmrun rerun {record.folder} epochs={asked.epochs}"
        raise StateFault(f"{record.folder} has kept no state to go on from; type {fix}")
    if past.state and not past.is_stopped and record.info["epochs"] < asked.epochs:
        return ""
    ended = "; a callback ended it, and more epochs change nothing" if past.is_stopped else ""
    return f"already complete ({record.info['epochs']}/{asked.epochs} epochs){ended}"


def _told(record: Record, past: Past) -> list[str]:
    """Return what a run that goes on begins with."""
    if record.folds:
        return ["goes on with its folds"]
    if past.state is None:
        return ["the run was left before a state was kept; it begins again"]
    damaged = [f"{name} is damaged; the state before it is used" for name in past.state.damaged]
    where = f"in epoch {past.epochs + 1}, after {past.batches} batches" if past.batches else f"after epoch {past.epochs}"
    return [*damaged, f"goes on {where}"]
