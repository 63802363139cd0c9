"""Let no one in: what strangers send runs nothing, writes nowhere else, calls nobody, keeps no secret, and is answered."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from hostile import data, guard, records, secret, yamls
from hostile.case import CANARY, MARK, TYPED, Case, contents, make
from pages import Page

CORPUS = [*yamls.CASES, *data.CASES, *records.CASES, *secret.CASES]
#: A module of the user's own that does all that the guard is there to see.
OPEN_HOUSE = """
import os, pickle, socket, subprocess
os.system("true")
subprocess.run(["true"])
open("../outside/x", "w").close()
os.mkdir("../outside/y")
socket.socket(socket.AF_UNIX).connect_ex("nobody")
pickle.loads(pickle.dumps(os.getcwd))
"""


@dataclass(frozen=True)
class Answer:
    """What lmrun said to a case, and what the guard saw it do."""

    code: int
    out: str
    err: str
    seen: list[str]
    seconds: float
    folder: Path


def ask(cases: list[Case], root: Path, *, run: Path) -> dict[str, Answer]:
    """Return what lmrun answers to some cases, one after the other in a guarded process of their own."""
    folders = {case.id: root / f"{number:03d}" / "here" for number, case in enumerate(cases)}
    for case in cases:
        make(case, folders[case.id], run=run)
    told = ("id", "words", "part", "node", "writes", "runs")
    asked = [{**{name: getattr(case, name) for name in told}, "folder": str(folders[case.id])} for case in cases]
    home = {"HOME": str(root / "home"), "TMPDIR": str(root / "tmp"), "MPLCONFIGDIR": str(root / "home" / "matplotlib")}
    shutil.copytree(matplotlib.get_cachedir(), home["MPLCONFIGDIR"])  # else it asks the system for its fonts, which takes long
    (root / "tmp").mkdir()
    done = subprocess.run(
        [sys.executable, guard.__file__],
        input=json.dumps(asked),
        env={**os.environ, **home, "LMRUN_CANARY_SECRET": CANARY},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return {id: Answer(**told, folder=folders[id]) for id, told in json.loads(done.stdout).items()}


@pytest.fixture(scope="module")
def run(run_once: Callable[..., Any]) -> Path:
    """A real run folder, whose copies strangers change."""
    return run_once("data=iris", "epochs=1").folder


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory, run: Path) -> dict[str, Answer]:
    halves = [[case for case in CORPUS if case.is_heavy == is_heavy] for is_heavy in (True, False)]
    with ThreadPoolExecutor() as pool:
        told = pool.map(lambda half: ask(half, tmp_path_factory.mktemp("hostile"), run=run), halves)
        return dict(item for answered in told for item in answered.items())


by_case = pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.id)


def test_the_corpus_has_more_than_a_hundred_cases_each_of_its_own_name():
    assert len({case.id for case in CORPUS}) == len(CORPUS) > 100


@by_case
def test_a_stranger_is_answered_in_a_line_with_its_exit_code(answers: dict[str, Answer], case: Case):
    told = answers[case.id]
    said = told.out + told.err
    assert told.code == case.code, said
    assert re.search(case.says, said), said
    assert not re.search(r"Traceback|lmrun: bug|[\x00-\x08\x0b-\x1f\x7f-\x9f]", said), said
    assert len(re.findall("^lmrun: error: ", told.err, re.MULTILINE)) == (case.code in (2, 3, 5)), said


@by_case
def test_nothing_of_a_stranger_runs_writes_elsewhere_or_connects(answers: dict[str, Answer], case: Case):
    told = answers[case.id]
    assert told.seen == []
    assert not list(told.folder.parent.rglob(MARK))
    assert (told.folder.parent / "outside" / "precious.txt").read_text() == "untouched"
    given = {Path(name).name for name in case.files if name.startswith("../outside/")}
    assert {file.name for file in (told.folder.parent / "outside").iterdir()} == {"precious.txt", *given}


@by_case
def test_no_secret_is_written(answers: dict[str, Answer], case: Case):
    written = [told for name in case.writes for told in (answers[case.id].folder / name).rglob("*")]
    assert not [file for file in written if CANARY in str(file) or TYPED in str(file)]
    told = {file: list(contents(file)) for file in written if file.is_file() and not file.is_symlink()}
    assert not [file for file, parts in told.items() for part in parts if CANARY.encode() in part or TYPED.encode() in part]


def test_a_page_of_a_stranger_has_no_script_and_nothing_of_another(answers: dict[str, Answer]):
    pages = [answers[case.id].folder / "theirs" / "report.html" for case in records.CASES if case.words == records.PAGE]
    read = {file: Page(file.read_text(encoding="utf-8")) for file in pages if not file.is_symlink()}
    assert len(read) > 8
    assert {file: page.faults for file, page in read.items() if page.faults} == {}
    assert not [file for file, page in read.items() for _, picture in page.pictures if b"untouched" in picture]


def test_what_the_environment_answers_stays_a_question_in_the_config_that_runs_again(answers: dict[str, Answer]):
    (config,) = answers["secrets-of-a-run"].folder.glob("outputs/*/*/.hydra/config.yaml")
    assert f"path: x/{secret.DOOR}" in config.read_text()
    (job,) = answers["secrets-of-a-run-that-fails"].folder.glob("outputs/sweeps/*/*/0")
    assert (job / "error.log").read_text().count("***") > 3
    assert "LMRUN_CANARY_SECRET" in (job.parent / "results.csv").read_text()


def test_words_of_a_table_keep_their_letters_where_only_a_program_reads_them(answers: dict[str, Answer]):
    (run,) = answers["csv-of-words-that-do-things"].folder.glob("outputs/*/*/run.json")
    assert json.loads(run.read_text())["task"]["classes"] == sorted(data.WORDS)


def test_the_guard_sees_what_it_is_for(tmp_path: Path, run: Path):
    case = Case("open", "", part="loss", node={"_target_": "mine.x"}, files={"mine.py": OPEN_HOUSE})
    seen = " ".join(ask([case], tmp_path, run=run)["open"].seen)
    for what in (
        "exec runs",
        "os.system",
        "subprocess.Popen",
        "open writes",
        "os.mkdir writes",
        "socket.connect",
        "find_class",
    ):
        assert what in seen
