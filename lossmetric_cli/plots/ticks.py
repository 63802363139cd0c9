"""Numbers at the axes: whole epochs below, and at the left values that need no offset and no factor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, Formatter, LogLocator, MaxNLocator, NullLocator

from lossmetric_cli.plots.panel import Panel
from lossmetric_cli.plots.style import GREY
from lossmetric_cli.plots.words import MINUS, short


class PlainNumbers(Formatter):
    """Writes all ticks with the same number of decimals, as many as tell them apart: 0.9985, 0.9990, 0.9995."""

    def __call__(self, value: float, pos: int | None = None) -> str:
        """Return one number as matplotlib asks for it outside the axis."""
        return short(value)

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """Return the text of every tick."""
        return plain_numbers(values) if len(values) else []


def plain_numbers(values: Sequence[float]) -> list[str]:
    """Return numbers in fixed notation, or as 2.5e-4 where all are below 0.01 and long, or one is a million or more."""
    ticks = np.asarray(values, float)
    step, largest = (np.diff(ticks).min() if len(ticks) > 1 else abs(ticks).max()), abs(ticks).max()
    decimals = next(n for n in range(400) if n == 399 or abs(np.round(ticks, n) - ticks).max() <= step / 100)
    if largest < 1e6 and decimals <= (8 if largest >= 0.01 else 4):
        return [f"{value + 0.0:,.{decimals}f}".replace("-", MINUS) for value in np.round(ticks, decimals)]
    digits = next(n for n in range(18) if n == 17 or all(abs(float(f"{value:.{n}e}") - value) <= step / 100 for value in ticks))
    return [powered(value, digits=digits) for value in ticks]


def powered(value: float, *, digits: int) -> str:
    """Return a number with its power of ten, without zeros at the end: 2.5e-4."""
    mantissa, power = f"{value:.{digits}e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa}e{int(power)}".replace("-", MINUS) if value else "0"


def set_value_axis(axes: Axes, panel: Panel) -> None:
    """Set scale, limits and ticks of the values; an axis with nothing on it has no ticks."""
    low, high = panel.limits
    axes.yaxis.set_major_formatter(PlainNumbers())
    if panel.is_empty:
        axes.yaxis.set_major_locator(NullLocator())
    elif panel.scale == "log":
        margin = (high / low) ** 0.07 if high > low else 1.1
        axes.set_yscale("log")
        axes.set_ylim(low / margin, high * margin)
        axes.yaxis.set_minor_locator(NullLocator())
        decades = np.log10(high / low)
        subs = (1.0, 2.0, 5.0) if decades < 2 else (1.0,)
        axes.yaxis.set_major_locator(LogLocator(subs=subs, numticks=6) if decades > 1 else MaxNLocator(6, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_formatter(PowerNumbers())
    else:
        margin = 0.07 * (high - low) if high - low > 1e-6 * max(abs(low), abs(high)) else 0.05 * abs(high) or 0.5
        axes.set_ylim(low - margin, high + margin)
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))


class PowerNumbers(Formatter):
    """Writes each tick of a logarithmic axis on its own: 1e-5, 0.001, 0.5, 100."""

    def __call__(self, value: float, pos: int | None = None) -> str:
        """Return one number."""
        return short(value) if 0.001 <= value < 1e4 else powered(value, digits=3)


def set_epoch_axis(axes: Axes, panel: Panel) -> None:
    """Set limits and ticks of the epochs: whole numbers, the first epoch among them."""
    epochs = np.concatenate([line.epochs for line in panel.lines])
    first, last = (epochs.min(), epochs.max()) if len(epochs) else (1, 1)
    margin = 0.5 if first == last else 0.015 * (last - first)
    axes.set_xlim(first - margin, last + margin)
    inches = axes.bbox.width / axes.figure.dpi
    count = min(2.3 * inches, 10 * inches / len(f"{last:,}"))  # as many as fit, and no more than are read
    axes.xaxis.set_major_locator(FixedLocator(epoch_ticks(int(first), int(last), count=int(count))))
    axes.xaxis.set_major_formatter(lambda epoch, _: f"{epoch:,.0f}")
    axes.set_xlabel("epoch", size=8.5, color=GREY, labelpad=2)


def epoch_ticks(first: int, last: int, *, count: int) -> list[int]:
    """Return about `count` round epochs between the first and the last, and the first where there is room for it."""
    ticks = MaxNLocator(max(count, 2), integer=True, steps=[1, 2, 5, 10]).tick_values(first, last)
    inside = sorted({int(tick) for tick in ticks if first <= tick <= last})
    return inside if inside and inside[0] - first < 0.6 * (ticks[1] - ticks[0]) else sorted({first, *inside})
