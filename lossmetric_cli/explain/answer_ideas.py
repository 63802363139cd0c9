"""Ideas about answers: what a model ends in, how an answer is scored, and what a score is worth."""

from __future__ import annotations

from lossmetric_cli.explain.card import Idea

IDEAS = {
    "logits": Idea(
        title="What are logits, and when is from_logits true?",
        text=(
            "A logit is the last layer's number before sigmoid or softmax: any real number, while probabilities lie between "
            "0 and 1. A cross-entropy can start from either, and from_logits tells it which; a wrong word gives a wrong "
            "number.",
            "Logits read as probabilities: Keras divides 2, 0, 0 by their sum, takes 1, 0, 0 for the probabilities and reports "
            "0.000; 0.240 is true. Probabilities read as logits: a second softmax, which presses all losses towards log(C).",
            "From logits it is also more exact: log(1 + exp(−z)) has no end where log(p) is cut off at 16.1. On TensorFlow "
            "Keras finds the logits behind a sigmoid or softmax layer by itself, so a model may end in probabilities; a "
            "Reshape between the two hides them.",
            "lmrun's models end in probabilities, and their heads stay float32 under mixed precision. With "
            "model.output_activation=linear it sets from_logits, and metrics that need probabilities get them.",
        ),
        show=(("lmrun model.output_activation=linear", "the note `loss.from_logits=true`; the numbers stay the same"),),
        also=("from_logits", "logit"),
        see=("activations", "cross-entropies", "categorical_crossentropy"),
    ),
    "activations": Idea(
        title="What should the last layer be?",
        text=(
            "It must be able to say every right answer and nothing impossible:\n"
            "binary        1 column, sigmoid           binary_crossentropy\n"
            "multiclass    a column a class, softmax   categorical or sparse_categorical_crossentropy\n"
            "multilabel    a column a label, sigmoid   binary_crossentropy\n"
            "regression    a column a number, linear   mse, mae, huber\n"
            "counts        linear will not do: exponential with poisson; margins: linear with hinge",
            "Softmax makes the columns compete, they sum to 1. Sigmoid leaves each alone: a row may have all labels or none. "
            "Softmax on one column is always 1.0. relu in the middle is fine; at the end it cannot say −1 and dies at 0.",
            "The wrong pair is silent in Keras: binary_crossentropy on a softmax layer, or categorical on sigmoid, takes the "
            "layer's logits through the other activation and reports a loss that is not that of the probabilities (0.504 for "
            "0.155 at logits 2, 0, 0). lmrun takes the head from the task, and refuses a loss that contradicts it.",
        ),
        show=(
            ("lmrun data=multilabel", "ends in sigmoid, by the task"),
            ("lmrun data=digits model.output_activation=sigmoid", "refused, with what to type"),
        ),
        also=("head", "heads", "softmax", "sigmoid", "relu", "output_activation", "last layer"),
        see=("logits", "multi-label"),
    ),
    "cross-entropies": Idea(
        title="Binary, categorical, sparse: which cross-entropy?",
        text=(
            "All are −log(probability of the truth). Binary asks each column yes or no and averages; categorical picks one "
            "column a row; sparse is categorical with class numbers for labels, and gives the same numbers.",
            "loss=crossentropy takes the one that the task needs. Label smoothing and soft labels need categorical, since a "
            "class number cannot be soft; rows of soft labels must sum to 1, which Keras does not check.",
            "TensorFlow 1 had a function for each form: sigmoid_cross_entropy, softmax_cross_entropy_with_logits, "
            "sparse_softmax_cross_entropy_with_logits. sampled_softmax and nce are estimates for many thousand classes: in "
            "training they see the last layer's weights and a few drawn classes, and val_loss is of all classes.",
            "Two classes may be one sigmoid column or two softmax columns: what one can say, the other can, at the same loss.",
        ),
        said=(
            ("a low binary cross-entropy on 26 classes is good", "25 of 26 columns are zeros: 1/26 everywhere scores 0.163"),
            ("Keras chooses the accuracy by the loss", "Keras 2 did; Keras 3 looks at shapes alone"),
        ),
        show=(("lmrun loss=categorical_crossentropy", "then loss=sparse_categorical_crossentropy: the same val_loss"),),
        also=("cross-entropy family", "sparse", "soft labels", "label smoothing"),
        see=("logits", "multi-label", "crossentropy"),
    ),
    "multi-label": Idea(
        title="One of several classes, or several labels at once?",
        text=(
            "Multiclass: exactly one class is right; softmax, categorical cross-entropy, the largest column is the answer. "
            "Multi-label: every label is on or off by itself; sigmoid, binary cross-entropy, every column above a threshold is "
            "an answer, and none may be.",
            "The loss of a row is the mean of its labels' losses, not their sum: with 3 labels the sum is three times as "
            "large, and so would be the steps.",
            "accuracy counts labels, so rare labels make it high: always saying no scores the share of zeros. f1, auc and "
            "auc_pr say more. scikit-learn's accuracy_score is stricter: a row counts if all its labels are right.",
            "Keras' own strings take several columns for one-hot classes: 'accuracy' becomes categorical_accuracy and the loss "
            "'crossentropy' becomes categorical_crossentropy, both silently wrong here.",
        ),
        said=(("for several labels the losses are added up", "Keras averages them over the columns"),),
        show=(("lmrun data=multilabel metrics=accuracy+f1+auc", "each beside its value for a constant answer"),),
        also=("several labels", "one of several"),
        see=("activations", "averages", "accuracy"),
    ),
    "averages": Idea(
        title="Micro, macro, weighted: which mean over classes?",
        text=(
            "micro: all cells in one pool, every row counts alike, so large classes decide. macro: a value for each class, "
            "then their mean, so a class of 3 rows counts as much as one of 3,000. weighted: macro with the class sizes as "
            "weights.",
            "With one class a row, micro F1 is the accuracy; micro precision and recall at the threshold 0.5 are not, since "
            "a row with no column above 0.5 has no answer.",
            "In Keras AUC, Precision and Recall are micro over all columns (AUC with multi_label=true: macro); F1Score and "
            "FBetaScore have average. lmrun takes macro for those, since Keras' None gives a value for each class.",
            "Macro of a class without rows: 0 in Keras, left out by scikit-learn.",
        ),
        show=(
            ("lmrun data=digits metrics=f1+auc", "F1Score(macro) and AUC(micro) in the header"),
            ("lmrun data=digits metrics=f1 metrics.f1.average=micro", "the accuracy under another name"),
        ),
        also=("micro", "macro", "weighted", "micro and macro", "average"),
        see=("f1_score", "auc", "multi-label"),
    ),
    "baseline": Idea(
        title="What is a good loss? Is 96 % accuracy good?",
        text=(
            "Good is better than an answer that ignores the inputs. For classes that is their shares: cross-entropy log(C) "
            "for C balanced ones (10: 2.303, 26: 3.258), accuracy the largest share. For mse the variance of the target, for "
            "mae the mean distance from the median, for AUC 0.5, for the area under precision and recall the share of "
            "positives.",
            "lmrun computes them on the validation rows: the line `constant` at the end of a run, baseline in metrics.json, "
            "and skill = 1 − loss/constant: 0 is worthless, 1 perfect, below 0 worse than knowing nothing.",
            "Losses compare within one loss on the same rows only: 0.3 of mse and 0.3 of cross-entropy have nothing in "
            "common, and neither has 0.3 of mse in metres and in feet.",
            "26 balanced classes: binary_accuracy of always saying no is 25/26 = 0.9615, accuracy of a guess 0.038.",
        ),
        said=(
            ("train until the loss is 0.0something", "no number is good for all data; the constant answer is the measure"),
            ("96 % here is overfitting", "it is the artefact of counting 25 easy noes a row"),
            ("a mean average precision of 0.1 is 100 %", "1.0 is; 0.1 is a tenth of the possible"),
        ),
        show=(
            ("lmrun experiment=letters26", "val_binary_accuracy begins at 0.9615, val_accuracy at little"),
            ("lmrun data=diabetes metrics=r2+rmse", "R² is a skill: 1 − mse/variance"),
        ),
        also=("good loss", "skill", "constant", "96", "26 classes", "good accuracy", "chance"),
        see=("accuracy", "binary_accuracy", "r2_score"),
    ),
    "class-and-function": Idea(
        title="A string, a function or a class: what is the difference in Keras?",
        text=(
            "keras.losses.mean_squared_error is a function and returns a value for each row. keras.losses.MeanSquaredError() "
            "is an object with settings (reduction, from_logits, delta, …) and returns one number. compile takes both, and "
            "strings.",
            "A string names a function with its defaults. {'class_name': 'huber', 'config': {'delta': 2}} gives the bare "
            "function and drops delta, without a word; 'Huber' keeps it. Many short names are no strings of Keras 3: cce, "
            "logcosh, l1, focal, rmse and iou raise ValueError. Names of lmrun stand for the class, with every setting in "
            "its option file.",
            "A metric class keeps sums over the epoch; a function as a metric is averaged, over rows if it returns rows, over "
            "batches if it returns one number.",
            "A list of losses for one output trains on the first alone: [mse, mae] gives mse, and logs mse_loss and mae_loss "
            "as 0.0. Calling compile again without metrics keeps the old ones.",
        ),
        said=(
            (
                "naming the metric function directly is never an error",
                "categorical_accuracy on class numbers is silently wrong",
            ),
            ("SGD(lr=0.01, decay=1e-6)", "Keras 3 refuses lr and ignores decay; here both are understood"),
        ),
        show=(
            ("lmrun loss=huber loss.delta=10 data=diabetes", "a name with a setting"),
            ("lmrun --cfg job loss=huber", "every setting of the class, with its default"),
        ),
        also=("string", "function", "class", "loss class", "loss function", "compile"),
        see=("epoch-and-batch", "huber", "accuracy"),
    ),
    "several-targets": Idea(
        title="Several numbers to predict: one loss or several?",
        text=(
            "Columns of one output share a loss, which averages over them: mae on two columns is the mean of their two maes. "
            "Columns of different scale then weigh differently: a price in thousands drowns a count of rooms.",
            "lmrun's models learn a regression in standard units and answer in the target's own, but the loss and the "
            "metrics are in the target's unit all the same. Losses and weights for each output need a model with several "
            "outputs.",
            "Keras never checks the keys of loss_weights: a typo is accepted, and weights go to outputs in the order of the "
            "sorted keys. Its per-output losses are wrong where the last batch is short; their sum is right.",
        ),
        show=(("lmrun data=multitask loss=mae metrics=mae+r2", "price and rooms under one mae, which price decides"),),
        also=("multi-task", "several outputs", "loss_weights", "outputs"),
        see=("mean_absolute_error", "r2_score"),
    ),
}
