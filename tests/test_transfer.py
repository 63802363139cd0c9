"""Backbones of Keras: their preprocessing is inside, they stay as they are while frozen, and train from the epoch asked for."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from lossmetric_cli import models
from lossmetric_cli.cli import answer
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.models.transfer import backbone_names, preprocessed, style
from lossmetric_cli.task import Task

PIXELS = np.random.default_rng(2).integers(0, 256, size=(3, 32, 32, 3), dtype="uint8")
IMAGES = Task("multiclass", (32, 32, 3), 3, (0, 1, 2), input_dtype="uint8")
SMALL = {"backbone": "mobilenet", "weights": None, "options": {"alpha": 0.25}}
#: A family of each style, and the module of Keras that its preprocess_input is in.
FAMILIES = {
    "mobilenetv2": ("mobilenet_v2", {"alpha": 0.35}),
    "vgg16": ("vgg16", None),
    "densenet121": ("densenet", None),
    "mobilenetv3small": ("mobilenet_v3", {"alpha": 0.75, "minimalistic": True}),
}
MODULES = {
    **{"vgg16": "vgg16", "vgg19": "vgg19", "resnet50": "resnet", "resnet152": "resnet", "resnet50v2": "resnet_v2"},
    **{"resnet101v2": "resnet_v2", "mobilenet": "mobilenet", "mobilenetv2": "mobilenet_v2", "xception": "xception"},
    **{"inceptionv3": "inception_v3", "inceptionresnetv2": "inception_resnet_v2", "nasnetmobile": "nasnet"},
    **{"densenet121": "densenet", "densenet201": "densenet", "efficientnetb0": "efficientnet", "convnexttiny": "convnext"},
    **{"efficientnetv2b0": "efficientnet_v2", "mobilenetv3large": "mobilenet_v3"},
}


def _wanted(pixels: np.ndarray, module: str) -> np.ndarray:
    """Return what Keras' own preprocess_input makes of pixels, which it changes in place."""
    return getattr(keras.applications, module).preprocess_input(pixels.astype("float32"))


def _backbone(net: keras.Model) -> keras.Model:
    return next(layer for layer in net.layers if isinstance(layer, keras.Model))


def _frozen(net: keras.Model) -> list[np.ndarray]:
    return [np.array(variable) for variable in _backbone(net).variables]


@pytest.mark.parametrize("name", MODULES)
def test_pixels_are_preprocessed_as_the_backbones_own_function_does(name):
    inputs = keras.Input((32, 32, 3))
    net = keras.Model(inputs, preprocessed(inputs, name) if style(name) != "inside" else keras.layers.Identity()(inputs))
    assert net(PIXELS.astype("float32")).numpy() == pytest.approx(_wanted(PIXELS, MODULES[name]), abs=1e-4)


def test_every_backbone_of_keras_has_a_style():
    assert {style(name) for name in backbone_names()} == {"caffe", "torch", "tf", "inside"}
    assert len(backbone_names()) >= 40


@pytest.mark.parametrize("name", FAMILIES)
def test_raw_images_are_answered_as_preprocessed_ones_by_the_bare_backbone(name):
    module, options = FAMILIES[name]
    net = models.transfer(task=IMAGES, backbone=name, weights=None, options=options)
    pooled = np.asarray(_backbone(net)(_wanted(PIXELS, module), training=False))
    kernel, bias = (np.array(variable) for variable in net.get_layer("head").variables)
    scores = np.exp(pooled @ kernel + bias)
    assert net(PIXELS, training=False).numpy() == pytest.approx(scores / scores.sum(axis=1, keepdims=True), abs=1e-4)


def test_values_in_another_range_are_brought_to_the_same():
    keras.utils.set_random_seed(1)
    of_bytes = models.transfer(task=IMAGES, **SMALL)
    keras.utils.set_random_seed(1)
    task = Task("multiclass", (32, 32, 3), 3, (0, 1, 2))
    of_shares = models.transfer(task=task, value_range=[-1, 1], **SMALL)
    scaled = PIXELS / np.float32(127.5) - 1
    assert of_shares(scaled).numpy() == pytest.approx(of_bytes(PIXELS).numpy(), abs=1e-5)


def test_gray_images_are_three_equal_channels():
    keras.utils.set_random_seed(1)
    colours = models.transfer(task=IMAGES, **SMALL)
    keras.utils.set_random_seed(1)
    gray = models.transfer(task=Task("multiclass", (32, 32, 1), 3, (0, 1, 2), input_dtype="uint8"), **SMALL)
    one = PIXELS[..., :1]
    assert gray(one).numpy() == pytest.approx(colours(np.repeat(one, 3, axis=-1)).numpy(), abs=1e-6)


def test_training_overrides_the_training_argument_of_a_nested_model():
    """Keras 3.15's fault that the frozen batch normalisation goes around; when this fails, it need not any more."""
    nested = keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization()])
    inputs = keras.Input((4,))
    net = keras.Model(inputs, nested(inputs, training=False))
    x = np.random.default_rng(0).normal(5, 3, (64, 4)).astype("float32")
    assert not np.allclose(net(x, training=True), net(x, training=False))


def test_a_frozen_backbone_is_at_rest_in_training():
    net = models.transfer(task=IMAGES, **SMALL)
    assert models.two_faced(net) == []
    assert np.array_equal(net(PIXELS, training=True), net(PIXELS, training=False))
    assert models.trained_parameters(net) == 256 * 3 + 3
    assert models.frozen_parameters(net) == _backbone(net).count_params()


def test_a_backbone_that_is_not_frozen_trains_whole():
    net = models.transfer(task=IMAGES, freeze=False, **SMALL)
    assert len(net.trainable_variables) == len(_backbone(net).trainable_variables) + 2
    assert any("BatchNormalization" in told for told in models.two_faced(net))


@pytest.mark.parametrize(("start", "count"), [(0.25, 22), (1.0, 87), ("conv_pw_13", 4)])
def test_fine_tuning_begins_at_a_layer_or_a_share_and_leaves_batch_normalisation(start, count):
    net = models.transfer(task=IMAGES, fine_tune_from=start, **SMALL)
    net.fine_tuning.settle(epochs=4)
    assert net.fine_tuning.at == 2
    assert f"the last {count} of 87 layers" in net.fine_tuning.unfreeze()
    parts = _backbone(net).layers
    assert [layer.trainable for layer in parts] == [
        number >= 87 - count and not isinstance(layer, keras.layers.BatchNormalization) for number, layer in enumerate(parts)
    ]


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"backbone": "mobilenet_v5"}, "keras.applications has no 'mobilenet_v5'; did you mean .*'mobilenetv2'"),
        ({"backbone": "xception", "options": None}, "Input size must be at least 71x71.*data.size="),
        ({"options": {"alpa": 1}}, "mobilenet takes no 'alpa'; did you mean 'alpha'"),
        ({"fine_tune_from": "conv1_rlu"}, "has no layer 'conv1_rlu'; did you mean 'conv1_relu'"),
        ({"fine_tune_from": 3}, "a share above 0 up to 1, got 3"),
        ({"fine_tune_from": 0.5, "freeze": False}, "drop model.fine_tune_from"),
        ({"weights": "mine.h5"}, "no file 'mine.h5'"),
        ({"value_range": [1, 0]}, r"type model.value_range=\[0,255\]"),
        ({"pooling": "mean"}, "pooling is avg or max"),
    ],
)
def test_a_request_that_cannot_be_is_refused(settings, fault):
    with pytest.raises(ConfigError, match=fault):
        models.transfer(task=IMAGES, **{**SMALL, **settings})


def test_rows_that_are_no_images_are_refused():
    with pytest.raises(ConfigError, match=r"model=transfer needs images .* \(4,\)"):
        models.transfer(task=Task("regression", (4,), 1), **SMALL)


def test_fine_tuning_after_the_run_is_refused():
    net = models.transfer(task=IMAGES, fine_tune_from=0.5, fine_tune_at=5, **SMALL)
    with pytest.raises(ConfigError, match=r"model.fine_tune_at=5 frozen epochs are the whole run of 5; type epochs=10"):
        net.fine_tuning.settle(epochs=5)


def test_weights_of_a_file_are_loaded_and_survive_saving(tmp_path):
    keras.utils.set_random_seed(4)
    first = models.transfer(task=IMAGES, **SMALL)
    _backbone(first).save_weights(tmp_path / "mine.weights.h5")
    keras.utils.set_random_seed(5)
    second = models.transfer(task=IMAGES, **{**SMALL, "weights": str(tmp_path / "mine.weights.h5")})
    assert all(np.array_equal(one, two) for one, two in zip(_frozen(first), _frozen(second), strict=True))
    second.save(tmp_path / "whole.keras")
    assert np.array_equal(keras.models.load_model(tmp_path / "whole.keras")(PIXELS), second(PIXELS))


def test_a_backbone_of_swapped_colours_can_be_saved(tmp_path):
    inputs = keras.Input((4, 4, 3))
    net = keras.Model(inputs, preprocessed(inputs, "vgg16"))
    net.save(tmp_path / "net.keras")
    x = PIXELS[:, :4, :4].astype("float32")
    assert np.array_equal(keras.models.load_model(tmp_path / "net.keras")(x), net(x))


def test_weights_that_cannot_be_downloaded_are_named_with_their_folder(lmrun, offline):
    run = lmrun("data=pictures", "data.rows=30", "model=transfer", "model.backbone=vgg16", code=5)
    file = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    told = f"cannot download {file} (no network); put it into {offline / 'models'}, or type model.weights=null"
    assert told in run.err
    assert "Downloading" not in run.out


WORDS = ["data=iris", "model=my_stages.net", "epochs=3", "batch_size=64", "plots=[]", "metrics=[]"]
#: A small model with a plan as model=transfer has one, whose backbone takes a second to trace; and who looks at it.
CODE = """
import keras
import numpy as np

from lossmetric_cli.models import FineTuning

seen = []
layers = keras.layers

def net(task):
    parts = [layers.Dense(8, name="first"), layers.Dense(8, name="last"), layers.BatchNormalization(name="norm")]
    backbone = keras.Sequential([keras.Input((4,)), *parts], name="small")
    backbone.trainable = False
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(3, "softmax")(backbone(inputs)))
    model.fine_tuning = FineTuning(backbone, first=1, at=1, learning_rate=0.02)
    return model

class Spy(keras.callbacks.Callback):
    def note(self):
        seen.append({v.path: np.array(v) for v in self.model.get_layer("small").variables})

    def on_train_begin(self, logs=None):
        self.note()

    def on_epoch_end(self, epoch, logs=None):
        self.note()
"""


@pytest.fixture(scope="module")
def staged(tmp_path_factory):
    """Two runs of the same words that fine-tune, and what the backbone's variables were before and after each epoch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("staged"))
        patch.setattr(sys, "path", [*sys.path])
        Path("my_stages.py").write_text(CODE, encoding="utf-8")
        told = [io.StringIO(), io.StringIO()]
        for err in told:
            with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):
                assert answer([*WORDS, "callbacks=my_stages.Spy"]) == 0
        runs = sorted(Path.cwd().glob("outputs/20*/*"))
        yield runs, sys.modules.pop("my_stages").seen, told[0].getvalue()
    keras.backend.clear_session()


def _moved(before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> set[str]:
    """Return the variables that are others after than before."""
    return {name for name, array in before.items() if not np.array_equal(array, after[name])}


def test_the_backbone_stays_as_it_is_in_the_frozen_epochs(staged):
    assert _moved(*staged[1][:2]) == set()


def test_then_the_layers_asked_for_train_and_no_batch_normalisation_behind_them(staged):
    assert _moved(*staged[1][1:3]) == {"small/last/kernel", "small/last/bias"}


def test_the_history_goes_on_with_the_second_learning_rate(staged):
    history = pd.read_csv(staged[0][0] / "history.csv")
    assert history["epoch"].tolist() == [1, 2, 3]
    assert history["learning_rate"].tolist() == pytest.approx([0.001, 0.02, 0.02])


def test_the_trained_parameters_are_told_before_and_after(staged):
    told = json.loads((staged[0][0] / "run.json").read_text(encoding="utf-8"))
    assert told["fine_tuning"] == {"epoch": 2, "trained": [27, 27 + 72], "learning_rate": 0.02}
    assert "from epoch 2 the last 2 of 3 layers of small train: 27 parameters before, 99 now, learning rate 0.02" in staged[2]
    assert "27 parameters for 120 training rows: 0.225 a row · 144 more are frozen" in staged[2]
    assert "left_out" not in told["gap"]


def test_the_same_words_give_the_same_bytes_through_both_stages(staged):
    one, two = staged[0]
    assert (one / "history.csv").read_bytes() == (two / "history.csv").read_bytes()


def test_images_that_are_scaled_already_are_warned_of_and_the_word_for_it_given(lmrun, own_code):
    own_code(
        "my_data",
        """
        import numpy as np

        def load():
            return np.random.default_rng(0).random((30, 32, 32, 3)).astype("float32"), np.arange(30) % 2
        """,
    )
    words = ["check", "data=my_data.load", "model=transfer", "model.backbone=mobilenet", "model.weights=null"]
    out = lmrun(*words).out
    assert "wants values from 0 to 255, and inputs go from" in out
    assert "type model.value_range=[0,1] [input_range]" in out
    assert "model.weights=null freezes the backbone at random weights" in out
    out = lmrun(*words, "model.value_range=[0,1]").out
    assert "[input_range]" not in out
