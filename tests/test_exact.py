"""Metrics of whole parts are what scikit-learn says of the saved predictions, in every place of a run's record."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as sk
from formulas import Sample, sample
from scipy.special import softmax

from lossmetric_cli import catalog, metrics, shipped
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.metrics import build_metrics
from lossmetric_cli.task import KINDS, Task

QUICK = ("model=linear", "epochs=2", "plots=[]", "optimizer=sgd", "optimizer.learning_rate=0.1")


def exactly(
    name: str, rows: Sample, *, labels: str = "dense", activation: str | None = None, **settings: Any
) -> dict[str, float]:
    """Return what a metric of ours says of a sample."""
    activation = activation or rows.task.activation
    node = {"_target_": f"lossmetric_cli.metrics.{name}", **settings}
    (metric,) = build_metrics({name: node}, task=rows.task, labels=labels, activation=activation)
    encoded = rows.task.encode(rows.labels, form=labels)
    return metrics.values_of(metric, y_true=encoded, y_pred=rows.scores(activation))


def natural(rows: Sample) -> np.ndarray:
    return rows.labels.reshape(-1) if rows.task.kind in ("binary", "multiclass") else rows.labels


def scores(rows: Sample) -> np.ndarray:
    found = rows.scores(rows.task.activation)
    return found[:, 0] if rows.task.kind == "binary" else found


def answers(rows: Sample) -> np.ndarray:
    found = scores(rows)
    return found.argmax(axis=1) if rows.task.kind == "multiclass" else (found > 0.5).astype(int)


def cells(rows: Sample) -> np.ndarray:
    return rows.dense if rows.task.kind == "multiclass" else natural(rows)


#: Option, kind of task, its settings, and scikit-learn's own call.
SAME = [
    ("exact_auc", "binary", {}, lambda rows: sk.roc_auc_score(natural(rows), scores(rows))),
    *(
        ("exact_auc", "multiclass", {"average": average}, lambda rows, a=average: sk.roc_auc_score(
            natural(rows), scores(rows), multi_class="ovr", average=a))
        for average in ("macro", "micro", "weighted", None)
    ),
    *(
        ("exact_auc", "multiclass", {"average": average, "multi_class": "ovo"}, lambda rows, a=average: sk.roc_auc_score(
            natural(rows), scores(rows), multi_class="ovo", average=a))
        for average in ("macro", "weighted")
    ),
    *(
        (name, "multilabel", {"average": average}, lambda rows, a=average, f=function: getattr(sk, f)(
            natural(rows), scores(rows), average=a))
        for name, function in (("exact_auc", "roc_auc_score"), ("average_precision", "average_precision_score"))
        for average in ("macro", "micro", "weighted", None)
    ),
    ("average_precision", "binary", {}, lambda rows: sk.average_precision_score(natural(rows), scores(rows))),
    *(
        ("average_precision", "multiclass", {"average": average}, lambda rows, a=average: sk.average_precision_score(
            rows.dense, scores(rows), average=a))
        for average in ("macro", "micro", "weighted", None)
    ),
    *(
        ("mean_average_precision", kind, {}, lambda rows: sk.average_precision_score(cells(rows), scores(rows)))
        for kind in ("multiclass", "multilabel")
    ),
    *(("exact_log_loss", kind, {}, lambda rows: sk.log_loss(natural(rows), scores(rows))) for kind in ("binary", "multiclass")),
    *(
        ("balanced_accuracy", kind, {"adjusted": adjusted}, lambda rows, a=adjusted: sk.balanced_accuracy_score(
            natural(rows), answers(rows), adjusted=a))
        for kind in ("binary", "multiclass")
        for adjusted in (False, True)
    ),
    *(("mcc", kind, {}, lambda rows: sk.matthews_corrcoef(natural(rows), answers(rows))) for kind in ("binary", "multiclass")),
    *(
        ("cohen_kappa", kind, {"weights": weights}, lambda rows, w=weights: sk.cohen_kappa_score(
            natural(rows), answers(rows), weights=w))
        for kind in ("binary", "multiclass")
        for weights in (None, "linear", "quadratic")
    ),
    *(
        (f"exact_{word}", kind, {"average": average}, lambda rows, f=f"{word}_score", a=average: getattr(sk, f)(
            natural(rows), answers(rows), average=a, zero_division=0))
        for word in ("f1", "precision", "recall")
        for kind in ("binary", "multiclass", "multilabel")
        for average in ("macro", "micro", "weighted", None)
    ),
    *(
        (f"f1_{average}", kind, {}, lambda rows, a=average: sk.f1_score(natural(rows), answers(rows), average=a))
        for average in ("macro", "micro", "weighted")
        for kind in ("binary", "multiclass", "multilabel")
    ),
    *(
        ("exact_r2", "regression", {"multioutput": words}, lambda rows, w=words: sk.r2_score(
            rows.labels, rows.raw, multioutput=w or "raw_values"))
        for words in ("uniform_average", "variance_weighted", None)
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "kind", "settings", "wanted"),
    SAME,
    ids=["-".join([name, kind, *map(str, settings.values())]) for name, kind, settings, _ in SAME],
)
def test_value_is_that_of_scikit_learn(name: str, kind: str, settings: dict[str, Any], wanted: Any):
    rows = sample(kind)
    found = exactly(name, rows, **settings)
    assert list(found.values()) == pytest.approx(list(np.atleast_1d(wanted(rows))), abs=1e-6)


@pytest.mark.parametrize("word", ["f1", "precision", "recall"])
@pytest.mark.parametrize(("kind", "average"), [("binary", "binary"), ("multiclass", "macro"), ("multilabel", "macro")])
def test_average_auto_is_the_second_class_of_two_and_macro_of_several(word: str, kind: str, average: str):
    rows = sample(kind)
    wanted = getattr(sk, f"{word}_score")(natural(rows), answers(rows), average=average)
    assert exactly(f"exact_{word}", rows)[f"exact_{word}"] == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("name", ["exact_f1", "exact_precision", "exact_recall", "f1_per_class"])
def test_threshold_is_heeded(name: str):
    rows = sample("multilabel")
    function = getattr(sk, {"f1_per_class": "f1_score"}.get(name, f"{name.removeprefix('exact_')}_score"))
    average = None if name == "f1_per_class" else "macro"
    wanted = np.atleast_1d(function(rows.labels, scores(rows) > 0.8, average=average))
    assert list(exactly(name, rows, threshold=0.8).values()) == pytest.approx(list(wanted), abs=1e-6)


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name, facts in catalog.EXACT.items() for kind in facts.kinds if kind != "regression"]
)
def test_linear_head_counts_as_the_probabilities_would(name: str, kind: str):
    rows = sample(kind)
    found = exactly(name, rows, activation="linear")
    assert found == pytest.approx(exactly(name, rows), abs=1e-5)  # probabilities in float64 from logits, float32 from softmax


@pytest.mark.parametrize("name", [name for name, facts in catalog.EXACT.items() if "multiclass" in facts.kinds])
def test_form_of_the_labels_changes_nothing(name: str):
    rows = sample("multiclass")
    assert exactly(name, rows, labels="index") == exactly(name, rows, labels="dense")


@pytest.mark.parametrize(
    "name", [name for name, facts in catalog.EXACT.items() if {"binary", "multiclass"} <= set(facts.kinds)]
)
@pytest.mark.parametrize("labels", ["dense", "index"])
def test_two_columns_for_two_classes_count_as_one_column_would(name: str, labels: str):
    rows = sample("binary")
    two = Sample(Task("multiclass", (4,), 2, ("no", "yes")), rows.labels, np.concatenate([-rows.raw, rows.raw], axis=1) / 2)
    assert exactly(name, two, labels=labels) == pytest.approx(exactly(name, rows), abs=1e-6)


@pytest.mark.parametrize("name", catalog.EXACT)
def test_option_file_and_card_and_table_have_the_same_names(name: str):
    assert shipped.target(shipped.options("metrics")[name]) == f"lossmetric_cli.metrics.{name}"


WRONG = [(name, kind) for name, facts in catalog.EXACT.items() for kind in KINDS if kind not in facts.kinds]


@pytest.mark.parametrize(("name", "kind"), WRONG, ids=["-".join(pair) for pair in WRONG])
def test_another_kind_of_task_is_refused(name: str, kind: str):
    with pytest.raises(ConfigError, match=rf"^metrics\.{name}: {name} is for .+ and this one is {kind}; try metrics="):
        exactly(name, sample(kind))


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("exact_auc", {"average": "maco"}, r"metrics\.exact_auc\.average: 'maco' .+ did you mean 'macro'\?"),
        ("exact_auc", {"multi_class": "all"}, r"metrics\.exact_auc\.multi_class: 'all' .+; type one of ovr, ovo"),
        ("exact_auc", {"multi_class": "ovo", "average": None}, r"metrics\.exact_auc\.average: pairs of classes .+; type macro"),
        (
            "cohen_kappa",
            {"weights": "cubic"},
            r"metrics\.cohen_kappa\.weights: 'cubic' .+; type one of null, linear, quadratic",
        ),
        ("exact_f1", {"average": "mean"}, r"metrics\.exact_f1\.average: 'mean' .+; type one of auto, macro, .+, null"),
    ],
)
def test_a_word_that_it_does_not_know_is_refused(name: str, settings: dict[str, Any], said: str):
    with pytest.raises(ConfigError, match=f"^{said}$"):
        exactly(name, sample("multiclass"), **settings)


# --- no value

ONE_CLASS = ("exact_auc", "mcc", "cohen_kappa", "balanced_accuracy")


@pytest.mark.parametrize("of_class", [0, 1])
@pytest.mark.parametrize("name", ONE_CLASS)
def test_rows_of_one_class_have_no_value(name: str, of_class: int):
    rows = sample("binary")
    alone = Sample(rows.task, np.full_like(rows.labels, of_class), rows.raw)
    assert np.isnan(exactly(name, alone)[name])


@pytest.mark.parametrize("name", ["average_precision", "exact_f1", "exact_precision", "exact_recall"])
def test_rows_without_a_positive_have_no_value(name: str):
    rows = sample("binary")
    assert np.isnan(exactly(name, Sample(rows.task, np.zeros_like(rows.labels), rows.raw))[name])


def test_class_without_a_row_has_no_value_in_its_own_column():
    rows = sample("multiclass")
    kept = rows.labels != 2
    found = exactly("f1_per_class", Sample(rows.task, rows.labels[kept], rows.raw[kept]))
    assert [name for name, value in found.items() if np.isnan(value)] == ["f1_per_class_c"]


def test_target_that_is_always_the_same_has_no_r2():
    rows = sample("regression")
    labels = rows.labels.copy()
    labels[:, 1] = 5
    found = exactly("exact_r2", Sample(rows.task, labels, rows.raw), multioutput=None)
    assert [name for name, value in found.items() if np.isnan(value)] == ["exact_r2_1"]


@pytest.mark.parametrize(("name", "kind"), [(name, facts.kinds[0]) for name, facts in catalog.EXACT.items()])
def test_predictions_that_are_no_numbers_have_no_value(name: str, kind: str):
    rows = sample(kind)
    assert all(np.isnan(value) for value in exactly(name, Sample(rows.task, rows.labels, rows.raw * np.nan)).values())


def test_no_value_is_said_with_its_reason():
    rows = sample("multiclass")
    nodes = {name: {"_target_": f"lossmetric_cli.metrics.{name}"} for name in ("exact_auc", "mcc", "f1_macro")}
    measured = build_metrics(nodes, task=rows.task, labels="index", activation="softmax")
    assert metrics.undefined(measured, rows.labels, part="val") == []
    assert metrics.undefined(measured, np.zeros(9, int), part="val") == [
        "val_exact_auc, val_mcc have no value: all validation rows are of class 'a'"
    ]
    assert metrics.undefined(measured, np.arange(2).repeat(9), part="train_eval") == [
        "train_exact_auc_eval has no value: no sampled training rows are of class 'c', 'd', 'e', 'f', 'g'"
    ]


def test_scikit_learn_warns_of_nothing():
    rows = sample("binary")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exactly("exact_recall", Sample(rows.task, np.zeros_like(rows.labels), rows.raw), average="macro")


# --- in a run

RUNS = {
    "binary": ["data=breast_cancer"],
    "binary, two columns": ["data=breast_cancer", "loss=cce"],
    "multiclass": ["data=iris", "loss=cce"],
    "multiclass, class numbers": ["data=iris"],
    "multiclass, logits": ["data=iris", "model.output_activation=linear"],
    "multilabel": ["data=multilabel"],
    "regression": ["data=linnerud", "optimizer=adam"],
}


def of_scikit_learn(name: str, y: np.ndarray, p: np.ndarray) -> float:
    """Return what a stranger computes from predictions.npz: `p` is (rows,) or (rows, columns) of probabilities."""
    predicted = p.argmax(axis=1) if y.ndim == 1 and p.ndim == 2 else (p > 0.5).astype(int)
    is_binary = y.ndim == p.ndim == 1
    one_hot = np.eye(p.shape[1])[y] if y.ndim == 1 and p.ndim == 2 else y
    average = "binary" if is_binary else "macro"
    return {
        "exact_auc": lambda: sk.roc_auc_score(one_hot, p),
        "average_precision": lambda: sk.average_precision_score(one_hot, p),
        "mean_average_precision": lambda: sk.average_precision_score(one_hot, p),
        "exact_log_loss": lambda: sk.log_loss(y, p),
        "balanced_accuracy": lambda: sk.balanced_accuracy_score(y, predicted),
        "mcc": lambda: sk.matthews_corrcoef(y, predicted),
        "cohen_kappa": lambda: sk.cohen_kappa_score(y, predicted),
        "exact_f1": lambda: sk.f1_score(y, predicted, average=average, zero_division=0),
        "exact_precision": lambda: sk.precision_score(y, predicted, average=average, zero_division=0),
        "exact_recall": lambda: sk.recall_score(y, predicted, average=average, zero_division=0),
        "f1_macro": lambda: sk.f1_score(y, predicted, average="macro", zero_division=0),
        "f1_micro": lambda: sk.f1_score(y, predicted, average="micro", zero_division=0),
        "f1_weighted": lambda: sk.f1_score(y, predicted, average="weighted", zero_division=0),
        "exact_r2": lambda: sk.r2_score(y.astype("float64"), p.astype("float64")),
    }[name]()


@pytest.mark.parametrize(("kind", "words"), RUNS.items(), ids=RUNS)
def test_run_has_it_in_history_and_metrics_json_as_scikit_learn_says(kind: str, words: list[str], lmrun):
    names = [name for name, facts in catalog.EXACT.items() if kind.split(",")[0] in facts.kinds and name != "f1_per_class"]
    done = lmrun(*words, *QUICK, f"metrics={'+'.join(names)}", "train_eval=null")
    scores, history = done.json("metrics.json"), done.history
    y, p = done.predictions["val_true"], done.predictions["val_pred"]
    if "logits" in kind:
        p = softmax(p.astype("float64"), axis=1)
    p = p[:, 1] if "two columns" in kind else p
    for name in names:
        wanted = pytest.approx(of_scikit_learn(name, y, p), abs=1e-6)
        assert scores["val"][name] == wanted, name
        assert history[f"val_{name}"].iloc[-1] == wanted, name
        assert history[f"train_{name}_eval"].iloc[-1] == pytest.approx(scores["train"][name], abs=1e-9)
        assert name not in history
        assert scores["best"][f"val_{name}"]["epoch"] in (1, 2)


def test_baseline_of_a_constant_answer_is_chance(lmrun):
    done = lmrun("data=iris", *QUICK, "metrics=exact_auc+mcc+kappa+balanced_accuracy+exact_log_loss+map+f1_per_class")
    constant = done.json("metrics.json")["baseline"]["val"]
    assert constant["exact_auc"] == 0.5
    assert constant["mcc"] == constant["kappa"] == 0
    assert constant["balanced_accuracy"] == pytest.approx(1 / 3)
    assert constant["exact_log_loss"] == pytest.approx(np.log(3), abs=1e-3)
    rows = done.predictions["val_true"]
    share = {label: np.mean(rows == place) for place, label in enumerate(("setosa", "versicolor", "virginica"))}
    for label, part in share.items():  # always saying a class finds all of its rows
        assert constant[f"f1_per_class_{label}"] == pytest.approx(2 * part / (1 + part), abs=1e-6)


def test_callbacks_and_the_best_epoch_watch_it(lmrun):
    words = (
        "metrics=mcc",
        "monitor=val_mcc",
        "callbacks=early_stopping+model_checkpoint",
        "callbacks.early_stopping.patience=1",
    )
    done = lmrun("data=iris", "model=linear", "epochs=30", "plots=[]", *words)
    history, info = done.history, done.json("run.json")
    assert info["monitor"] == {"name": "val_mcc", "direction": "max"}
    assert len(history) < 30
    assert history["val_mcc"].iloc[-1] <= history["val_mcc"].max()
    assert done.json("metrics.json")["best"]["val_mcc"]["value"] == history["val_mcc"].max()


def test_epochs_that_do_not_validate_have_no_val_value(lmrun):
    history = lmrun("data=iris", *QUICK, "metrics=mcc", "validation_freq=2").history
    assert list(history["val_mcc"].notna()) == [False, True]
    assert history["train_mcc_eval"].notna().all()


def test_without_validation_it_stands_on_the_training_sample_alone(lmrun):
    done = lmrun("data=iris", *QUICK, "metrics=mcc", "validation=none", "monitor=train_mcc_eval")
    assert [name for name in done.history if "mcc" in name] == ["train_mcc_eval"]
    assert "train_mcc_eval" in done.err


def test_running_column_that_it_does_not_have_is_refused_with_those_that_it_has(lmrun):
    err = lmrun("data=iris", *QUICK, "metrics=mcc", "monitor=mcc", code=2).err
    assert "watches 'mcc', which this run does not log, since it is measured after the epoch" in err
    assert "; watch val_mcc or train_mcc_eval [monitor]" in err


def test_validation_rows_of_one_class_leave_an_empty_value_and_one_note(lmrun, own_code):
    own_code(
        "my_rows",
        """
        import numpy as np
        def rows():
            x = np.random.default_rng(0).normal(size=(60, 2)).astype("float32")
            y = np.arange(60) < 20
            return x, y.astype(int)
        def last(*, labels, kind, seed):
            return {"train": np.arange(40), "val": np.arange(40, 60)}
        """,
    )
    words = ("data=my_rows.rows", "validation=my_rows.last", "metrics=exact_auc+mcc+average_precision+exact_f1")
    done = lmrun(*words, *QUICK)
    assert done.history[["val_exact_auc", "val_mcc", "val_average_precision", "val_exact_f1"]].isna().all(axis=None)
    assert done.json("metrics.json")["val"]["mcc"] is None
    assert done.err.count("have no value: all validation rows are of class 0") == 1
    assert "nan at 0" not in done.err


def test_console_and_run_json_tell_what_computes_it(lmrun):
    done = lmrun("data=iris", *QUICK, "metrics=exact_auc+kappa", "metrics.kappa.weights=linear")
    assert "exact_auc = roc_auc_score(macro) ↑ · kappa = cohen_kappa_score(linear) ↑" in done.err
    assert done.json("run.json")["metrics"]["kappa"] == {"class": "cohen_kappa_score", "direction": "max"}


def test_metrics_after_the_epoch_change_no_weight(lmrun):
    without = lmrun("data=iris", *QUICK, "metrics=[]").history
    with_two = lmrun("data=iris", *QUICK, "metrics=mcc+exact_auc").history
    assert list(with_two["val_loss"]) == list(without["val_loss"])
