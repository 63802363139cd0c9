"""Windows of a series: cut from its steps, told which steps they share, forecast without a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lossmetric_cli.data.dataset import Data, Dataset, Part
from lossmetric_cli.data.labels import natural_form
from lossmetric_cli.data.sentences import counted, listed
from lossmetric_cli.errors import DataError

if TYPE_CHECKING:
    from typing import Any

    import numpy as np


def cut(
    channels: np.ndarray,
    targets: np.ndarray,
    *,
    names: Sequence[str],
    target_names: Sequence[str],
    lookback: int,
    horizon: int,
    stride: int,
    season: int | None,
    source: str,
) -> Dataset:
    """Return the windows of a series as a regression: x (windows, lookback, channels), y what follows each.

    A window begins every `stride` steps, the first one so late that `season` steps lie before what it forecasts. y is
    (windows,) for one target one step ahead, else (windows, targets * horizon), every step of the first target first.

    Args:
        channels: float32 (steps, channels), in time order.
        targets: float64 (steps, targets) of the same steps.
        names: of the channels.
        target_names: of the targets.
        lookback: the steps that a forecast is made from.
        horizon: the steps that are forecast.
        stride: steps from one window to the next.
        season: the steps of a season, for the forecast "as it was a season ago".
        source: what the series is called in errors.

    Raises DataError for a series shorter than a window.
    """
    import numpy as np

    begin = max(lookback, season or 0)
    now = np.arange(begin, len(channels) - horizon + 1, stride)
    if not len(now):
        settings = f"data.lookback={lookback}" + (f", data.season={season}" if begin > lookback else "")
        told = f"{source} has {counted(len(channels), 'step')}, and one window takes {begin} + {horizon}"
        raise DataError(f"{told}; type a smaller data.lookback or data.horizon ({settings}, data.horizon={horizon})")
    seen = np.lib.stride_tricks.sliding_window_view(channels, lookback, axis=0)
    ahead = now[:, np.newaxis] + np.arange(horizon)
    naive = {"last": np.repeat(now[:, np.newaxis] - 1, horizon, axis=1)}
    if season:
        seasons = np.arange(horizon) // season + 1
        naive["season"] = ahead - season * seasons
    return Dataset(
        x=np.ascontiguousarray(seen[now - lookback].swapaxes(1, 2)),
        y=columns_at(targets, ahead),
        kind="regression",
        feature_names=tuple(names),
        target_names=tuple(f"{name}_t+{step + 1}" if horizon > 1 else name for name in target_names for step in range(horizon)),
        span=np.stack([now - lookback, now + horizon], axis=1),
        naive={name: columns_at(targets, steps) for name, steps in naive.items()},
        notes=(described(len(now), lookback, names, horizon, target_names),),
    )


def columns_at(targets: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return the targets (steps, targets) at some steps (windows, horizon): (windows, targets * horizon), or (windows,)."""
    found = targets[steps].transpose(0, 2, 1).reshape(len(steps), -1)
    return found[:, 0] if found.shape[1] == 1 else found


def described(count: int, lookback: int, names: Sequence[str], horizon: int, targets: Sequence[str]) -> str:
    """Return in a sentence what the windows are."""
    seen = f"{counted(lookback, 'step')} of {listed(list(names))}"
    asked = "the next step" if horizon == 1 else f"the next {horizon} steps"
    return f"{counted(count, 'window')}: {seen} each, and {asked} of {listed(list(targets))} to forecast"


def forecast(parts: dict[str, Part], naive: dict[str, np.ndarray], answers: dict[str, Any]) -> None:
    """Give each part its rows of the naive forecasts, in the form of its labels; none where targets are classes."""
    if any(answer.form.kind != "regression" for answer in answers.values()):
        return
    for part in parts.values():
        for name, values in naive.items():
            of_part = values[part.rows]
            found = {
                output: natural_form(answer.of(of_part), form=answer.form, part="naive") for output, answer in answers.items()
            }
            part.naive[name] = found.get("", found)


def window_notes(data: Data, *, rows: int) -> list[str]:
    """Return a sentence on windows that are in no part, and one on validation and test windows that share training steps."""
    if data.train.span is None:
        return []
    drawn = {name: part for name, part in data.parts.items() if part.span is not None}
    missing = rows - len(set().union(*(part.rows.tolist() for part in drawn.values())))
    notes = [f"{counted(missing, 'window')} that share steps with a later part are left out"] if missing else []
    for name, word in (("val", "validation"), ("test", "test")):
        part = drawn.get(name)
        if part is None or part.rows.tolist() == data.train.rows.tolist():
            continue
        shared = int(sharing(part.span, data.train.span).sum())
        if shared:
            found = f"{shared:,} of {counted(len(part), f'{word} window')} share steps with training windows"
            notes.append(f"{found}, which flatters {name}_loss; type validation=time")
    return notes


def sharing(span: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return bools (windows,): whether a window, from its step span[:, 0] to before span[:, 1], has a step of others."""
    import numpy as np

    length = max(span.max(), others.max()) + 1
    change = np.bincount(others[:, 0], minlength=length) - np.bincount(others[:, 1], minlength=length)
    covered = np.concatenate([[0], np.cumsum(np.cumsum(change) > 0)])
    return covered[span[:, 1]] > covered[span[:, 0]]
