"""What a finished run came to, told from its record: the story, the gap taken apart, and the best of a sweep."""

from __future__ import annotations

from pathlib import Path

from lossmetric_cli.errors import ConfigError
from lossmetric_cli.explain import explain, is_name, page
from lossmetric_cli.record import Record, is_sweep, reading

#: The run or sweep that ended last, under the default `out`.
LATEST = Path("outputs") / "latest"
#: Letters of a file's name that no disk has.
LONGEST = 255


def answer(words: list[str], *, width: int | None = None) -> str:
    """Return the pages of `lmrun explain WORDS`: the stories of run folders, `gap` with a folder, else what names mean.

    Raises ConfigError for a word that names nothing, and for a folder that holds no run.
    """
    width = width or page.terminal_width()
    folders = [folder for folder in map(_folder, words) if folder]
    names = [word for word in words if not _folder(word)]
    if not folders:
        return explain(names, width=width)
    told = [explain(names, width=width)] if names and names != ["gap"] else []
    return "\n\n".join([*told, *(_told(folder, is_gap=names == ["gap"], width=width) for folder in folders)])


def _folder(word: str) -> Path | None:
    """Return the folder that a word names, None for a word that is a name or an override."""
    path = Path(word)
    if max(map(len, path.parts), default=0) > LONGEST:
        return None
    if (path / "run.json").exists() or is_sweep(path):
        return path
    if word == "latest":
        return LATEST
    if "=" in word or is_name(word):
        return None
    is_path = path.is_dir() or ("/" in word and (path.is_absolute() or Path(path.parts[0]).is_dir()))
    return path if is_path else None


def _told(folder: Path, *, is_gap: bool, width: int) -> str:
    from lossmetric_cli.story import gaps, runs, sweeps  # what names mean is told without them

    if is_gap and is_sweep(folder):
        raise ConfigError(f"{folder} is a sweep, and a gap is that of a run; type lmrun explain gap {folder}/0")
    with reading(folder):
        if is_sweep(folder):
            rows = sweeps.story(folder, width=width)
        else:
            rows = (gaps if is_gap else runs).story(Record.read(folder), width=width)
    return page.printable(page.laid_out(rows, width=width, is_bold=page.is_bold_wanted()))
