"""Cards of the metrics that compare scores with thresholds, and of those that count overlaps."""

from __future__ import annotations

from lossmetric_cli.explain.card import Card

CELLS = (
    "all cells of all rows of the epoch in one pool (micro): with many classes each is asked against the rest; of two "
    "classes it is the second"
)
COUNT = "a sum over all cells of the epoch, not a mean: it grows with the number of rows"
WHERE = "TP, FP, FN, TN: true and false positives, false and true negatives, at p > 0.5 unless thresholds says otherwise"
CLASSIFIERS = ("binary_crossentropy", "categorical_crossentropy")
GRID = "Recall, precision and specificity are known at num_thresholds points only."
NO_DIRECTION = (
    "Keras does not know which way is better and stops after the first epoch when a callback watches it with mode=auto; lmrun "
    "hands the callback its direction.",
)


def _best(wanted: str, given: str, note: str) -> Card:
    return Card(
        formula=f"value = the largest {wanted} among the thresholds where\n        {given} ≥ the value asked for",
        where="recall = sensitivity = TP/(TP + FN), precision = TP/(TP + FP), specificity = TN/(TN + FP)",
        note=note,
        range="0 to 1; 1 is perfect, and 0 also says that no threshold reaches what was asked",
        counts=CELLS,
        beside=CLASSIFIERS,
        traps=(
            f"{GRID} Scores crowded near 0, as with rare positives, share one of them.",
            "The threshold is chosen on the rows that are measured, which flatters the value a little.",
        ),
        source="Keras docs: Classification metrics based on True/False positives & negatives",
    )


def _count(formula: str, best: str, beside: tuple[str, ...]) -> Card:
    return Card(
        formula=formula,
        where="y label 0 or 1, p predicted probability, sums over all cells",
        range=f"0 to the number of cells; a perfect answer has {best}",
        counts=COUNT,
        beside=beside,
        traps=NO_DIRECTION,
        source="Keras docs: Classification metrics based on True/False positives & negatives",
    )


def _overlap(formula: str, note: str, *traps: str) -> Card:
    return Card(
        formula=formula,
        where="TP, FP, FN: cells of a class that are found, falsely claimed and missed",
        note=note,
        range="0 to 1; 1 is perfect",
        counts="one table of true against predicted classes for the whole epoch, then the mean over the classes asked for",
        beside=("dice", "tversky", "categorical_crossentropy"),
        traps=traps,
        source="Jaccard, 1901; Keras docs: Image segmentation metrics",
    )


CARDS = {
    "auc": Card(
        formula=(
            "value = area under recall against FP/(FP + TN)\n"
            "      = share of pairs (a positive, a negative) in which the positive\n"
            "        has the larger p, ties counting one half"
        ),
        where="p predicted probability; recall = TP/(TP + FN); TP, FP, FN, TN at each of num_thresholds thresholds",
        note="It knows the order of the scores alone: probabilities may be far off and AUC perfect.",
        range="0 to 1; 1 is perfect, 0.5 is chance, below 0.5 the order is upside down",
        counts=f"{CELLS}; multi_label=true: a curve for each class, then their mean (macro)",
        beside=CLASSIFIERS,
        traps=(
            "200 thresholds between 0 and 1: scores that all lie below 0.005 fall between two of them and score 0.5.",
            "On logits without from_logits it is wrong without a word (0.744 for 0.774 in one sample); Keras' from_logits is a "
            "sigmoid for each column, also for classes. lmrun passes probabilities.",
            "Rows of one class only have no pairs, and Keras says 0.0. Labels −1 and 1 score 0.0 too.",
            "The pooled value is not scikit-learn's default for many classes, which is the mean over classes.",
        ),
        source="Hanley and McNeil, 1982; Keras docs: Classification metrics based on True/False positives & negatives",
        command="lmrun data=breast_cancer metrics=auc+accuracy",
    ),
    "auc_pr": Card(
        formula="value = area under precision against recall",
        where="precision = TP/(TP + FP), recall = TP/(TP + FN), at each of num_thresholds thresholds",
        note="Keras' AUC with curve=PR. Where positives are rare the ROC curve looks good too easily.",
        range="0 to 1; 1 is perfect, chance is the share of positives: 0.1 where one in ten is positive",
        counts=f"{CELLS}; multi_label=true: a curve for each class, then their mean (macro)",
        beside=CLASSIFIERS,
        traps=(
            "Its chance level moves with the data: 0.4 may be poor on one set and excellent on another.",
            "Between thresholds Keras interpolates by Davis and Goadrich, scikit-learn's average_precision_score takes steps: "
            "0.8073 and 0.8078 in one sample.",
        ),
        source="Davis and Goadrich, Precision-Recall and ROC Curves, 2006",
        command="lmrun data=breast_cancer metrics=auc_pr",
    ),
    "precision": Card(
        formula="value = TP/(TP + FP)",
        where=WHERE,
        note="Also called positive predictive value.",
        range="0 to 1; 1 is perfect, and 0 also says that nothing was called positive",
        counts=CELLS,
        beside=CLASSIFIERS,
        traps=(
            "With many classes it counts p > 0.5, not the largest p: rows where no class reaches 0.5 are left out, and "
            "precision rises above accuracy. metrics.precision.top_k=1 counts the largest.",
            "Raising the threshold raises it at recall's cost: one of them alone is no goal.",
        ),
        source="Keras docs: Classification metrics based on True/False positives & negatives",
        command="lmrun data=breast_cancer metrics=precision+recall",
    ),
    "recall": Card(
        formula="value = TP/(TP + FN)",
        where=WHERE,
        note="Also called sensitivity, hit rate or true positive rate.",
        range="0 to 1; 1 is perfect, and 1 also says that everything was called positive",
        counts=CELLS,
        beside=CLASSIFIERS,
        traps=(
            "With many classes it counts p > 0.5, not the largest p: right answers below 0.5 are missed ones, and recall falls "
            "below accuracy. metrics.recall.top_k=1 counts the largest.",
            "Without a positive in the rows it is 0.",
        ),
        source="Keras docs: Classification metrics based on True/False positives & negatives",
        command="lmrun data=breast_cancer metrics=precision+recall",
    ),
    "precision_at_recall": _best("precision", "recall", "How pure the alarms are if so many positives must be found."),
    "recall_at_precision": _best("recall", "precision", "How many positives are found if so many alarms must be right."),
    "sensitivity_at_specificity": _best(
        "sensitivity", "specificity", "How many positives are found if so many negatives must be left in peace."
    ),
    "specificity_at_sensitivity": _best(
        "specificity", "sensitivity", "How many negatives are left in peace if so many positives must be found."
    ),
    "f1_score": Card(
        formula="value = 2·precision·recall/(precision + recall)\n      = 2·TP/(2·TP + FP + FN)",
        where="TP, FP, FN of one class; a row's class is its largest p, or every column above threshold",
        range="0 to 1; 1 is perfect",
        counts="average=macro: the mean over classes, all alike; micro: one pool of all cells; weighted: by the size of the "
        "classes",
        beside=CLASSIFIERS,
        traps=(
            "With threshold=null every row has a predicted class: on one sigmoid column that is always yes. lmrun sets 0.5 for "
            "binary and multi-label tasks.",
            "Keras' own average=None gives a value a class, on which EarlyStopping fails.",
            "Under macro a class without a row and without a prediction counts as 0 in Keras and not at all in scikit-learn: "
            "two right rows, three columns, 0.667 and 1.0.",
            "Micro F1 of one class a row is the accuracy.",
        ),
        source="van Rijsbergen, Information Retrieval, 1979; Keras docs: Classification metrics based on True/False "
        "positives & negatives",
        command="lmrun data=iris metrics=f1+accuracy",
    ),
    "fbeta_score": Card(
        formula="value = (1 + beta²)·precision·recall/(beta²·precision + recall)",
        where="precision = TP/(TP + FP), recall = TP/(TP + FN), of one class",
        note="beta=2 for those who fear a miss, beta=0.5 for those who fear a false alarm; beta=1.0 is f1_score.",
        range="0 to 1; 1 is perfect",
        counts="average=macro: the mean over classes, all alike; micro: one pool of all cells; weighted: by the size of the "
        "classes",
        beside=CLASSIFIERS,
        traps=(
            "With threshold=null every row has a predicted class, as with f1_score.",
            "Keras has the string f_beta_score for it, and the class FBetaScore.",
        ),
        source="van Rijsbergen, Information Retrieval, 1979",
        command="lmrun data=breast_cancer metrics=fbeta metrics.fbeta.beta=2.0",
    ),
    "true_positives": _count("value = Σ 1 where y = 1 and p > 0.5", "the number of ones", CLASSIFIERS),
    "true_negatives": _count("value = Σ 1 where y = 0 and p ≤ 0.5", "the number of zeros", CLASSIFIERS),
    "false_positives": _count("value = Σ 1 where y = 0 and p > 0.5", "0", CLASSIFIERS),
    "false_negatives": _count("value = Σ 1 where y = 1 and p ≤ 0.5", "0", CLASSIFIERS),
    "binary_iou": _overlap(
        "value = mean of TP/(TP + FP + FN) over target_class_ids",
        "A cell is of class 1 where p ≥ threshold.",
        "The default is the mean of background and foreground: on small objects the background alone keeps it near 0.5. "
        "target_class_ids=[1] is the foreground.",
    ),
    "iou": _overlap(
        "value = mean of TP/(TP + FP + FN) over target_class_ids",
        "lmrun hands it class numbers, and without target_class_ids all classes.",
        "On probabilities Keras cuts the fractions off: 0.9 is class 0, and a right answer of two classes scores 0.167.",
        "Class numbers outside 0 to num_classes − 1 are left out of the count.",
    ),
    "mean_iou": _overlap(
        "value = mean of TP/(TP + FP + FN) over the classes",
        "Classes that occur in neither labels nor predictions are left out of the mean.",
        "On probabilities Keras cuts the fractions off: 0.9 is class 0. lmrun hands it class numbers.",
    ),
    "one_hot_iou": _overlap(
        "value = mean of TP/(TP + FP + FN) over target_class_ids",
        "As iou, from one-hot labels and the largest score of a row.",
        "It asks which class is largest, so it says nothing of several labels a row.",
    ),
    "one_hot_mean_iou": _overlap(
        "value = mean of TP/(TP + FP + FN) over the classes",
        "As mean_iou, from one-hot labels and the largest score of a row.",
        "It asks which class is largest, so it says nothing of several labels a row.",
    ),
}
