"""A run as it goes: every fact to the record, and the same facts to the person who watches."""

from __future__ import annotations

import dataclasses
import math
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lossmetric_cli import losses, metrics, models, shipped
from lossmetric_cli.anatomy import SCATTER, broken_weights
from lossmetric_cli.baselines import skill
from lossmetric_cli.console import Voice, duration, figure
from lossmetric_cli.data import Data
from lossmetric_cli.devices import Machine
from lossmetric_cli.headlines import (
    against_naive,
    between,
    counted,
    of_own_steps,
    optimises,
    reach,
    reports,
    size,
    title,
    watches,
)
from lossmetric_cli.outputs import Output
from lossmetric_cli.ranges import gentler
from lossmetric_cli.record import Record
from lossmetric_cli.spec import RunSpec
from lossmetric_cli.task import Task
from lossmetric_cli.verdicts import verdicts

#: A metric of more columns is told by its lowest and its highest value.
MOST_COLUMNS = 3


@dataclass
class Best:
    """The best value of a column and the epoch that reached it."""

    direction: str
    value: float = math.nan
    epoch: int = 0

    def is_beaten_by(self, value: float) -> bool:
        """Return whether `value` is better; NaN never is."""
        if math.isnan(self.value) or math.isnan(value):
            return not math.isnan(value)
        return value > self.value if self.direction == "max" else value < self.value


@dataclass
class Progress:
    """What has happened so far in a run; `setup` is the runner's."""

    spec: RunSpec
    data: Data
    setup: Any
    machine: Machine
    record: Record
    voice: Voice
    best: dict[str, Best] = field(default_factory=dict)
    epochs_done: int = 0
    seconds: float = 0.0
    broken: str = ""
    _has_headings: bool = False

    def begin(self, folder: Path | None = None) -> None:
        """Tell what the run is, before its first epoch; `folder` is shown in place of the record's own."""
        self.record.tell(**self._facts())
        if self.setup.model.built:
            described = models.description(self.setup.model)
            self.record.write_model(described, summary=models.summary(described))
        self.voice.header(
            title=f"{title(self.spec)} · {self.machine.label} {counted(self.machine.threads, 'thread')}",
            folder=shipped.shown(folder or self.record.folder),
            optimises=optimises(self.spec, self.setup),
            reports=reports(self.setup),
            watches=watches(self.spec, self.setup),
            size=self._size(),
        )
        for note in self.data.notes:
            self.voice.note(note)
        for finding in self.setup.findings.found:
            self.voice.finding(finding.level, finding.text, finding.check)

    def go_on(self) -> None:
        """Know what the record has of an earlier part of the run: its epochs, and the seconds that they took."""
        for row in self.record.history.to_dict("records"):
            self.epochs_done = int(row["epoch"])
            self._note_best(row)
        self.seconds = self.record.seconds
        self.record.go_on()

    def _note_best(self, row: dict[str, Any]) -> bool:
        """Note the columns that were never better, and return whether the monitor is one of them."""
        is_best = False
        for name, direction in self.setup.directions.items():
            best = self.best.setdefault(name, Best(direction)) if direction else None
            if best and name in row and best.is_beaten_by(row[name]):
                best.value, best.epoch = row[name], self.epochs_done
                is_best = is_best or name == self.spec.monitor
        return is_best

    def epoch(self, row: dict[str, Any], seconds: float) -> None:
        """Keep an epoch and print its line."""
        self.epochs_done, self.seconds = row["epoch"], self.seconds + seconds
        if not self._has_headings:
            self.record.point_latest()
            self.voice.headings(self._shown())
            self._has_headings = True
        if self.epochs_done == 1:
            self.record.begin_history(self._columns(row))
        self.record.add_epoch(row, seconds=seconds)
        is_best = self._note_best(row)
        left = self.seconds / self.epochs_done * (self.spec.epochs - self.epochs_done)
        figures = [reach([row.get(name) for name in names]) for names in self._shown().values()]
        self.voice.epoch(self.epochs_done, self.spec.epochs, figures, is_best=is_best, seconds_left=left)
        self._look_for_nan(row)

    def is_lost(self) -> bool:
        """Return whether the loss of a step was no number, as far as steps are watched."""
        return getattr(self.setup.parts, "first_bad_step", None) is not None

    def is_sound(self) -> bool:
        """Return whether the run is worth going on from: its loss and its weights are numbers."""
        return not (self.broken or self.is_lost() or broken_weights(self.setup.model))

    def _look_for_nan(self, row: dict[str, Any]) -> None:
        """Stop in the epoch in which the loss or a weight stops being a number; Keras would train on to the last one."""
        broken = broken_weights(self.setup.model)
        names = ["loss"] if "loss" in row else [name for name in row if name in getattr(self.setup.logged, "train", ())]
        lost = next((name for name in names if not np.isfinite(row[name])), None)
        if lost is None and broken is None:
            return
        what = f"{lost} became {row[lost]}" if lost else f"the weights of {broken} are no longer finite"
        step, steps = getattr(self.setup.parts, "first_bad_step", None), self.setup.rows.pace.steps
        where = f"at step {step % steps + 1} of {steps} " if step is not None else ""
        rate = row["learning_rate"]
        self.setup.model.stop_training = True  # no exception here: callbacks are to close their files
        self.broken = (
            f"{what} {where}in epoch {self.epochs_done} (learning rate {rate:g}); "
            f"try optimizer.learning_rate={gentler(rate):g} or optimizer.clipnorm=1"
        )

    def fine_tuning(self, what: str, *, before: int, rate: float) -> None:
        """Say what trains from now on, beside what did, and at which learning rate."""
        after = models.trained_parameters(self.setup.model)
        told = f"from epoch {self.epochs_done + 1} {what} train: {before:,} parameters before, {after:,} now"
        self.voice.note(f"{told}, learning rate {rate:g}")
        self.record.tell(fine_tuning={"epoch": self.epochs_done + 1, "trained": [before, after], "learning_rate": rate})

    def gap(self, parts: dict[str, Any]) -> None:
        """Keep the parts of the last epoch's loss - val_loss."""
        self.record.tell(gap=parts)

    def finish(
        self,
        scores: dict[str, dict[str, float]],
        constants: dict[str, dict[str, float]],
        predictions: dict[str, np.ndarray],
        intervals: dict[str, dict[str, tuple[float, float]]],
        naive: dict[str, dict[str, dict[str, float]]],
        rival: dict[str, Any],
    ) -> None:
        """Keep the scores and the predictions of the weights that the run ends with, and say what they are worth."""
        best = {name: {"value": best.value, "epoch": best.epoch} for name, best in self.best.items()}
        skills = {p: skill(found["loss"], constants[p].get("loss")) if "loss" in found else None for p, found in scores.items()}
        kept = {**scores, "baseline": constants, "skill": skills, "interval": intervals, "best": best}
        if naive:
            least = {part: min(found.get("loss", math.inf) for found in named.values()) for part, named in naive.items()}
            kept |= {"naive": naive, "skill_naive": {part: skill(scores[part]["loss"], least[part]) for part in naive}}
        if rival:  # how long it took is no figure, and differs from run to run
            kept["rival"] = {key: value for key, value in rival.items() if key != "seconds"}
            self.record.tell(rival={key: rival[key] for key in ("name", "fitted_to", "seconds")})
        self.record.write_json("metrics.json", kept)
        self.record.write_predictions(predictions)
        found = verdicts(self.record.history, self.record.info, kept, predictions)
        sampled = {f"{name}_rows_kept": len(rows) for name, rows in predictions.items() if name.endswith("_true")}
        self.record.tell(status="finished", epochs=self.epochs_done, best=best, predictions=sampled, verdicts=found)
        self._close(kept, found)

    def _close(self, scores: dict[str, Any], found: list[str]) -> None:
        best = scores["best"]
        few = ["loss", *(name for names in self._groups().values() if len(names) <= MOST_COLUMNS for name in names)]
        names = [self._column(name) for name in few]
        told = [f"{name} {figure(best[name]['value'])} at {best[name]['epoch']}" for name in names if _is_reached(best, name)]
        self.voice.say(f" best        {' · '.join(told)}", style="bold")
        part = "val" if "val" in scores else "train"
        constant = [f"{name} {figure(value)}" for name, value in scores["baseline"][part].items() if name in few]
        worth = scores["skill"].get(part)
        self.voice.say(
            f" constant    {' · '.join(constant) or 'no constant answer'}"
            + (f" · skill {worth:.2f}" if worth is not None else "")
        )
        if part in scores.get("naive", {}):
            self.voice.say(f" naive       {against_naive(scores['naive'][part], scores['skill_naive'][part])}")
        if "rival" in scores:
            self._say_rival(scores["rival"], part, few)
        if "test" in scores:
            ends = scores["interval"].get("test", {})
            shown = {name: value for name, value in scores["test"].items() if name in few}
            told = [f"{name} {figure(value)}{between(ends.get(name))}" for name, value in shown.items()]
            self.voice.say(f" test        {' · '.join(told)}")
        for sentence in found:
            self.voice.say(f" verdict     {sentence}")
        asked = "" if self.epochs_done == self.spec.epochs else f"{self.epochs_done} of "
        self.voice.say(f" took        {duration(self.seconds)} for {asked}{counted(self.spec.epochs, 'epoch')}", style="dim")

    def _say_rival(self, rival: dict[str, Any], part: str, few: list[str]) -> None:
        told = [f"{name} {figure(value)}" for name, value in rival[part].items() if name in few]
        took = f"{self.record.info['rival']['seconds']:.1f} s"
        self.voice.say(f" rival       {rival['name']} ({rival['fitted_to']}): {' · '.join(told)} · {took}")
        if "test" in rival:
            told = [f"{name} {figure(value)}" for name, value in rival["test"].items() if name in few]
            self.voice.say(f" rival test  {' · '.join(told)}")

    def objective(self) -> float:
        """Return the best value of the monitor."""
        return self.best[self.spec.monitor].value

    def _facts(self) -> dict[str, Any]:
        setup, first = self.setup, self.setup.outputs[0]
        measured = {
            column: {"class": metrics.class_name(m), "direction": metrics.direction(m)}
            | ({"metric": output.column(m.name)} if column != output.column(m.name) else {})
            for output in setup.outputs
            for m in output.metrics
            for column in output.columns[m.name]
        }
        logged = [name for name in getattr(setup.logged, "names", ()) if name not in (*measured, "loss", SCATTER)]
        measured = {name: {"class": "", "direction": setup.directions.get(name)} for name in logged} | measured
        facts = {output.name: {**_task_facts(output.task), "loss": _loss_facts(output)} for output in setup.outputs}
        return {
            "title": title(self.spec),
            "task": _task_facts(setup.task),
            "loss": _loss_facts(first) if not first.name else {"name": "sum of the outputs' losses"},
            **({"outputs": facts} if first.name else {}),
            **({"added": setup.parts.added} if setup.parts and setup.parts.added else {}),
            "metrics": measured,
            **({"own_steps": list(setup.logged.names)} if setup.logged else {}),
            "directions": setup.directions,
            "monitor": {"name": self.spec.monitor, "direction": setup.directions[self.spec.monitor]},
            "rows": {name: len(part.rows) for name, part in self.data.parts.items()},
            "class_counts": self.data.class_counts,
            "data_sha256": self.data.fingerprint,
            "parameters": setup.model.count_params() if setup.model.built else None,
            "differs_in_training": models.two_faced(setup.model),
            "notes": self.data.notes,
            "findings": [dataclasses.asdict(finding) for finding in setup.findings.found],
            "git": _git_commit(),
            **self.machine.facts(),
        }

    def _size(self) -> str:
        told = models.two_faced(self.setup.model)
        differ = f" · {', '.join(told)} in training alone" if told else ""
        return size(self.setup.model, rows=len(self.data.train)) + differ

    def _columns(self, row: dict[str, Any]) -> list[str]:
        """Return the columns of history.csv: what is logged in every epoch, `val_` ones too that come in a later one."""
        known = ["epoch", *self.setup.directions]
        return [*known, *(name for name in row if name not in (*known, "learning_rate")), "learning_rate"]

    def _groups(self) -> dict[str, tuple[str, ...]]:
        """Return the columns of each metric, as metrics.json names them, after the losses of several outputs."""
        outputs = self.setup.outputs
        losses_of = {output.column("loss"): (output.column("loss"),) for output in outputs if output.name}
        own = {name: (name,) for name in of_own_steps(self.setup)}
        return losses_of | own | {output.column(m.name): output.columns[m.name] for output in outputs for m in output.metrics}

    def _column(self, name: str) -> str:
        """Return the column that tells how good a metric is: on validation rows, else running, else on the sample."""
        known = self.setup.directions
        return next((form for form in (f"val_{name}", name) if form in known), f"train_{name}_eval")

    def _shown(self) -> dict[str, tuple[str, ...]]:
        """Return by heading the columns of each figure of the console.

        Losses, the monitor, each metric on validation rows (one of many columns as a range), and the rate where it changes.
        """
        known = self.setup.directions
        shown = {name: (name,) for name in ("loss", "train_loss_eval", "val_loss", self.spec.monitor) if name in known}
        for metric, names in self._groups().items():
            columns = [self._column(name) for name in names]
            if len(names) > MOST_COLUMNS:
                shown[f"{columns[0].removesuffix(names[0])}{metric} ({len(names)})"] = tuple(columns)
            else:
                shown |= {column: (column,) for column in columns}
        return shown | ({"learning_rate": ("learning_rate",)} if self.setup.rate_changes else {})


def _is_reached(best: dict[str, Any], name: str) -> bool:
    """Return whether a column has a best value: one that never had a number has none."""
    return name in best and bool(best[name]["epoch"])


def _task_facts(task: Task) -> dict[str, Any]:
    return {"kind": task.kind, "classes": list(task.classes), "input_shape": task.input_shape, "units": task.units}


def _loss_facts(output: Output) -> dict[str, Any]:
    return {
        "name": losses.loss_name(output.loss),
        "class": type(output.loss).__name__,
        "labels": output.labels,
        "weight": output.weight,
        **({"samples": output.loss.samples} if output.task.is_sampled else {}),
    }


def _git_commit() -> dict[str, Any] | None:
    """Return the commit of the working folder and whether files differ from it; None outside a repository."""
    try:
        ask = ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
        answer = subprocess.run(ask, capture_output=True, text=True, timeout=5, check=True).stdout.strip()  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": answer.removesuffix("-dirty"), "is_dirty": answer.endswith("-dirty")}
