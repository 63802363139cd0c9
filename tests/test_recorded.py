"""A run's own config composed again: what the record has stays, and what the new words say changes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Outcome
from omegaconf import OmegaConf

from lossmetric_cli import spec as specs
from lossmetric_cli.cli.recorded import recorded, run_of
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.spec import RunSpec

WORDS = (
    *("data=iris", "metrics=[auc]", "metrics.auc.curve=PR", "model.hidden=[4]", "model.dropout=0.25"),
    *("optimizer/learning_rate=cosine_decay", "lr=0.01", "epochs=1", "plots=[]"),
)


@pytest.fixture
def run(run_once: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run folder of the test's own."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(run_once(*WORDS).folder, tmp_path / "run"))


def composed(run: Path, *words: str) -> dict[str, Any]:
    return OmegaConf.to_container(recorded(run, list(words)), enum_to_str=True)


def edited(run: Path, **changes: Any) -> None:
    """Change settings in the record of a run, as if conf/ had been edited since."""
    file = run / ".hydra" / "config.yaml"
    config = yaml.safe_load(file.read_text(encoding="utf-8"))
    for path, value in changes.items():
        *steps, last = path.split("__")
        node = config
        for step in steps:
            node = node[step]
        node[last] = value
    file.write_text(yaml.safe_dump(config), encoding="utf-8")


def test_without_words_it_is_what_the_run_recorded(run: Path):
    assert composed(run) == yaml.safe_load((run / ".hydra" / "config.yaml").read_text(encoding="utf-8"))


def test_it_becomes_what_the_runner_takes(run: Path):
    asked, _ = specs.load(recorded(run, ["epochs=3"]))
    assert isinstance(asked, RunSpec)
    assert (asked.epochs, asked.model["hidden"]) == (3, [4])


def test_a_metric_beside_those_of_the_run_leaves_their_settings(run: Path):
    metrics = composed(run, "metrics=auc+mcc")["metrics"]
    assert list(metrics) == ["auc", "mcc"]
    assert metrics["auc"]["curve"] == "PR"


def test_settings_of_a_metric_that_is_gone_go_with_it(run: Path):
    assert list(composed(run, "metrics=[accuracy]")["metrics"]) == ["accuracy"]


def test_another_model_takes_the_settings_that_it_knows(run: Path):
    model = composed(run, "model=gru")["model"]
    assert model["_target_"].endswith(".gru")
    assert model["dropout"] == 0.25
    assert "hidden" not in model


def test_the_same_model_keeps_its_settings(run: Path):
    assert composed(run, "model=mlp")["model"] == composed(run)["model"]


def test_a_rate_is_that_of_the_runs_own_schedule(run: Path):
    assert composed(run, "lr=0.5")["optimizer"]["learning_rate"]["initial_learning_rate"] == 0.5


def test_a_schedule_can_be_taken_away(run: Path):
    assert composed(run, "optimizer/learning_rate=null")["optimizer"]["learning_rate"] == 0.001


def test_edits_of_conf_since_then_do_not_sneak_in(run: Path):
    edited(run, epochs=77, model__activation="tanh", metrics__auc__num_thresholds=50, optimizer__beta_1=0.5)
    found = composed(run, "model.dropout=0.5", "metrics=auc+mcc", "optimizer.beta_2=0.9")
    assert found["epochs"] == 77
    assert (found["model"]["activation"], found["model"]["dropout"]) == ("tanh", 0.5)
    assert found["metrics"]["auc"]["num_thresholds"] == 50
    assert (found["optimizer"]["beta_1"], found["optimizer"]["beta_2"]) == (0.5, 0.9)


def test_a_word_that_says_what_conf_says_by_now_counts_all_the_same(run: Path):
    edited(run, batch_size=7, model__activation="tanh", loss___target_="keras.losses.Huber")
    found = composed(run, "batch_size=32", "model.activation=relu", "loss=auto")
    assert (found["batch_size"], found["model"]["activation"]) == (32, "relu")
    assert found["loss"] == {"_target_": "lossmetric_cli.losses.auto"}


def test_an_option_can_be_deleted(run: Path):
    assert composed(run, "~metrics.auc")["metrics"] == {}
    assert composed(run, "metrics=[]")["metrics"] == {}


def test_an_interpolation_stays_one(run: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WIDTH", "16")
    edited(run, model__hidden="${oc.env:WIDTH}")
    assert composed(run, "epochs=2")["model"]["hidden"] == "${oc.env:WIDTH}"


def test_settings_of_later_versions_have_their_defaults(run: Path):
    file = run / ".hydra" / "config.yaml"
    config = yaml.safe_load(file.read_text(encoding="utf-8"))
    del config["validation_freq"]
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    info = json.loads((run / "run.json").read_text(encoding="utf-8"))
    del info["config"]["validation_freq"]
    (run / "run.json").write_text(json.dumps(info), encoding="utf-8")
    assert composed(run)["validation_freq"] == 1


def test_a_fold_has_the_config_of_its_run(run: Path):
    fold = run / "folds" / "1"
    fold.mkdir(parents=True)
    fold.joinpath("run.json").write_text(json.dumps({"fold": 1, "overrides": list(WORDS)}), encoding="utf-8")
    assert composed(fold, "epochs=9") == composed(run, "epochs=9")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["metrics.auc.curv=ROC"], "unknown key 'metrics.auc.curv'; did you mean 'metrics.auc.curve'?"),
        (["metrics=[acuracy]"], "unknown metric 'acuracy'; did you mean 'accuracy'?"),
        (["epochs=many"], "epochs must be"),
        (["epochs=1,2"], "several values"),
        (["-m", "epochs=1,2"], "leave -m"),
        (["--alow-code=x"], "did you mean '--allow-code'?"),
        (["hydra.run.dir=/tmp/elsewhere"], "hydra.run.dir"),
    ],
)
def test_words_are_refused_as_ever(run: Path, words: list[str], told: str):
    with pytest.raises(ConfigError) as error:
        recorded(run, words)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"loss___target_": "os.system"}, "loss: 'os.system' is neither Keras' nor lmrun's"),
        ({"data___target_": "keras.layers.Lambda"}, "data: 'keras.layers.Lambda' runs or loads"),
        ({"outputs": {"a": {"loss": {"_target_": "subprocess.run"}}}}, "outputs.a.loss: 'subprocess.run'"),
        ({"hydra": {"run": {"dir": "/"}}}, "unknown key 'hydra'"),
        ({"epochs": "many"}, "epochs"),
        ({"data__password": "***"}, "data.password is a secret, which a record does not keep; type data.password=…"),
    ],
)
def test_a_record_from_elsewhere_is_checked_as_any_config(run: Path, changes: dict[str, Any], told: str):
    edited(run, **changes)
    with pytest.raises(ConfigError) as error:
        recorded(run, [])
    assert told in str(error.value)


def test_words_of_a_record_from_elsewhere_are_no_flags(run: Path):
    info = json.loads((run / "run.json").read_text(encoding="utf-8"))
    info["overrides"] = ["--allow-code=os", "loss=os.system"]
    (run / "run.json").write_text(json.dumps(info), encoding="utf-8")
    with pytest.raises(ConfigError, match="the run's own words do not compose any more"):
        recorded(run, ["epochs=2"])


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match="is no run folder"):
        recorded(tmp_path, [])


def test_a_run_without_its_config_is_refused(run: Path):
    shutil.rmtree(run / ".hydra")
    with pytest.raises(ConfigError, match=r"config\.yaml is missing"):
        recorded(run, [])


@pytest.mark.parametrize("share", [0.1, 0.5, 0.97])
def test_a_config_that_is_torn_is_damaged_and_no_other_request(run: Path, share: float):
    file = run / ".hydra" / "config.yaml"
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join(lines[: int(share * len(lines))]), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"config\.yaml is damaged: it lacks .*, which the run's run\.json has"):
        recorded(run, [])


def test_the_folder_of_all_runs_is_no_sweep_and_names_the_latest(run: Path):
    (run.parent / "latest").symlink_to(run)
    with pytest.raises(ConfigError, match=r"^\. is no run folder, it holds them; type lmrun eval latest$"):
        run_of(["."], "eval")


def test_a_sweep_is_told_from_folders_of_other_names(run: Path, tmp_path: Path):
    with pytest.raises(ConfigError, match="is no run folder"):
        run_of([str(tmp_path)], "eval")
    run.rename(tmp_path / "0")
    with pytest.raises(ConfigError, match=r"is a sweep; type lmrun eval .*/0 for one of its jobs"):
        run_of([str(tmp_path)], "eval")
