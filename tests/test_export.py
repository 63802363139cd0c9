"""`lmrun export RUN`: the model of a run as files of others, tried in a process that has no lmrun."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from conftest import Outcome

from lossmetric_cli import export, sampling, store
from lossmetric_cli.errors import EnvironmentFault, TrainingError

QUICK = ("epochs=1", "plots=[]", "-q")
HAS_ONNX = all(importlib.util.find_spec(name) for name in ("onnx", "tf2onnx", "onnxruntime"))


@pytest.fixture(scope="session")
def animals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of numbers, categories, texts and dates."""
    random = np.random.default_rng(0)
    kinds = random.integers(0, 3, 200)
    frame = pd.DataFrame(
        {
            "length": (kinds + random.normal(0, 0.4, 200)).round(3),
            "colour": random.choice(["red", "green", "blue"], 200),
            "said": [
                f"{random.choice(['a very', 'one', 'some'])} {['miaow', 'woof', 'hoot'][kind]} at night" for kind in kinds
            ],
            "seen": [f"2024-0{1 + day % 9}-1{day % 10}" for day in random.integers(0, 300, 200)],
            "species": np.array(["cat", "dog", "owl"])[kinds],
        }
    )
    path = tmp_path_factory.mktemp("animals") / "animals.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture
def run(run_once: Callable[..., Outcome], animals: Path) -> Outcome:
    return run_once("data=csv", f"data.path={animals}", "data.target=species", "callbacks=checkpoint", *QUICK)


@pytest.fixture
def exported(run_once: Callable[..., Outcome], run: Outcome) -> Outcome:
    """What `format=keras,saved_model` makes of that run, each tried in a process of its own."""
    return run_once("export", str(run.folder))


@pytest.fixture
def iris(run_once: Callable[..., Outcome]) -> Outcome:
    return run_once("data=iris", *QUICK)


def raw_rows(path: Path, rows: np.ndarray) -> dict[str, np.ndarray]:
    frame = pd.read_csv(path).iloc[rows]
    words = {name: frame[name].to_numpy().astype("U") for name in ("colour", "said", "seen")}
    return {"length": frame["length"].to_numpy("float32"), **words}


def test_a_keras_archive_answers_raw_rows_as_the_run_did_and_names_the_labels(run: Outcome, exported: Outcome, animals: Path):
    file = exported.folder / "model.keras"
    assert exported.folder == run.folder / "export"
    answers = keras.models.load_model(file, compile=False)(raw_rows(animals, run.predictions["val_rows"]))
    np.testing.assert_allclose(answers, run.predictions["val_pred"], atol=1e-6)
    assert json.loads(zipfile.ZipFile(file).read("labels.json")) == ["cat", "dog", "owl"]


def test_a_saved_model_answers_raw_rows_by_tensorflow_alone(run: Outcome, exported: Outcome, animals: Path):
    model = tf.saved_model.load(exported.folder / "saved_model")
    rows = {name: tf.constant(cells) for name, cells in raw_rows(animals, run.predictions["val_rows"]).items()}
    np.testing.assert_allclose(model.serve(rows), run.predictions["val_pred"], atol=1e-6)
    assert model.labels().numpy().tolist() == [b"cat", b"dog", b"owl"]


def test_no_export_holds_what_only_an_optimizer_needs(run: Outcome, exported: Outcome):
    weights = keras.models.load_model(run.folder / "model.keras", compile=False).count_params()
    known = [
        shape for name, shape in tf.train.list_variables(exported.folder / "saved_model" / "variables" / "variables") if shape
    ]
    assert sum(int(np.prod(shape)) for shape in known) == weights  # each once, which a tracked model's are not

    def parts(file: Path) -> list[str]:
        with h5py.File(io.BytesIO(zipfile.ZipFile(file).read("model.weights.h5"))) as weights:
            return list(weights)

    assert "optimizer" in parts(run.folder / "checkpoints" / "best.keras")
    assert "optimizer" not in parts(exported.folder / "model.keras")


def test_an_export_says_how_far_each_file_is_off(exported: Outcome):
    assert "loaded without lmrun, and its answers to 40 rows held against the run's" in exported.err
    assert "kB" in exported.err
    assert sorted(path.name for path in exported.folder.iterdir()) == ["model.keras", "saved_model"]


def test_litert_answers_as_the_run_did(lmrun: Callable[..., Outcome], iris: Outcome, tmp_path: Path):
    found = lmrun("export", str(iris.folder), "format=litert", "to=shipped")
    file = tmp_path / "shipped" / "model.tflite"
    assert found.out == f"{tmp_path / 'shipped'}\n"
    assert json.loads(zipfile.ZipFile(file).read("labels.json")) == ["setosa", "versicolor", "virginica"]
    assert "litert  model.tflite" in found.err


@pytest.mark.skipif(not HAS_ONNX, reason="the extra onnx is not installed")
def test_onnx_answers_as_the_run_did(lmrun: Callable[..., Outcome], iris: Outcome, tmp_path: Path):
    import onnxruntime

    lmrun("export", str(iris.folder), "format=onnx", "to=shipped")
    session = onnxruntime.InferenceSession(tmp_path / "shipped" / "model.onnx")
    assert [given.name for given in session.get_inputs()] == ["inputs"]  # and no mean of a Normalization


@pytest.mark.skipif(HAS_ONNX, reason="the extra onnx is installed")
def test_onnx_that_is_not_installed_is_asked_for(lmrun: Callable[..., Outcome], iris: Outcome):
    found = lmrun("export", str(iris.folder), "format=onnx", code=EnvironmentFault.exit_code)
    assert "pip install 'lossmetric_cli[onnx]'" in found.err


@pytest.mark.parametrize("name", ["onnx", "litert"])
def test_a_format_that_cannot_hold_words_says_which_can(lmrun: Callable[..., Outcome], run: Outcome, name: str):
    found = lmrun("export", str(run.folder), f"format=keras,{name}", "to=shipped", code=2)
    assert "type format=keras,saved_model" in found.err
    assert found.err.count("\n") == 1
    assert not Path("shipped").exists()


def test_a_file_that_answers_otherwise_is_not_kept(lmrun: Callable[..., Outcome], iris: Outcome, tmp_path: Path):
    copy = shutil.copytree(iris.folder, tmp_path / "copy")
    with np.load(copy / "predictions.npz") as arrays:
        np.savez(copy / "predictions.npz", **{**arrays, "val_pred": arrays["val_pred"] + 1e-2})
    found = lmrun("export", str(copy), "format=keras", code=TrainingError.exit_code)
    assert "model.keras answers otherwise than the run" in found.err
    assert not (copy / "export").exists()


def test_a_model_that_needs_lmrun_does_not_pass(tmp_path: Path):
    network = keras.Sequential([keras.Input((2,)), sampling.SampledHead(3)])
    network.save(tmp_path / "model.keras")
    with pytest.raises(TrainingError, match=r"model\.keras does not answer without lmrun: .*SampledHead"):
        export.answers_elsewhere("keras", tmp_path / "model.keras", np.zeros((1, 2), "float32"), modules=[])


def test_a_difference_is_measured_by_the_largest_answer_of_its_output():
    expected = {"price": np.array([1e5, 2e5]), "share": np.array([[0.5], [1.0]])}
    found = {"price": np.array([[1e5], [2e5 + 2]]), "share": np.array([[0.5], [1.0 - 1e-3]])}
    assert export.largest_difference(expected, found) == (2.0, pytest.approx(1e-3))
    assert export.largest_difference(expected, expected | {"share": np.array([np.nan, 1.0])})[1] == np.inf


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["format=lite"], "format=lite is none of keras, saved_model, litert, onnx; did you mean 'litert'?"),
        (["weights=best"], "train with callbacks=checkpoint"),
        (["metrics=[acuracy]"], "did you mean 'accuracy'?"),
    ],
)
def test_words_of_an_export_are_refused_in_one_line(lmrun: Callable[..., Outcome], iris: Outcome, words: list[str], told: str):
    assert told in lmrun("export", str(iris.folder), *words, code=2).err


@pytest.mark.parametrize("place", ["", "state", "eval/export"])
def test_an_export_stands_in_place_of_none_of_a_runs_own_files(lmrun: Callable[..., Outcome], iris: Outcome, place: str):
    before = (iris.folder / "model.keras").read_bytes()
    err = lmrun("export", str(iris.folder), "format=keras", f"to={iris.folder}/{place}", code=2).err
    assert err.endswith(f"lies among the files of the run {iris.folder}; type to={iris.folder}/export, or a folder elsewhere\n")
    assert (iris.folder / "model.keras").read_bytes() == before


def test_a_saved_model_is_tried_in_a_folder_whose_name_is_a_pattern(lmrun: Callable[..., Outcome], iris: Outcome):
    assert (lmrun("export", str(iris.folder), "format=saved_model", "to=[y]/export").folder / "saved_model").is_dir()


def test_a_run_without_a_model_is_refused(lmrun: Callable[..., Outcome]):
    run = lmrun("data=iris", "save_model=false", *QUICK)
    assert "holds no model.keras" in lmrun("export", str(run.folder), code=2).err


def test_what_is_handed_over_takes_the_place_of_what_stood_there(tmp_path: Path):
    for text in ("old", "new"):
        with store.staging(tmp_path / "place") as unfinished:
            (unfinished / "model").mkdir()
            (unfinished / "model" / text).write_text(text, encoding="utf-8")
            store.hand_over(unfinished / "model", tmp_path / "place" / "model")
    assert [path.name for path in (tmp_path / "place").rglob("*")] == ["model", "new"]


def test_what_fails_unfinished_leaves_nothing(tmp_path: Path):
    with contextlib.suppress(FileNotFoundError), store.staging(tmp_path / "place") as unfinished:
        (unfinished / "model").write_text("half", encoding="utf-8")
        (unfinished / "missing").read_text(encoding="utf-8")
    assert not (tmp_path / "place").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("data=multitask", "outputs=[price,rooms]", "loss=mae"),
        ("data=pictures", "model=cnn"),
        ("data=load_curve", "model=gru"),
        ("data=iris", "task=reconstruction", "model=vae"),
        ("data=next_word", "loss=sampled_softmax"),
    ],
    ids=lambda words: words[0],
)
def test_every_kind_of_model_leaves_in_every_format_that_holds_it(lmrun: Callable[..., Outcome], words: tuple[str, ...]):
    run = lmrun(*words, *QUICK)
    formats = "keras,saved_model,litert" + (",onnx" if HAS_ONNX else "")
    assert lmrun("export", str(run.folder), f"format={formats}").folder == run.folder / "export"


@pytest.mark.slow
def test_own_code_that_no_keras_finds_leaves_as_a_saved_model(
    own_code: Callable[[str, str], None], lmrun: Callable[..., Outcome]
):
    own_code(
        "my_models",
        """
        import keras

        class Net(keras.Model):
            def __init__(self, task=None, units=3, **known):
                super().__init__(**known)
                self.head = keras.layers.Dense(units, activation="softmax")

            def call(self, x, training=False):
                return self.head(x)
        """,
    )
    run = lmrun("data=iris", "model=my_models.Net", *QUICK)
    assert "does not answer without lmrun" in lmrun("export", str(run.folder), "format=keras", code=4).err
    lmrun("export", str(run.folder), "format=saved_model")
