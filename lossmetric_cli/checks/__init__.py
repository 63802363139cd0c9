"""What must fit before the first epoch: one function a check, and the findings of all of them together."""

from __future__ import annotations

from lossmetric_cli.checks import heads, images, labels, own, settings, watching
from lossmetric_cli.checks.case import PROBE_ROWS, Case
from lossmetric_cli.checks.finding import Finding, Findings, skip, strict, warn
from lossmetric_cli.checks.heads import read_off, refuse_constant_head, refuse_mismatch, refuse_units
from lossmetric_cli.checks.watching import RATE_SETTERS, check_monitor

__all__ = [
    "PROBE_ROWS",
    "RATE_SETTERS",
    "Case",
    "Finding",
    "Findings",
    "check_monitor",
    "examine",
    "read_off",
    "refuse_constant_head",
    "refuse_mismatch",
    "refuse_units",
    "skip",
    "strict",
    "warn",
]

#: Checks of one answer of the model; their names are those of `catalog.CHECKS`.
OF_OUTPUT = (
    *(heads.swapped_logits, heads.double_softmax, heads.head_precision, heads.class_axis),
    *(labels.label_range, labels.label_shape, labels.missing_class, labels.one_class, labels.target_range),
    *(own.own_loss, own.own_metric, own.batch_averaged),
)
#: Checks of the whole run.
OF_RUN = (
    *(labels.input_scale, images.input_range, images.frozen_noise, settings.ignored_setting),
    *(watching.monitor, watching.monitor_mode, watching.rare_validation, watching.callback_conflict, watching.file_name),
)


def examine(case: Case, findings: Findings) -> None:
    """Make every check that needs the model and the data, and add what it finds.

    A head that does not fit is not probed: every probe would tell the same again.
    """
    for check in OF_OUTPUT if not findings.of("stop") else ():
        for output in case.outputs:
            if findings.looks_at(check.__name__) and output.loss is not None:
                findings.add(check.__name__, check(case, output))
    for check in OF_RUN:
        if findings.looks_at(check.__name__):
            findings.add(check.__name__, check(case))
