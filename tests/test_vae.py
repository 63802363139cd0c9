"""The variational autoencoder: its loss is what it says, its code costs what the formula says, and it is saved whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from lossmetric_cli.models.generative import Sampling
from lossmetric_cli.plots.numbers import panels
from lossmetric_cli.record import Record

WORDS = [
    "model=vae",
    "outputs.picture.target=input",
    "outputs.digit.target=y",
    "outputs.picture.weight=2",
    "outputs.digit.weight=0.5",
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run with a reconstruction and a class, in batches that do not divide the rows, in a process of its own."""
    folder = tmp_path_factory.mktemp("vae")
    words = [*WORDS, "model.latent=8", "model.beta=0.003", "epochs=3", "batch_size=100", "plots=[]"]
    command = [sys.executable, "-m", "lossmetric_cli", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip()), done.stderr


@pytest.fixture(scope="module")
def history(run: Any) -> Any:
    return pd.read_csv(run[0] / "history.csv")


@pytest.mark.parametrize("prefix", ["", "val_"])
def test_loss_is_the_weighted_sum_of_its_parts(history: Any, prefix: str):
    parts = 2 * history[f"{prefix}picture_loss"] + 0.5 * history[f"{prefix}digit_loss"] + 0.003 * history[f"{prefix}kl"]
    np.testing.assert_allclose(history[f"{prefix}loss"], parts, rtol=1e-5)


def test_column_of_the_divergence_is_what_it_counts_in_the_loss(history: Any):
    np.testing.assert_allclose(history.val_kl_loss, 0.003 * history.val_kl, rtol=1e-5)


def test_what_the_code_costs_is_said_of_the_loss(run: Any):
    assert "2·picture mean_squared_error + 0.5·digit sparse_categorical_crossentropy + kl_loss" in run[1]


def test_picture_says_what_the_loss_is_the_sum_of(run: Any):
    shown = next(panel for panel in panels(Record.read(run[0])) if panel.title == "loss")
    assert shown.detail == "2 · picture_loss + 0.5 · digit_loss + kl_loss"


def test_class_is_read_off_the_code(history: Any):
    assert history.val_digit_accuracy.iloc[-1] > 0.3  # one of ten by chance


def test_saved_model_answers_as_the_run_did_without_lmrun(run: Any):
    code = (
        "import sys; sys.modules['lossmetric_cli'] = None; import keras, numpy as np\n"
        "from sklearn.datasets import load_digits\n"
        f"folder = {str(run[0])!r}\n"
        "known = np.load(folder + '/predictions.npz')\n"
        "x = (load_digits().images[..., None] / 16).astype('float32')[known['val_rows']]\n"
        "answers = keras.models.load_model(folder + '/model.keras').predict(x, verbose=0)\n"
        "print(all(np.allclose(answers[name], known['val_pred_' + name], atol=1e-5) for name in ('picture', 'digit')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


MEAN, LOG = np.random.default_rng(0).normal(size=(2, 6, 3)).astype("float32")


def divergence() -> float:
    """Return the mean over rows of KL(N(mean, variance) | N(0, 1)), each the integral's closed form."""
    variance = np.exp(LOG.astype("float64"))
    return float((0.5 * (variance + MEAN**2 - 1 - np.log(variance))).sum(axis=1).mean())


def test_code_costs_its_divergence_from_the_standard_normal():
    layer = Sampling(beta=0.5)
    layer(MEAN, LOG)
    np.testing.assert_allclose(
        [float(layer.losses[0]), float(layer.divergence.result())], [0.5 * divergence(), divergence()], rtol=1e-5
    )


def test_divergence_of_a_standard_normal_is_0():
    layer = Sampling()
    layer(np.zeros((4, 2), "float32"), np.zeros((4, 2), "float32"))
    assert float(layer.losses[0]) == 0


def test_inference_answers_with_the_mean():
    np.testing.assert_array_equal(Sampling()(MEAN, LOG, training=False), MEAN)


def test_training_draws_with_the_deviation_of_each_code():
    mean, log = np.full((20_000, 2), 3, "float32"), np.tile(np.log([0.25, 4.0]).astype("float32"), (20_000, 1))
    drawn = np.asarray(Sampling()(mean, log, training=True))
    np.testing.assert_allclose(drawn.mean(axis=0), [3, 3], atol=0.06)
    np.testing.assert_allclose(drawn.std(axis=0), [0.5, 2], rtol=0.03)


def test_beta_grows_with_the_training_steps():
    layer = Sampling(beta=2.0, beta_steps=4)
    found = []
    for _ in range(6):
        layer(MEAN, LOG, training=True)
        found.append(float(layer.losses[-1]) / divergence())
    np.testing.assert_allclose(found, [0, 0.5, 1, 1.5, 2, 2], atol=1e-5)


def test_layer_comes_back_from_its_config():
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(Sampling(0.3, 7)))
    assert (again.beta, again.beta_steps) == (0.3, 7)


def test_same_words_draw_the_same_codes(lmrun: Any):
    words = ["model=vae", "task=reconstruction", "epochs=2", "plots=[]", "train_eval=0"]
    one, two = (lmrun(*words).folder / "history.csv" for _ in range(2))
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.slow
def test_beta_can_be_swept(lmrun: Any):
    words = [
        "-m",
        "model=vae",
        "task=reconstruction",
        "model.beta=0.001,1",
        "epochs=1",
        "plots=[]",
        "train_eval=0",
        "metrics=[]",
    ]
    jobs = pd.read_csv(lmrun(*words).folder / "results.csv")
    assert sorted(jobs["overrides"].str.extract(r"model\.beta=([\d.]+)")[0]) == ["0.001", "1"]
    assert jobs["val_loss"].nunique() == 2


def test_vae_of_another_target_is_refused_with_what_to_type(lmrun: Any):
    assert "type task=reconstruction, or outputs.NAME.target=input" in lmrun("model=vae", code=2).err
