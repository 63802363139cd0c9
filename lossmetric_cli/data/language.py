"""Made-up language: the next word of a large vocabulary."""

from __future__ import annotations

from lossmetric_cli.data.dataset import Dataset
from lossmetric_cli.data.generators import check_whole
from lossmetric_cli.errors import ConfigError


def next_word(*, rows: int = 20_000, words: int = 50_000, known: int = 2_000, context: int = 2, seed: int) -> Dataset:
    """Return the words before and the next word: x {"before": ids (rows, context)} and y (rows,) from 0 to `words` - 1.

    Words are drawn by Zipf's law, the k-th as often as 1 / k, so that a word's number tells how rare it is. In half of the
    rows the next word is the one that always follows one of the words before, in the others any. Of the words before the
    first `known` have ids from 1, and all others are the id 0.
    """
    import numpy as np

    check_whole(least=2, rows=rows, words=words)
    check_whole(least=1, known=known, context=context)
    if known > words:
        raise ConfigError(f"data.known must be at most data.words={words}, got {known}")
    random = np.random.default_rng(seed)
    shares = 1 / np.arange(1, words + 1)
    shares /= shares.sum()
    before = random.choice(words, (rows, context), p=shares)
    follows = random.choice(words, words, p=shares)
    heard = before[np.arange(rows), random.integers(context, size=rows)]
    y = np.where(random.random(rows) < 0.5, follows[heard], random.choice(words, rows, p=shares))
    ids = np.where(before < known, before + 1, 0)
    return Dataset(x={"before": ids}, y=y, kind="multiclass", class_names=tuple(f"word {k}" for k in range(words)))
