"""What the tests share: `lmrun`, the command line as a function, in a folder of the test's own."""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import json
import os
import resource
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from lossmetric_cli import shipped
from lossmetric_cli.cli import answer

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden/*.csv from this machine's runs")


@dataclass(frozen=True)
class Outcome:
    """What a command line came to."""

    code: int
    out: str
    err: str

    @property
    def folder(self) -> Path:
        """The folder that the last line of stdout names."""
        return Path(self.out.splitlines()[-1])

    @property
    def history(self) -> pd.DataFrame:
        return pd.read_csv(self.folder / "history.csv")

    @property
    def predictions(self) -> dict[str, np.ndarray]:
        with np.load(self.folder / "predictions.npz", allow_pickle=False) as arrays:
            return dict(arrays)

    def json(self, name: str) -> dict[str, Any]:
        return json.loads((self.folder / name).read_text(encoding="utf-8"))


@pytest.fixture
def lmrun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Outcome]]:
    """`lmrun("loss=mse", "epochs=1")`: the command line in this process (TensorFlow is loaded once), in `tmp_path`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])  # lmrun adds the working folder

    def run(*words: str, code: int | None = 0) -> Outcome:
        capfd.readouterr()
        found = answer(list(words))
        outcome = Outcome(found, *capfd.readouterr())
        assert code is None or found == code, outcome.err
        return outcome

    yield run
    _forget_runs()
    for name, module in list(sys.modules.items()):  # the next test may have modules of its own by the same names
        if str(getattr(module, "__file__", "")).startswith(f"{tmp_path}{os.sep}"):
            del sys.modules[name]


def _forget_runs() -> None:
    """Free what the test's runs left, and let no later collection look at what stays: it took longer with every run."""
    import keras

    keras.backend.clear_session()
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def run_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Outcome]:
    """`run_once("data=iris", "epochs=1")`: a run that many tests look at, in a folder of its own; the same words run once."""
    done: dict[tuple[str, ...], Outcome] = {}

    def run(*words: str, code: int = 0, folder: Path | None = None) -> Outcome:
        if words not in done:
            out, err = io.StringIO(), io.StringIO()
            folder = folder or tmp_path_factory.mktemp("once")
            with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                found = answer(list(words))
            assert found == code, err.getvalue()
            done[words] = Outcome(found, out.getvalue(), err.getvalue())
            _forget_runs()
        return done[words]

    return run


@pytest.fixture
def shell(tmp_path: Path) -> Callable[..., Outcome]:
    """`shell("--help")`: the command line in a process of its own, in `tmp_path`."""

    def run(*words: str, code: int | None = 0, env: dict[str, str] | None = None, cwd: Path | None = None) -> Outcome:
        command = [sys.executable, "-m", "lossmetric_cli", *words]
        done = subprocess.run(
            command,
            cwd=cwd or tmp_path,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert code is None or done.returncode == code, done.stderr
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file may grow beyond 1,000 bytes: the nearest that a process comes to a full disk by itself."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the test's own for what Keras downloads, and no network: nobody answers at the proxy."""
    import urllib.request

    from keras.src.backend import config

    home = tmp_path / "keras"
    home.mkdir()
    monkeypatch.setenv("KERAS_HOME", str(home))
    monkeypatch.setattr(config, "_KERAS_DIR", str(home))  # which Keras reads once, when it is imported
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(urllib.request, "_opener", None)
    return home


@pytest.fixture(scope="session")
def option() -> Callable[..., dict[str, Any]]:
    """`option("metrics", "auc", curve="PR")`: the node of an option file, with some of its keys changed."""

    def read(group: str, name: str, **changes: Any) -> dict[str, Any]:
        node = yaml.safe_load(shipped.options(group)[name].read_text(encoding="utf-8"))
        node.pop("init_from", None)  # of every model, and read by the runner itself
        return {**node, **changes}

    return read


@pytest.fixture(scope="session", autouse=True)
def tensorflow() -> None:
    """TensorFlow set up as a run sets it up, since the first test that computes with it decides for the whole process."""
    from lossmetric_cli import devices
    from lossmetric_cli.spec import RunSpec

    devices.load_tensorflow()
    devices.start(RunSpec())
    gc.freeze()  # every run collects garbage when it clears the last one's: TensorFlow's own objects need no looking at


@pytest.fixture
def own_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """`own_code("my_losses", text)`: a module of the user's own in `tmp_path`, which is the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    written = []

    def write(name: str, text: str) -> None:
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")
        importlib.invalidate_caches()
        written.append(name)

    yield write
    for name in written:
        sys.modules.pop(name, None)
