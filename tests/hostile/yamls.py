"""YAML from strangers: experiments, options, folders of them, and the words that name them."""

from __future__ import annotations

from pathlib import Path

from hostile.case import Case, Files

#: Code that leaves a mark where it runs, and what a stranger would call it.
EVIL = "import pathlib\npathlib.Path('ran').write_text('')\n\n\ndef run(*_, **__):\n    pathlib.Path('ran').write_text('')\n"
VOUCH = "runs or loads what a config cannot vouch for; no YAML reaches it"


def experiment(id: str, text: str, says: str, *words: str, files: Files | None = None, **facts: object) -> Case:
    """Return the case of a file in ./experiments."""
    return Case(id, ("experiment=theirs", *words), says, files={"experiments/theirs.yaml": text, **(files or {})}, **facts)


def target(name: str, says: str = VOUCH) -> Case:
    """Return the case of a `_target_` in an experiment."""
    return experiment(f"target-{name}", f"loss: {{_target_: {name}}}\n", says)


def link(to: str) -> object:
    """Return what makes a symbolic link."""
    return lambda path: Path(path).symlink_to(to)


NEITHER = "is neither Keras' nor lmrun's nor in a file under"
TARGETS = [
    *(
        target(name, NEITHER)
        for name in ("os.system", "subprocess.run", "builtins.exec", "importlib.import_module", "posix.system")
    ),
    *(
        target(name, NEITHER)
        for name in ("functools.partial", "operator.methodcaller", "codecs.decode", "numpy.load", "webbrowser.open")
    ),
    *(
        target(name, NEITHER)
        for name in ("pandas.read_pickle", "joblib.load", "hydra.utils.instantiate", "omegaconf.OmegaConf.load")
    ),
    *(
        target(name, NEITHER)
        for name in ("tensorflow.io.write_file", "matplotlib.cbook.get_sample_data", "pip._internal.main", "antigravity.x")
    ),
    *(
        target(name)
        for name in ("keras.layers.Lambda", "keras.Lambda", "keras.src.layers.Lambda", "keras.layers.core.lambda_layer.Lambda")
    ),
    *(
        target(name)
        for name in (
            "keras.utils.get_file",
            "keras.saving.load_model",
            "keras.models.load_model",
            "keras.config.enable_unsafe_deserialization",
        )
    ),
    *(
        target(name)
        for name in (
            "keras.callbacks.LambdaCallback",
            "keras.layers.deserialize",
            "keras.losses.get",
            "keras.datasets.mnist.load_data",
        )
    ),
    *(
        target(name)
        for name in (
            "keras.applications.resnet50.decode_predictions",
            "keras.activations.relu.__globals__",
            "keras.ops.relu.__call__",
        )
    ),
    *(
        target(name)
        for name in ("keras.callbacks.CallbackList", "keras.callbacks.ModelCheckpoint", "keras.callbacks.CSVLogger")
    ),
    *(
        target(name)
        for name in (
            "lossmetric_cli.store.write",
            "lossmetric_cli.plots.save",
            "lossmetric_cli.plots.draw",
            "lossmetric_cli.callbacks.resolve",
        )
    ),
    *(
        target(name)
        for name in (
            "lossmetric_cli.callbacks.build",
            "lossmetric_cli.data.prepare",
            "lossmetric_cli.callbacks.EpochWriter",
            "lossmetric_cli.models.SampledHead",
        )
    ),
    *(
        target(name, ".")
        for name in (
            "keras.layers.os.system",
            "keras..Lambda",
            ".os.system",
            "os",
            "keras",
            "__main__.answered",
            "sys.modules",
            "keras.losses.Loss.from_config",
        )
    ),
]
DISGUISED = [
    experiment("args", "loss: {_target_: keras.losses.Huber, _args_: [x]}\n", "_args_"),
    experiment("partial", "loss: {_target_: os.system, _partial_: true, command: touch ran}\n", NEITHER),
    experiment("recursive", "loss: {_target_: keras.losses.Huber, _recursive_: false, delta: {_target_: os.system}}\n", "."),
    experiment("convert", "loss: {_target_: keras.losses.Huber, _convert_: all}\n", "_convert_"),
    experiment("hidden-by-interpolation", "seed: 1\nloss: {_target_: '${monitor}.system'}\nmonitor: os\n", NEITHER),
    experiment(
        "target-in-an-output",
        "data: {_target_: lossmetric_cli.data.multitask}\noutputs: {price: {target: price, loss: {_target_: os.system}}}\n",
        ".",
    ),
    experiment(
        "target-of-a-part",
        "loss: {_target_: lossmetric_cli.losses.WeightedSum, parts: [{loss: {_target_: os.system}, weight: 1}]}\n",
        NEITHER,
    ),
    experiment(
        "schedule",
        "callbacks: {s: {_target_: keras.callbacks.LearningRateScheduler, schedule: os.system}}\n",
        NEITHER,
        is_heavy=True,
    ),
    experiment(
        "weights-from-an-address",
        "model: {_target_: keras.applications.MobileNet, weights: 'gs://bucket/x.weights.h5', input_shape: [32,32,3], include_top: false}\n",
        "address",
        is_heavy=True,
    ),
    experiment(
        "words-from-a-file",
        "model: {_target_: keras.Sequential, layers: [{_target_: keras.layers.StringLookup, vocabulary: /etc/passwd}]}\n",
        "vocabulary",
        is_heavy=True,
    ),
    experiment(
        "keras-config-of-a-lambda",
        "model: {_target_: keras.Sequential, layers: [{_target_: keras.layers.Dense, units: 1, activation: {class_name: __lambda__, config: {value: x}}}]}\n",
        ".",
        is_heavy=True,
    ),
    experiment(
        "keras-config-of-a-function",
        "model: {_target_: keras.Sequential, layers: [{_target_: keras.layers.Dense, units: 1, kernel_initializer: {class_name: function, module: os, config: system, registered_name: system}}]}\n",
        ".",
        is_heavy=True,
    ),
    experiment(
        "keras-config-of-a-module",
        "model: {_target_: keras.Sequential, layers: [{_target_: keras.layers.Dense, units: 1, kernel_initializer: {class_name: Evil, module: evil, config: {}, registered_name: null}}]}\n",
        ".",
        files={"evil.py": EVIL},
        is_heavy=True,
    ),
]
CODE = [
    experiment(
        "code-in-a-folder-of-data",
        "loss: {_target_: pets.evil.run}\n",
        "pets",
        files={"pets/evil.py": EVIL, "pets/a.csv": "a,b\n1,2\n"},
    ),
    experiment(
        "code-in-a-run-folder",
        "loss: {_target_: theirs.evil.run}\n",
        "run folder",
        files={"theirs/run.json": "{}", "theirs/__init__.py": "", "theirs/evil.py": EVIL},
    ),
    Case("code-beside-a-record", ("loss=evil.run",), "run folder", files={"run.json": "{}", "evil.py": EVIL}),
    experiment(
        "code-behind-a-link",
        "loss: {_target_: evil.run}\n",
        ".",
        files={"../outside/evil.py": EVIL, "evil.py": link("../outside/evil.py")},
    ),
    experiment("own-name-of-an-installed-package", "loss: {_target_: joblib.run}\n", NEITHER, files={"joblib.py": EVIL}),
    experiment("own-name-of-a-standard-module", "loss: {_target_: antigravity.run}\n", NEITHER, files={"antigravity.py": EVIL}),
    experiment(
        "namespace-of-an-installed-package",
        "loss: {_target_: hydra_plugins.evil.run}\n",
        ".",
        files={"hydra_plugins/evil/__init__.py": EVIL},
    ),
]
HYDRA = [
    experiment("hydra-callbacks", "hydra: {callbacks: {x: {_target_: os.system, command: touch ran}}}\n", "hydra.callbacks"),
    experiment(
        "hydra-callbacks-by-interpolation",
        "class_weight: {x: {_target_: os.system}}\nhydra: {callbacks: '${class_weight}'}\n",
        "hydra.callbacks",
    ),
    experiment(
        "hydra-logging-by-interpolation",
        "class_weight: {version: 1, handlers: {x: {class: logging.FileHandler, filename: /tmp/x}}}\nhydra: {job_logging: '${class_weight}'}\n",
        "hydra.job_logging",
    ),
    experiment(
        "hydra-launcher-by-interpolation",
        "class_weight: {_target_: os.system}\nhydra: {launcher: '${class_weight}'}\n",
        "hydra.launcher",
    ),
    experiment(
        "hydra-launcher-chosen",
        "defaults: [override /hydra/launcher: joblib]\nhydra: {launcher: {temp_folder: ../outside}}\n",
        "hydra.launcher",
    ),
    experiment("hydra-run-dir", "hydra: {run: {dir: ../outside}}\n", "hydra.run.dir"),
    experiment("hydra-searchpath", "hydra: {searchpath: ['pkg://antigravity']}\n", "searchpath"),
    Case(
        "hydra-searchpath-of-a-main-config",
        ("--config-dir=theirs", "--config-name=main"),
        "searchpath",
        files={"theirs/main.yaml": "hydra: {searchpath: ['pkg://evil']}\n", "evil.py": EVIL},
    ),
    Case("hydra-searchpath-typed", ("hydra.searchpath=[pkg://evil]",), "searchpath", files={"evil.py": EVIL}),
    Case("config-path-of-a-package", ("--config-path=pkg://evil",), "config-path", files={"evil.py": EVIL}),
    Case("config-dir-of-a-package", ("--config-dir=pkg://evil",), "is no folder", files={"evil.py": EVIL}),
    Case(
        "package-global",
        ("loss=mine",),
        "hydra.callbacks",
        files={"conf/loss/mine.yaml": "# @package _global_\nhydra: {callbacks: {x: {_target_: os.system}}}\n"},
    ),
    Case(
        "package-hydra",
        ("loss=mine",),
        "hydra.callbacks",
        files={"conf/loss/mine.yaml": "# @package hydra\ncallbacks: {x: {_target_: os.system}}\n"},
    ),
    Case(
        "package-callbacks",
        ("loss=mine",),
        "hydra.callbacks",
        files={"conf/loss/mine.yaml": "# @package hydra.callbacks\nx: {_target_: os.system}\n"},
    ),
    Case(
        "group-of-hydra", ("hydra/callbacks=evil",), ".", files={"conf/hydra/callbacks/evil.yaml": "x: {_target_: os.system}\n"}
    ),
    experiment(
        "group-of-hydra-by-a-defaults-list",
        "defaults: [/hydra/callbacks: evil]\n",
        ".",
        files={"conf/hydra/callbacks/evil.yaml": "x: {_target_: os.system}\n"},
    ),
    experiment(
        "defaults-outside-of-conf",
        "defaults: [/class_weight: ../../../outside/keys]\n",
        ".",
        files={"../outside/keys.yaml": "aws_id: 1234\n"},
    ),
    experiment("env-set", "hydra: {job: {env_set: {PATH: x}}}\n", "hydra.job.env_set"),
    experiment("env-copy", "hydra: {job: {env_copy: [LMRUN_CANARY_SECRET]}}\n", "hydra.job.env_copy"),
    Case("rerun-of-a-pickle", ("--experimental-rerun=x.pickle",), "unpickles"),
    Case(
        "config-dir-with-our-names",
        ("--config-dir=theirs", "loss=mse"),
        NEITHER,
        files={"theirs/loss/mse.yaml": "_target_: os.system\n"},
    ),
    Case(
        "config-dir-with-hydras-names",
        ("--config-dir=theirs",),
        "hydra.job_logging",
        files={"theirs/hydra/job_logging/none.yaml": "version: 1\nhandlers: {x: {class: logging.FileHandler, filename: x}}\n"},
    ),
    Case("allow-code-from-yaml", ("experiment=theirs",), "unknown key", files={"experiments/theirs.yaml": "allow_code: os\n"}),
    Case(
        "verbose-logging",
        ("experiment=theirs", "--cfg=job"),
        "hydra.job_logging",
        files={"experiments/theirs.yaml": "hydra: {job_logging: {loggers: {x: {'()': os.system}}}}\n"},
    ),
]
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
PARSED = [
    experiment("python-object", "epochs: !!python/object/apply:os.system [touch ran]\n", "."),
    experiment("python-name", "epochs: !!python/name:os.system\n", "."),
    experiment("python-module", "seed: !!python/module:antigravity\n", "."),
    experiment("alias-bomb", f"class_weight:\n{''.join(f'  {line}' + chr(10) for line in BOMB.splitlines())}", "."),
    experiment("alias-of-itself", "class_weight: &a [*a]\n", "."),
    experiment("deep", f"class_weight: {'[' * 5000}{']' * 5000}\n", "."),
    experiment("deep-mapping", f"class_weight: {'{a: ' * 5000}1{'}' * 5000}\n", "."),
    experiment("duplicate", "epochs: 1\nepochs: 2\n", "duplicate key"),
    experiment("no-text", "epochs: '\x00\x1b[31m'\n", "."),
    Case("not-utf-8", ("experiment=theirs",), ".", files={"experiments/theirs.yaml": b"epochs: \xff\xfe\n"}),
    Case("bomb-in-an-option", ("loss=mine",), ".", files={"conf/loss/mine.yaml": BOMB}),
    Case("bomb-in-a-config-dir", ("--config-dir=theirs", "loss=mine"), ".", files={"theirs/loss/mine.yaml": BOMB}),
    Case("bomb-as-the-main-config", ("--config-path=theirs", "--config-name=main"), ".", files={"theirs/main.yaml": BOMB}),
    experiment(
        "bomb-by-an-option-of-an-output", "outputs: {a: {target: b, loss: mine}}\n", ".", files={"conf/loss/mine.yaml": BOMB}
    ),
]
PLACES = [
    experiment("out-above", "out: ../outside\n", "out"),
    experiment("out-absolute", "out: /tmp/lmrun-hostile\n", "out"),
    experiment("out-from-the-environment", "out: 'x/${oc.env:LMRUN_CANARY_SECRET}'\n", "out"),
    experiment("out-behind-a-link", "out: there\n", "out", files={"there": link("../outside")}),
    experiment("sweep-dir", "hydra: {sweep: {dir: ../outside}}\n", "hydra.sweep.dir", "-m"),
    experiment("sweep-out", "out: ../outside\n", "out", "-m", "seed=0,1"),
    Case(
        "help-with-an-escape",
        ("help", "loss"),
        "mine",
        code=0,
        files={"conf/loss/mine.yaml": "# \x1b]0;pwned\x07\x1b[2J mine\n_target_: x.y\n"},
    ),
    Case("escape-in-a-word", ("loss=\x1b[2Jmse",), "unknown loss"),
    Case("escape-in-a-name", ("--cfg=job", "experiment=\x1b[2J"), "unknown"),
    experiment("escape-in-a-key", "'\x85\u202eepochs': 1\n", "unknown key"),
]
CASES = [*TARGETS, *DISGUISED, *CODE, *HYDRA, *PARSED, *PLACES]
