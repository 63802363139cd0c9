"""Data of strangers: arrays, tables, folders of images and texts, models that a run begins with, and paths."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
import zlib
from datetime import date
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from hostile.case import Case, Files, link
from hostile.yamls import EVIL

QUICK = ("epochs=1", "plots=[]", "model.hidden=[4]", "train_eval=0")


class Evil:
    """Leaves a mark where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return open, ("ran", "w")


def read(id: str, says: str, source: str, path: str, files: Files | None = None, *, code: int = 3, **settings: Any) -> Case:
    """Return the case of a data source that is given a path."""
    node = {"_target_": f"lossmetric_cli.data.{source}", "path": path, **settings}
    return Case(id, says, part="data", node=node, code=code, files=files or {}, is_heavy=True)


def archive(members: dict[str, bytes]) -> bytes:
    """Return a zip archive of members by name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


def npy(*, shape: str = "(2,)", kind: Any = "<f8", payload: bytes = b"") -> bytes:
    """Return an .npy file that says of itself what it is told to."""
    header = f"{{'descr': {kind!r}, 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (63 - (len(header) + 10) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode("latin-1") + payload


def arrays(id: str, says: str, **about: Any) -> Case:
    """Return the case of an .npz file whose x says so of itself."""
    content = archive({"x.npy": npy(**about), "y.npy": npy(payload=bytes(16))})
    return read(id, says, "npz", "theirs.npz", {"theirs.npz": content})


ARRAYS = [
    arrays(
        "npz-of-objects", "Python objects, which lmrun never unpickles", kind="|O", payload=pickle.dumps(np.array([Evil()]))
    ),
    arrays("npz-of-a-huge-shape", "GB in memory", shape="(1000000000, 1000)"),
    arrays("npz-bomb", "GB in memory", shape="(100000000, 10)", payload=bytes(10**7)),
    arrays("npz-of-less-than-it-says", "another number of bytes", shape="(1000, 4)", payload=bytes(8)),
    arrays("npz-with-code-in-its-header", "is damaged", shape="(__import__('os').system('touch ran'),)"),
    arrays("npz-of-no-type", "is damaged", kind="os.system"),
    read("npz-that-is-a-pickle", "cannot be read", "npz", "theirs.npz", {"theirs.npz": pickle.dumps(Evil())}),
    read("npz-at-an-address", "not found|is an address", "npz", "http://127.0.0.1:9/x.npz"),
]


def pickled_type(path: Path) -> None:
    """Make a Parquet file with a pickle where Arrow once kept the types of Python."""
    import pyarrow as arrow
    import pyarrow.parquet

    about = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": pickle.dumps(Evil())}
    fields = [arrow.field("x", arrow.int64(), metadata=about), arrow.field("y", arrow.string())]
    columns = [arrow.array(range(40)), arrow.array(["a", "b"] * 20)]
    arrow.parquet.write_table(arrow.table(columns, schema=arrow.schema(fields)), path)


def many_cells(path: Path) -> None:
    """Make a Parquet file of 1 MB that is 600 million cells."""
    import pyarrow as arrow
    import pyarrow.parquet

    names = [f"x{i}" for i in range(600)]
    arrow.parquet.write_table(arrow.table([arrow.nulls(10**6)] * 600, names=names), path)


def table(id: str, says: str, content: Any, *, name: str = "theirs.csv", code: int = 3, **settings: Any) -> Case:
    """Return the case of a table."""
    return read(id, says, "csv", settings.pop("path", name), {name: content}, code=code, target="y", **settings)


#: Labels and column names that a spreadsheet, a terminal, a page or mathtext would not only show.
WORDS = ("=1+1", "@SUM(A1)", "\x1b]0;pwned\x07", "x" * 10_000, "</script>")
NAMES = "=cmd|' /C calc'!A0,<script>alert(1)</script>,\x1b[31m_名前,$\\frac{$,y\n"
SPOKEN = NAMES + "".join(f"{i},{i % 3},{i % 5}.5,{i % 2},{WORDS[i % 5]}\n" for i in range(60))
ADDRESSES = (
    *("http://127.0.0.1:9/x.csv", "s3://bucket/x.csv", "gs://bucket/x.csv", "file:///etc/passwd", "ftp://127.0.0.1/x.csv"),
    *("simplecache::http://127.0.0.1:9/x.csv", "zip://x.csv::http://127.0.0.1:9/x.zip"),
)
TABLES = [
    *(table(f"csv-at-{address.split('/')[0]}", "is an address", "", path=address) for address in ADDRESSES),
    table("csv-to-test-at-an-address", "is an address", SPOKEN, test_path="https://127.0.0.1:9/x.csv"),
    table("csv-that-is-a-zip", "is a zip", archive({"../../x.csv": b"a,b\n"})),
    table("csv-that-is-a-pickle", "is not UTF-8", pickle.dumps(Evil())),
    table("csv-of-one-long-field", "field larger than field limit", f'a,y\n"{"x" * 200_000}",1\n'),
    table("csv-with-nul", r"line 2: '\\x00'", "a,b,y\n1,\x00,x\n2,3,y\n"),
    table("csv-of-escaped-names", "no column 'y'", "a,\x1b]0;pwned\x07b\n1,2\n3,4\n"),
    table("csv-that-never-ends", "is a device, which never ends", "", path="/dev/zero"),
    table("parquet-bomb", "says that it has 600,000,000 cells", many_cells, name="theirs.parquet"),
    table("parquet-of-a-pickled-type", "", pickled_type, name="theirs.parquet", code=0),
    Case(
        "csv-of-words-that-do-things",
        r"verdict|took",
        ("data=csv", "data.path=theirs.csv", "data.target=y", "epochs=1", "model.hidden=[4]", "metrics=f1_per_class"),
        code=0,
        files={"theirs.csv": SPOKEN},
        is_heavy=True,
    ),
]


def png(side: int) -> bytes:
    """Return a PNG file that says it has so many pixels a side and holds none."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    about = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", about) + chunk(b"IDAT", zlib.compress(bytes(64))) + chunk(b"IEND", b"")


#: What Pillow takes for EPS, whatever it is called, and hands to Ghostscript.
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n(ran) (w) file\nshowpage\n%%EOF\n"
PETS = {"pets/dog/b.png": EPS, "pets/dog/1.txt": "words"}
KEY = {"../outside/key": "hush", "pets/cat/1.txt": link("../../../outside/key")}
TFDS = "lossmetric_cli.data.tfds"
FOLDERS = [
    read("image-of-postscript", "cannot be decoded", "images", "pets", {**PETS, "pets/cat/a.png": EPS}),
    read("image-bomb", "has more than 89 million pixels", "images", "pets", {**PETS, "pets/cat/a.png": png(60_000)}),
    read("image-cut-off", "cannot be decoded", "images", "pets", {**PETS, "pets/cat/a.png": png(8)[:60]}, size=[8, 8]),
    read("image-above", "lies outside", "images", "t.csv", {"t.csv": "f,y\n../../outside/a.png,1\n"}, image="f", target="y"),
    read("images-at-an-address", "not found", "images", "https://127.0.0.1:9/pets"),
    read("text-behind-a-link", "is a link out of 'pets'", "text", "pets", {**PETS, **KEY}),
    read("text-that-never-ends", "is a link out of 'pets'", "text", "pets", {**PETS, "pets/cat/1.txt": link("/dev/zero")}),
    read("texts-at-an-address", "is no folder", "text", "gs://bucket/pets"),
    *(
        Case(f"tfds-{number}", "no namespace or address", part="data", node={"_target_": TFDS, **node}, code=3, is_heavy=True)
        for number, node in enumerate(({"name": "huggingface:stranger/rows"}, {"name": "mnist", "data_dir": "gs://stranger/x"}))
    ),
    read("series-at-an-address", "is an address", "ucr", "https://127.0.0.1:9/x.tsv"),
]


def sequential(*layers: dict[str, Any]) -> dict[str, Any]:
    """Return Keras' config of a model."""
    first = {"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [None, 64]}}
    config = {"name": "linear", "layers": [first, *layers]}
    return {"module": "keras", "class_name": "Sequential", "config": config, "registered_name": "Sequential"}


def part(name: str, module: str = "keras.layers", **config: Any) -> dict[str, Any]:
    """Return Keras' config of a layer."""
    return {"module": module, "class_name": name, "config": {"name": "x", **config}, "registered_name": None}


def dense_with(module: str, function: str) -> dict[str, Any]:
    """Return Keras' config of a layer whose activation is a function of a module."""
    activation = {"module": module, "class_name": "function", "config": function, "registered_name": function}
    return part("Dense", units=1, activation=activation)


def model(id: str, *layers: dict[str, Any], files: Files | None = None, **members: bytes) -> Case:
    """Return the case of a model.keras in a stranger's run folder; members of the archive by name."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as weights:
        weights.create_group("layers")
    told = {"metadata.json": b'{"keras_version": "3.15.1"}', "config.json": json.dumps(sequential(*layers)).encode()}
    content = archive({**told, "model.weights.h5": buffer.getvalue(), **members})
    return begun(id, content, files=files)


def begun(id: str, content: bytes, *, path: str = "theirs", says: str = "cannot be read", files: Files | None = None) -> Case:
    """Return the case of model.init_from."""
    node = {"path": path}
    return Case(id, says, part="init_from", node=node, files={"theirs/model.keras": content, **(files or {})}, is_heavy=True)


LAMBDA = {"class_name": "__lambda__", "config": {"value": "4wAAAAAAAAAAAAAAAAEAAAABAAAA", "defaults": None, "closure": None}}
MODELS = [
    model("model-with-a-lambda", part("Lambda", function=LAMBDA)),
    model("model-with-tensorflow-inside", part("TFSMLayer", filepath="theirs/saved")),
    model("model-of-a-module", part("Evil", module="evil"), files={"evil.py": EVIL}),
    model("model-of-a-run-folders-module", part("Evil", module="theirs.evil"), files={"theirs/evil.py": EVIL}),
    model("model-that-calls-os", dense_with("os", "system")),
    model("model-that-downloads", dense_with("keras.utils", "get_file")),
    model("model-that-reads-a-file", part("StringLookup", vocabulary="/etc/passwd")),
    model("model-with-names-above", part("Dense", units=1), **{"assets/../../../../outside/x": b"x"}),
    model("model-bomb", part("Dense", units=1), **{"assets/x": bytes(10**7)}),
    begun("model-that-is-a-pickle", pickle.dumps(Evil())),
    begun("model-that-is-hdf5", b"\x89HDF\r\n\x1a\n" + bytes(100)),
    begun("model-at-an-address", b"", path="hf://stranger/model", says="holds no model.keras"),
]


def callback(id: str, says: str, name: str, **settings: Any) -> Case:
    """Return the case of a callback that writes a file."""
    node = {"_target_": f"keras.callbacks.{name}", **settings}
    return Case(id, says, part="callbacks", node=node, is_heavy=True)


FILLED = "is filled in with a number"
PATHS = [
    callback("checkpoint-above", "lies outside the run folder", "ModelCheckpoint", filepath="../../../outside/x.keras"),
    callback("checkpoint-anywhere", "lies outside the run folder", "ModelCheckpoint", filepath="/somewhere/x.keras"),
    callback("checkpoint-by-empty-fields", FILLED, "ModelCheckpoint", filepath=".{epoch!s:.0}./.{epoch!s:.0}./x.keras"),
    callback("checkpoint-by-dots-that-fill", FILLED, "ModelCheckpoint", filepath="{loss:.>2.0}/x.keras"),
    callback("checkpoint-by-an-attribute", FILLED, "ModelCheckpoint", filepath="{epoch.__class__}.keras"),
    callback("checkpoint-over-the-record", "a file of the record itself", "ModelCheckpoint", filepath="run.json"),
    callback("csv-above", "lies outside the run folder", "CSVLogger", filename="../../../x.csv"),
    callback("schedule-of-os", "'os.system' is neither", "LearningRateScheduler", schedule="os.system"),
    Case(
        "day-behind-a-link",
        "leads out of .* by a link; remove the link",
        ("data=iris", *QUICK),
        code=5,
        files={f"outputs/{date.today()}": link("../../outside")},
    ),
]
CASES = [*ARRAYS, *TABLES, *FOLDERS, *MODELS, *PATHS]
