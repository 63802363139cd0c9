"""One job: a composed config becomes a record and a trained model, alone or as one of a sweep."""

from __future__ import annotations

import copy
import math
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict

from lossmetric_cli import build, devices, store, sweep
from lossmetric_cli import spec as specs
from lossmetric_cli.console import Voice
from lossmetric_cli.errors import EnvironmentFault, LmrunError
from lossmetric_cli.record import Record


def run_alone(config: DictConfig, *, notes: list[str]) -> Path:
    """Run a composed config by itself and return its run folder."""
    job = _without_hydra(config)
    files = _hydra_files(config)
    asked, mended = _load(job)
    voice = Voice(quiet=asked.quiet)
    for note in [*notes, *mended]:
        voice.note(note)
    title = f"{specs.describe_data(asked)}_{specs.describe_model(asked)}"
    now = datetime.now().astimezone()
    record = Record.create(Path(asked.out).resolve(), title, request=_request(job), files=files, at=now)
    try:
        with record:
            _train(asked, record, voice)
    except LmrunError as error:
        if record.folder.is_dir():
            error.folder = record.folder
        raise
    return record.folder


def check(config: DictConfig, *, notes: list[str]) -> None:
    """Print to stdout what a composed config would train and what its checks find; nothing is kept."""
    asked, mended = _load(_without_hydra(config))
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
    here = str(Path.cwd())
    if here not in sys.path:  # a worker process of a launcher starts without the parent's path
        sys.path.append(here)
    build.allowed_packages[:] = allowed
    request = {**_request(config), "job": number}
    record = Record.create_job(folder, number, request=request, files=_hydra_files(config), at=datetime.now().astimezone())
    voice = Voice()
    label = f" job {number:<7} {' '.join(request['overrides'])}"
    try:
        with record:
            asked, _ = _load(config)
            objective = _train(asked, record, Voice(quiet=True))
    except Exception as error:
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


def _load(config: DictConfig) -> tuple[specs.RunSpec, list[str]]:
    """Return the RunSpec of a config and what was mended, once all the code it names is known to be reachable."""
    asked, mended = specs.load(config)
    for group in specs.GROUPS:
        build.check_targets(getattr(asked, group), path=group)
    return asked, mended


def _train(asked: specs.RunSpec, record: Record, voice: Voice) -> float:
    voice.wait("loading TensorFlow")
    devices.load_tensorflow()
    from lossmetric_cli import folds, runner

    try:
        return (folds if folds.is_asked(asked) else runner).run(asked, record, voice)
    except MemoryError as error:
        raise EnvironmentFault(
            "this takes more memory than there is; type data.stream=true for a large CSV, or a smaller batch_size or model"
        ) from error


def _without_hydra(config: DictConfig) -> DictConfig:
    job = copy.deepcopy(config)
    with open_dict(job):
        del job["hydra"]
    return job


def _request(config: DictConfig) -> dict[str, Any]:
    """Return what run.json says of what was asked, secrets masked."""
    return {
        "argv": specs.masked_words(sys.argv[1:]),
        "overrides": _overrides(),
        "config": specs.masked(config, resolve=True),
    }


def _hydra_files(config: DictConfig) -> dict[str, str]:
    """Return the texts of `.hydra/`: the config with its interpolations as they were written, and the overrides."""
    asked = OmegaConf.create(specs.masked(config, resolve=False))
    return {"config.yaml": OmegaConf.to_yaml(asked), "overrides.yaml": OmegaConf.to_yaml(_overrides())}


def _overrides() -> list[str]:
    """Return the job's words, secrets masked and interpolations as they were typed."""
    return specs.masked_words(OmegaConf.to_container(HydraConfig.get().overrides.task, resolve=False))
