"""Texts by class: a folder of them, and made-up reviews to try a model on."""

from __future__ import annotations

from pathlib import Path

from lossmetric_cli.data.columns import Column
from lossmetric_cli.data.dataset import Dataset
from lossmetric_cli.data.encoder import Recipe
from lossmetric_cli.data.sentences import counted, placed
from lossmetric_cli.errors import DataError

#: Keeps the draws of the texts apart from the split's of the same seed.
_TEXT_STREAM = 6
_GOOD = ("wonderful", "delightful", "great", "moving", "clever", "fun")
_BAD = ("dull", "awful", "boring", "clumsy", "weak", "endless")
_PLAIN = ("the", "film", "story", "was", "and", "its", "cast", "a", "bit", "with", "music", "scenes", "of", "this")


def text(
    *, path: str, test_path: str | None = None, words: int = 20_000, text_length: int | None = None, encoding: str = "utf-8"
) -> Dataset:
    """Return texts in folders by class: `path/CLASS/*.txt`, x (rows,) of text and y the folders' names.

    `test_path` is a folder of the same classes whose texts are only tested on. The `words` most frequent words of the
    training texts are known, `text_length` of each text are kept (None: as many as 95 of 100 of them have, up to 256).

    Raises DataError for a folder without classes, and for a file that is no text, by its name.
    """
    rows, notes = _read_folder(path, encoding=encoding)
    apart = _read_folder(test_path, encoding=encoding) if test_path else None
    return Dataset(
        x={"text": rows["text"]},
        y=rows["label"],
        columns=(Column("text", "text"),),
        recipe=Recipe(words=words, length=text_length),
        target_names=("class",),
        test=({"text": apart[0]["text"]}, apart[0]["label"]) if apart else None,
        notes=tuple(notes),
    )


def reviews(*, rows: int = 1000, length: int = 12, seed: int) -> Dataset:
    """Return made-up reviews of films, good or bad: plain words, and one or two that tell which (one in ten misleads)."""
    import numpy as np

    random = np.random.default_rng([seed, _TEXT_STREAM])
    y = random.integers(0, 2, rows)
    texts = []
    for label in y:
        said = list(random.choice(_PLAIN, int(random.integers(3, length))))
        for _ in range(int(random.integers(1, 3))):
            is_good = bool(label) if random.random() > 0.1 else not label
            said.insert(int(random.integers(0, len(said) + 1)), str(random.choice(_GOOD if is_good else _BAD)))
        texts.append(" ".join(map(str, said)))
    return Dataset(
        x={"text": np.array(texts, dtype="object")},
        y=y,
        kind="binary",
        columns=(Column("text", "text"),),
        recipe=Recipe(),
        class_names=("bad", "good"),
    )


def _read_folder(path: str, *, encoding: str) -> tuple[dict, list[str]]:
    import numpy as np

    root = Path(path).expanduser()
    if not root.is_dir():
        table = ", and a table of texts is data=csv" if root.is_file() else ""
        raise DataError(
            f"data.path={placed(path)} is no folder; data=text wants one with a folder of .txt files a class{table}"
        )
    folders = sorted(folder for folder in root.iterdir() if folder.is_dir() and not folder.name.startswith("."))
    files = [(file, folder.name) for folder in folders for file in sorted(folder.glob("*.txt"))]
    full = len({name for _, name in files})
    if full < 2:
        told = f"{placed(path)} has {counted(full, 'folder')} with .txt files, and classes are two or more"
        raise DataError(f"{told}; put the texts of each class into a folder of its name")
    _refuse_links(root, [file for file, _ in files])
    texts = [_read_text(file, encoding=encoding) for file, _ in files]
    empty = sum(not words.split() for words in texts)
    notes = [f"{counted(empty, 'text')} of {len(texts):,} without a word"] if empty else []
    return {"text": np.array(texts, dtype="object"), "label": np.array([name for _, name in files])}, notes


def _refuse_links(root: Path, files: list[Path]) -> None:
    """Refuse files that are elsewhere: their words would stand in model.keras."""
    for file in files:
        if root.resolve() not in file.resolve().parents:
            raise DataError(f"{placed(file)} is a link out of {placed(root)}; copy what it names there")


def _read_text(file: Path, *, encoding: str) -> str:
    try:
        return file.read_bytes().decode(encoding).removeprefix("\ufeff")
    except LookupError as error:
        raise DataError(f"data.encoding={encoding} is unknown; try utf-8 or latin-1") from error
    except UnicodeError as error:
        raise DataError(f"{file.parent.name}/{file.name} is not {encoding.upper()}; try data.encoding=latin-1") from error
