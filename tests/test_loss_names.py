"""Every name that people know a loss or a metric by is one of ours, or is answered with what it is called here."""

from __future__ import annotations

import pytest

from lossmetric_cli import shipped
from lossmetric_cli.explain import list_names

#: The names on the left are options or aliases of the option on the right.
OURS = """
mse l2 -> mean_squared_error
mae l1 -> mean_absolute_error
huber huber_loss -> huber
quantile pinball pinball_loss quantile_loss mean_pinball_loss -> quantile
log_cosh logcosh -> log_cosh
crossentropy cross_entropy ce log_loss logloss -> crossentropy
bce binary_crossentropy -> binary_crossentropy
cce categorical_crossentropy -> categorical_crossentropy
scce sparse_categorical_crossentropy -> sparse_categorical_crossentropy
weighted_binary_crossentropy weighted_cross_entropy_with_logits bce_with_pos_weight -> weighted_binary_crossentropy
focal focal_loss -> focal
exponential exponential_loss adaboost -> exponential
hinge -> hinge
squared_hinge -> squared_hinge
categorical_hinge -> categorical_hinge
kl_divergence kullback_leibler_divergence relative_entropy kld kl_div -> kl_divergence
brier brier_score brier_loss -> brier
sampled_softmax sampled_softmax_loss -> sampled_softmax
nce nce_loss -> nce
gce -> categorical_generalized_cross_entropy
dice dice_loss -> dice
"""
#: The names on the left are others', and the error for each names the option on the right.
THEIRS = """
sigmoid_cross_entropy sigmoid_cross_entropy_with_logits BCELoss BCEWithLogitsLoss SigmoidCrossEntropyLoss -> binary_crossentropy
binary:logistic binary -> binary_crossentropy
softmax_cross_entropy softmax_cross_entropy_with_logits -> categorical_crossentropy
softmax_cross_entropy_with_logits_v2 MultiClass -> categorical_crossentropy
multi:softprob multiclass CrossEntropyLoss -> categorical_crossentropy
sparse_softmax_cross_entropy sparse_softmax_cross_entropy_with_logits -> sparse_categorical_crossentropy
SoftmaxWithLoss NLLLoss -> sparse_categorical_crossentropy
MSELoss squared_error EuclideanLoss reg:squarederror regression RMSE -> mean_squared_error
L1Loss absolute_difference reg:absoluteerror regression_l1 -> mean_absolute_error
SmoothL1Loss reg:pseudohubererror -> huber
reg:quantileerror MultiQuantile -> quantile
brier_score_loss -> brier
hinge_loss HingeLoss binary:hinge -> hinge
KLDivLoss -> kl_divergence
"""
#: They differ from a name of ours by capitals and underscores alone.
SPELLED = {
    "Logloss": "logloss",
    "CrossEntropy": "crossentropy",
    "Quantile": "quantile",
    "MAE": "mae",
    "Huber": "huber",
    "PinballLoss": "pinball_loss",
    "HuberLoss": "huber_loss",
}

METRICS_OURS = "auc logloss rmse mae r2 f1 accuracy"
METRICS_THEIRS = {"TotalF1": "f1_weighted", "mlogloss": "crossentropy", "merror": "accuracy", "error": "accuracy"}
METRICS_SPELLED = {"AUC": "auc", "Logloss": "logloss", "Accuracy": "accuracy", "F1": "f1", "aucpr": "auc_pr"}


def rows(table: str) -> list[tuple[str, str]]:
    lines = [line.split(" -> ") for line in table.strip().splitlines()]
    return [(name, option) for names, option in lines for name in names.split()]


@pytest.mark.parametrize(("name", "option"), rows(OURS))
def test_name_is_a_loss_here(name: str, option: str):
    assert name in shipped.options("loss")
    assert shipped.aliases("loss").get(name, name) == option


@pytest.mark.parametrize(("name", "option"), rows(THEIRS))
def test_name_of_a_loss_elsewhere_is_answered_with_its_name_here(lmrun, name: str, option: str):
    assert lmrun(f"loss={name}", code=2).err == f"lmrun: error: unknown loss '{name}'; here it is called {option}\n"


@pytest.mark.parametrize(("name", "option"), SPELLED.items())
def test_name_that_is_spelled_otherwise_is_answered_with_ours(lmrun, name: str, option: str):
    assert f"unknown loss '{name}'; did you mean '{option}'" in lmrun(f"loss={name}", code=2).err


@pytest.mark.parametrize("name", [name for name, _ in [*rows(OURS), *rows(THEIRS)]] + list(SPELLED))
def test_name_is_listed_with_the_losses(name: str):
    assert name in " ".join(list_names(["losses", "--aliases"], width=100).split())


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("rank_sampled_softmax_loss", "it samples in two stages, by a hook of TensorFlow 1; type loss=sampled_softmax"),
        ("GaussianNLLLoss", "no model here answers with a variance; type loss=quantile loss.tau=[0.1,0.5,0.9] for an interval"),
        ("InfogainLoss", "it weighs every pair of classes, which no loss here does; type loss=categorical_crossentropy"),
    ],
)
def test_loss_without_a_counterpart_is_answered_with_why(lmrun, name: str, answer: str):
    assert lmrun(f"loss={name}", code=2).err.startswith(f"lmrun: error: unknown loss '{name}'; {answer}")


@pytest.mark.parametrize("name", METRICS_OURS.split())
def test_name_is_a_metric_here(name: str):
    assert name in shipped.options("metrics")


@pytest.mark.parametrize(("name", "option"), METRICS_THEIRS.items())
def test_name_of_a_metric_elsewhere_is_answered_with_its_name_here(lmrun, name: str, option: str):
    assert lmrun(f"metrics={name}", code=2).err == f"lmrun: error: unknown metric '{name}'; here it is called {option}\n"


@pytest.mark.parametrize(("name", "option"), METRICS_SPELLED.items())
def test_name_of_a_metric_that_is_spelled_otherwise_is_answered_with_ours(lmrun, name: str, option: str):
    assert f"unknown metric '{name}'; did you mean '{option}'" in lmrun(f"metrics={name}", code=2).err


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("auc", "auc goes by the order of the rows and has no gradient; type loss=crossentropy metrics=auc"),
        ("AUC", "auc goes by the order of the rows and has no gradient; type loss=crossentropy metrics=auc"),
        ("f1", "f1 counts answers and has no gradient; type loss=crossentropy metrics=f1"),
        ("accuracy", "accuracy counts answers and has no gradient; type loss=crossentropy metrics=accuracy"),
        ("accuracy_score", "accuracy counts answers and has no gradient; type loss=crossentropy metrics=accuracy"),
        ("iou", "iou counts answers and has no gradient; type loss=dice metrics=iou"),
        ("rmse", "rmse has the same minimum as mse; type loss=mse metrics=rmse"),
        ("r2", "r2 is 1 − mse/variance, so it is best where mse is; type loss=mse metrics=r2"),
        ("coverage", "coverage counts answers and has no gradient; type loss=quantile loss.tau=[0.1,0.9] metrics=coverage"),
        ("pearson", "pearson is a metric and no loss; type loss=mean_squared_error metrics=pearson"),
    ],
)
def test_metric_that_is_typed_as_a_loss_is_answered_with_why(lmrun, name: str, answer: str):
    assert lmrun(f"loss={name}", code=2).err == f"lmrun: error: loss={name}: {answer}\n"


@pytest.mark.parametrize("name", sorted(set(shipped.options("metrics")) - set(shipped.options("loss")) - {"auto"}))
def test_every_metric_that_is_no_loss_is_answered_with_a_loss_to_type(lmrun, name: str):
    told = lmrun(f"loss={name}", code=2).err
    loss = told.partition("; type loss=")[2].split()[0]
    assert loss in shipped.options("loss")


def test_list_of_losses_is_pointed_to_their_sum(lmrun):
    told = "a sweep is typed -m loss=mse,mae, their sum loss=weighted_sum 'loss.parts={mse:1,mae:1}'"
    assert lmrun("loss=[mse,mae]", code=2).err == f"lmrun: error: loss=[mse,mae]: loss takes one option, not a list; {told}\n"


def test_metric_as_a_loss_is_answered_before_tensorflow_is_loaded(shell):
    done = shell("loss=auc", code=2, env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert "has no gradient" in done.err
    assert "| tensorflow\n" not in done.err
    assert "| keras\n" not in done.err
