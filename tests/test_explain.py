"""What `explain` and `list` say: every name, what was meant, in any width, and in a blink."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import sklearn.ensemble
import sklearn.metrics
import tensorflow as tf
import yaml
from keras.src.trainers import compile_utils

from lossmetric_cli import losses, metrics, shipped
from lossmetric_cli.catalog import CHECKS
from lossmetric_cli.errors import ConfigError
from lossmetric_cli.explain import choosers, elsewhere, explain, foreign, list_names, page, sheets, topics
from lossmetric_cli.explain.cards import CARDS
from lossmetric_cli.explain.ideas import IDEAS
from lossmetric_cli.explain.listing import KINDS as LISTS
from lossmetric_cli.explain.topics import Topic
from lossmetric_cli.task import KINDS, Task

TOPICS = [Topic(group, name) for group in CARDS for name in CARDS[group]]
OPTIONS = {group: sorted(shipped.options(group).keys() - shipped.aliases(group)) for group in CARDS}
CHOOSERS = [Topic(*key) for key in choosers.BECOMES]
TASKS = {
    "binary": Task("binary", (4,), 1),
    "multiclass": Task("multiclass", (4,), 7),
    "multilabel": Task("multilabel", (4,), 3),
    "regression": Task("regression", (4,), 1),
}


def by_topic(chosen: list[Topic]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("topic", chosen, ids=lambda topic: f"{topic.group}/{topic.name}")


def text_of(topic: Topic, width: int = 100) -> str:
    return explain([f"{topic.group}={topic.name}"], width=width)


def flat(text: str) -> str:
    """Return a page without the breaks of its lines."""
    return " ".join(text.split())


# What there is


@pytest.mark.parametrize("group", CARDS)
def test_every_option_has_a_card_and_no_card_lacks_an_option(group: str):
    assert sorted(CARDS[group]) == OPTIONS[group]


@by_topic(TOPICS)
def test_every_alias_leads_to_the_card_of_its_option(topic: Topic):
    aliases = [alias for alias, real in shipped.aliases(topic.group).items() if real == topic.name]
    assert all(topics.find(alias, topic.group) == [topic] for alias in aliases)
    assert all(re.search(rf"\b{alias}\b", text_of(topic)) for alias in aliases)


@by_topic([topic for topic in TOPICS if sheets.target_of(topic).startswith("keras.")])
def test_the_name_of_the_class_leads_to_the_card(topic: Topic):
    assert topic.group in {found.group for found in topics.find(sheets.target_of(topic))}


@by_topic([topic for topic in TOPICS if sheets.facts_of(topic)])
def test_direction_and_tasks_are_those_of_the_catalog(topic: Topic):
    facts, text = sheets.facts_of(topic), text_of(topic)
    title = flat(text).split(".")[0]
    arrow = {"max": "↑", "min": "↓", None: ""}[getattr(facts, "direction", "min")]
    assert {sign for sign in "↑↓" if sign in title} == set(arrow)
    shown = re.search(r"^for +(.*)$", text, re.MULTILINE)[1]
    assert all((kind in shown) == (kind in facts.kinds) for kind in KINDS) or shown == "every task"


@by_topic(TOPICS)
def test_every_setting_is_shown_with_its_default(topic: Topic):
    node = yaml.safe_load(shipped.options(topic.group)[topic.name].read_text(encoding="utf-8"))
    keys = [key for key in node if key not in ("_target_", "defaults")]
    assert [text.partition("=")[0].rpartition(".")[2] for text, _ in sheets.settings(topic)] == keys
    assert [yaml.safe_load(text.partition("=")[2] or "null") for text, _ in sheets.settings(topic)] == [
        node[key] for key in keys
    ]
    assert all(text.partition("=")[0] in text_of(topic, width=110) for text, _ in sheets.settings(topic))


@by_topic([topic for topic in TOPICS if topic.group in ("loss", "metrics") and sheets.facts_of(topic)])
def test_card_of_a_loss_or_metric_says_all_that_is_asked_for(topic: Topic):
    labels = ["formula", "where", "for", "labels", "range", "averages", "source", *["settings"][: len(sheets.settings(topic))]]
    text = text_of(topic)
    assert all(re.search(rf"^{label}\b", text, re.MULTILINE) for label in [*labels, "try"])


@by_topic(TOPICS)
def test_names_that_a_card_mentions_exist(topic: Topic):
    card = sheets.card_of(topic)
    other = {"loss": "metrics", "metrics": "loss"}.get(topic.group)
    assert all(name in shipped.options(other) for name in (*card.beside, card.twin) if name)


@pytest.mark.parametrize("name", IDEAS)
def test_idea_fits_a_screen_and_leads_on(name: str):
    assert 10 <= explain([name], width=100).count("\n") <= 25
    assert all(topics.find(other) for other in IDEAS[name].see)
    assert all(topics.find(word) == [Topic(topics.IDEA, name)] for word in IDEAS[name].also)


def test_no_other_word_of_an_idea_hides_an_option_or_another_librarys_name():
    words = [word for name, idea in IDEAS.items() for word in (name, *idea.also)]
    assert len({elsewhere.plain(word) for word in words}) == len(words)
    assert not [word for word in words if any(word in shipped.options(group) for group in CARDS) or elsewhere.found(word)]


# What a name of another library is here

#: Names as their libraries spell them, of those that the tests do not install.
SPELLED = {
    "PyTorch": (
        "BCELoss BCEWithLogitsLoss CTCLoss CosineEmbeddingLoss CrossEntropyLoss HuberLoss KLDivLoss L1Loss MSELoss "
        "MultiLabelSoftMarginLoss NLLLoss PoissonNLLLoss SmoothL1Loss "
        "Adadelta Adafactor Adagrad Adam AdamW Adamax NAdam RMSprop SGD "
        "CosineAnnealingLR CosineAnnealingWarmRestarts ExponentialLR LambdaLR LinearLR MultiStepLR PolynomialLR "
        "ReduceLROnPlateau"
    ),
    "PyTorch Lightning": "CSVLogger EarlyStopping ModelCheckpoint TensorBoardLogger",
    "torchvision": "sigmoid_focal_loss",
    "torchmetrics": (
        "AUROC Accuracy AveragePrecision CohenKappa ConcordanceCorrCoef CosineSimilarity DiceScore F1Score FBetaScore "
        "HingeLoss JaccardIndex MatthewsCorrCoef MultilabelAveragePrecision "
        "KLDivergence LogCoshError MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredError MeanSquaredLogError "
        "PearsonCorrCoef PrecisionAtFixedRecall R2Score RecallAtFixedPrecision SensitivityAtSpecificity "
        "SpecificityAtSensitivity"
    ),
    "TensorFlow Addons": "PinballLoss SigmoidFocalCrossEntropy pinball_loss",
    "schedulefree": "AdamWScheduleFree",
    "CatBoost": (
        "AUC Accuracy BalancedAccuracy CrossEntropy F1 Focal HingeLoss Huber Kappa LogCosh Logloss MAE MAPE MCC MSLE "
        "MultiClass MultiCrossEntropy MultiLogloss MultiQuantile MultiRMSE PRAUC Poisson Precision Quantile R2 RMSE Recall "
        "TotalF1 WKappa"
    ),
    "XGBoost": (
        "auc aucpr binary:hinge binary:logistic binary:logitraw count:poisson error logloss mae merror mlogloss "
        "multi:softmax multi:softprob poisson-nloglik reg:absoluteerror reg:linear reg:logistic reg:pseudohubererror "
        "reg:quantileerror reg:squarederror reg:squaredlogerror rmse rmsle"
    ),
    "LightGBM": (
        "auc average_precision binary binary_error binary_logloss cross_entropy early_stopping huber l1 l2 mape multi_error "
        "multi_logloss multiclass poisson quantile regression regression_l1 regression_l2 rmse xentropy"
    ),
    "Caffe": (
        "AdaDelta AdaGrad EuclideanLoss HingeLoss MultinomialLogisticLoss Nesterov SigmoidCrossEntropyLoss SoftmaxWithLoss "
        "inv multistep poly"
    ),
    "yardstick (R)": (
        "accuracy average_precision bal_accuracy ccc f_meas huber_loss kap mae mape mcc mn_log_loss "
        "poisson_log_loss ppv pr_auc precision recall rmse roc_auc "
        "rsq_trad sens"
    ),
}
REGRESSOR = sklearn.ensemble.HistGradientBoostingRegressor._parameter_constraints["loss"][0].options
CLASSIFIER = sklearn.ensemble.GradientBoostingClassifier._parameter_constraints["loss"][0].options
V1 = tf.compat.v1
INSTALLED = {
    "scikit-learn": {*dir(sklearn.metrics), *sklearn.metrics.get_scorer_names(), *REGRESSOR, *CLASSIFIER},
    "tf.nn": {*dir(V1.nn)},
    "TensorFlow 1": {*dir(V1.losses), *dir(V1.train)},
}
TWINS = sorted({(library, name) for topic in TOPICS for library, name, _ in elsewhere.names(topic.group, topic.name)})


@pytest.mark.parametrize(("library", "name"), TWINS, ids=[f"{library}-{name}" for library, name in TWINS])
def test_name_of_another_library_is_spelled_as_it_is_there(library: str, name: str):
    assert name in (INSTALLED.get(library) or SPELLED[library].split())


@pytest.mark.parametrize("group", elsewhere.TWINS)
def test_options_that_have_names_elsewhere_exist(group: str):
    assert set(elsewhere.TWINS[group]) <= set(OPTIONS[group])


TF_1 = [
    "sigmoid_cross_entropy sigmoid_cross_entropy_with_logits -> binary_crossentropy",
    "weighted_cross_entropy_with_logits -> weighted_binary_crossentropy",
    "softmax_cross_entropy softmax_cross_entropy_with_logits softmax_cross_entropy_with_logits_v2 -> categorical_crossentropy",
    "sparse_softmax_cross_entropy sparse_softmax_cross_entropy_with_logits -> sparse_categorical_crossentropy",
]


@pytest.mark.parametrize(
    ("name", "option"),
    [(name, line.split(" -> ")[1]) for line in TF_1 for name in line.split(" -> ")[0].split()]
    + [("SoftmaxWithLoss", "sparse_categorical_crossentropy"), ("EuclideanLoss", "mean_squared_error")]
    + [("Logloss", "crossentropy"), ("MultiClass", "categorical_crossentropy"), ("binary:logistic", "binary_crossentropy")],
)
def test_explain_answers_a_loss_by_its_name_elsewhere(name: str, option: str):
    assert Topic("loss", option) in [Topic(found.group, found.name) for found in topics.find(name)]
    assert explain([f"loss={name}"], width=100).startswith(f"{option} · loss")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("loss=SoftmaxWithLoss", "unknown loss 'SoftmaxWithLoss'; here it is called sparse_categorical_crossentropy"),
        ("loss=MSELoss", "unknown loss 'MSELoss'; here it is called mean_squared_error"),
        ("metrics=auc+accuracy_score", "unknown metric 'accuracy_score'; here it is called accuracy"),
        ("optimizer=AdamOptimizer", "unknown optimizer 'AdamOptimizer'; here it is called adam"),
        ("loss=CrossEntropy", "unknown loss 'CrossEntropy'; did you mean 'crossentropy'?"),
    ],
)
def test_an_unknown_option_that_another_library_has_is_called_by_its_name_here(lmrun, word: str, message: str):
    assert lmrun(word, code=2).err == f"lmrun: error: {message}\n"


def test_a_name_of_our_own_is_no_foreign_one():
    assert foreign("mean_squared_error") is None
    assert foreign("MSELoss") == foreign("mseloss", "loss") == "mean_squared_error"
    assert foreign("MSELoss", "callbacks") is None
    assert foreign("nothing") is None


# What a name becomes by the task


@pytest.mark.parametrize("kind", KINDS)
@by_topic(CHOOSERS)
def test_a_chooser_becomes_what_the_run_takes(topic: Topic, kind: str):
    module = losses if topic.group == "loss" else metrics
    choose = getattr(module, topic.name)
    for form in choosers.forms(topic.group, topic.name, kind):
        one_hot = form.endswith("one-hot")
        settings = {"label_smoothing": 0.1 if one_hot else 0.0} if topic.group == "loss" and topic.name != "auto" else {}
        if topic.group == "metrics":
            settings = {"labels": "dense" if one_hot else "index"}
        option = choosers.becomes(topic.group, topic.name, form)
        if option is None:
            with pytest.raises(ConfigError):
                choose(task=TASKS[kind], **settings)
        else:
            taken = type(choose(task=TASKS[kind], **settings)).__name__
            assert taken == sheets.target_of(Topic(topic.group, option)).rpartition(".")[2]
            assert f"becomes     {taken}, which is {topic.group}={option}" in explain(
                [f"{topic.group}={topic.name}", f"task={kind}"], width=100
            )


SHAPES = {
    "binary": ((4, 1), (4, 1)),
    "multiclass": ((4,), (4, 7)),
    "multiclass one-hot": ((4, 7), (4, 7)),
    "multilabel": ((4, 3), (4, 3)),
    "regression": ((4, 1), (4, 1)),
}


@pytest.mark.parametrize("form", SHAPES)
@by_topic(CHOOSERS)
def test_keras_own_string_takes_what_the_page_says(topic: Topic, form: str):
    said = choosers.of_keras(topic.group, topic.name, form)
    labels, scores = (tf.zeros(shape) for shape in SHAPES[form])
    resolve = compile_utils.get_loss if topic.group == "loss" else compile_utils.get_metric
    if "raises ValueError" in said:
        with pytest.raises(ValueError, match="Could not interpret"):
            resolve(topic.name, labels, scores)
    else:
        taken = resolve(topic.name, labels, scores)
        name = taken.fn.__name__ if topic.group == "loss" else type(taken).__name__
        assert elsewhere.plain(name) in elsewhere.plain(said)


def test_a_loss_beside_a_chooser_tells_the_form_of_the_labels():
    dense = explain(["loss=categorical_crossentropy", "metrics=[accuracy]", "task=multiclass"], width=100)
    assert "becomes     CategoricalAccuracy" in dense
    assert "SparseCategoricalAccuracy" not in dense


# What was typed


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["hinge"], [Topic("loss", "hinge"), Topic("metrics", "hinge")]),
        (["loss/hinge"], [Topic("loss", "hinge")]),
        (["metric/hinge"], [Topic("metrics", "hinge")]),
        (["metrics=[auc,f1]"], [Topic("metrics", "auc"), Topic("metrics", "f1_score")]),
        (["metrics=auc+f1"], [Topic("metrics", "auc"), Topic("metrics", "f1_score")]),
        (["auc", "ctc"], [Topic("metrics", "auc"), Topic("loss", "ctc")]),
        (["optimizer/learning_rate=cosine"], [Topic("optimizer/learning_rate", "cosine_decay")]),
        (["schedule/cosine"], [Topic("optimizer/learning_rate", "cosine_decay")]),
        (["loss", "and", "metric"], [Topic("idea", "loss-and-metric")]),
        (["mean", "squared", "logarithmic", "error", "loss"], None),
        (["keras.losses.Huber"], [Topic("loss", "huber"), Topic("metrics", "huber")]),
        (["EarlyStopping"], [Topic("callbacks", "early_stopping")]),
        (["weight_decay"], [Topic("idea", "regularisation")]),
        (["auc", "roc_auc", "AUC"], [Topic("metrics", "auc")]),
    ],
    ids=str,
)
def test_words_name_topics(words: list[str], found: list[Topic] | None):
    if found is None:
        with pytest.raises(ConfigError):
            topics.read(words)
    else:
        assert topics.read(words) == found


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["catagorical_crossentropy"], "; did you mean 'categorical_crossentropy'?"),
        (["hubr"], "; did you mean 'huber'?"),
        (["earlystoping"], "; did you mean 'early_stopping'?"),
        (["regularizaton"], "; did you mean 'regularization'?"),
        (["metrics/ctc"], " among the metrics; type lmrun explain ctc"),
        (["digits"], "; it is an option of data, and lmrun help data says in a line what it is"),
        (["xyzzy"], "; lmrun explain lists what is"),
    ],
    ids=str,
)
def test_what_names_nothing_is_told_what_was_meant(lmrun, words: list[str], hint: str):
    name = words[0].rpartition("/")[2]
    assert lmrun("explain", *words, code=2).err == f"lmrun: error: nothing to explain is called '{name}'{hint}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["explain", "accuracy", "task=multi"], "task=multi: unknown task; did you mean 'multiclass' or 'multilabel'?"),
        (["explain", "losss/hinge"], "losss/hinge: nothing is called 'losss'; did you mean 'loss' or 'losses'?"),
        (["list", "lossess"], "nothing to list is called 'lossess'; did you mean 'losses'?"),
        (["explian", "auc"], "unknown verb 'explian'; did you mean 'explain'?"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_a_word_that_cannot_be_read_is_refused(lmrun, words: list[str], message: str):
    assert lmrun(*words, code=2).err == f"lmrun: error: {message}\n"


def test_an_option_of_the_users_own_is_explained_from_its_file(lmrun, tmp_path):
    (tmp_path / "conf" / "loss").mkdir(parents=True)
    text = "# A loss of mine.\n_target_: my_losses.Mine\nweight: 2.0  # more is more\n"
    (tmp_path / "conf" / "loss" / "mine.yaml").write_text(text, encoding="utf-8")
    out = lmrun("explain", "mine").out
    assert out.startswith("mine · loss · ↓ lower is better · my_losses.Mine\nA loss of mine.")
    assert "loss.weight=2.0  more is more" in out


# Lists


@pytest.mark.parametrize("kind", LISTS)
def test_list_has_every_name_with_a_line(lmrun, kind: str):
    out = lmrun("list", kind).out
    others = {"ideas": IDEAS, "checks": CHECKS}
    names = others.get(kind) or set(shipped.options(LISTS[kind])) - set(shipped.aliases(LISTS[kind]))
    assert {line.split()[0] for line in out.splitlines() if not line.startswith(" ")} == set(names)


@pytest.mark.parametrize("group", CARDS)
def test_list_with_aliases_has_every_alias_and_every_name_elsewhere(group: str):
    plural = next(kind for kind, listed in LISTS.items() if listed == group)
    out = flat(list_names([plural, "--aliases"], width=100))
    assert all(re.search(rf"\b{alias}\b", out) for alias in shipped.aliases(group))
    assert all(name in out for option in OPTIONS[group] for _, name, _ in elsewhere.names(group, option))


def test_without_words_explain_and_list_say_what_there_is(lmrun):
    index = lmrun("explain").out
    assert all(name in index for group in CARDS for name in OPTIONS[group])
    assert all(name in index for name in IDEAS)
    assert all(f"lmrun list {kind}" in lmrun("list").out for kind in LISTS)


# How it looks


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int):
    pages = [text_of(topic, width) for topic in TOPICS] + [explain([name], width=width) for name in IDEAS]
    pages += [explain([f"{topic.group}={topic.name}", f"task={kind}"], width=width) for topic in CHOOSERS for kind in KINDS]
    pages += [explain([], width=width), list_names([], width=width)]
    pages += [list_names([kind, *flags], width=width) for kind in LISTS for flags in ([], ["--aliases"])]
    assert not [line for text in pages for line in text.splitlines() if len(line) > width]


def test_pages_need_no_character_that_ascii_has_no_word_for():
    every = "".join([text_of(topic) for topic in TOPICS] + [explain([name], width=100) for name in IDEAS])
    assert {character for character in every if ord(character) > 127} <= set(page._ASCII)


def test_a_stream_without_unicode_gets_ascii(shell):
    out = shell("explain", "adam", "huber", env={"PYTHONIOENCODING": "ascii"}).out
    assert "w = w - lr*sqrt(1 - beta_2^t)" in out
    assert "?" not in out


def test_output_that_is_no_terminal_has_no_colour(shell):
    assert "\033" not in shell("explain", "auc").out


@pytest.mark.parametrize("words", [["explain", "auc"], ["explain"], ["explain", "validation"], ["list", "losses", "--aliases"]])
def test_answer_comes_without_heavy_packages(tmp_path, words: list[str]):
    code = (
        "import sys, json; from lossmetric_cli.cli import answer; "
        f"code = answer({words}); "
        "print(json.dumps([code, sorted(set(sys.modules))]), file=sys.stderr)"
    )
    code, modules = json.loads(run_python(code, tmp_path))
    assert code == 0
    heavy = {"tensorflow", "keras", "numpy", "pandas", "matplotlib", "sklearn", "hydra", "omegaconf", "yaml", "rich"}
    assert not heavy & {name.partition(".")[0] for name in modules}


def run_python(code: str, folder: Path) -> str:
    """Return the last line of stderr of a Python process."""
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True, timeout=60)
    return done.stderr.splitlines()[-1]


def test_the_readme_shows_true_lines_of_a_card():
    readme = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"```text\n(auc · .*?)```", readme, re.DOTALL)[1].splitlines()
    printed = explain(["auc"], width=100).splitlines()
    assert [line for line in printed if line in shown] == shown


# Commands

COMMANDS = sorted(
    {sheets.command_of(topic) for topic in TOPICS} | {command for idea in IDEAS.values() for command, _ in idea.show}
)


def words_of(command: str) -> list[str]:
    return [word for word in shlex.split(command)[1:] if word not in ("--cfg", "job")]


def chooses_options(words: list[str]) -> bool:
    """Return whether words do nothing but choose options that exist, which composes whatever they are."""
    pairs = [word.partition("=") for word in words]
    groups = {*shipped.groups(), "experiment"}
    return all(group in groups and set(names.split("+")) <= set(shipped.options(group)) for group, _, names in pairs)


def test_commands_name_no_more_than_lmrun_and_its_words():
    assert all(command.startswith("lmrun ") and "=" in command for command in COMMANDS)


@pytest.mark.parametrize("command", [command for command in COMMANDS if not chooses_options(words_of(command))])
def test_command_that_a_page_names_composes(lmrun, command: str):
    assert lmrun("--cfg", "job", *words_of(command)).out
