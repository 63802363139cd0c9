"""Made-up series whose make-up is known: a load through the days, and three shapes in noise."""

from __future__ import annotations

from lossmetric_cli.data.dataset import Dataset
from lossmetric_cli.data.generators import check_positive, check_whole
from lossmetric_cli.data.windows import cut

SHAPES = ("cylinder", "bell", "funnel")


def load_curve(
    *,
    hours: int = 2000,
    lookback: int = 24,
    horizon: int = 1,
    stride: int = 1,
    season: int = 24,
    noise: float = 2.0,
    seed: int,
) -> Dataset:
    """Return windows of an hourly load, x (windows, lookback, 2) of load and temperature, y the load of the next hours.

    load = 100 + 0.005 t + 20 sin(2 pi t / season) + 8 sin(4 pi t / season + 1) - 1.5 (temperature - 10) + noise: a trend, a
    season of two waves, and a temperature that wanders (an autoregression of 0.98) and carries into the load. `noise` is
    the standard deviation of what nothing can forecast, in the load's unit.
    """
    import numpy as np

    check_whole(least=1, hours=hours, lookback=lookback, horizon=horizon, stride=stride, season=season)
    check_positive(noise=noise)
    random = np.random.default_rng(seed)
    t = np.arange(hours)
    wander = np.zeros(hours)
    for step, push in enumerate(random.normal(scale=0.8, size=hours - 1)):
        wander[step + 1] = 0.98 * wander[step] + push
    angle = 2 * np.pi * t / season
    temperature = 10 + 4 * np.sin(angle - 2) + wander
    waves = 20 * np.sin(angle) + 8 * np.sin(2 * angle + 1)
    load = 100 + 0.005 * t + waves - 1.5 * (temperature - 10) + noise * random.normal(size=hours)
    return cut(
        np.stack([load, temperature], axis=1).astype("float32"),
        load[:, np.newaxis],
        names=("load", "temperature"),
        target_names=("load",),
        lookback=lookback,
        horizon=horizon,
        stride=stride,
        season=season,
        source="load_curve",
    )


def shapes(*, rows: int = 300, length: int = 64, noise: float = 1.0, seed: int) -> Dataset:
    """Return balanced series of one channel, x (rows, length, 1): cylinders, bells and funnels in noise.

    From step a to step b a series is h, h (t - a) / (b - a) or h (b - t) / (b - a), and 0 elsewhere, with h from a normal
    distribution of mean 6 and deviation 1; a lies in the second eighth, b - a is a quarter to three quarters of the
    length (Saito, "Local feature extraction and its applications using a library of bases", 1994, for 128 steps).
    `noise` is the deviation of what is added to every step.
    """
    import numpy as np

    check_whole(least=3, rows=rows)
    check_whole(least=8, length=length)
    check_positive(noise=noise)
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(rows) % 3)
    t = np.arange(length)
    begin = random.integers(length // 8, length // 4 + 1, size=(rows, 1))
    width = random.integers(length // 4, 3 * length // 4 + 1, size=(rows, 1))
    height = 6 + random.normal(size=(rows, 1))
    rise = (t - begin) / width
    form = np.choose(labels[:, np.newaxis], [np.ones_like(rise), rise, 1 - rise])
    inside = (rise >= 0) & (rise <= 1)
    x = height * form * inside + noise * random.normal(size=(rows, length))
    return Dataset(x=x[:, :, np.newaxis].astype("float32"), y=labels, kind="multiclass", class_names=SHAPES)
