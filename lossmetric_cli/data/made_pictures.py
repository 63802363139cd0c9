"""Made-up pictures: circles, squares and triangles on noise, so that images can be tried without a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lossmetric_cli.data.dataset import Dataset
from lossmetric_cli.data.generators import check_positive, check_whole

if TYPE_CHECKING:
    import numpy as np

NAMES = ("circle", "square", "triangle")


def pictures(*, rows: int = 300, size: int = 32, noise: float = 40.0, seed: int) -> Dataset:
    """Return pictures x uint8 (rows, size, size, 3), each of one shape: a circle, a square or a triangle, as many of each.

    A bright shape lies on a dark ground. Place, size, turn and colours are drawn anew for each, and tell nothing; `noise` is
    the deviation of the pixels, of 255.
    """
    import numpy as np

    check_whole(least=3, rows=rows)
    check_whole(least=8, size=size)
    check_positive(noise=noise)
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(rows) % 3)
    x = np.stack([_picture(int(label), size, noise, random) for label in labels])
    return Dataset(x=x, y=labels, kind="multiclass", class_names=NAMES)


def _picture(label: int, size: int, noise: float, random: np.random.Generator) -> np.ndarray:
    """Return one picture, uint8 (size, size, 3)."""
    import numpy as np

    radius = size * random.uniform(0.2, 0.35)
    middle = random.uniform(radius, size - radius, size=2)
    turn = random.uniform(0, 2 * np.pi)
    down, right = (np.indices((size, size)) + 0.5) - middle[:, None, None]
    along, across = np.cos(turn) * right + np.sin(turn) * down, np.cos(turn) * down - np.sin(turn) * right
    inside = (
        along**2 + across**2 < radius**2,
        np.maximum(abs(along), abs(across)) < radius * 0.8,
        (across > -radius / 2) & (across + np.sqrt(3) * abs(along) < radius),
    )[label]
    back, front = random.uniform(0, 100, size=3), random.uniform(155, 255, size=3)
    picture = np.where(inside[..., None], front, back) + random.normal(scale=noise, size=(size, size, 3))
    return picture.clip(0, 255).astype("uint8")
