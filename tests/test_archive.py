"""The state of a run as files: a whole one is found whatever became of the others, and never one that is not whole."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest

from lossmetric_cli import store
from lossmetric_cli.errors import EnvironmentFault, StateFault
from lossmetric_cli.state import archive

FACTS = {"epochs": 3, "name": "Größe", "best": 0.1, "none": None, "list": [1, [True, 2**70]]}
ARRAYS = {"weights": np.arange(6, dtype=np.float32).reshape(2, 3), "seed": np.uint32([7, 8]), "nothing": np.zeros((0, 2))}


def keep(folder: Path, count: int) -> list[Path]:
    """Keep states that say their number, and return the files that are left."""
    for number in range(1, count + 1):
        archive.save(folder, {"epochs": number}, ARRAYS)
    return sorted((folder / archive.FOLDER).iterdir())


def epochs(folder: Path) -> int:
    return archive.newest(folder).facts["epochs"]


def test_what_was_kept_is_found_again_to_the_bit(tmp_path: Path):
    size = archive.save(tmp_path, FACTS, ARRAYS)
    found = archive.newest(tmp_path)
    assert (found.number, found.facts, found.damaged) == (1, FACTS, ())
    assert {name: (array.dtype, array.shape, array.tobytes()) for name, array in found.arrays.items()} == {
        name: (array.dtype, array.shape, array.tobytes()) for name, array in ARRAYS.items()
    }
    assert size == (tmp_path / "state" / "000001.state").stat().st_size


def test_folder_without_a_state_has_none(tmp_path: Path):
    assert archive.newest(tmp_path) is None


def test_two_generations_are_kept(tmp_path: Path):
    assert [file.name for file in keep(tmp_path, 12)] == ["000011.state", "000012.state"]
    assert epochs(tmp_path) == 12


@pytest.mark.parametrize("place", [0, 31, 32, 200, -1])
def test_one_flipped_bit_anywhere_is_seen_and_the_state_before_is_used(tmp_path: Path, place: int):
    newest = keep(tmp_path, 2)[-1]
    content = bytearray(newest.read_bytes())
    content[place] ^= 1
    newest.write_bytes(content)
    found = archive.newest(tmp_path)
    assert (found.facts["epochs"], found.damaged) == (1, ("000002.state",))


@pytest.mark.parametrize("size", [0, 1, 32, 100])
def test_torn_state_is_seen_and_the_one_before_is_used(tmp_path: Path, size: int):
    newest = keep(tmp_path, 2)[-1]
    newest.write_bytes(newest.read_bytes()[:size])
    assert epochs(tmp_path) == 1


def test_no_whole_state_is_refused_naming_each(tmp_path: Path):
    for file in keep(tmp_path, 2):
        file.write_bytes(b"")
    told = rf"^no usable state in {tmp_path}/state: 000002\.state, 000001\.state damaged; type lmrun rerun {tmp_path}$"
    with pytest.raises(StateFault, match=told):
        archive.newest(tmp_path)


def test_damaged_state_is_no_generation(tmp_path: Path):
    """Else the next state would drive out the only whole one."""
    newest = keep(tmp_path, 2)[-1]
    newest.write_bytes(b"")
    archive.prune(tmp_path, archive.newest(tmp_path).number)
    assert [file.name for file in keep(tmp_path, 1)] == ["000001.state", "000002.state"]


def test_unfinished_state_is_none(tmp_path: Path):
    keep(tmp_path, 1)
    (tmp_path / "state" / ".000002.state.4711.tmp").write_bytes(b"half")
    found = archive.newest(tmp_path)
    assert (found.number, found.damaged) == (1, ())


@pytest.mark.usefixtures("full_disk")
def test_full_disk_costs_no_state_that_was_there(tmp_path: Path):
    for number in (1, 2):
        archive.save(tmp_path, {"epochs": number}, {})
    before = {file.name: file.read_bytes() for file in (tmp_path / "state").iterdir()}
    with pytest.raises(EnvironmentFault, match="File too large"):
        archive.save(tmp_path, FACTS, {"weights": np.zeros(1000)})
    assert {file.name: file.read_bytes() for file in (tmp_path / "state").iterdir()} == before


@pytest.mark.parametrize("compress", [False, True], ids=["objects", "compressed"])
def test_state_that_would_unpickle_or_swell_is_damaged_whatever_its_checksum(tmp_path: Path, compress: bool):
    facts = np.frombuffer(json.dumps({}).encode(), dtype=np.uint8)
    body = io.BytesIO()
    if compress:
        np.savez_compressed(body, facts=facts, **{"array.x": np.zeros(10**6)})
    else:
        np.savez(body, facts=facts, **{"array.x": np.array([{}], dtype=object)})
    content = body.getvalue() + hashlib.sha256(body.getvalue()).digest()
    store.write(tmp_path / archive.FOLDER / "000001.state", content)
    with pytest.raises(StateFault, match="damaged"):
        archive.newest(tmp_path)


def test_equal_states_have_equal_bytes():
    assert archive.pack(FACTS, ARRAYS) == archive.pack(FACTS, ARRAYS)
