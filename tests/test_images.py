"""Images of the user's own: decoded as Pillow decodes them, labelled as their folders or their table say, refused by name."""

from __future__ import annotations

import re
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from lossmetric_cli import data, models
from lossmetric_cli.data.pictures import decode
from lossmetric_cli.errors import ConfigError, DataError
from lossmetric_cli.task import Task

RANDOM = np.random.default_rng(7)
IMAGES = Task("multiclass", (8, 8, 3), 3, (0, 1, 2), input_dtype="uint8")


def _bytes(*shape: int) -> np.ndarray:
    return RANDOM.integers(0, 256, size=shape, dtype="uint8")


def _save(file: Path, pixels: np.ndarray) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file)
    return file


def _decoded(files: list[Path], **settings: object) -> np.ndarray:
    return decode(files, **{"size": None, "channels": "auto", "resize": "stretch", "memory": 1.0, "notes": [], **settings})


@pytest.fixture
def pets(tmp_path):
    """A folder with two classes of three pictures each, a hidden file and one that is no picture."""
    for name in ("cat", "dog"):
        for number in range(3):
            _save(tmp_path / "pets" / name / f"{number}.png", _bytes(6, 5, 3))
    (tmp_path / "pets" / "cat" / ".thumbnail.png").write_bytes(b"x")
    (tmp_path / "pets" / "dog" / "notes.txt").write_text("x", encoding="utf-8")
    return tmp_path / "pets"


@pytest.fixture
def table(pets):
    """A CSV beside the folder of pictures, with a label and two numbers."""
    rows = [f"pets/{name}/{number}.png,{name},{number + 0.5},{number * 10}" for name in ("cat", "dog") for number in range(3)]
    file = pets.parent / "pets.csv"
    file.write_text("\n".join(["file,animal,weight,age", *rows]), encoding="utf-8")
    return file


def test_a_folder_is_a_class_and_its_pictures_stay_bytes(pets):
    found = data.images(path=str(pets))
    assert found.y.tolist() == ["cat"] * 3 + ["dog"] * 3
    assert found.x.dtype == np.uint8
    assert np.array_equal(found.x[4], np.asarray(Image.open(pets / "dog" / "1.png")))


def test_a_file_that_is_no_picture_is_told_and_a_hidden_one_is_not(pets):
    assert data.images(path=str(pets)).notes == ("1 file of pets is no image and is left out, such as 'notes.txt'",)


def test_folders_of_parts_are_no_classes(tmp_path):
    for part in ("train", "test"):
        _save(tmp_path / part / "cat" / "0.png", _bytes(4, 4, 3))
    with pytest.raises(DataError, match=rf"type data.path={tmp_path}/train data.test_path={tmp_path}/test$"):
        data.images(path=str(tmp_path))


def test_a_table_names_pictures_and_numbers_to_predict(table):
    found = data.images(path=str(table), image="file", target=["weight", "age"])
    assert found.target_names == ("weight", "age")
    assert found.y.tolist() == [[0.5, 0], [1.5, 10], [2.5, 20]] * 2


@pytest.mark.parametrize("name", ["/etc/hostname", "../outside.png", "pets/../../outside.png", ""])
def test_a_table_names_no_file_outside_its_folder(table, name):
    _save(table.parent.parent / "outside.png", _bytes(6, 5, 3))
    table.write_text(f"file,animal\npets/cat/0.png,cat\n{name},dog\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"pets.csv line 3: image .* lies outside the CSV's folder"):
        data.images(path=str(table), image="file", target="animal")


def test_a_table_that_names_a_missing_picture_is_refused(table):
    table.write_text("file,animal\npets/cat/9.png,cat\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"9.png' is not there"):
        data.images(path=str(table), image="file", target="animal")


@pytest.mark.parametrize(
    ("content", "fault"), [(b"", "is empty"), (b"no picture", "cannot be decoded"), (None, "cannot be decoded")]
)
def test_a_damaged_picture_is_refused_by_its_name(pets, content, fault):
    file = pets / "dog" / "1.png"
    file.write_bytes(file.read_bytes()[:60] if content is None else content)
    with pytest.raises(DataError, match=rf"dog/1.png' {fault}"):
        data.images(path=str(pets))


def test_a_picture_of_too_many_pixels_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2_000_000)
    file = _save(tmp_path / "bomb.png", np.zeros((1500, 1500), "uint8"))
    with pytest.raises(DataError, match="more than 2 million pixels"):
        _decoded([file])


def test_pictures_of_several_sizes_need_one(tmp_path):
    files = [_save(tmp_path / "a.png", _bytes(4, 6, 3)), _save(tmp_path / "b.png", _bytes(6, 4, 3))]
    with pytest.raises(DataError, match=r"a.png is 4x6 and b.png is 6x4 \(height x width\); type data.size="):
        _decoded(files)
    assert _decoded(files, size=[5, 3]).shape == (2, 5, 3, 3)


def test_stretch_crop_and_pad_do_what_they_say(tmp_path):
    wide = np.zeros((4, 8, 3), "uint8")
    wide[:, 2:6] = 200  # the middle square
    files = [_save(tmp_path / "wide.png", wide)]
    stretched, cropped, padded = (_decoded(files, size=[4, 4], resize=how)[0, ..., 0] for how in ("stretch", "crop", "pad"))
    assert (cropped == 200).all()
    assert not padded[[0, 3]].any()
    assert 0 < stretched.mean() < 200


def test_gray_pictures_have_one_channel_and_a_coloured_one_among_them_three(tmp_path):
    gray, colours = _save(tmp_path / "gray.png", _bytes(4, 4)), _save(tmp_path / "colours.png", _bytes(4, 4, 3))
    assert _decoded([gray]).shape == (1, 4, 4, 1)
    assert _decoded([gray, colours]).shape == (2, 4, 4, 3)
    assert _decoded([gray, colours], channels=1).shape == (2, 4, 4, 1)


def test_16_bits_are_cut_to_8_and_not_clipped(tmp_path):
    deep = RANDOM.integers(0, 65536, size=(4, 4), dtype="uint16")
    notes: list[str] = []
    found = _decoded([_save(tmp_path / "deep.png", deep)], notes=notes)
    assert np.array_equal(found[0, ..., 0], deep // 256)
    assert notes == ["16 bits are cut to 8 in 1 image"]


def test_a_picture_lies_as_its_camera_noted(tmp_path):
    pixels = _bytes(4, 6, 3)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    assert np.array_equal(_decoded([tmp_path / "turned.png"])[0], np.rot90(pixels, -1))


def test_more_memory_than_allowed_is_refused_before_it_is_taken(pets):
    with pytest.raises(DataError, match=r"6 rows of 9000x9000x3 take 1.5 GB in memory, .* type data.memory=1.47"):
        data.images(path=str(pets), size=[9000, 9000], memory=1)


def test_settings_that_do_not_go_together_are_refused(pets, table):
    with pytest.raises(ConfigError, match=r"data\.target was not given"):
        data.images(path=str(table), image="file")
    with pytest.raises(ConfigError, match=r"data\.image and data\.target are of CSV"):
        data.images(path=str(pets), target="animal")
    with pytest.raises(ConfigError, match="must both be folders"):
        data.images(path=str(pets), test_path=str(table))


def test_pictures_are_the_same_by_seed_and_balanced():
    one, two, other = (data.pictures(rows=30, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.x, two.x)
    assert not np.array_equal(one.x, other.x)
    assert np.bincount(one.y).tolist() == [10, 10, 10]


@pytest.mark.parametrize("model", [models.cnn, models.mlp, models.linear])
def test_a_model_of_bytes_scales_them_itself(model):
    pixels = _bytes(4, 8, 8, 3)
    keras.utils.set_random_seed(0)
    raw = model(task=IMAGES)
    keras.utils.set_random_seed(0)
    scaled = model(task=Task("multiclass", (8, 8, 3), 3, (0, 1, 2)))
    assert raw.predict(pixels, verbose=0) == pytest.approx(scaled.predict(pixels / np.float32(255), verbose=0), abs=1e-6)


def test_a_list_of_layers_that_scales_bytes_itself_is_not_scaled_twice():
    net = models.sequential(task=IMAGES, layers=[keras.layers.Rescaling(1 / 255)])
    assert sum(isinstance(layer, keras.layers.Rescaling) for layer in net.layers) == 1


def test_every_augmentation_by_name_changes_training_alone():
    steps = ["random_flip", "random_rotation", "random_brightness", {"random_zoom": {"height_factor": 0.5}}]
    net = models.cnn(task=IMAGES, augment=steps, filters=[2], hidden=[])
    pixels = _bytes(4, 8, 8, 3)
    assert models.two_faced(net) == ["RandomFlip ×1", "RandomRotation ×1", "RandomBrightness ×1", "RandomZoom ×1"]
    first, again, trained = net(pixels, training=False), net(pixels, training=False), net(pixels, training=True)
    assert np.array_equal(first, again)
    assert not np.allclose(first, trained)


def test_brightness_knows_that_bytes_are_0_to_1_by_then():
    net = models.cnn(task=IMAGES, augment=["random_brightness"])
    assert next(layer for layer in net.layers if layer.name.startswith("random_b")).value_range == [0.0, 1.0]


def test_augmentation_leaves_the_first_weights_as_they_are():
    nets = []
    for augment in ([], ["random_flip", "random_rotation"]):
        keras.utils.set_random_seed(5)
        nets.append(models.cnn(task=IMAGES, augment=augment))
    for one, two in zip(*(net.trainable_variables for net in nets), strict=True):
        assert np.array_equal(one, two)


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        ("random_flp", r"model.augment\[0\]: no augmentation is called 'random_flp'; did you mean 'random_flip'\?"),
        ("mix_up", "no augmentation is called 'mix_up'"),
        ({"random_flip": {"mod": "vertical"}}, "random_flip takes no 'mod'; did you mean 'mode'"),
        ({"random_rotation": {"factor": "much"}}, "random_rotation refuses this"),
    ],
)
def test_an_augmentation_that_there_is_not_is_refused(step, fault):
    with pytest.raises(ConfigError, match=fault):
        models.cnn(task=IMAGES, augment=[step])


def test_brightness_of_decimals_must_be_told_their_range():
    with pytest.raises(ConfigError, match=r"random_brightness must know the range of values"):
        models.cnn(task=Task("multiclass", (8, 8, 3), 3, (0, 1, 2)), augment=["random_brightness"])


@pytest.fixture
def augmented_run(lmrun, pets):
    words = ["model=cnn", "model.filters=[2]", "model.augment=[random_flip,random_rotation]", "epochs=2", "plots=[]"]
    return lambda: lmrun("data=images", "data.path=pets/", f"data.test_path={pets}", *words, "validation=train")


def test_the_same_words_give_the_same_bytes_under_augmentation(augmented_run):
    one, two = augmented_run(), augmented_run()
    for name in ("history.csv", "predictions.npz"):
        assert (one.folder / name).read_bytes() == (two.folder / name).read_bytes()
    assert "RandomFlip ×1, RandomRotation ×1 in training alone" in one.err
    assert re.search(r"_pets_cnn", one.folder.name)
    assert set(one.json("metrics.json")) >= {"val", "test"}


def test_a_damaged_picture_ends_with_exit_code_3_and_one_line(lmrun, pets):
    (pets / "cat" / "2.png").write_bytes(b"")
    err = lmrun("data=images", "data.path=pets", code=3).err
    assert "2.png' is empty" in err.splitlines()[0]


def test_inputs_that_are_scaled_already_are_warned_of(lmrun):
    words = ["model=sequential", "model.layers=[{_target_: keras.layers.Rescaling, scale: 0.00392}]"]
    assert "the model wants values from 0 to 255, and inputs go from 0 to 1" in lmrun("check", "data=digits", *words).out
