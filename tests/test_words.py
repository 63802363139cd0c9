"""What a person types, and the overrides that Hydra gets."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lossmetric_cli.cli.words import parse, quote, read
from lossmetric_cli.errors import ConfigError

DECAY = ["optimizer/learning_rate=inverse_time_decay", "optimizer.learning_rate.decay_steps=1"]
INITIAL = "optimizer.learning_rate.initial_learning_rate"


def config(outcome) -> dict:
    """Return what `--cfg job` printed."""
    return yaml.safe_load(outcome.out)


@pytest.mark.parametrize(
    ("typed", "understood"),
    [
        pytest.param(["lr=0.1"], ["optimizer.learning_rate=0.1"], id="lr"),
        pytest.param(["optimizer.lr=0.1"], ["optimizer.learning_rate=0.1"], id="optimizer.lr"),
        pytest.param(["learning_rate=0.1"], ["optimizer.learning_rate=0.1"], id="learning_rate"),
        pytest.param(["+lr=0.1"], ["optimizer.learning_rate=0.1"], id="lr-behind-a-plus"),
        pytest.param(["++optimizer.lr=0.1"], ["optimizer.learning_rate=0.1"], id="lr-behind-two-pluses"),
        pytest.param(["lr=0.1,0.2"], ["optimizer.learning_rate=0.1,0.2"], id="several-for-a-sweep"),
        pytest.param(
            ["lr=0.1", "optimizer/learning_rate=cosine_decay"],
            [f"{INITIAL}=0.1", "optimizer/learning_rate=cosine_decay"],
            id="the-start-of-a-schedule",
        ),
        pytest.param(
            ["decay=1e-6"], [*DECAY, "optimizer.learning_rate.decay_rate=1e-6", f"{INITIAL}=0.001"], id="decay-from-adams-rate"
        ),
        pytest.param(
            ["optimizer=sgd", "decay=1e-6"],
            ["optimizer=sgd", *DECAY, "optimizer.learning_rate.decay_rate=1e-6", f"{INITIAL}=0.01"],
            id="decay-from-sgds-rate",
        ),
        pytest.param(
            ["optimizer=rms_prop", "optimizer.decay=0.5"],
            ["optimizer=rms_prop", *DECAY, "optimizer.learning_rate.decay_rate=0.5", f"{INITIAL}=0.001"],
            id="decay-from-the-rate-behind-an-alias",
        ),
        pytest.param(
            ["lr=0.5", "decay=1e-6"],
            [f"{INITIAL}=0.5", *DECAY, "optimizer.learning_rate.decay_rate=1e-6"],
            id="decay-from-a-rate-of-your-own",
        ),
        pytest.param(
            ["decay=1e-6,1e-5"],
            [*DECAY, "optimizer.learning_rate.decay_rate=1e-6,1e-5", f"{INITIAL}=0.001"],
            id="several-decays-for-a-sweep",
        ),
    ],
)
def test_the_words_of_keras_2_are_translated_and_the_translation_is_said(typed: list[str], understood: list[str]):
    words = read(typed)
    assert words.overrides == understood
    for word in set(typed) - set(understood):
        assert any(note.startswith(f"{word.lstrip('+')} is read as ") for note in words.notes)


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param(["optimizer.learning_rate=0.1"], id="a-rate"),
        pytest.param(["optimizer/learning_rate=cosine_decay", f"{INITIAL}=0.1"], id="a-schedule"),
        pytest.param(["optimizer.weight_decay=0.1"], id="weight-decay-is-another-thing"),
        pytest.param(["metrics=auc+f1", "metrics.auc.curve=PR"], id="a-plus-between-names"),
        pytest.param(["data.path=a b.csv"], id="blanks-that-hydra-reads"),
    ],
)
def test_words_that_hydra_reads_pass_unchanged(typed: list[str]):
    assert read(typed).overrides == typed
    assert not read(typed).notes


def test_decay_starts_at_the_rate_of_the_optimizer(lmrun):
    rate = config(lmrun("--cfg", "job", "optimizer=sgd", "decay=1e-6"))["optimizer"]["learning_rate"]
    assert rate["_target_"] == "keras.optimizers.schedules.InverseTimeDecay"
    assert (rate["initial_learning_rate"], rate["decay_steps"], rate["decay_rate"]) == (0.01, 1, 1e-6)


def test_a_null_schedule_leaves_the_optimizers_own_rate(lmrun):
    words = ["optimizer/learning_rate=cosine_decay", "optimizer/learning_rate=null"]
    assert config(lmrun("--cfg", "job", *words))["optimizer"]["learning_rate"] == 0.001


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        pytest.param(["decay=0.1", "optimizer/learning_rate=cosine_decay"], "keep one of them", id="decay-beside-a-schedule"),
        pytest.param(["decay=0.1", "optimizer=sgd,adam"], "learning rate of optimizer=sgd,adam", id="decay-of-two-optimizers"),
        pytest.param(["decay=0.1", "experiment=x"], "learning rate of experiment=x", id="decay-of-an-experiments-optimizer"),
    ],
)
def test_decay_without_one_rate_to_decay_is_refused(typed: list[str], reason: str):
    with pytest.raises(ConfigError, match=reason):
        read(typed)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        pytest.param("data.path=Résumé.csv", "Résumé.csv", id="letters-beyond-ascii"),
        pytest.param("data.target=sepal length (cm)", "sepal length (cm)", id="brackets"),
        pytest.param("data.sep=;", ";", id="a-semicolon"),
        pytest.param("data.path=/home/o'brien/x.csv", "/home/o'brien/x.csv", id="a-quote"),
        pytest.param("data.path=C:\\x;y\\", "C:\\x;y\\", id="backslashes"),
        pytest.param("data.target=a=b;c", "a=b;c", id="an-equals-sign"),
    ],
)
def test_text_that_hydra_cannot_lex_is_quoted(word: str, value: str):
    (override,) = parse(read([word]).overrides)
    assert override.value() == value


@pytest.mark.parametrize("text", ["a", "it's", "\\", "\\\\", "a\\'b", "é;(", "'", "''", 'a"b', "a,b", "x\\' \\", ""])
def test_quoted_text_is_read_back_unchanged(text: str):
    (override,) = parse([f"out={quote(text)}"])
    assert override.value() == text


@pytest.mark.parametrize(
    ("word", "fact"),
    [
        pytest.param("model.hidden=[8,", "missing ']'", id="an-open-list"),
        pytest.param("metrics=[auc]]", "one ']' too many", id="a-closed-list"),
        pytest.param("out=${oc.env:HOME", "missing '}'", id="an-open-interpolation"),
        pytest.param("=3", "no name stands before the '='", id="no-name"),
        pytest.param("data.target=é,ü", "text with a comma needs quotes of its own: \"data.target='é,ü'\"", id="a-comma"),
        pytest.param(
            "data.columns=[a,b (cm)]",
            "text with blanks, brackets or other letters needs quotes of its own in a list: \"data.columns=['a','b (cm)']\"",
            id="a-bracket-in-a-list",
        ),
    ],
)
def test_a_word_without_a_reading_is_quoted_back_with_the_fact(word: str, fact: str):
    with pytest.raises(ConfigError) as raised:
        read([word])
    assert str(raised.value) == f"cannot read '{word}': {fact}"


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        pytest.param(
            "loss=[mse,mae]", "loss takes one option, not a list; a sweep is typed -m loss=mse,mae", id="a-list-of-losses"
        ),
        pytest.param("model=[mlp]", "model takes one option, not a list", id="a-list-of-one"),
        pytest.param("loss={_target_:x}", "not a mapping; type loss=NAME loss.KEY=…", id="a-mapping"),
        pytest.param("metrics={auc:1}", "not a mapping", id="a-mapping-of-metrics"),
        pytest.param("loss=null", "type loss=NAME, or loss=none", id="null-for-a-loss"),
        pytest.param("metrics=null", "type metrics=NAME, or metrics=[] for none", id="null-for-metrics"),
        pytest.param("optimizer=null", "type optimizer=NAME", id="null-for-an-optimizer"),
        pytest.param("experiment=x,null", "null is none", id="null-among-a-sweeps-values"),
        pytest.param("metrics=[auc,f1,auc]", "metrics: 'auc' is listed twice", id="a-name-twice"),
        pytest.param("metrics=auc+auc", "metrics: 'auc' is listed twice", id="a-name-twice-in-a-sum"),
        pytest.param(
            "callbacks=[early_stopping,early_stopping]", "callbacks: 'early_stopping' is listed twice", id="a-callback-twice"
        ),
    ],
)
def test_what_hydra_would_take_the_half_of_is_refused(word: str, reason: str):
    with pytest.raises(ConfigError) as raised:
        read([word])
    assert reason in str(raised.value)


@pytest.mark.parametrize("word", ["metrics=[auc,f1]", "metrics=auc+f1"])
def test_several_metrics_are_a_list_or_a_sum(lmrun, word: str):
    assert list(config(lmrun("--cfg", "job", word))["metrics"]) == ["auc", "f1"]


@pytest.mark.parametrize("word", ["metrics=[]", "~metrics.auto"])
def test_no_metric_at_all_can_be_asked_for(lmrun, word: str):
    assert config(lmrun("--cfg", "job", word))["metrics"] == {}


def test_no_loss_at_all_can_be_asked_for(lmrun):
    assert config(lmrun("--cfg", "job", "loss=none"))["loss"] == {"_target_": None}


@pytest.mark.parametrize("word", ["experiment=mine", "+experiment=mine", "++experiment=mine"])
def test_an_experiment_needs_no_plus_and_may_have_one(lmrun, tmp_path: Path, word: str):
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "mine.yaml").write_text("# Seven epochs.\nepochs: 7\n")
    assert config(lmrun("--cfg", "job", word))["epochs"] == 7


def test_typed_words_win_over_the_experiment(lmrun, tmp_path: Path):
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "mine.yaml").write_text("# Seven epochs.\nepochs: 7\nseed: 7\n")
    asked = config(lmrun("--cfg", "job", "epochs=3", "experiment=mine"))
    assert (asked["epochs"], asked["seed"]) == (3, 7)


def test_experiment_null_is_no_experiment(lmrun):
    assert config(lmrun("--cfg", "job", "experiment=null")) == config(lmrun("--cfg", "job"))


def test_a_learning_rate_above_1_is_said_and_taken(lmrun):
    run = lmrun("data=iris", "lr=2", "epochs=1", "plots=[]", "optimizer=adadelta")
    assert "optimizer.learning_rate=2 is above 1, where most runs diverge" in run.err
