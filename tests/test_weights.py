"""What rows count: class weights, sample weights, and the loss without either beside them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from lossmetric_cli.errors import ConfigError
from lossmetric_cli.task import Task
from lossmetric_cli.weights import of_classes

STILL = ["epochs=1", "plots=[]", "optimizer=sgd", "lr=1e-30", "validation=train"]  # weights that do not move
TASK = Task("multiclass", (4,), 3, ("rose", "iris", "lily"))
LABELS = np.repeat([0, 1, 2], [70, 20, 10])
WEIGHTED = """
    import numpy as np
    from lossmetric_cli.data import Dataset

    def rows():
        random = np.random.default_rng(0)
        x = random.normal(size=(203, 4)).astype("float32")
        return Dataset(x=x, y=(x[:, 0] + random.normal(size=203) > 0).astype(int), weights=random.uniform(0, 3, 203))
"""


def test_balanced_weights_are_those_of_scikit_learn():
    found = of_classes("balanced", task=TASK, labels=LABELS, path="class_weight")
    np.testing.assert_allclose(found, compute_class_weight("balanced", classes=np.arange(3), y=LABELS), rtol=1e-6)


@pytest.mark.parametrize("asked", [{"rose": 2, "lily": 5}, {0: 2, 2: 5}, {"0": 2, "2": 5.0}])
def test_classes_are_named_by_label_or_by_number(asked):
    assert list(of_classes(asked, task=TASK, labels=LABELS, path="class_weight")) == [2, 1, 5]


def test_numbers_that_are_labels_mean_the_labels():
    task = Task("multiclass", (4,), 3, (1, 2, 3))
    assert list(of_classes({1: 7}, task=task, labels=LABELS, path="class_weight")) == [7, 1, 1]


@pytest.mark.parametrize(
    ("asked", "fact"),
    [
        ({"roses": 1}, "no class is called 'roses'; did you mean 'rose'?"),
        ({"rose": -1}, "the weight of class rose must be a number >= 0, got -1"),
        ({"rose": True}, "must be a number >= 0, got True"),
        ("balance", "must be balanced or weights by class"),
    ],
)
def test_what_is_no_weight_is_refused(asked, fact):
    with pytest.raises(ConfigError, match=fact.replace("?", r"\?")):
        of_classes(asked, task=TASK, labels=LABELS, path="class_weight")


def test_weights_that_leave_no_row_are_refused():
    with pytest.raises(ConfigError, match="every training row weighs 0, and nothing is trained"):
        of_classes({"rose": 0, "iris": 0, "lily": 0}, task=TASK, labels=LABELS, path="class_weight")


def test_a_part_whose_rows_all_weigh_0_is_refused(lmrun, own_code):
    text = WEIGHTED.replace("random.uniform(0, 3, 203)", "(np.arange(203) == 5).astype(float)")
    own_code("my_data", text)
    assert "all 41 val rows weigh 0" in lmrun("check", "data=my_data.rows", code=3).err


def test_a_weight_below_0_is_refused_by_its_row(lmrun, own_code):
    own_code("my_data", WEIGHTED.replace("random.uniform(0, 3, 203)", "np.where(np.arange(203) == 5, -2.0, 1.0)"))
    assert "row 5 has -2" in lmrun("check", "data=my_data.rows", code=3).err


@pytest.mark.parametrize("loss", ["bce", "hinge", "focal"])
def test_class_weights_are_in_loss_alone_and_the_loss_without_them_stands_beside_it(lmrun, loss):
    words = ["data=breast_cancer", f"loss={loss}", *STILL]
    plain = lmrun(*words).history.iloc[0]
    heavy = lmrun(*words, "class_weight={malignant:4,benign:4}").history.iloc[0]
    assert heavy["loss"] == pytest.approx(4 * plain["loss"], rel=1e-4)
    assert heavy["data_loss"] == pytest.approx(heavy["loss"], rel=1e-6)
    assert heavy["unweighted_loss"] == pytest.approx(plain["loss"], rel=1e-5)
    assert heavy["val_loss"] == pytest.approx(plain["val_loss"], rel=1e-6)
    assert heavy["train_loss_eval"] == pytest.approx(heavy["val_loss"], rel=1e-5)
    assert heavy["accuracy"] == pytest.approx(plain["accuracy"])


def test_a_weighted_loss_equals_numpy(lmrun):
    run = lmrun("data=breast_cancer", "loss=bce", *STILL, "class_weight={malignant:1,benign:10}")
    true, predicted = run.predictions["val_true"], run.predictions["val_pred"]
    by_row = -np.log(np.where(true == 1, predicted, 1 - predicted))
    assert run.history["loss"].iloc[0] == pytest.approx(np.mean(np.where(true == 1, 10, 1) * by_row), rel=1e-4)
    assert run.history["unweighted_loss"].iloc[0] == pytest.approx(by_row.mean(), rel=1e-4)


def test_sample_weights_are_in_loss_and_val_loss(lmrun, own_code):
    own_code("my_data", WEIGHTED)
    import my_data

    weights = my_data.rows().weights
    run = lmrun("data=my_data.rows", "loss=bce", "epochs=2", "plots=[]", "metrics=[accuracy]", "weighted_metrics=[accuracy]")
    arrays, last, scores = run.predictions, run.history.iloc[-1], run.json("metrics.json")
    true, predicted, counts = arrays["val_true"], arrays["val_pred"], weights[arrays["val_rows"]]
    by_row = -np.log(np.where(true == 1, predicted, 1 - predicted))
    assert last["val_loss"] == pytest.approx(np.mean(counts * by_row), rel=1e-4)
    assert last["val_unweighted_loss"] == pytest.approx(by_row.mean(), rel=1e-4)
    right = (predicted > 0.5) == true
    assert scores["val"]["accuracy"] == pytest.approx(right.mean())
    assert scores["val"]["weighted_accuracy"] == pytest.approx(np.average(right, weights=counts), rel=1e-5)
    share = np.average(true, weights=counts)
    best = max(share, 1 - share)
    assert scores["baseline"]["val"]["weighted_accuracy"] == pytest.approx(best, rel=1e-5)


def test_a_column_of_a_table_holds_the_weights_and_is_no_feature(lmrun, tmp_path):
    random = np.random.default_rng(1)
    rows = [f"{a:.3f},{int(a > 0)},{1 + i % 3}" for i, a in enumerate(random.normal(size=90))]
    (tmp_path / "t.csv").write_text("\n".join(["a,y,w", *rows]), encoding="utf-8")
    words = ["data=csv", "data.path=t.csv", "data.target=y", "data.sample_weight=w", "loss=bce", "epochs=1", "plots=[]"]
    run = lmrun(*words)
    assert run.json("run.json")["task"]["input_shape"] == [1]
    arrays = run.predictions
    counts = 1 + arrays["val_rows"] % 3
    by_row = -np.log(np.where(arrays["val_true"] == 1, arrays["val_pred"], 1 - arrays["val_pred"]))
    assert run.history["val_loss"].iloc[-1] == pytest.approx(np.mean(counts * by_row), rel=1e-4)


def test_a_metric_to_weigh_must_be_there(lmrun):
    assert "did you mean 'accuracy'" in lmrun("metrics=[accuracy]", "weighted_metrics=[acuracy]", code=2).err


def test_weights_and_classes_multiply(lmrun, own_code):
    own_code("my_data", WEIGHTED)
    words = ["data=my_data.rows", "loss=bce", *STILL]
    plain, heavy = (lmrun(*words, *more).history.iloc[0] for more in ([], ["class_weight={0:2,1:2}"]))
    assert heavy["loss"] == pytest.approx(2 * plain["loss"], rel=1e-4)
    assert heavy["val_loss"] == pytest.approx(plain["val_loss"], rel=1e-6)
