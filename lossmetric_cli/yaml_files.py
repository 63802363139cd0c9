"""YAML files of anybody's, refused where reading them would take more memory than a person's config ever needs."""

from __future__ import annotations

import itertools
import math
import re
from pathlib import Path

import yaml

from lossmetric_cli import shipped
from lossmetric_cli.errors import ConfigError

#: Bytes of a file, levels in it, and values once every alias stands for what it names.
LARGEST, DEEPEST, MOST = 2**20, 40, 100_000


def check(file: Path) -> None:
    """Raise ConfigError for a file that is larger, deeper, or by its aliases longer than it may be.

    OmegaConf copies what an alias names: nine lines of nine aliases each would be 387 million values.
    """
    if not file.is_file():
        raise ConfigError(f"{shipped.shown(file)} is no file, but a device, a pipe or a link to nothing; remove it")
    if file.stat().st_size > LARGEST:
        raise ConfigError(f"{shipped.shown(file)} has more than {LARGEST:,} bytes, and a config is shorter")
    if _brackets(file.read_text(encoding="utf-8")) > DEEPEST:  # PyYAML takes minutes to read 100,000 of them
        raise ConfigError(f"{shipped.shown(file)} has more than {DEEPEST} levels; make it flatter")
    with file.open(encoding="utf-8") as stream:
        deepest, count = _measured(stream)
    if deepest > DEEPEST:
        raise ConfigError(f"{shipped.shown(file)} has more than {DEEPEST} levels; make it flatter")
    if count > MOST:
        raise ConfigError(f"{shipped.shown(file)} has more than {MOST:,} values once its aliases (*) are written out")


def _brackets(text: str) -> int:
    """Return how many brackets are open at once, those in quotes among them."""
    steps = (1 if found[0] in "[{" else -1 for found in re.finditer(r"[\[\]{}]", text))
    return max(itertools.accumulate(steps), default=0)


def _measured(stream: object) -> tuple[int, float]:
    """Return how many levels a YAML text has, and how many values once its aliases are written out."""
    sizes: dict[str, float] = {}
    open_nodes: list[tuple[str | None, float]] = [(None, 0)]
    deepest = 0
    for event in yaml.parse(stream, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, 1))
            deepest = max(deepest, len(open_nodes))
            continue
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, size = open_nodes.pop()
        elif isinstance(event, yaml.AliasEvent):
            anchor, size = None, sizes.get(event.anchor, math.inf)  # what is not closed yet would hold itself
        elif isinstance(event, yaml.ScalarEvent):
            anchor, size = event.anchor, 1
        else:
            continue
        if anchor:
            sizes[anchor] = size
        outer, so_far = open_nodes.pop()
        open_nodes.append((outer, so_far + size))
        if deepest > DEEPEST:
            break
    return deepest, open_nodes[0][1]
