"""What `lmrun check` prints: a run as it would be, and what its checks find."""

from __future__ import annotations

from typing import Any

import keras

from lossmetric_cli import metrics, models
from lossmetric_cli.console import ARROWS, Voice
from lossmetric_cli.contest import told
from lossmetric_cli.data import Data
from lossmetric_cli.devices import Machine
from lossmetric_cli.headlines import optimises, reports, size, title, watches
from lossmetric_cli.spec import RunSpec

#: Metrics that people call accuracy, and what they count.
_ACCURACIES = {
    "BinaryAccuracy": "the share of cells on the right side of the threshold",
    "CategoricalAccuracy": "the share of rows whose largest score is at their class; labels one-hot",
    "SparseCategoricalAccuracy": "the share of rows whose largest score is at their class; labels class numbers",
}


def preview(spec: RunSpec, data: Data, setup: Any, machine: Machine, voice: Voice) -> None:
    """Print what would be trained, the history's columns, what changes between training and inference, and the findings."""
    voice.header(
        title=f"{title(spec)} · {machine.label}",
        optimises=optimises(spec, setup),
        reports=reports(setup),
        watches=watches(spec, setup),
        size=size(setup.model, rows=len(data.train)),
    )
    voice.say(f" history     {' · '.join(f'{name} {ARROWS[way]}'.rstrip() for name, way in setup.directions.items())}")
    for sentence in _accuracies(setup):
        voice.say(f" accuracy    {sentence}")
    voice.say(f" modes       {_modes(setup.model)}")
    if setup.rival:
        voice.say(f" rival       {setup.rival.name}: {told(setup.rival, setup.outputs)}")
    for note in data.notes:
        voice.note(note)
    for finding in setup.findings.found:
        voice.finding(finding.level, finding.text, finding.check)
    warnings = len(setup.findings.of("warn"))
    voice.say(f" checked     no stop, {warnings or 'no'} warning{'s' * (warnings > 1)}", style="bold")


def _accuracies(setup: Any) -> list[str]:
    found = []
    for output in setup.outputs:
        for metric in output.metrics:
            kind = type(metrics.counted(metric)).__name__
            if kind in _ACCURACIES:
                found.append(f"{output.column(metric.name)} is {kind}: {_ACCURACIES[kind]}")
    return found


def _modes(model: keras.Model) -> str:
    told = " · ".join(models.two_faced(model))
    return f"{told} differ between training and validation" if told else "no layer differs between training and validation"
