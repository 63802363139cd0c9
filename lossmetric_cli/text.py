"""What may be shown and kept of a text that somebody else wrote: its letters, without secrets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

MASK = "***"
#: A name and a password in an address, and what its query calls a key.
_LOGIN = re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)")
_QUERY = re.compile(r"([?&][\w.-]*(?:key|token|secret|passw\w*|credential\w*|signature|sig)=)[^&#\s'\"]+", re.IGNORECASE)
#: What steers a terminal, its sequences as a whole, turns the direction of reading, or is no character by itself.
_STEERS = re.compile(
    "\x1b\\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
#: What Keras prints in bold of an error within a layer: its reason, between where it came up and what the layer was given.
_BOLD = re.compile("\x1b\\[1m(.*?)\x1b\\[0m", re.DOTALL)
#: The cells of an array of several axes, or of a long one.
_CELLS = re.compile(r" ?\[\s*\[[-+.,…\deinfa\s\[\]]*\]\s*\]| ?\[[-+.,…\deinfa\s]{60,}\]")


def tame(text: str) -> str:
    """Return a text without what would steer the terminal that shows it; line ends and tabs stay."""
    return _STEERS.sub("", text)


def hides(value: Any) -> bool:
    """Return whether a value, or one within lists and mappings, lacks what stood there: `***` is in it."""
    if isinstance(value, dict):
        return any(map(hides, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(hides, value))
    return isinstance(value, str) and MASK in value


def reason(error: Exception, *, length: int = 160) -> str:
    """Return why something of Keras failed, in one line: of its error that line, without the cells of what was computed."""
    text = str(error)
    found = _BOLD.search(text)
    line = " ".join(tame(_CELLS.sub("", found[1] if found else text)).split())
    return line if len(line) <= length else f"{line[: length - 1]}…"


def without(told: Any, hidden: Sequence[str] = ()) -> Any:
    """Return a text, or lists and mappings of texts, with the `hidden` ones and what opens addresses as `***`."""
    if isinstance(told, dict):
        return {key: without(item, hidden) for key, item in told.items()}
    if isinstance(told, (list, tuple)):
        return [without(item, hidden) for item in told]
    if not isinstance(told, str):
        return told
    for secret in hidden:
        told = told.replace(secret, MASK)
        for end in range(len(secret) - 1, 3, -1) if "…" in told else ():  # a long sentence is cut, maybe within the secret
            told = told.replace(f"{secret[:end]}…", f"{MASK}…")
    return _QUERY.sub(rf"\g<1>{MASK}", _LOGIN.sub(MASK, told))
