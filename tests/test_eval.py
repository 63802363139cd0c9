"""`lmrun eval RUN`: the weights that a run ended with, scored again, without training and without changing the run."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from conftest import Outcome
from sklearn import metrics as sk

from lossmetric_cli.export.model import TRAINING

QUICK = ("epochs=2", "plots=[]", "-q")


def table(path: Path, *, rows: int, seed: int) -> Path:
    """Write animals by their length, colour and a word on them."""
    random = np.random.default_rng(seed)
    kinds = random.integers(0, 3, rows)
    frame = pd.DataFrame(
        {
            "length": (kinds + random.normal(0, 0.4, rows)).round(3),
            "colour": random.choice(["red", "green", "blue"], rows),
            "said": [
                f"{random.choice(['a very', 'one', 'some'])} {['miaow', 'woof', 'hoot'][kind]} at night" for kind in kinds
            ],
            "species": np.array(["cat", "dog", "owl"])[kinds],
        }
    )
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def animals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return table(tmp_path_factory.mktemp("animals") / "animals.csv", rows=240, seed=1)


@pytest.fixture
def run(run_once: Callable[..., Outcome], animals: Path) -> Outcome:
    """A run on a table, with test rows drawn by the split."""
    words = ("metrics=auc+accuracy", "validation.test_split=0.2", "lr=0.01", *QUICK)
    return run_once("data=csv", f"data.path={animals}", "data.target=species", *words)


@pytest.fixture
def scored(run_once: Callable[..., Outcome], run: Outcome) -> Outcome:
    return run_once("eval", str(run.folder), "metrics=auc+accuracy+mcc+exact_auc")


def of_part(outcome: Outcome, part: str) -> tuple[np.ndarray, np.ndarray]:
    return outcome.predictions[f"{part}_true"], outcome.predictions[f"{part}_pred"]


def test_the_new_figures_equal_scikit_learn_on_the_predictions(scored: Outcome):
    for part in ("val", "test"):
        true, pred = of_part(scored, part)
        found, answer = scored.json("metrics.json")[part], pred.argmax(axis=1)
        assert found["accuracy"] == pytest.approx(sk.accuracy_score(true, answer), abs=1e-6)
        assert found["mcc"] == pytest.approx(sk.matthews_corrcoef(true, answer), abs=1e-6)
        assert found["exact_auc"] == pytest.approx(sk.roc_auc_score(true, pred, multi_class="ovr"), abs=1e-6)
        assert found["loss"] == pytest.approx(-np.log(pred[np.arange(len(true)), true]).mean(), rel=1e-5)
        assert found["auc"] == pytest.approx(sk.roc_auc_score(np.eye(3)[true].ravel(), pred.ravel()), abs=1e-3)


def test_figures_that_the_run_had_are_the_same(run: Outcome, scored: Outcome):
    for part in ("train", "val", "test"):
        for name in ("loss", "auc", "accuracy"):
            before = run.json("metrics.json")[part][name]
            assert scored.json("metrics.json")[part][name] == pytest.approx(before, rel=1e-6)
    assert scored.json("eval.json")["agrees"] is True
    np.testing.assert_array_equal(scored.predictions["val_pred"], run.predictions["val_pred"])


def test_the_folder_says_what_was_scored(run: Outcome, scored: Outcome):
    kept = scored.json("eval.json")
    assert scored.folder.parent == run.folder / "eval"
    assert kept["weights"]["sha256"] == hashlib.sha256((run.folder / "model.keras").read_bytes()).hexdigest()
    assert kept["words"] == ["metrics=auc+accuracy+mcc+exact_auc"]
    assert "in the run" in scored.err


def test_the_run_itself_stays_as_it_was(lmrun: Callable[..., Outcome], run: Outcome, scored: Outcome):
    def content() -> dict[str, bytes]:
        files = [file for file in run.folder.rglob("*") if file.is_file() and "eval" not in file.parts]
        return {str(file): file.read_bytes() for file in files}

    before = content()
    found = lmrun("eval", str(run.folder), "metrics=[mcc]", "-q")
    assert content() == before
    assert int(found.folder.name) > int(scored.folder.name)
    assert found.err == ""


def test_new_rows_are_read_with_the_encoding_and_the_classes_of_the_run(
    lmrun: Callable[..., Outcome], run: Outcome, tmp_path: Path
):
    path = table(tmp_path / "new.csv", rows=60, seed=2)
    frame = pd.read_csv(path)
    frame = frame[frame["species"] != "cat"].assign(colour="mauve")  # a class that is absent, a value that no run has seen
    frame.to_csv(path, index=False)
    found = lmrun("eval", str(run.folder), f"data.path={path}")
    model = keras.models.load_model(run.folder / "model.keras", compile=False)
    raw = {name: frame[name].to_numpy() for name in ("length", "colour", "said")}
    answers = np.asarray(
        model({name: cells.astype("U" if cells.dtype == object else "float32") for name, cells in raw.items()})
    )
    true, pred = of_part(found, "test")
    np.testing.assert_allclose(pred, answers, atol=1e-6)
    assert list(true) == [{"dog": 1, "owl": 2}[name] for name in frame["species"]]
    assert found.json("metrics.json")["val"]["loss"] == pytest.approx(run.json("metrics.json")["val"]["loss"], rel=1e-6)
    assert f"test is {len(frame)} rows that are none of the run's" in found.err


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda frame: frame.replace({"owl": "fox"}), "label 'fox', which no other row has"),
        (lambda frame: frame.drop(columns="colour"), "no column 'colour' in new.csv"),
    ],
)
def test_rows_that_do_not_fit_the_run_are_refused_in_one_line(
    lmrun: Callable[..., Outcome], run: Outcome, tmp_path: Path, change: Callable[[pd.DataFrame], pd.DataFrame], told: str
):
    path = table(tmp_path / "new.csv", rows=60, seed=2)
    change(pd.read_csv(path)).to_csv(path, index=False)
    found = lmrun("eval", str(run.folder), f"data.path={path}", code=3)
    assert told in found.err
    assert found.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["epochs=9"], "eval trains nothing"),
        (["loss=huber"], "a loss is a metric too"),
        (["model.hidden=[9]"], "lmrun rerun trains with it"),
        (["metrics=[acuracy]"], "did you mean 'accuracy'?"),
        (["weights=lst"], "weights=lst is none of last, best; did you mean 'last'?"),
        (["weights=best"], "train with callbacks=checkpoint"),
        (["data=iris"], "type data.path=FILE of the same form"),
    ],
)
def test_words_that_would_change_what_is_scored_are_refused(
    lmrun: Callable[..., Outcome], run: Outcome, words: list[str], told: str
):
    assert told in lmrun("eval", str(run.folder), *words, code=2).err


def test_what_is_no_run_is_refused(lmrun: Callable[..., Outcome], tmp_path: Path):
    assert "eval needs a run folder" in lmrun("eval", code=2).err
    assert "is no run folder" in lmrun("eval", "nowhere", code=2).err
    job = tmp_path / "sweep" / "0"
    job.mkdir(parents=True)
    (job / "run.json").write_text("{}", encoding="utf-8")
    assert "type lmrun eval sweep/0" in lmrun("eval", "sweep", code=2).err


def test_the_best_weights_are_those_of_the_checkpoint(lmrun: Callable[..., Outcome], run_once: Callable[..., Outcome]):
    run = run_once("data=iris", "lr=0.3", "epochs=4", "plots=[]", "callbacks=checkpoint", "-q")
    history = run.history["val_loss"]
    assert history.idxmin() < len(history) - 1
    best = lmrun("eval", str(run.folder), "weights=best").json("metrics.json")["val"]["loss"]
    last = lmrun("eval", str(run.folder)).json("metrics.json")["val"]["loss"]
    assert best == pytest.approx(history.min(), rel=1e-6)
    assert last == pytest.approx(history.iloc[-1], rel=1e-6)


def test_rows_of_an_array_are_scored_where_they_have_the_form_of_the_run(lmrun: Callable[..., Outcome], tmp_path: Path):
    random = np.random.default_rng(0)
    for name, shape in (("a", (60, 4)), ("b", (20, 4)), ("c", (20, 5))):
        x = random.normal(size=shape).astype("float32")
        np.savez(tmp_path / f"{name}.npz", x=x, y=(x.sum(axis=1) > 0).astype(int))
    run = lmrun("data=npz", "data.path=a.npz", *QUICK)
    found = lmrun("eval", str(run.folder), "data.path=b.npz")
    model = keras.models.load_model(run.folder / "model.keras", compile=False)
    answers = model.predict(np.load(tmp_path / "b.npz")["x"], verbose=0)[:, 0]
    np.testing.assert_allclose(found.predictions["test_pred"], answers, atol=1e-6)
    other = lmrun("eval", str(run.folder), "data.path=c.npz", code=2)
    assert "input_shape is (5,) there and (4,) in the run" in other.err


def test_a_loss_that_needs_what_only_training_has_is_the_same(run_once: Callable[..., Outcome]):
    run = run_once("data=iris", "task=reconstruction", "model=vae", *QUICK)
    assert TRAINING in zipfile.ZipFile(run.folder / "model.keras").namelist()
    scored = run_once("eval", str(run.folder))
    assert scored.json("metrics.json")["val"]["loss"] == pytest.approx(run.json("metrics.json")["val"]["loss"], rel=1e-6)
    assert scored.json("eval.json")["agrees"] is True


@pytest.mark.slow
def test_a_fold_is_scored_on_its_own_rows(run_once: Callable[..., Outcome], lmrun: Callable[..., Outcome]):
    run = run_once("data=iris", "validation=kfold", "validation.folds=2", *QUICK)
    fold = run.folder / "folds" / "2"
    found = lmrun("eval", str(fold), "metrics=[mcc]")
    before = json.loads((fold / "metrics.json").read_text(encoding="utf-8"))
    assert found.json("metrics.json")["val"]["loss"] == pytest.approx(before["val"]["loss"], rel=1e-6)
    assert f"{run.folder}/folds/1" in lmrun("eval", str(run.folder), code=2).err


def test_own_code_that_keras_cannot_find_is_scored_all_the_same(
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
                self.factor = self.add_weight(shape=(), initializer="ones", name="factor")

            def call(self, x, training=False):
                return self.head(x * self.factor)
        """,
    )
    run = lmrun("data=iris", "model=my_models.Net", *QUICK)
    assert lmrun("eval", str(run.folder)).json("eval.json")["agrees"] is True


def test_figures_that_are_not_those_of_the_run_are_said(lmrun: Callable[..., Outcome], run: Outcome, tmp_path: Path):
    copy = shutil.copytree(run.folder, tmp_path / "copy")
    scores = json.loads((copy / "metrics.json").read_text(encoding="utf-8"))
    scores["val"]["loss"] += 1e-4
    (copy / "metrics.json").write_text(json.dumps(scores), encoding="utf-8")
    found = lmrun("eval", str(copy))
    assert "val loss is" in found.err
    assert found.json("eval.json")["agrees"] is False
