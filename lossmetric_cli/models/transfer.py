"""Pretrained image networks of keras.applications under a head for the task, frozen first and fine-tuned later."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from lossmetric_cli import downloads
from lossmetric_cli.errors import ConfigError, did_you_mean
from lossmetric_cli.models.augment import augmented
from lossmetric_cli.models.ends import dense_layers, ended, penalty_of
from lossmetric_cli.task import Task

layers = keras.layers
#: What the families want their pixels to be, by the beginning of their names; "inside" does it itself.
_STYLES = (
    (r"vgg\d+$|resnet\d+$", "caffe"),
    (r"densenet", "torch"),
    (r"efficientnet|convnext|mobilenetv3", "inside"),
    (r"mobilenet|mobilenetv2|inception|nasnet|resnet\d+v2|xception", "tf"),
)
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_BLUE_GREEN_RED = (103.939, 116.779, 123.68)


@dataclass
class FineTuning:
    """What of a frozen backbone trains later: from which layer on, after how many epochs, and how fast.

    `at` counts the frozen epochs, None for half of the run.
    """

    backbone: keras.Model
    first: int
    at: int | None
    learning_rate: float

    def settle(self, *, epochs: int) -> None:
        """Fill in when it begins in a run of so many epochs; raise ConfigError where that is never."""
        self.at = epochs // 2 if self.at is None else self.at
        if self.at >= epochs:
            raise ConfigError(
                f"model.fine_tune_at={self.at} frozen epochs are the whole run of {epochs}; "
                f"type epochs={self.at + 5} or a smaller model.fine_tune_at"
            )

    def unfreeze(self) -> str:
        """Let the backbone's layers from the first one on train, and return them in words.

        Batch normalisation keeps to its moving statistics, as in Keras' guide to transfer learning. That guide calls the
        backbone with training=False for it, which fit's own training=True overrides (Keras 3.15): so they stay frozen.
        """
        self.backbone.trainable = True
        for number, layer in enumerate(self.backbone.layers):
            layer.trainable = number >= self.first and not isinstance(layer, layers.BatchNormalization)
        count = len(self.backbone.layers) - self.first
        return f"the last {count} of {len(self.backbone.layers)} layers of {self.backbone.name}"


def transfer(
    *,
    task: Task,
    backbone: str = "efficientnetv2b0",
    weights: str | None = "imagenet",
    options: dict[str, Any] | None = None,
    value_range: Sequence[float] = (0, 255),
    augment: Sequence[Any] = (),
    freeze: bool = True,
    fine_tune_from: str | float | None = None,
    fine_tune_at: int | None = None,
    fine_tune_learning_rate: float = 1e-5,
    pooling: str = "avg",
    hidden: Sequence[int] = (),
    activation: str = "relu",
    dropout: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
    output_activation: str = "auto",
    run_seed: int = 0,
) -> keras.Model:
    """Return a network of keras.applications for images (height, width, 1 or 3), pooled, under dense layers and the head.

    The images are as they come, values in `value_range`; the model brings them to what the backbone's own
    `preprocess_input` makes of 0 to 255. Gray images are three equal channels. `options` are other arguments of the
    backbone's function, such as `alpha`. `freeze` keeps the backbone's weights; with `fine_tune_from`, a layer's name or
    the last share of the layers, that part trains after `fine_tune_at` epochs, at a learning rate of its own.

    Raises ConfigError for a backbone, layer or file that there is not, and EnvironmentFault where weights cannot be
    downloaded.
    """
    if len(task.input_shape) != 3 or task.input_shape[2] not in (1, 3):
        raise ConfigError(f"model=transfer needs images (height, width, 1 or 3), and a row here is {task.row}; type model=mlp")
    if fine_tune_from is not None and not freeze:
        raise ConfigError("model.freeze=false trains the whole backbone from the start; drop model.fine_tune_from")
    inputs = keras.Input(task.input_shape, name="inputs", dtype=task.input_dtype)
    x = augmented(_of_bytes(inputs, value_range), augment, seed=run_seed, value_range=(0.0, 255.0))
    name = backbone_name(backbone)
    network = _network(name, weights, (*task.input_shape[:2], 3), pooling, options or {})
    network.trainable = not freeze
    x = network(preprocessed(x, name))
    x = layers.Dropout(dropout)(x) if dropout else x
    x = dense_layers(x, hidden, activation, dropout, batch_norm=False, penalty=penalty_of(l1, l2))
    model = ended("transfer", inputs, x, task, output_activation, standardize=True, penalty=penalty_of(l1, l2))
    model.value_range = tuple(value_range)
    if fine_tune_from is not None:
        first = _first_layer(network, fine_tune_from)
        model.fine_tuning = FineTuning(network, first, fine_tune_at, fine_tune_learning_rate)
    return model


def backbone_names() -> dict[str, str]:
    """Return Keras' names of the backbones by what is typed: `efficientnetv2b0` for EfficientNetV2B0."""
    return {name.lower(): name for name, _ in inspect.getmembers(keras.applications, inspect.isfunction)}


def backbone_name(typed: str) -> str:
    """Return the name of a backbone in small letters, whatever the underscores; raise ConfigError for an unknown one."""
    known = backbone_names()
    name = re.sub(r"[_-]", "", str(typed)).lower()
    if name not in known:
        raise ConfigError(f"model.backbone: keras.applications has no '{typed}'{did_you_mean(name, known)}")
    return name


def style(name: str) -> str:
    """Return how a backbone wants its pixels: "caffe", "torch", "tf", or "inside" where it does that itself."""
    return next(style for pattern, style in _STYLES if re.match(pattern, name))


def preprocessed(x: Any, name: str) -> Any:
    """Return colours of 0 to 255 as the backbone's `preprocess_input` returns them.

    "tf" is -1 to 1, "torch" 0 to 1 and then by ImageNet's mean and deviation, "caffe" blue, green and red minus their means.
    """
    how = style(name)
    if how == "tf":
        return layers.Rescaling(1 / 127.5, -1.0, name="preprocess")(x)
    if how == "torch":
        scale = [1 / 255 / deviation for deviation in _DEVIATION]
        offset = [-mean / deviation for mean, deviation in zip(_MEAN, _DEVIATION, strict=True)]
        return layers.Rescaling(scale, offset, name="preprocess")(x)
    if how == "caffe":
        return layers.Rescaling([1.0] * 3, [-mean for mean in _BLUE_GREEN_RED], name="preprocess")(keras.ops.flip(x, axis=-1))
    return x


def _of_bytes(inputs: Any, value_range: Sequence[float]) -> Any:
    """Return images as colours of 0 to 255, decimals."""
    low, high = (float(end) for end in value_range) if len(value_range) == 2 else (0.0, 0.0)
    if not low < high:
        raise ConfigError(f"model.value_range is [lowest,highest], got {list(value_range)}; type model.value_range=[0,255]")
    scale = 255 / (high - low)
    x = layers.Rescaling(scale, -low * scale, name="colours")(inputs)
    return layers.Concatenate(name="three_channels")([x, x, x]) if inputs.shape[-1] == 1 else x


def _network(name: str, weights: str | None, shape: tuple[int, ...], pooling: str, options: dict[str, Any]) -> keras.Model:
    """Return a backbone without its top."""
    function = getattr(keras.applications, backbone_names()[name])
    owned = ("include_top", "include_preprocessing", "weights", "input_tensor", "input_shape", "pooling", "name")
    takes = [key for key in inspect.signature(function).parameters if key not in owned]
    for key in options:
        if key not in takes:
            raise ConfigError(
                f"model.options: {name} takes no '{key}'{did_you_mean(key, takes) or '; it has ' + ', '.join(takes)}"
            )
    if pooling not in ("avg", "max"):
        raise ConfigError(f"model.pooling is avg or max, got {pooling}")
    if weights not in (None, "imagenet") and not Path(weights).is_file():
        raise ConfigError(f"model.weights: no file '{weights}'; type imagenet, null, or the path of a .weights.h5 file")
    try:
        with downloads.explained("type model.weights=null"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that weights of 224 pixels serve other sizes, which they do
            return function(include_top=False, weights=weights, input_shape=shape, pooling=pooling, **options)
    except (TypeError, ValueError) as error:
        told = " ".join(str(error).split())[:120]
        hint = "; data=images makes them larger with data.size=[224,224]" if "size must be at least" in told else ""
        raise ConfigError(f"model.backbone={name} refuses this: {told}{hint}") from error


def _first_layer(network: keras.Model, start: str | float) -> int:
    """Return the place of the first layer that is fine-tuned: the layer of a name, or where the last share begins."""
    names = [layer.name for layer in network.layers]
    if isinstance(start, int | float) and not isinstance(start, bool):
        if not 0 < start <= 1:
            raise ConfigError(
                f"model.fine_tune_from is a layer or a share above 0 up to 1, got {start}; type 0.3 for the last 30 %"
            )
        return len(names) - max(1, round(len(names) * start))
    if start not in names:
        raise ConfigError(f"model.fine_tune_from: {network.name} has no layer '{start}'{did_you_mean(str(start), names)}")
    return names.index(str(start))
