"""Whether two records have the same figures, to the last byte."""

from __future__ import annotations

import io

from lossmetric_cli.record.reading import read_bytes
from lossmetric_cli.record.run import Record

#: The files whose bytes two runs of the same words share.
_FIGURES = ("history.csv", "metrics.json", "predictions.npz")


def differences(record: Record, other: Record) -> list[str]:
    """Return a sentence for each file whose figures are other ones than in another record.

    Of a run that did not come to its end there is less to compare, and so it is told.
    """
    pairs = {name: (read_bytes(record.folder / name), read_bytes(other.folder / name)) for name in _FIGURES}
    missing = [name for name, (_, theirs) in pairs.items() if not theirs]
    same = {name: ours == theirs for name, (ours, theirs) in pairs.items()}
    if "predictions.npz" not in missing:
        same["predictions.npz"] = _have_same_arrays(*pairs["predictions.npz"])
    if other.info.get("status") != "finished":
        same["history.csv"] = pairs["history.csv"][0].startswith(pairs["history.csv"][1])
    told = [f"the run left no {' and no '.join(missing)} to compare with"] if missing else []
    return [*told, *(f"{name} differs" for name in pairs if name not in missing and not same[name])]


def _have_same_arrays(ours: bytes, theirs: bytes) -> bool:
    """Return whether two archives hold the same arrays by the same names; what else is in them may be of a day."""
    import numpy as np

    one, other = (np.load(io.BytesIO(archive), allow_pickle=False) for archive in (ours, theirs))
    return set(one.files) == set(other.files) and all(one[name].tobytes() == other[name].tobytes() for name in one.files)
