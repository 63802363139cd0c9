"""Names of code: a dot path to the user's own, and the code that no config reaches."""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path

import pytest

from lossmetric_cli import build
from lossmetric_cli.errors import ConfigError

#: One batch of a linear regression, in under a second.
QUICK = ["data=page1", "model=linear", "metrics=[]", "validation=none", "epochs=1", "plots=[]"]

OWN = {
    "my_losses.py": """
import keras

class Scaled(keras.losses.Loss):
    def __init__(self, factor=2.0):
        super().__init__(name="scaled")
        self.factor = factor

    def call(self, y_true, y_pred):
        return self.factor * keras.losses.mean_squared_error(y_true, y_pred)

def halved(y_true, y_pred):
    return 0.5 * keras.losses.mean_squared_error(y_true, y_pred)

def weighed(y_true, y_pred, weight=3.0):
    return weight * keras.losses.mean_squared_error(y_true, y_pred)

NUMBER = 3
""",
    "my_metrics.py": """
import keras

def largest(y_true, y_pred):
    return keras.ops.max(keras.ops.abs(y_true - y_pred), axis=-1)
""",
    "my_models.py": """
import keras

def net(task, units=4):
    inputs = keras.Input(task.input_shape)
    hidden = keras.layers.Dense(units, "relu")(inputs)
    return keras.Model(inputs, keras.layers.Dense(task.units)(hidden), name="net")
""",
    "my_data.py": """
import numpy as np
from lossmetric_cli.data import Dataset

def load(rows=24):
    x = np.arange(rows, dtype="float32").reshape(-1, 1)
    return Dataset(x=x, y=3 * x[:, 0])
""",
    "my_callbacks.py": """
import keras

class Bell(keras.callbacks.Callback):
    def __init__(self, tone="ding"):
        super().__init__()
        self.tone = tone

    def on_epoch_end(self, epoch, logs=None):
        print(self.tone)
""",
    "parts/__init__.py": "",
    "parts/losses.py": "def tripled(y_true, y_pred):\n    return 3 * (y_true - y_pred) ** 2\n",
    "broken.py": "def loss(y_true, y_pred)\n    return 0\n",
    "lacking.py": "import a_package_that_is_not_installed\n",
}


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with code of the user's own, forgotten after the test."""
    for name, text in OWN.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    monkeypatch.setattr(build, "allowed_packages", [])
    importlib.invalidate_caches()
    yield tmp_path
    for name in [name for name in sys.modules if name.split(".")[0] in {file.split(".")[0].split("/")[0] for file in OWN}]:
        del sys.modules[name]


def refusal(target: str, **keys: object) -> str:
    """Return what build says when it refuses a target."""
    with pytest.raises(ConfigError) as raised:
        build.build({"_target_": target, **keys}, path="loss")
    return str(raised.value)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["loss=my_losses.Scaled", "callbacks=my_callbacks.Bell"], ["optimises   scaled", "ding"], id="classes"),
        pytest.param(["loss=my_losses.halved", "model=my_models.net"], ["optimises   halved", "· net ·"], id="functions"),
        pytest.param(["loss=parts.losses.tripled", "data=my_data.load"], ["optimises   tripled", "load ·"], id="in-a-package"),
        pytest.param(["metrics=my_metrics.largest+mae"], ["largest", "mae"], id="metrics-in-a-sum"),
        pytest.param(["metrics=[my_metrics.largest]", "callbacks=[my_callbacks.Bell]"], ["largest", "ding"], id="in-lists"),
    ],
)
def test_own_code_is_named_by_its_dot_path(lmrun, own: Path, words: list[str], said: list[str]):
    outcome = lmrun(*QUICK, *words)
    assert not [text for text in said if text not in outcome.err]
    assert outcome.out == f"{outcome.folder}\n"


def test_parameters_of_own_code_are_added_with_a_plus(lmrun, own: Path):
    words = ["callbacks=my_callbacks.Bell", "+callbacks.Bell.tone=dong", "model=my_models.net", "+model.units=2"]
    outcome = lmrun(*QUICK, *words)
    assert "dong" in outcome.err
    assert outcome.json("run.json")["config"]["model"] == {"_target_": "my_models.net", "units": 2}


def test_own_code_and_experiments_can_be_swept(lmrun, own: Path):
    (own / "experiments").mkdir()
    for seed in (1, 2):
        (own / "experiments" / f"s{seed}.yaml").write_text(f"# Seed {seed}.\nseed: {seed}\n")
    folder = lmrun("-m", *QUICK, "loss=parts.losses.tripled", "experiment=s1,s2").folder
    configs = [json.loads((folder / str(job) / "run.json").read_text())["config"] for job in range(2)]
    assert [(config["loss"]["_target_"], config["seed"]) for config in configs] == [
        ("parts.losses.tripled", 1),
        ("parts.losses.tripled", 2),
    ]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        pytest.param(["loss=my_losses.Scald"], "loss: my_losses has no 'Scald'; did you mean 'Scaled'?", id="attribute"),
        pytest.param(
            ["loss=my_loses.Scaled"], "loss: no module 'my_loses' for 'my_loses.Scaled'; did you mean 'my_losses'?", id="module"
        ),
        pytest.param(
            ["loss=parts.loses.tripled"], "loss: parts has no 'loses'; did you mean 'losses'?", id="module-in-a-package"
        ),
        pytest.param(
            ["loss=nowhere_near.f"], "loss: no module 'nowhere_near' for 'nowhere_near.f'; is nowhere_near.py in ", id="far"
        ),
        pytest.param(
            ["loss=my_losses.NUMBER"], "loss: 'my_losses.NUMBER' is a int, and neither a class nor a function", id="a-number"
        ),
        pytest.param(
            ["loss=keras.losses.Hubber"], "loss: keras.losses has no 'Hubber'; did you mean 'Huber' or 'huber'?", id="keras"
        ),
        pytest.param(["loss=my_losses.Scaled", "loss.factor=4"], "of your own code is typed +loss.factor=…", id="no-plus"),
        pytest.param(
            ["loss=my_losses.Scaled", "+loss.facto=4"], "loss: Scaled takes no 'facto'; did you mean 'factor'?", id="parameter"
        ),
        pytest.param(["loss=broken.loss"], "loss: importing broken failed: SyntaxError: ", id="code-that-does-not-parse"),
    ],
)
def test_mistake_in_a_dot_path_is_named_where_it_is(lmrun, own: Path, words: list[str], line: str):
    outcome = lmrun(*QUICK, *words, code=2)
    assert line in outcome.err
    assert not list(own.rglob("run.json"))


def test_own_code_that_lacks_a_package_says_how_to_install_it(lmrun, own: Path):
    err = lmrun(*QUICK, "loss=lacking.loss", code=5).err
    assert "loss: lacking needs 'a_package_that_is_not_installed', which is not installed; pip install a_package" in err


@pytest.mark.parametrize(
    "target",
    [
        *(
            "os.system",
            "subprocess.Popen",
            "builtins.eval",
            "pathlib.Path.write_text",
            "shutil.rmtree",
            "importlib.import_module",
        ),
        *("pickle.loads", "numpy.load", "pandas.read_pickle", "joblib.load", "yaml.unsafe_load", "hydra.utils.instantiate"),
    ],
)
def test_code_of_other_packages_is_refused_with_the_flag_that_allows_it(own: Path, target: str):
    package = target.split(".")[0]
    assert refusal(target) == (
        f"loss: '{target}' is neither Keras' nor lmrun's nor in a file under {own.name}/; allow it with --allow-code={package}"
    )


@pytest.mark.parametrize(
    "target",
    [
        *(
            "keras.config.enable_unsafe_deserialization",
            "keras.utils.get_file",
            "keras.saving.load_model",
            "keras.models.load_model",
        ),
        *("keras.layers.Lambda", "keras.layers.TFSMLayer", "keras.layers.TorchModuleWrapper", "keras.callbacks.LambdaCallback"),
        *("keras.callbacks.RemoteMonitor", "keras.layers.deserialize", "keras.losses.get", "keras.models.model_from_json"),
        *("keras.datasets.mnist.load_data", "keras.export.ExportArchive", "keras.src.utils.file_utils.get_file"),
        *("lossmetric_cli.store.write", "lossmetric_cli.store.remove_folder", "lossmetric_cli.build.importlib.import_module"),
        *("lossmetric_cli.data.tables.Path", "lossmetric_cli.cli.main", "lossmetric_cli.record.Record"),
    ],
)
def test_what_loads_writes_or_runs_is_never_reached(monkeypatch, target: str):
    monkeypatch.setattr(build, "allowed_packages", ["keras", "lossmetric_cli"])
    assert refusal(target) == f"loss: '{target}' runs or loads what a config cannot vouch for; no YAML reaches it"


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("my_losses.keras.layers.Lambda", id="through-a-module-that-own-code-imports"),
        pytest.param("my_losses.keras.config.enable_unsafe_deserialization", id="through-two"),
        pytest.param("keras.Model.save", id="a-method-of-keras"),
        pytest.param("keras.losses.Loss.from_config", id="a-method-of-a-class"),
    ],
)
def test_no_detour_leads_to_what_is_refused(own: Path, target: str):
    assert "goes through" in refusal(target)


def test_a_name_that_own_code_imports_from_elsewhere_counts_as_code_from_there(own: Path):
    (own / "my_losses.py").write_text("from shutil import rmtree\n")
    assert refusal("my_losses.rmtree") == "loss: 'my_losses.rmtree' is code of shutil; allow it with --allow-code=shutil"


def test_nodes_inside_a_node_are_held_to_the_same(own: Path):
    assert "allow it with --allow-code=os" in refusal("keras.Sequential", layers=[{"_target_": "os.system", "command": "true"}])


def test_refused_code_is_not_even_imported(own: Path):
    (own / "elsewhere").mkdir()
    (own / "elsewhere" / "site-packages").mkdir()
    (own / "elsewhere" / "site-packages" / "hostile.py").write_text("raise SystemExit('imported')")
    sys.path.append(str(own / "elsewhere" / "site-packages"))
    assert "allow it with --allow-code=hostile" in refusal("hostile.loss")


def test_flag_allows_the_code_of_a_package_for_one_call(lmrun, own: Path):
    words = [*QUICK, "loss=numpy.square"]
    assert "--allow-code=numpy" in lmrun(*words, code=2).err
    assert "--allow-code" not in lmrun(*words, "--allow-code=numpy", code=None).err
    assert "--allow-code=numpy" in lmrun(*words, code=2).err


@pytest.mark.parametrize("key", ["allow_code", "allowed_packages"])
def test_no_yaml_and_no_setting_allows_code(lmrun, own: Path, key: str):
    assert "unknown key" in lmrun(*QUICK, "loss=numpy.square", f"+{key}=numpy", code=2).err


@pytest.mark.parametrize("word", ["--allow-code", "--allow-code=", "--allow-code=a.b"])
def test_flag_without_a_package_is_refused(lmrun, word: str):
    assert "type --allow-code=PACKAGE" in lmrun(word, code=2).err


def test_own_option_files_add_options(lmrun, own: Path):
    for group in ("loss", "metrics"):
        (own / "conf" / group).mkdir(parents=True)
    (own / "conf" / "loss" / "mine.yaml").write_text("# Mine.\n_target_: my_losses.Scaled\nfactor: 4.0\n")
    (own / "conf" / "metrics" / "mine.yaml").write_text("# @package metrics.mine\n# My own.\n_target_: my_metrics.largest\n")
    outcome = lmrun(*QUICK, "loss=mine", "loss.factor=3", "metrics=[mine,mae]")
    assert outcome.json("run.json")["config"]["loss"] == {"_target_": "my_losses.Scaled", "factor": 3}
    assert {"mine", "mae"} <= set(outcome.history.columns)


def test_a_folder_of_options_can_lie_elsewhere(lmrun, own: Path):
    (own / "my options" / "loss").mkdir(parents=True)
    (own / "my options" / "loss" / "mine.yaml").write_text("# Mine.\n_target_: my_losses.Scaled\nfactor: 4.0\n")
    assert "factor: 4.0" in lmrun("--config-dir", "my options", "--cfg", "job", "loss=mine").out


def test_own_option_files_are_checked_and_helped_with_as_ours_are(lmrun, own: Path):
    (own / "conf" / "loss").mkdir(parents=True)
    (own / "conf" / "loss" / "mine.yaml").write_text("# Mine.\n_target_: my_losses.Scaled\nfactor: 4.0\n")
    assert "did you mean 'loss.factor'?" in lmrun("loss=mine", "loss.facto=2", code=2).err
    assert "did you mean 'mine'?" in lmrun("loss=mien", code=2).err
    assert re.search(r"^mine +Mine\.$", lmrun("help", "loss").out, re.MULTILINE)


def test_files_of_the_working_folder_never_stand_in_for_installed_modules(shell, tmp_path: Path):
    for name in ("keras", "random", "yaml", "omegaconf", "numpy", "hydra"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('shadowed')")
    (tmp_path / "hydra_plugins" / "mine").mkdir(parents=True)
    (tmp_path / "hydra_plugins" / "mine" / "__init__.py").write_text("raise SystemExit('a plugin of the working folder')")
    assert "data:" in shell("--cfg", "job").out


@pytest.mark.parametrize("folder", [Path(sys.base_prefix), Path("/")], ids=["the-home-of-python", "the-root-of-the-disk"])
def test_pythons_own_modules_are_no_code_of_the_user_wherever_lmrun_starts(monkeypatch, folder: Path):
    monkeypatch.chdir(folder)
    for target in ("os.system", "subprocess.Popen", "posix.system", "builtins.eval", "site.main"):
        assert "allow it with --allow-code=" in refusal(target)


def test_a_loss_by_other_names_than_y_true_and_y_pred_is_told_to_rename_them(lmrun, own_code):
    own_code("my_losses", "def cubed(target, guess):\n    return abs(target - guess) ** 3\n")
    err = lmrun("check", "data=diabetes", "loss=my_losses.cubed", code=2).err
    assert "cubed takes target and guess, which are labels and predictions only by the names y_true and y_pred" in err
