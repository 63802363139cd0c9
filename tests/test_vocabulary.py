"""Losses of many classes: a few drawn ones in training, all of them in every figure that judges."""

from __future__ import annotations

import dataclasses
import math

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from lossmetric_cli import baselines, sampling
from lossmetric_cli.cli import answer
from lossmetric_cli.data import next_word, prepare
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.explain.cards import CARDS
from lossmetric_cli.feed import Pace, Rows
from lossmetric_cli.losses import Nce, SampledSoftmax, fit_task
from lossmetric_cli.metrics import build_metrics
from lossmetric_cli.outputs import Output
from lossmetric_cli.plots.numbers import panels
from lossmetric_cli.record import Record
from lossmetric_cli.story import gaps
from lossmetric_cli.task import Task

CLASSES, WIDTH = 40, 6
RANDOM = np.random.default_rng(1)
VECTORS = RANDOM.normal(size=(5, WIDTH)).astype("float32")
LABELS = np.array([0, 3, 39, 7, 3])
TINY = ("data=next_word", "data.rows=300", "data.words=500", "data.known=50", "plots=[]", "train_eval=64", "batch_size=32")
LOSSES = {"sampled_softmax": SampledSoftmax, "nce": Nce}


@pytest.fixture
def head() -> sampling.SampledHead:
    made = sampling.SampledHead(CLASSES)
    made.build((None, WIDTH))
    made.bias.assign(RANDOM.normal(size=CLASSES))
    made.samples = 12
    return made


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, Record]:
    """A run of each loss that samples, with dropout, and the same words once more."""
    words = {name: [f"loss={name}", "loss.samples=20", "epochs=2", "model.dropout=0.2"] for name in LOSSES}
    found = {}
    for name, asked in [*words.items(), ("again", words["nce"])]:
        out = tmp_path_factory.mktemp(name)
        assert answer([*TINY, *asked, f"out={out}", "-q"]) == 0
        found[name] = Record.read(next(out.glob("*/*/run.json")).parent)
    return found


def logits_of(head: sampling.SampledHead) -> np.ndarray:
    kernel, bias = head.get_weights()
    return VECTORS.astype("float64") @ kernel.T.astype("float64") + bias


def draw_of(answer_) -> tuple[sampling.Draw, np.ndarray]:
    draw = sampling.drawn(answer_)
    return draw, keras.ops.convert_to_numpy(draw.classes)


def chance(numbers: np.ndarray, draw: sampling.Draw) -> np.ndarray:
    is_uniform = draw.sampler == "uniform"
    weights = 1 / CLASSES if is_uniform else np.log((numbers + 2.0) / (numbers + 1.0)) / math.log(CLASSES + 1)
    return 1 - np.exp(-float(draw.limit) * weights * np.ones(np.shape(numbers)))


# --- the draw


@pytest.mark.parametrize("sampler", sampling.SAMPLERS)
def test_sum_over_the_drawn_by_their_chances_is_that_of_all_in_the_mean(sampler: str):
    values, seed = np.linspace(1, 3, CLASSES), keras.random.SeedGenerator(1)
    sums = []
    for _ in range(400):
        classes, limit = sampling.draw(8, sampler, CLASSES, seed=seed)
        found = sampling.Draw(None, None, np.zeros(CLASSES), classes, limit, sampler)
        numbers = np.array(classes)
        assert len(set(numbers.tolist())) == 8
        np.testing.assert_allclose(found.expected(numbers), chance(numbers, found), rtol=1e-4)
        sums.append((values[numbers] / np.array(found.expected(numbers))).sum())
    assert np.mean(sums) == pytest.approx(values.sum(), abs=4 * np.std(sums) / 20)


def test_first_drawn_class_is_drawn_by_the_weights():
    seed = keras.random.SeedGenerator(2)
    first = [int(sampling.draw(1, "log_uniform", 5, seed=seed)[0][0]) for _ in range(1500)]
    weights = np.log((np.arange(5) + 2.0) / (np.arange(5) + 1.0)) / math.log(6)
    np.testing.assert_allclose(np.bincount(first, minlength=5) / 1500, weights, atol=0.05)


def test_weights_are_those_that_tensorflow_counts_on():
    true = tf.constant(np.arange(CLASSES)[:, None])
    told = tf.random.log_uniform_candidate_sampler(true, 1, 1, unique=False, range_max=CLASSES).true_expected_count
    ours = np.array(sampling.chances(np.arange(CLASSES, dtype="float32"), "log_uniform", CLASSES))
    np.testing.assert_allclose(ours, told.numpy()[:, 0], rtol=1e-4)


# --- the loss of what is drawn


@pytest.mark.parametrize("sampler", sampling.SAMPLERS)
def test_sampled_softmax_is_its_formula_over_the_drawn_classes(head, sampler: str):
    head.sampler = sampler
    answered = head(VECTORS, training=True)
    draw, classes = draw_of(answered)
    z, rows = logits_of(head), np.arange(len(LABELS))
    right = z[rows, LABELS] - np.log(chance(LABELS, draw))
    others = z[:, classes] - np.log(chance(classes, draw))
    others[classes[None, :] == LABELS[:, None]] = -np.inf
    wanted = np.log(np.exp(right) + np.exp(others).sum(axis=1)) - right
    assert "log(Σ exp(s)) − s of the right class,  s = z − log(chance)" in CARDS["loss"]["sampled_softmax"].formula
    np.testing.assert_allclose(SampledSoftmax().call(LABELS, answered), wanted, rtol=1e-4)


def test_nce_is_its_formula_over_the_drawn_classes(head):
    answered = head(VECTORS, training=True)
    draw, classes = draw_of(answered)
    z = logits_of(head)
    right = z[np.arange(len(LABELS)), LABELS] - np.log(chance(LABELS, draw))
    others = z[:, classes] - np.log(chance(classes, draw))
    wanted = np.log1p(np.exp(-right)) + np.log1p(np.exp(others)).sum(axis=1)
    assert "log(1 + exp(−s)) + Σ log(1 + exp(r))" in CARDS["loss"]["nce"].formula
    np.testing.assert_allclose(Nce().call(LABELS, answered), wanted, rtol=1e-4)


@pytest.mark.parametrize("loss", LOSSES.values())
def test_at_rest_the_loss_is_that_of_all_classes(head, loss: type):
    wanted = tf.nn.sparse_softmax_cross_entropy_with_logits(LABELS, logits_of(head)).numpy().mean()
    assert float(loss()(LABELS, head(VECTORS, training=False))) == pytest.approx(wanted, abs=1e-5)
    assert float(loss()(LABELS, sampling.whole(head(VECTORS, training=True)))) == pytest.approx(wanted, abs=1e-5)


def test_head_answers_in_training_as_it_does_at_rest(head):
    np.testing.assert_array_equal(head(VECTORS, training=True), head(VECTORS, training=False))


def test_steps_of_the_sampled_loss_lead_where_that_of_all_classes_falls():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((WIDTH,)), sampling.SampledHead(CLASSES)])
    model.layers[-1].samples = 12
    x = RANDOM.normal(size=(400, WIDTH)).astype("float32")
    y = (x @ RANDOM.normal(size=(WIDTH, CLASSES))).argmax(axis=1)
    model.compile(keras.optimizers.SGD(0.5), SampledSoftmax(sampler="uniform"))
    before = model.evaluate(x, y, verbose=0)
    model.fit(x, y, epochs=5, verbose=0)
    assert model.evaluate(x, y, verbose=0) < 0.7 * before


# --- what is asked for


def test_settings_that_cannot_be_meant_are_refused():
    with pytest.raises(ConfigError, match=r"^loss.samples must be a whole number >= 1, got 0$"):
        SampledSoftmax(samples=0)
    with pytest.raises(ConfigError, match=r"^loss.sampler must be log_uniform or uniform, got zipf$"):
        Nce(sampler="zipf")


def test_more_samples_than_classes_are_said_to_save_nothing():
    task, notes = fit_task(SampledSoftmax(samples=64), Task("multiclass", (4,), 7))
    assert task.is_sampled
    assert notes[1] == "loss.samples=64 of 7 classes saves nothing; type loss=crossentropy"


def test_loss_that_samples_is_no_part_of_a_sum(lmrun):
    told = lmrun("data=iris", "loss=weighted_sum", "loss.parts={nce:1,cce:1}", code=2).err
    assert told == "lmrun: error: loss.parts: nce draws its classes by itself; name it alone, type loss=nce\n"


def test_model_that_ends_in_another_layer_is_refused(lmrun, own_code):
    own_code(
        "nets",
        "import keras\n\ndef net(task):\n    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, 'softmax')])",
    )
    told = lmrun("data=iris", "loss=nce", "model=nets.net", code=2).err
    assert "model: nce samples the classes of a head, and this model ends in Dense; type model=mlp, or end it in" in told


def test_what_is_watched_must_be_measured_after_the_epoch(lmrun):
    told = lmrun("data=iris", "loss=nce", "monitor=accuracy", code=2).err
    assert "since it is measured after the epoch; watch val_accuracy or train_accuracy_eval" in told


# --- a run


@pytest.mark.parametrize("name", LOSSES)
def test_figures_that_judge_are_those_of_all_classes(runs, name: str):
    record = runs[name]
    with np.load(record.folder / "predictions.npz") as kept:
        true, predicted = kept["val_true"], kept["val_pred"].astype("float64")
    last = record.history.iloc[-1]
    assert predicted.shape[1] == 500
    assert last["val_loss"] == pytest.approx(-np.log(predicted[np.arange(len(true)), true]).mean(), abs=1e-5)
    assert last["val_accuracy"] == pytest.approx(np.mean(predicted.argmax(axis=1) == true), abs=1e-6)
    assert record.scores["val"]["loss"] == pytest.approx(last["val_loss"], abs=1e-6)
    assert record.scores["train"]["accuracy"] <= 1


@pytest.mark.parametrize("name", LOSSES)
def test_metrics_have_no_column_of_the_running_epoch(runs, name: str):
    columns = list(runs[name].history.columns)
    assert "accuracy" not in columns
    assert {"val_accuracy", "train_accuracy_eval", "loss", "data_loss"} <= set(columns)


def test_the_run_says_that_its_losses_are_two(runs):
    told = "loss is nce of 20 drawn classes; train_loss_eval, val_loss and the metrics are of all 500"
    assert told in runs["nce"].info["notes"]


def test_the_picture_says_of_which_line_classes_are_drawn(runs):
    assert panels(runs["nce"])[0].detail == "nce, train of 20 drawn classes"


def test_same_words_draw_the_same_classes(runs):
    pd.testing.assert_frame_equal(runs["nce"].history, runs["again"].history)


@pytest.mark.parametrize("name", LOSSES)
def test_gap_has_a_part_for_what_is_drawn_and_adds_up(runs, name: str):
    gap = runs[name].info["gap"]
    assert sum(gap[part] for part in gaps.NAMES) == pytest.approx(gap["loss"] - gap["val_loss"], abs=1e-4)
    assert gaps.largest(gap) == "sampling"
    assert "Compare train_loss_eval with val_loss" in gaps.meaning("sampling", gap, runs[name].info)


def test_saved_model_answers_without_lmrun(runs):
    model = keras.models.load_model(runs["nce"].folder / "model.keras", compile=False)
    assert type(model.layers[-1]) is keras.layers.Dense
    source = next_word(rows=300, words=500, known=50, seed=0)
    with np.load(runs["nce"].folder / "predictions.npz") as kept:
        answered = model.predict({"before": source.x["before"][kept["val_rows"]]}, verbose=0)
        np.testing.assert_allclose(answered, kept["val_pred"], atol=1e-6)


def test_run_begins_with_the_head_of_another(runs, lmrun):
    done = lmrun(*TINY, "loss=nce", "epochs=1", f"model.init_from={runs['nce'].folder}", "optimizer=sgd", "lr=1e-12")
    assert "begins with the weights of 3 layers" in done.err
    assert done.history["val_loss"][0] == pytest.approx(runs["nce"].scores["val"]["loss"], abs=1e-4)


# --- bounds of memory


def test_one_hot_rows_of_very_many_classes_are_refused(lmrun):
    told = lmrun("data=next_word", "loss=categorical_crossentropy", code=2).err
    assert "takes one-hot rows, and 16,0" in told
    assert "of 50,000 classes are 3.2 GB; type loss=sparse_categorical_crossentropy" in told


def test_validation_batches_shrink_with_the_columns():
    facts = {"batch_size": 32, "steps_per_epoch": None, "steps_per_execution": None, "validation": None}
    assert Pace.of(1000, **facts, columns=10).validation_batch == 1024
    assert Pace.of(1000, **facts, columns=50_000).validation_batch * 50_000 <= 2**23


def test_baselines_of_many_classes_are_those_of_all_rows(monkeypatch):
    y, weights = RANDOM.zipf(1.5, 600) % 50, RANDOM.random(600).astype("float32")
    task = dataclasses.replace(Task("multiclass", (3,), 50), is_sampled=True)
    output = Output("", task, keras.losses.SparseCategoricalCrossentropy(), "index", "softmax")
    node = {"accuracy": {"_target_": "keras.metrics.SparseCategoricalAccuracy"}}
    output.metrics = build_metrics(node, task=task, labels="index", activation="softmax")
    output.columns = {"accuracy": ("accuracy",)}
    for counted in (None, weights):
        rows = Rows(np.zeros((600, 3), "float32"), y.astype("int32"), counted)
        plain = baselines.baselines([output], natural=y, rows=rows)
        with monkeypatch.context() as patch:
            patch.setattr(baselines, "MOST_CELLS", 1000)
            assert baselines.baselines([output], natural=y, rows=rows) == pytest.approx(plain, rel=1e-5)
        assert plain["accuracy"] == pytest.approx(np.bincount(y).max() / 600, rel=1e-5)


def test_every_word_is_a_class_whether_it_occurs_or_not():
    data = prepare(next_word(rows=200, words=5000, seed=0), split=lambda **_: {"train": np.arange(200)}, seed=0)
    assert data.task.units == 5000
    assert data.class_counts == {}
    assert data.train.x["before"].max() <= 2000
