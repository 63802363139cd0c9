"""What a person sees: sentences whole in a pipe, folded on a terminal, and lines of figures that fit."""

from __future__ import annotations

import io

import pytest

from lossmetric_cli.console import INDENT, PIPED, Voice

SENTENCE = " verdict     val_f1 is best at epoch 6 and val_loss at epoch 30; type monitor=val_f1 to choose by it"
NAMES = ["loss", "val_loss", *(f"val_metric_of_class_{number}" for number in range(9))]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    return Terminal()


def test_a_sentence_is_one_line_in_a_pipe():
    stream = io.StringIO()
    Voice(stream=stream).say(SENTENCE)
    assert stream.getvalue() == SENTENCE + "\n"


def test_a_sentence_is_folded_on_a_terminal_and_loses_no_word(terminal):
    Voice(stream=terminal).say(SENTENCE)
    lines = terminal.getvalue().splitlines()
    assert len(lines) > 1
    assert max(map(len, lines)) <= 60
    assert all(line.startswith(" " * INDENT) for line in lines[1:])
    assert " ".join(terminal.getvalue().split()) == " ".join(SENTENCE.split())


@pytest.mark.parametrize("columns", [20, 25, 32, 33, 40])
def test_a_narrow_terminal_loses_no_letter(columns, monkeypatch, terminal):
    monkeypatch.setenv("COLUMNS", str(columns))
    Voice(stream=terminal).say(SENTENCE)
    assert max(map(len, terminal.getvalue().splitlines())) <= columns
    assert "".join(terminal.getvalue().split()) == "".join(SENTENCE.split())


def test_columns_that_do_not_fit_a_line_are_named_once():
    stream = io.StringIO()
    voice = Voice(stream=stream)
    voice.headings(NAMES)
    voice.epoch(1, 1, ["0.5"] * len(NAMES), is_best=True, seconds_left=0)
    note, heading, row = stream.getvalue().splitlines()
    assert max(len(heading), len(row)) <= PIPED
    assert heading.split()[1:] == NAMES[: len(heading.split()) - 1]
    assert note.endswith("in history.csv alone: " + ", ".join(NAMES[len(heading.split()) - 1 :]))
    assert row.endswith("★")


def test_columns_that_fit_are_all_shown():
    stream = io.StringIO()
    Voice(stream=stream).headings(NAMES[:3])
    assert stream.getvalue().split() == ["epoch", *NAMES[:3]]
