"""Cards of the metrics that scikit-learn computes after an epoch, from all rows at once."""

from __future__ import annotations

from dataclasses import replace

from lossmetric_cli.explain.card import Card

CLASSIFIERS = ("binary_crossentropy", "categorical_crossentropy")
SQUARES = ("mean_squared_error", "huber", "mean_absolute_error")
AFTER = "all rows of a part at once, after the epoch: no running value while it trains, and no batch size changes it"
AVERAGES = (
    "average=macro: the mean over classes, all alike; micro: one pool of all cells; weighted: by the rows of a class; "
    "null: a column a class"
)
COUNTS = "TP, FP, FN of one class; a row's class is its largest p, or every column above threshold"
WATCHED = "It has the columns val_… and train_…_eval alone: monitor=val_{name} is right, monitor={name} is refused."
ONE_CLASS = "Rows that are all of one class have no value: the column is NaN, and a note says so before the first epoch."


def _traps(name: str, *more: str) -> tuple[str, ...]:
    return (*more, WATCHED.format(name=name))


def _counted(name: str, formula: str, *, note: str, traps: tuple[str, ...], command: str = "") -> Card:
    return Card(
        formula=formula,
        where=COUNTS,
        note=note,
        range="0 to 1; 1 is perfect",
        counts=f"{AFTER}; average=auto: the second class of two, macro of several; {AVERAGES.partition('=')[2]}",
        beside=CLASSIFIERS,
        traps=_traps(name, *traps),
        source="van Rijsbergen, Information Retrieval, 1979; scikit-learn user guide: Classification metrics",
        command=command,
    )


def _f1(name: str, counts: str, *traps: str) -> Card:
    return replace(CARDS_F1, note="", counts=f"{AFTER}; {counts}", traps=_traps(name, *traps), command="")


F1_FORMULA = "value = 2·precision·recall/(precision + recall)\n      = 2·TP/(2·TP + FP + FN)"
ABSENT = (
    "Under macro a class that no row has and no row is given is left out of the mean; Keras' F1Score counts it as 0.",
    "A class without a row has no value in its own column: NaN, not 0.",
)
CARDS_F1 = _counted(
    "exact_f1", F1_FORMULA, note="f1_macro, f1_micro, f1_weighted and f1_per_class are it by their average.", traps=ABSENT
)

CARDS = {
    "exact_auc": Card(
        formula=(
            "value = share of pairs (a positive, a negative) in which the positive\n"
            "        has the larger p, ties counting one half"
        ),
        where="p predicted probability; of several classes each in turn is positive, the others negative",
        note="Keras' auc has a grid of 200 thresholds; here every score is one.",
        range="0 to 1; 1 is perfect, 0.5 is chance, below 0.5 the order is upside down",
        counts=f"{AFTER}; {AVERAGES}",
        beside=CLASSIFIERS,
        traps=_traps(
            "exact_auc",
            ONE_CLASS,
            "Of several classes the mean needs rows of every one; average=micro or null does without.",
            "The default is macro, and that of Keras' auc on several classes is micro: two numbers.",
        ),
        source="Hanley and McNeil, 1982; multi_class=ovo: Hand and Till, 2001",
        command="lmrun data=breast_cancer metrics=exact_auc+auc",
    ),
    "average_precision": Card(
        formula="value = Σ (R_k − R_(k−1))·P_k       over the scores, from the largest down",
        where="P_k precision = TP/(TP + FP) and R_k recall = TP/(TP + FN), if every score from the k-th up is a yes",
        note="The area under precision against recall, in steps, as scikit-learn and torchmetrics take it.",
        range="0 to 1; 1 is perfect, chance is the share of positives",
        counts=f"{AFTER}; {AVERAGES}",
        beside=CLASSIFIERS,
        traps=_traps(
            "average_precision",
            "Its chance level moves with the data: 0.4 may be poor on one set and excellent on another.",
            "Without a positive row there is no recall: the value is NaN, where scikit-learn says 0.0.",
        ),
        source="scikit-learn user guide: Precision, recall and F-measures",
        command="lmrun data=breast_cancer metrics=average_precision+auc_pr",
    ),
    "mean_average_precision": Card(
        formula="value = mean over labels of Σ (R_k − R_(k−1))·P_k",
        where="P_k precision and R_k recall of a label, if every score from the k-th up is a yes",
        note="average_precision with average=macro, by the name that several labels a row know it by.",
        range="0 to 1; 1 is perfect, chance is the mean share of positives",
        counts=AFTER,
        beside=("binary_crossentropy",),
        traps=_traps(
            "mean_average_precision",
            "It ranks the rows of a label, not the labels of a row; detectors' mAP, which matches boxes first, is another.",
            "mAP is a share: 1.0 is perfect, not 0.1.",
        ),
        source="Everingham and others, The Pascal Visual Object Classes Challenge, 2010",
        command="lmrun data=multilabel metrics=map",
    ),
    "exact_log_loss": Card(
        formula="value = mean of −log(p of the right class)",
        where="p predicted probability, log natural",
        note="crossentropy is the same number up to rounding, running while it trains.",
        range="0 upwards; 0 is perfect, ln C for C equal classes says nothing is known",
        counts=AFTER,
        beside=("crossentropy",),
        traps=_traps("exact_log_loss", "It is of probabilities: a linear head's logits go through softmax or sigmoid first."),
        source="scikit-learn user guide: Log loss",
        command="lmrun data=iris metrics=exact_log_loss+crossentropy",
    ),
    "balanced_accuracy": Card(
        formula="value = mean over classes of TP/(TP + FN)",
        where="TP, FN: rows of a class that are found and missed",
        note="Accuracy as it would be if all classes had as many rows.",
        range="0 to 1; 1 is perfect, 1/C says one class always; adjusted=true: 0 is chance",
        counts=AFTER,
        beside=CLASSIFIERS,
        traps=_traps(
            "balanced_accuracy", ONE_CLASS, "A class without a row is left out of the mean: the fewer rows, the luckier."
        ),
        source="Brodersen and others, The Balanced Accuracy and Its Posterior Distribution, 2010",
        command="lmrun data=breast_cancer metrics=balanced_accuracy+accuracy",
    ),
    "mcc": Card(
        formula="value = (TP·TN − FP·FN) / √((TP + FP)·(TP + FN)·(TN + FP)·(TN + FN))",
        where="TP, TN, FP, FN: rows by true and predicted class; of several classes Gorodkin's form of it",
        note="One number for the whole table, high only if both classes are found.",
        range="−1 to 1; 1 is perfect, 0 is no better than chance, −1 always wrong",
        counts=AFTER,
        beside=CLASSIFIERS,
        traps=_traps("mcc", ONE_CLASS, "A model that predicts one class scores 0 by convention: the formula is 0/0."),
        source="Matthews, 1975; of several classes: Gorodkin, 2004",
        command="lmrun data=breast_cancer metrics=mcc+accuracy",
    ),
    "cohen_kappa": Card(
        formula="value = (a − c)/(1 − c)",
        where="a share of right rows, c the share that would be right if true and predicted classes were independent",
        note="With weights=quadratic a miss costs the square of how far off it is: for grades and other ordered classes.",
        range="−1 to 1; 1 is perfect, 0 is chance",
        counts=AFTER,
        beside=CLASSIFIERS,
        traps=_traps(
            "cohen_kappa",
            ONE_CLASS,
            "weights take the order of the classes in the data for their order: check it in run.json.",
        ),
        source="Cohen, A Coefficient of Agreement for Nominal Scales, 1960; weights: Cohen, 1968",
        command="lmrun data=wine metrics=kappa",
    ),
    "exact_f1": CARDS_F1,
    "f1_macro": _f1("f1_macro", "the mean over classes, all alike", "Of two classes both count, where f1 is of the second."),
    "f1_micro": _f1("f1_micro", "one pool of all cells", "For one class a row it is the accuracy."),
    "f1_weighted": _f1("f1_weighted", "the mean over classes by their rows", "Rare classes hardly count."),
    "f1_per_class": _f1(
        "f1_per_class_…",
        "a column for each class or label: val_f1_per_class_<class>",
        "A class without a row has no value: NaN, not 0.",
    ),
    "exact_precision": _counted(
        "exact_precision",
        "value = TP/(TP + FP)",
        note="Of several classes the predicted one is the largest p, where precision counts p > 0.5.",
        traps=("A class that is never predicted counts as 0, as in scikit-learn.",),
    ),
    "exact_recall": _counted(
        "exact_recall",
        "value = TP/(TP + FN)",
        note="Of several classes the predicted one is the largest p, where recall counts p > 0.5.",
        traps=("Macro recall of several classes is balanced_accuracy while every class has rows.",),
    ),
    "exact_r2": Card(
        formula="value = 1 − Σ e² / Σ (y − m)²",
        where="e = y − p, y label, p prediction, m mean of the labels measured, sums over rows",
        note="In double precision: labels of 10001, 10002, 10003 have their variance here, and lose it in Keras' r2_score.",
        range="no lower end to 1; 1 is perfect, 0 says the mean always, below 0 is worse than that",
        counts=f"{AFTER}; multioutput=uniform_average: the mean over targets; variance_weighted; null: a column a target",
        beside=SQUARES,
        traps=_traps("exact_r2", "Labels that are all equal have no value: NaN, where scikit-learn says 0 or 1."),
        source="scikit-learn user guide: R² score",
        command="lmrun data=diabetes metrics=exact_r2+r2",
    ),
}
