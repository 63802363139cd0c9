"""The pictures of a run's folder as a page holds them: inside of it, and only as many as there is room for."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from lossmetric_cli.errors import EnvironmentFault
from lossmetric_cli.record import Record

#: How a browser is told what a picture is; lines are sharper than dots, if they are not too many.
_KINDS = {".svg": "image/svg+xml", ".png": "image/png"}
#: The plot that shows the layers, which stands with what the run was made of.
_MODEL = "model"
#: A run has a few plots; what somebody else made may have any number.
_MOST = 12


@dataclass(frozen=True)
class Picture:
    """A plot's name, and the address that holds all of it; "" where the page has no room for it."""

    name: str
    address: str


def of(record: Record, *, room: int) -> tuple[list[Picture], list[Picture]]:
    """Return the plots of a run, those of its curves and that of its model, in so many bytes at most."""
    shown: tuple[list[Picture], list[Picture]] = ([], [])
    names = {file.stem for file in (record.folder / "plots").glob("*") if file.suffix in _KINDS and file.is_file()}
    for name in sorted(names, key=lambda name: (name != "curves", name != _MODEL, name))[:_MOST]:
        address = next(_addresses(record, name, room=room), "")
        room -= len(address)
        shown[name == _MODEL].append(Picture(name, address))
    return shown


def _addresses(record: Record, name: str, *, room: int) -> Iterator[str]:
    """Yield a picture in each of its forms that has room; what a link has elsewhere is none of the run's."""
    for ending, kind in _KINDS.items():
        with contextlib.suppress(EnvironmentFault):
            path = record.place(f"plots/{name}{ending}")
            if path.is_file() and path.stat().st_size < room * 3 // 4 - 100:  # base64 has four letters for three bytes
                yield Markup(f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}")  # noqa: S704 - letters and digits
