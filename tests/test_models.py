"""The built-in models: a head for the task, inputs and targets scaled inside the model, penalties where they belong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

from lossmetric_cli import data
from lossmetric_cli.build import build
from lossmetric_cli.data.parts import measure_scale
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.models import last_activation
from lossmetric_cli.task import Task

Option = Callable[..., dict[str, Any]]

X = np.random.default_rng(3).normal([5, -200, 1e-3, 0], [1, 40, 1e-4, 3], (50, 4)).astype("float32")
Y = np.random.default_rng(4).normal([1000, -0.2], [300, 0.01], (50, 2)).astype("float32")
BINARY = Task("binary", (4,), 1, ("no", "yes"), scale=measure_scale(X))
CLASSES = Task("multiclass", (4,), 5, tuple("abcde"), scale=measure_scale(X))
LABELS = Task("multilabel", (4,), 3, tuple("xyz"), scale=measure_scale(X))
NUMBERS = Task("regression", (4,), 2, scale=measure_scale(X), targets=measure_scale(Y))
IMAGES = Task("multiclass", (8, 8, 1), 10, tuple(range(10)))


@pytest.fixture
def mixed_precision() -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy(before)


def make(option: Option, name: str, task: Task, **changes: Any) -> keras.Model:
    return build(option("model", name, **changes), path="model", task=task)


def head(model: keras.Model) -> keras.layers.Layer:
    return model.get_layer("head")


# --- the head


@pytest.mark.parametrize(
    ("task", "units", "activation"),
    [(BINARY, 1, "sigmoid"), (CLASSES, 5, "softmax"), (LABELS, 3, "sigmoid"), (NUMBERS, 2, "linear")],
    ids=lambda part: getattr(part, "kind", ""),
)
@pytest.mark.parametrize("name", ["linear", "mlp"])
def test_head_follows_the_task(name: str, task: Task, units: int, activation: str, option: Option):
    model = make(option, name, task)
    assert (head(model).units, head(model).activation.__name__) == (units, activation)
    assert model.output_shape == (None, units)
    assert last_activation(model) == activation


def test_head_of_images_follows_the_task(option: Option):
    model = make(option, "cnn", IMAGES, filters=[2])
    assert (model.output_shape, last_activation(model)) == ((None, 10), "softmax")


@pytest.mark.parametrize("name", ["linear", "mlp"])
def test_typed_activation_wins_over_the_tasks(name: str, option: Option):
    assert last_activation(make(option, name, CLASSES, output_activation="linear")) == "linear"


@pytest.mark.usefixtures("mixed_precision")
@pytest.mark.parametrize(
    "task", [BINARY, CLASSES, NUMBERS, replace(CLASSES, head="embedding")], ids=["binary", "classes", "numbers", "embedding"]
)
def test_answer_is_float32_under_mixed_precision(task: Task, option: Option):
    model = make(option, "mlp", task, hidden=[4])
    assert model.output.dtype == head(model).compute_dtype == "float32"
    assert model.layers[2].compute_dtype == "bfloat16"


def test_embedding_has_length_one(option: Option):
    model = make(option, "mlp", replace(CLASSES, head="embedding"))
    assert np.linalg.norm(model(X), axis=1) == pytest.approx(np.ones(50), rel=1e-5)
    assert last_activation(model) is None


@pytest.mark.filterwarnings("ignore:overflow")
def test_head_for_counts_is_positive(option: Option):
    model = make(option, "linear", replace(NUMBERS, head="exponential"))
    assert float(np.min(model(X))) > 0
    assert last_activation(model) == "exponential"


# --- scales


@pytest.mark.parametrize("name", ["linear", "mlp", "sequential"])
def test_inputs_are_standardised_inside_the_model(name: str, option: Option):
    changes = {"layers": []} if name == "sequential" else {}
    model = make(option, name, CLASSES, **changes)
    inner = keras.Model(model.input, model.get_layer("standardize").output)
    np.testing.assert_allclose(inner(X), (X - X.mean(axis=0)) / X.std(axis=0), rtol=1e-3, atol=1e-3)


def test_constant_column_becomes_zeros(option: Option):
    x = X.copy()
    x[:, 1] = 7
    model = make(option, "linear", replace(CLASSES, scale=measure_scale(x)))
    inner = keras.Model(model.input, model.get_layer("standardize").output)
    column = np.asarray(inner(x))[:, 1]
    assert (column == 0).all()


@pytest.mark.parametrize("name", ["linear", "mlp", "sequential"])
def test_standardize_can_be_switched_off(name: str, option: Option):
    model = make(option, name, NUMBERS, standardize=False, **({"layers": []} if name == "sequential" else {}))
    assert not {"standardize", "target_units"} & {layer.name for layer in model.layers}


@pytest.mark.parametrize("name", ["linear", "mlp"])
def test_regression_answers_in_the_units_of_the_targets(name: str, option: Option):
    model = make(option, name, NUMBERS)
    inner = keras.Model(model.input, head(model).output)
    np.testing.assert_allclose(model(X), inner(X) * Y.std(axis=0) + Y.mean(axis=0), rtol=1e-4)
    assert last_activation(model) == "linear"


@pytest.mark.parametrize("activation", ["relu", "exponential"])
def test_head_with_an_activation_answers_in_its_own_units(activation: str, option: Option):
    model = make(option, "linear", NUMBERS, output_activation=activation)
    assert "target_units" not in [layer.name for layer in model.layers]


# --- inside


def test_mlp_has_the_layers_that_hidden_lists(option: Option):
    model = make(option, "mlp", CLASSES, hidden=[8, 6], dropout=0.3, batch_norm=True, activation="tanh")
    kinds = [type(layer).__name__ for layer in model.layers]
    block = ["Dense", "BatchNormalization", "Activation", "Dropout"]
    assert kinds == ["InputLayer", "Normalization", *block, *block, "Dense"]
    assert [layer.units for layer in model.layers if isinstance(layer, keras.layers.Dense)] == [8, 6, 5]


def test_mlp_without_hidden_layers_is_the_linear_model(option: Option):
    assert make(option, "mlp", CLASSES, hidden=[]).count_params() == make(option, "linear", CLASSES).count_params()


def test_mlp_flattens_images(option: Option):
    assert make(option, "mlp", IMAGES, hidden=[3]).count_params() == 64 * 3 + 3 + 3 * 10 + 10


def test_cnn_refuses_tables(option: Option):
    with pytest.raises(ConfigError, match=r"^model=cnn needs images \(height, width, channels\), .+\(4,\); type model=mlp$"):
        make(option, "cnn", CLASSES)


def test_cnn_halves_the_image_for_each_of_its_filters(option: Option):
    model = make(option, "cnn", IMAGES, filters=[2, 3, 4], hidden=[])
    assert [layer.output.shape[1:3] for layer in model.layers if "Pooling" in type(layer).__name__] == [(4, 4), (2, 2), (1, 1)]


@pytest.mark.parametrize(("name", "count"), [("linear", 1), ("mlp", 3), ("cnn", 4)])
def test_penalties_are_those_of_the_kernels(name: str, count: int, option: Option):
    changes = {"linear": {}, "mlp": {"hidden": [3, 3]}, "cnn": {"filters": [2], "hidden": [3, 3]}}[name]
    model = make(option, name, IMAGES if name == "cnn" else CLASSES, l1=0.01, l2=0.1, **changes)
    kernels = [layer.kernel.numpy().astype("float64") for layer in model.layers if hasattr(layer, "kernel")]
    assert len(model.losses) == len(kernels) == count
    assert float(sum(model.losses)) == pytest.approx(
        sum(0.01 * np.abs(k).sum() + 0.1 * (k**2).sum() for k in kernels), rel=1e-5
    )


@pytest.mark.parametrize("name", ["linear", "mlp"])
def test_no_penalty_leaves_no_loss_behind(name: str, option: Option):
    assert make(option, name, CLASSES).losses == []


# --- sequential


def test_sequential_ends_in_the_head_of_the_task(option: Option):
    model = make(option, "sequential", CLASSES, layers=[{"_target_": "keras.layers.Dense", "units": 8, "activation": "relu"}])
    assert model.output_shape == (None, 5)
    assert last_activation(model) == "softmax"


def test_sequential_without_head_ends_in_the_last_listed_layer(option: Option):
    layers = [{"_target_": "keras.layers.Dense", "units": 5}, {"_target_": "keras.layers.Softmax"}]
    model = make(option, "sequential", CLASSES, layers=layers, head=False)
    assert (model.output_shape, last_activation(model)) == ((None, 5), "softmax")
    assert "head" not in [layer.name for layer in model.layers]


def test_sequential_names_the_layer_that_is_none(option: Option):
    layers = [{"_target_": "keras.layers.ReLU"}, {"_target_": "keras.layers.Dense", "unit": 5}]
    with pytest.raises(ConfigError, match=r"^model\.layers\[1\]: Dense takes no 'unit'; did you mean 'units'\?$"):
        make(option, "sequential", CLASSES, layers=layers)


# --- the last activation

layers = keras.layers
HEADS: dict[str, tuple[Callable[[], list[keras.layers.Layer]], str | None]] = {
    "activation of a layer": (lambda: [layers.Dense(3, "softmax")], "softmax"),
    "activation as a layer": (lambda: [layers.Dense(3), layers.Activation("sigmoid")], "sigmoid"),
    "softmax as a layer": (lambda: [layers.Dense(3), layers.Softmax()], "softmax"),
    "none": (lambda: [layers.Dense(3)], "linear"),
    "before a reshape": (lambda: [layers.Dense(3, "tanh"), layers.Reshape((3, 1))], "tanh"),
    "before dropout": (lambda: [layers.Dense(3, "sigmoid"), layers.Dropout(0.1)], "sigmoid"),
    "in a nested model": (lambda: [keras.Sequential([layers.Dense(3, "softmax")])], "softmax"),
    "unknown after normalisation": (lambda: [layers.Dense(3, "relu"), layers.BatchNormalization()], None),
    "of an advanced activation": (lambda: [layers.Dense(3), layers.LeakyReLU()], None),
}


@pytest.mark.parametrize(("stack", "activation"), HEADS.values(), ids=HEADS)
def test_last_activation_is_found(stack: Callable[[], list[keras.layers.Layer]], activation: str | None):
    assert last_activation(keras.Sequential([keras.Input((4,)), *stack()])) == activation


def test_subclass_does_not_tell_its_last_activation():
    class Late(keras.Model):
        def __init__(self):
            super().__init__()
            self.answer = layers.Dense(3, "softmax")
            self.hidden = layers.Dense(3, "relu")

        def call(self, inputs):
            return self.answer(self.hidden(inputs))

    class Bare(keras.Model):
        def call(self, inputs):
            return inputs

    assert last_activation(Late()) is None
    assert last_activation(Bare()) is None


# --- the user's own

OWN = """
import keras
import tensorflow as tf

def small(task, units=3):
    return keras.Sequential([
        keras.Input(task.input_shape), keras.layers.Dense(units, "relu"), keras.layers.Dense(task.units, task.activation),
    ])

class Big(keras.Model):
    def __init__(self, task, units=4):
        super().__init__()
        self.answer = keras.layers.Dense(task.units, task.activation)
        self.hidden = keras.layers.Dense(units, "relu")

    def call(self, inputs):
        return self.answer(self.hidden(inputs))

def nothing():
    return 3

def of_five(task):
    return keras.Sequential([keras.Input((5,)), keras.layers.Dense(task.units)])

def too_large(task):
    return bytearray(10**16)

class Full(keras.layers.Layer):  # what a device says after ten seconds of trying
    def call(self, inputs):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

class TooLarge(keras.Model):
    def __init__(self, task):
        super().__init__()
        self.wide = Full()

    def call(self, inputs):
        return self.wide(inputs)
"""


@pytest.mark.parametrize("target", ["small", "Big"])
def test_model_of_the_users_own_is_trained(target: str, lmrun, own_code):
    own_code("own_models", OWN)
    done = lmrun("data=iris", f"model=own_models.{target}", "+model.units=6", "metrics=accuracy", "epochs=1", "plots=[]")
    predictions = done.predictions
    assert predictions["val_pred"].sum(axis=1) == pytest.approx(np.ones(30), rel=1e-5)
    wanted = np.mean(predictions["val_pred"].argmax(axis=1) == predictions["val_true"])
    assert done.history["val_accuracy"].iloc[-1] == pytest.approx(wanted, rel=1e-5)


def test_what_is_no_model_is_refused(lmrun, own_code):
    own_code("own_models", OWN)
    done = lmrun("data=iris", "model=own_models.nothing", "epochs=1", code=2)
    assert "model: own_models.nothing returns a int and no keras.Model" in done.err


def test_model_of_another_input_is_refused_with_the_reason_and_without_the_rows(lmrun, own_code):
    own_code("own_models", OWN)
    line = lmrun("check", "data=digits", "model=own_models.of_five", code=2).err.splitlines()[-1]
    assert line.startswith("lmrun: error: model: it cannot answer rows of shape (8, 8, 1): Invalid input shape for input")
    assert line.endswith("Expected shape (None, 5), but input has incompatible shape (64, 8, 8, 1)")
    assert "[" not in line


@pytest.mark.parametrize("target", ["too_large", "TooLarge"])
def test_model_that_no_memory_holds_is_the_machines_fault(target: str, lmrun, own_code):
    own_code("own_models", OWN)
    err = lmrun("check", "data=iris", f"model=own_models.{target}", code=5).err
    assert "model: this machine has too little memory to build and try it; take a smaller model" in err


def test_linear_regression_without_noise_finds_the_line(lmrun):
    words = ("data=linear", "data.noise=0", "model=linear", "optimizer.learning_rate=0.1", "batch_size=100", "epochs=20")
    done = lmrun(*words, "metrics=r2_score", "plots=[]")
    assert done.history["val_r2_score"].iloc[-1] > 0.999
    found = data.linear(noise=0, seed=0)
    assert done.predictions["val_true"] == pytest.approx(found.y[done.predictions["val_rows"]], rel=1e-5)
