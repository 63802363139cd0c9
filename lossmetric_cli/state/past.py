"""What an earlier part of a run left, and whether the rest can be the same to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lossmetric_cli.errors import StateFault
from lossmetric_cli.state import archive
from lossmetric_cli.state.archive import State

#: What of run.json the bits of a run hang on besides its config and its data.
_MACHINE = ("versions", "threads", "device", "deterministic", "platform")
#: More epochs, batches or bytes of history than any run has.
_MOST = 2**40
#: What the facts of every state are.
_FACTS = {
    "epochs": int,
    "batches": int,
    "is_stopped": bool,
    "lines": dict,
    "history_sha256": str,
    **dict.fromkeys(("callbacks", "random", "numpy", "weights", "variables", "metrics"), list),
}


@dataclass(frozen=True)
class Past:
    """The run.json of the earlier part and its newest state, None where it was left before there was one.

    With `is_exact` a run whose bits may come out differently is refused. `accepted` is called once nothing speaks against
    going on, before the record is changed.
    """

    info: dict[str, Any]
    state: State | None = None
    is_exact: bool = False
    accepted: Callable[[], None] = lambda: None

    @classmethod
    def of(cls, folder: Path, info: dict[str, Any], *, is_exact: bool = False) -> Past:
        """Return what is in a run's folder. Raises StateFault for a state that no run has made, as for a damaged one."""
        state = archive.newest(folder)
        if state and (wrong := _malformed(state.facts)):
            raise StateFault(f"no usable state in {folder / archive.FOLDER}: {wrong}; type lmrun rerun {folder}")
        return cls(dict(info), state, is_exact=is_exact)

    @property
    def epochs(self) -> int:
        """How many epochs were trained whole."""
        return self.state.facts["epochs"] if self.state else 0

    @property
    def batches(self) -> int:
        """How many batches of the next epoch were trained."""
        return self.state.facts["batches"] if self.state else 0

    @property
    def is_stopped(self) -> bool:
        """Whether a callback had ended the training."""
        return bool(self.state and self.state.facts["is_stopped"])

    def compare_machine(self, facts: dict[str, Any]) -> list[str]:
        """Return a sentence where the machine differs. Raises StateFault where nothing may."""
        differences = [told for key in _MACHINE if key in self.info for told in _differ(key, self.info[key], facts.get(key))]
        if differences and self.is_exact:
            raise StateFault(f"not bit-exact: {', '.join(differences)}; leave exact=true out to go on all the same")
        return [f"not bit-exact: {', '.join(differences)}"] if differences else []

    def compare_data(self, fingerprint: str) -> None:
        """Refuse data that has changed. Raises StateFault."""
        before = self.info.get("data_sha256")
        if before and before != fingerprint:
            raise StateFault(
                f"the data has changed since the run began (sha256 {before[:8]}… is now {fingerprint[:8]}…); "
                "put it back, or type fork=true for a new run that begins with these weights"
            )


def _malformed(facts: Any) -> str:
    """Return what of the facts of a state is none of a run's, or an empty text: their checksum tells of accidents alone."""
    if not isinstance(facts, dict):
        return "it has no facts"
    counts = facts["lines"] if isinstance(facts.get("lines"), dict) else {}
    counts = {name: counts.get(name) for name in ("history.csv", "timing.csv")}
    counts |= {name: facts.get(name) for name in ("epochs", "batches")}
    odd = [name for name, kind in _FACTS.items() if type(facts.get(name)) is not kind]
    odd += [name for name, count in counts.items() if type(count) is not int or not 0 <= count < _MOST]
    return f"its {odd[0]} is {str(facts.get(odd[0]))[:40]}" if odd else ""


def _differ(key: str, before: Any, now: Any) -> list[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        names = dict.fromkeys([*before, *now])
        return [told for name in names for told in _differ(name, before.get(name), now.get(name))]
    return [] if before == now else [f"{key} {before} → {now}"]
