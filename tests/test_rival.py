"""The rival: fitted as scikit-learn fits it to the same rows, scored as scikit-learn scores it, and told beside the network."""

from __future__ import annotations

import sys

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lossmetric_cli import contest, intervals, rivals
from lossmetric_cli.data import multilabel
from lossmetric_cli.errors import ConfigError, EnvironmentFault
from lossmetric_cli.feed import Rows
from lossmetric_cli.intervals import Seen
from lossmetric_cli.losses import Exponential, Quantile
from lossmetric_cli.metrics import build_metrics
from lossmetric_cli.outputs import Output
from lossmetric_cli.plots.numbers import panels
from lossmetric_cli.record import Record
from lossmetric_cli.rivals import Question, Table, of_catboost
from lossmetric_cli.story import answer
from lossmetric_cli.task import Task
from lossmetric_cli.verdicts import verdicts

FEW = ("epochs=1", "plots=[]", "train_eval=0", "validation.test_split=0.2")
BINARY = ("data=breast_cancer", "rival=hist_gradient_boosting", "rival.max_iter=10", "metrics=exact_auc+mae+accuracy", *FEW)
CLASSES = ("data=iris", "rival=linear", "metrics=exact_auc+f1", "rival.C=0.5", *FEW)
NUMBERS = ("data=diabetes", "rival=random_forest", "rival.n_estimators=10", "loss=mae", "metrics=r2+mse", *FEW)
LABELS = ("data=multilabel", "data.rows=150", "rival=linear", "rival.standardize=false", "metrics=exact_auc+accuracy", *FEW)


@pytest.fixture
def split(run_once):
    """Return the training and test rows of a run, as (x, y, x_test, y_test), read off what it kept."""

    def of(words, x, y):
        kept = run_once(*words).predictions
        train = np.setdiff1d(np.arange(len(y)), np.concatenate([kept["val_rows"], kept["test_rows"]]))
        return x[train], y[train], x[kept["test_rows"]], y[kept["test_rows"]]

    return of


def toy(name):
    import sklearn.datasets

    x, y = getattr(sklearn.datasets, f"load_{name}")(return_X_y=True)
    return x.astype("float32"), y


def test_trees_of_two_classes_score_what_scikit_learn_scores(run_once, split):
    run = run_once(*BINARY)
    x, y, x_test, y_test = split(BINARY, *toy("breast_cancer"))
    p = HistGradientBoostingClassifier(max_iter=10, random_state=0).fit(x, y).predict_proba(x_test)[:, 1]
    np.testing.assert_allclose(run.predictions["test_rival"], p, rtol=1e-6)
    found = run.json("metrics.json")["rival"]["test"]
    assert found["loss"] == pytest.approx(sk.log_loss(y_test, p), rel=1e-5)
    assert found["exact_auc"] == pytest.approx(sk.roc_auc_score(y_test, p))
    assert found["mae"] == pytest.approx(sk.mean_absolute_error(y_test, p), rel=1e-5)
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(y_test, p > 0.5))


def test_lines_of_three_classes_score_what_scikit_learn_scores(run_once, split):
    run = run_once(*CLASSES)
    x, y, x_test, y_test = split(CLASSES, *toy("iris"))
    p = make_pipeline(StandardScaler(), LogisticRegression(C=0.5, max_iter=1000)).fit(x, y).predict_proba(x_test)
    np.testing.assert_allclose(run.predictions["test_rival"], p, rtol=1e-5)
    found = run.json("metrics.json")["rival"]["test"]
    assert found["loss"] == pytest.approx(sk.log_loss(y_test, p), rel=1e-5)
    assert found["exact_auc"] == pytest.approx(sk.roc_auc_score(y_test, p, multi_class="ovr"))
    assert found["f1"] == pytest.approx(sk.f1_score(y_test, p.argmax(axis=1), average="macro"), rel=1e-6)


def test_a_forest_of_numbers_scores_what_scikit_learn_scores(run_once, split):
    run = run_once(*NUMBERS)
    x, y, x_test, y_test = split(NUMBERS, *toy("diabetes"))
    p = RandomForestRegressor(10, random_state=0).fit(x, y).predict(x_test)
    np.testing.assert_allclose(run.predictions["test_rival"], p, rtol=1e-6)
    found = run.json("metrics.json")["rival"]["test"]
    assert found["loss"] == pytest.approx(sk.mean_absolute_error(y_test, p), rel=1e-5)
    assert found["r2"] == pytest.approx(sk.r2_score(y_test, p), abs=1e-5)
    assert found["mse"] == pytest.approx(sk.mean_squared_error(y_test, p), rel=1e-5)


@pytest.mark.slow
def test_every_label_has_a_line_of_its_own(run_once, split):
    run = run_once(*LABELS)
    kept = run.predictions
    source = multilabel(rows=150, seed=0)
    x, y, x_test, y_test = split(LABELS, np.asarray(source.x, "float32"), np.asarray(source.y, "int64"))
    each = [LogisticRegression(max_iter=1000).fit(x, column).predict_proba(x_test)[:, 1] for column in y.T]
    p = np.stack(each, axis=1)
    np.testing.assert_allclose(kept["test_rival"], p, rtol=1e-4)
    found = run.json("metrics.json")["rival"]["test"]
    assert found["loss"] == pytest.approx(np.mean([sk.log_loss(t, q) for t, q in zip(y_test.T, p.T, strict=True)]), rel=1e-4)
    assert found["exact_auc"] == pytest.approx(sk.roc_auc_score(y_test, p))
    assert found["accuracy"] == pytest.approx(((p > 0.5) == y_test).mean(), rel=1e-6)


def test_the_network_is_the_same_beside_a_rival_and_alone(run_once):
    alone = [word for word in BINARY if not word.startswith("rival")]
    assert (run_once(*alone).folder / "history.csv").read_bytes() == (run_once(*BINARY).folder / "history.csv").read_bytes()


def test_a_rival_is_the_same_to_the_byte_when_it_is_trained_again(run_once):
    again = run_once(*NUMBERS, "seed=0")
    for name in ("metrics.json", "predictions.npz"):
        assert (again.folder / name).read_bytes() == (run_once(*NUMBERS).folder / name).read_bytes()


def test_the_console_tells_the_rivals_figures_and_what_it_was_fitted_to(run_once):
    run = run_once(*BINARY)
    told = next(line for line in run.err.splitlines() if line.startswith(" rival  "))
    scores = run.json("metrics.json")["rival"]["val"]
    assert told.startswith(f" rival       hist_gradient_boosting (log_loss): loss {scores['loss']:.4g} · exact_auc")
    assert " no absolute_error and is fitted to squared_error" in run_once(*NUMBERS).err


def test_its_time_is_told_apart_from_the_figures(run_once):
    run = run_once(*BINARY)
    assert run.json("run.json")["rival"]["seconds"] > 0
    assert "seconds" not in run.json("metrics.json")["rival"]


def test_the_story_puts_the_rivals_figures_beside_the_networks(run_once):
    run = run_once(*CLASSES)
    own, rival = (run.json("metrics.json")[part] for part in ("test", "rival"))
    text = " ".join(answer([str(run.folder)], width=200).split())
    assert f"on the test rows loss {rival['test']['loss']:.4g} against {own['loss']:.4g}" in text


def test_the_picture_has_a_line_at_the_rivals_score(run_once):
    run = run_once(*BINARY)
    panel = next(panel for panel in panels(Record.read(run.folder)) if panel.title == "mae")
    score = run.json("metrics.json")["rival"]["val"]["mae"]
    beside = [note for note in panel.notes if note.startswith(f"hist_gradient_boosting scores {score:.4g}")]
    assert (panel.rival == ("hist_gradient_boosting", score)) != bool(beside)  # a line, or where it is too far a word on it


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["data=digits", "loss=circle"], "rival=linear answers with classes, and loss=circle wants an embedding"),
        (["data=diabetes", "loss=quantile", "loss.tau=0.9"], "loss.tau=0.9 asks for a quantile; type rival=hist_gradient"),
    ],
)
def test_what_a_rival_cannot_answer_is_refused_before_the_first_epoch(lmrun, words, line):
    refused = lmrun(*words, "rival=linear", "metrics=[]", "plots=[]", code=2)
    assert line in refused.err
    assert refused.out == ""


def test_labels_that_are_shares_are_refused():
    soft = Output("", Task("multiclass", (4,), 3, is_soft=True), keras.losses.CategoricalCrossentropy(), "dense", "softmax")
    with pytest.raises(ConfigError, match="these labels are shares"):
        contest.build_rival({"_target_": "lossmetric_cli.rivals.linear"}, [soft], seed=0)


def test_a_setting_that_scikit_learn_refuses_is_told_in_its_words():
    trees = rivals.hist_gradient_boosting(seed=0, max_leaf_nodes=-1)
    table = Table(np.zeros((4, 1), "float32"), np.array([0, 1, 0, 1]))
    with pytest.raises(ConfigError, match=r"rival: hist_gradient_boosting refuses this: .*max_leaf_nodes"):
        rivals.answers(trees, Question("classes", 2), table, {})


# What is asked, by loss and task


def asked(loss, kind="regression", units=1, **task):
    return contest.questions(Output("", Task(kind, (4,), units, **task), loss, "dense", "linear"))


@pytest.mark.parametrize(
    ("loss", "objective", "parameter"),
    [
        (keras.losses.MeanSquaredError(), "squared_error", None),
        (keras.losses.MeanAbsoluteError(), "absolute_error", None),
        (keras.losses.Huber(delta=3.0), "huber", 3.0),
        (keras.losses.Poisson(), "poisson", None),
        (Quantile(tau=0.9), "quantile", 0.9),
    ],
)
def test_a_loss_of_numbers_asks_for_what_it_is_best_at(loss, objective, parameter):
    (question,) = asked(loss)
    assert (question.objective, question.parameter) == (objective, parameter)


def test_each_of_several_quantiles_is_asked_for():
    several = asked(Quantile(tau=[0.1, 0.9]), units=2, quantiles=(0.1, 0.9))
    assert [question.parameter for question in several] == [0.1, 0.9]


def test_trees_answer_a_quantile_as_scikit_learn_does():
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 2)).astype("float32")
    y = x[:, 0] + random.normal(size=200)
    trees = rivals.hist_gradient_boosting(seed=0, max_iter=5)
    found, _ = rivals.answers(trees, Question("quantile", parameter=0.9), Table(x, y), {"val": x})
    expected = HistGradientBoostingRegressor(loss="quantile", quantile=0.9, max_iter=5, random_state=0).fit(x, y).predict(x)
    np.testing.assert_allclose(found["val"][:, 0], expected, rtol=1e-6)


def test_rows_count_by_their_weights_and_not_at_all_with_none():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(60, 3)).astype("float32"), random.normal(size=60)
    weights = np.repeat(np.array([0.0, 1.0, 2.0], "float32"), 20)
    line = rivals.linear(standardize=False)
    found, _ = rivals.answers(line, Question("squared_error"), Table(x, y, weights), {"val": x})
    twice = np.concatenate([np.arange(20, 60), np.arange(40, 60)])
    np.testing.assert_allclose(found["val"][:, 0], Ridge().fit(x[twice], y[twice]).predict(x), rtol=1e-4)


def test_a_class_without_training_rows_has_probability_0():
    x = np.arange(12, dtype="float32").reshape(6, 2)
    found, _ = rivals.answers(rivals.linear(), Question("classes", 3), Table(x, np.array([0, 0, 0, 2, 2, 2])), {"val": x})
    assert (found["val"][:, 1] == 0).all()
    np.testing.assert_allclose(found["val"].sum(axis=1), 1, rtol=1e-6)


def test_training_rows_of_one_class_are_answered_by_it():
    x = np.zeros((3, 2), "float32")
    found, _ = rivals.answers(rivals.linear(), Question("classes", 2), Table(x, np.ones(3, "int64")), {"val": x})
    np.testing.assert_array_equal(found["val"], [[0, 1]] * 3)


# The form of an answer


@pytest.mark.parametrize("loss", [keras.losses.BinaryCrossentropy(from_logits=True), None])
def test_a_linear_head_of_a_cross_entropy_is_answered_in_logits(loss):
    shares = np.array([[0.2], [0.9]], "float32")
    output = Output("", Task("binary", (4,), 1), loss, "dense", "linear")
    np.testing.assert_allclose(1 / (1 + np.exp(-contest.in_form(shares, output))), shares, rtol=1e-5)


def test_logits_of_classes_have_the_loss_of_their_probabilities():
    shares = np.array([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]], "float32")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    output = Output("", Task("multiclass", (4,), 3), loss, "index", "linear")
    assert float(loss(np.array([1, 2]), contest.in_form(shares, output))) == pytest.approx(-np.log([0.5, 0.8]).mean(), rel=1e-5)


def test_margins_are_answered_around_0():
    shares = np.array([[0.2], [0.9]], "float32")
    hinge = Output("", Task("binary", (4,), 1), keras.losses.SquaredHinge(), "dense", "linear")
    np.testing.assert_allclose(contest.in_form(shares, hinge), 2 * shares - 1)
    exponential = Output("", Task("binary", (4,), 1), Exponential(), "dense", "linear")
    np.testing.assert_allclose(contest.in_form(shares, exponential), np.log(shares / (1 - shares)) / 2, rtol=1e-5)


def test_a_loss_that_draws_a_linear_head_to_the_labels_is_answered_with_shares():
    shares = np.array([[0.2], [0.9]], "float32")
    output = Output("", Task("binary", (4,), 1), keras.losses.MeanSquaredError(), "dense", "linear")
    np.testing.assert_array_equal(contest.in_form(shares, output), shares)


# Scores and differences


def output_of(loss, kind="MeanAbsoluteError"):
    task = Task("regression", (4,), 1)
    measured = build_metrics({"m": {"_target_": f"keras.metrics.{kind}"}}, task=task, labels="dense", activation="linear")
    return Output("", task, loss, "dense", "linear", metrics=measured, columns={"m": ("m",)})


def numbers(rows=80):
    random = np.random.default_rng(1)
    y = random.normal(size=(rows, 1)).astype("float32")
    return y, (y + random.normal(size=y.shape)).astype("float32"), (y + 2 * random.normal(size=y.shape)).astype("float32")


def test_a_score_with_row_weights_is_what_keras_evaluates():
    y, p, _ = numbers()
    weights = np.linspace(0, 2, len(y), dtype="float32")
    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Activation("linear")])
    model.compile(loss="mse", weighted_metrics=[])
    expected = model.evaluate(p, y, sample_weight=weights, batch_size=32, verbose=0)
    found = contest.scores([output_of(keras.losses.MeanSquaredError())], Rows(p, y, weights), p, batch=32)
    assert found["loss"] == pytest.approx(np.ravel(expected)[0], rel=1e-5)


def test_a_difference_is_that_of_the_same_rows():
    y, first, second = numbers()
    ends = intervals.differences(
        [output_of(keras.losses.MeanSquaredError())], {"": Seen(y, first)}, {"": Seen(y, second)}, seed=0
    )
    for column, power in (("loss", 2), ("m", 1)):
        costs = (np.abs(y - first) ** power - np.abs(y - second) ** power)[:, 0].astype("float64")
        half = intervals.QUANTILE * costs.std(ddof=1) / np.sqrt(len(y))
        assert ends[column] == pytest.approx((costs.mean() - half, costs.mean() + half), rel=1e-4)


def test_a_difference_of_a_figure_of_all_rows_is_drawn_from_the_same_samples():
    y, first, second = numbers()
    output = output_of(keras.losses.MeanSquaredError(), kind="R2Score")
    ends = intervals.differences([output], {"": Seen(y, first)}, {"": Seen(y, second)}, seed=0)["m"]
    rows = np.random.default_rng([0, 4]).integers(len(y), size=(intervals.DRAWS, len(y)), dtype="int32")
    drawn = [sk.r2_score(y[some], first[some]) - sk.r2_score(y[some], second[some]) for some in rows]
    assert ends == pytest.approx(np.percentile(drawn, [2.5, 97.5]), abs=1e-4)


def told(low, high, way="max"):
    scores = {
        "val": {"loss": 0.5, "auc": 0.7},
        "rival": {"name": "linear", "val": {"auc": 0.8}, "difference": {"val": {"auc": [low, high]}}},
    }
    info = {"metrics": {"auc": {"direction": way, "class": "AUC"}}}
    history = pd.DataFrame({"epoch": [1], "loss": [0.5]})
    return " ".join(verdicts(history, info, scores, {}))


@pytest.mark.parametrize(
    ("low", "high", "way", "line"),
    [
        (-0.2, -0.05, "max", "linear is better on validation rows, beyond the paired interval: auc 0.8 against 0.7"),
        (0.05, 0.2, "max", "better than linear on validation rows, beyond the paired interval: auc 0.8 against 0.7"),
        (0.05, 0.2, "min", "linear is better on validation rows"),
        (-0.2, 0.05, "max", "no real difference from linear on validation rows: auc 0.8 against 0.7 (by -0.2 to 0.05)"),
    ],
)
def test_a_verdict_says_whether_the_difference_is_more_than_chance(low, high, way, line):
    assert line in told(low, high, way)


# CatBoost, by its names


@pytest.mark.parametrize(
    ("question", "objective", "metric"),
    [
        (Question("classes", 2, metrics=("AUC",)), "Logloss", "AUC"),
        (Question("classes", 2, metrics=("AUC(PR)",)), "Logloss", "PRAUC"),
        (Question("classes", 2, metrics=("mean of mine", "F1Score")), "Logloss", "F1"),
        (Question("classes", 5, metrics=("SparseCategoricalAccuracy",)), "MultiClass", "Accuracy"),
        (Question("classes", 5, metrics=("F1Score(macro)",)), "MultiClass", "TotalF1:average=Macro"),
        (Question("squared_error", metrics=("R2Score",)), "RMSE", "R2"),
        (Question("absolute_error"), "MAE", None),
        (Question("quantile", parameter=0.9), "Quantile:alpha=0.9", None),
        (Question("huber", parameter=2.0), "Huber:delta=2", None),
    ],
)
def test_catboost_is_asked_by_its_own_names(question, objective, metric):
    assert (of_catboost.objective(question), of_catboost.twin(question)) == (objective, metric)


def test_catboost_itself_takes_these_names():
    pytest.importorskip("catboost")
    random = np.random.default_rng(0)
    x = random.normal(size=(60, 2)).astype("float32")
    boost = rivals.catboost(seed=0, iterations=5, early_stopping_rounds=2)
    for question, y in (
        (Question("classes", 2, metrics=("AUC",)), x[:, 0] > 0),
        (Question("classes", 3, metrics=("F1Score(macro)",)), np.arange(60) % 3),
        (Question("quantile", parameter=0.9, metrics=("R2Score",)), x[:, 0]),
    ):
        labels = y.astype("int64") if question.classes else y
        found, _ = rivals.answers(boost, question, Table(x, labels), {"val": x}, validation=Table(x, labels))
        assert found["val"].shape == (60, question.classes or 1)


def test_catboost_that_is_not_installed_is_named_with_its_pip_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "catboost", None)
    with pytest.raises(EnvironmentFault, match=r"pip install 'lossmetric_cli\[catboost\]'"):
        contest.build_rival({"_target_": "lossmetric_cli.rivals.catboost"}, [], seed=0)
