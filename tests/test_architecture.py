"""The shape of the house: imports go down, heavy packages stay where they belong, and all writing goes through one door."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from lossmetric_cli import shipped

PACKAGE = "lossmetric_cli"
FILES = sorted(shipped.PACKAGE.rglob("*.py"))

#: Each floor imports from the floors below it only. A new module gets a place here.
FLOORS = [
    ["errors", "task", "catalog", "shipped", "text"],
    ["ranges", "yaml_files", "console", "alarm"],
    ["store", "spec", "masking", "build", "outputs", "quantiles", "downloads", "sampling"],
    ["record", "data", "models", "losses", "metrics", "optimizers", "devices", "feed", "anatomy", "verdicts", "explain"],
    ["state"],
    ["rivals", "callbacks", "checks", "export", "plots", "baselines", "weights", "gap", "intervals", "columns"],
    ["contest", "compiling", "headlines"],
    ["assembly", "progress"],
    ["preview", "training"],
    ["runner", "sweep"],
    ["folds", "evaluation"],
    ["shipping"],
    ["story"],
    ["report"],
    ["cli", "_hydra"],
    ["__init__", "__main__"],
]
FLOOR = {module: number for number, modules in enumerate(FLOORS) for module in modules}
#: What Keras lacks, each a stranger to the others: what they share is below them.
SIBLINGS = ["data", "models", "losses", "metrics", "callbacks"]

#: Who may import a package at all, and who of them as soon as it is imported itself.
AT_ALL = {
    "keras": [
        *("anatomy", "assembly", "baselines", "callbacks", "checks", "contest", "data", "devices", "export"),
        *("feed", "gap", "intervals", "losses", "metrics", "models", "optimizers", "preview", "quantiles"),
        *("columns", "compiling", "sampling", "state"),
    ],
    "tensorflow": [
        "anatomy",
        "checks",
        "columns",
        "devices",
        "export",
        "feed",
        "gap",
        "intervals",
        "losses",
        "state",
        "training",
    ],
    "pandas": ["data", "folds", "plots", "record", "report", "sweep", "verdicts"],
    "sklearn": ["data", "metrics", "rivals"],
    "catboost": ["rivals"],
    "PIL": ["data"],
    "tensorflow_datasets": ["data"],
    "matplotlib": ["plots"],
    "jinja2": ["report"],
    "rich": ["console"],
    "hydra": ["cli", "_hydra"],
    "omegaconf": ["cli", "_hydra", "spec", "masking"],
    "yaml": ["cli", "yaml_files"],
}
INSIDE_FUNCTIONS = {
    "keras": ["data", "devices"],
    "tensorflow": ["devices"],
    "pandas": ["data", "record", "report", "sweep", "verdicts"],
    "sklearn": ["data", "metrics", "rivals"],
    "catboost": ["rivals"],
    "PIL": ["data"],
    "tensorflow_datasets": ["data"],
}
#: What makes, renames and removes files and folders.
CHANGES = ("mkdir", "makedirs", "rename", "symlink_to", "touch", "unlink", "rmdir", "truncate", "fsync")
HEAVY = ["tensorflow", "keras", "pandas", "matplotlib", "sklearn", "numpy"]


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def module(file: Path) -> str:
    """Return the module of the table that a file belongs to: `data` for data/tables.py."""
    return file.relative_to(shipped.PACKAGE).parts[0].removesuffix(".py")


def imports(file: Path, *, at_top: bool = False) -> Iterator[str]:
    """Yield the full names of what a file imports; `at_top` leaves out what functions import."""
    for node in tree(file).body if at_top else ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(file: Path) -> set[str]:
    """Return the modules of the table that a file imports, but for its own."""
    found = {name.split(".")[1] for name in imports(file) if name.startswith(f"{PACKAGE}.")}
    return found - {module(file)}


def calls(file: Path) -> Iterator[tuple[str, ast.Call]]:
    """Yield the last word of the name of each call, and the call."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Call):
            yield getattr(node.func, "attr", getattr(node.func, "id", "")), node


def has_write_mode(call: ast.Call) -> bool:
    """Return whether a call of open has a mode that writes."""
    words = [
        node.value for node in [*call.args, *(keyword.value for keyword in call.keywords)] if isinstance(node, ast.Constant)
    ]
    return any(isinstance(word, str) and set(word) <= set("rwaxbt+") and set(word) & set("wax+") for word in words)


def by_file(files: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("file", files, ids=lambda file: file.relative_to(shipped.PACKAGE).as_posix())


def test_every_module_has_a_floor():
    assert {module(file) for file in FILES} == set(FLOOR)


@by_file(FILES)
def test_imports_go_down(file: Path):
    assert not {name for name in own_imports(file) if FLOOR[name] >= FLOOR[module(file)]}


@by_file([file for file in FILES if module(file) in SIBLINGS])
def test_siblings_do_not_import_each_other(file: Path):
    assert not own_imports(file) & set(SIBLINGS)


@by_file(FILES)
def test_packages_are_imported_where_they_belong(file: Path):
    assert not {name for name in imports(file) if module(file) not in AT_ALL.get(name.split(".")[0], [module(file)])}


@by_file(FILES)
def test_packages_that_take_long_are_imported_late_where_the_command_line_passes(file: Path):
    top = {name.split(".")[0] for name in imports(file, at_top=True)}
    assert not {name for name in top if module(file) in INSIDE_FUNCTIONS.get(name, [])}


@pytest.mark.parametrize("name", ["cli", "cli.app", "cli.words", "cli.faults", "cli.help", "cli.jobs"])
def test_the_command_line_is_imported_without(name: str):
    light = ["numpy"] if name == "cli.jobs" else []  # sweep and record are with it
    heavy = [package for package in HEAVY if package not in light]
    code = f"import sys, {PACKAGE}.{name}; sys.exit(' '.join(set({heavy}) & set(sys.modules)) or None)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == ""


@by_file([file for file in FILES if module(file) != "store"])
def test_only_the_store_writes_files(file: Path):
    writes = [f"line {call.lineno}: {name}" for name, call in calls(file) if name in ("write_text", "write_bytes")]
    writes += [f"line {call.lineno}: {name}" for name, call in calls(file) if name in CHANGES]
    writes += [f"line {call.lineno}: open" for name, call in calls(file) if name == "open" and has_write_mode(call)]
    assert not writes


@by_file(FILES)
def test_nothing_runs_text_or_unpickles(file: Path):
    forbidden = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
    assert not {name for name in imports(file) if name.split(".")[0] in forbidden}
    assert not [
        call.lineno for _, call in calls(file) if getattr(call.func, "id", "") in ("eval", "exec", "compile", "__import__")
    ]
    assert not [call.lineno for _, call in calls(file) if any(keyword.arg == "shell" for keyword in call.keywords)]


@by_file(FILES)
def test_no_check_is_an_assert_which_python_may_leave_out(file: Path):
    assert not [node.lineno for node in ast.walk(tree(file)) if isinstance(node, ast.Assert)]


@by_file(FILES)
def test_no_function_is_longer_than_60_lines_and_no_file_than_350(file: Path):
    functions = [node for node in ast.walk(tree(file)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert not [node.name for node in functions if node.end_lineno - node.lineno >= 60]
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 350


@by_file(FILES)
def test_file_starts_with_a_sentence_that_says_what_it_is_for(file: Path):
    assert (ast.get_docstring(tree(file)) or "").splitlines()[0].endswith(".")


def test_a_call_that_writes_is_recognised():
    source = "open('x', 'w'); p.open('ab'); p.open(mode='r+'); open('w'); p.open(); p.open('r'); open('rw.txt')"
    assert [has_write_mode(node.value) for node in ast.parse(source).body] == [True, True, True, True, False, False, False]
