"""The README is true: its commands run, its messages are the ones printed, its picture and files are there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines() if line.startswith("lmrun")]
TABLE = re.findall(r"^\| `(.*?)`(?:, and there is none)? \| `(.*)` \|$", README, re.MULTILINE)


@pytest.fixture
def files(tmp_path):
    """The files that the README's "Your own data" reads."""
    rows = [f"{i % 7}.5,{i % 5},{('red', 'blue')[i % 2]},{('rose', 'iris')[i % 7 > 3]}" for i in range(80)]
    (tmp_path / "flowers.csv").write_text("\n".join(["length,width,colour,species", *rows]), encoding="utf-8")
    rows = [f"{40 + i % 9},{('Oslo', 'Rome')[i % 2]},{1000 * (i % 9) + i},{('yes', 'no')[i % 5 > 2]}" for i in range(60)]
    (tmp_path / "sales.csv").write_text("\n".join(["size,city,price,sold", *rows]), encoding="utf-8")
    rows = [f"2026-01-{1 + i // 24:02d} {i % 24:02d}:00,{(i % 24 - 12) ** 2 + i % 5}" for i in range(200)]
    (tmp_path / "load.csv").write_text("\n".join(["when,load", *rows]), encoding="utf-8")
    random = np.random.default_rng(0)
    for label in ("cat", "dog"):
        (tmp_path / "pets" / label).mkdir(parents=True)
        (tmp_path / "reviews" / label).mkdir(parents=True)
        for number in range(12):
            picture = random.integers(0, 255, (20, 30, 3), dtype="uint8")
            Image.fromarray(picture).save(tmp_path / "pets" / label / f"{number}.png")
            (tmp_path / "reviews" / label / f"{number}.txt").write_text(f"the {label} number {number} was here")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_runs(lmrun, files, command):
    words = shlex.split(command, comments=True)[1:]
    if "outputs/latest" in words:
        lmrun("data=iris", "epochs=1", "plots=[]")
    if "outputs/sweeps/latest" in words:
        lmrun("-m", "data=iris", "epochs=1", "plots=[]", "seed=0,1")
    if words[0] in ("help", "explain", "list", "check"):
        assert lmrun(*words).out
    elif words[0] in ("eval", "export", "report"):
        assert lmrun(*words).folder.exists()
    elif "hydra/launcher=joblib" not in words:
        words = [*(word for word in words if not word.startswith("epochs=")), "epochs=1", "plots=[]"]
        assert lmrun(*words).folder.is_dir()


def test_the_saved_model_answers_the_row_that_the_readme_shows(lmrun, files):
    lmrun("data=csv", "data.path=flowers.csv", "data.target=species", "epochs=1", "plots=[]")
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)[1]
    names = {"keras": keras, "np": np}
    exec(code.replace("model({", "answer = model({"), names)  # noqa: S102
    assert names["answer"].shape == (1, 1)


@pytest.mark.parametrize(("words", "message"), TABLE, ids=[words for words, _ in TABLE])
def test_every_message_is_the_one_printed(lmrun, words, message):
    run = lmrun(*shlex.split(words), code=None)
    assert run.code != 0
    assert message in run.err.replace("`", "")


def test_the_first_command_prints_what_the_readme_shows(lmrun):
    """Line by line, figures aside: they are of the machine that the README was written on."""
    shown = re.search(r"```text\n(.*?)```", README, re.DOTALL)[1].splitlines()
    printed = lmrun("loss=categorical_crossentropy", "metrics=[auc]", "epochs=30", "plots=[]").err.splitlines()

    def shape(line: str) -> str:
        return re.sub(r"[\d.]+|★|outputs/\S*", "", " ".join(line.split())).strip()

    assert [shape(line) for line in shown[:5]] == [
        re.sub(r"CPU \d+ threads?", "CPU  threads", shape(line)) for line in printed[:5]
    ]
    assert shown[5].split() == printed[5].split()
    assert [line.split()[:1] for line in shown[-4:]] == [line.split()[:1] for line in printed[-4:]]


def test_the_checks_print_what_the_readme_shows(lmrun):
    shown = re.findall(r"^lmrun: error: .*$", README, re.MULTILINE)
    run = lmrun("check", "loss=categorical_crossentropy", "model.output_activation=sigmoid", "class_weight={99:2}", code=2)
    assert run.err.splitlines() == shown


def test_every_folder_and_picture_that_it_names_is_there():
    for path in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / path).exists(), path
    tree = re.search(r"## How it is made\n\n```\n(.*?)```", README, re.DOTALL)[1]
    rows = [line for line in tree.splitlines() if line.startswith("  ") and not line.startswith("   ")]
    for row in rows:
        for name in re.split(r"\s{2,}", row.strip())[0].split():
            assert list(ROOT.glob(f"*/{name.rstrip('/')}*")), name


def test_every_module_stands_in_the_tree():
    tree = re.search(r"lossmetric_cli/\n(.*?)outputs/", README, re.DOTALL)[1]
    for module in (ROOT / "lossmetric_cli").iterdir():
        if module.stem[:2] != "__" and module.suffix in ("", ".py"):
            assert re.search(rf"\b{module.stem}\b", tree), module


def test_every_experiment_is_indexed():
    for file in (ROOT / "experiments").glob("*.yaml"):
        assert f"experiment={file.stem}`" in README
