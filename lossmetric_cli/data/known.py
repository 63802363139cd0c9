"""The data sets that Keras knows where to download, and tensorflow_datasets."""

from __future__ import annotations

import re
from typing import Any

from lossmetric_cli import downloads
from lossmetric_cli.data import arrays
from lossmetric_cli.data.dataset import Dataset
from lossmetric_cli.data.iterables import read_stream
from lossmetric_cli.errors import DataError, EnvironmentFault, did_you_mean

_CLOTHES = ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
_THINGS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_MEASURES = ("longitude", "latitude", "age", "rooms", "bedrooms", "population", "households", "income")
#: A name, a config and a version; `huggingface:NAME` would fetch, and may run, what anybody has put there.
_CATALOG = re.compile(r"\w+(/[\w.-]+)?(:\d[\d.*]*)?")
_OTHERWISE = "type data=digits, which needs no download"


def mnist() -> Dataset:
    """Return 60,000 handwritten digits and 10,000 to test on, x uint8 (rows, 28, 28, 1)."""
    kept = _kept("mnist", ["x_train", "y_train", "x_test", "y_test"])
    return _with_test((kept["x_train"], kept["y_train"]), (kept["x_test"], kept["y_test"]))


def fashion_mnist() -> Dataset:
    """Return 60,000 pieces of clothing and 10,000 to test on, x uint8 (rows, 28, 28, 1)."""
    return _with_test(*_loaded("fashion_mnist"), class_names=_CLOTHES)


def cifar10() -> Dataset:
    """Return 50,000 photographs of 10 things and 10,000 to test on, x uint8 (rows, 32, 32, 3)."""
    return _with_test(*_loaded("cifar10"), class_names=_THINGS)


def cifar100(*, label_mode: str = "fine") -> Dataset:
    """Return 50,000 photographs and 10,000 to test on, x uint8 (rows, 32, 32, 3), of 100 things ("coarse": of 20 kinds)."""
    return _with_test(*_loaded("cifar100", label_mode=label_mode))


def california_housing() -> Dataset:
    """Return 20,640 districts of California, x (rows, 8) and the median price of a house in dollars."""
    kept = _kept("california_housing", ["x", "y"])
    return Dataset(x=kept["x"], y=kept["y"], kind="regression", feature_names=_MEASURES, target_names=("price",))


def boston_housing() -> Dataset:
    """Return 506 districts of Boston in 1978, x (rows, 13) and the median price of a house in 1,000 dollars."""
    kept = _kept("boston_housing", ["x", "y"])
    return Dataset(x=kept["x"], y=kept["y"], kind="regression", target_names=("price",))


def tfds(
    *, name: str, train: str = "train", test: str | None = None, data_dir: str | None = None, memory: float = 4.0
) -> Dataset:
    """Return a data set of tensorflow_datasets, read into memory: its pairs of an input and a label.

    `train` and `test` are splits as that package writes them, such as `train[:10%]`.

    Raises EnvironmentFault where the package is missing or cannot download, DataError for a name or split that is not
    there and for more than `memory` gigabytes.
    """
    if not _CATALOG.fullmatch(name) or "://" in str(data_dir):
        raise DataError(
            f"data.name={name} data.data_dir={data_dir}: lmrun reads the catalogue of tensorflow_datasets, such as mnist or "
            "imdb_reviews/plain_text:1.0.0, and no namespace or address beside it"
        )
    try:
        import tensorflow_datasets as package
    except ImportError as error:
        raise EnvironmentFault(
            f"data=tfds needs {error.name or 'tensorflow_datasets'}, which is not installed; pip install '.[tfds]'"
        ) from error
    try:
        builder = package.builder(name, data_dir=data_dir)
    except package.core.registered.DatasetNotFoundError as error:
        raise DataError(f"data.name: no data set is called '{name}'{did_you_mean(name, package.list_builders())}") from error
    try:
        builder.download_and_prepare()
    except Exception as error:  # whatever its script meets on the way: network, disk, checksums
        why = " ".join(str(error).split())[:80]
        raise EnvironmentFault(f"cannot download {name} ({why}); put it into {builder.data_dir}, or {_OTHERWISE}") from error
    parts = {}
    for part, split in (("train", train), ("test", test)):
        if split:
            try:
                stream = builder.as_dataset(split=split, as_supervised=True)
            except ValueError as error:
                known = ", ".join(builder.info.splits)
                raise DataError(
                    f"data.{part}={split}: {name} has the splits {known}, or no pairs of input and label"
                ) from error
            parts[part] = read_stream(stream, memory=memory, batched=False)
    return Dataset(x=parts["train"].x, y=parts["train"].y, test=(parts["test"].x, parts["test"].y) if test else None)


def _with_test(train: tuple[Any, Any], test: tuple[Any, Any], **facts: Any) -> Dataset:
    parts = {"x": train[0], "y": train[1].reshape(-1), "x_test": test[0], "y_test": test[1].reshape(-1)}
    return arrays.as_dataset(parts, notes=[], kind="multiclass", **facts)


def _kept(name: str, members: list[str]) -> dict[str, Any]:
    """Return the arrays of the .npz file that Keras keeps of a data set, which it downloads where there is none."""
    file = downloads.keras_home() / "datasets" / f"{name}.npz"
    if not file.exists():
        _loaded(name)
    arrays.names_in(file)
    return arrays.read(file, members, memory=4.0)


def _loaded(name: str, **settings: Any) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Return what `keras.datasets.NAME.load_data` does, downloaded once."""
    import keras

    with downloads.explained(_OTHERWISE):
        return getattr(keras.datasets, name).load_data(**settings)
