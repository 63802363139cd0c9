"""Where a run trains: what was asked for or an error, never silently something else. Each case is a process of its own."""

from __future__ import annotations

import numpy as np
import pytest

WORDS = ["data=iris", "metrics=auc+accuracy", "epochs=2", "plots=[]", "threads=2", "batch_size=16"]
PARTS = ("data_loss", "regularization", "val_data_loss", "val_regularization")


def test_a_gpu_that_is_not_there_is_an_error(shell):
    run = shell("device=gpu", *WORDS, code=5)
    assert "device=gpu, but TensorFlow sees no GPU; type device=cpu" in run.err


def test_two_devices_train_to_the_figures_of_one(shell):
    """MirroredStrategy on two logical CPUs; 120 rows in batches of 16 end in a batch of 8, 30 rows of validation."""
    one, two = shell(*WORDS, "model.l2=0.05"), shell("device=cpu:0+1", *WORDS, "model.l2=0.05")
    assert two.json("run.json")["device"] == "CPU:0+1"
    for name in ("loss", "val_loss", "val_auc", "val_accuracy", *PARTS):
        np.testing.assert_allclose(two.history[name], one.history[name], rtol=1e-4, err_msg=name)
    np.testing.assert_allclose(two.predictions["val_pred"], one.predictions["val_pred"], rtol=1e-3, atol=1e-5)


@pytest.mark.slow
def test_xla_trains_to_the_figures_without_it(shell):
    without = shell("deterministic=false", *WORDS)
    compiled = shell("deterministic=false", "jit_compile=true", *WORDS)
    for name in ("loss", "val_loss", "val_accuracy"):
        np.testing.assert_allclose(compiled.history[name], without.history[name], rtol=1e-4, err_msg=name)


def test_threads_and_determinism_are_recorded(lmrun):
    info = lmrun("data=iris", "epochs=1", "plots=[]").json("run.json")
    assert info["device"] == "CPU"
    assert info["threads"] >= 1
    assert info["deterministic"] is True
    assert info["versions"]["keras"]


def test_threads_that_change_within_a_process_are_refused(lmrun):
    lmrun("data=iris", "epochs=1", "plots=[]")
    assert "threads was" in lmrun("data=iris", "epochs=1", "threads=61", code=2).err


@pytest.mark.parametrize("word", ["device=cpu,gpu", "threads=1,2", "deterministic=true,false"])
def test_a_sweep_of_what_tensorflow_cannot_change_is_refused(lmrun, word, tmp_path):
    assert "cannot change within one process" in lmrun("-m", word, code=2).err
    assert not (tmp_path / "outputs").exists()


def test_xla_under_determinism_is_refused_and_not_ignored(lmrun):
    assert "type deterministic=false" in lmrun("jit_compile=true", code=2).err


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_ends_in_float32_and_near_its_figures(lmrun, precision):
    words = ["data=iris", "epochs=2", "plots=[]"]
    full, mixed = lmrun(*words), lmrun(*words, f"precision={precision}")
    assert mixed.predictions["val_pred"].dtype == np.float32
    np.testing.assert_allclose(mixed.history["val_loss"], full.history["val_loss"], rtol=0.02)
    assert not np.array_equal(mixed.history["val_loss"], full.history["val_loss"]), "the precision has no effect"


def test_eager_runs_give_the_same_figures(lmrun):
    words = ["data=iris", "epochs=2", "plots=[]"]
    graph, eager = lmrun(*words), lmrun(*words, "run_eagerly=true")
    np.testing.assert_allclose(eager.history["val_loss"], graph.history["val_loss"], rtol=1e-5)
