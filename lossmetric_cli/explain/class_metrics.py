"""Cards of the metrics for classes that are a mean over rows: accuracies, cross-entropies and hinges."""

from __future__ import annotations

from dataclasses import replace

from lossmetric_cli.explain import class_losses
from lossmetric_cli.explain.card import Card, of_loss

ROWS = "the mean over all rows since the epoch began"
CELLS = "the mean over all cells, rows times columns, since the epoch began"
CLASSIFIERS = ("categorical_crossentropy", "sparse_categorical_crossentropy")
SAME_NUMBER = "The number that the loss of the same name would have: no regularisation, no class weights, all rows alike."
LOSS = class_losses.CARDS
OWN_SETTINGS = ("Its settings are its own: with others than the loss's it is another number.",)
WHOLE = "Of all rows at once, after the epoch: val_… and train_…_eval, and no running value."
AT_ONCE = "axis=null: one score of all rows of a part, after the epoch; axis=[1,2,3]: one for each image, then their mean"
OF_BATCHES = (
    "The loss of the same name is the mean over batches of one score each, so the two differ where there are several.",
    "Labels and predictions that are all 0 score 1.0, the worst.",
)

CARDS = {
    "auto": Card(
        note="The default. An embedding, which circle trains, gets none.",
    ),
    "accuracy": Card(
        beside=("crossentropy", "hinge"),
        traps=(
            "Keras' own string 'accuracy' chooses by shapes and never looks at the loss: several labels a row look like "
            "one-hot classes to it, and a row of labels 1, 1, 0 predicted 0.6, 0.9, 0.1 counts as wrong.",
            "For one number to predict, Keras' string takes BinaryAccuracy and reports something near 0 without a complaint; "
            "here accuracy is refused for numbers.",
            "The class Accuracy of Keras is another one: exact equality, here exact_accuracy.",
            "With rare classes a model that knows nothing scores high: the share of the largest class is the baseline.",
        ),
    ),
    "crossentropy": Card(
        note="It shows the data's part of a loss that has more parts, such as penalties.",
        beside=("crossentropy", "focal"),
        twin="crossentropy",
        traps=("Keras 3 has no such metric string: 'crossentropy' and 'ce' raise ValueError as metrics and work as losses.",),
    ),
    "binary_accuracy": Card(
        formula="value = mean of 1 where (p > threshold) = y, else 0",
        where="y label 0 or 1, p predicted probability",
        range="0 to 1; 1 is perfect, always saying no scores the share of zeros",
        counts=CELLS,
        beside=("binary_crossentropy", "hinge"),
        traps=(
            "On one-hot classes it asks a yes-or-no question a column: with 26 classes, saying no everywhere scores "
            "25/26 = 0.9615.",
            "p = 0.5 exactly is no; binary_iou takes it for yes.",
            "Soft labels never match: y = 0.9 is equal to neither 0 nor 1.",
            "On logits the threshold is 0, not 0.5; lmrun passes probabilities.",
        ),
        source="Keras docs: Accuracy metrics",
    ),
    "categorical_accuracy": Card(
        formula="value = mean of 1 where argmax(p) = argmax(y), else 0",
        where="y one-hot label, p score of each class, argmax the place of the largest, the first of several",
        range="0 to 1; 1 is perfect, always the largest class scores its share",
        counts=ROWS,
        beside=CLASSIFIERS,
        traps=(
            "Class numbers (rows, 1) in place of one-hot rows are accepted by plain Keras: argmax of one column is 0, so it "
            "counts how often class 0 is predicted.",
            "With several labels a row it looks at one of them: labels 1, 1, 0 predicted 0.6, 0.9, 0.1 count as wrong.",
        ),
        source="Keras docs: Accuracy metrics",
    ),
    "sparse_categorical_accuracy": Card(
        formula="value = mean of 1 where argmax(p) = y, else 0",
        where="y class number, p score of each class, argmax the place of the largest",
        range="0 to 1; 1 is perfect, always the largest class scores its share",
        counts=ROWS,
        beside=CLASSIFIERS,
        traps=("It is blind to probabilities: 0.34 against 0.33 and 0.33 is as right as 0.99.",),
        source="Keras docs: Accuracy metrics",
    ),
    "exact_accuracy": Card(
        formula="value = mean of 1 where p = y exactly, else 0",
        where="y class number, p predicted class number",
        note="Keras' class Accuracy; lmrun feeds it the predicted class, so that it means something.",
        range="0 to 1; 1 is perfect",
        counts=ROWS,
        beside=CLASSIFIERS,
        traps=("On probabilities it is 0: p = 0.99 is not 1. The string 'accuracy' never means this class.",),
        source="Keras docs: Accuracy metrics",
    ),
    "top_k_categorical_accuracy": Card(
        formula="value = mean of 1 where the right class is among the k largest p, else 0",
        where="p score of each class",
        range="0 to 1; 1 is perfect, chance scores k divided by the number of classes",
        counts=ROWS,
        beside=CLASSIFIERS,
        traps=(
            "With k classes or fewer it is always 1.0: the default k=5 says nothing on 3 classes.",
            "Classes that tie for the last place all count: equal scores for all classes are right with k=1.",
        ),
        source="Keras docs: Accuracy metrics",
    ),
    "sparse_top_k_categorical_accuracy": Card(
        formula="value = mean of 1 where class y is among the k largest p, else 0",
        where="y class number, p score of each class",
        range="0 to 1; 1 is perfect, chance scores k divided by the number of classes",
        counts=ROWS,
        beside=CLASSIFIERS,
        traps=("With k classes or fewer it is always 1.0: the default k=5 says nothing on 3 classes.",),
        source="Keras docs: Accuracy metrics",
    ),
    "binary_crossentropy": of_loss(LOSS["binary_crossentropy"], "binary_crossentropy", note=SAME_NUMBER),
    "categorical_crossentropy": of_loss(LOSS["categorical_crossentropy"], "categorical_crossentropy", note=SAME_NUMBER),
    "sparse_categorical_crossentropy": of_loss(
        LOSS["sparse_categorical_crossentropy"], "sparse_categorical_crossentropy", note=SAME_NUMBER
    ),
    "focal": Card(
        note="The focal loss of the task beside any other loss; alpha is in force, which Keras leaves off for two classes.",
        twin="focal",
        beside=("focal",),
        traps=("Its alpha and gamma are its own: with others than the loss's it is another number.",),
    ),
    "binary_focal_crossentropy": of_loss(
        LOSS["binary_focal_crossentropy"], "binary_focal_crossentropy", note=SAME_NUMBER, traps=OWN_SETTINGS
    ),
    "categorical_focal_crossentropy": of_loss(
        LOSS["categorical_focal_crossentropy"], "categorical_focal_crossentropy", note=SAME_NUMBER, traps=OWN_SETTINGS
    ),
    "categorical_generalized_cross_entropy": of_loss(
        LOSS["categorical_generalized_cross_entropy"],
        "categorical_generalized_cross_entropy",
        note=SAME_NUMBER,
        traps=OWN_SETTINGS,
    ),
    "dice": replace(of_loss(LOSS["dice"], "dice", note=WHOLE, traps=OF_BATCHES), counts=AT_ONCE),
    "tversky": replace(of_loss(LOSS["tversky"], "tversky", note=WHOLE, traps=OF_BATCHES), counts=AT_ONCE),
    "kl_divergence": of_loss(LOSS["kl_divergence"], "kl_divergence", note=SAME_NUMBER),
    "hinge": of_loss(
        LOSS["hinge"],
        "hinge",
        traps=("It reads margins: on a sigmoid head scores lie between 0 and 1, and a negative never costs less than 1.",),
    ),
    "squared_hinge": of_loss(
        LOSS["squared_hinge"],
        "squared_hinge",
        traps=("It reads margins: on a sigmoid head a negative never costs less than 1.",),
    ),
    "categorical_hinge": of_loss(
        LOSS["categorical_hinge"],
        "categorical_hinge",
        traps=("It reads margins: on a softmax head it is above 0 however sure the model is.",),
    ),
}
