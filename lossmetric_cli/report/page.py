"""The page from its template, in which every text is escaped."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from lossmetric_cli.report.pictures import Picture
from lossmetric_cli.text import tame

#: Letters of a cell, of a sentence, and of any text on the page; what is longer stands whole in the files beside it.
_SHORT, _LONG, _LONGEST = 120, 3_000, 20_000


def rendered(facts: dict[str, Any], curves: list[Picture], models: list[Picture]) -> str:
    """Return the page of some facts, as `content.of` returns them."""
    return _template().render(**facts, curves=curves, models=models)


@cache
def _template() -> jinja2.Template:
    source = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_shown
    )
    environment.filters |= {"short": partial(_cut, most=_SHORT), "cut": partial(_cut, most=_LONG)}
    return environment.from_string(source)


def _shown(value: Any) -> Any:
    """Return a value as the page may have it: without what steers a reader's screen, and not without end."""
    if not isinstance(value, str) or isinstance(value, Markup):  # a macro's answer, whose texts have been here
        return value
    return _cut(tame(value), most=_LONGEST)


def _cut(text: str, *, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}…"
