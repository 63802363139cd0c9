"""What a run keeps of secrets and of what the environment answers: nothing, and the question."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hostile.case import contents
from omegaconf import DictConfig, OmegaConf

from lossmetric_cli import masking
from lossmetric_cli.text import tame, without


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> DictConfig:
    monkeypatch.setenv("LMRUN_TEST_DOOR", "open-sesame")
    return OmegaConf.create(
        {
            "epochs": 3,
            "monitor": "env",
            "data": {
                "_target_": "mine.rows",
                "password": 123456,
                "api_key": "${oc.env:LMRUN_TEST_DOOR}",
                "door": "${ oc.${monitor}: LMRUN_TEST_DOOR }/x",
                "copy": "knock ${data.password}",
                "credentials": {"user": "me"},
                "max_tokens": 20,
                "verify_token": True,
                "rows": "${epochs}",
            },
            "metrics": {"token_accuracy": {"_target_": "mine.accuracy", "name": "x"}},
            "class_weight": {"secret": 10},
        }
    )


def test_resolved_config_holds_neither_secrets_nor_what_the_environment_says(config: DictConfig):
    shown = masking.masked(config)
    hidden = ("password", "api_key", "door", "copy")
    assert [shown["data"][key] for key in hidden] == ["***"] * len(hidden)
    assert shown["data"]["credentials"] == {"user": "***"}
    assert (shown["data"]["max_tokens"], shown["data"]["verify_token"], shown["data"]["rows"]) == (20, True, 3)
    assert shown["metrics"]["token_accuracy"] == {"_target_": "mine.accuracy", "name": "x"}
    assert shown["class_weight"] == {"secret": 10}


def test_config_that_runs_again_keeps_the_questions_and_no_secret(config: DictConfig):
    shown = masking.unresolved(config)["data"]
    assert [shown["password"], shown["api_key"]] == ["***", "${oc.env:LMRUN_TEST_DOOR}"]
    assert shown["door"] == "${ oc.${monitor}: LMRUN_TEST_DOOR }/x"
    assert shown["copy"] == "knock ${data.password}"


def test_secrets_are_what_stands_for_them_and_what_was_heard(config: DictConfig):
    assert masking.secrets(config) == ["open-sesame/x", "open-sesame", "123456"]


def test_the_environment_is_asked_as_ever_afterwards(config: DictConfig):
    masking.masked(config)
    assert config.data.api_key == "open-sesame"


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("epochs=3", "epochs=3"),
        ("+data.api_key=x", "+data.api_key=***"),
        ("+data.api_key=${oc.env:X}", "+data.api_key=${oc.env:X}"),
        ("+data.api_key=${oc.env:X,fallback}", "+data.api_key=***"),
        ("+data.login={user: me, password: x}", "+data.login=***"),
        ("+data.url=https://me:word@example.org/x", "+data.url=https://***@example.org/x"),
        ("model.max_tokens=5", "model.max_tokens=5"),
    ],
)
def test_words_of_a_command_line_are_kept_without_secrets(word: str, shown: str):
    assert masking.masked_words([word]) == [shown]


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("no open-sesame here", "no *** here"),
        ("it was cut within open-ses…", "it was cut within ***…"),
        ({"a": ["open-sesame", 3]}, {"a": ["***", 3]}),
    ],
)
def test_secrets_are_taken_out_of_sentences(told: Any, kept: Any):
    assert without(told, ["open-sesame"]) == kept


def test_text_keeps_its_letters_and_nothing_that_steers_a_terminal():
    assert tame("\x1b[2Ja\u202eb\x9bc\ud800d\te\n名前 · می‌خواهم") == "abcd\te\n名前 · می‌خواهم"


KEYED = """
    import numpy as np

    def rows(api_key=None, login=None, tokens=None, url=None):
        if "c4n4ry" not in f"{api_key} {login} {tokens} {url}":
            raise ValueError("the secret is wrong")
        return np.arange(40.0).reshape(20, 2), np.arange(20.0) + 0.5
"""
SECRETS = {
    "+data.api_key": "c4n4ry",
    "+data.login": "{user: me, password: c4n4ry}",
    "+data.tokens": "[c4n4ry, x]",
    "+data.url": "'https://me:c4n4ry@example.org/'",
    "+data.url ": "'https://example.org/x?a=b&api_key=c4n4ry'",
}


@pytest.mark.parametrize(("key", "value"), SECRETS.items(), ids=SECRETS.values())
def test_a_run_with_a_secret_is_gone_on_with_scored_and_shipped_once_it_is_typed_again(
    lmrun: Callable[..., Any], tmp_path: Path, key: str, value: str
):
    (tmp_path / "my_rows.py").write_text(textwrap.dedent(KEYED))
    secret, quick = f"{key.strip()}={value}", ("epochs=1", "plots=[]", "model.hidden=[4]", "state_every=0")
    run = str(lmrun("data=my_rows.rows", secret, *quick).folder)
    for verb in ("resume", "rerun", "eval", "export"):
        told = rf"lmrun: error: data\.[a-z_.0-9]+ is a secret, which a record does not keep; type {re.escape(key.strip())}=…\n"
        assert re.fullmatch(told, lmrun(verb, run, code=2).err)
    lmrun("resume", run, "epochs=2", secret)
    if key == "+data.api_key":
        assert "the same bytes" in lmrun("rerun", run, secret).err
        lmrun("export", run, "format=keras", secret)
    lmrun("eval", run, "metrics=mae", secret)
    lmrun("report", run)
    kept = [file for file in tmp_path.rglob("*") if file.is_file() and file.suffix not in (".py", ".pyc")]
    assert len(kept) > 12
    assert not [file for file in kept for content in contents(file) if b"c4n4ry" in content]


def test_a_secret_of_another_value_is_told_without_it(lmrun: Callable[..., Any], tmp_path: Path):
    (tmp_path / "my_rows.py").write_text(textwrap.dedent(KEYED))
    run = str(lmrun("data=my_rows.rows", "+data.api_key=c4n4ry", "epochs=1", "plots=[]").folder)
    found = lmrun("resume", run, "epochs=2", "+data.api_key=wr0ngkey", code=2)
    assert "c4n4ry" not in found.err
    assert "wr0ngkey" not in found.err
