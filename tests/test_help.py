"""What help says: every name, in any width, on stdout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lossmetric_cli import shipped
from lossmetric_cli.cli.help import group_help, overview, verb_help

GROUPS = [*shipped.groups(), "experiment"]


def names_in(text: str) -> set[str]:
    return set(re.findall(r"[\w/]+", text))


@pytest.mark.parametrize(
    "words", [["help"], ["--help"], ["-h"], ["loss=mse", "--help"], ["-m", "-h"], ["--hydra-help"]], ids=" ".join
)
def test_help_is_printed_and_nothing_is_run(lmrun, tmp_path: Path, words: list[str]):
    outcome = lmrun(*words)
    assert outcome.out.startswith("lmrun trains a Keras model")
    assert outcome.err == ""
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("width", [20, 80, 200])
def test_overview_names_every_group_and_every_option(width: int):
    names = {name for group in GROUPS for name in shipped.options(group).keys() - shipped.aliases(group)}
    assert not {*names, *GROUPS} - names_in(overview(width))


@pytest.mark.parametrize("width", [20, 80])
def test_overview_keeps_to_the_width_where_a_name_fits_it(width: int):
    lines = overview(width).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("data "))
    end = next(number for number, line in enumerate(lines) if line.startswith("  lmrun help GROUP"))
    assert not [line for line in lines[start:end] if len(line) > width and len(line.split()) > 1]


def test_overview_is_as_wide_as_the_terminal(shell):
    narrow, wide = (shell("help", env={"COLUMNS": columns}).out for columns in ("40", "200"))
    assert narrow.count("\n") > wide.count("\n")


@pytest.mark.parametrize("group", GROUPS)
def test_help_of_a_group_has_each_option_with_its_aliases_and_its_line(lmrun, monkeypatch, group: str):
    monkeypatch.delenv("COLUMNS", raising=False)
    outcome = lmrun("help", group)
    assert outcome.err == ""
    assert set(shipped.options(group)) <= names_in(outcome.out)
    aliases = shipped.aliases(group)
    for name, file in shipped.options(group).items():
        if name not in aliases:
            assert re.search(rf"^{name}  .*{re.escape(shipped.help_line(file))}( \[.+\])?$", outcome.out, re.MULTILINE)


@pytest.mark.parametrize("width", [40, 80])
def test_help_of_a_group_keeps_to_the_width_where_a_word_fits_it(width: int):
    lines = group_help("loss", width).splitlines()
    assert not [line for line in lines if len(line) > width and len(line.split()) > 1]
    assert "binary_crossentropy" in {line.split()[0] for line in lines}


def test_help_of_two_groups_is_both(lmrun):
    assert lmrun("help", "loss", "data").out == lmrun("help", "loss").out + "\n" + lmrun("help", "data").out


def test_help_of_a_verb_has_its_commands_the_words_it_takes_and_its_exit_codes(lmrun):
    out = lmrun("help", "resume").out
    assert re.search(r"^  lmrun resume outputs/latest\s+go on with a run that was left", out)
    assert re.findall(r"^  (epochs|fork|exact|exit code 7)", out, re.MULTILINE) == ["epochs", "fork", "exact", "exit code 7"]
    assert re.findall(r"lmrun explain [\w ]+", lmrun("help", "explain").out) == [
        *("lmrun explain NAME", "lmrun explain outputs", "lmrun explain gap outputs"),
    ]


def test_every_verb_has_help(lmrun):
    typed = {command.split()[1] for command in re.findall(r"^  (lmrun [a-z]+(?: .*)?)$", overview(80), re.MULTILINE)}
    for verb in typed - {"help"}:
        assert f"lmrun {verb}" in lmrun("help", verb).out


def test_help_of_what_is_a_verb_and_a_group_is_both(lmrun):
    out = lmrun("help", "check").out
    assert "lmrun check [WORDS]" in out
    assert re.search(r"^strict ", out, re.MULTILINE)


@pytest.mark.parametrize("width", [20, 80])
def test_help_of_a_verb_stands_below_its_words_on_a_narrow_terminal(width: int):
    assert "\n  fork=true\n      a new run that begins with its weights" in verb_help("resume", width)


def test_help_of_an_unknown_group_says_which_was_meant(lmrun):
    outcome = lmrun("help", "los", code=2)
    assert outcome.err == "lmrun: error: unknown group 'los'; did you mean 'loss'? (lmrun help lists them)\n"
    assert outcome.out == ""


@pytest.mark.parametrize("words", [["--version"], ["loss=mse", "--version"]], ids=" ".join)
def test_version_is_lmruns_own(lmrun, words: list[str]):
    assert re.fullmatch(r"lmrun \d+\.\d+\.\d+\S*\n", lmrun(*words).out)


def test_the_config_is_shown_with_every_setting_and_without_hydras_own(lmrun):
    shown = lmrun("--cfg", "job", "epochs=3").out
    assert "epochs: 3\n" in shown
    assert "hydra:" not in shown


def test_a_part_of_the_config_is_shown(lmrun):
    assert lmrun("--cfg", "job", "-p", "optimizer").out.startswith("# @package optimizer\n_target_: keras.optimizers.Adam\n")


@pytest.mark.parametrize(
    ("what", "told"), [("searchpath", "lmrun://names"), ("defaults", "model/mlp"), ("plugins", "NameSource")]
)
def test_hydra_tells_of_itself(shell, what: str, told: str):
    assert told in shell("--info", what).out


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        pytest.param("lmrun loss=mean_sq", {"loss=mean_squared_error", "loss=mean_squared_logarithmic_error"}, id="an-option"),
        pytest.param("lmrun experiment=head", {"experiment=headline"}, id="an-experiment"),
        pytest.param("lmrun exp", {"experiment="}, id="a-group"),
        pytest.param("lmrun loss=mse optimizer.wei", {"optimizer.weight_decay="}, id="a-key"),
        pytest.param("lmrun loss=mi", {"loss=mine"}, id="an-option-of-your-own"),
    ],
)
def test_shell_completes(lmrun, tmp_path: Path, monkeypatch, typed: str, completed: set[str]):
    (tmp_path / "conf" / "loss").mkdir(parents=True)
    (tmp_path / "conf" / "loss" / "mine.yaml").write_text("# Mine.\n_target_: keras.losses.Huber\n")
    monkeypatch.setenv("COMP_LINE", typed)
    monkeypatch.setenv("COMP_POINT", str(len(typed)))
    assert set(lmrun("-sc", "query=bash").out.split()) == completed


def test_the_module_runs_from_any_folder(shell, tmp_path: Path):
    (tmp_path / "a folder of mine").mkdir()
    outcome = shell("--version", cwd=tmp_path / "a folder of mine")
    assert outcome.out.startswith("lmrun ")
    assert outcome.err == ""


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path):
    command = [sys.executable, "-m", "lossmetric_cli", "help"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=tmp_path, env={**os.environ, "PYTHONUNBUFFERED": ""}, **pipes) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 141
