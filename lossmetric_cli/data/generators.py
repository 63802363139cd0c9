"""Made-up data whose difficulty is known: the same seed gives the same rows."""

from __future__ import annotations

from string import ascii_uppercase
from typing import TYPE_CHECKING

from lossmetric_cli.data.dataset import Dataset
from lossmetric_cli.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np


def blobs(*, rows: int = 1000, features: int = 2, classes: int = 3, spread: float = 1.0, seed: int) -> Dataset:
    """Return balanced classes, each a round cloud of points, x (rows, features) and y 0 to classes-1.

    The centres stand on a circle, 4 from neighbour to neighbour; `spread` is the standard deviation of a
    cloud, so that 1.0 makes neighbours overlap by a few percent. Features after the second are noise.
    """
    import numpy as np

    check_whole(least=2, features=features, classes=classes)
    check_whole(least=classes, rows=rows)
    check_positive(spread=spread)
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(rows) % classes)
    angles = 2 * np.pi * labels / classes
    x = spread * random.normal(size=(rows, features))
    x[:, :2] += 2 / np.sin(np.pi / classes) * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return Dataset(x=x.astype("float32"), y=labels, kind="binary" if classes == 2 else "multiclass")


def sorted_blobs(*, rows: int = 1000, features: int = 2, classes: int = 3, spread: float = 1.0, seed: int) -> Dataset:
    """Return `blobs` sorted by class: its last rows hold one class only, so they are no fair sample of it."""
    dataset = blobs(rows=rows, features=features, classes=classes, spread=spread, seed=seed)
    order = dataset.y.argsort(kind="stable")
    return Dataset(x=dataset.x[order], y=dataset.y[order], kind=dataset.kind)


def letters26(*, rows: int = 5200, features: int = 16, noise: float = 1.0, seed: int) -> Dataset:
    """Return 26 balanced classes in noise that hides four of ten, x (rows, features) and y 0 to 25.

    Each letter's centre is drawn from a normal distribution of standard deviation 0.6; `noise` is the
    deviation of the rows around it.
    """
    import numpy as np

    check_whole(least=26, rows=rows)
    check_whole(least=1, features=features)
    check_positive(noise=noise)
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(rows) % 26)
    centres = 0.6 * random.normal(size=(26, features))
    x = centres[labels] + noise * random.normal(size=(rows, features))
    return Dataset(x=x.astype("float32"), y=labels, kind="multiclass", class_names=tuple(ascii_uppercase))


def linear(*, rows: int = 1000, features: int = 5, noise: float = 0.5, seed: int) -> Dataset:
    """Return a straight line in noise: x (rows, features) and y = x·w + b + noise, noise in y's units."""
    import numpy as np

    check_whole(least=1, rows=rows, features=features)
    check_positive(noise=noise)
    random = np.random.default_rng(seed)
    x, weights = random.normal(size=(rows, features)), random.normal(size=features)
    y = x @ weights + random.normal() + noise * random.normal(size=rows)
    return Dataset(x=x.astype("float32"), y=y, kind="regression")


def multilabel(*, rows: int = 1000, features: int = 20, targets: int = 5, seed: int) -> Dataset:
    """Return rows that carry any number of labels, x (rows, features) and y (rows, targets) of 0 and 1.

    Each label is drawn with the probability sigmoid(3 x·w - 1), w of length 1: about two of five are 1,
    and some rows have none.
    """
    import numpy as np

    check_whole(least=1, rows=rows, features=features, targets=targets)
    random = np.random.default_rng(seed)
    x, weights = random.normal(size=(rows, features)), random.normal(size=(features, targets))
    probability = 1 / (1 + np.exp(1 - 3 * x @ (weights / np.linalg.norm(weights, axis=0))))
    y = random.random(size=(rows, targets)) < probability
    return Dataset(x=x.astype("float32"), y=y.astype("float32"), kind="multilabel")


def multitask(*, rows: int = 1000, seed: int) -> Dataset:
    """Return homes with two targets of very different scale, y (rows, 2): the price and the number of rooms.

    x (rows, 3) is the area in square metres, the age in years and the distance to the centre in kilometres.
    """
    import numpy as np

    check_whole(least=1, rows=rows)
    random = np.random.default_rng(seed)
    area, age, distance = (random.uniform(low, high, size=rows) for low, high in ((30, 250), (0, 100), (0, 30)))
    rooms = area / 30 + random.normal(scale=0.5, size=rows)
    price = 50_000 + 3_000 * area - 1_000 * age - 5_000 * distance + random.normal(scale=20_000, size=rows)
    return Dataset(
        x=columns(area, age, distance),
        y=columns(price, rooms),
        kind="regression",
        feature_names=("area", "age", "distance"),
        target_names=("price", "rooms"),
    )


def page1(*, rows: int = 32, features: int = 10, seed: int) -> Dataset:
    """Return noise with nothing to find, x (rows, features) and y (rows,) uniform in [0, 1).

    One batch of it shows that the loss a training epoch logs is measured before its update.
    """
    import numpy as np

    check_whole(least=1, rows=rows, features=features)
    random = np.random.default_rng(seed)
    x, y = random.random(size=(rows, features)), random.random(size=rows)
    return Dataset(x=x.astype("float32"), y=y, kind="regression")


def columns(*values: np.ndarray) -> np.ndarray:
    """Return arrays (rows,) side by side, float32 (rows, number of arrays)."""
    import numpy as np

    return np.stack(values, axis=1).astype("float32")


def check_whole(*, least: int, **settings: int) -> None:
    """Raise ConfigError for the first setting that is no whole number or below `least`."""
    for name, value in settings.items():
        if not isinstance(value, int) or value < least:
            raise ConfigError(f"data.{name} must be a whole number >= {least}, got {value}")


def check_positive(**settings: float) -> None:
    """Raise ConfigError for the first setting that is negative or no number."""
    for name, value in settings.items():
        if not isinstance(value, int | float) or not value >= 0:
            raise ConfigError(f"data.{name} must be a number >= 0, got {value}")


def ratings(*, rows: int = 20_000, people: int = 300, films: int = 200, seed: int) -> Dataset:
    """Return made-up ratings, x {"person": ids, "film": ids} and y from 1 to 5: how near tastes are, and some noise."""
    import numpy as np

    check_whole(least=2, rows=rows, people=people, films=films)
    if rows > people * films:
        raise ConfigError(f"data.rows must be at most people times films ({people * films:,}), got {rows:,}")
    random = np.random.default_rng(seed)
    tastes, kinds = random.normal(size=(people, 3)), random.normal(size=(films, 3))
    person, film = np.divmod(random.choice(people * films, rows, replace=False), films)
    liked = (tastes[person] * kinds[film]).sum(axis=1) / 2 + random.normal(scale=0.3, size=rows)
    return Dataset(x={"person": person, "film": film}, y=np.clip(3 + liked, 1, 5), kind="regression", target_names=("rating",))
