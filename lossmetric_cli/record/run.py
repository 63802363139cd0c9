"""The record of one run in its folder."""

from __future__ import annotations

import hashlib
import io
import json
import traceback
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from lossmetric_cli import store
from lossmetric_cli.errors import ConfigError, EnvironmentFault, LmrunError, StateFault, Stopped
from lossmetric_cli.record.plain import csv_line, plain, safe_name
from lossmetric_cli.record.reading import read_bytes, read_json, readable
from lossmetric_cli.text import without

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

#: predictions.npz holds at most this much; of more rows it keeps a seeded sample, and run.json says so.
LARGEST_PREDICTIONS = 100_000_000
#: The files that an epoch adds a line to.
_LINES = ("history.csv", "timing.csv")
#: Columns of history.csv that no run of ours comes near.
_MOST_COLUMNS = 50_000
#: The facts of run.json that are sentences and words, in which a secret may stand.
_TOLD = ("title", "error", "notes", "findings", "verdicts", "argv", "overrides")
#: What a run folder holds besides what callbacks write into it.
OWN_FILES = (
    *(".hydra", "run.json", "history.csv", "timing.csv", "metrics.json", "predictions.npz", "error.log", "plots"),
    *("model.json", "model.txt", "model.keras", "folds", "state", "eval", "export", "report.html"),
)


class Record:
    """A run folder: `info` is run.json, `history` the rows of history.csv; `has_begun` says that its run is at
    work, and not only read.

    Use it as a context: a ConfigError inside removes the folder (unless it is a job's of a sweep, or was there before),
    any other exception is kept as error.log and as the status "failed". A StateFault changes nothing, nor does what goes wrong
    before an earlier run goes on, or once a run has finished. The texts that are `hidden` are `***` in all that it tells.
    """

    def __init__(
        self, folder: Path, info: dict[str, Any], *, is_job: bool = False, is_new: bool = True, hidden: Sequence[str] = ()
    ) -> None:
        self.folder = folder
        self.info = info
        self.is_job = is_job
        self.is_new = is_new
        self.hidden = hidden
        self._columns: list[str] = []
        self.has_begun = is_new

    @classmethod
    def create(cls, root: Path, title: str, *, at: datetime, hidden: Sequence[str] = (), **asked: dict[str, Any]) -> Record:
        """Return the Record of a new run in `root/<day>/<time>_<title>`.

        `asked` are `request`, what run.json says of what was asked, and `files`, by name, which go into `.hydra/`.
        """
        day = root / f"{at:%Y-%m-%d}"
        store.refuse_way_out(day, root)
        folder = store.make_folder(day, f"{at:%H-%M-%S}_{safe_name(without(title, hidden))}")
        return cls._begin(cls(folder, {}, hidden=hidden), at, **asked)

    @classmethod
    def create_job(
        cls, sweep: Path, number: int, *, at: datetime, hidden: Sequence[str] = (), **asked: dict[str, Any]
    ) -> Record:
        """Return the Record of a sweep's job in `sweep/<number>`, where Hydra has made the folder; `asked` as for `create`."""
        return cls._begin(cls(sweep / str(number), {}, is_job=True, hidden=hidden), at, **asked)

    def create_fold(self, number: int, *, at: datetime) -> Record:
        """Return the Record of one of the trainings that this one is a mean of, in `folds/<number>`, from 1."""
        self.place(f"folds/{number}")
        request = {key: self.info[key] for key in ("argv", "overrides", "config") if key in self.info}
        fold = Record(self.folder / "folds" / str(number), {}, is_job=True, hidden=self.hidden)
        return self._begin(fold, at, request={**request, "fold": number}, files={})

    def fold(self, number: int) -> Record | None:
        """Return the Record of such a training where it was begun earlier, else None.

        Raises EnvironmentFault where a link in it leads elsewhere.
        """
        folder = self.place(f"folds/{number}")
        if not (folder / "run.json").exists():
            return None
        return Record.read(folder)

    @staticmethod
    def _begin(record: Record, at: datetime, *, request: dict[str, Any], files: dict[str, str]) -> Record:
        for name, text in files.items():
            store.write(record.folder / ".hydra" / name, text)
        record.tell(status="running", started=at.isoformat(timespec="seconds"), **request)
        return record

    @classmethod
    def read(cls, folder: Path) -> Record:
        """Return the Record of a finished, failed or running run.

        Raises ConfigError where the folder is none, EnvironmentFault where a link in it leads elsewhere.
        """
        record = cls(folder, {}, is_new=False)
        record.info = read_json(record.folder / "run.json")
        if not record.info:
            raise ConfigError(f"{folder} is no run folder: its run.json is missing or damaged")
        for name in OWN_FILES:  # what a link shows of elsewhere is not the run's
            record.place(name)
        record.is_job = bool({"job", "fold"} & set(record.info))
        return record

    def __enter__(self) -> Record:
        """Return the record itself."""
        self._status = self.info.get("status")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Keep what became of the run."""
        if isinstance(error, StateFault) and self.info["status"] != self._status:
            self.tell(status=self._status)
        if error is None or isinstance(error, StateFault) or not self.has_begun or self.info["status"] == "finished":
            return
        if isinstance(error, ConfigError) and self.is_new and not self.is_job:
            store.remove_folder(self.folder)
            return
        if isinstance(error, Stopped):
            self.interrupt(error)
            return
        self._log("".join(traceback.format_exception(kind, error, trace)))
        reason = str(error) if isinstance(error, LmrunError) else f"{type(error).__name__}: {error}"
        self.tell(status="failed", error=reason)

    def interrupt(self, stopped: Stopped) -> None:
        """Keep that the run was left, and why."""
        if stopped.details:
            self._log(stopped.details)
        self.tell(status="interrupted", error=str(stopped))

    def _log(self, text: str) -> None:
        store.write(self.folder / "error.log", without(text, self.hidden))

    @property
    def history(self) -> pd.DataFrame:
        """history.csv as a frame, a row an epoch; empty before the first epoch has ended."""
        import pandas as pd

        if read_bytes(self.folder / "history.csv").partition(b"\n")[0].count(b",") > _MOST_COLUMNS:
            raise ConfigError(f"{self.folder / 'history.csv'} has more than {_MOST_COLUMNS:,} columns, and no run has so many")
        lines = self._lines("history.csv")
        return pd.read_csv(io.BytesIO(lines), float_precision="round_trip") if lines else pd.DataFrame({"epoch": []})

    @property
    def seconds(self) -> float:
        """How long its epochs took by timing.csv."""
        import pandas as pd

        lines = self._lines("timing.csv")
        return float(pd.read_csv(io.BytesIO(lines))["seconds"].sum()) if lines else 0.0

    @property
    def folds(self) -> list[Record]:
        """The records of the folds, in their order; none of a run without."""
        files = [file for file in self.folder.glob("folds/*/run.json") if file.parent.name.isdecimal()]
        numbered = sorted(files, key=lambda file: int(file.parent.name))
        return [Record.read(file.parent) for file in numbered]

    @property
    def scores(self) -> dict[str, Any]:
        """metrics.json; empty before the run has finished."""
        return read_json(self.folder / "metrics.json")

    @property
    def model(self) -> dict[str, Any]:
        """model.json, the layers as `models.description` tells them; empty in a record that has none."""
        return read_json(self.folder / "model.json")

    def tell(self, **facts: Any) -> None:
        """Add facts to run.json."""
        self.info.update({key: without(fact, self.hidden) if key in _TOLD else fact for key, fact in facts.items()})
        self.write_json("run.json", self.info)

    def vouched(self) -> dict[str, Any]:
        """Return how long history.csv and timing.csv are, and the checksum of the first: what a state vouches for."""
        sizes = {name: (self.folder / name).stat().st_size if (self.folder / name).exists() else 0 for name in _LINES}
        return {"lines": sizes, "history_sha256": self._history_digest(sizes["history.csv"])}

    def go_back(self, vouched: dict[str, Any] | None) -> None:
        """Cut history.csv and timing.csv to what a state vouches for, to nothing where there is none.

        Raises StateFault where the lines of the history are not those that the state knew.
        """
        size = vouched["lines"]["history.csv"] if vouched else 0
        if not size:
            for name in _LINES:
                store.remove(self.folder / name)
            return
        if self._history_digest(size) != vouched["history_sha256"]:
            raise StateFault(
                f"{self.folder / 'history.csv'} was changed since the run wrote it; type lmrun rerun {self.folder}"
            )
        for name in _LINES:
            store.cut(self.folder / name, vouched["lines"][name])
        self._columns = list(self.history.columns)

    def _history_digest(self, size: int) -> str:
        path = self.folder / "history.csv"
        return hashlib.sha256(path.read_bytes()[:size] if path.exists() else b"").hexdigest()

    def go_on(self) -> None:
        """Forget how an earlier part of the run ended: it runs again."""
        self.has_begun = True
        self.info.pop("error", None)
        store.remove(self.folder / "error.log")
        self.tell(status="running")

    def begin_history(self, columns: Iterable[str]) -> None:
        """Write the headings of history.csv and timing.csv."""
        self._columns = list(columns)
        store.append(self.folder / "history.csv", csv_line(self._columns))
        store.append(self.folder / "timing.csv", "epoch,seconds\n")

    def add_epoch(self, row: dict[str, float], *, seconds: float) -> None:
        """Append an epoch to history.csv, its wall-clock seconds to timing.csv; a column that is not there is left empty.

        Raises EnvironmentFault where somebody has taken the folder away.
        """
        if not (self.folder / "run.json").exists():
            raise EnvironmentFault(f"{self.folder} was removed or renamed while the run wrote to it")
        if not self._columns:
            self.begin_history(row)
        store.append(self.folder / "history.csv", csv_line(row.get(column, "") for column in self._columns))
        store.append(self.folder / "timing.csv", f"{row['epoch']},{seconds:.6f}\n")

    def write_json(self, name: str, content: Any) -> None:
        """Write a file of plain values; NaN and infinities, which JSON lacks, as null."""
        store.write(self.folder / name, json.dumps(plain(content), indent=2, allow_nan=False, ensure_ascii=False) + "\n")

    def write_model(self, described: dict[str, Any], *, summary: str) -> None:
        """Write model.json, what the model is made of, and model.txt, the table of it."""
        self.write_json("model.json", described)
        store.write(self.folder / "model.txt", summary)

    def write_predictions(self, arrays: dict[str, np.ndarray]) -> None:
        """Write predictions.npz: equal bytes for equal arrays."""
        import numpy as np

        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)
        store.write(self.folder / "predictions.npz", buffer.getvalue())

    def point_latest(self) -> None:
        """Let `latest` beside the day's folder name this run; a sweep's jobs leave that to the sweep."""
        if not self.is_job:
            store.point(self.folder.parent.parent / "latest", self.folder)

    def place(self, name: str) -> Path:
        """Return where a file of the record goes; raise EnvironmentFault where a link leads out of its folder."""
        path = self.folder / name
        store.refuse_way_out(path, self.folder)
        return path

    def _lines(self, name: str) -> bytes:
        """Return the whole lines of a file of the record: a kill may have torn the last one, but none of a run that ended.

        Raises ConfigError for a file that a run cannot have left so.
        """
        path = readable(self.folder / name)
        lines = store.whole_lines(path) if path else b""
        if path and self.info.get("status") == "finished" and (not lines or lines != path.read_bytes()):
            raise ConfigError(f"{self.folder} is no run folder: its record is damaged")
        return lines
