"""The package as it is installed: a wheel in a virtual environment of its own, run from an empty folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from lossmetric_cli import shipped

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_every_option_and_experiment_and_no_test(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for name in ("conf", "experiments"):
        files = {f"lossmetric_cli/{name}/{path.relative_to(ROOT / name)}" for path in (ROOT / name).rglob("*.yaml")}
        assert files
        assert files <= names
    assert "lossmetric_cli/_hydra/hydra_plugins/lmrun/__init__.py" in names
    assert not [name for name in names if name.startswith(("tests", "outputs", "conf/"))]


def test_the_installed_command_runs_from_an_empty_folder(wheel, tmp_path):
    """The wheel's own files over this environment's dependencies, which are large."""
    home = tmp_path / "venv"
    venv.create(home, with_pip=False, system_site_packages=False)
    site = next(home.glob("lib/python*/site-packages"))
    here = next(Path(path) for path in sys.path if path.endswith("site-packages"))
    (site / "dependencies.pth").write_text(f"{here}\n", encoding="utf-8")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(home / "bin/python"),
        "install",
        "--no-deps",
        "--quiet",
        "--force-reinstall",
    ]
    subprocess.run([*pip, "--no-index", str(wheel)], check=True, capture_output=True, text=True)
    empty = tmp_path / "empty"
    empty.mkdir()
    done = subprocess.run(
        [str(home / "bin/lmrun"), "data=iris", "epochs=1"], cwd=empty, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    folder = Path(done.stdout.strip())
    assert empty in folder.parents
    assert (folder / "plots" / "curves.png").stat().st_size > 1000
    where = [str(home / "bin/python"), "-c", "import lossmetric_cli; print(lossmetric_cli.__file__)"]
    assert str(site) in subprocess.run(where, cwd=empty, capture_output=True, text=True, check=True).stdout


def test_a_clone_that_is_not_installed_runs_too(tmp_path):
    """-S and -P would hide the dependencies; PYTHONPATH names the clone as a person's shell would."""
    done = subprocess.run(
        [sys.executable, "-m", "lossmetric_cli", "--cfg", "job"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "lossmetric_cli.data.digits" in done.stdout
    assert shipped.folder("conf").is_dir()


def test_a_clone_beside_an_installed_copy_is_not_the_users_own_conf(tmp_path, monkeypatch):
    for name in ("conf", "lossmetric_cli"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(tmp_path)
    assert shipped.folders("conf") == [shipped.folder("conf")]
    assert shipped.shadowed() == []
