"""Images of the user's own: a folder for each class, or a table that names their files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lossmetric_cli.data.dataset import Dataset
from lossmetric_cli.data.pictures import ENDINGS, decode
from lossmetric_cli.data.sentences import counted, placed, quoted
from lossmetric_cli.data.table import Dialect, Table, open_table
from lossmetric_cli.data.tables import as_list
from lossmetric_cli.data.targets import read_targets
from lossmetric_cli.errors import ConfigError, DataError, did_you_mean

if TYPE_CHECKING:
    import numpy as np

#: Words among numbers that are no number.
_MISSING = ["", "NA", "N/A", "NaN", "nan", "NULL", "null", "?"]
#: Names of folders that hold parts of the data and no class.
_PARTS = {"train", "training", "test", "testing", "val", "valid", "validation", "dev"}


def images(
    *,
    path: str,
    image: str | None = None,
    target: str | Sequence[str] | None = None,
    test_path: str | None = None,
    size: Sequence[int] | None = None,
    channels: str | int = "auto",
    resize: str = "stretch",
    memory: float = 4.0,
) -> Dataset:
    """Return pictures as bytes, x uint8 (rows, height, width, channels), and what they are labelled with.

    `path` is a folder that holds a folder of pictures for each class, whose name is the label; or a CSV file with a column
    `image` of file names, relative to its own folder, and a `target` of labels or of numbers (several: a regression of
    each). `test_path` is another of the same kind, only tested on. See `pictures.decode` for the other settings.

    Raises DataError for what is wrong with a file, and names it; ConfigError for settings that exclude each other.
    """
    places = [Path(place).expanduser() for place in (path, test_path) if place]
    is_folder = [_is_folder(place) for place in places]
    if len(set(is_folder)) > 1:
        raise ConfigError("data.path and data.test_path must both be folders, or both be CSV files")
    notes: list[str] = []
    if is_folder[0]:
        if image or target:
            raise ConfigError(
                f"data.path={path} is a folder, whose folders name the classes; data.image and data.target are of CSV"
            )
        found = [_of_folders(place, notes) for place in places]
    else:
        found = _of_tables(places, image=image, target=target, notes=notes)
    settings: dict[str, Any] = {"size": size, "channels": channels, "resize": resize, "memory": memory, "notes": notes}
    every = [file for files, _ in found for file in files]
    pixels = decode(every, **settings)  # together, so that they agree in size and channels
    count = len(found[0][0])
    return Dataset(
        x=pixels[:count],
        y=found[0][1],
        kind="auto" if not is_folder[0] else "multiclass" if len(set(found[0][1])) > 2 else "binary",
        target_names=() if is_folder[0] else tuple(str(name) for name in as_list(target)),
        test=(pixels[count:], found[1][1]) if test_path else None,
        notes=tuple(dict.fromkeys(notes)),
    )


def _is_folder(place: Path) -> bool:
    if not place.exists():
        near = did_you_mean(place.name, [other.name for other in place.parent.glob("*")])
        raise DataError(f"data path {placed(place)} not found{near or '; it is taken from the folder of lmrun'}")
    return place.is_dir()


def _of_folders(place: Path, notes: list[str]) -> tuple[list[Path], np.ndarray]:
    """Return the pictures in the folders of a folder, sorted by name, and the name of each one's folder."""
    import numpy as np

    classes = sorted(folder for folder in place.iterdir() if folder.is_dir() and folder.name[0] != ".")
    names = [folder.name for folder in classes]
    if not classes:
        raise DataError(f"{placed(place)} has no folders; give every class a folder, or data.path=FILE.csv")
    if len(names) > 1 and {name.lower() for name in names} <= _PARTS:
        train, test = sorted(names, key=lambda name: (name[:5].lower() != "train", name))[:2]
        raise DataError(
            f"{quoted(place, limit=40)} holds {' and '.join(names)}, which are parts and no classes; "
            f"type data.path={place / train} data.test_path={place / test}"
        )
    files, labels, others = [], [], [file for file in place.iterdir() if file.is_file() and file.name[0] != "."]
    for folder in classes:
        known = [file for file in sorted(folder.rglob("*")) if file.is_file() and not _is_hidden(file, folder)]
        pictures = [file for file in known if file.suffix.lower() in ENDINGS]
        others += [file for file in known if file.suffix.lower() not in ENDINGS]
        if not pictures:
            notes.append(f"the folder {quoted(folder.name)} has no image, and is no class")
        files += pictures
        labels += [folder.name] * len(pictures)
    if others:
        verb = "is no image and is" if len(others) == 1 else "are no images and are"
        notes.append(
            f"{counted(len(others), 'file')} of {place.name} {verb} left out, such as {quoted(sorted(others)[0].name)}"
        )
    if not files:
        raise DataError(f"the folders of {placed(place)} hold no image ({' '.join(ENDINGS)}); check data.path")
    return files, np.array(labels)


def _is_hidden(file: Path, folder: Path) -> bool:
    return any(part[0] == "." for part in file.relative_to(folder).parts)


def _of_tables(places: list[Path], *, image: str | None, target: Any, notes: list[str]) -> list[tuple[list[Path], np.ndarray]]:
    """Return for each CSV the files that a column names, and the targets."""
    if image is None or target is None:
        missing = "image" if image is None else "target"
        raise ConfigError(f"data.path={places[0]} is a file, and data.{missing} was not given; type data.{missing}=COLUMN")
    names = [str(name) for name in as_list(target)]
    tables = []
    for place in places:
        file = open_table(str(place), dialect=Dialect())
        for setting, column in (("image", str(image)), *(("target", name) for name in names)):
            if column not in file.names:
                hint = did_you_mean(column, file.names) or f"; it has {', '.join(file.names[:6])}"
                raise DataError(f"data.{setting}: no column {quoted(column)} in {file.name}{hint}")
        tables.append(file.read(file.names, text=file.names))
        notes += file.notes
    labels = read_targets(tables, names=names, decimal=".", na=_MISSING, notes=notes)
    return [(_named(table, place.parent, str(image)), y) for table, place, y in zip(tables, places, labels, strict=True)]


def _named(table: Table, folder: Path, column: str) -> list[Path]:
    """Return the files that a column names; raise DataError for one outside the table's own folder."""
    root, files = folder.resolve(), []
    for row, name in enumerate(table.frame[column].str.strip()):
        file = (folder / name).resolve()
        if not name or "\0" in name or root not in file.parents:
            raise DataError(f"{table.where(row)}: image {quoted(name)} lies outside the CSV's folder; name a file below it")
        files.append(folder / name)
    return files
