"""The model in the run folder: as Keras has it, as a table of 100 columns, and as a picture that needs no Keras."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from lossmetric_cli import models, plots
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.plots import graph
from lossmetric_cli.plots.files import rendered
from lossmetric_cli.plots.graph import Box, boxes_of, layout
from lossmetric_cli.task import Task

layers = keras.layers
RUN = ("data=multitask", "outputs=[price,rooms]", "batch_size=240", "epochs=1", "train_eval=0", "metrics=[]", "plots=[model]")


def residual(blocks):
    x = inputs = keras.Input((8,), name="inputs")
    for _ in range(blocks):
        x = layers.Add()([x, layers.Dense(8)(layers.Dense(8, activation="relu")(x))])
    return keras.Model(inputs, layers.Dense(1, name="head")(x))


def chain(length):
    x = inputs = keras.Input((8,), name="inputs")
    for number in range(length - 1):
        x = layers.Dense(8, name=f"layer_{number}")(x)
    return keras.Model(inputs, x)


def frozen():
    base = keras.Sequential([keras.Input((8,)), *(layers.Dense(8) for _ in range(12))], name="base")
    base.trainable = False
    inputs = keras.Input((8,), name="inputs")
    return keras.Model(inputs, layers.Dense(3, name="head")(base(inputs)))


class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.second = layers.Dense(2, name="second")
        self.first = layers.Dense(4, name="first")

    def call(self, x):
        return self.second(self.first(x))


MODELS = {  # made in the test, since TensorFlow must not run before it is set up
    "residual": lambda: residual(3),
    "many blocks": lambda: residual(12),
    "folded blocks": lambda: residual(60),
    "frozen": frozen,
    "sequential": lambda: keras.Sequential([keras.Input((3,)), layers.Dense(2)]),
    "chain": lambda: chain(30),
    "folded chain": lambda: chain(41),
    "mlp": lambda: models.mlp(task=Task("multiclass", (4,), 3)),
}


def of(*names):
    """Give the test a model by each of these names."""
    return pytest.mark.parametrize("model", [MODELS[name] for name in names], ids=names)


def described(model):
    return models.description(model)


def placed(model):
    found = described(model)
    return layout(boxes_of(found), is_graph=found["is_graph"])


# What it is made of


@of("residual", "frozen", "sequential")
def test_layers_parameters_and_connections_are_those_of_keras(model):
    model = model()
    found = described(model)
    assert found["parameters"] == model.count_params()
    assert found["trained"] == sum(math.prod(weight.shape) for weight in model.trainable_weights)
    inner = getattr(model, "_functional", None) or model
    for layer, told in zip(inner.layers, found["layers"], strict=True):
        assert (told["name"], told["type"], told["parameters"]) == (layer.name, type(layer).__name__, layer.count_params())
        assert told["shape"] == list(layer.output.shape[1:])
    for saved, told in zip(inner.get_config()["layers"], found["layers"], strict=True):  # what Keras itself would save
        assert told["inputs"] == re.findall(r"'keras_history': \['(\w+)'", str(saved["inbound_nodes"]))


def test_a_model_within_the_model_keeps_its_layers():
    base = described(frozen())["layers"][1]
    assert (base["type"], base["trained"], len(base["layers"])) == ("Sequential", 0, 13)


def test_operations_that_are_no_layers_are_connected_as_well():
    inputs = keras.Input((4,), name="inputs")
    model = keras.Model(inputs, layers.Dense(1, name="head")(keras.ops.exp(inputs)))
    assert [(each["type"], each["inputs"]) for each in described(model)["layers"]][1:] == [
        ("Exp", ["inputs"]),
        ("Dense", ["exp"]),
    ]


def test_a_class_of_ones_own_tells_its_layers_and_no_connections():
    model = Own()
    model(np.zeros((1, 3)))
    found = described(model)
    assert not found["is_graph"]
    assert [(each["name"], each["inputs"]) for each in found["layers"]] == [("second", []), ("first", [])]


# The table


def test_the_table_has_the_numbers_of_keras_own_summary():
    model, lines = residual(3), []
    model.summary(line_length=160, print_fn=lines.append)
    table = models.summary(described(model))
    for line in ("Total params", "Trainable params", "Non-trainable params"):
        (own,) = [row for row in table.splitlines() if row.startswith(line)]
        assert own in "".join(lines)


@of("residual", "frozen", "chain")
def test_the_table_is_plain_and_at_most_100_columns_wide(model):
    table = models.summary(described(model()))
    assert max(map(len, table.splitlines())) <= 100
    assert "\x1b" not in table


def test_long_names_give_way_and_numbers_never():
    x = inputs = keras.Input((8,), name="an_input_with_a_name_that_is_longer_than_any_column_of_the_table")
    model = keras.Model(inputs, layers.Dense(1000, name="a_layer_with_a_name_that_is_longer_than_any_column_as_well")(x))
    row = models.summary(described(model)).splitlines()[5]
    assert len(row) <= 100
    assert "9,000" in row


# The boxes


def test_a_box_stands_below_all_that_it_takes_answers_from():
    found = placed(residual(3))
    tops = {name: place.y for name, place in found.places.items()}
    for box in found.boxes:
        for source in box.sources:
            assert tops[source] < tops[box.name]


@of("many blocks", "folded blocks", "chain", "frozen")
def test_no_two_boxes_overlap_and_all_are_inside(model):
    found = placed(model())
    boxes = [(found.places[box.name], box.height) for box in found.boxes]
    for number, (place, height) in enumerate(boxes):
        assert graph.WIDTH / 2 - 1e-9 <= place.x <= found.width - graph.WIDTH / 2 + 1e-9
        assert 0 <= place.y <= place.y + height <= found.height + 1e-9
        for other, its_height in boxes[:number]:
            is_beside = abs(place.x - other.x) >= graph.WIDTH
            assert is_beside or place.y >= other.y + its_height or other.y >= place.y + height


def test_a_line_that_passes_a_row_goes_through_no_box():
    found = placed(residual(4))
    for line in found.lines:
        for corner in line[1:-1]:
            for box in found.boxes:
                place = found.places[box.name]
                is_beside = abs(corner.x - place.x) > graph.WIDTH / 2
                assert is_beside or not place.y < corner.y < place.y + box.height


def test_boxes_of_blocks_with_a_shortcut_stand_in_one_line():
    assert np.ptp([place.x for place in placed(residual(10)).places.values()]) < 0.01


def test_a_long_chain_goes_on_in_another_column():
    found = placed(chain(30))
    assert len({place.x for place in found.places.values()}) == 3
    assert len(found.lines) == 29


@of("folded chain", "folded blocks")
def test_more_than_40_layers_are_folded_and_no_parameter_is_lost(model):
    model = model()
    boxes = boxes_of(described(model))
    assert 10 <= len(boxes) <= graph.MOST
    assert sum(box.parameters for box in boxes) == model.count_params()
    names = {box.name for box in boxes}
    assert len(names) == len(boxes)
    assert all(source in names for box in boxes for source in box.sources)


def test_up_to_40_layers_have_a_box_each():
    assert len(boxes_of(described(chain(40)))) == 40


def test_frozen_layers_are_told_from_those_without_parameters():
    inputs, base, head = boxes_of(described(frozen()))
    assert [box.is_frozen for box in (inputs, base, head)] == [False, True, False]
    assert len(base.inner) == 9
    assert base.inner[-1] == "… 5 more"


def test_a_layer_that_feeds_itself_has_a_place():
    loop = [Box("a", "", "", 0, 0, sources=("b",)), Box("b", "", "", 0, 0, sources=("a",))]
    assert set(layout(loop, is_graph=True).places) == {"a", "b"}


# The picture


@of("residual", "mlp")
def test_the_picture_is_the_same_to_the_byte(model):
    found = described(model())
    record = SimpleNamespace(model=found, info={})
    first, second = (rendered(plots.model(record), form="svg") for _ in range(2))
    assert first == second


def test_a_record_without_a_model_says_so():
    with pytest.raises(ConfigError, match=r"plots\.model draws model\.json, and this run has none"):
        plots.model(SimpleNamespace(model={}, info={}))


def test_resolution_out_of_range_is_refused():
    with pytest.raises(ConfigError, match=r"plots\.model\.dpi must lie between 30 and 1200"):
        plots.model(SimpleNamespace(model={"layers": [1]}, info={}), dpi=5)


def test_a_run_keeps_the_table_and_the_picture(run_once):
    folder = run_once(*RUN).folder
    assert "price_head (Dense)" in (folder / "model.txt").read_text(encoding="utf-8")
    assert json.loads((folder / "model.json").read_text(encoding="utf-8"))["layers"][0]["name"] == "inputs"
    assert (folder / "plots" / "model.png").stat().st_size > 5000
    assert (folder / "plots" / "model.svg").exists()


def test_the_picture_is_drawn_again_without_keras(run_once):
    folder = run_once(*RUN).folder
    before = (folder / "plots" / "model.svg").read_bytes()
    (folder / "plots" / "model.svg").unlink()
    code = (
        "import sys; from lossmetric_cli.cli import answer; code = answer(sys.argv[1:]); "
        "sys.exit(code or ' '.join({'keras', 'tensorflow'} & set(sys.modules)) or None)"
    )
    command = [sys.executable, "-c", code, "plot", str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    assert (folder / "plots" / "model.svg").read_bytes() == before
