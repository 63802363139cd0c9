"""Series: windows of a table in time order, whole series with a class, the split in time, the naive forecasts."""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, mean_squared_error
from sklearn.preprocessing import StandardScaler

from lossmetric_cli import data
from lossmetric_cli.data.parts import prepare
from lossmetric_cli.data.windows import sharing
from lossmetric_cli.errors import ConfigError, DataError

RANDOM = np.random.default_rng(1)
HOURS = 60
LOAD = np.round(100 + 10 * np.sin(2 * np.pi * np.arange(HOURS) / 12) + RANDOM.normal(size=HOURS), 3)
WIND = np.round(RANDOM.gamma(2.0, 3.0, size=HOURS), 3)
WHEN = [f"2026-01-{1 + hour // 24:02d} {hour % 24:02d}:00" for hour in range(HOURS)]


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., str]:
    """`table(load=[…], when=[…])`: the path of a CSV file with these columns."""

    def write(name: str = "load.csv", **columns: Any) -> str:
        with (tmp_path / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([list(columns), *zip(*columns.values(), strict=True)])
        return str(tmp_path / name)

    return write


@pytest.fixture
def lines(tmp_path: Path) -> Callable[..., str]:
    """`lines("1\\t2", "2\\t3")`: the path of a file of these lines."""

    def write(*written: str, name: str = "SHAPES_TRAIN.tsv") -> str:
        (tmp_path / name).write_text("\n".join(written) + "\n", encoding="utf-8")
        return str(tmp_path / name)

    return write


def windows_by_hand(columns: list[np.ndarray], lookback: int, horizon: int, stride: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs (windows, lookback, channels) and the steps after each (windows, horizon, channels), one by one."""
    steps = np.stack(columns, axis=1)
    begins = range(0, len(steps) - lookback - horizon + 1, stride)
    x = [steps[b : b + lookback] for b in begins]
    y = [steps[b + lookback : b + lookback + horizon] for b in begins]
    return np.array(x), np.array(y)


# --- windows


def test_a_window_shows_its_steps_and_asks_for_the_next(table):
    made = data.series(path=table(load=LOAD, wind=WIND), target="load", lookback=5)
    x, y = windows_by_hand([LOAD, WIND], 5, 1)
    np.testing.assert_allclose(made.x, x, rtol=1e-6)
    np.testing.assert_array_equal(made.y, y[:, 0, 0])
    assert (made.kind, made.feature_names, made.target_names) == ("regression", ("load", "wind"), ("load",))


def test_several_steps_of_several_targets_stand_target_by_target(table):
    made = data.series(path=table(load=LOAD, wind=WIND), target=["wind", "load"], lookback=4, horizon=3, stride=2)
    _, y = windows_by_hand([LOAD, WIND], 4, 3, stride=2)
    np.testing.assert_array_equal(made.y, np.concatenate([y[:, :, 1], y[:, :, 0]], axis=1))
    assert made.target_names == ("wind_t+1", "wind_t+2", "wind_t+3", "load_t+1", "load_t+2", "load_t+3")


def test_the_span_of_a_window_is_its_steps_and_those_it_forecasts(table):
    made = data.series(path=table(load=LOAD), target="load", lookback=4, horizon=3, stride=5)
    begins = np.arange(0, HOURS - 6, 5)
    np.testing.assert_array_equal(made.span, np.stack([begins, begins + 7], axis=1))


def test_channels_can_leave_the_target_out(table):
    made = data.series(path=table(load=LOAD, wind=WIND), target="load", columns=["wind"], lookback=5)
    assert (made.x.shape, made.feature_names) == ((HOURS - 5, 5, 1), ("wind",))


def test_a_text_column_is_no_channel_and_may_be_the_time(table):
    made = data.series(path=table(when=WHEN, load=LOAD), target="load")
    assert made.feature_names == ("load",)
    assert any("'when' holds text" in note and "data.time=when" in note for note in made.notes)


def test_a_file_of_one_column_is_a_series(table):
    assert data.series(path=table(**{"energy use": LOAD}), target="energy use").x.shape == (HOURS - 24, 24, 1)


def test_a_short_series_is_refused_with_its_length(table):
    with pytest.raises(DataError, match=r"load.csv has 60 steps, and one window takes 60 \+ 1; type a smaller data.lookback"):
        data.series(path=table(load=LOAD), target="load", lookback=60)


@pytest.mark.parametrize("setting", ["lookback", "horizon", "stride", "season"])
def test_counts_of_steps_are_whole_numbers(setting, table):
    with pytest.raises(ConfigError, match=f"data.{setting} must be a whole number >= 1, got 0"):
        data.series(path=table(load=LOAD), target="load", **{setting: 0})


# --- naive forecasts


def test_same_as_last_repeats_the_last_step_that_a_window_shows(table):
    made = data.series(path=table(load=LOAD), target="load", lookback=5, horizon=2)
    x, _ = windows_by_hand([LOAD], 5, 2)
    np.testing.assert_array_equal(made.naive["last"], np.repeat(x[:, -1], 2, axis=1))


def test_a_season_ago_is_the_latest_known_step_of_the_same_hour(table):
    """Of the steps ahead that lie more than a season away, it takes the one two seasons before."""
    made = data.series(path=table(load=LOAD), target="load", lookback=4, horizon=5, season=3)
    expected = []
    for first, end in made.span:
        now = int(end) - 5
        seasons = [next(k for k in range(1, 9) if now + step - 3 * k < now) for step in range(5)]
        expected.append([LOAD[now + step - 3 * k] for step, k in enumerate(seasons)])
        assert first == now - 4
    np.testing.assert_array_equal(made.naive["season"], expected)


def test_windows_begin_where_a_season_lies_before_them(table):
    made = data.series(path=table(load=LOAD), target="load", lookback=4, season=24)
    assert made.span[0].tolist() == [20, 25]
    np.testing.assert_array_equal(made.naive["season"], LOAD[: HOURS - 24])


# --- time


def test_rows_are_sorted_by_time_and_that_is_said(table):
    order = np.random.default_rng(0).permutation(HOURS)
    path = table(when=[WHEN[i] for i in order], load=LOAD[order])
    made = data.series(path=path, target="load", time="when", lookback=5)
    np.testing.assert_array_equal(made.y, LOAD[5:])
    assert any(note.startswith("rows are sorted by 'when' (line ") for note in made.notes)


def test_numbers_can_be_the_time(table):
    made = data.series(path=table(step=np.arange(HOURS)[::-1], load=LOAD[::-1]), target="load", time="step", lookback=5)
    np.testing.assert_array_equal(made.y, LOAD[5:])


def test_another_notation_of_time_is_told_by_its_format(table):
    when = [f"{time[8:10]}.{time[5:7]}.{time[:4]} {time[11:]}" for time in WHEN]
    path = table(when=when, load=LOAD)
    with pytest.raises(DataError, match=r"time 'when' is not a number or ISO 8601 .* \(line 2: '01.01.2026 00:00'\)"):
        data.series(path=path, target="load", time="when")
    assert data.series(path=path, target="load", time="when", time_format="%d.%m.%Y %H:%M").x.shape == (36, 24, 1)


def test_repeated_times_and_gaps_are_told(table):
    when = [*WHEN[:10], WHEN[9], *WHEN[11:30], *WHEN[33:]]
    made = data.series(path=table(when=when, load=LOAD[: len(when)]), target="load", time="when", lookback=5)
    assert any("1 row of 'when' at the time of another (line 12: '2026-01-01 09:00')" in note for note in made.notes)
    assert any(note.startswith("2 gaps in 'when', first after line 12") for note in made.notes)


def test_times_without_gap_are_not_spoken_of(table):
    made = data.series(path=table(when=WHEN, load=LOAD), target="load", time="when")
    assert made.notes == ("36 windows: 24 steps of 'load' each, and the next step of 'load' to forecast",)


# --- missing values


def with_holes() -> list[Any]:
    return [*LOAD[:10], "", "NA", *LOAD[12:]]


def test_a_missing_value_is_refused_with_its_line(table):
    with pytest.raises(
        DataError, match=r"column 'load' has 2 missing values \(first: load.csv line 12\).*data.missing=forward"
    ):
        data.series(path=table(load=with_holes(), wind=WIND), target="load")


@pytest.mark.parametrize(
    ("missing", "filled"),
    [("forward", [LOAD[9], LOAD[9]]), ("interpolate", LOAD[9] + (LOAD[12] - LOAD[9]) * np.array([1, 2]) / 3)],
)
def test_missing_values_are_filled_as_asked_and_counted(missing, filled, table):
    made = data.series(path=table(load=with_holes(), wind=WIND), target="load", lookback=5, missing=missing)
    np.testing.assert_allclose(made.y[5:7], filled)
    assert any(note.startswith("column 'load' has 2 missing values (first: line 12), filled by") for note in made.notes)


@pytest.mark.parametrize(("missing", "hole", "line"), [("forward", 0, 2), ("interpolate", HOURS - 1, HOURS + 1)])
def test_a_hole_at_an_open_end_is_not_filled(missing, hole, line, table):
    holed = [value if at != hole else "" for at, value in enumerate(LOAD)]
    with pytest.raises(DataError, match=rf"has no value to fill from \(first: load.csv line {line}\)"):
        data.series(path=table(load=holed, wind=WIND), target="load", missing=missing)


def test_a_blank_line_in_a_file_of_one_column_is_refused(lines):
    with pytest.raises(DataError, match=r"load.csv line 4 is blank"):
        data.series(path=lines("load", "1.5", "2.5", "", "3.5", name="load.csv"), target="load", lookback=1)


def test_text_in_a_channel_is_refused_with_its_line(table):
    with pytest.raises(DataError, match=r"column 'wind' has text in 1 of 60 rows \(line 5: 'calm'\); a series is numbers"):
        data.series(path=table(load=LOAD, wind=[*WIND[:3], "calm", *WIND[4:]]), target="load")


# --- the split in time


def in_parts(made: data.Dataset, **shares: float) -> data.Data:
    return prepare(made, split=partial(data.time, **shares), seed=0)


def test_what_comes_last_validates_and_tests():
    rows = data.time(labels=np.zeros(50), kind="regression", seed=3, split=0.2, test_split=0.1)
    assert [rows[part].tolist() for part in ("train", "val", "test")] == [[*range(35)], [*range(35, 45)], [*range(45, 50)]]


def test_no_step_is_in_two_parts(table):
    made = data.series(path=table(load=LOAD), target="load", lookback=4, horizon=2)
    prepared = in_parts(made, split=0.2, test_split=0.2)
    steps = [{step for first, end in part.span for step in range(first, end)} for part in prepared.parts.values()]
    assert [len(part) for part in prepared.parts.values()] == [28, 6, 11]
    assert max(steps[0]) < min(steps[1]) <= max(steps[1]) < min(steps[2])
    assert "10 windows that share steps with a later part are left out" in prepared.notes


def test_windows_apart_from_each_other_all_stay(table):
    made = data.series(path=table(load=LOAD), target="load", lookback=4, horizon=1, stride=5)
    assert sum(len(part) for part in in_parts(made).parts.values()) == len(made.x) == 12


def test_windows_too_long_to_be_parted_are_refused(table):
    made = data.series(path=table(load=LOAD), target="load", lookback=40)
    with pytest.raises(DataError, match="all 16 training windows of 41 steps share steps with a later part"):
        in_parts(made)


def test_shares_that_leave_nothing_are_refused():
    with pytest.raises(ConfigError, match=r"validation.split \+ validation.test_split must be below 1"):
        data.time(labels=np.zeros(50), kind="regression", seed=0, split=0.5, test_split=0.5)


def test_a_shuffled_split_of_windows_is_told_to_leak(table):
    made = data.series(path=table(load=LOAD), target="load", lookback=5)
    notes = prepare(made, split=lambda span, **facts: data.holdout(**facts), seed=0).notes
    assert (
        "11 of 11 validation windows share steps with training windows, which flatters val_loss; type validation=time" in notes
    )


def test_sharing_is_that_of_the_sets_of_steps():
    random = np.random.default_rng(0)
    first = random.integers(0, 200, size=60)
    spans = np.stack([first, first + random.integers(1, 9, size=60)], axis=1)
    known = {step for begin, end in spans[:20] for step in range(begin, end)}
    expected = [bool(known & set(range(begin, end))) for begin, end in spans[20:]]
    assert sharing(spans[20:], spans[:20]).tolist() == expected


# --- scales


def test_each_channel_is_measured_over_the_training_windows(table):
    prepared = in_parts(data.series(path=table(load=LOAD, wind=WIND), target="load", lookback=5))
    measured = StandardScaler().fit(prepared.train.x.reshape(-1, 2))
    np.testing.assert_allclose(prepared.task.scale.mean, measured.mean_, rtol=1e-5)
    np.testing.assert_allclose(prepared.task.scale.deviation, measured.scale_, rtol=1e-5)


# --- a run


@pytest.fixture(scope="module")
def forecast(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A run on a table of the user's own with test windows, and what it left."""
    import json
    import os

    from lossmetric_cli.cli import answer

    folder, before = tmp_path_factory.mktemp("forecast"), Path.cwd()
    rows = ["when,load,wind", *(f"{when},{load},{wind}" for when, load, wind in zip(WHEN, LOAD, WIND, strict=True))]
    (folder / "load.csv").write_text("\n".join(rows), encoding="utf-8")
    words = ["data=series", "data.path=load.csv", "data.target=load", "data.time=when", "data.lookback=4", "data.season=6"]
    os.chdir(folder)
    try:
        assert answer([*words, "model=linear", "metrics=mae", "validation.test_split=0.2", "epochs=2"]) == 0
        run = (folder / "outputs/latest").resolve()
    finally:
        os.chdir(before)
    with np.load(run / "predictions.npz") as arrays:
        predictions = dict(arrays)
    return {
        "info": json.loads((run / "run.json").read_text()),
        "scores": json.loads((run / "metrics.json").read_text()),
        "folder": run,
        **predictions,
    }


def test_series_are_split_in_time_without_being_told(forecast):
    assert forecast["info"]["config"]["validation"]["_target_"] == "lossmetric_cli.data.time"
    assert forecast["test_rows"].tolist() == [*range(43, 54)]


@pytest.mark.parametrize("part", ["val", "test"])
def test_naive_forecasts_score_what_scikit_learn_says(part, forecast):
    now = forecast[f"{part}_rows"] + 6  # the first window forecasts step 6, a season after the first one
    for name, ago in (("last", 1), ("season", 6)):
        found = forecast["scores"]["naive"][part][name]
        assert found["loss"] == pytest.approx(mean_squared_error(LOAD[now], LOAD[now - ago]), rel=1e-5)
        assert found["mae"] == pytest.approx(mean_absolute_error(LOAD[now], LOAD[now - ago]), rel=1e-5)


def test_skill_is_told_against_the_better_naive_forecast_too(forecast):
    scores = forecast["scores"]
    best = min(found["loss"] for found in scores["naive"]["val"].values())
    assert scores["skill_naive"]["val"] == pytest.approx(1 - scores["val"]["loss"] / best)
    assert scores["skill"]["val"] == pytest.approx(1 - scores["val"]["loss"] / scores["baseline"]["val"]["loss"])


def test_a_model_worse_than_the_naive_forecast_is_told(forecast):
    scores = forecast["scores"]
    best = min(found["loss"] for found in scores["naive"]["val"].values())
    told = [sentence for sentence in forecast["info"]["verdicts"] if "the naive forecast" in sentence]
    assert bool(told) == (scores["val"]["loss"] >= best)
    assert told, "two epochs of a model that begins at the mean"


def test_the_picture_has_a_line_for_the_best_naive_forecast(forecast):
    from lossmetric_cli.plots.numbers import panels
    from lossmetric_cli.record import Record

    shown = panels(Record.read(forecast["folder"]))
    named = forecast["scores"]["naive"]["val"]
    for panel in shown:
        best = min(named, key=lambda name: named[name][panel.title])
        told = {"last": "same as last", "season": "a season ago"}[best]
        value = named[best][panel.title]
        beside = [note for note in panel.notes if note.startswith(f"the forecast '{told}' scores {value:.4g}")]
        assert (dict(panel.levels).get(told) == value) != bool(beside)  # a line, or where it is too far a word on it


def test_a_typed_split_wins_over_the_one_of_a_series(lmrun):
    quick = ["data=load_curve", "data.hours=80", "data.lookback=4", "model=linear", "epochs=1", "plots=[]", "train_eval=0"]
    run = lmrun(*quick, "validation=holdout")
    assert run.json("run.json")["config"]["validation"]["_target_"] == "lossmetric_cli.data.holdout"
    assert "share steps with training windows" in run.err
    assert "(same as last)" in run.err


# --- whole series, in UCR's layout


LINES = ["2\t1.0\t2.0\t4.0", "1\t0.5\t0.5\t0.5", "2\t1.5\t2.5\t4.5", "1\t3.0\t2.0\t0.0"]
VALUES = np.array([[float(cell) for cell in line.split("\t")[1:]] for line in LINES])


@pytest.mark.parametrize("separator", ["\t", ",", ";", "  "])
def test_a_line_is_a_label_and_a_series(separator, lines):
    made = data.ucr(path=lines(*(line.replace("\t", separator) for line in LINES)))
    np.testing.assert_array_equal(made.x[:, :, 0], VALUES)
    assert (made.x.shape, made.y.tolist(), made.kind) == ((4, 3, 1), [2, 1, 2, 1], "binary")


def test_labels_written_as_decimals_are_whole_numbers(lines):
    made = data.ucr(path=lines(*(line.replace("\t", ".0000000e+00\t", 1) for line in LINES)))
    assert made.y.tolist() == [2, 1, 2, 1]


def test_more_classes_than_a_table_would_take_for_numbers_are_classes(lines):
    made = data.ucr(path=lines(*(f"{label},{label / 7},1.0" for label in range(37))))
    assert made.kind == "multiclass"


def test_normalize_takes_level_and_scale_out_of_each_series(lines):
    made = data.ucr(path=lines(*LINES), normalize=True)
    expected = StandardScaler().fit_transform(VALUES.T).T
    np.testing.assert_allclose(made.x[:, :, 0], expected, atol=1e-6)


def test_series_of_their_own_levels_are_told_of(lines):
    assert "data.normalize=true takes them out" in data.ucr(path=lines(*LINES)).notes[0]


def test_a_second_file_is_only_tested_on(lines):
    made = data.ucr(path=lines(*LINES), test_path=lines(*LINES[:2], name="SHAPES_TEST.tsv"))
    prepared = prepare(made, split=data.none, seed=0)
    np.testing.assert_array_equal(prepared.test.x[:, :, 0], VALUES[:2])
    assert prepared.test.y.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("1\t3.0\t2.0", r"line 5 has a series of 2 values, line 1 one of 3; series must have one length"),
        ("1\t3.0\tNaN\tNaN", r"line 5 ends after 1 of 3 values and is filled up with NaN"),
        ("1\t3.0\tNaN\t1.0", r"line 5: value 2 is 'NaN' and no finite number"),
        ("1\t3.0\thigh\t1.0", r"line 5: value 2 is 'high' and no finite number"),
    ],
    ids=["ragged", "padded", "hole", "text"],
)
def test_a_damaged_line_is_refused_by_its_number(line, told, lines):
    with pytest.raises(DataError, match=told):
        data.ucr(path=lines(*LINES, line))


def test_test_series_of_another_length_are_refused(lines):
    with pytest.raises(DataError, match=r"OTHER.tsv has series of 2 values, SHAPES_TRAIN.tsv of 3"):
        data.ucr(path=lines(*LINES), test_path=lines("1\t2.0\t3.0", name="OTHER.tsv"))


# --- what ships


def test_the_made_up_load_is_trend_season_temperature_and_noise():
    made = data.load_curve(hours=200, noise=0.0, season=24, seed=5)
    load, temperature = made.x[:, 0].T.astype("float64")
    t = np.arange(len(load))
    angle = 2 * np.pi * t / 24
    waves = 20 * np.sin(angle) + 8 * np.sin(2 * angle + 1)
    np.testing.assert_allclose(load, 100 + 0.005 * t + waves - 1.5 * (temperature - 10), atol=1e-4)


def test_shapes_without_noise_are_flat_rising_and_falling():
    made = data.shapes(rows=30, length=64, noise=0.0, seed=5)
    for row, label in zip(made.x[:, :, 0], made.y, strict=True):
        slopes = np.diff(row[row > 0]) / row.max()
        assert np.sign(slopes.mean().round(6)) == {"cylinder": 0, "bell": 1, "funnel": -1}[made.class_names[label]]
        assert slopes == pytest.approx(np.full(len(slopes), slopes.mean()), abs=1e-6)


@pytest.mark.parametrize("make", [data.load_curve, data.shapes])
def test_a_seed_gives_the_same_series(make):
    assert (make(seed=3).x == make(seed=3).x).all()
    assert (make(seed=3).x != make(seed=4).x).any()


# --- rows answered with themselves


def test_a_reconstruction_is_asked_for_the_standardised_inputs():
    prepared = prepare(data.wine(), kind="reconstruction", split=data.holdout, seed=0)
    scaler = StandardScaler().fit(prepared.train.x)
    for part in prepared.parts.values():
        np.testing.assert_allclose(part.y, scaler.transform(part.x), atol=2e-3)
    assert (prepared.task.kind, prepared.task.units, prepared.target_names) == ("regression", 13, prepared.feature_names)


def test_a_reconstruction_of_images_keeps_their_unit():
    prepared = prepare(data.digits(), kind="reconstruction", split=data.none, seed=0)
    np.testing.assert_array_equal(prepared.train.y, prepared.train.x.reshape(-1, 64))


def test_a_reconstruction_has_one_output():
    with pytest.raises(ConfigError, match="leave outputs out"):
        prepare(data.linnerud(), kind="reconstruction", split=data.none, seed=0, outputs={"pulse": ["pulse"]})
