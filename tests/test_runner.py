"""One run, whole: what its folder holds is what happened, and the same words give the same bytes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics as sk

QUICK = ["epochs=2", "plots=[]"]


def test_the_headline_command_leaves_everything_a_run_folder_promises(lmrun):
    run = lmrun("loss=categorical_crossentropy", "metrics=[auc]", "epochs=2")
    names = {str(path.relative_to(run.folder)) for path in run.folder.rglob("*") if path.is_file()}
    assert names == {
        ".hydra/config.yaml",
        ".hydra/overrides.yaml",
        "history.csv",
        "metrics.json",
        "model.json",
        "model.keras",
        "model.txt",
        "plots/curves.png",
        "plots/curves.svg",
        "plots/model.png",
        "plots/model.svg",
        "predictions.npz",
        "report.html",
        "state/000001.state",
        "run.json",
        "timing.csv",
    }
    asked = ["epoch", "loss", "auc", "data_loss", "regularization"]
    validated = ["val_loss", "val_auc", "val_data_loss", "val_regularization", "val_loss_stderr"]
    assert list(run.history.columns) == [*asked, *validated, "train_loss_eval", "train_auc_eval", "learning_rate"]
    assert list(run.history["epoch"]) == [1, 2]


@pytest.fixture
def iris(run_once):
    """A run that tests look at and leave as it is."""
    return run_once("data=iris", "validation.test_split=0.2", *QUICK)


def test_stdout_is_the_run_folder_and_nothing_else(iris):
    assert iris.out == f"{iris.folder}\n"
    assert iris.folder.is_dir()


def test_quiet_says_nothing_on_stderr(lmrun):
    assert lmrun("data=iris", "-q", *QUICK).err == ""


def test_latest_names_the_newest_run(iris):
    assert (iris.folder.parent.parent / "latest").resolve() == iris.folder.resolve()


def test_validation_figures_equal_scikit_learn_on_the_predictions(lmrun):
    run = lmrun(
        "data=iris", "metrics=auc+precision+recall+f1+accuracy", "loss=sparse_categorical_crossentropy", "epochs=5", "plots=[]"
    )
    arrays, scores = run.predictions, run.json("metrics.json")["val"]
    true, predicted = arrays["val_true"], arrays["val_pred"]
    one_hot, positive = np.eye(3)[true], predicted > 0.5
    assert "the loss takes class numbers; auc, precision, recall, f1 are fed one-hot rows" in run.err
    assert scores["loss"] == pytest.approx(sk.log_loss(true, predicted), rel=1e-5)
    assert scores["accuracy"] == pytest.approx(sk.accuracy_score(true, predicted.argmax(1)))
    assert scores["precision"] == pytest.approx(sk.precision_score(one_hot, positive, average="micro", zero_division=0))
    assert scores["recall"] == pytest.approx(sk.recall_score(one_hot, positive, average="micro"))
    assert scores["f1"] == pytest.approx(sk.f1_score(true, predicted.argmax(1), average="macro"), rel=1e-5)
    assert scores["auc"] == pytest.approx(sk.roc_auc_score(one_hot.ravel(), predicted.ravel()), abs=1 / 200)


def test_regression_figures_equal_scikit_learn_in_the_targets_unit(lmrun):
    run = lmrun("data=diabetes", "metrics=mae+rmse+r2", "epochs=3", "plots=[]")
    arrays, scores = run.predictions, run.json("metrics.json")["val"]
    true, predicted = arrays["val_true"], arrays["val_pred"]
    assert true.shape == predicted.shape == (len(arrays["val_rows"]),)
    assert scores["loss"] == pytest.approx(sk.mean_squared_error(true, predicted), rel=1e-5)
    assert scores["mae"] == pytest.approx(sk.mean_absolute_error(true, predicted), rel=1e-5)
    assert scores["rmse"] == pytest.approx(math.sqrt(sk.mean_squared_error(true, predicted)), rel=1e-5)
    assert scores["r2"] == pytest.approx(sk.r2_score(true, predicted), abs=1e-5)


def test_predictions_name_their_rows_in_the_source(iris):
    from sklearn.datasets import load_iris

    arrays = iris.predictions
    labels = load_iris().target
    for part in ("val", "test"):
        assert np.array_equal(labels[arrays[f"{part}_rows"]], arrays[f"{part}_true"])
    assert not set(arrays["val_rows"]) & set(arrays["test_rows"])


def test_the_test_part_is_scored_and_kept(iris):
    arrays, scores = iris.predictions, iris.json("metrics.json")["test"]
    assert scores["accuracy"] == pytest.approx(sk.accuracy_score(arrays["test_true"], arrays["test_pred"].argmax(1)))


def test_scores_are_those_of_the_weights_that_the_run_ends_with(lmrun):
    words = ["data=page1", "epochs=40", "lr=0.03", "callbacks=[early_stopping]", "plots=[]"]  # noise: soon overfitted
    run = lmrun(*words, "callbacks.early_stopping.patience=3")
    best = run.json("metrics.json")["best"]["val_loss"]
    assert best["epoch"] < len(run.history), "the case needs epochs after the best one"
    assert run.json("metrics.json")["val"]["loss"] == pytest.approx(best["value"], rel=1e-5)
    assert run.history["val_loss"][best["epoch"] - 1] == best["value"] == run.history["val_loss"].min()


def test_same_words_give_the_same_bytes(lmrun):
    words = ["data=iris", "model.dropout=0.3", "metrics=auc+accuracy", *QUICK]
    first, second = lmrun(*words), lmrun(*words)
    for name in ("history.csv", "metrics.json", "predictions.npz"):
        assert (first.folder / name).read_bytes() == (second.folder / name).read_bytes(), name


def test_another_seed_gives_other_rows_and_other_figures(iris, lmrun):
    first, second = iris, lmrun("data=iris", "validation.test_split=0.2", "seed=1", *QUICK)
    assert not np.array_equal(first.predictions["val_rows"], second.predictions["val_rows"])
    assert not np.array_equal(first.history["loss"], second.history["loss"])


def test_metrics_are_only_looked_at(lmrun):
    without = lmrun("data=iris", "metrics=[]", *QUICK)
    with_two = lmrun("data=iris", "metrics=auc+f1", *QUICK)
    for column in ("loss", "val_loss"):
        assert np.array_equal(without.history[column], with_two.history[column])
    assert np.array_equal(without.predictions["val_pred"], with_two.predictions["val_pred"])


def test_loss_is_measured_before_the_step_and_val_loss_after_it(lmrun):
    history = lmrun("experiment=page1", "epochs=4", "plots=[]").history
    np.testing.assert_allclose(history["loss"][1:], history["val_loss"][:-1], rtol=1e-5)


def test_without_validation_the_loss_is_the_objective(lmrun):
    run = lmrun("data=iris", "validation=none", *QUICK)
    assert not [name for name in run.history.columns if name.startswith("val_")]
    assert run.json("run.json")["monitor"] == {"name": "loss", "direction": "min"}
    assert "callbacks watch loss" in run.err


def test_epochs_without_validation_leave_their_cells_empty(lmrun):
    history = lmrun("data=iris", "validation_freq=2", "epochs=4", "plots=[]").history
    assert list(history["val_loss"].isna()) == [True, False, True, False]


def test_labels_of_any_form_are_mapped_and_said(lmrun, tmp_path):
    rows = ["a,b,y"] + [f"{i % 7},{i % 5},{'spam' if (i % 7) > 3 else 'ham'}" for i in range(60)]
    (tmp_path / "mail.csv").write_text("\n".join(rows), encoding="utf-8")
    run = lmrun("data=csv", "data.path=mail.csv", "data.target=y", "metrics=auc+f1", *QUICK)
    assert run.json("run.json")["task"]["classes"] == ["ham", "spam"]
    assert set(run.predictions["val_true"]) == {0, 1}
    assert "'ham', 'spam' are classes 0, 1" in run.err


def test_a_multi_label_task_gets_sigmoids_and_figures_per_label(lmrun):
    run = lmrun("data=multilabel", "metrics=accuracy+f1", *QUICK)
    arrays, scores = run.predictions, run.json("metrics.json")["val"]
    positive = arrays["val_pred"] > 0.5
    assert scores["accuracy"] == pytest.approx((positive == arrays["val_true"]).mean())
    expected = sk.f1_score(arrays["val_true"], positive, average="macro", zero_division=0)
    assert scores["f1"] == pytest.approx(expected, abs=1e-5)


def test_a_user_function_is_metric_loss_model_and_data(lmrun, tmp_path):
    (tmp_path / "mine.py").write_text(
        "import keras, numpy as np\n"
        "def rows(seed, count=40):\n"
        "    x = np.random.default_rng(seed).normal(size=(count, 3)); return x, x.sum(1)\n"
        "def net(task, units=4):\n"
        "    layers = [keras.layers.Dense(units), keras.layers.Dense(task.units)]\n"
        "    return keras.Sequential([keras.Input(task.input_shape), *layers])\n"
        "def cube(y_true, y_pred):\n"
        "    return keras.ops.mean(keras.ops.abs(y_true - y_pred) ** 3, axis=-1)\n",
        encoding="utf-8",
    )
    run = lmrun("data=mine.rows", "model=mine.net", "loss=mine.cube", "metrics=mine.cube+mae", *QUICK)
    arrays, scores = run.predictions, run.json("metrics.json")["val"]
    assert scores["cube"] == pytest.approx((np.abs(arrays["val_true"] - arrays["val_pred"]) ** 3).mean(), rel=1e-4)
    assert scores["cube"] == pytest.approx(scores["loss"], rel=1e-5)


def test_a_failing_callback_leaves_its_traceback_and_exit_code_4(lmrun, tmp_path):
    (tmp_path / "bells.py").write_text(
        "import keras\nclass Bell(keras.callbacks.Callback):\n    def on_epoch_end(self, epoch, logs=None): 1 / 0\n",
        encoding="utf-8",
    )
    run = lmrun("data=iris", "callbacks=bells.Bell", *QUICK, code=4)
    assert "training failed in epoch 1: ZeroDivisionError" in run.err
    (log,) = tmp_path.glob("outputs/*/*/error.log")
    assert "bells.py" in log.read_text(encoding="utf-8")


def test_a_plot_that_fails_never_fails_the_run(lmrun, tmp_path):
    (tmp_path / "ink.py").write_text("def blot(record):\n    raise ValueError('no ink')\n", encoding="utf-8")
    run = lmrun("data=iris", "epochs=1", "plots=ink.blot")
    assert "no ink" in run.err
    assert run.json("run.json")["status"] == "finished"


def test_secrets_are_masked_in_the_record(lmrun, tmp_path, monkeypatch):
    monkeypatch.setenv("LMRUN_TEST_VALUE", "hush-hush")
    (tmp_path / "mine.py").write_text(
        "import numpy as np\ndef rows(token, door): return np.eye(20), np.arange(20.0) + 0.5 + len(token + door)\n",
        encoding="utf-8",
    )
    run = lmrun("data=mine.rows", "+data.token=typed-secret", "+data.door=${oc.env:LMRUN_TEST_VALUE}", *QUICK)
    for file in ("run.json", ".hydra/config.yaml", ".hydra/overrides.yaml"):
        text = (run.folder / file).read_text(encoding="utf-8")
        assert "hush-hush" not in text, file
        assert "typed-secret" not in text, file
        assert "door" in text, file
