"""Where the YAML is: the options and experiments that come with lmrun, and the user's own."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
#: Groups that take several options at once; their files carry `# @package <group>.<option>` on line 1.
MANY = ("metrics", "callbacks", "plots")


def folder(name: str) -> Path:
    """Return our `conf` or `experiments`: inside the package when installed, beside it in a clone."""
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent / name


def folders(name: str) -> list[Path]:
    """Return our folder and, when there is one, the user's of the same name in the working folder.

    A clone of lmrun is nobody's own: its folders are ours, or an older copy of ours.
    """
    own = Path.cwd() / name
    is_clone = (Path.cwd() / PACKAGE.name / Path(__file__).name).is_file()
    return [folder(name), own] if own.is_dir() and not is_clone else [folder(name)]


def groups() -> list[str]:
    """Return the groups of options, nested ones as `optimizer/learning_rate`."""
    found = {
        str(file.parent.relative_to(root)) for root in folders("conf") for file in root.rglob("*.yaml") if file.parent != root
    }
    return sorted(group for group in found if not group.startswith("hydra"))


def options(group: str) -> dict[str, Path]:
    """Return the options of a group by name; ours win over the user's of the same name."""
    roots = reversed(folders("experiments")) if group == "experiment" else (f / group for f in reversed(folders("conf")))
    return {file.stem: file for root in roots for file in sorted(root.glob("*.yaml"))}


def shadowed() -> list[Path]:
    """Return the user's option files that have the name of one of ours in its group."""
    ours, *own = folders("conf")
    files = sorted(file for folder in own for file in folder.rglob("*.yaml") if file.parent != folder)
    return [file for file in files if (ours / file.relative_to(Path.cwd() / "conf")).exists()]


def help_line(file: Path) -> str:
    """Return the first comment of a YAML file that is no `@package` line: its one-line help."""
    for line in _text(file).splitlines():
        if line.startswith("#") and "@package" not in line:
            return line.lstrip("# ").strip()
    return ""


def shown(file: Path) -> str:
    """Return a file's path as the user knows it: from the working folder on, where it lies below that."""
    return str(file.relative_to(Path.cwd()) if Path.cwd() in file.parents else file)


def aliases(group: str) -> dict[str, str]:
    """Return what each alias of a group stands for."""
    lines = {
        name: re.search(r"^defaults: *\[(\w+)(?:@\w+)?\]$", _text(file), re.MULTILINE) for name, file in options(group).items()
    }
    return {name: found[1] for name, found in lines.items() if found}


def parameters(group: str) -> dict[str, dict[str, str]]:
    """Return, for each `_target_` of a group's option files, the keys that those files write out and their defaults.

    Read as text, line by line, because a YAML parser takes half a second for all of them.
    """
    keys: dict[str, dict[str, str]] = {}
    for file in options(group).values():
        name = target(file)
        if name:
            keys.setdefault(name, {}).update(re.findall(r"^([A-Za-z_]\w*): *(.*?)(?: *#.*)?$", _text(file), re.MULTILINE))
    return keys


def target(file: Path) -> str | None:
    """Return the `_target_` that an option file writes out; an alias writes none."""
    found = re.search(r"^_target_: *(\S+)", _text(file), re.MULTILINE)
    return found[1] if found else None


@cache
def targets() -> frozenset[str]:
    """Return every `_target_` that a file of ours names: what of lmrun itself a config may reach."""
    files = [file for name in ("conf", "experiments") for file in folder(name).rglob("*.yaml")]
    return frozenset(name for file in files for name in re.findall(r"_target_: *([\w.]+)", _text(file)))


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""  # a link may name a device
