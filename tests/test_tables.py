"""Tables of mixed columns: what each column is, what it becomes, and that training rows alone decide it."""

from __future__ import annotations

import gc
import re
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from lossmetric_cli import data
from lossmetric_cli.data import Data, Dataset, prepare, streams
from lossmetric_cli.data.columns import Column
from lossmetric_cli.data.encoder import Recipe, fit
from lossmetric_cli.errors import ConfigError, DataError

CITIES = ["Oslo", "Paris", "Rome"]
ROWS = 60
ROW = np.arange(ROWS)


def patients() -> pd.DataFrame:
    """Return a table with a column of every kind, whose target is no column's echo."""
    random = np.random.default_rng(0)
    rows = np.arange(ROWS)
    return pd.DataFrame(
        {
            "patient_id": 7_000 + rows,
            "age": random.integers(20, 80, ROWS),
            "city": random.choice(CITIES, ROWS),
            "smoker": random.choice(["yes", "no"], ROWS),
            "seen": [
                date.fromordinal(date(2023, 12, 1).toordinal() + int(day)).isoformat() for day in random.integers(0, 99, ROWS)
            ],
            "notes": [f"feels {random.choice(['fine', 'tired', 'unwell'])} since last {day} week" for day in rows % 7],
            "ill": random.choice(["no", "yes"], ROWS),
        }
    )


def written(folder: Path, frame: pd.DataFrame | str, name: str = "x.csv") -> Path:
    path = folder / name
    path.write_text(frame if isinstance(frame, str) else frame.to_csv(index=False), encoding="utf-8")
    return path


def read(folder: Path, frame: pd.DataFrame | str, *, target: Any = "ill", **settings: Any) -> Dataset:
    return data.csv(path=str(written(folder, frame)), target=target, **settings)


def ready(source: Dataset, *, split: Any = data.none, seed: int = 0) -> Data:
    return prepare(source, split=split, seed=seed)


def encoded(kind: str, cells: list, other: list | None = None, **recipe: Any) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return what a column's cells become where `cells` are the training rows, and the names of its columns."""
    dtype = "float32" if kind == "number" else "object"
    encoder = fit([Column("c", kind)], {"c": np.array(cells, dtype=dtype)}, recipe=Recipe(**recipe))
    return encoder.encode({"c": np.array(cells if other is None else other, dtype=dtype)}), encoder.names.get("numbers", ())


# --- kinds


@pytest.mark.parametrize(
    ("name", "kind"),
    [("age", "number"), ("city", "category"), ("smoker", "boolean"), ("seen", "date"), ("notes", "text")],
)
def test_kind_of_a_column_is_read_off_its_cells(name: str, kind: str, tmp_path: Path):
    assert {column.name: column.kind for column in read(tmp_path, patients()).columns}[name] == kind


def test_kinds_are_said_in_one_line_with_what_is_left_out(tmp_path: Path):
    assert read(tmp_path, patients()).notes == (
        "columns are read as 1 number · yes-or-no: 'smoker' · categories: 'city' · dates: 'seen' · text: 'notes' · "
        "left out as identifiers: 'patient_id' (data.numeric or data.categorical keeps them)",
    )


def test_declared_identifier_is_kept(tmp_path: Path):
    assert "patient_id" in {column.name for column in read(tmp_path, patients(), numeric=["patient_id"]).columns}


def test_text_that_differs_in_every_row_is_an_identifier(tmp_path: Path):
    frame = patients().assign(key=[f"k{row}" for row in range(ROWS)])
    assert "key" not in {column.name for column in read(tmp_path, frame).columns}


def test_whole_numbers_declared_categories_are_read_as_they_are_written(tmp_path: Path):
    frame = patients().assign(zip=[f"0{1000 + row % 3}" for row in range(ROWS)])
    assert set(read(tmp_path, frame, categorical=["zip"]).x["zip"]) == {"01000", "01001", "01002"}


def test_dates_of_another_form_are_refused_with_the_form_to_write(tmp_path: Path):
    with pytest.raises(DataError) as fault:
        read(tmp_path, patients().assign(seen="31.12.2023"))
    assert "column 'seen' looks like dates (line 2: '31.12.2023'); write dates as 2026-12-31" in str(fault.value)


def test_column_declared_twice_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"data\.categorical and data\.text both name 'city'; keep one"):
        read(tmp_path, patients(), categorical=["city"], text=["city"])


# --- what columns become


def test_category_is_a_column_of_0_and_1_for_each_value_of_the_training_rows():
    found, names = encoded("category", ["b", "a", "b"])
    assert (found.tolist(), names) == ([[0, 1], [1, 0], [0, 1]], ("c=a", "c=b"))


def test_category_that_training_lacks_is_0_in_every_column():
    assert encoded("category", ["b", "a"], ["z", ""])[0].tolist() == [[0, 0], [0, 0]]


def test_category_of_many_values_is_numbered_from_1_and_0_is_unknown():
    found, _ = encoded("category", ["b", "a", "c"], ["a", "c", "z"], one_hot=2)
    assert found["c"].tolist() == [1, 3, 0]
    assert found["c"].dtype == np.int32


def test_yes_is_1_however_it_is_spelled():
    assert encoded("boolean", ["no", "yes"], ["yes", "Yes", "YES", "no", ""])[0].tolist() == [[1], [1], [1], [0], [0]]


DAYS = [date.fromordinal(day) for day in range(date(1899, 12, 28).toordinal(), date(2101, 3, 2).toordinal(), 17)]


def test_date_becomes_its_day_month_and_weekday():
    found, names = encoded("date", [day.isoformat() for day in DAYS])
    known = [[(day - date(1970, 1, 1)).days, day.month, day.day, day.weekday()] for day in DAYS]
    np.testing.assert_array_equal(found, known)
    assert names == ("c.day", "c.month", "c.day_of_month", "c.weekday")


def test_time_of_a_date_is_its_hour():
    found, names = encoded("date", ["2026-11-22 06:45", "2026-11-22T23:30:10"])
    assert (found[:, -1].tolist(), names[-1]) == ([6.75, 23.5], "c.hour")


def test_text_is_the_numbers_of_its_words_and_0_after_its_end():
    found, _ = encoded("text", ["good film", "good", "bad film that is long"], ["film, good!", "", "unheard"], length=3)
    words = found["c"]
    assert (words[1].tolist(), words[2].tolist()) == ([0, 0, 0], [1, 0, 0])
    assert words[0].tolist()[2] == 0
    assert set(words[0][:2].tolist()) == {2, 3}  # of the most frequent words come the first numbers


@pytest.mark.parametrize(("missing", "fill"), [("mean", 3.0), ("median", 2.0), ("zero", 0.0)])
def test_missing_number_becomes_what_the_training_rows_say(missing: str, fill: float):
    assert encoded("number", [1, 2, 6, np.nan], [np.nan, 10], missing=missing)[0].tolist() == [[fill], [10]]


def test_missing_category_is_unknown_where_numbers_are_filled(tmp_path: Path):
    table = read(tmp_path, "c,n,y\na,1,0\n,2,1\nb,,0\n", target="y", missing="mean")
    assert ready(table).train.x.tolist() == [[1, 0, 1], [0, 0, 2], [0, 1, 1.5]]


def test_rows_that_lack_a_cell_are_left_out_where_that_is_asked_for_and_counted(tmp_path: Path):
    table = read(tmp_path, "c,n,y\na,1,0\n,2,1\nb,,0\nb,4,1\n", target="y", missing="drop")
    assert (table.x["n"].tolist(), table.y.tolist()) == ([1, 4], [0, 1])
    assert "2 rows of 4 left out for missing values (first: x.csv line 3)" in table.notes


def test_more_columns_of_numbers_than_inputs_come_as_one(tmp_path: Path):
    names = [f"g{place}" for place in range(300)]
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(6, 300)), columns=names).assign(y=[0, 1] * 3)
    prepared = ready(read(tmp_path, frame, target="y"))
    assert prepared.train.x.shape == (6, 300)
    assert list(prepared.encoder.model.input) == ["numbers"]


# --- training rows alone


def test_encoding_knows_nothing_of_validation_rows(tmp_path: Path):
    """The value, the word and the mean of the last rows, which validate, leave no trace."""
    text = "c,n,t,y\n" + "a,1,plain words to read here,0\nb,2,other words to read here,1\n" * 10
    far = text + "z,1000,secret words to read here,1\n" * 5
    split = lambda *, labels, kind, seed: {"train": np.arange(20), "val": np.arange(20, len(labels))}  # noqa: E731
    prepared = ready(read(tmp_path, far, target="y", missing="mean"), split=split)
    assert prepared.encoder.names["numbers"] == ("c=a", "c=b", "n")
    assert prepared.task.inputs["numbers"].scale.mean[2] == pytest.approx(1.5)
    assert (prepared.val.x["t"] == 1).any(axis=1).all()
    assert "column 'c' has values in 5 validation rows that training lacks ('z'); they count as unknown" in prepared.notes


# --- targets


def test_positive_class_is_the_second_one(tmp_path: Path):
    task = ready(read(tmp_path, patients(), positive="no")).task
    assert task.classes == ("yes", "no")


def test_positive_number_is_the_second_class(tmp_path: Path):
    prepared = ready(read(tmp_path, "a,y\n1,0\n2,1\n3,0\n", target="y", positive=0))
    assert (prepared.task.classes, prepared.train.y.tolist()) == ((1, 0), [1, 0, 1])


def test_positive_class_that_is_none_is_refused_with_those_there_are(tmp_path: Path):
    with pytest.raises(ConfigError, match=re.escape("data.positive: 'ill' has no class 'maybe'; its classes are 'no', 'yes'")):
        read(tmp_path, patients(), positive="maybe")


def test_targets_of_text_and_numbers_are_answers_of_their_own(tmp_path: Path):
    table = read(tmp_path, patients(), target=["ill", "age"])
    prepared = prepare(table, split=data.none, seed=0, outputs={"ill": ["ill"], "age": ["age"]})
    assert {name: task.kind for name, task in prepared.task.outputs.items()} == {"ill": "binary", "age": "regression"}


# --- leaks


def test_column_that_gives_the_answer_away_is_named(tmp_path: Path):
    frame = patients().assign(bill=lambda table: np.where(table.ill == "yes", 900.0, 100.0) + np.arange(ROWS))
    told = "column 'bill' alone gives the target away; if it is not known beforehand, list it in data.drop"
    assert told in ready(read(tmp_path, frame)).notes


def test_category_that_gives_the_answer_away_is_named(tmp_path: Path):
    frame = patients().assign(ward=lambda table: np.where(table.ill == "yes", np.array(["a", "b", "c"] * 20), "d"))
    assert any("column 'ward' alone gives the target away" in note for note in ready(read(tmp_path, frame)).notes)


def test_quantity_in_another_unit_is_named(tmp_path: Path):
    random = np.random.default_rng(0).normal(size=(80, 2))
    frame = pd.DataFrame({"a": random[:, 0], "cents": 100 * random[:, 1], "y": random[:, 1]})
    found = [note for note in ready(read(tmp_path, frame, target="y")).notes if "away" in note]
    assert found == ["column 'cents' alone gives the target away; if it is not known beforehand, list it in data.drop"]


def test_honest_columns_are_not_accused(tmp_path: Path):
    assert not [note for note in ready(read(tmp_path, patients())).notes if "away" in note]


# --- files


def test_several_files_are_one_table(tmp_path: Path):
    for number in range(3):
        written(tmp_path, f"a,y\n{number},0\n{number + 10},1\n", name=f"part{number}.csv")
    table = data.csv(path=str(tmp_path / "part*.csv"), target="y")
    assert table.x["a"].tolist() == [0, 10, 1, 11, 2, 12]


def test_fault_in_a_later_file_is_named_by_its_own_line(tmp_path: Path):
    paths = [
        str(written(tmp_path, "a,y\n1,0\n2,1\n", name="one.csv")),
        str(written(tmp_path, "a,y\n1,0\n,1\n", name="two.csv")),
    ]
    with pytest.raises(DataError, match=r"feature 'a' has 1 missing or infinite value \(first: two.csv line 3\)"):
        data.csv(path=paths, target="y")


def test_files_of_other_columns_are_refused(tmp_path: Path):
    paths = [str(written(tmp_path, "a,y\n1,0\n", name="one.csv")), str(written(tmp_path, "b,y\n1,0\n", name="two.csv"))]
    with pytest.raises(DataError, match=r"two\.csv has a column 'b', and one\.csv has not; give the files the same"):
        data.csv(path=paths, target="y")


def test_bad_lines_are_left_out_where_that_is_asked_for_and_counted(tmp_path: Path):
    table = read(tmp_path, 'a,y\n1,0\n1,2,3\n2,1\n9\n"4",0\n', target="y", bad_rows="skip")
    assert table.x["a"].tolist() == [1, 2, 4]
    assert "2 lines of x.csv left out (first: line 3), of other fields" in table.notes


def test_pattern_that_no_file_fits_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match=r"no file fits data\.path='.*'; it is taken from the folder"):
        data.csv(path=str(tmp_path / "none*.csv"), target="y")


def test_parquet_holds_what_the_same_csv_holds(tmp_path: Path):
    pytest.importorskip("pyarrow")
    frame = patients()
    frame.assign(seen=pd.to_datetime(frame.seen)).to_parquet(tmp_path / "x.parquet")
    one, two = ready(data.csv(path=str(tmp_path / "x.parquet"), target="ill")), ready(read(tmp_path, frame))
    for name, array in two.train.x.items():
        np.testing.assert_array_equal(one.train.x[name], array)


# --- inputs by name


def test_columns_can_be_shared_out_to_inputs(tmp_path: Path):
    table = read(tmp_path, patients(), inputs={"who": ["age", "city"], "when": ["seen"]})
    found = ready(table).train.x
    assert {name: array.shape[1] for name, array in found.items()} == {"who": 4, "when": 4}


def test_column_in_two_inputs_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match=re.escape("data.inputs has 'age' twice; a column goes to one input")):
        read(tmp_path, patients(), inputs={"who": ["age"], "when": ["age", "seen"]})


def test_inputs_of_a_function_of_ones_own_are_a_dict():
    prepared = prepare(({"user": np.arange(4), "size": np.ones(4)}, [0, 1, 0, 1]), split=data.none, seed=0)
    assert {name: (one.dtype, one.values) for name, one in prepared.task.inputs.items()} == {
        "user": ("int32", 4),
        "size": ("float32", 0),
    }


def test_inputs_of_different_rows_are_refused():
    with pytest.raises(DataError, match=re.escape("the inputs have different numbers of rows (a 4, b 3)")):
        prepare(({"a": np.arange(4), "b": np.arange(3)}, [0, 1, 0, 1]), split=data.none, seed=0)


# --- texts


def folder_of_texts(root: Path) -> Path:
    for label, words in (("good", "a fine film"), ("bad", "a dull film")):
        (root / "texts" / label).mkdir(parents=True)
        for number in range(6):
            (root / "texts" / label / f"{number}.txt").write_text(f"{words} number {number}")
    return root / "texts"


def test_texts_in_folders_have_the_folders_as_classes(tmp_path: Path):
    prepared = ready(data.text(path=str(folder_of_texts(tmp_path))))
    assert (prepared.task.classes, len(prepared.train)) == (("bad", "good"), 12)


def test_text_of_another_encoding_is_named(tmp_path: Path):
    (folder_of_texts(tmp_path) / "good" / "9.txt").write_bytes("café".encode("latin-1"))
    with pytest.raises(DataError, match=re.escape("good/9.txt is not UTF-8; try data.encoding=latin-1")):
        data.text(path=str(tmp_path / "texts"))


def test_folder_without_classes_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match=re.escape("has 0 folders with .txt files, and classes are two or more")):
        data.text(path=str(tmp_path))


# --- a run


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on the table, in a process of its own, with a text that has no word in it."""
    folder = tmp_path_factory.mktemp("table")
    frame = patients()
    frame.loc[5, "notes"] = "..."
    written(folder, frame, name="patients.csv")
    words = ["data=csv", "data.path=patients.csv", "data.target=ill", "metrics=auc", "epochs=3", "plots=[]", "batch_size=8"]
    command = [sys.executable, "-m", "lossmetric_cli", *words, "model.hidden=[8]"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def test_one_raw_row_as_a_dict_is_answered_by_the_saved_model(trained: Path):
    frame, model = pd.read_csv(trained.parents[2] / "patients.csv"), keras.models.load_model(trained / "model.keras")
    with np.load(trained / "predictions.npz") as known:
        row = {name: frame[name].to_numpy()[known["val_rows"][:1]] for name in model.input}
        np.testing.assert_array_equal(np.asarray(model(row)).ravel(), known["val_pred"][:1])


def test_saved_model_answers_all_rows_as_the_run_did(trained: Path):
    frame, model = pd.read_csv(trained.parents[2] / "patients.csv"), keras.models.load_model(trained / "model.keras")
    with np.load(trained / "predictions.npz") as known:
        rows = {name: frame[name].to_numpy(dtype="object" if frame[name].dtype.kind == "O" else None) for name in model.input}
        answers = model.predict({name: cells[known["val_rows"]] for name, cells in rows.items()}, verbose=0)
        np.testing.assert_allclose(answers.ravel(), known["val_pred"], rtol=1e-6)


def test_text_without_a_word_leaves_every_weight_a_number(trained: Path):
    model = keras.models.load_model(trained / "model.keras")
    assert all(np.isfinite(np.asarray(weight)).all() for weight in model.trainable_weights)


def test_saved_model_loads_without_lmrun(trained: Path):
    code = (
        "import sys; sys.modules['lossmetric_cli'] = None; import keras, numpy as np\n"
        f"model = keras.models.load_model({str(trained / 'model.keras')!r})\n"
        "row = {'age': [41.0], 'city': ['Rome'], 'smoker': ['yes'], 'seen': ['2024-01-31'], 'notes': ['feels fine']}\n"
        "print(model({name: np.array(cell) for name, cell in row.items()}).shape)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(1, 1)"


def test_run_begins_with_the_weights_of_an_earlier_one(trained: Path, lmrun: Any):
    path = trained.parents[2] / "patients.csv"
    words = ["data=csv", f"data.path={path}", "data.target=ill", "metrics=auc", "epochs=1", "plots=[]", "model.hidden=[8]"]
    done = lmrun(*words, f"model.init_from={trained}", "optimizer=sgd", "lr=1e-30")
    with np.load(trained / "predictions.npz") as before:
        np.testing.assert_allclose(done.predictions["val_pred"], before["val_pred"], rtol=1e-6)
    assert "begins with the weights of 3 layers of" in done.err


def test_run_whose_layers_do_not_fit_is_refused(trained: Path, lmrun: Any):
    done = lmrun("data=iris", f"model.init_from={trained}", "epochs=1", code=2)
    assert "model.init_from: no layer of" in done.err


def test_folder_that_holds_no_model_is_refused(lmrun: Any, tmp_path: Path):
    done = lmrun("data=iris", f"model.init_from={tmp_path}", "epochs=1", code=2)
    assert "holds no model.keras and no state; give the folder of a run that trained" in done.err


# --- models of several inputs


def test_two_towers_learn_what_a_constant_cannot(lmrun: Any):
    done = lmrun(
        "data=ratings",
        "data.rows=2500",
        "data.people=60",
        "data.films=60",
        "model=two_tower",
        "epochs=6",
        "lr=0.01",
        "plots=[]",
        "train_eval=0",
    )
    assert done.json("metrics.json")["skill"]["val"] > 0.5


def test_head_of_two_towers_sees_the_dot_product(option: Any):
    prepared = prepare(data.ratings(rows=50, people=5, films=12, seed=0), split=data.none, seed=0)
    from lossmetric_cli.models import two_tower

    model = two_tower(task=prepared.task, width=4)
    vectors = [
        keras.Model(model.input, model.get_layer(f"{side}_vector").output)(prepared.train.x) for side in ("left", "right")
    ]
    product = keras.Model(model.input, model.get_layer("dot_product").output)(prepared.train.x)
    np.testing.assert_allclose(product[:, 0], (np.array(vectors[0]) * np.array(vectors[1])).sum(axis=1), rtol=1e-4, atol=1e-6)


def test_two_towers_of_one_input_are_refused(lmrun: Any):
    assert "model=two_tower needs two inputs, and the data has one" in lmrun("data=iris", "model=two_tower", code=2).err


def test_wide_and_deep_learns_what_adds_up_and_what_does_not(lmrun: Any, tmp_path: Path):
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"a": random.normal(size=400), "c": random.choice(list("uvw"), 400)})
    written(tmp_path, frame.assign(y=3 * frame.a + np.where(frame.c == "u", frame.a**2, 0)))
    words = [
        "data=csv",
        "data.path=x.csv",
        "data.target=y",
        "model=wide_deep",
        "epochs=20",
        "lr=0.01",
        "plots=[]",
        "train_eval=0",
    ]
    assert lmrun(*words).json("metrics.json")["skill"]["val"] > 0.9


def test_reviews_are_learned_from_their_words(lmrun: Any):
    words = ["data=reviews", "data.rows=600", "epochs=6", "lr=0.01", "plots=[]", "train_eval=0"]
    assert lmrun(*words).json("metrics.json")["val"]["accuracy"] > 0.8


# --- larger than memory


def halves() -> pd.DataFrame:
    """Return 3,000 rows whose second half has a value that the first lacks."""
    random = np.random.default_rng(1)
    frame = pd.DataFrame({"a": random.normal(size=3000), "city": random.choice(CITIES, 3000)})
    frame.loc[2900:, "city"] = "Bonn"
    return frame.assign(y=np.where(frame.a > 0, "high", "low"))


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read so little at once that a small file has many blocks."""
    monkeypatch.setattr(streams, "_BLOCK", 10_000)


def test_streamed_rows_are_those_of_the_whole_table(tmp_path: Path, small_blocks: None):
    frame = halves().assign(city="Oslo")
    whole = ready(read(tmp_path, frame, target="y", stream=False), split=data.holdout)
    parts = ready(read(tmp_path, frame, target="y", stream=True), split=data.holdout)
    np.testing.assert_array_equal(parts.val.x[:], whole.val.x)
    np.testing.assert_array_equal(parts.val.y, whole.val.y)
    assert parts.fingerprint == whole.fingerprint


def test_scale_of_streamed_columns_is_that_of_the_whole(tmp_path: Path, small_blocks: None):
    scales = [ready(read(tmp_path, halves(), target="y", stream=way, drop=["city"])).task.scale for way in (True, False)]
    np.testing.assert_allclose(scales[0].mean, scales[1].mean, rtol=1e-6)
    np.testing.assert_allclose(scales[0].deviation, scales[1].deviation, rtol=1e-6)


def test_streamed_table_says_what_it_read_its_kinds_off(tmp_path: Path, small_blocks: None):
    notes = ready(read(tmp_path, halves(), target="y", stream=True)).notes
    assert any(
        re.search(r"3,000 rows of .* are streamed from the disk .* read off the first \d\d\d of them", note) for note in notes
    )


def test_value_that_comes_after_the_first_block_is_a_value_like_others(tmp_path: Path, small_blocks: None):
    prepared = ready(read(tmp_path, halves(), target="y", stream=True))
    assert prepared.encoder.names["numbers"][1:] == ("city=Bonn", "city=Oslo", "city=Paris", "city=Rome")
    assert prepared.train.x[2950].tolist()[1:] == [1, 0, 0, 0]


def test_value_of_no_training_row_of_a_stream_is_unknown_and_told(tmp_path: Path, small_blocks: None):
    def last_hundred(*, labels: np.ndarray, **facts: Any) -> dict[str, np.ndarray]:
        return {"train": np.arange(2900), "val": np.arange(2900, 3000)}

    prepared = ready(read(tmp_path, halves(), target="y", stream=True), split=last_hundred)
    assert prepared.val.x[50].tolist()[1:] == [0, 0, 0]
    assert "column 'city' has 1 value that no training row has ('Bonn'); rows of such count as unknown" in prepared.notes


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (
            ["yes", "no"] * 1450 + ["maybe"] * 100,
            r"'b' is yes or no in the first \d+ rows, but line 2902: 'maybe'; .*categorical",
        ),
        (
            ["2026-01-02"] * 2900 + ["2026-01-02 08:30"] * 100,
            r"'b' is days alone in the first \d+ rows, but line 2902: .*data.drop",
        ),
    ],
)
def test_cell_that_contradicts_the_first_block_is_refused(cells: list, told: str, tmp_path: Path, small_blocks: None):
    with pytest.raises(DataError, match=told):
        ready(read(tmp_path, halves().assign(b=cells), target="y", stream=True))


def test_missing_values_after_the_first_block_are_counted(tmp_path: Path, small_blocks: None):
    frame = halves()
    frame.loc[2500:2599, "a"] = np.nan
    notes = ready(read(tmp_path, frame, target="y", stream=True, missing="mean")).notes
    assert any(re.match("100 missing values of 'a' became", note) for note in notes)


def test_what_a_missing_value_becomes_is_told_in_every_kind_of_column_and_part(tmp_path: Path):
    frame = patients()
    frame.loc[:4, ["age", "city", "smoker", "seen"]] = None
    notes = ready(read(tmp_path, frame, missing="mean"), split=lambda **facts: {"train": ROW[5:], "val": ROW[:5]}).notes
    told = [note for note in notes if note.startswith("5 missing values of")]
    assert [note.partition("of ")[2] for note in told] == [
        f"'age' became {frame.age.mean():.4g}",
        *("'city' count as unknown", "'smoker' count as no", "'seen' became zeros"),
    ]


def test_day_that_no_calendar_has_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match=r"column 'seen' holds dates such as 2026-12-31, but line 4: '2024-02-30'"):
        read(tmp_path, patients().assign(seen=["2024-02-29", "2024-01-01", "2024-02-30"] * 20))


def test_whole_numbers_past_64_bits_are_refused(tmp_path: Path):
    with pytest.raises(DataError, match=r"column 'age' has whole numbers past 64 bits \(line 2: '1180591620717411303424'\)"):
        read(tmp_path, patients().assign(age=[str(2**70 + row) for row in range(ROWS)]))


def test_weight_below_zero_is_named_by_its_line(tmp_path: Path):
    frame = patients().assign(age=1.0)
    frame.loc[3, "age"] = -1
    with pytest.raises(DataError, match=r"sample_weight 'age' is below 0 \(line 5: '-1.0'\)"):
        read(tmp_path, frame, sample_weight="age")


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux'")
def test_table_that_memory_does_not_hold_says_to_stream_it(tmp_path: Path):
    written(tmp_path, "a,y\n" + "1.25,0\n1.5,1\n" * 400_000)
    code = (
        "import resource, sys; from lossmetric_cli import devices; from lossmetric_cli.cli import answer;"
        "devices.load_tensorflow(); import lossmetric_cli.runner, pandas;"
        "held = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize();"
        "resource.setrlimit(resource.RLIMIT_AS, (held + 2**25,) * 2);"
        "sys.exit(answer(['data=csv', 'data.path=x.csv', 'data.target=y']))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, "more memory than there is; type data.stream=true" in done.stderr) == (5, True), done.stderr


def test_numbers_too_large_after_the_first_block_are_told_once(tmp_path: Path, small_blocks: None):
    frame = halves().assign(b=[1] * 2000 + [2**24 + 1] * 1000)
    notes = ready(read(tmp_path, frame, target="y", stream=True)).notes
    assert [note for note in notes if "does not fit float32 exactly (line 2002:" in note] == [
        note for note in notes if "float32" in note
    ]


def test_lines_left_out_of_later_blocks_are_counted(tmp_path: Path, small_blocks: None):
    lines = halves().to_csv(index=False).splitlines()
    lines[2000] += ",9"
    prepared = ready(read(tmp_path, "\n".join(lines) + "\n", target="y", stream=True, bad_rows="skip"))
    assert len(prepared.train) == 2999
    assert any("1 more line of the table left out (first: line 2001)" in note for note in prepared.notes)


def test_second_file_of_other_columns_is_refused_when_streamed_too(tmp_path: Path):
    for name, header in (("1.csv", "a,y"), ("2.csv", "b,y")):
        written(tmp_path, f"{header}\n1,0\n2,1\n", name=name)
    with pytest.raises(DataError, match=r"2\.csv has a column 'b', and 1\.csv has not"):
        data.csv(path=str(tmp_path / "*.csv"), target="y", stream=True)


def test_true_and_false_among_numbers_of_a_later_block_are_refused(tmp_path: Path, small_blocks: None):
    with pytest.raises(DataError, match=r"target 'y' holds numbers in some lines and (text|true and false) in others"):
        read(tmp_path, halves().assign(y=["true"] * 1500 + [0, 1] * 750), target="y", stream=True)


def test_fault_in_a_later_block_is_named_by_its_line(tmp_path: Path, small_blocks: None):
    frame = halves().astype({"a": object})
    frame.loc[2500, "a"] = "x"
    with pytest.raises(DataError, match=r"column 'a' has text in 1 of \d+ rows \(line 2502: 'x'\)"):
        ready(read(tmp_path, frame, target="y", stream=True))


def test_line_with_too_many_fields_in_a_later_block_is_named(tmp_path: Path, small_blocks: None):
    lines = halves().to_csv(index=False).splitlines()
    lines[2000] += ",9"
    with pytest.raises(DataError, match=r"x\.csv line 2001 has 4 fields, expected 3"):
        read(tmp_path, "\n".join(lines) + "\n", target="y", stream=True)


def test_quoted_line_end_is_not_where_a_block_is_cut(tmp_path: Path, small_blocks: None):
    frame = halves().assign(city='two\nlines "quoted"')
    assert len(ready(read(tmp_path, frame, target="y", stream=True)).train) == 3000


def test_streamed_run_is_the_run_in_memory(lmrun: Any, tmp_path: Path, small_blocks: None):
    written(tmp_path, halves().assign(city="Oslo"))
    words = ["data=csv", "data.path=x.csv", "data.target=y", "epochs=2", "plots=[]", "metrics=auc"]
    histories = [lmrun(*words, f"data.stream={way}").history for way in ("true", "false")]
    pd.testing.assert_frame_equal(*histories, rtol=1e-4)


def test_rows_on_the_disk_are_gone_when_nobody_reads_them(tmp_path: Path, small_blocks: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    prepared = ready(read(tmp_path, halves(), target="y", stream=True))
    assert list(tmp_path.glob("lmrun-*"))
    del prepared
    gc.collect()
    assert not list(tmp_path.glob("lmrun-*"))


def test_header_alone_is_refused_when_streamed_too(tmp_path: Path):
    with pytest.raises(DataError, match=r"x\.csv has a header and no rows"):
        read(tmp_path, "a,y\n", target="y", stream=True)


def test_missing_file_is_named_when_streamed_too(tmp_path: Path):
    with pytest.raises(DataError, match=r"data file '.*' not found"):
        data.csv(path=str(tmp_path / "gone.csv"), target="y", stream=True)


@pytest.mark.parametrize(
    ("settings", "told"), [({"encoding": "utf-16"}, "cannot be read block by block"), ({"group": "a"}, "group")]
)
def test_what_cannot_be_streamed_is_refused(settings: dict, told: str, tmp_path: Path):
    with pytest.raises(ConfigError, match=rf"{told}.*type data\.stream=false"):
        read(tmp_path, "a,b,y\n1,2,0\n3,4,1\n", target="y", stream=True, **settings)


def test_stream_that_is_to_answer_with_itself_is_refused(tmp_path: Path):
    source = read(tmp_path, "a,b,y\n1,2,0\n3,4,1\n", target="y", stream=True)
    with pytest.raises(ConfigError, match=r"read whole; type data\.stream=false"):
        prepare(source, kind="reconstruction", split=data.none, seed=0)


def test_positive_class_of_a_stream_may_come_after_its_first_block(tmp_path: Path, small_blocks: None):
    frame = halves().assign(y=["low"] * 2000 + ["high"] * 1000)
    assert ready(read(tmp_path, frame, target="y", stream=True, positive="low")).task.classes == ("high", "low")


def test_category_that_looks_like_a_number_in_a_later_block_is_the_same_word(tmp_path: Path, small_blocks: None):
    frame = halves().assign(city=["a", "a", "1"] * 400 + ["1"] * 1800)
    prepared = ready(read(tmp_path, frame, target="y", stream=True))
    assert prepared.encoder.names["numbers"] == ("a", "city=1", "city=a")
    np.testing.assert_array_equal(prepared.train.x[1200:3000][:, 1], np.ones(1800))


def test_category_that_looks_like_a_number_in_the_test_file_is_the_same_word(tmp_path: Path):
    test = written(tmp_path, "c,y\n1,0\n,1\n", name="test.csv")
    table = read(tmp_path, "c,y\na,0\n1,1\nb,0\n", target="y", test_path=str(test), missing="mean")
    assert ready(table).test.x.tolist() == [[1, 0, 0], [0, 0, 0]]


def test_rows_that_are_left_out_take_their_group_with_them(tmp_path: Path):
    table = read(tmp_path, "g,n,y\nu,1,0\nv,,1\nw,3,0\n", target="y", group="g", missing="drop")
    assert table.groups.tolist() == ["u", "w"]


def test_category_without_a_value_in_training_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match=r"column 'c' has no value in any training row; list it in data\.drop"):
        encoded("category", ["", ""])


def test_word_that_is_neither_yes_nor_no_is_told(tmp_path: Path):
    test = written(tmp_path, "a,s,y\n1,maybe,0\n2,no,1\n", name="test.csv")
    table = read(tmp_path, "a,s,y\n1,yes,0\n2,no,1\n", target="y", test_path=str(test))
    assert "column 's' has values in 1 test row that training lacks ('maybe'); they count as unknown" in ready(table).notes


def test_ids_of_ones_own_that_only_validate_have_room(lmrun: Any, own_code: Any):
    own_code(
        "my_pairs",
        """
        import numpy as np

        def load():
            user = np.concatenate([np.arange(60) % 7, np.full(20, 50)])
            return {"user": user, "size": np.ones((80, 1))}, np.arange(80) % 2
    """,
    )
    assert lmrun("data=my_pairs.load", "epochs=1", "plots=[]", "train_eval=0").code == 0


def test_transformer_reads_texts(lmrun: Any):
    words = ["data=reviews", "data.rows=100", "model=transformer", "epochs=1", "plots=[]", "train_eval=0"]
    assert lmrun(*words).json("run.json")["task"]["kind"] == "binary"
