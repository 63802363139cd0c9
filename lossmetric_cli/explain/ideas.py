"""All ideas by name."""

from __future__ import annotations

from lossmetric_cli.explain import answer_ideas, run_ideas, training_ideas
from lossmetric_cli.explain.card import Idea

IDEAS: dict[str, Idea] = {**training_ideas.IDEAS, **answer_ideas.IDEAS, **run_ideas.IDEAS}
