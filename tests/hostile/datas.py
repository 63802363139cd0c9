"""Data from strangers: arrays, tables, folders of images and texts, and models that a run begins with."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import h5py
import numpy as np

from hostile.case import Case, Files

QUICK = ("epochs=1", "plots=[]", "model=linear", "train_eval=0")
ROWS = "".join(f"{i},{i % 7},{'ab'[i % 2]}\n" for i in range(40))


class Evil:
    """Leaves a mark where it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return (print, ("unpickled",))


def npy(*, shape: object = (2,), dtype: object = "<f8", payload: bytes = b"") -> bytes:
    """Return an .npy file that says of itself what it is told to."""
    header = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (63 - (len(header) + 10) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode("latin-1") + payload


def archive(**members: bytes) -> bytes:
    """Return a zip archive of members by name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


def arrays(id: str, says: str, **members: bytes) -> Case:
    """Return the case of an .npz file."""
    files: Files = {"theirs.npz": archive(**{f"{name}.npy": content for name, content in members.items()})}
    return Case(id, ("data=npz", "data.path=theirs.npz", *QUICK), says, code=3, files=files, is_heavy=True)


def table(id: str, content: str | bytes, says: str, *words: str, code: int = 3, name: str = "theirs.csv") -> Case:
    """Return the case of a table."""
    said = ("data=csv", f"data.path={name}", "data.target=y", *QUICK, *words)
    return Case(id, said, says, code=code, files={name: content}, is_heavy=True)


GOOD = npy(shape="(4,)", payload=np.arange(4.0).tobytes())
ARRAYS = [
    arrays("npz-of-objects", "never unpickles", x=npy(dtype="|O", payload=pickle.dumps(np.array([Evil()]))), y=GOOD),
    arrays("npz-of-a-huge-shape", r"GB in memory", x=npy(shape="(1000000000, 1000)"), y=GOOD),
    arrays("npz-that-says-more-than-it-holds", "another number of bytes", x=npy(shape="(1000, 4)", payload=b"0" * 8), y=GOOD),
    arrays("npz-bomb", "GB in memory", x=npy(shape="(100000000, 10)", payload=b"\0" * 10**7), y=GOOD),
    arrays("npz-header-of-code", "damaged", x=npy(shape="(__import__('os').system('touch ran'),)"), y=GOOD),
    arrays("npz-of-fields", "columns with names", x=npy(dtype=[("a", "|O")]), y=GOOD),
    arrays("npz-of-no-dtype", "damaged", x=npy(dtype="os.system"), y=GOOD),
    Case("npz-that-is-a-pickle", ("data=npz", "data.path=theirs.npz", *QUICK), "cannot be read", code=3, files={"theirs.npz": pickle.dumps(Evil())}, is_heavy=True),
    Case("npz-at-an-address", ("data=npz", "data.path=http://127.0.0.1:9/x.npz", *QUICK), "address|not found", code=3, is_heavy=True),
]


def parquet(path: Path) -> None:
    """Make a Parquet file with a pickle where Arrow once kept the types of Python."""
    import pyarrow as arrow
    import pyarrow.parquet

    about = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": pickle.dumps(Evil())}
    fields = [arrow.field("x", arrow.int64(), metadata=about), arrow.field("y", arrow.string())]
    columns = [arrow.array(range(40)), arrow.array(["a", "b"] * 20)]
    arrow.parquet.write_table(arrow.table(columns, schema=arrow.schema(fields)), path)


def many_rows(path: Path) -> None:
    """Make a Parquet file of a few kB whose rows fill the memory."""
    import pyarrow as arrow
    import pyarrow.parquet

    column = arrow.DictionaryArray.from_arrays(arrow.array(np.zeros(10**7, "int8")), arrow.array(["a"]))
    with arrow.parquet.ParquetWriter(path, arrow.schema([(f"x{i}", column.type) for i in range(60)])) as writer:
        writer.write_table(arrow.table([column] * 60, names=[f"x{i}" for i in range(60)]))


TABLES = [
    *(
        table(f"csv-at-{address.partition(':')[0]}", "", "address|not found", f"data.path={address}")
        for address in (
            *("http://127.0.0.1:9/x.csv", "s3://bucket/x.csv", "file:///etc/passwd", "simplecache::http://127.0.0.1:9/x.csv"),
            *("gs://bucket/x.csv", "ftp://127.0.0.1/x.csv", "zip://x.csv::http://127.0.0.1:9/x.zip"),
        )
    ),
    table("csv-test-path-at-an-address", f"a,b,y\n{ROWS}", "address", "data.test_path=https://127.0.0.1:9/x.csv"),
    table("csv-that-is-a-zip", archive(**{"../../x.csv": b"a,b\n"}), "zip", ),
    table("csv-that-is-gzip", b"\x1f\x8b\x08\x00" + b"\0" * 20, "gzip"),
    table("csv-that-is-a-pickle", pickle.dumps(Evil()), "."),
    table("csv-of-one-long-field", f"a,y\n{'x' * 200_000},1\n", "."),
    table("csv-with-nul", "a,b,y\n1,\x00,x\n2,3,y\n", "."),
    table("csv-with-escapes-in-its-names", "a,\x1b]0;pwned\x07b\n1,2\n3,4\n", "no column 'y'"),
    table("csv-device", "", "device|not a file|damaged|empty|no file", "data.path=/dev/zero"),
    Case("parquet-with-a-pickled-type", ("data=csv", "data.path=theirs.parquet", "data.target=y", *QUICK), "val_loss", code=0, files={"theirs.parquet": parquet}, is_heavy=True),
    Case("parquet-bomb", ("data=csv", "data.path=theirs.parquet", "data.target=x1", *QUICK), "600,000,000 cells", code=3, files={"theirs.parquet": many_rows}, is_heavy=True),
    Case(
        "csv-of-evil-words",
        ("data=csv", "data.path=theirs.csv", "data.target=y", "epochs=1", "model.hidden=[4]", "metrics=f1_per_class", "rival=linear"),
        "val_loss",
        code=0,
        files={
            "theirs.csv": "=cmd|' /C calc'!A0,<script>alert(1)</script>,\x1b[31m_名前,$\\frac{$,y\n"
            + "".join(f"{i},{i % 3},{i % 5}.5,{i % 2},{('=1+1', '@SUM(A1)', chr(27) + ']0;pwned' + chr(7), 'x' * 10_000, '</script>')[i % 5]}\n" for i in range(60))
        },
        is_heavy=True,
    ),
]

#: What Pillow takes for EPS, whatever it is called, and would hand to Ghostscript.
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n(touch ran) (r) file\nshowpage\n%%EOF\n"


def png(width: int, height: int) -> bytes:
    """Return a PNG file that says it has so many pixels and holds none."""
    import zlib

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    about = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", about) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")


def link(to: str) -> Callable[[Path], object]:
    """Return what makes a symbolic link."""
    return lambda path: path.symlink_to(to)


def folder(id: str, says: str, words: tuple[str, ...], files: Files) -> Case:
    """Return the case of a folder of files."""
    return Case(id, (*words, *QUICK), says, code=3, files=files, is_heavy=True)


IMAGES = ("data=images", "data.path=pets")
FOLDERS = [
    folder("image-that-is-postscript", "cannot be decoded", IMAGES, {"pets/cat/a.png": EPS, "pets/dog/b.png": EPS}),
    folder("image-bomb", "pixels", IMAGES, {"pets/cat/a.png": png(60_000, 60_000), "pets/dog/b.png": png(8, 8)}),
    folder("image-cut-off", "cannot be decoded", (*IMAGES, "data.size=[8,8]"), {"pets/cat/a.png": png(8, 8)[:60], "pets/dog/b.png": png(8, 8)}),
    folder("image-named-above", "lies outside", ("data=images", "data.path=t.csv", "data.image=f", "data.target=y"), {"t.csv": "f,y\n../../outside/a.png,1\n/etc/passwd,2\n"}),
    folder("text-behind-a-link", "is a link out of", ("data=text", "data.path=pets"), {"../outside/key": "hush", "pets/a/1.txt": link("../../../outside/key"), "pets/b/1.txt": "words"}),
    folder("text-without-an-end", "2|two", ("data=text", "data.path=pets"), {"pets/a/1.txt": link("/dev/zero"), "pets/b/1.txt": "words"}),
    folder("images-at-an-address", "not found", ("data=images", "data.path=https://127.0.0.1:9/pets"), {}),
    folder("texts-at-an-address", "no folder", ("data=text", "data.path=gs://bucket/pets"), {}),
    folder("series-at-an-address", "address", ("data=ucr", "data.path=https://127.0.0.1:9/x.tsv"), {}),
]


def model_file(config: dict[str, object], **members: bytes) -> bytes:
    """Return a .keras file of a config and weights."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as weights:
        weights.create_group("layers")
    about = json.dumps({"keras_version": "3.15.1"}).encode()
    told = json.dumps(config).encode()
    return archive(**{"metadata.json": about, "config.json": told, "model.weights.h5": buffer.getvalue(), **members})


def sequential(*layers: dict[str, object]) -> dict[str, object]:
    """Return the config of a model of layers."""
    first = {"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [None, 64]}}
    config = {"name": "linear", "layers": [first, *layers]}
    return {"module": "keras", "class_name": "Sequential", "config": config, "registered_name": "Sequential"}


def layer(name: str, module: str = "keras.layers", **config: object) -> dict[str, object]:
    """Return the config of a layer."""
    return {"module": module, "class_name": name, "config": {"name": "x", **config}, "registered_name": None}


def init_from(id: str, content: bytes, says: str = "cannot be read|no layer of", **more: object) -> Case:
    """Return the case of the model in a stranger's run folder."""
    words = ("data=digits", "model.init_from=theirs", *QUICK)
    return Case(id, words, says, files={"theirs/model.keras": content, "theirs/run.json": "{}", **more}, is_heavy=True)


EVIL_MODULE = "import pathlib\npathlib.Path('ran').write_text('')\n\n\nclass Evil:\n    pass\n"
FUNCTION = {"class_name": "__lambda__", "config": {"value": "4wAAAAAAAAAAAAAAAAEAAAABAAAA", "defaults": None, "closure": None}}
MODELS = [
    init_from("model-with-a-lambda", model_file(sequential(layer("Lambda", function=FUNCTION)))),
    init_from("model-with-tensorflow-inside", model_file(sequential(layer("TFSMLayer", filepath="theirs/saved")))),
    init_from("model-of-another-module", model_file(sequential(layer("Evil", module="evil"))), **{"evil.py": EVIL_MODULE}),
    init_from("model-of-a-run-folders-module", model_file(sequential(layer("Evil", module="theirs.evil"))), **{"theirs/evil.py": EVIL_MODULE}),
    init_from("model-that-calls-os", model_file(sequential(layer("Dense", units=1, activation={"module": "os", "class_name": "function", "config": "system", "registered_name": "system"})))),
    init_from("model-that-downloads", model_file(sequential(layer("Dense", units=1, activation={"module": "keras.utils", "class_name": "function", "config": "get_file", "registered_name": "get_file"})))),
    init_from("model-that-reads-a-file", model_file(sequential(layer("StringLookup", vocabulary="/etc/passwd")))),
    init_from("model-with-names-above", model_file(sequential(layer("Dense", units=1)), **{"assets/../../../../outside/x": b"x"})),
    init_from("model-bomb", model_file(sequential(layer("Dense", units=1)), **{"assets/x": b"\0" * 10**7})),
    init_from("model-that-is-a-pickle", pickle.dumps(Evil())),
    init_from("model-that-is-hdf5", b"\x89HDF\r\n\x1a\n" + b"\0" * 100),
    Case("model-at-an-address", ("model.init_from=hf://stranger/model", *QUICK), "holds no model.keras", is_heavy=True),
]
PATHS = [
    *(
        Case(f"callback-{id}", ("callbacks=checkpoint", f"callbacks.checkpoint.filepath='{path}'", *QUICK), says, is_heavy=True)
        for id, path, says in (
            ("above", "../../../outside/x.keras", "lies outside"),
            ("absolute", "/tmp/lmrun-hostile.keras", "lies outside"),
            ("by-an-empty-field", ".{epoch!s:.0}./.{epoch!s:.0}./.{epoch!s:.0}./x.keras", "is filled in"),
            ("by-dots-that-fill", "{epoch!s:.<2.0}/{epoch!s:.<2.0}/x.keras", "is filled in"),
            ("by-an-attribute", "{epoch.__class__}.keras", "is filled in"),
            ("over-the-record", "run.json", "a file of the record"),
        )
    ),
    Case("callback-csv-above", ("callbacks=csv", "callbacks.csv.filename=../../../x.csv", *QUICK), "lies outside", is_heavy=True),
    Case("weights-at-an-address", ("data=pictures", "model=transfer", "model.weights=https://127.0.0.1:9/x.h5", "epochs=1"), "no file|address", is_heavy=True),
    Case("day-behind-a-link", ("data=iris", *QUICK), "leads out of", code=5, files={f"outputs/{date.today()}": link("../../outside")}),
]
CASES = [*ARRAYS, *TABLES, *FOLDERS, *MODELS, *PATHS]
