"""Arrays from NumPy files, Keras' data sets and streams: read whole and exactly, and never trusted."""

from __future__ import annotations

import gzip
import importlib.util
import io
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from lossmetric_cli import data
from lossmetric_cli.data import iterables
from lossmetric_cli.data.parts import as_dataset
from lossmetric_cli.errors import ConfigError, DataError

RANDOM = np.random.default_rng(3)
X, Y = RANDOM.normal(size=(30, 4)).astype("float32"), RANDOM.integers(0, 3, 30)


def _header(shape: tuple[int, ...], kind: str = "<f8") -> bytes:
    """Return the header of an .npy file that says it has a shape."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": kind, "fortran_order": False, "shape": shape})
    return stream.getvalue()


def _zip(file, **members: bytes):
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return file


@pytest.mark.parametrize("names", [("x", "y"), ("x_train", "y_train")])
def test_arrays_are_found_by_their_usual_names(tmp_path, names):
    np.savez_compressed(tmp_path / "a.npz", **dict(zip(names, (X, Y), strict=True)))
    found = data.npz(path=str(tmp_path / "a.npz"))
    assert np.array_equal(found.x, X)
    assert np.array_equal(found.y, Y)
    assert found.test is None


def test_test_rows_come_with_them(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=X, y_train=Y, x_test=X[:5], y_test=Y[:5])
    assert np.array_equal(data.npz(path=str(tmp_path / "a.npz")).test[0], X[:5])


def test_arrays_are_found_by_the_names_given(tmp_path):
    np.savez(tmp_path / "a.npz", signals=X, labels=Y)
    assert np.array_equal(data.npz(path=str(tmp_path / "a.npz"), x="signals", y="labels").y, Y)
    with pytest.raises(DataError, match=r"data.x: no array is called 'x', there are 'signals', 'labels'; type data.x=NAME"):
        data.npz(path=str(tmp_path / "a.npz"))
    with pytest.raises(DataError, match=r"no array is called 'label', .*did you mean 'labels'"):
        data.npz(path=str(tmp_path / "a.npz"), x="signals", y="label")


def test_bytes_of_three_axes_are_gray_images(tmp_path):
    pixels = RANDOM.integers(0, 256, size=(6, 5, 4), dtype="uint8")
    np.savez(tmp_path / "a.npz", x=pixels, y=Y[:6])
    found = data.npz(path=str(tmp_path / "a.npz"))
    assert np.array_equal(found.x[..., 0], pixels)
    assert found.notes == ("bytes (5, 4) a row are read as gray images (5, 4, 1)",)


def test_python_objects_are_never_unpickled(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.array([{"a": 1}, None], dtype=object), y=Y[:2])
    with pytest.raises(DataError, match=r"a.npz holds Python objects, which lmrun never unpickles \(x\)"):
        data.npz(path=str(tmp_path / "a.npz"))


def test_an_array_that_says_it_is_huge_is_refused_by_its_header(tmp_path):
    file = _zip(tmp_path / "bomb.npz", x=_header((10**9, 1000)) + bytes(80), y=_header((1,)) + bytes(8))
    with pytest.raises(DataError, match=r"1,000,000,000 rows of 1000 take 8000.0 GB in memory"):
        data.npz(path=str(file))


def test_an_array_of_another_size_than_its_header_says_is_damaged(tmp_path):
    file = _zip(tmp_path / "torn.npz", x=_header((10, 4)) + bytes(80), y=_header((1,)) + bytes(8))
    with pytest.raises(DataError, match=r"torn.npz is damaged: x says it has \(10, 4\)"):
        data.npz(path=str(file))


def test_columns_with_names_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros(3, dtype=[("a", "f4")]), y=Y[:3])
    with pytest.raises(DataError, match="x has columns with names"):
        data.npz(path=str(tmp_path / "a.npz"))


@pytest.mark.parametrize("damage", ["text", "cut", "flipped", "no_arrays"])
def test_a_damaged_file_is_told_in_one_line(tmp_path, damage):
    file = tmp_path / "a.npz"
    np.savez_compressed(file, x=X, y=Y)
    whole = bytearray(file.read_bytes())
    whole[200] ^= 0xFF
    content = {"text": b"x,y\n1,2\n", "cut": file.read_bytes()[:300], "flipped": bytes(whole)}.get(damage)
    if content is None:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("readme.txt", "x")
    else:
        file.write_bytes(content)
    with pytest.raises(DataError, match=r"^a.npz (cannot be read|is damaged|holds no arrays)[^\n]{,170}$"):
        data.npz(path=str(file))


def test_test_inputs_without_labels_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, y=Y, x_test=X)
    with pytest.raises(ConfigError, match="x_test alone"):
        data.npz(path=str(tmp_path / "a.npz"))


@pytest.fixture
def small_mnist(offline):
    """The layout of Keras' mnist.npz, 40 and 10 rows."""
    pixels, digits = RANDOM.integers(0, 256, size=(50, 28, 28), dtype="uint8"), (np.arange(50) % 10).astype("uint8")
    parts = {"x_train": pixels[:40], "y_train": digits[:40], "x_test": pixels[40:], "y_test": digits[40:]}
    (offline / "datasets").mkdir()
    np.savez(offline / "datasets" / "mnist.npz", **parts)
    return parts


def test_mnist_is_read_from_where_keras_keeps_it(lmrun, small_mnist):
    run = lmrun("data=mnist", "model=linear", "epochs=1", "plots=[]", "validation=train")
    assert run.json("run.json")["rows"] == {"train": 40, "val": 40, "test": 10}
    assert run.predictions["test_true"].tolist() == small_mnist["y_test"].tolist()


def test_california_housing_is_a_table_of_its_price(offline):
    (offline / "datasets").mkdir()
    np.savez(offline / "datasets" / "california_housing.npz", x=RANDOM.normal(size=(20, 8)), y=RANDOM.normal(size=20))
    found = data.california_housing()
    assert (found.kind, found.target_names, len(found.feature_names)) == ("regression", ("price",), 8)


def test_no_network_is_told_with_the_file_and_its_folder(lmrun, offline):
    err = lmrun("data=cifar10", code=5).err
    file = "cifar-10-batches-py-target_archive"
    assert f"cannot download {file} (no network); put it into {offline / 'datasets'}, or type data=digits" in err


def test_a_data_set_of_keras_goes_through_its_own_loader(offline):
    """Fashion-MNIST's four files have no hash, so that small ones of their layout can stand there."""
    folder = offline / "datasets" / "fashion-mnist"
    folder.mkdir(parents=True)
    for part, rows in (("train", 6), ("t10k", 3)):
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes(8) + bytes(range(rows))))
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(bytes(16) + bytes(rows * 784)))
    found = data.fashion_mnist()
    assert (found.x.shape, found.y.tolist(), found.class_names[9]) == ((6, 28, 28, 1), [*range(6)], "Ankle boot")
    assert found.test[0].shape == (3, 28, 28, 1)


class Batches(keras.utils.PyDataset):
    """Seven rows in batches of three."""

    def __init__(self, size: int | None = 3) -> None:
        super().__init__()
        self._size = size

    def __len__(self) -> int:
        return 3

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        return X[:7][3 * number : 3 * number + 3], Y[:7][3 * number : 3 * number + 3]


def _pairs(*arrays: np.ndarray) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices(arrays)


@pytest.mark.parametrize(
    "make",
    [
        lambda: _pairs(X[:7], Y[:7]),
        lambda: _pairs(X[:7], Y[:7]).batch(3),
        lambda: _pairs(X[:7], np.eye(3)[Y[:7]]).batch(7),
        Batches,
    ],
    ids=["rows", "batches", "one_hot_batches", "PyDataset"],
)
def test_a_stream_is_read_whatever_it_hands_over(make):
    found = as_dataset(make())
    assert np.array_equal(found.x, X[:7])
    assert np.array_equal(found.y if found.y.ndim == 1 else found.y.argmax(axis=1), Y[:7])
    assert "7 rows" in found.notes[0]


def test_one_hot_labels_of_single_rows_are_no_batch():
    found = as_dataset(_pairs(X, np.eye(3, dtype="float32")[Y]))
    assert found.y.shape == (30, 3)


def test_weights_and_text_come_through_a_stream():
    found = as_dataset(_pairs(X[:3], np.array(["a", "b", "ä"]), np.arange(3.0)).batch(2))
    assert found.y.tolist() == ["a", "b", "ä"]
    assert found.weights.tolist() == [0, 1, 2]


def test_an_endless_stream_is_refused():
    with pytest.raises(DataError, match=r"endless; return it without repeat\(\)"):
        as_dataset(_pairs(X, Y).repeat())


def test_a_stream_that_is_too_large_is_refused_with_its_rows():
    with pytest.raises(DataError, match=rf"more than 1e-06 GB in memory, {1000 // 24} rows fill it"):
        iterables.read_stream(_pairs(np.zeros((100, 4), "float32"), np.zeros(100)), memory=1e-6)


def test_a_stream_of_something_else_is_refused():
    with pytest.raises(DataError, match=r"hands over ndarray; make it hand over \(x, y\)"):
        as_dataset(tf.data.Dataset.from_tensor_slices(X))


def test_a_function_of_the_users_own_may_return_a_stream(lmrun, own_code):
    own_code(
        "my_data",
        """
        import numpy as np
        import tensorflow as tf

        def load():
            x = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
            return tf.data.Dataset.from_tensor_slices((x, (x[:, 0] > 0).astype("int64"))).batch(16)
        """,
    )
    run = lmrun("data=my_data.load", "epochs=1", "plots=[]")
    assert "60 rows of a BatchDataset are read into memory, handed over as batches" in run.err


def test_tensorflow_datasets_is_asked_for_by_its_extra(lmrun):
    if importlib.util.find_spec("tensorflow_datasets"):
        pytest.skip("tensorflow_datasets is installed")
    assert "pip install '.[tfds]'" in lmrun("data=tfds", "data.name=mnist", code=5).err


@pytest.mark.filterwarnings("ignore")  # that package's own
def test_a_data_set_of_tensorflow_datasets_is_read(tmp_path):
    """A tiny one, built here; where the package is installed."""
    package = pytest.importorskip("tensorflow_datasets")

    class TinyPictures(package.core.GeneratorBasedBuilder):
        VERSION = package.core.Version("1.0.0")

        def _info(self):
            features = {"image": package.features.Image(shape=(4, 4, 1)), "label": package.features.ClassLabel(num_classes=2)}
            return self.dataset_info_from_configs(
                features=package.features.FeaturesDict(features), supervised_keys=("image", "label")
            )

        def _split_generators(self, manager):
            return {"train": self._generate_examples(6), "test": self._generate_examples(2)}

        def _generate_examples(self, rows):
            for row in range(rows):
                yield row, {"image": np.full((4, 4, 1), row, "uint8"), "label": row % 2}

    found = data.tfds(name="tiny_pictures", test="test", data_dir=str(tmp_path))
    assert found.x.shape == (6, 4, 4, 1)
    assert sorted(found.x[:, 0, 0, 0].tolist()) == [*range(6)]
    assert (found.y == found.x[:, 0, 0, 0] % 2).all()
    assert len(found.test[0]) == 2
    with pytest.raises(DataError, match="has the splits"):
        data.tfds(name="tiny_pictures", train="trian", data_dir=str(tmp_path))
    with pytest.raises(DataError, match="no data set is called 'tiny_pictres'"):
        data.tfds(name="tiny_pictres", data_dir=str(tmp_path))
