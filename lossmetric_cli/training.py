"""The training of a run: Keras' fit with all that listens to it, and what it means where it fails."""

from __future__ import annotations

import contextlib
import sys
import traceback
import warnings
from collections.abc import Callable

import tensorflow as tf

from lossmetric_cli import models
from lossmetric_cli.alarm import Alarm
from lossmetric_cli.assembly import Setup
from lossmetric_cli.callbacks import AfterEpoch, EpochWriter, FineTune, Resting, TrainEval, hears_batches
from lossmetric_cli.errors import ConfigError, EnvironmentFault, LmrunError, TrainingError, own_place
from lossmetric_cli.gap import Gap
from lossmetric_cli.optimizers import replace_optimizer
from lossmetric_cli.progress import Progress
from lossmetric_cli.spec import RunSpec
from lossmetric_cli.state import memories
from lossmetric_cli.state.keeper import Keeper
from lossmetric_cli.state.past import Past
from lossmetric_cli.state.snapshot import Snapshot


def keeper(spec: RunSpec, setup: Setup, progress: Progress, alarm: Alarm, past: Past | None) -> Keeper:
    """Return the callback that keeps the run's state; of a run that goes on, with what the earlier part left."""
    gap = Gap(setup.rows, progress.gap)
    others = setup.parts.variables if setup.parts else []
    snapshot = Snapshot(setup.model, [gap, *setup.callbacks], others)
    found = Keeper(
        snapshot,
        rows=setup.rows,
        record=progress.record,
        alarm=alarm,
        every=spec.state_every,
        is_divisible=setup.rows.knows_batches(setup.model) and not any(map(hears_batches, setup.callbacks)),
        is_sound=progress.is_sound,
        past=past.state if past else None,
        tell=progress.voice.note,
    )
    if past:
        progress.record.go_back(past.state.facts if past.state else None)
        past.accepted()
        progress.go_on()
        for note in found.prepare():
            progress.voice.note(note)
    return found


def fit(
    spec: RunSpec,
    setup: Setup,
    progress: Progress,
    keeper: Keeper,
    past: Past | None,
    *,
    score: Callable[[str], dict[str, float]],
) -> None:
    """Train; what a callback or a metric prints goes to stderr, since stdout is for programs.

    `score` returns the metrics that are taken of a whole part after an epoch.

    Raises:
        TrainingError: training failed, or came to a loss that is no number.
        EnvironmentFault: the machine has too little memory.
        Stopped: the alarm ended it.
    """
    past = past or Past({})
    honest = [TrainEval(setup.rows, setup.figures)] if TrainEval.part in setup.rows.parts else []
    honest = [*([Resting(setup.resting)] if setup.resting else []), *honest]
    honest += [AfterEpoch(score, setup.rows.parts), *_fine_tuning(spec, setup, progress, past)]
    setup.rows.is_lost = progress.is_lost
    if spec.stall_time:
        setup.rows.pulse.start()
    try:
        with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
            if spec.validation_freq > 1:  # an epoch without validation is no surprise: the check rare_validation tells of it
                warnings.filterwarnings("ignore", message="(?s).*available")
            setup.model.fit(
                **setup.rows.fit_arguments(setup.model, first_epoch=past.epochs, done=past.batches),
                initial_epoch=past.epochs,
                epochs=past.epochs if past.is_stopped else spec.epochs,
                callbacks=[*honest, *keeper.remembering, EpochWriter(progress.epoch), *setup.rows.pulse.listeners, keeper],
                validation_freq=spec.validation_freq,
                verbose=0,
            )
    except LmrunError:
        memories.close_files(setup.callbacks)
        raise
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # Ctrl-C is the alarm's, so these two are of somebody's code
        memories.close_files(setup.callbacks)
        if setup.outputs[0].loss is None and "No loss to compute" in str(error):  # Keras tells only once it trains (3.15)
            raise ConfigError("loss=none, and the model adds no loss of its own; type loss=auto") from error
        if isinstance(error, MemoryError | tf.errors.ResourceExhaustedError):
            raise _too_large(spec, progress) from error
        place = own_place(traceback.extract_tb(error.__traceback__))
        told = f"{type(error).__name__}: {_told(error)}" + (f" ({place})" if place else "")
        done = progress.epochs_done
        when = f"in epoch {done + 1}" if done < spec.epochs else "after its last epoch"
        raise TrainingError(f"training failed {when}: {told}") from error
    if progress.broken:
        raise TrainingError(progress.broken)


def _fine_tuning(spec: RunSpec, setup: Setup, progress: Progress, past: Past) -> list[FineTune]:
    """Return the callback that lets a frozen backbone train, where the model has a plan for that."""
    plan = getattr(setup.model, "fine_tuning", None)
    if plan is None:
        return []

    def begin() -> None:
        before, what = models.trained_parameters(setup.model), plan.unfreeze()
        replace_optimizer(setup.model, spec.optimizer, rate=plan.learning_rate)
        setup.rows.retrace(setup.model)
        progress.fine_tuning(what, before=before, rate=plan.learning_rate)

    return [FineTune(begin, at=plan.at, has_begun=(past.epochs, past.batches) > (plan.at, 0))]


def _too_large(spec: RunSpec, progress: Progress) -> EnvironmentFault:
    """Return what to do about a device, or a machine, whose memory is full."""
    half = max(1, spec.batch_size // 2)
    fix = f"try batch_size={half}" if spec.batch_size > 1 else "take a smaller model"
    where = f"in epoch {progress.epochs_done + 1} with batch_size={spec.batch_size}"
    return EnvironmentFault(f"{progress.machine.label} has too little memory {where}; {fix}")


def _told(error: Exception) -> str:
    """Return what an error says in one line; of one from inside a graph, the line that says it."""
    lines = [" ".join(line.split()) for line in str(error).splitlines() if line.strip()] or [""]
    text = lines[-1] if lines[0] == "in user code:" else " ".join(lines)
    return text if len(text) <= 160 else f"{text[:157]}…"
