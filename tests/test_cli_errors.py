"""Every mistake on the command line or in a YAML: one line that says what to type, an exit code, and no run folder."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf

from lossmetric_cli.cli import answer
from lossmetric_cli.devices import load_tensorflow
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.spec import RunSpec, load

HEAVY = ("tensorflow", "keras", "pandas", "matplotlib", "sklearn")
LONG = "x" * 300
#: One batch of a linear regression, in under a second.
QUICK = ["data=page1", "model=linear", "metrics=[]", "validation=none", "epochs=1", "plots=[]"]
EXPERIMENT = "experiments/mine.yaml"


@dataclass(frozen=True)
class Case:
    """A command line in a folder with some files, and the line that answers it."""

    id: str
    words: list[str]
    line: str
    files: dict[str, str] = field(default_factory=dict)
    code: int = 2


def experiment(id: str, text: str, line: str, *words: str) -> Case:
    """Return the case of a file in ./experiments."""
    return Case(id, ["experiment=mine", *words], line, {EXPERIMENT: text})


def cases(id: str, line: str, *words: str) -> list[Case]:
    """Return a case for each word; `{}` in the line stands for the word's value."""
    return [Case(f"{id}-{word}", [word], line.format(re.escape(word.partition("=")[2]))) for word in words]


BEFORE_TENSORFLOW = [
    # C1, C2: a name that no option has
    Case(
        "C1-loss",
        ["loss=categorical_crossentrpy"],
        r"unknown loss 'categorical_crossentrpy'; did you mean 'categorical_crossentropy'\?",
    ),
    Case("C1-validation", ["validation=holdot"], r"unknown validation 'holdot'; did you mean 'holdout'\?"),
    Case("C1-schedule", ["optimizer/learning_rate=cosin"], r"unknown optimizer/learning_rate 'cosin'; did you mean 'cosine'\?"),
    Case("C1-nothing-near", ["loss=banana"], r"unknown loss 'banana'; lmrun help loss lists all \d+"),
    Case("C1-nothing", ["loss="], r"unknown loss ''; lmrun help loss lists all \d+"),
    Case("C1-twice-the-sign", ["loss==mse"], r"unknown loss '=mse'; did you mean 'mse'\?"),
    Case("C1-experiment", ["experiment=hedline"], r"unknown experiment 'hedline'; did you mean 'headline'\?"),
    Case("C1-in-a-sweep", ["-m", "loss=mse,mea"], r"unknown loss 'mea'; did you mean 'mae'\?"),
    Case("C2-in-a-list", ["metrics=[acu]"], r"unknown metric 'acu'; did you mean 'acc' or 'auc'\?"),
    Case("C2-in-a-sum", ["metrics=auc+recal"], r"unknown metric 'recal'; did you mean 'recall'\?"),
    Case("C2-callback", ["callbacks=early_stoping"], r"unknown callback 'early_stoping'; did you mean 'early_stopping'\?"),
    # C3, C4: a key that no option has, with and without plus
    Case("C3-group", ["optimzer.lr=0.1"], r"unknown key 'optimzer.lr'; did you mean 'optimizer.learning_rate'\?"),
    Case("C3-parameter", ["validation.splt=0.5"], r"unknown key 'validation.splt'; did you mean 'validation.split'\?"),
    Case("C3-alias-of-an-option", ["loss=cce", "loss.label_smothing=1"], r"unknown key .*'loss.label_smoothing'\?"),
    Case("C3-of-another-option", ["data.path=x.csv"], r"unknown key 'data.path'; path belongs to data=csv or \w+ or \w+"),
    Case("C3-mistyped-of-another", ["loss.label_smothing=1"], r"unknown key .*; label_smoothing belongs to loss=\w+ or .*"),
    Case(
        "C3-of-an-option-not-chosen",
        ["metrics.auc.curve=PR"],
        r"unknown key .*; auc is not chosen, metrics=auto\+auc does that",
    ),
    Case("C3-group-for-a-setting", ["losss=mse"], r"unknown key 'losss'; did you mean 'loss'\?"),
    Case("C3-delete", ["~optimizer.momentum"], r"unknown key 'optimizer.momentum'; .*"),
    Case("C3-delete-a-group", ["~metrics"], r"~metrics finds nothing to delete; type metrics=\[\] for none"),
    Case("C3-delete-the-loss", ["~loss"], r"loss must be one option and is none; lmrun help loss lists them"),
    Case("C4-one-plus", ["+epoch=5"], r"unknown key 'epoch'; did you mean 'epochs'\?"),
    Case(
        "C4-two-pluses",
        ["++optimizer.learning_rat=5"],
        r"unknown key 'optimizer.learning_rat'; did you mean .*learning_rate'\?",
    ),
    Case("C4-nothing-near", ["+name=损失é"], r"unknown key 'name'; lmrun --cfg job lists every key"),
    Case("C4-nested", ["+foo.bar=3"], r"unknown key 'foo'; lmrun --cfg job lists every key"),
    # C5, C6, C7, C17: a value that cannot be meant
    *cases("C5", "epochs must be a whole number >= 1, got '?{}'?", "epochs=abc", "epochs=0"),
    *cases("C6", "batch_size must be a whole number >= 1, got {}", "batch_size=0"),
    *cases("C7", "optimizer.learning_rate must be a number > 0, got {}", "optimizer.learning_rate=-1"),
    Case("C7-decay", ["decay=abc"], "optimizer.learning_rate.decay_rate must be a number >= 0, got 'abc'"),
    *cases("C17", r"model.dropout must be a number in \[0, 1\), got {}", "model.dropout=1.5"),
    *cases("text", "monitor must be text, got '{}'", "monitor=null"),
    *cases("precision", "precision must be float32, mixed_bfloat16 or mixed_float16, got '{}'", "precision=bf16"),
    # C11: the same thing twice
    Case("C11-list", ["metrics=[accuracy,accuracy]"], "metrics: 'accuracy' is listed twice"),
    Case("C11-sum", ["metrics=auc+auc"], "metrics: 'auc' is listed twice"),
    # C13: a word without a reading
    Case("C13-open-list", ["model.units=[8,"], r"cannot read 'model.units=\[8,': missing '\]'"),
    Case("C13-a-sweep-without-m", ["seed=1,2"], r"seed=1,2: several values; a sweep is typed lmrun -m seed=1,2, a list .*"),
    Case("C13-choice-without-m", ["seed=choice(1,2)"], r"seed=choice\(1,2\) is a sweep; type lmrun -m .*"),
    # C14: flags
    Case("C14-near", ["--cfgg"], r"unknown option '--cfgg'; did you mean '--cfg'\?"),
    Case("C14-far", ["--foo"], "unknown option '--foo'"),
    Case("C14-no-value", ["--cfg"], "--cfg/-c: expected one argument"),
    Case("C14-wrong-value", ["--cfg=jobb"], r"--cfg/-c: invalid choice: 'jobb' .*"),
    Case("C14-package", ["--cfg", "job", "-p", "dat"], r"--package=dat is no part of the config; did you mean 'data'\?"),
    Case("C14-config-name", ["--config-name=nope"], "Cannot find primary config 'nope'. .*"),
    Case("C14-config-dir", ["--config-dir=/nope"], "--config-dir: '/nope' is no folder"),
    Case("C14-rerun", ["--experimental-rerun=x.pickle"], "--experimental-rerun unpickles a file, which lmrun never does"),
    Case("C14-verb", ["plto", "outputs/latest"], r"unknown verb 'plto'; did you mean 'plot'\?"),
    Case("C14-group-as-a-verb", ["loss"], "unknown verb 'loss'; a choice is typed loss=NAME, a setting NAME=VALUE"),
    # C15: YAML that cannot be read, and what is left open
    experiment("C15-tab", "epochs: 3\n\tseed: 1\n", rf"{EXPERIMENT}:2:1: found .*; indent with spaces"),
    experiment("C15-duplicate", "epochs: 3\nepochs: 4\n", rf"{EXPERIMENT}:2:1: found duplicate key epochs"),
    experiment(
        "C15-indent", "model:\n   a: 1\n  b: 2\n", rf"{EXPERIMENT}:3:3: (expected <block end>, but found|did not find) .*"
    ),
    experiment(
        "C15-open-list",
        "model:\n  hidden: [3\nseed: 1\n",
        rf"{EXPERIMENT}:3:\d: (expected ',' or '\]', but got ':'|did not find .*)",
    ),
    experiment("C15-a-list", "- a\n", rf"{EXPERIMENT}: an experiment is a mapping, such as epochs: 5"),
    experiment("C15-value", "epochs: abc\n", rf"{EXPERIMENT}: epochs must be a whole number >= 1, got 'abc'"),
    experiment("C15-key", "epoch: 3\n", rf"{EXPERIMENT}: unknown key 'epoch'; did you mean 'epochs'\?"),
    experiment("C15-lr", "lr: 3\n", rf"{EXPERIMENT}: unknown key 'lr'; did you mean 'optimizer.learning_rate'\?"),
    experiment(
        "C15-name-for-a-node", "data: csv\n", r"data is no option of data but 'csv'; .* defaults: \[override /data: csv\]"
    ),
    experiment("C15-defaults", "defaults: [/loss: mse]\n", r"loss is chosen twice; .* defaults: \[override /loss: NAME\]"),
    experiment("C15-left-open", "epochs: ???\n", rf"{EXPERIMENT}: epochs is \?\?\?; give it a value, or .*"),
    experiment("C15-settings-only", "metrics: {auc: {curve: PR}}\n", "metrics.auc has settings and is not chosen; .*"),
    Case("C15-tab-in-conf", ["loss=mine"], r"conf/loss/mine.yaml:2:1: .*", {"conf/loss/mine.yaml": "_target_: x\n\ty: 1\n"}),
    Case(
        "C15-duplicate-in-conf",
        ["loss=mine"],
        "conf/loss/mine.yaml:3:1: found duplicate key a",
        {"conf/loss/mine.yaml": "# Mine.\na: 1\na: 2\n"},
    ),
    Case("C15-missing", ["data=csv"], "data.path has no default and was not given; type data.path=…"),
    Case("C15-missing-next", ["data=csv", "data.path=x"], "data.target has no default and was not given; type data.target=…"),
    Case("C15-missing-variable", ["seed=${oc.env:NOPE_X}"], "seed: Environment variable 'NOPE_X' not found"),
    experiment(
        "C15-missing-variable-in-a-file", "monitor: ${oc.env:NOPE_X}\n", "monitor: Environment variable 'NOPE_X' not found"
    ),
    Case("C15-cycle", ["seed=${epochs}", "epochs=${seed}"], r"\w+: Recursive interpolation detected"),
    Case("C15-no-such-key", ["seed=${nope}"], "seed: Interpolation key 'nope' not found"),
    Case("C15-no-such-resolver", ["seed=${nope:1}"], "seed: Unsupported interpolation type nope"),
    # an option of several, which Hydra would merge into its neighbours
    *(
        Case(
            f"package-{id}",
            ["metrics=[mine,auc]"],
            "conf/metrics/mine.yaml: its first line must be '# @package metrics.mine'",
            {"conf/metrics/mine.yaml": f"{first}\n_target_: keras.metrics.AUC\n"},
        )
        for id, first in {
            "none": "# Mine.",
            "of-another": "# @package metrics.auc",
            "late": "# Mine.\n# @package metrics.mine",
        }.items()
    ),
    # C19: YAML from elsewhere that reaches for code or for other places
    experiment("C19-target", "loss: {_target_: os.system, command: ls}\n", "loss: 'os.system' is neither .* --allow-code=os"),
    experiment("C19-nested", "model: {x: [{_target_: os.system}]}\n", r"unknown key 'model.x'; .*"),
    experiment(
        "C19-nested-in-own-code",
        "model:\n  _target_: keras.Sequential\n  layers: [{_target_: pickle.loads}]\n",
        r"model.layers\[0\]: 'pickle.loads' is neither .*",
    ),
    experiment(
        "C19-lmruns-own-writers",
        "data: {_target_: lossmetric_cli.store.remove_folder, folder: /}\n",
        "data: 'lossmetric_cli.store.remove_folder' runs or loads what a config cannot vouch for; no YAML reaches it",
    ),
    *(
        experiment(
            f"C19-{key}", f"hydra: {text}\n", rf"{EXPERIMENT} sets {key}, which can run code or write anywhere; remove it.*"
        )
        for key, text in {
            "hydra.callbacks": "{callbacks: {x: {_target_: os.system}}}",
            "hydra.launcher._target_": "{launcher: {_target_: os.system}}",
            "hydra.run.dir": "{run: {dir: /}}",
            "hydra.sweep.dir": "{sweep: {dir: /}}",
            "hydra.sweep.subdir": "{sweep: {subdir: ../../x}}",
            "hydra.output_subdir": "{output_subdir: x}",
            "hydra.job.env_set": "{job: {env_set: {PATH: x}}}",
            "hydra.job.chdir": "{job: {chdir: true}}",
            "hydra.job_logging": "{job_logging: {handlers: {x: {class: logging.FileHandler, filename: /tmp/x}}}}",
            "hydra.hydra_logging": "{hydra_logging: {formatters: {x: {'()': os.system}}}}",
            "hydra.mode": "{mode: MULTIRUN}",
        }.items()
    ),
    experiment("C19-search-path", "hydra: {searchpath: [file:///tmp]}\n", rf"{EXPERIMENT}: Overriding hydra.searchpath .*"),
    experiment("C19-env-copy", "hydra: {job: {env_copy: [NOPE_X]}}\n", "the environment variable 'NOPE_X' is not set"),
    experiment("C19-by-a-defaults-list", "defaults: [/loss@hydra.callbacks: mse]\n", rf"{EXPERIMENT} sets hydra.callbacks, .*"),
    Case(
        "C19-in-a-sweep",
        ["-m", "experiment=good,evil"],
        "experiments/evil.yaml sets hydra.job_logging, .*",
        {
            "experiments/good.yaml": "epochs: 1\n",
            "experiments/evil.yaml": "hydra: {job_logging: {handlers: {x: {class: y}}}}\n",
        },
    ),
    Case(
        "C19-in-conf",
        ["loss=mine"],
        "a file of conf/ sets hydra.callbacks, .*",
        {"conf/loss/mine.yaml": "# @package _global_\nhydra: {callbacks: {x: {_target_: os.system}}}\n"},
    ),
    Case("C19-typed", ["hydra.run.dir=/"], "the command line sets hydra.run.dir, .*; out=FOLDER says where run folders go"),
    Case("C19-typed-group", ["hydra/job_logging=default"], "the command line sets hydra.job_logging, .*"),
    # C20: values that are no names of files
    Case("C20-a-name-too-long", [f"out={LONG}"], f"cannot create .*{LONG}.*: File name too long; set out=FOLDER .*", code=5),
    Case("C20-a-file-in-the-way", ["out=there"], "cannot create .*there.*: Not a directory; .*", {"there": ""}, code=5),
]

#: Run in a process of its own, where nothing has loaded TensorFlow yet: each case in a folder of its own.
ANSWER_EACH = """
import contextlib, io, json, os, pathlib, sys
from lossmetric_cli.cli import answer

root, heavy = pathlib.Path(sys.argv[1]), sys.argv[2].split()
outcomes = {}
for number, case in enumerate(json.load(sys.stdin)):
    folder = root / str(number)
    folder.mkdir()
    for name, text in case["files"].items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    os.chdir(folder)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = answer(case["words"])
    records = [str(path) for path in folder.rglob("run.json")]
    loaded = [name for name in heavy if name in sys.modules]
    outcomes[case["id"]] = {"code": code, "out": out.getvalue(), "err": err.getvalue(), "records": records, "loaded": loaded}
json.dump(outcomes, sys.stdout)
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What `lmrun` answers to every case that needs no model."""
    halves = [BEFORE_TENSORFLOW[::2], BEFORE_TENSORFLOW[1::2]]
    folders = [tmp_path_factory.mktemp("cases") for _ in halves]  # not in the threads, of which one would clear the other's
    with ThreadPoolExecutor() as pool:
        return dict(item for answered in pool.map(answer_each, folders, halves) for item in answered.items())


def answer_each(folder: Path, asked: list[Case]) -> dict[str, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-c", ANSWER_EACH, folder, " ".join(HEAVY)],
        input=json.dumps([asdict(case) for case in asked]),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module", autouse=True)
def tensorflow() -> None:
    """Let TensorFlow say what it says while it loads before the first line is looked at."""
    load_tensorflow()


def check_form(err: str, line: str) -> None:
    """Hold what was said to the form: one line of error, and beside it nothing but notes and the way to the details."""
    said = [text for text in err.splitlines() if not text.startswith((" note ", "  details: "))]
    assert len(said) == 1, err
    assert said[0].startswith("lmrun: error: ")
    fact = re.sub(r" \[\w+\]$", "", said[0].removeprefix("lmrun: error: "))  # the name of the check that found it
    assert re.fullmatch(line, fact), fact
    assert len(fact) <= 300 or LONG in fact, len(fact)


by_id = pytest.mark.parametrize("case", BEFORE_TENSORFLOW, ids=lambda case: case.id)


@by_id
def test_mistake_is_answered_with_one_line_and_its_exit_code(answers, case: Case):
    answered = answers[case.id]
    check_form(answered["err"], case.line)
    assert answered["code"] == case.code
    assert answered["out"] == ""


@by_id
def test_mistake_leaves_no_run_folder(answers, case: Case):
    assert answers[case.id]["records"] == []


def test_mistakes_are_answered_without_tensorflow_and_its_like(answers):
    assert {name: answered["loaded"] for name, answered in answers.items() if answered["loaded"]} == {}


def test_every_id_stands_for_one_case():
    assert len({case.id for case in BEFORE_TENSORFLOW}) == len(BEFORE_TENSORFLOW)


@pytest.fixture(scope="module")
def config() -> DictConfig:
    """The config that no word makes, composed once."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        answer(["--cfg", "job"])
    return OmegaConf.merge(OmegaConf.structured(RunSpec), OmegaConf.create(out.getvalue()))


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("epochs", -1, "epochs must be a whole number >= 1, got -1"),
        ("batch_size", -1, "batch_size must be a whole number >= 1, got -1"),
        ("seed", -1, "seed must be a whole number >= 0, got -1"),
        ("threads", 0, "threads must be a whole number >= 1, got 0"),
        ("optimizer.learning_rate", 0, "optimizer.learning_rate must be a number > 0, got 0"),
        ("optimizer.learning_rate", float("nan"), "optimizer.learning_rate must be a number > 0, got nan"),
        ("optimizer.learning_rate", float("inf"), "optimizer.learning_rate must be a number > 0, got inf"),
        ("optimizer.learning_rate", "abc", "optimizer.learning_rate must be a number > 0, got 'abc'"),
        ("optimizer.learning_rate", None, "optimizer.learning_rate must be a number > 0, got null"),
        ("optimizer.learning_rate", True, "optimizer.learning_rate must be a number > 0, got true"),
        ("optimizer.learning_rate", [1], r"optimizer.learning_rate must be a number > 0, got \[1\]"),
        ("optimizer.amsgrad", "maybe", "optimizer.amsgrad must be true or false, got 'maybe'"),
        ("model.dropout", -0.1, r"model.dropout must be a number in \[0, 1\), got -0.1"),
        ("model.l2", -1, "model.l2 must be a number >= 0, got -1"),
        ("model.hidden", 0, r"model.hidden\[0\] must be a whole number >= 1, got 0"),
        ("model.hidden", [8, "abc"], r"model.hidden\[1\] must be a whole number >= 1, got 'abc'"),
        ("out", "", "out must not be empty; .*"),
        ("monitor", " ", "monitor must not be empty; .*"),
        ("mode", "maximum", "mode must be auto, min or max, got 'maximum'"),
        ("device", "cuda", "device must be auto, cpu, gpu, gpu:1 or gpu:0.1, got 'cuda'"),
        ("data", None, "data must be one option and is none; lmrun help data lists them"),
        ("loss", "mse", r"loss is no option of loss but 'mse'; type loss=mse, .*"),
        ("metrics", {"auc": "PR"}, "metrics.auc is no option of metrics but 'PR'; .*"),
    ],
    ids=lambda value: str(value) if not isinstance(value, str) or len(value) < 30 else "",
)
def test_value_that_cannot_be_meant_is_named_with_its_path(config: DictConfig, path: str, value: Any, line: str):
    asked = copy.deepcopy(config)
    OmegaConf.update(asked, path, value, merge=False, force_add=True)
    with pytest.raises(ConfigError) as raised:
        load(asked)
    assert re.fullmatch(line, str(raised.value))


NEEDS_A_MODEL = [
    Case(
        "C8",
        ["callbacks=early_stopping", "callbacks.early_stopping.monitor=val_acc"],
        "callbacks.early_stopping watches 'val_acc', which this run does not log; did you mean 'val_accuracy'.*",
    ),
    Case(
        "C9",
        ["callbacks=early_stopping", "callbacks.early_stopping.monitor=val_loss", "validation=none"],
        "callbacks.early_stopping watches 'val_loss' and nothing is validated; .*",
    ),
    Case(
        "C10",
        ["metrics=c10_metrics.area", "monitor=val_area"],
        "monitor watches 'val_area', and whether more of it is better is not known; type mode=max or min",
        {"c10_metrics.py": "def area(y_true, y_pred):\n    return y_pred\n"},
    ),
    Case("C16-contradiction", ["loss=cce", "data=linear"], "loss=categorical_crossentropy is for multiclass tasks, .*"),
    Case(
        "C16-softmax-of-one",
        ["loss=bce", "data=breast_cancer", "model.output_activation=softmax"],
        "model: 1 output with softmax is always 1.0; type model.output_activation=sigmoid",
    ),
    Case("data-is-not-there", ["data=csv", "data.path=nope.csv", "data.target=y"], ".*'nope.csv' not found; .*", code=3),
    Case("C20-path-too-long", ["data=csv", f"data.path={LONG}", "data.target=y"], ".*File name too long; .*", code=3),
]


@pytest.mark.parametrize("case", NEEDS_A_MODEL, ids=lambda case: case.id)
def test_mistake_that_only_the_data_or_the_model_shows_is_refused_before_training(
    lmrun, tmp_path: Path, monkeypatch, case: Case
):
    monkeypatch.setattr(sys, "path", sys.path.copy())
    for name, text in case.files.items():
        (tmp_path / name).write_text(text)
    data = [] if any(word.startswith("data=") for word in case.words) else ["data=blobs"]
    outcome = lmrun(*case.words, *data, "epochs=1", "plots=[]", code=case.code)
    check_form(outcome.err, case.line)
    assert not list(tmp_path.rglob("history.csv"))
    is_kept = case.code != 2
    assert len(list(tmp_path.rglob("run.json"))) == len(list(tmp_path.rglob("error.log"))) == is_kept
    assert ("  details: " in outcome.err) == is_kept


def test_details_lead_to_the_traceback(lmrun):
    outcome = lmrun("data=csv", "data.path=nope.csv", "data.target=y", code=3)
    log = Path(outcome.err.split("  details: ")[1].strip())
    assert "Traceback" in log.read_text()
    assert "Traceback" not in outcome.err


def test_debug_prints_the_traceback_before_the_line(lmrun, monkeypatch):
    monkeypatch.setenv("LMRUN_DEBUG", "1")
    err = lmrun("loss=banana", code=2).err
    assert err.startswith("Traceback")
    assert err.splitlines()[-1].startswith("lmrun: error: unknown loss 'banana'")


def test_what_can_be_mended_is_mended(lmrun):
    """A number in quotes is a number, and a lone value is a list of one where the option has a list."""
    outcome = lmrun(*QUICK, "optimizer.learning_rate='0.01'", "model=mlp", "model.hidden=6")
    assert outcome.history["learning_rate"][0] == pytest.approx(0.01)
    assert "mlp(6)" in outcome.err


def test_a_run_folder_is_named_safely_and_lies_where_out_says_from_the_working_folder_on(lmrun, tmp_path: Path, monkeypatch):
    here = tmp_path / "work"
    here.mkdir()
    monkeypatch.chdir(here)
    name = f"{'é' * 40} ;$(x) {'y' * 150}.csv"
    (here / name).write_text("a,b\n" + "".join(f"{i},{i % 2}\n" for i in range(40)))
    outcome = lmrun(*QUICK, "data=csv", f"data.path={name}", "data.target=b", "out=../elsewhere")
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,100}", outcome.folder.name)
    assert outcome.json("run.json")["config"]["data"]["path"] == name
    assert outcome.folder.parent.parent == tmp_path / "elsewhere"
    assert [path.name for path in here.iterdir()] == [name]


def test_a_working_folder_of_any_name_has_its_options_and_its_sweeps(lmrun, tmp_path: Path, monkeypatch):
    here = tmp_path / "it's 100% mine, é"
    (here / "conf" / "loss").mkdir(parents=True)
    (here / "conf" / "loss" / "mine.yaml").write_text("# Mine.\n_target_: keras.losses.MeanSquaredError\n")
    monkeypatch.chdir(here)
    outcome = lmrun("-m", "loss=mine", *QUICK)
    assert outcome.folder.is_relative_to(here / "outputs" / "sweeps")
    assert (outcome.folder / "0" / "history.csv").exists()


def test_own_option_with_the_name_of_one_of_ours_is_not_used_and_that_is_said(lmrun, tmp_path: Path):
    (tmp_path / "conf" / "loss").mkdir(parents=True)
    (tmp_path / "conf" / "loss" / "mse.yaml").write_text("# Mine.\n_target_: nowhere.to.be.found\n")
    outcome = lmrun("loss=mse", *QUICK)
    assert "conf/loss/mse.yaml is not used: mse is an option of lmrun; give yours another name" in outcome.err


def test_a_config_of_the_working_folder_does_not_replace_ours(lmrun, tmp_path: Path):
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "config.yaml").write_text("epochs: 77\n")
    assert "epochs: 30" in lmrun("--cfg", "job").out


@pytest.mark.parametrize("stream", [1, 2], ids=["stdout", "stderr"])
def test_closed_stream_is_no_fault(stream: int, tmp_path: Path):
    command = f"exec {stream}>&-; exec {sys.executable} -m lossmetric_cli data=iris epochs=1 plots=[] model.hidden=[2]"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert (tmp_path / "outputs" / "latest" / "metrics.json").exists()


def test_reader_that_leaves_does_not_end_the_run(tmp_path: Path):
    command = f"{sys.executable} -m lossmetric_cli data=iris epochs=2 plots=[] model.hidden=[2] 2>&1 >out | true"
    subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, timeout=300, check=False)
    assert (tmp_path / "outputs" / "latest" / "metrics.json").exists()
