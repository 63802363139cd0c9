"""Rows, labels and splits: what is read is what stands in the source, and what cannot be read is refused in one line."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sklearn.datasets

from lossmetric_cli import data
from lossmetric_cli.data import Dataset, holdout, prepare
from lossmetric_cli.data.encoder import fit
from lossmetric_cli.errors import ConfigError, DataError, LmrunError

TOYS = ("digits", "iris", "wine", "breast_cancer", "diabetes", "linnerud")
GENERATORS = ("blobs", "sorted_blobs", "letters26", "linear", "multilabel", "multitask", "page1")
ROWS = "".join(f"{i},{i / 2},{i % 2}\n" for i in range(10))
DECIMALS = "".join(f"{i},{i / 2},{i * 0.3:.1f}\n" for i in range(40))


def rows_of(count: int) -> np.ndarray:
    return np.arange(count, dtype="float32")[:, None]


def ready(source, *, kind="auto", split=data.none, seed=0):
    return prepare(source, kind=kind, split=split, seed=seed)


def read(folder: Path, text: str | bytes, *, target="y", **settings) -> Dataset:
    file = folder / "x.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return data.csv(path=str(file), target=target, **settings)


def matrix(table: Dataset) -> np.ndarray:
    """Return the columns of a table as a model reads them, each row known."""
    return fit(table.columns, table.x, recipe=table.recipe).encode(table.x)


def feature_names(table: Dataset) -> tuple[str, ...]:
    return fit(table.columns, table.x, recipe=table.recipe).names["numbers"]


def assert_sentence(fault: pytest.ExceptionInfo, sentence: str) -> None:
    assert str(fault.value) == sentence
    assert len(sentence) <= 200
    assert "\n" not in sentence


def test_importing_data_loads_no_array_library():
    code = "import sys, lossmetric_cli.data; print(*{'numpy', 'pandas', 'sklearn', 'keras'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == ""


# --- sources


@pytest.mark.parametrize("name", TOYS)
def test_toy_holds_what_scikit_learn_holds(name: str):
    dataset, bunch = getattr(data, name)(), getattr(sklearn.datasets, f"load_{name}")()
    expected = bunch.images[..., None] / 16 if name == "digits" else bunch.data
    np.testing.assert_array_equal(dataset.x, expected.astype("float32"))
    np.testing.assert_array_equal(dataset.y, bunch.target)


@pytest.mark.parametrize(
    ("name", "kind", "units", "classes"),
    [
        ("digits", "multiclass", 10, tuple(range(10))),
        ("iris", "multiclass", 3, ("setosa", "versicolor", "virginica")),
        ("wine", "multiclass", 3, ("class_0", "class_1", "class_2")),
        ("breast_cancer", "binary", 1, ("malignant", "benign")),
        ("diabetes", "regression", 1, ()),
        ("linnerud", "regression", 3, ()),
    ],
)
def test_toy_sets_its_task(name: str, kind: str, units: int, classes: tuple):
    task = ready(getattr(data, name)()).task
    assert (task.kind, task.units, task.classes) == (kind, units, classes)


@pytest.mark.parametrize("name", GENERATORS)
def test_generator_repeats_itself_for_a_seed(name: str):
    one, two = (getattr(data, name)(seed=7) for _ in range(2))
    assert ready(one).fingerprint == ready(two).fingerprint


@pytest.mark.parametrize("name", GENERATORS)
def test_generator_differs_for_another_seed(name: str):
    assert ready(getattr(data, name)(seed=7)).fingerprint != ready(getattr(data, name)(seed=8)).fingerprint


@pytest.mark.parametrize(
    ("name", "kind", "shape", "units"),
    [
        ("blobs", "multiclass", (1000, 2), 3),
        ("sorted_blobs", "multiclass", (1000, 2), 3),
        ("letters26", "multiclass", (5200, 16), 26),
        ("linear", "regression", (1000, 5), 1),
        ("multilabel", "multilabel", (1000, 20), 5),
        ("multitask", "regression", (1000, 3), 2),
        ("page1", "regression", (32, 10), 1),
    ],
)
def test_generator_sets_its_task(name: str, kind: str, shape: tuple, units: int):
    prepared = ready(getattr(data, name)(seed=0))
    assert (prepared.task.kind, prepared.train.x.shape, prepared.task.units) == (kind, shape, units)


@pytest.mark.parametrize("name", ["blobs", "letters26"])
def test_generated_classes_are_balanced(name: str):
    counts = np.bincount(getattr(data, name)(seed=0).y)
    assert counts.max() - counts.min() <= 1


def test_two_blobs_are_a_binary_task():
    assert ready(data.blobs(classes=2, seed=0)).task.kind == "binary"


def test_more_blobs_than_the_automatic_reading_takes_are_still_classes():
    assert ready(data.blobs(classes=30, seed=0)).task.units == 30


def test_last_rows_of_sorted_blobs_hold_one_class():
    assert set(data.sorted_blobs(rows=300, seed=0).y[-60:]) == {2}


def test_sorted_blobs_are_the_rows_of_blobs():
    mixed, in_order = data.blobs(seed=0), data.sorted_blobs(seed=0)
    np.testing.assert_array_equal(mixed.x[mixed.y.argsort(kind="stable")], in_order.x)


def test_linear_is_a_line_when_there_is_no_noise():
    dataset = data.linear(noise=0, seed=0)
    padded = np.c_[dataset.x, np.ones(1000)]
    residual = dataset.y - padded @ np.linalg.lstsq(padded, dataset.y, rcond=None)[0]
    assert abs(residual).max() < 1e-5


def test_linear_noise_is_in_the_units_of_the_target():
    dataset = data.linear(rows=20_000, noise=0.5, seed=0)
    padded = np.c_[dataset.x, np.ones(20_000)]
    residual = dataset.y - padded @ np.linalg.lstsq(padded, dataset.y, rcond=None)[0]
    assert residual.std() == pytest.approx(0.5, rel=0.03)


def test_multilabel_rows_may_carry_no_label_or_several():
    totals = data.multilabel(seed=0).y.sum(axis=1)
    assert (totals.min(), totals.max()) == (0, 5)


def test_multitask_targets_differ_in_scale_by_more_than_a_thousand():
    price, rooms = data.multitask(seed=0).y.std(axis=0)
    assert price > 1000 * rooms


@pytest.mark.parametrize(
    ("name", "settings", "sentence"),
    [
        ("blobs", {"rows": 2}, "data.rows must be a whole number >= 3, got 2"),
        ("blobs", {"classes": 1}, "data.classes must be a whole number >= 2, got 1"),
        ("blobs", {"spread": -1}, "data.spread must be a number >= 0, got -1"),
        ("blobs", {"spread": float("nan")}, "data.spread must be a number >= 0, got nan"),
        ("linear", {"rows": 0}, "data.rows must be a whole number >= 1, got 0"),
        ("linear", {"rows": 1.5}, "data.rows must be a whole number >= 1, got 1.5"),
        ("letters26", {"rows": 25}, "data.rows must be a whole number >= 26, got 25"),
        ("multilabel", {"features": "x"}, "data.features must be a whole number >= 1, got x"),
    ],
)
def test_generator_refuses_a_setting_out_of_range(name: str, settings: dict, sentence: str):
    with pytest.raises(ConfigError) as fault:
        getattr(data, name)(**settings, seed=0)
    assert_sentence(fault, sentence)


# --- the forms a source may take


def test_uint8_images_are_cast_and_not_scaled():
    images = np.arange(4 * 9, dtype="uint8").reshape(4, 3, 3) * 7
    x = ready((images, [0, 1, 0, 1])).train.x
    assert x.dtype == "float32"
    np.testing.assert_array_equal(x, images)


def test_one_axis_of_inputs_is_one_feature():
    assert ready(([1.0, 2.0, 3.0], [0, 1, 1])).task.input_shape == (1,)


def test_pair_of_pairs_is_training_and_test_rows():
    prepared = ready(((rows_of(6), [0, 1, 2] * 2), (rows_of(3), [2, 1, 0])))
    assert prepared.test.y.tolist() == [2, 1, 0]
    assert prepared.test.rows.tolist() == [0, 1, 2]


def test_pandas_table_keeps_its_column_names():
    table = pd.DataFrame({"a": [1, 2, 3], "b": [0.5, 1.5, 2.5]})
    assert ready((table, pd.Series(["u", "v", "u"]))).feature_names == ("a", "b")


@pytest.mark.parametrize("source", [None, [1, 2], (1, 2, 3), "x.csv"])
def test_source_of_another_form_is_refused(source):
    with pytest.raises(DataError, match=r"^data returned \w+; return \(x, y\) or "):
        ready(source)


@pytest.mark.parametrize(
    ("x", "y", "sentence"),
    [
        (rows_of(3), [0, 1], "the data has 3 rows and 2 labels; give every row one label"),
        (rows_of(0), [], "the data is empty: x has shape (0, 1); nothing to learn"),
        (np.empty((3, 0)), [0, 1, 0], "the data is empty: x has shape (3, 0); nothing to learn"),
        ([[1], [np.nan]], [0, 1], "feature 'x[0]' has 1 missing or infinite value (first: row 1); drop or fill them before"),
        ([[1e39], [1]], [0, 1], "feature 'x[0]' has 1 missing or infinite value (first: row 0); drop or fill them before"),
        (np.full((2, 3, 3), np.inf), [0, 1], "x has 18 missing or infinite values (first: row 0); drop or fill them before"),
        ([["a"], ["b"]], [0, 1], "x has 2 axes of str32; lmrun reads rows of numbers"),
        ([[1], [2, 3]], [0, 1], "x is no array: its rows have different lengths; give every row the same"),
        (rows_of(2), [0.5, np.nan], "target 'y' has 1 missing or infinite value (first: row 1); drop or fill them before"),
        (rows_of(2), ["u", None], "target 'y' has 1 missing or infinite value (first: row 1); drop or fill them before"),
        (rows_of(2), np.array(["u", 1], dtype=object), "target 'y' mixes 'number', 'str'; give its labels one type"),
        (rows_of(2), [[["u"]], [["v"]]], "target 'y' has 3 axes; lmrun reads (rows,) or (rows, targets)"),
        (rows_of(2), [["u", "v"]] * 2, "target 'y' holds text in several columns; lmrun reads one column of text"),
        (rows_of(2), [1, 1], "target 'y' has one class ('1'); nothing to learn"),
        (rows_of(2), ["ham", "ham"], "target 'y' has one class ('ham'); nothing to learn"),
        (rows_of(2), [0.5, 0.5], "target 'y' is 0.5 in every row; nothing to learn"),
    ],
)
def test_arrays_that_teach_nothing_are_refused(x, y, sentence: str):
    with pytest.raises(DataError) as fault:
        ready((x, y))
    assert_sentence(fault, sentence)


def test_object_column_of_text_is_refused_as_input():
    with pytest.raises(DataError, match="x is not all numbers"):
        ready((np.array([["a"], [1]], dtype=object), [0, 1]))


def test_dates_are_refused_as_labels():
    with pytest.raises(DataError, match="target 'y' holds datetime64"):
        ready((rows_of(2), np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[D]")))


@pytest.mark.parametrize(
    ("test", "sentence"),
    [
        ((rows_of(2), [0, 7]), "the test rows hold label '7', which no other row has; drop those rows"),
        ((rows_of(2), [0]), "the test data has 2 rows and 1 label; give every row one label"),
        (
            (np.ones((2, 2)), [0, 1]),
            "rows of x_test and y_test have shapes (2,) and (), not (1,) and (); give them the training rows' form",
        ),
    ],
)
def test_test_rows_of_another_form_are_refused(test: tuple, sentence: str):
    with pytest.raises(DataError) as fault:
        ready(((rows_of(4), [0, 1, 2, 0]), test))
    assert_sentence(fault, sentence)


def test_second_source_of_test_rows_is_refused():
    with pytest.raises(ConfigError) as fault:
        ready(((rows_of(10), [0, 1] * 5), (rows_of(2), [0, 1])), split=partial(holdout, test_split=0.2))
    assert_sentence(fault, "the data has test rows of its own, and the split draws others; set validation.test_split=0")


# --- labels


@pytest.mark.parametrize(
    ("labels", "kind", "index", "classes", "notes"),
    [
        ([0, 1, 1], "binary", [0, 1, 1], (0, 1), []),
        ([0.0, 1.0, 1.0], "binary", [0, 1, 1], (0, 1), []),
        ([[0], [1], [1]], "binary", [0, 1, 1], (0, 1), []),
        (np.array([0, 1, 1], dtype="uint8"), "binary", [0, 1, 1], (0, 1), []),
        ([-1, 1, -1], "binary", [0, 1, 0], (-1, 1), ["labels -1, 1 are classes 0, 1"]),
        ([2, 1, 2], "binary", [1, 0, 1], (1, 2), ["labels 1, 2 are classes 0, 1"]),
        ([True, False, True], "binary", [1, 0, 1], (False, True), ["labels False, True are classes 0, 1"]),
        (["spam", "ham", "ham"], "binary", [1, 0, 0], ("ham", "spam"), ["labels 'ham', 'spam' are classes 0, 1"]),
        ([b"b", b"a", b"b"], "binary", [1, 0, 1], ("a", "b"), ["labels 'a', 'b' are classes 0, 1"]),
        ([0, 2, 1], "multiclass", [0, 2, 1], (0, 1, 2), []),
        ([9, 0, 4, 0], "multiclass", [2, 0, 1, 0], (0, 4, 9), ["labels 0, 4, 9 are classes 0, 1, 2"]),
        (range(1, 11), "multiclass", range(10), tuple(range(1, 11)), ["labels 1..10 are classes 0..9"]),
        (["10", "9", "1"], "multiclass", [1, 2, 0], ("1", "10", "9"), ["labels '1', '10', '9' are classes 0, 1, 2"]),
        (list("edcba"), "multiclass", [4, 3, 2, 1, 0], tuple("abcde"), ["labels 'a', 'b', … 'e' are classes 0..4"]),
    ],
    ids=str,
)
def test_labels_become_class_numbers_in_sorted_order(labels, kind: str, index, classes: tuple, notes: list):
    labels = np.asarray(labels)
    prepared = ready((rows_of(len(labels)), labels))
    assert prepared.task.kind == kind
    assert prepared.task.classes == classes
    assert prepared.train.y.tolist() == list(index)
    assert prepared.train.y.dtype == "int64"
    assert prepared.notes == notes


def test_classes_are_plain_python_values():
    classes = ready((rows_of(3), np.array([5, 6, 7], dtype="int16"))).task.classes
    assert [type(value) for value in classes] == [int, int, int]


def test_text_labels_follow_the_order_of_the_class_names():
    source = Dataset(x=rows_of(3), y=np.array(["low", "high", "low"]), class_names=("low", "high"))
    assert ready(source).train.y.tolist() == [0, 1, 0]


def test_class_that_no_row_has_keeps_its_place_among_the_class_names():
    source = Dataset(x=rows_of(4), y=np.array([0, 2, 0, 2]), kind="multiclass", class_names=("a", "b", "c"))
    prepared = ready(source)
    assert prepared.task.units == 3
    assert prepared.class_counts == {"train": {"a": 2, "b": 0, "c": 2}}


def test_one_hot_labels_are_read_as_classes():
    prepared = ready((rows_of(4), np.eye(4)[[3, 1, 0, 2]]))
    assert prepared.train.y.tolist() == [3, 1, 0, 2]
    assert prepared.notes == ["the target is one-hot, read as classes 0..3"]


@pytest.mark.parametrize(
    ("labels", "kind", "units"),
    [
        ([[0, 1], [1, 1], [0, 0]], "multilabel", 2),
        ([[True, True], [False, True], [False, False]], "multilabel", 2),
        ([[0.5, 0.5], [0.1, 0.9], [1, 0]], "regression", 2),
        ([[1, 2, 3], [4, 5, 6], [7, 8, 9]], "regression", 3),
        ([0.1, 0.2, 0.3], "regression", 1),
        (np.arange(20), "multiclass", 20),
        (np.arange(21), "regression", 1),
        (np.arange(21) * 1.0, "regression", 1),
        ([f"word {i}" for i in range(21)], "multiclass", 21),
    ],
    ids=str,
)
def test_kind_is_read_off_the_labels(labels, kind: str, units: int):
    task = ready((rows_of(len(labels)), labels)).task
    assert (task.kind, task.units) == (kind, units)


@pytest.mark.parametrize(
    ("labels", "kind", "natural"),
    [
        ([3, 4, 5], "regression", [[3], [4], [5]]),
        ([True, False, True], "regression", [[1], [0], [1]]),
        ([[0, 1], [1, 0], [0, 1]], "multilabel", [[0, 1], [1, 0], [0, 1]]),
        ([[0, 1], [1, 0], [0, 1]], "binary", [1, 0, 1]),
        ([[1], [0], [1]], "multilabel", [[1], [0], [1]]),
        ([0, 1, 0], "multiclass", [0, 1, 0]),
        (np.arange(30), "multiclass", list(range(30))),
    ],
    ids=str,
)
def test_kind_that_the_user_names_wins(labels, kind: str, natural: list):
    prepared = ready((rows_of(len(labels)), labels), kind=kind)
    assert prepared.task.kind == kind
    assert prepared.train.y.tolist() == natural


def test_kind_that_the_user_names_wins_over_the_source():
    assert ready(data.iris(), kind="regression").task.kind == "regression"


@pytest.mark.parametrize(
    ("labels", "kind", "sentence"),
    [
        ([1, 2, 3], "binary", "task=binary, but target 'y' has 3 classes (1, 2, 3); set task=multiclass"),
        (
            [0.25, 0.5, 0.75],
            "multiclass",
            "task=multiclass, but target 'y' has 3 different decimals (one is 0.25); set task=regression",
        ),
        (["ham", "spam"], "regression", "task=regression, but target 'y' holds text ('ham'); set task=auto"),
        ([0, 1], "multilabel", "task=multilabel wants columns of 0 and 1, but target 'y' is one column; set task=auto"),
        (
            [[0, 2], [1, 1]],
            "multilabel",
            "task=multilabel wants columns of 0 and 1, but target 'y' holds others; set task=regression",
        ),
        ([[0, 1], [1, 1]], "multiclass", "task=multiclass, but target 'y' has 2 columns a row; set task=multilabel"),
        ([0, 1], "multilable", "unknown task 'multilable'; did you mean 'multilabel'?"),
    ],
)
def test_task_that_contradicts_the_labels_is_refused(labels, kind: str, sentence: str):
    with pytest.raises(ConfigError) as fault:
        ready((rows_of(len(labels)), labels), kind=kind)
    assert_sentence(fault, sentence)


# --- the task and its scales


def test_scales_of_a_table_are_those_of_its_training_rows():
    prepared = ready(data.diabetes(), split=holdout)
    rows, bunch = prepared.train.rows, sklearn.datasets.load_diabetes()
    np.testing.assert_allclose(prepared.task.scale.mean, bunch.data[rows].mean(axis=0), atol=1e-8)
    np.testing.assert_allclose(prepared.task.scale.deviation, bunch.data[rows].std(axis=0), rtol=1e-6)
    np.testing.assert_allclose(prepared.task.targets.mean, [bunch.target[rows].mean()], rtol=1e-6)
    np.testing.assert_allclose(prepared.task.targets.deviation, [bunch.target[rows].std()], rtol=1e-6)


def test_images_and_classes_have_no_scale():
    task = ready(data.digits()).task
    assert (task.scale, task.targets) == (None, None)


def test_constant_column_has_deviation_one():
    scale = ready((np.full((3, 1), 0.1), [0, 1, 0])).task.scale
    assert scale.deviation.tolist() == [1]


@pytest.mark.parametrize("change", ["x", "y", "shape"])
def test_fingerprint_changes_with_the_data(change: str):
    x, y = np.zeros((4, 2)), np.array([0, 1, 1, 0])
    other = {"x": (x + 1, y), "y": (x, 1 - y), "shape": (x.reshape(4, 1, 2), y)}[change]
    assert ready((x, y)).fingerprint != ready(other).fingerprint


# --- splits


def test_split_is_disjoint_and_covers_every_row():
    labels = np.random.default_rng(0).integers(3, size=101)
    rows = holdout(labels=labels, kind="multiclass", seed=0, split=0.2, test_split=0.1)
    assert sorted(np.concatenate(list(rows.values()))) == list(range(101))
    assert [len(rows[part]) for part in ("train", "val", "test")] == [71, 20, 10]


@pytest.mark.parametrize("seed", range(5))
def test_stratified_parts_hold_each_class_within_one_row_of_its_share(seed: int):
    labels = np.random.default_rng(seed).choice(5, p=[0.5, 0.3, 0.1, 0.06, 0.04], size=997)
    rows = holdout(labels=labels, kind="multiclass", seed=seed, split=0.2, test_split=0.15)
    for part, share in {"val": 0.2, "test": 0.15}.items():
        assert (abs(np.bincount(labels[rows[part]], minlength=5) - share * np.bincount(labels)) < 1).all()


def test_same_seed_draws_the_same_rows():
    one, two = (holdout(labels=np.arange(50) % 2, kind="binary", seed=3) for _ in range(2))
    assert all(one[part].tolist() == two[part].tolist() for part in one)


def test_other_seed_draws_other_rows():
    one, two = (holdout(labels=np.arange(50) % 2, kind="binary", seed=seed) for seed in (3, 4))
    assert one["val"].tolist() != two["val"].tolist()


@pytest.mark.parametrize("stratify", [True, False])
def test_sorted_data_validates_on_every_class(stratify: bool):
    prepared = ready(data.sorted_blobs(seed=0), split=partial(holdout, stratify=stratify))
    assert set(prepared.val.y) == {0, 1, 2}


@pytest.mark.parametrize("kind", ["regression", "multilabel"])
def test_rows_without_one_class_are_drawn_at_random(kind: str):
    labels = np.zeros((40, 2), dtype="float32")
    rows = holdout(labels=labels, kind=kind, seed=0)
    assert len(rows["val"]) == 8
    assert rows["val"].tolist() != list(range(32, 40))


def test_training_rows_keep_the_order_of_the_source():
    prepared = ready(data.iris(), split=holdout)
    assert (np.diff(prepared.train.rows) > 0).all()


def test_parts_hold_the_rows_they_name():
    bunch = sklearn.datasets.load_iris()
    prepared = ready(data.iris(), split=partial(holdout, test_split=0.2))
    for part in prepared.parts.values():
        np.testing.assert_array_equal(part.x, bunch.data[part.rows].astype("float32"))
        np.testing.assert_array_equal(part.y, bunch.target[part.rows])


def test_class_with_one_row_trains_and_is_noted():
    prepared = ready((rows_of(21), [*["a", "b"] * 10, "rare"]), split=holdout)
    assert prepared.class_counts["train"]["rare"] == 1
    assert "class 'rare' has no validation row (1 row in all)" in prepared.notes


def test_class_counts_are_those_of_each_part():
    prepared = ready(data.breast_cancer(), split=holdout)
    counts = prepared.class_counts
    assert {name: sum(part.values()) for name, part in counts.items()} == {"train": 455, "val": 114}
    assert counts["train"]["malignant"] + counts["val"]["malignant"] == 212


@pytest.mark.parametrize("name", ["linear", "multilabel"])
def test_rows_without_one_class_have_no_class_counts(name: str):
    assert ready(getattr(data, name)(seed=0)).class_counts == {}


def test_split_of_zero_leaves_no_validation():
    assert ready(data.iris(), split=partial(holdout, split=0)).val is None


def test_without_validation_every_row_trains():
    prepared = ready(data.iris(), split=data.none)
    assert prepared.train.rows.tolist() == list(range(150))
    assert list(prepared.parts) == ["train"]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"split": 1.5}, "validation.split must be in [0, 1), got 1.5"),
        ({"split": -0.1}, "validation.split must be in [0, 1), got -0.1"),
        ({"split": 1}, "validation.split must be in [0, 1), got 1"),
        ({"split": float("nan")}, "validation.split must be in [0, 1), got nan"),
        ({"split": "half"}, "validation.split must be in [0, 1), got half"),
        ({"test_split": 2}, "validation.test_split must be in [0, 1), got 2"),
        (
            {"split": 0.5, "test_split": 0.5},
            "validation.split + validation.test_split must be below 1, got 0.5 + 0.5",
        ),
    ],
)
def test_split_out_of_range_is_refused(settings: dict, sentence: str):
    with pytest.raises(ConfigError) as fault:
        holdout(labels=np.zeros(10), kind="binary", seed=0, **settings)
    assert_sentence(fault, sentence)


@pytest.mark.parametrize(
    ("rows", "settings", "sentence"),
    [
        (1, {}, "1 row cannot be split by validation.split=0.2, which needs 3; set validation=none"),
        (2, {}, "2 rows cannot be split by validation.split=0.2, which needs 3; set validation=none"),
        (5, {"split": 0.9}, "5 rows cannot be split by validation.split=0.9, which needs 6; set validation=none"),
        (
            4,
            {"split": 0.1, "test_split": 0.1},
            "4 rows cannot be split by validation.split=0.1 and validation.test_split=0.1, which needs 5; set validation=none",
        ),
    ],
)
def test_too_few_rows_for_the_split_are_refused(rows: int, settings: dict, sentence: str):
    with pytest.raises(DataError) as fault:
        holdout(labels=np.zeros((rows, 1)), kind="regression", seed=0, **settings)
    assert_sentence(fault, sentence)


@pytest.mark.parametrize(("rows", "settings"), [(3, {}), (6, {"split": 0.9}), (5, {"split": 0.1, "test_split": 0.1})])
def test_number_of_rows_that_the_refusal_names_is_enough(rows: int, settings: dict):
    parts = holdout(labels=np.zeros((rows, 1)), kind="regression", seed=0, **settings)
    assert len(parts["train"])
    assert len(parts["val"])


def test_classes_of_one_row_each_cannot_be_stratified():
    with pytest.raises(DataError, match=r"every class has one row.*; check data\.target or"):
        ready((rows_of(20), [f"name {i}" for i in range(20)]), split=holdout)


# --- what is worth a word


@pytest.mark.parametrize(
    ("x", "y", "note"),
    [
        ([[1, 7], [2, 7], [3, 7]], [0, 1, 0], "1 feature is constant over the training rows ('x[1]' is 7)"),
        ([[1, 1], [2, 2], [3, 3]], [0, 1, 0], "features 'x[0]' and 'x[1]' are equal in every training row"),
        (
            np.arange(13),
            [0] * 12 + [1],
            "classes are unbalanced: 12 training rows of '0', 1 of '1'; look at more than accuracy, or type "
            "class_weight=balanced",
        ),
    ],
)
def test_misleading_training_rows_are_noted(x, y, note: str):
    assert note in ready((np.array(x), y)).notes


def test_validation_rows_that_are_also_in_training_are_counted():
    prepared = ready((np.zeros((10, 2, 2)), [0, 1] * 5), split=holdout)
    assert prepared.notes == ["2 of 2 validation rows are also in training"]


@pytest.mark.parametrize("name", ["digits", "wine", "blobs", "letters26"])
def test_sound_data_gets_no_note(name: str):
    source = getattr(data, name)
    assert ready(source(seed=0) if name in GENERATORS else source(), split=holdout).notes == []


# --- tables


@pytest.mark.parametrize("name", ["iris", "wine_data", "breast_cancer"])
def test_csv_of_scikit_learn_reads_as_its_loader(name: str, tmp_path: Path):
    bunch = getattr(sklearn.datasets, f"load_{name.removesuffix('_data')}")()
    shipped = (Path(sklearn.datasets.__file__).parent / "data" / f"{name}.csv").read_text().splitlines()
    header = ",".join([*(f'"{feature}"' for feature in bunch.feature_names), "label"])
    table = read(tmp_path, "\n".join([header, *shipped[1:]]), target="label")
    np.testing.assert_array_equal(matrix(table), bunch.data.astype("float32"))
    np.testing.assert_array_equal(table.y, bunch.target)
    assert feature_names(table) == tuple(bunch.feature_names)


def test_blank_separated_file_of_scikit_learn_reads_as_its_loader(tmp_path: Path):
    bunch = sklearn.datasets.load_linnerud()
    shipped = (Path(sklearn.datasets.__file__).parent / "data" / "linnerud_physiological.csv").read_text()
    table = read(tmp_path, shipped, target="Pulse", sep="space")
    np.testing.assert_array_equal(np.c_[matrix(table), table.y], bunch.target)


@pytest.mark.parametrize(
    ("labels", "kind", "classes"),
    [
        (["0", "1"], "binary", (0, 1)),
        (["1.0", "2.0"], "binary", (1, 2)),
        (["yes", "no"], "binary", ("no", "yes")),
        (["True", "false"], "binary", (False, True)),
        (["NA", "DE"], "binary", ("DE", "NA")),
        (["nan", "inf x"], "binary", ("inf x", "nan")),
        (["1", "2", "3+"], "multiclass", ("1", "2", "3+")),
        (["0.5", "1.5"], "regression", ()),
    ],
    ids=str,
)
def test_target_cells_decide_the_task(labels: list, kind: str, classes: tuple, tmp_path: Path):
    table = read(tmp_path, "a,y\n" + "".join(f"{i},{label}\n" for i, label in enumerate(labels * 2)))
    task = ready(table).task
    assert (task.kind, task.classes) == (kind, classes)


def test_several_targets_are_columns_of_the_labels(tmp_path: Path):
    table = read(tmp_path, "a,price,rooms\n1,1000.5,2\n2,2000.5,3\n", target=["rooms", "price"])
    assert table.target_names == ("rooms", "price")
    assert table.y.tolist() == [[2, 1000.5], [3, 2000.5]]


def test_columns_choose_the_features_in_their_order(tmp_path: Path):
    assert matrix(read(tmp_path, "a,b,c,y\n1,2,3,0\n4,5,6,1\n", columns=["c", "a"])).tolist() == [[3, 1], [6, 4]]


def test_dropped_columns_are_no_features(tmp_path: Path):
    assert feature_names(read(tmp_path, "a,b,y\n1,2,0\n4,5,1\n", drop="a")) == ("b",)


@pytest.mark.parametrize("target", [2, -1, "2"])
def test_columns_without_header_are_named_by_position(target, tmp_path: Path):
    table = read(tmp_path, ROWS, target=target, header=False)
    assert (len(matrix(table)), feature_names(table), table.target_names) == (10, ("0", "1"), ("2",))


def test_categorical_column_becomes_columns_of_0_and_1(tmp_path: Path):
    table = read(tmp_path, "c,y\nv,0\nu,1\nv,1\n", categorical="c")
    assert feature_names(table) == ("c=u", "c=v")
    assert matrix(table).tolist() == [[0, 1], [1, 0], [0, 1]]
    assert ready(table).notes[:2] == ["columns are read as categories: 'c'", "column 'c' is read as 2 columns of 0/1: 'u', 'v'"]


def test_true_and_false_are_1_and_0_in_a_feature(tmp_path: Path):
    table = read(tmp_path, "a,y\nTrue,0\nFalse,1\n")
    assert matrix(table).tolist() == [[1], [0]]
    assert table.notes == ("column 'a' holds True and False, read as 1 and 0",)


def test_quoted_fields_may_hold_separators_and_line_ends(tmp_path: Path):
    table = read(tmp_path, '"a, b",y\n1,"x\ny"\n\n2,"u,v"\n')
    assert (feature_names(table), table.y.tolist()) == (("a, b",), ["x\ny", "u,v"])


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system_are_read(ends: str, tmp_path: Path):
    assert len(matrix(read(tmp_path, ("a,b,y\n" + ROWS).replace("\n", ends)))) == 10


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("\ufeffa,b,y\n" + ROWS, {}),
        (("a,b,y\n" + ROWS).encode("utf-16"), {"encoding": "utf-16"}),
        ("é,b,y\n".encode("latin-1") + ROWS.encode(), {"encoding": "latin-1"}),
        (("a,b,y\n" + ROWS).replace(",", ";"), {}),
        (("a,b,y\n" + ROWS).replace(",", "\t"), {}),
        (("a,b,y\n" + ROWS).replace(",", "   "), {"sep": "space"}),
        (("a,b,y\n" + ROWS).replace(",", "|"), {"sep": "|"}),
        (("a,b,y\n" + ROWS).replace(",", ";").replace(".", ","), {"decimal": "comma"}),
        (ROWS.replace(",", ";").replace(".", ","), {"decimal": ",", "header": False, "target": 2}),
    ],
)
def test_file_of_another_dialect_holds_the_same_numbers(text: str | bytes, settings: dict, tmp_path: Path):
    table = read(tmp_path, text, **settings)
    np.testing.assert_array_equal(matrix(table), [[i, i / 2] for i in range(10)])
    np.testing.assert_array_equal(table.y, [i % 2 for i in range(10)])


def test_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path):
    assert feature_names(read(tmp_path, "\ufeffa,b,y\n" + ROWS)) == ("a", "b")


def test_semicolon_in_one_column_name_is_no_separator(tmp_path: Path):
    assert feature_names(read(tmp_path, "a;m,b,y\n" + ROWS)) == ("a;m", "b")


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (" a ,b,y\n" + ROWS, "blanks around column names of x.csv are stripped"),
        (",b,y\n" + ROWS, "column 'Unnamed: 0' looks like an index; dropped (data.columns can list it)"),
        ("Unnamed: 0,b,y\n" + ROWS, "column 'Unnamed: 0' looks like an index; dropped (data.columns can list it)"),
        (("a,b,y\n" + ROWS).replace(",", ";"), "x.csv is read as semicolon-separated"),
        ("a,b,y\n1,2, u\n3,4,v\n", "blanks around the labels of 'y' are stripped"),
        (
            "a,b,y\n16777217,2,0\n3,4,1\n",
            "column 'a' does not fit float32 exactly (line 2: '16777217'); if it is an id, list it in data.drop",
        ),
    ],
)
def test_what_is_mended_in_a_table_is_noted(text: str, note: str, tmp_path: Path):
    assert read(tmp_path, text).notes == (note,)


def test_header_of_numbers_is_noted(tmp_path: Path):
    table = read(tmp_path, "7,8,9\n" + ROWS, target=9)
    assert table.notes == ("every column name of x.csv is a number; set data.header=false if line 1 holds data",)


def test_index_column_that_is_asked_for_is_kept(tmp_path: Path):
    assert feature_names(read(tmp_path, ",b,y\n" + ROWS, columns="Unnamed: 0")) == ("Unnamed: 0",)


def test_test_file_is_kept_apart(tmp_path: Path):
    (tmp_path / "t.csv").write_text("y,b,a\n1,20,10\n")
    prepared = ready(read(tmp_path, "a,b,y\n" + ROWS, test_path=str(tmp_path / "t.csv")))
    assert len(prepared.train) == 10
    assert (prepared.test.x.tolist(), prepared.test.y.tolist()) == ([[10, 20]], [1])


def test_category_that_only_the_test_file_has_is_0_everywhere_and_noted(tmp_path: Path):
    (tmp_path / "t.csv").write_text("c,y\nw,0\nu,1\n")
    table = read(tmp_path, "c,y\nu,0\nv,1\n", categorical=["c"], test_path=str(tmp_path / "t.csv"))
    prepared = ready(table)
    assert prepared.test.x.tolist() == [[0, 0], [1, 0]]
    assert "column 'c' has values in 1 test row that training lacks ('w'); they count as unknown" in prepared.notes


def test_missing_label_of_the_test_file_is_named_by_its_line(tmp_path: Path):
    (tmp_path / "t.csv").write_text("a,b,y\n1,2,0\n1,2,\n")
    with pytest.raises(DataError) as fault:
        read(tmp_path, "a,b,y\n" + ROWS, test_path=str(tmp_path / "t.csv"))
    assert_sentence(fault, "target 'y' has 1 missing or infinite value (first: t.csv line 3); drop or fill them before")


def test_column_that_the_test_file_lacks_is_named(tmp_path: Path):
    (tmp_path / "t.csv").write_text("age,heigth,y\n1,2,0\n")
    with pytest.raises(DataError) as fault:
        read(tmp_path, "age,height,y\n" + ROWS, test_path=str(tmp_path / "t.csv"))
    assert_sentence(fault, "no column 'height' in t.csv; did you mean 'heigth'?")


@pytest.mark.parametrize(
    ("text", "settings", "sentence"),
    [
        ("", {}, "x.csv is empty; data.path wants a table with a header and rows"),
        ("a,b,y\n", {}, "x.csv has a header and no rows; nothing to learn"),
        ("a,y\n1,2\n1,2,3\n", {}, "x.csv line 3 has 3 fields, expected 2; fix it or set data.bad_rows=skip"),
        ("a,b,y\n1,2,3\n\n1,2\n", {}, "x.csv line 4 has 2 fields, expected 3; fix it or set data.bad_rows=skip"),
        (
            'a,b,y\n1,2,3\n1,2,"3\n1,2,3\n',
            {},
            'x.csv line 3 cannot be read (unexpected end of data); look for an open or stray quote (")',
        ),
        (
            ("a,b,y\n" + ROWS + "é,1,1\n").encode("latin-1"),
            {},
            "x.csv is not UTF-8 (byte 0xe9 at line 12); try data.encoding=latin-1",
        ),
        ("a,b,y\n".encode("utf-16"), {}, "x.csv is UTF-16; set data.encoding=utf-16"),
        (b"\x1f\x8b\x08", {}, "x.csv is a gzip file; lmrun reads plain text: unpack it or save it as CSV"),
        (b"PK\x03\x04", {}, "x.csv is a zip or xlsx file; lmrun reads plain text: unpack it or save it as CSV"),
        ("a;b;y\n1;2;3\n", {"sep": "comma"}, "x.csv looks ';'-separated; set data.sep=semicolon"),
        ("a b y\n1 2 3\n", {}, "x.csv looks ' '-separated; set data.sep=space"),
        ("a|b|y\n1|2|3\n", {}, "x.csv looks '|'-separated; set \"data.sep='|'\""),
        ("y\n1\n2\n", {}, "x.csv has one column ('y'); lmrun needs a target and at least one feature"),
        (
            "a;b;y\n1;2,5;0\n",
            {},
            "column 'b' has commas in its numbers (line 2: '2,5'); "
            "set data.decimal=comma, or remove them if they part thousands",
        ),
        (
            "a;b;y\n1;2.5;0\n",
            {"decimal": "comma"},
            "column 'b' has points in its numbers (line 2: '2.5'); "
            "set data.decimal=point, or remove them if they part thousands",
        ),
        ("a,b,target\n" + ROWS, {"target": "taget"}, "no column 'taget' in x.csv; did you mean 'target'?"),
        ("a,b,y\n" + ROWS, {"target": "species"}, "no column 'species' in x.csv; it has 'a', 'b', 'y'"),
        ("a,b,y\n" + ROWS, {"drop": ["A"]}, "no column 'A' in x.csv; did you mean 'a'?"),
        (
            ROWS,
            {"header": False, "target": 5},
            "no column '5' in x.csv; positions go from 0 to 2, or set data.header=true if line 1 has names",
        ),
        ("a,a,y\n" + ROWS, {}, "column 'a' appears twice in x.csv; rename one in line 1"),
        ("a, a,y\n" + ROWS, {}, "column 'a' appears twice in x.csv; rename one in line 1"),
        ("1,1,0\n" + ROWS, {}, "column '1' appears twice in x.csv; set data.header=false if line 1 holds data"),
        (
            "a,y\n1,2\n3,4\nx,6\n",
            {},
            "column 'a' has text in 1 of 3 rows (line 4: 'x'); list it in data.categorical or data.drop",
        ),
        (
            "a,b,y\n" + ROWS + "NA,1,1\n\n,1,1\n",
            {},
            "feature 'a' has 2 missing or infinite values (first: x.csv line 12); set data.missing=mean|median|zero|drop",
        ),
        (
            "a,b,y\n1,inf,1\n" + ROWS,
            {},
            "feature 'b' has 1 missing or infinite value (first: x.csv line 2); set data.missing=mean|median|zero|drop",
        ),
        (
            "a,b,y\n-999,1,1\n" + ROWS,
            {"na": [-999]},
            "feature 'a' has 1 missing or infinite value (first: x.csv line 2); set data.missing=mean|median|zero|drop",
        ),
        (
            "a,b,y\nu,1,1\nNA,1,0\n",
            {"categorical": ["a"]},
            "feature 'a' has 1 missing or infinite value (first: x.csv line 3); set data.missing=mean|median|zero|drop",
        ),
        (
            "a,b,y\n" + ROWS + "1,1,NA\n",
            {},
            "target 'y' has 1 missing or infinite value (first: x.csv line 12); drop or fill them before",
        ),
        (
            "a,b,y\n1,2,ham\n1,2,\n",
            {},
            "target 'y' has 1 missing or infinite value (first: x.csv line 3); drop or fill them before",
        ),
        (
            "a,b,y\n" + DECIMALS + "1,1,bad\n",
            {},
            "target 'y' has text in 1 of 41 rows (x.csv line 42: 'bad'); fix or remove that line",
        ),
        (
            "a,b,y\n" + ROWS,
            {"drop": ["a", "b"]},
            "x.csv has no feature columns beside the target; check data.target and data.drop",
        ),
    ],
)
def test_faulty_table_is_refused_with_its_line(text: str | bytes, settings: dict, sentence: str, tmp_path: Path):
    with pytest.raises(DataError) as fault:
        read(tmp_path, text, **settings)
    assert_sentence(fault, sentence)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"sep": "::"}, "data.sep must be auto, comma, semicolon, tab, space or one character, got '::'"),
        ({"decimal": ";"}, "data.decimal must be point or comma, got ';'"),
        ({"decimal": "comma"}, "data.sep and data.decimal are both ','; set data.decimal=point"),
        ({"encoding": "utf9"}, "data.encoding=utf9 is unknown; try utf-8, latin-1 or utf-16"),
        ({"columns": ["a", "y"]}, "data.columns names the target 'y'; take it out of one of the two"),
        ({"drop": ["y"]}, "data.drop names the target 'y'; take it out of one of the two"),
        ({"categorical": ["y"]}, "data.categorical names the target 'y'; take it out of one of the two"),
        ({"columns": ["a", "a"]}, "data.columns lists 'a' twice; name it once"),
        ({"columns": ["a"], "categorical": ["b"]}, "data.categorical names 'b', which is no feature; add it to data.columns"),
    ],
)
def test_settings_of_a_table_that_exclude_each_other_are_refused(settings: dict, sentence: str, tmp_path: Path):
    with pytest.raises(ConfigError) as fault:
        read(tmp_path, "a,b,y\n" + ROWS, **settings)
    assert_sentence(fault, sentence)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("x.csv", "data file 'x.csv' not found; did you mean 'X.csv'?"),
        ("some/where.csv", "data file 'some/where.csv' not found; data.path is taken from the folder where lmrun starts"),
        (".", "'.' is a directory; data.path wants a file"),
        ("https://a.b/x.csv", "'https://a.b/x.csv' is an address; download the file and give its path as data.path"),
    ],
)
def test_file_that_cannot_be_opened_is_named(path: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "X.csv").write_text("a,y\n1,2\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError) as fault:
        data.csv(path=path, target="y")
    assert_sentence(fault, sentence)


def test_longest_sentence_about_a_table_stays_under_200_characters(tmp_path: Path):
    name = "a" * 300
    with pytest.raises(LmrunError) as fault:
        read(tmp_path, f"{name},b,y\n1,1,1\n" + "x\x1b" * 300 + ",1,2\n")
    assert len(str(fault.value)) <= 200
    assert "\x1b" not in str(fault.value)


def test_number_beyond_float64_is_refused_with_its_line(tmp_path: Path):
    with pytest.raises(DataError, match="line 2"):
        read(tmp_path, "a,b,y\n1,1e400,1\n" + ROWS)


def test_wide_table_is_read(tmp_path: Path):
    names = [f"gene_{i}_{'x' * 60}" for i in range(3000)]
    table = read(tmp_path, ",".join([*names, "y"]) + "\n" + (",".join(["1"] * 3001) + "\n") * 2)
    assert matrix(table).shape == (2, 3000)


def test_a_class_of_one_row_trains_and_others_give_their_share_up_or_down():
    labels = np.repeat([0, 1, 2], [1, 18, 22])
    parts = data.holdout(labels=labels, kind="multiclass", seed=0, split=0.2)
    assert [np.bincount(labels[parts[part]], minlength=3).tolist() for part in ("train", "val")] == [[1, 14, 18], [0, 4, 4]]
