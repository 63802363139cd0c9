"""The name that was meant, for a name that was mistyped."""

from __future__ import annotations

import string
from functools import cache

import pytest

from lossmetric_cli import shipped
from lossmetric_cli.errors import (
    ConfigError,
    DataError,
    EnvironmentFault,
    LmrunError,
    TrainingError,
    did_you_mean,
    edit_distance,
    nearest_names,
)
from lossmetric_cli.spec import SETTINGS

NAMES = {**{group: sorted(shipped.options(group)) for group in shipped.groups()}, "setting": SETTINGS}
LETTERS = string.ascii_lowercase + string.digits + "_"


def _letters(name: str, position: int) -> list[str]:
    """Return letters that stand for all that could be typed by mistake, others at every position of every name.

    All of them for names so short that many are a letter apart.
    """
    if len(name) <= 3:
        return list(LETTERS)
    return [LETTERS[(sum(map(ord, name)) + 7 * position) % len(LETTERS)]]


def _typos(name: str) -> set[str]:
    """Return a name's typos of one edit, at every position."""
    ends = range(len(name))
    deleted = {name[:i] + name[i + 1 :] for i in ends}
    swapped = {name[:i] + name[i + 1] + name[i] + name[i + 2 :] for i in ends[:-1]}
    replaced = {name[:i] + letter + name[i + 1 :] for i in ends for letter in _letters(name, i)}
    inserted = {name[:i] + letter + name[i:] for i in range(len(name) + 1) for letter in _letters(name, i)}
    return (deleted | swapped | replaced | inserted) - {"", name}


@cache
def _nearest(typo: str, group: str) -> list[str]:
    return nearest_names(typo, NAMES[group])


@cache
def _slow_distance(a: str, b: str) -> int:
    """Return the distance by its definition."""
    if not a or not b:
        return len(a) + len(b)
    ways = [_slow_distance(a[1:], b) + 1, _slow_distance(a, b[1:]) + 1, _slow_distance(a[1:], b[1:]) + (a[0] != b[0])]
    if a[:2] == b[1::-1] and len(a) > 1 and len(b) > 1:
        ways.append(_slow_distance(a[2:], b[2:]) + 1)
    return min(ways)


@pytest.mark.parametrize("group", NAMES)
def test_the_name_meant_is_among_the_suggestions_for_every_typo_of_one_edit(group: str):
    known = NAMES[group]
    missed = [
        f"{typo} for {name}: {near}"
        for name in known
        for typo in sorted(_typos(name) - set(known))
        if name not in (near := _nearest(typo, group))
    ]
    assert not missed


@pytest.mark.parametrize("group", NAMES)
def test_the_name_meant_comes_first_where_no_other_is_as_near(group: str):
    known = NAMES[group]
    wrong = [
        typo
        for name in known
        for typo in sorted(_typos(name) - set(known))
        if _nearest(typo, group)[0] != name and not any(edit_distance(typo, other, most=1) == 1 for other in {*known} - {name})
    ]
    assert not wrong


def test_a_sentence_seldom_has_more_than_four_names():
    lengths = [
        len(_nearest(typo, group)) for group in NAMES for name in NAMES[group] for typo in _typos(name) - set(NAMES[group])
    ]
    assert max(lengths) <= 7
    assert sum(length > 4 for length in lengths) < len(lengths) / 100


def test_distance_is_that_of_its_definition():
    words = ["", "a", "ab", "ba", "abc", "acb", "cab", "bca", "abcd", "badc", "acbd", "dcba", "auc", "acu", "mse", "mae"]
    wrong = [(a, b) for a in words for b in words if edit_distance(a, b, most=9) != _slow_distance(a, b)]
    assert not wrong


def test_distance_is_not_counted_beyond_the_most():
    words = ["", "ab", "ba", "acb", "cab", "badc", "dcba", "accuracy", "cosine_similarity"]
    for most in range(3):
        assert all(edit_distance(a, b, most=most) == min(most + 1, _slow_distance(a, b)) for a in words for b in words)


@pytest.mark.parametrize(
    ("typed", "known", "sentence"),
    [
        pytest.param("acu", ["auc", "accuracy", "mse"], "; did you mean 'auc'?", id="a-swap-is-one-edit"),
        pytest.param("MSE", ["mse", "mae"], "; did you mean 'mse'?", id="case-counts-for-nothing"),
        pytest.param("mxe", ["mae", "mse", "ce"], "; did you mean 'mae' or 'mse'?", id="two-equally-near"),
        pytest.param("f", ["f1", "fn", "fp", "tp"], "; did you mean 'f1', 'fn' or 'fp'?", id="three-equally-near"),
        pytest.param(
            "crossentropy", ["binary_crossentropy", "mse"], "; did you mean 'binary_crossentropy'?", id="a-part-of-a-name"
        ),
        pytest.param("banana", ["mse", "mae"], "", id="nothing-near"),
        pytest.param("", ["mse", "mae"], "", id="nothing-typed"),
        pytest.param("mse", [], "", id="nothing-known"),
        pytest.param("ab", ["xy"], "", id="two-letters-are-not-two-edits-away"),
    ],
)
def test_suggestion_is_a_question_at_the_end_of_a_sentence(typed: str, known: list[str], sentence: str):
    assert did_you_mean(typed, known) == sentence


def test_suggestions_are_the_same_in_whatever_order_the_names_come():
    names = NAMES["metrics"]
    assert [nearest_names(typo, names) for typo in ("t", "cee", "acu")] == [
        nearest_names(typo, names[::-1]) for typo in ("t", "cee", "acu")
    ]


@pytest.mark.parametrize(
    ("kind", "code"),
    [(LmrunError, 1), (ConfigError, 2), (DataError, 3), (TrainingError, 4), (EnvironmentFault, 5)],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_exit_codes_are_those_that_scripts_rely_on(kind: type[LmrunError], code: int):
    assert kind("x").exit_code == code
