"""One job: a composed config becomes a record and a trained model, alone or as one of a sweep."""

from __future__ import annotations

import contextlib
import copy
import functools
import math
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict

from lossmetric_cli import build, devices, masking, shipped, store, sweep
from lossmetric_cli import spec as specs
from lossmetric_cli.alarm import SIGNALS, Alarm
from lossmetric_cli.cli import complain
from lossmetric_cli.console import Voice
from lossmetric_cli.errors import EnvironmentFault, LmrunError, Stopped, TrainingError
from lossmetric_cli.record import Record
from lossmetric_cli.state import archive


class SweepLeft(BaseException):
    """A signal ended a sweep in one of its jobs; `stopped` says in which."""

    def __init__(self, stopped: Stopped) -> None:
        super().__init__(str(stopped))
        self.stopped = stopped


@contextlib.contextmanager
def leaving_no_worker() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise between a sweep's jobs: they would end this process alone, and a launcher's others go on."""

    def leave(number: int, _: object) -> None:
        raise SweepLeft(Stopped(f"interrupted by {SIGNALS[signal.Signals(number)]}", exit_code=128 + number))

    is_main = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP) if is_main}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_alone(config: DictConfig, *, notes: list[str]) -> Path:
    """Run a composed config by itself and return its run folder."""
    return begin(_without_hydra(config), words=_overrides(), notes=notes)


def begin(config: DictConfig, *, words: list[str], notes: list[str], **facts: Any) -> Path:
    """Run a config that the words made, in a record of its own, and return that; `facts` are told in run.json too."""
    request, files = {**_request(config, words), **facts}, _hydra_files(config, words)
    asked, mended = load(config)
    voice = Voice(quiet=asked.quiet)
    for note in [*notes, *mended]:
        voice.note(note)
    title = f"{specs.describe_data(asked)}_{specs.describe_model(asked)}"
    now, hidden = datetime.now().astimezone(), masking.secrets(config)
    record = Record.create(Path(asked.out).resolve(), title, request=request, files=files, at=now, hidden=hidden)
    train(asked, record, voice)
    return record.folder


def go_on(record: Record, config: DictConfig, *, words: list[str]) -> None:
    """Note in a run's record what it is asked for from now on, and by which words."""
    record.tell(overrides=words, config=masking.masked(config))
    for name, text in _hydra_files(config, words).items():
        store.write(record.folder / ".hydra" / name, text)


def train(asked: specs.RunSpec, record: Record, voice: Voice, *, past: Any = None) -> float:
    """Train what was asked into a record that nobody else writes to, and return the best value of its monitor.

    `past` is what an earlier part of the run left, a `state.Past`.
    """
    try:
        alarm = Alarm(max_time=asked.max_time, stall_time=asked.stall_time)
        alarm.on_lost = functools.partial(_leave, record)
        with store.lock(record.folder) as former, alarm, _reported(record, voice), record, _memory_explained():
            if former:
                voice.note(f"{former} left this run without a word; it is taken over")
            voice.wait("loading TensorFlow")
            devices.load_tensorflow()
            from lossmetric_cli import folds, runner

            return (folds if folds.is_asked(asked) else runner).run(asked, record, voice, alarm, past=past)
    except LmrunError as error:
        _advise(error, record)
        raise


def _advise(error: LmrunError, record: Record) -> None:
    """Say with an error where its details are, and how its run goes on."""
    if (record.folder / "error.log").exists():
        error.folder = record.folder
    error.hidden = record.hidden
    folder = shipped.shown(record.folder)
    is_of_code = isinstance(error, TrainingError) and not isinstance(_first_cause(error), TrainingError)
    has_state = (isinstance(error, EnvironmentFault) or is_of_code) and (record.folder / archive.FOLDER).is_dir()
    if not record.folder.is_dir() or not (isinstance(error, Stopped) or has_state):
        return
    if record.info.get("status") == "finished":
        error.advice = f"the run had ended before; draw it with: lmrun report {folder}"
    else:
        error.advice = f"{'once that is mended, ' * is_of_code}continue with: lmrun resume {folder}"


def _first_cause(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _leave(record: Record, stopped: Stopped) -> None:
    """Leave this process for good, from another thread than the one that trains, which never came back."""
    try:
        record.interrupt(stopped)
        if (record.folder / "history.csv").exists():
            _report(record, Voice(quiet=True))
        _advise(stopped, record)
        complain(stopped)
    finally:  # a disk that takes nothing is no reason to stay
        os._exit(stopped.exit_code)


@contextlib.contextmanager
def _reported(record: Record, voice: Voice) -> Iterator[None]:
    """Write the page of a run that was at work and has come to an epoch, however it ends; what fails there fails no run."""
    try:
        yield
    finally:
        if record.has_begun and (record.folder / "history.csv").exists():
            _report(record, voice)


def _report(record: Record, voice: Voice) -> None:
    try:
        from lossmetric_cli import report  # it takes long where nothing has trained

        voice.say(f" report      {shipped.shown(report.write(record))}")
    except Stopped:
        raise
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
        voice.note(f"report.html failed: {told}; lmrun report {shipped.shown(record.folder)} writes it again")


@contextlib.contextmanager
def _memory_explained() -> Iterator[None]:
    """Turn Python's word for a full memory into what to type."""
    try:
        yield
    except MemoryError as error:
        raise EnvironmentFault(
            "this takes more memory than there is; type data.stream=true for a large CSV, or a smaller batch_size or model"
        ) from error


def check(config: DictConfig, *, notes: list[str]) -> None:
    """Print to stdout what a composed config would train and what its checks find; nothing is kept."""
    asked, mended = load(_without_hydra(config))
    voice = Voice(stream=sys.stdout)
    for note in [*notes, *mended]:
        voice.note(note)
    devices.load_tensorflow()
    from lossmetric_cli import runner

    with tempfile.TemporaryDirectory() as folder:
        runner.check(asked, Path(folder), voice)


def run_in_sweep(config: DictConfig, *, allowed: list[str]) -> float:
    """Run one job of a Hydra sweep and return the best value of its monitor, NaN where the job failed.

    `allowed` are the packages of --allow-code, which the worker process of a launcher does not know.
    It never raises: the error is in the job's own error.log and in one line here, and the other jobs go on.
    """
    hydra = HydraConfig.get()
    folder, number = Path(hydra.sweep.dir), int(hydra.job.num)
    store.remove(folder / "multirun.yaml")  # in which Hydra keeps every secret that was typed
    here = str(Path.cwd())
    if here not in sys.path:  # a worker process of a launcher starts without the parent's path
        sys.path.append(here)
    build.allowed_packages[:] = allowed
    request, now = {**_request(config, _overrides()), "job": number}, datetime.now().astimezone()
    files, hidden = _hydra_files(config, _overrides()), masking.secrets(config)
    record = Record.create_job(folder, number, request=request, files=files, at=now, hidden=hidden)
    voice = Voice()
    label = f" job {number:<7} {' '.join(request['overrides'])}"
    try:
        with record:
            asked, _ = load(config)
        objective = train(asked, record, Voice(quiet=True))
    except (Exception, SystemExit) as error:
        if isinstance(error, Stopped) and error.exit_code != EnvironmentFault.exit_code:
            raise SweepLeft(error) from error  # a signal; of an Exception Hydra would make a failed job, and go on
        reason = str(error) if isinstance(error, LmrunError) else f"{type(error).__name__}: {error}"
        voice.say(f"{label}  failed: {' '.join(reason.split())}  ({record.folder}/error.log)", style="red")
        return math.nan
    best = record.info["best"][asked.monitor]
    voice.say(f"{label}  {asked.monitor} {best['value']:.4g} at {best['epoch']}")
    return objective


def close_sweep(folder: Path, *, notes: list[str]) -> int:
    """Print and keep the table of a sweep's jobs, best first; return 6 where some failed, else 0."""
    voice = Voice()
    for note in notes:
        voice.note(note)
    results = sweep.results(folder)
    sweep.write(results, folder)
    store.point(folder.parent.parent / "latest", folder)
    voice.table(*sweep.table(results))
    failed = int((results["status"] != "finished").sum())
    voice.say(
        f" {len(results)} jobs · ok {len(results) - failed} · failed {failed}       {folder / 'results.csv'}", style="bold"
    )
    print(folder)
    return 6 if failed else 0


def load(config: DictConfig) -> tuple[specs.RunSpec, list[str]]:
    """Return the RunSpec of a config and what was mended, once all the code it names is known to be reachable."""
    asked, mended = specs.load(config)
    for group in (*specs.GROUPS, "outputs"):
        build.check_targets(getattr(asked, group), path=group)
    masking.check(config)
    return asked, mended


def _without_hydra(config: DictConfig) -> DictConfig:
    job = copy.deepcopy(config)
    with open_dict(job):
        del job["hydra"]
    return job


def _request(config: DictConfig, words: list[str]) -> dict[str, Any]:
    """Return what run.json says of what was asked, secrets masked."""
    return {
        "argv": masking.masked_words(sys.argv[1:]),
        "overrides": words,
        "config": masking.masked(config),
    }


def _hydra_files(config: DictConfig, words: list[str]) -> dict[str, str]:
    """Return the texts of `.hydra/`: the config with its interpolations as they were written, and the overrides."""
    asked = OmegaConf.create(masking.unresolved(config))
    return {"config.yaml": OmegaConf.to_yaml(asked), "overrides.yaml": OmegaConf.to_yaml(words)}


def _overrides() -> list[str]:
    """Return the job's words, secrets masked and interpolations as they were typed."""
    return masking.masked_words(OmegaConf.to_container(HydraConfig.get().overrides.task, resolve=False))
