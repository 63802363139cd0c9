"""Losses: chosen by the task, refused or mended where they do not fit, and logged as what their formulas say."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import formulas
import keras
import numpy as np
import pytest
import sklearn.metrics as sk
from formulas import sample

from lossmetric_cli import catalog, shipped
from lossmetric_cli.build import build, resolve
from lossmetric_cli.checks import refuse_mismatch
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.losses import build_loss, fit_head, fit_task, loss_name
from lossmetric_cli.task import KINDS

Option = Callable[..., dict[str, Any]]

#: A small dataset for each kind of task.
DATA = {
    "binary": "breast_cancer",
    "multiclass": "iris",
    "multilabel": "multilabel",
    "regression": "diabetes",
}
SHORT = ("model=linear", "optimizer=sgd", "metrics=[]", "epochs=1", "batch_size=1000", "train_eval=0", "plots=[]")
CHOOSERS = {
    "auto": formulas.categorical_crossentropy,
    "crossentropy": formulas.categorical_crossentropy,
    "focal": formulas.categorical_focal,
}
FORMULAS = {**formulas.LOSSES, **CHOOSERS}


def loss_class(name: str) -> type:
    text = shipped.options("loss")[name].read_text(encoding="utf-8")
    target = next(line.split()[1] for line in text.splitlines() if line.startswith("_target_: "))
    return resolve(target, path="loss")


def kinds(name: str) -> tuple[str, ...]:
    return ("multiclass",) if name in CHOOSERS else catalog.LOSSES[loss_class(name).__name__].kinds


def dataset(name: str) -> str:
    fitting = kinds(name)
    if name == "cosine_similarity":
        return "iris"
    return DATA["regression" if "regression" in fitting else fitting[0]]


def dense(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return labels as predictions.npz keeps them in the shape of a prediction."""
    if labels.ndim == 1 and scores.shape[1] > 1:
        return np.eye(scores.shape[1])[labels]
    return labels.reshape(scores.shape).astype("float64")


# --- chosen by the task


@pytest.mark.parametrize(
    ("name", "kind", "wanted"),
    [
        ("auto", "binary", keras.losses.BinaryCrossentropy),
        ("auto", "multilabel", keras.losses.BinaryCrossentropy),
        ("auto", "multiclass", keras.losses.SparseCategoricalCrossentropy),
        ("auto", "regression", keras.losses.MeanSquaredError),
        ("crossentropy", "binary", keras.losses.BinaryCrossentropy),
        ("crossentropy", "multilabel", keras.losses.BinaryCrossentropy),
        ("crossentropy", "multiclass", keras.losses.SparseCategoricalCrossentropy),
        ("focal", "binary", keras.losses.BinaryFocalCrossentropy),
        ("focal", "multilabel", keras.losses.BinaryFocalCrossentropy),
        ("focal", "multiclass", keras.losses.CategoricalFocalCrossentropy),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_chooser_takes_the_loss_of_the_task(name: str, kind: str, wanted: type, option: Option):
    assert type(build_loss(option("loss", name), task=sample(kind).task)) is wanted


def test_smoothed_labels_need_the_dense_crossentropy(option: Option):
    loss = build_loss(option("loss", "crossentropy", label_smoothing=0.1), task=sample("multiclass").task)
    assert isinstance(loss, keras.losses.CategoricalCrossentropy)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_smoothing_moves_labels_towards_the_middle(kind: str, option: Option):
    rows = sample(kind)
    loss = build_loss(option("loss", "crossentropy", label_smoothing=0.2), task=rows.task)
    scores = rows.scores(rows.task.activation).astype("float64")
    if kind == "multiclass":
        wanted = -np.mean(((0.8 * rows.dense + 0.2 / 7) * np.log(scores)).sum(axis=1))
    else:
        wanted = formulas.binary_crossentropy(0.8 * rows.dense + 0.1, scores)
    assert float(loss(rows.dense, scores)) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("kind", ["binary", "multilabel"])
def test_alpha_of_focal_weighs_the_positive_class(kind: str, option: Option):
    rows = sample(kind)
    scores = rows.scores("sigmoid").astype("float64")
    loss = build_loss(option("loss", "focal", alpha=0.8, gamma=1.5), task=rows.task)
    wanted = formulas.binary_focal(rows.dense, scores, alpha=0.8, gamma=1.5)
    assert float(loss(rows.dense, scores)) == pytest.approx(wanted, rel=1e-5)


def test_keras_ignores_alpha_of_a_binary_focal_loss_unless_told_otherwise():
    rows = sample("binary")
    few, many = (
        float(keras.losses.BinaryFocalCrossentropy(alpha=alpha)(rows.dense, rows.scores("sigmoid"))) for alpha in (0.1, 0.9)
    )
    assert few == many


@pytest.mark.parametrize(("name", "instead"), [("crossentropy", "mse"), ("focal", "huber")])
def test_chooser_of_a_loss_of_classes_refuses_numbers(name: str, instead: str, option: Option):
    with pytest.raises(ConfigError, match=rf"^loss: a .+ needs classes, and this target is a number; type loss={instead}$"):
        build_loss(option("loss", name), task=sample("regression").task)


@pytest.mark.parametrize("reduction", ["sum", "none", None], ids=str)
def test_reduction_that_depends_on_the_batch_is_refused(reduction: str | None, option: Option):
    with pytest.raises(ConfigError, match=r"^loss\.reduction=\w+ is no mean .+; type loss\.reduction=sum_over_batch_size$"):
        build_loss(option("loss", "mean_squared_error", reduction=reduction), task=sample("regression").task)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean", "mean_with_sample_weight"])
def test_reduction_to_a_mean_is_taken(reduction: str, option: Option):
    loss = build_loss(option("loss", "mean_squared_error", reduction=reduction), task=sample("regression").task)
    assert loss.reduction == reduction


def test_tversky_prices_misses_by_alpha_although_keras_documents_false_alarms(option: Option):
    rows = sample("binary")
    scores = rows.scores("sigmoid").astype("float64")
    loss = build_loss(option("loss", "tversky", alpha=0.9, beta=0.2), task=rows.task)
    assert float(loss(rows.dense, scores)) == pytest.approx(
        formulas.tversky(rows.dense, scores, missed=0.9, false_alarm=0.2), rel=1e-5
    )


# --- a loss and the task


REFUSED = [
    (name, kind)
    for name in formulas.LOSSES
    for kind in KINDS
    if kind not in kinds(name) and not (kind == "binary" and kinds(name) == ("multiclass",))
]
FITTING = {
    "binary": "binary_crossentropy",
    "multiclass": "categorical_crossentropy",
    "multilabel": "binary_crossentropy",
    "regression": "mse",
}


@pytest.mark.parametrize(("name", "kind"), REFUSED, ids=["-".join(pair) for pair in REFUSED])
def test_loss_of_another_kind_of_task_is_refused_with_one_that_fits(name: str, kind: str, option: Option):
    task = sample(kind).task
    loss = build(option("loss", name), path="loss", task=task)
    facts = {
        "binary": "this target is one of two classes",
        "multiclass": "a row has one of 7 classes",
        "multilabel": "a row has 3 labels that are each on or off",
        "regression": "this target is a number",
    }
    with pytest.raises(ConfigError) as fault:
        fit_task(loss, task)
    wanted = " or ".join(kinds(name))
    assert str(fault.value) == f"loss={loss.name} is for {wanted} tasks, and {facts[kind]}; type loss={FITTING[kind]}"


@pytest.mark.parametrize("kind", KINDS)
def test_loss_of_sequences_is_refused(kind: str, option: Option):
    with pytest.raises(ConfigError) as fault:
        fit_task(build(option("loss", "ctc"), path="loss"), sample(kind).task)
    assert str(fault.value) == f"loss=ctc aligns label sequences, and this data has one label a row; type loss={FITTING[kind]}"


@pytest.mark.parametrize("name", [name for name in formulas.LOSSES if kinds(name) == ("multiclass",)])
def test_loss_of_a_column_a_class_gets_two_columns_for_two_classes(name: str, option: Option):
    task, notes = fit_task(build(option("loss", name), path="loss"), sample("binary").task)
    assert (task.kind, task.units, task.classes) == ("multiclass", 2, ("no", "yes"))
    assert [note for note in notes if note.endswith("wants a column a class, so the two classes get two")]


def test_direction_of_a_single_number_is_refused(option: Option):
    one = formulas.Task("regression", (4,), 1)
    with pytest.raises(
        ConfigError, match=r"^loss=cosine_similarity compares the columns of a row, and a row here has one; type loss=mse$"
    ):
        fit_task(build(option("loss", "cosine_similarity"), path="loss"), one)


def test_head_is_the_one_that_the_loss_wants(option: Option):
    wanted = {"hinge": "linear", "poisson": "exponential", "circle": "embedding", "mean_squared_error": None}
    for name, head in wanted.items():
        kind = kinds(name)[-1]
        task, _ = fit_task(build(option("loss", name), path="loss"), sample(kind).task)
        assert task.head == head


@pytest.mark.parametrize("kind", KINDS)
def test_loss_of_the_users_own_fits_every_task(kind: str):
    def own(y_true, y_pred):
        return y_true - y_pred

    task = sample(kind).task
    for loss in (own, partial(own), None):
        assert fit_task(loss, task) == (task, [])


# --- a loss and the head

WITH_LOGITS = [
    ("binary_crossentropy", "sigmoid"),
    ("binary_focal_crossentropy", "sigmoid"),
    ("categorical_crossentropy", "softmax"),
    ("categorical_focal_crossentropy", "softmax"),
    ("sparse_categorical_crossentropy", "softmax"),
    ("weighted_binary_crossentropy", "sigmoid"),
]


@pytest.mark.parametrize(("name", "activation"), WITH_LOGITS)
def test_linear_head_sets_from_logits_and_says_so(name: str, activation: str, option: Option):
    raw = build(option("loss", name), path="loss")
    loss, notes = fit_head(raw, activation="linear")
    assert notes == ["the model ends linear, in logits: loss.from_logits=true"]
    rows = sample(kinds(name)[0])
    labels = rows.task.encode(rows.labels, form=catalog.loss_facts(loss).labels)
    wanted = formulas.LOSSES[name](rows.dense, rows.scores(activation).astype("float64"))
    assert float(loss(labels, rows.raw)) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize(("name", "activation"), WITH_LOGITS)
def test_head_of_probabilities_takes_from_logits_back_and_says_so(name: str, activation: str, option: Option):
    loss, notes = fit_head(build(option("loss", name, from_logits=True), path="loss"), activation=activation)
    assert notes == [f"the model ends in {activation}, not in logits: loss.from_logits=false"]
    assert loss.get_config()["from_logits"] is False


@pytest.mark.parametrize(("name", "activation"), WITH_LOGITS)
def test_other_settings_of_the_loss_survive_the_mend(name: str, activation: str, option: Option):
    changes = {"reduction": "sum", **({"gamma": 3.0} if "focal" in name else {})}
    raw = build(option("loss", name, **changes), path="loss")
    loss, _ = fit_head(raw, activation="linear")
    assert {**loss.get_config(), "from_logits": False} == raw.get_config()


@pytest.mark.parametrize("activation", ["sigmoid", None])
def test_loss_that_fits_its_head_or_cannot_know_it_is_left_alone(activation: str | None, option: Option):
    raw = build(option("loss", "binary_crossentropy"), path="loss")
    assert fit_head(raw, activation=activation) == (raw, [])


@pytest.mark.parametrize(
    ("name", "kind", "activation"),
    [
        ("binary_crossentropy", "multilabel", "softmax"),
        ("categorical_crossentropy", "multiclass", "sigmoid"),
        ("sparse_categorical_crossentropy", "multiclass", "relu"),
        ("kl_divergence", "multiclass", "sigmoid"),
        ("kl_divergence", "multiclass", "linear"),
        ("categorical_generalized_cross_entropy", "multiclass", "linear"),
        ("dice", "binary", "linear"),
        ("tversky", "multilabel", "tanh"),
    ],
)
def test_head_that_the_loss_would_misread_is_refused(name: str, kind: str, activation: str, option: Option):
    task = sample(kind).task
    loss, _ = fit_head(build(option("loss", name), path="loss"), activation=activation)
    with pytest.raises(ConfigError) as fault:
        refuse_mismatch(loss, task=task, activation=activation, path="model")
    assert str(fault.value) == (
        f"model: it ends in {activation}, and {loss.name} of a {kind} task wants {task.activation}; "
        f"type model.output_activation={task.activation} or auto"
    )


def test_counts_want_a_positive_head(option: Option):
    loss = build(option("loss", "poisson"), path="loss")
    task, _ = fit_task(loss, sample("regression").task)
    with pytest.raises(
        ConfigError, match=r"^model: it ends in linear, and poisson takes the logarithm .+=exponential or auto$"
    ):
        refuse_mismatch(loss, task=task, activation="linear", path="model")
    for activation in ("exponential", "softplus", "relu", None):
        refuse_mismatch(loss, task=task, activation=activation, path="model")


def test_keras_computes_another_loss_than_it_says_on_a_softmax():
    """The fault behind the refusal: the TensorFlow backend looks for logits and does not ask which activation made them."""
    rows = sample("multiclass")
    raw, answer = keras.Input((7,)), keras.layers.Softmax()
    model = keras.Model(raw, answer(raw))
    model.compile(loss="binary_crossentropy")
    reported = model.evaluate(rows.raw, rows.dense, verbose=0)
    scores = rows.scores("softmax").astype("float64")
    assert reported != pytest.approx(formulas.binary_crossentropy(rows.dense, scores), rel=0.05)


# --- logged as what its formula says


@pytest.mark.parametrize("name", FORMULAS)
def test_logged_loss_is_the_formula_of_the_saved_predictions(name: str, lmrun):
    done = lmrun(f"data={dataset(name)}", f"loss={name}", *SHORT)
    predictions = done.predictions
    scores = predictions["val_pred"].reshape(len(predictions["val_pred"]), -1).astype("float64")
    wanted = FORMULAS[name](dense(predictions["val_true"], scores), scores)
    assert done.history["val_loss"].iloc[-1] == pytest.approx(wanted, rel=1e-5)
    assert done.json("metrics.json")["val"]["loss"] == pytest.approx(wanted, rel=1e-5)


def test_every_option_but_that_of_sequences_is_trained_above():
    options = set(shipped.options("loss")) - set(shipped.aliases("loss"))
    assert options - {"ctc", "none", "weighted_sum"} == set(FORMULAS)


@pytest.mark.parametrize("name", ["kl_divergence", "sparse_categorical_crossentropy"])
def test_two_columns_for_two_classes_are_trained_and_said(name: str, lmrun):
    done = lmrun("data=breast_cancer", f"loss={name}", *SHORT, "metrics=precision+auc")
    assert "wants a column a class, so the two classes get two" in done.err
    predictions = done.predictions
    truth, scores = predictions["val_true"], predictions["val_pred"].astype("float64")
    last = done.history.iloc[-1]
    assert scores.shape == (len(truth), 2)
    assert last["val_loss"] == pytest.approx(formulas.categorical_crossentropy(np.eye(2)[truth], scores), rel=1e-5)
    assert last["val_precision"] == pytest.approx(sk.precision_score(truth, scores[:, 1] > 0.5), rel=1e-5)
    assert last["val_auc"] == pytest.approx(sk.roc_auc_score(truth, scores[:, 1]), abs=0.01)


def test_linear_regression_on_two_classes_parts_them_at_a_half(lmrun):
    done = lmrun(
        "data=breast_cancer",
        "loss=mse",
        *SHORT,
        "model.output_activation=linear",
        "metrics=accuracy",
        "optimizer.learning_rate=0.01",
    )
    predictions = done.predictions
    truth, scores = predictions["val_true"], predictions["val_pred"]
    last = done.history.iloc[-1]
    assert last["val_accuracy"] == pytest.approx(np.mean((scores > 0.5) == truth), rel=1e-5)
    assert np.mean((scores > 0.5) == truth) != np.mean((scores > 0) == truth)


OWN = """
import keras
from keras import ops

def pinball(y_true, y_pred, tau=0.5):
    error = y_true - y_pred
    return ops.mean(ops.maximum(tau * error, (tau - 1) * error), axis=-1)

class Brier(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return ops.sum(ops.square(y_true - y_pred), axis=-1)

class Sparse(keras.losses.SparseCategoricalCrossentropy):
    pass

class Hinge(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return ops.mean(y_pred - y_true, axis=-1)
"""


@pytest.mark.parametrize(
    ("words", "data", "formula"),
    [
        (["loss=own_losses.pinball", "+loss.tau=0.9"], "diabetes", partial(sk.mean_pinball_loss, alpha=0.9)),
        (["loss=own_losses.Brier"], "iris", lambda y, p: ((y - p) ** 2).sum(axis=1).mean()),
        (["loss=own_losses.Sparse"], "iris", formulas.categorical_crossentropy),
        (["loss=own_losses.Hinge"], "iris", lambda y, p: np.mean(p - y)),
    ],
    ids=["function", "class", "subclass of one that wants class numbers", "class with the name of one of Keras"],
)
def test_loss_of_the_users_own_is_trained(words: list[str], data: str, formula: formulas.Formula, lmrun, own_code):
    own_code("own_losses", OWN)
    done = lmrun(f"data={data}", *words, *SHORT)
    predictions = done.predictions
    scores = predictions["val_pred"].reshape(len(predictions["val_pred"]), -1).astype("float64")
    assert done.history["val_loss"].iloc[-1] == pytest.approx(formula(dense(predictions["val_true"], scores), scores), abs=1e-5)


def test_no_loss_is_refused_where_the_model_adds_none(lmrun, tmp_path):
    done = lmrun("data=iris", "loss=none", *SHORT, code=2)
    assert done.err.endswith("lmrun: error: loss=none, and the model adds no loss of its own; type loss=auto\n")
    assert not list(tmp_path.glob("outputs/*/*"))


@pytest.mark.filterwarnings("ignore:Gradients do not exist for variables")  # of the bias, which has no penalty
def test_no_loss_trains_what_the_model_adds(lmrun):
    done = lmrun("data=iris", "loss=none", "model.l2=0.1", *SHORT)
    assert done.history["loss"].iloc[-1] > 0


def test_names_are_those_that_a_person_would_know():
    def own(y_true, y_pred):
        return y_pred

    found = [loss_name(loss) for loss in (None, own, partial(own), keras.losses.Huber())]
    assert found == ["none", "own", "own", "huber_loss"]
