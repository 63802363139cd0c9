"""Beyond one split: folds that cover every row once, groups that stay together, and means that are NumPy's and SciPy's."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from sklearn import metrics as sk
from sklearn.model_selection import StratifiedKFold

from lossmetric_cli import folds
from lossmetric_cli.data import Dataset, group, kfold, prepare
from lossmetric_cli.errors import ConfigError, DataError
from lossmetric_cli.plots.numbers import panels
from lossmetric_cli.record import Record
from lossmetric_cli.story import answer

RANDOM = np.random.default_rng(0)
LABELS = RANDOM.choice(3, 101, p=[0.6, 0.3, 0.1])
GROUPS = RANDOM.integers(23, size=101)
RUN = ("data=iris", "validation=kfold", "validation.folds=3", "validation.test_split=0.2", "metrics=accuracy", "rival=linear")
WORDS = (*RUN, "epochs=3", "callbacks=checkpoint")


@pytest.fixture
def run(run_once):
    return run_once(*WORDS)


def of(values=LABELS, kind="multiclass", **settings):
    return kfold(labels=values, kind=kind, seed=settings.pop("seed", 0), **settings)


# The rows of folds


@pytest.mark.parametrize("groups", [None, GROUPS], ids=["rows", "groups"])
@pytest.mark.parametrize("test_split", [0.0, 0.2])
def test_folds_are_disjoint_and_validate_every_row_once(groups, test_split):
    parts = of(groups=groups, folds=4, test_split=test_split)
    (test,) = {tuple(part["test"]) for part in parts}
    validated = np.concatenate([part["val"] for part in parts])
    assert sorted([*validated, *test]) == list(range(len(LABELS)))
    for part in parts:
        assert sorted([*part["train"], *part["val"], *test]) == list(range(len(LABELS)))


@pytest.mark.parametrize("count", [2, 5, 7])
def test_classes_of_two_folds_differ_by_at_most_one_row(count):
    counts = np.array([np.bincount(LABELS[part["val"]], minlength=3) for part in of(folds=count)])
    assert np.ptp(counts, axis=0).max() <= 1
    assert np.ptp(counts.sum(axis=1)) <= 1
    theirs = StratifiedKFold(count, shuffle=True, random_state=0).split(LABELS, LABELS)
    expected = np.array([np.bincount(LABELS[rows], minlength=3) for _, rows in theirs])
    assert sorted(counts[:, 0]) == sorted(expected[:, 0])


def test_without_stratify_folds_are_equal_in_rows_alone():
    sizes = [len(part["val"]) for part in of(stratify=False)]
    assert sorted(sizes) == [20, 20, 20, 20, 21]


def test_numbers_are_dealt_out_too():
    assert [len(part["val"]) for part in of(RANDOM.normal(size=(9, 1)), "regression", folds=3)] == [3, 3, 3]


def test_folds_depend_on_the_seed_alone():
    first, again, other = (of(seed=seed)[0]["val"] for seed in (1, 1, 2))
    assert list(first) == list(again)
    assert list(first) != list(other)


@pytest.mark.parametrize("test_split", [0.0, 0.2])
def test_no_group_is_in_two_parts_of_a_fold(test_split):
    for part in of(groups=GROUPS, test_split=test_split):
        of_part = [set(GROUPS[rows]) for rows in part.values()]
        assert sum(map(len, of_part)) == len(set(GROUPS))


def test_folds_of_groups_are_about_as_even_as_those_of_rows():
    counts = np.array([np.bincount(LABELS[part["val"]], minlength=3) for part in of(groups=GROUPS, folds=3)])
    assert np.ptp(counts.sum(axis=1)) <= 12
    assert np.ptp(counts, axis=0).max() <= 8


def test_validation_on_groups_takes_whole_ones_and_about_its_share():
    parts = group(labels=LABELS, kind="multiclass", seed=0, groups=GROUPS, split=0.3, test_split=0.2)
    assert sum(len(set(GROUPS[rows])) for rows in parts.values()) == len(set(GROUPS))
    assert sorted(np.concatenate(list(parts.values()))) == list(range(len(LABELS)))
    assert len(parts["val"]) == pytest.approx(30, abs=6)
    assert len(parts["test"]) == pytest.approx(20, abs=6)


@pytest.mark.parametrize(
    ("call", "error", "line"),
    [
        (lambda: of(folds=1), ConfigError, "validation.folds must be a whole number >= 2, got 1"),
        (lambda: of(LABELS[:3], folds=5), DataError, "3 rows cannot be dealt out to 5 folds; type validation.folds=3"),
        (lambda: of(groups=GROUPS % 2, folds=5), DataError, "2 groups cannot be dealt out to 5 folds"),
        (lambda: group(labels=LABELS, kind="binary", seed=0), ConfigError, "type validation.group=COLUMN"),
        (
            lambda: group(labels=LABELS, kind="binary", seed=0, groups=GROUPS * 0),
            DataError,
            "1 group cannot be parted into training and val rows; give the column more groups, or type validation=holdout",
        ),
    ],
)
def test_what_cannot_be_parted_is_refused(call, error, line):
    with pytest.raises(error) as refused:
        call()
    assert line in str(refused.value)


def test_groups_of_another_length_are_refused():
    source = Dataset(x=np.zeros((4, 1)), y=np.array([0, 1, 0, 1]), groups=np.zeros(3))
    with pytest.raises(DataError, match="4 rows and 3 groups"):
        prepare(source, split=lambda **_: {}, seed=0)


# Means


def test_the_mean_curve_is_that_of_numpy_over_the_epochs_that_all_have():
    frames = [pd.DataFrame({"epoch": [1, 2, 3], "val_loss": RANDOM.normal(size=3), "val_loss_stderr": 1.0}) for _ in range(3)]
    frames[1] = frames[1].iloc[:2]
    curve = folds.mean_curve(frames)
    values = np.stack([frame["val_loss"][:2] for frame in frames])
    assert list(curve["epoch"]) == [1, 2]
    np.testing.assert_allclose(curve["val_loss"], values.mean(axis=0))
    np.testing.assert_allclose(curve["val_loss_std"], values.std(axis=0, ddof=1))
    assert "val_loss_stderr" not in curve


def test_the_interval_is_students_t():
    values = RANDOM.normal(size=5)
    expected = scipy.stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert folds.interval(values) == pytest.approx((expected.low, expected.high))


def test_a_figure_that_one_fold_lacks_has_no_interval():
    scores = [{"train": {}, "val": {"auc": value}, "baseline": {"train": {}, "val": {}}, "best": {}} for value in (0.5, None)]
    kept = folds.mean_scores(scores)
    assert kept["interval"]["val"] == {}
    assert np.isnan(kept["val"]["auc"])


# A run


def test_figures_are_the_means_of_the_folds_with_their_interval(run):
    scores = run.json("metrics.json")
    each = [json.loads((run.folder / "folds" / str(number) / "metrics.json").read_text()) for number in (1, 2, 3)]
    for part in ("train", "val", "test"):
        for name in ("loss", "accuracy"):
            assert scores[part][name] == pytest.approx(np.mean([fold[part][name] for fold in each]))
    expected = scipy.stats.ttest_1samp([fold["val"]["loss"] for fold in each], 0).confidence_interval(0.95)
    assert scores["interval"]["val"]["loss"] == pytest.approx([expected.low, expected.high])
    assert [fold["val"] for fold in scores["folds"]] == [fold["val"] for fold in each]
    assert "test" not in scores["interval"], "the same rows judge every fold"


def test_history_is_the_mean_of_the_folds_histories(run):
    each = np.stack([record.history["val_loss"] for record in Record.read(run.folder).folds])
    np.testing.assert_allclose(run.history["val_loss"], each.mean(axis=0))
    np.testing.assert_allclose(run.history["val_loss_std"], each.std(axis=0, ddof=1))
    best = run.json("metrics.json")["best"]["val_loss"]
    assert best == {"value": pytest.approx(each.mean(axis=0).min()), "epoch": int(each.mean(axis=0).argmin()) + 1}


def test_predictions_are_out_of_fold_and_have_every_row_once(run):
    kept = run.predictions
    assert len(set(kept["val_rows"])) == len(kept["val_rows"]) == 120
    assert list(np.bincount(kept["val_fold"])[1:]) == [40, 40, 40]
    scores = run.json("metrics.json")
    assert scores["val"]["loss"] == pytest.approx(sk.log_loss(kept["val_true"], kept["val_pred"]), rel=1e-5)
    for number, fold in enumerate(scores["folds"], 1):
        here = kept["val_fold"] == number
        right = (kept["val_pred"][here].argmax(axis=1) == kept["val_true"][here]).mean()
        assert fold["val"]["accuracy"] == pytest.approx(right)


def test_rival_is_trained_in_every_fold_and_compared_fold_by_fold(run):
    rival, scores = run.json("metrics.json")["rival"], run.json("metrics.json")
    each = [json.loads((run.folder / "folds" / str(number) / "metrics.json").read_text()) for number in (1, 2, 3)]
    assert rival["val"]["loss"] == pytest.approx(np.mean([fold["rival"]["val"]["loss"] for fold in each]))
    differences = [own["val"]["loss"] - fold["rival"]["val"]["loss"] for own, fold in zip(scores["folds"], each, strict=True)]
    assert rival["difference"]["val"]["loss"] == pytest.approx(folds.interval(differences))


def test_console_has_a_line_a_fold_and_the_mean_with_its_interval(run):
    scores = run.json("metrics.json")
    lines = [line for line in run.err.splitlines() if line.startswith(" fold ")]
    for number, (line, fold) in enumerate(zip(lines, scores["folds"], strict=True), 1):
        assert line.startswith(f" fold {number}/3    loss {fold['val']['loss']:.4g} · accuracy {fold['val']['accuracy']:.4g}")
    mean = next(line for line in run.err.splitlines() if line.startswith(" mean  "))
    assert f"loss {scores['val']['loss']:.4g} (" in mean
    assert mean.endswith("over 3 folds")


def test_every_fold_is_a_record_of_its_own(run):
    for number in (1, 2, 3):
        folder = run.folder / "folds" / str(number)
        assert json.loads((folder / "run.json").read_text())["status"] == "finished"
        assert (folder / "checkpoints" / "best.keras").exists()
    assert not (run.folder / "checkpoints").exists()


def test_a_fold_is_what_a_run_on_its_rows_alone_is(run, run_once):
    """Every fold starts from the weights of the seed: the last one too, after two others in the same process."""
    source = (
        "import numpy as np\nfrom sklearn.datasets import load_iris\nfrom lossmetric_cli.data import kfold\n\n\n"
        "def third(labels, kind, seed):\n    return kfold(labels=labels, kind=kind, seed=seed, folds=3, test_split=0.2)[2]\n"
    )
    folder = run.folder.parent / "alone"
    folder.mkdir(exist_ok=True)
    (folder / "my_split.py").write_text(source)
    alone = run_once("data=iris", "validation=my_split.third", "epochs=3", "plots=[]", folder=folder)
    assert (alone.folder / "history.csv").read_text() != ""
    both = [pd.read_csv(path / "history.csv")[["loss", "val_loss"]] for path in (alone.folder, run.folder / "folds" / "3")]
    np.testing.assert_array_equal(*both)


def test_picture_has_a_thin_line_a_fold_and_a_band(run):
    panel = panels(Record.read(run.folder))[0]
    assert [line.column for line in panel.folds] == ["val_loss"] * 3
    judged = next(line for line in panel.lines if line.column == "val_loss")
    np.testing.assert_allclose(judged.error, run.history["val_loss_std"])
    assert "mean of 3 folds; thin: each of them; shade: ± 1 standard deviation over them" in " ".join(panel.notes)
    assert (run.folder / "plots" / "curves.png").stat().st_size > 10_000


def test_story_tells_of_the_folds(run):
    text = " ".join(answer([str(run.folder)], width=200).split())
    assert "in 3 folds, each of which has 80 rows to train on, 40 rows to validate and 30 rows kept for a test" in text
    assert "These are means over 3 folds; their 95 % intervals by Student's t are loss" in text


def test_the_gap_of_folds_is_told_fold_by_fold(run):
    with pytest.raises(ConfigError, match=r"it is a mean of folds, each of which has one; type lmrun explain gap .*/folds/1"):
        answer(["gap", str(run.folder)], width=100)


def test_a_fold_that_breaks_off_is_named(lmrun, own_code):
    own_code(
        "my_data",
        """
        import numpy as np

        def load():
            x = np.random.default_rng(0).normal(size=(60, 2))
            x[59] = 3e38  # in whichever fold trains on it
            return x, x[:, 0] > 0
        """,
    )
    words = ["data=my_data.load", "validation=kfold", "validation.folds=2", "model.standardize=false", "epochs=2", "plots=[]"]
    broken = lmrun(*words, "check=skip", "optimizer=sgd", code=4)
    assert "fold " in broken.err
    assert "of 2: loss became" in broken.err


def test_groups_of_a_table_stay_together_and_are_no_feature(lmrun, tmp_path):
    table = pd.DataFrame({"a": RANDOM.normal(size=60), "b": RANDOM.normal(size=60), "who": np.repeat(list("pqrstu"), 10)})
    table["label"] = np.where(table["a"] > 0, "yes", "no")
    table.to_csv(tmp_path / "t.csv", index=False)
    words = ["data=csv", "data.path=t.csv", "data.target=label", "validation.group=who", "epochs=1", "plots=[]", "train_eval=0"]
    run = lmrun(*words, "validation=group", "validation.split=0.3")
    assert run.json("run.json")["task"]["input_shape"] == [2]
    held_out = set(table["who"][run.predictions["val_rows"]])
    assert (table["who"].isin(held_out)).sum() == len(run.predictions["val_rows"])
    refused = lmrun("data=iris", "validation=group", "validation.group=who", code=2)
    assert "validation.group=who, and data=iris has no columns to choose from; type data=csv" in refused.err
