"""What accuracy, crossentropy, auto and focal become: the class that lmrun takes for a task, and why."""

from __future__ import annotations

from lossmetric_cli.errors import ConfigError, did_you_mean
from lossmetric_cli.task import KINDS

_ONE_HOT = " one-hot"
#: The option that a chooser becomes, by task; for classes there are two, by the form of the labels.
_CROSSENTROPY = {
    "binary": "binary_crossentropy",
    "multiclass": "sparse_categorical_crossentropy",
    "multiclass one-hot": "categorical_crossentropy",
    "multilabel": "binary_crossentropy",
}
_ACCURACY = {
    "binary": "binary_accuracy",
    "multiclass": "sparse_categorical_accuracy",
    "multiclass one-hot": "categorical_accuracy",
    "multilabel": "binary_accuracy",
}
_FOCAL = {
    "binary": "binary_focal_crossentropy",
    "multiclass": "categorical_focal_crossentropy",
    "multilabel": "binary_focal_crossentropy",
}
BECOMES: dict[tuple[str, str], dict[str, str]] = {
    ("loss", "auto"): {
        **{form: option for form, option in _CROSSENTROPY.items() if not form.endswith(_ONE_HOT)},
        "regression": "mean_squared_error",
    },
    ("loss", "crossentropy"): {**_CROSSENTROPY},
    ("loss", "focal"): _FOCAL,
    ("metrics", "auto"): {**_ACCURACY, "regression": "mean_absolute_error"},
    ("metrics", "accuracy"): _ACCURACY,
    ("metrics", "crossentropy"): _CROSSENTROPY,
    ("metrics", "focal"): _FOCAL,
}
_WHY = {
    "binary": "one column answers yes or no",
    "multiclass": "a row has one of several classes, and the labels are class numbers",
    "multiclass one-hot": "a row has one of several classes, and the labels are one-hot rows",
    "multilabel": "a row has several labels that are each on or off, so each is a yes-or-no question of its own",
    "regression": "the target is a number",
}
#: What Keras 3's own string takes, by the shapes of labels and predictions alone.
_BY_SHAPE = {
    "binary": ("Binary", "one column"),
    "multiclass": ("SparseCategorical", "labels with one column fewer than the predictions"),
    "multiclass one-hot": ("Categorical", "labels and predictions of several columns"),
    "multilabel": ("Categorical", "labels and predictions of several columns, which look like one-hot classes"),
    "regression": ("Binary", "one column, which looks like yes or no"),
}
#: What to take where a chooser is refused.
INSTEAD = {"loss": "mean_squared_error", "metrics": "mae+r2"}
_STRINGS = {("metrics", "accuracy"): ("accuracy", "Accuracy"), ("loss", "crossentropy"): ("crossentropy", "Crossentropy")}


def read_task(words: list[str]) -> tuple[str | None, list[str]]:
    """Return the kind of task that `task=` names, if one does, and the other words."""
    typed = [word.partition("=")[2] for word in words if word.startswith("task=")]
    for kind in typed:
        if kind not in KINDS:
            raise ConfigError(f"task={kind}: unknown task{did_you_mean(kind, KINDS) or '; type one of ' + ' '.join(KINDS)}")
    return (typed[-1] if typed else None), [word for word in words if not word.startswith("task=")]


def forms(group: str, name: str, kind: str, *, labels: str | None = None) -> list[str]:
    """Return the keys of a chooser's table for a kind of task: two where labels can take two forms that it tells apart."""
    both = [kind, f"{kind}{_ONE_HOT}"]
    if both[1] not in BECOMES[group, name]:
        return [kind]
    return both if labels is None else [both[1] if labels == "dense" else both[0]]


def named(group: str, form: str) -> str:
    """Return a form in words."""
    return form.replace(_ONE_HOT, ", smoothed labels" if group == "loss" else ", one-hot labels")


def becomes(group: str, name: str, form: str) -> str | None:
    """Return the option that a chooser becomes, or None where it is refused."""
    return BECOMES[group, name].get(form)


def why(group: str, name: str, form: str) -> str:
    """Return why it becomes that, or why there is nothing for it to become."""
    if becomes(group, name, form) is None:
        return f"{_WHY[form]}, and {name} needs classes"
    if (group, name) == ("loss", "crossentropy") and form.endswith(_ONE_HOT):
        return "label_smoothing above 0 spreads a label over the classes, which needs one-hot rows"
    return _WHY[form]


def of_keras(group: str, name: str, form: str) -> str:
    """Return what Keras' own string of that name takes."""
    if (group, name) not in _STRINGS:
        return f"Keras has no {'loss' if group == 'loss' else 'metric'} called '{name}'; it raises ValueError"
    string, ending = _STRINGS[group, name]
    kind, shape = _BY_SHAPE[form]
    taken = f"the string '{string}' goes by shapes alone: {shape}, so {kind}{ending}"
    ours = becomes(group, name, form)
    if ours and ours.replace("_", "") == f"{kind}{ending}".lower():
        return f"{taken} as well"
    return f"{taken}, and no complaint"
