"""YAML of strangers: experiments, options, folders of them, and what they name."""

from __future__ import annotations

from typing import Any

from hostile.case import Case, Files, link

#: Code that leaves a mark where it runs.
EVIL = "import pathlib\npathlib.Path('ran').write_text('')\n\n\ndef run(*_, **__):\n    pathlib.Path('ran').write_text('')\n"
UNVOUCHED = "runs or loads what a config cannot vouch for; no YAML reaches it"
ELSEWHERE = "is neither Keras' nor lmrun's nor in a file under"
OPENS = "which can run code or write anywhere; remove it"
OPTION = "conf/loss/mine.yaml"


def experiment(id: str, says: str, text: str, *words: str, **files: str) -> Case:
    """Return the case of a file in ./experiments; other files by their name, dots as two underscores."""
    others: Files = {name.replace("__", "."): content for name, content in files.items()}
    return Case(id, says, (*words, "experiment=theirs"), files={"experiments/theirs.yaml": text, **others})


def target(name: str, says: str = UNVOUCHED, *, part: str = "loss", files: Files | None = None, **settings: Any) -> Case:
    """Return the case of a `_target_`."""
    id = "-".join(["target", part, name, *settings, *list(files or {})[:1]])
    return Case(id, says, part=part, node={"_target_": name, **settings}, files=files or {})


def layer(id: str, says: str, name: str, **settings: Any) -> Case:
    """Return the case of a layer with settings that Keras would read for itself."""
    node = {"_target_": "keras.Sequential", "layers": [{"_target_": f"keras.layers.{name}", **settings}]}
    return Case(id, says, part="model", node=node, is_heavy=True)


def option(id: str, says: str, text: str) -> Case:
    """Return the case of a file in ./conf/loss."""
    return Case(id, says, ("loss=mine",), files={OPTION: text})


TARGETS = [
    *(target(name, ELSEWHERE) for name in ("os.system", "posix.system", "subprocess.run", "builtins.exec", "sys.modules.get")),
    *(target(name, ELSEWHERE) for name in ("importlib.import_module", "functools.partial", "operator.methodcaller")),
    *(target(name, ELSEWHERE) for name in ("codecs.decode", "webbrowser.open", "pip._internal.main", "antigravity.x")),
    *(target(name, ELSEWHERE) for name in ("numpy.load", "pandas.read_pickle", "joblib.load", "tensorflow.io.write_file")),
    *(
        target(name, ELSEWHERE)
        for name in ("hydra.utils.instantiate", "omegaconf.OmegaConf.load", "matplotlib.cbook.print_cycles")
    ),
    *(target(f"keras.{name}") for name in ("layers.Lambda", "Lambda", "src.layers.Lambda", "layers.core.lambda_layer.Lambda")),
    *(target(f"keras.{name}") for name in ("utils.get_file", "saving.load_model", "models.load_model", "layers.deserialize")),
    *(target(f"keras.{name}") for name in ("config.enable_unsafe_deserialization", "losses.get", "datasets.mnist.load_data")),
    *(target(f"keras.{name}") for name in ("applications.resnet50.decode_predictions", "activations.relu.__globals__")),
    *(
        target(f"keras.{name}", part="callbacks.x.callbacks[0]")
        for name in ("callbacks.ModelCheckpoint", "callbacks.CSVLogger")
    ),
    *(target(f"keras.callbacks.{name}", part="callbacks.x") for name in ("CallbackList", "LambdaCallback", "RemoteMonitor")),
    *(target(f"keras.callbacks.{name}", part="model") for name in ("OrbaxCheckpoint", "BackupAndRestore")),
    *(target(f"lossmetric_cli.{name}") for name in ("store.write", "plots.save", "plots.draw", "callbacks.resolve")),
    *(
        target(f"lossmetric_cli.{name}")
        for name in ("callbacks.build", "data.prepare", "callbacks.EpochWriter", "data.tables.Path")
    ),
    target("keras", "must be a dot path"),
    target("__main__.answered", "no module '__main__'"),
    target("os.system", ELSEWHERE, _partial_=True, command="touch ran"),
    target("keras.losses.Huber", "lmrun knows no '_args_'", _args_=["x"]),
    target("keras.losses.Huber", "lmrun knows no '_recursive_'", _recursive_=False, delta={"_target_": "os.system"}),
    target("keras.losses.Huber", r"loss.delta: 'os.system' is neither", delta={"_target_": "os.system"}),
    target("pets.evil.run", r"pets/ has no __init__.py, so it is data and no code", files={"pets/evil.py": EVIL}),
    target("own.pets.evil.run", r"own/pets/ has no __init__.py", files={"own/__init__.py": "", "own/pets/evil.py": EVIL}),
    target(
        "theirs.evil.run",
        "lies in a run folder, which is data and no code",
        files={"theirs/run.json": "{}", "theirs/__init__.py": EVIL, "theirs/evil.py": EVIL},
    ),
    target("evil.run", "lies in a run folder", files={"run.json": "{}", "evil.py": EVIL}),
    target("evil.run", ELSEWHERE, files={"../outside/evil.py": EVIL, "evil.py": link("../outside/evil.py")}),
    target("joblib.run", ELSEWHERE, files={"joblib.py": EVIL}),
    target("antigravity.run", ELSEWHERE, files={"antigravity.py": EVIL}),
    target("hydra_plugins.evil.run", ELSEWHERE, files={"hydra_plugins/evil/__init__.py": EVIL}),
]
#: What Keras would read for itself from a node's plain values.
INSIDE = [
    layer("words-from-a-file", "is a list of words, and '/etc/passwd' names a file", "StringLookup", vocabulary="/etc/passwd"),
    layer("words-from-an-address", "is an address", "TextVectorization", vocabulary="https://127.0.0.1:9/words"),
    layer(
        "config-of-a-lambda",
        "refuses this",
        "Dense",
        units=1,
        activation={"class_name": "__lambda__", "config": {"value": "x"}},
    ),
    layer(
        "config-of-a-function",
        "refuses this",
        "Dense",
        units=1,
        kernel_initializer={"class_name": "function", "module": "os", "config": "system", "registered_name": "system"},
    ),
    layer(
        "config-of-another-module",
        "refuses this",
        "Dense",
        units=1,
        kernel_initializer={"class_name": "Evil", "module": "antigravity", "config": {}, "registered_name": None},
    ),
    Case(
        "weights-at-an-address",
        "model.weights: 'gs://bucket/x.weights.h5' is an address",
        part="model",
        node={"_target_": "keras.applications.MobileNet", "weights": "gs://bucket/x.weights.h5", "include_top": False},
        is_heavy=True,
    ),
]
HANDLER = "{version: 1, handlers: {x: {class: logging.FileHandler, filename: ../outside/x}}}"
HYDRA = [
    experiment("callbacks-of-hydra", f"sets hydra.callbacks, {OPENS}", "hydra: {callbacks: {x: {_target_: os.system}}}\n"),
    experiment(
        "callbacks-by-interpolation",
        f"sets hydra.callbacks, {OPENS}",
        "class_weight: {x: {_target_: os.system}}\nhydra: {callbacks: '${class_weight}'}\n",
    ),
    experiment(
        "logging-by-interpolation",
        f"sets hydra.job_logging, {OPENS}",
        f"class_weight: {HANDLER}\nhydra: {{job_logging: '${{class_weight}}'}}\n",
    ),
    experiment(
        "launcher-by-interpolation",
        "BasicLauncherConf|hydra.launcher",
        "class_weight: {}\nhydra: {launcher: '${class_weight}'}\n",
    ),
    experiment(
        "launcher-that-a-file-chooses",
        f"sets hydra.launcher._target_, {OPENS}",
        "defaults: [override /hydra/launcher: joblib]\n",
    ),
    Case(
        "launcher-that-a-file-sets",
        f"sets hydra.launcher.temp_folder, {OPENS}",
        ("-m", "hydra/launcher=joblib", "experiment=theirs"),
        files={"experiments/theirs.yaml": "hydra: {launcher: {temp_folder: ../outside}}\n"},
    ),
    experiment("run-dir", f"sets hydra.run.dir, {OPENS}", "hydra: {run: {dir: ../outside}}\n"),
    experiment("sweep-dir", f"sets hydra.sweep.dir, {OPENS}", "hydra: {sweep: {dir: ../outside}}\n", "-m"),
    experiment("run-dir-of-a-job", f"sets hydra.run.dir, {OPENS}", "hydra: {sweeper: {params: {hydra.run.dir: /}}}\n", "-m"),
    experiment("env-set", f"sets hydra.job.env_set, {OPENS}", "hydra: {job: {env_set: {PATH: x}}}\n"),
    experiment("env-copy", f"sets hydra.job.env_set, {OPENS}", "hydra: {job: {env_copy: [LMRUN_CANARY_SECRET]}}\n"),
    experiment("searchpath", "hydra.searchpath", "hydra: {searchpath: ['pkg://evil']}\n", evil__py=EVIL),
    Case(
        "searchpath-of-a-main-config",
        "hydra.searchpath can run code",
        ("--config-dir=theirs", "--config-name=main"),
        files={"theirs/main.yaml": "hydra: {searchpath: ['pkg://evil']}\n", "evil.py": EVIL},
    ),
    Case("searchpath-typed", "hydra.searchpath can run code", ("hydra.searchpath=[pkg://evil]",), files={"evil.py": EVIL}),
    Case("config-path-of-a-package", "is no folder", ("--config-path=pkg://evil",), files={"evil.py": EVIL}),
    Case("config-dir-of-a-package", "is no folder", ("--config-dir=pkg://evil",), files={"evil.py": EVIL}),
    option(
        "package-global",
        f"sets hydra.callbacks, {OPENS}",
        "# @package _global_\nhydra: {callbacks: {x: {_target_: os.system}}}\n",
    ),
    option("package-hydra", f"sets hydra.callbacks, {OPENS}", "# @package hydra\ncallbacks: {x: {_target_: os.system}}\n"),
    option("package-callbacks", f"sets hydra.callbacks, {OPENS}", "# @package hydra.callbacks\nx: {_target_: os.system}\n"),
    Case(
        "a-group-of-hydra",
        f"sets hydra.callbacks, {OPENS}",
        ("hydra/callbacks=evil",),
        files={"conf/hydra/callbacks/evil.yaml": "x: {_target_: os.system}\n"},
    ),
    Case("unpickled-rerun", "unpickles a file, which lmrun never does", ("--experimental-rerun=x.pickle",)),
    Case(
        "config-dir-with-names-of-ours",
        "keras.losses.MeanSquaredError",
        ("--config-dir=theirs", "loss=mse", "--cfg=job"),
        code=0,
        files={"theirs/loss/mse.yaml": "_target_: os.system\n"},
    ),
    experiment("allow-code", "unknown key 'allow_code'", "allow_code: os\n"),
    experiment(
        "above-conf", "(?i)unknown|not find|traversal", "defaults: [/loss@class_weight: ../../../../../../../../outside/keys]\n"
    ),
]
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
ALIASES = "has more than 100,000 values once its aliases"
PARSED = [
    experiment("yaml-object", "could not determine a constructor", "epochs: !!python/object/apply:os.system [touch ran]\n"),
    experiment("yaml-module", "could not determine a constructor", "seed: !!python/module:antigravity\n"),
    experiment("yaml-bomb", ALIASES, "class_weight:\n  " + BOMB.replace("\n", "\n  ") + "z: 1\n"),
    experiment("yaml-alias-of-itself", ALIASES, "class_weight: &a [*a]\n"),
    experiment("yaml-deep", "has more than 40 levels", f"class_weight: {'[' * 100_000}{']' * 100_000}\n"),
    experiment("yaml-long", "has more than 1,048,576 bytes", "#" * 2**20 + "\n"),
    experiment("yaml-duplicate", "found duplicate key epochs", "epochs: 1\nepochs: 2\n"),
    experiment("yaml-control-characters", "unacceptable character", "epochs: '\x00\x1b[31m'\n"),
    Case("yaml-that-never-ends", "is no file", ("experiment=theirs",), files={"experiments/theirs.yaml": link("/dev/zero")}),
    option("yaml-bomb-in-an-option", ALIASES, BOMB),
    Case("yaml-bomb-in-a-folder", ALIASES, ("--config-dir=theirs", "loss=mine"), files={"theirs/loss/mine.yaml": BOMB}),
    Case("yaml-bomb-as-the-config", ALIASES, ("--config-path=theirs", "--config-name=main"), files={"theirs/main.yaml": BOMB}),
]
OUT = "files name plain folders below this one alone; type out=FOLDER"
PLACES = [
    experiment("out-above", OUT, "out: ../outside\n"),
    experiment("out-anywhere", OUT, "out: /tmp/lmrun-of-a-stranger\n"),
    experiment("out-by-the-environment", OUT, "out: 'x/${oc.env:LMRUN_CANARY_SECRET}'\n"),
    experiment("out-of-a-sweep", OUT, "out: ../outside\n", "-m", "seed=0,1"),
    Case(
        "out-behind-a-link",
        OUT,
        ("experiment=theirs",),
        files={"experiments/theirs.yaml": "out: there\n", "there": link("../outside")},
    ),
    Case(
        "help-of-escapes",
        r"\]0;pwned mine",
        ("help", "loss"),
        code=0,
        files={OPTION: "# \x1b]0;pwned\x07 mine\n_target_: x.y\n"},
    ),
    Case("escapes-in-a-word", r"unknown loss 'mse'", ("loss=\x1b[2Jmse",)),
    experiment("escapes-in-a-key", r"unknown key 'epochs'", '"\\e[2Jepochs": 1\n'),
]
CASES = [*TARGETS, *INSIDE, *HYDRA, *PARSED, *PLACES]
