"""Models of series and autoencoders: what they are made of, and that they learn."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from sklearn.decomposition import PCA

from lossmetric_cli import data
from lossmetric_cli.build import build
from lossmetric_cli.data.scales import measure_scale, scale_of_inputs
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.models import last_activation, trained_parameters
from lossmetric_cli.task import Task

Option = Callable[..., dict[str, Any]]

SERIES = ("fcn", "lstm", "gru", "transformer")
#: Sizes that train in a second.
SMALL = {
    "fcn": {"filters": [16, 16], "kernel_sizes": [8, 5]},
    "lstm": {"units": [12]},
    "gru": {"units": [12]},
    "transformer": {"width": 16, "heads": 2, "blocks": 1, "feed_forward": 16, "dropout": 0.0},
}
RANDOM = np.random.default_rng(2)
X = RANDOM.normal([50, -3], [10, 0.1], size=(40, 12, 2)).astype("float32")
Y = RANDOM.normal(1000, 30, size=(40, 1)).astype("float32")
CLASSES = Task("multiclass", (12, 2), 3, tuple("abc"), scale=scale_of_inputs(X))
NUMBERS = Task("regression", (12, 2), 1, scale=scale_of_inputs(X), targets=measure_scale(Y))


def make(option: Option, name: str, task: Task, **changes: Any) -> keras.Model:
    return build(option("model", name, **{**SMALL.get(name, {}), **changes}), path="model", task=task)


@pytest.mark.parametrize("name", SERIES)
def test_it_learns_to_tell_shapes_apart(name: str, option: Option):
    """Guessing costs ln 3; the best constant is wrong in two of three."""
    keras.utils.set_random_seed(1)
    made = data.shapes(rows=150, length=16, noise=0.3, seed=0)
    model = make(option, name, Task("multiclass", (16, 1), 3, data.shapes(seed=0).class_names, scale=scale_of_inputs(made.x)))
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    history = model.fit(made.x, made.y, epochs=12, batch_size=30, verbose=0).history["loss"]
    assert history[-1] < 0.6 * math.log(3)


@pytest.mark.parametrize("name", [*SERIES, "mlp", "linear"])
def test_every_channel_is_standardised_inside_the_model(name: str, option: Option):
    model = make(option, name, CLASSES)
    inner = keras.Model(model.input, model.get_layer("standardize").output)
    cells = X.reshape(-1, 2).astype("float64")
    expected = (X - cells.mean(axis=0)) / cells.std(axis=0)
    np.testing.assert_allclose(inner(X), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", SERIES)
@pytest.mark.parametrize(("task", "activation"), [(CLASSES, "softmax"), (NUMBERS, "linear")], ids=["classes", "numbers"])
def test_it_ends_in_the_head_of_the_task(name: str, task: Task, activation: str, option: Option):
    model = make(option, name, task)
    assert (model.output_shape, last_activation(model)) == ((None, task.units), activation)


@pytest.mark.parametrize("name", SERIES)
def test_a_forecast_is_in_the_unit_of_the_target(name: str, option: Option):
    answers = np.asarray(make(option, name, NUMBERS)(X))
    assert abs(answers.mean() - Y.mean()) < 5 * Y.std()


@pytest.mark.parametrize("name", SERIES)
def test_a_saved_model_is_loaded_without_our_code(name: str, option: Option, tmp_path):
    model = make(option, name, CLASSES)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(X), model(X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("shape", "instead"), [((4,), "mlp"), ((8, 8, 1), "cnn")])
def test_rows_that_are_no_series_are_refused(shape: tuple[int, ...], instead: str, option: Option):
    with pytest.raises(ConfigError, match=f"model=gru needs series .*type model={instead}"):
        make(option, "gru", Task("multiclass", shape, 3))


@pytest.mark.parametrize(
    ("name", "changes", "told"),
    [
        ("transformer", {"width": 10, "heads": 4}, "model.width must be a multiple of model.heads, got 10 and 4"),
        ("fcn", {"filters": [8]}, "model.filters and model.kernel_sizes must be as many, got 1 filters and 2 kernel_sizes"),
        ("lstm", {"units": []}, "model.units must name a layer at least"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(name: str, changes: dict[str, Any], told: str, option: Option):
    with pytest.raises(ConfigError, match=told):
        make(option, name, CLASSES, **changes)


# --- what they are made of


def test_fcn_is_that_of_the_paper(option: Option):
    """Wang et al. (2017): for one channel and k classes 8·128 + 5·128·256 + 3·256·128 weights and their biases, and so on."""
    model = make(option, "fcn", Task("multiclass", (50, 1), 3), filters=[128, 256, 128], kernel_sizes=[8, 5, 3])
    convolutions = (8 * 128 + 128) + (5 * 128 * 256 + 256) + (3 * 256 * 128 + 128)
    norms = 2 * (128 + 256 + 128)
    assert trained_parameters(model) == convolutions + norms + 3 * 128 + 3
    assert [type(layer).__name__ for layer in model.layers[1:4]] == ["Conv1D", "BatchNormalization", "Activation"]


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_recurrent_layers_keep_the_settings_that_cudnn_takes(name: str, option: Option):
    """keras.layers.LSTM, "cuDNN-based implementation": tanh, sigmoid, no recurrent dropout, no unrolling, a bias."""
    for layer in make(option, name, CLASSES, units=[4, 4], dropout=0.5).layers:
        if isinstance(layer, (keras.layers.LSTM, keras.layers.GRU)):
            kept = layer.get_config()
            assert (kept["activation"], kept["recurrent_activation"]) == ("tanh", "sigmoid")
            assert (kept["recurrent_dropout"], kept["unroll"], kept["use_bias"]) == (0, False, True)
            assert kept.get("reset_after", True)


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_a_bidirectional_layer_reads_from_both_ends(name: str, option: Option):
    one, both = (make(option, name, CLASSES, units=[5], bidirectional=way) for way in (False, True))
    weights = [trained_parameters(model) - 3 for model in (one, both)]  # the head's biases are not doubled
    assert weights[1] == 2 * weights[0]


def test_a_transformer_knows_the_order_of_the_steps(option: Option):
    model = make(option, "transformer", CLASSES)
    project = model.get_layer("project_with_positions")
    assert project.bias.shape == (12, 16)
    project.bias.assign(np.random.default_rng(0).normal(size=(12, 16)))
    assert not np.allclose(model(X), model(X[:, ::-1]), atol=1e-3)
    project.bias.assign(np.zeros((12, 16)))
    np.testing.assert_allclose(model(X), model(X[:, ::-1]), atol=1e-5)


# --- autoencoders


def reconstruction(x: np.ndarray) -> Task:
    return Task("regression", x.shape[1:], x[0].size, scale=scale_of_inputs(x), targets=measure_scale(x.reshape(len(x), -1)))


def test_an_autoencoder_narrows_to_its_code_and_widens_again(option: Option):
    model = make(option, "autoencoder", reconstruction(X), hidden=[9, 5], code=2)
    widths = [layer.units for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    assert (widths, model.get_layer("code").units) == ([9, 5, 2, 5, 9, 24], 2)


def test_an_autoencoder_without_hidden_layers_can_be_the_principal_components(option: Option):
    """Their code is linear, and so are the layer `code` and the head (Baldi and Hornik, 1989)."""
    random = np.random.default_rng(0)
    x = (random.normal(size=(80, 2)) @ random.normal(size=(2, 6)) + 0.3 * random.normal(size=(80, 6))).astype("float32")
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    model, components = make(option, "autoencoder", reconstruction(x), hidden=[], code=2), PCA(2).fit(x)
    model.get_layer("code").set_weights([components.components_.T, np.zeros(2)])
    model.get_layer("head").set_weights([components.components_, np.zeros(6)])
    np.testing.assert_allclose(model(x), components.inverse_transform(components.transform(x)), atol=1e-4)


def test_an_autoencoder_of_another_target_is_refused(option: Option):
    with pytest.raises(ConfigError, match=r"answers with its own input, 24 cells.*type task=reconstruction"):
        make(option, "autoencoder", CLASSES)


def test_a_reconstruction_is_run_and_judged_against_the_mean(lmrun):
    """Of standardised columns the mean answers with their variance, which is 1 over the training rows."""
    words = ["data=wine", "task=reconstruction", "model=autoencoder", "epochs=2", "plots=[]", "validation=train"]
    run = lmrun(*words)
    assert run.json("metrics.json")["baseline"]["val"]["loss"] == pytest.approx(1, abs=1e-3)
    assert run.predictions["val_pred"].shape == (178, 13)
    assert "each row is answered with its own 13 inputs" in run.err
