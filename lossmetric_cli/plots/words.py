"""Values and places as the notes of a panel say them."""

from __future__ import annotations

import numpy as np

DRAWABLE = 1e100
"""Matplotlib overflows on its way from ±1e308 to pixels."""
MINUS = "\N{MINUS SIGN}"


def failure(values: np.ndarray) -> str:
    """Return the words for values that cannot be drawn: NaN, infinite, beyond ±1e100."""
    words = {"NaN": np.isnan(values), "infinite": np.isinf(values), f"beyond ±{short(DRAWABLE)}": np.isfinite(values)}
    return " or ".join(word for word, found in words.items() if found.any())


def where(epochs: np.ndarray, failed: np.ndarray) -> str:
    """Return in which epochs a line failed: all, one, a stretch up to the end, or a count."""
    first, count = epochs[failed][0], int(failed.sum())
    if failed.all():
        return "in every epoch"
    if count == 1:
        return f"at epoch {first:,}"
    return f"from epoch {first:,}" if failed[-count:].all() else f"in {count:,} epochs, the first is {first:,}"


def short(value: float, *, digits: int = 4) -> str:
    """Return a number in so many digits, or whole where it has more before the point: 0.0871, 12.5, 106,412, 1e6."""
    if 1000 <= abs(value) < 1e6:
        return f"{value:,.0f}".replace("-", MINUS)
    mantissa, _, power = f"{value:.{digits}g}".partition("e")
    return (f"{mantissa}e{int(power)}" if power else mantissa).replace("-", MINUS)
