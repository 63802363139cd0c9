"""What is shown of a text that somebody else wrote: its letters, and of an error its reason."""

from __future__ import annotations

import pytest

from lossmetric_cli.text import reason, tame


@pytest.mark.parametrize("sequence", ["\x1b[1m", "\x1b[0m", "\x1b[38;5;196m", "\x1b[2J", "\x1b[?25l", "\x1b[ q"])
def test_a_sequence_that_steers_a_terminal_goes_as_a_whole(sequence: str):
    assert tame(f"a{sequence}b\tc\n") == "ab\tc\n"


def test_the_reason_of_an_error_within_a_layer_is_the_line_that_keras_prints_in_bold():
    told = "Exception encountered when calling Dense.call().\n\n\x1b[1mNo such\naxis\x1b[0m\n\nArguments received: • x=[[1.]]"
    assert reason(ValueError(told)) == "No such axis"


def test_cells_of_an_array_are_no_reason():
    assert reason(ValueError("input [[[0. 1.]\n [2. 3.]]\n\n [[4. 5.]\n [6. 7.]]]. Expected (None, 5), axes [1, 2]")) == (
        "input. Expected (None, 5), axes [1, 2]"
    )


def test_a_long_reason_is_cut():
    assert reason(ValueError("x" * 300), length=10) == "x" * 9 + "…"
