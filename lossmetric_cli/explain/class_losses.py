"""Cards of the losses for classes: cross-entropies, focal losses, hinges and divergences."""

from __future__ import annotations

from lossmetric_cli.explain.card import Card

ROWS = "the sum over the classes of a row, then the mean over rows"
CELLS = "the mean over the columns of a row (several labels are averaged, not added up), then over rows"

CARDS = {
    "auto": Card(
        note="The default: nobody has to choose before the first run. Name the loss to set its parameters.",
    ),
    "crossentropy": Card(
        note="They are one formula for three forms of label.",
        beside=("crossentropy", "accuracy", "auc"),
        traps=(
            "Keras' own string 'crossentropy' chooses by shapes: several labels a row look like one-hot classes to it, so it "
            "takes categorical_crossentropy, silently, where binary_crossentropy is right.",
        ),
        twin="crossentropy",
    ),
    "focal": Card(
        note="One name for the two focal losses. For a binary task alpha is in force, which Keras leaves off.",
        twin="focal",
        beside=("accuracy", "auc_pr", "f1_score"),
        source="Lin and others, Focal Loss for Dense Object Detection, 2017, equation 5",
    ),
    "none": Card(
        note="For models whose layers call add_loss: compile gets no loss, and what the layers add is all that is optimised.",
        traps=("Keras 3 has no add_loss on a functional model (NotImplementedError); a layer's add_loss works.",),
        command="lmrun loss=none model=my_models.autoencoder",
    ),
    "binary_crossentropy": Card(
        formula=(
            "loss = −[y·log(p) + (1 − y)·log(1 − p)]\n"
            "from logits:  max(z, 0) − z·y + log(1 + exp(−|z|))\n"
            "smoothed:     y becomes y·(1 − label_smoothing) + label_smoothing/2"
        ),
        where="y label, p predicted probability of 1, z logit with p = 1/(1 + exp(−z)), log natural",
        note="Each column is a yes-or-no question of its own.",
        range="0 upwards; 0 is perfect, log(2) = 0.693 says p = 0.5 always; from bare probabilities at most 16.1 a cell, since "
        "those are kept 1e-7 away from 0 and 1",
        counts=CELLS,
        twin="binary_crossentropy",
        beside=("accuracy", "auc", "auc_pr"),
        traps=(
            "On a softmax layer Keras takes that layer's logits and puts them through a sigmoid, silently: for logits 2, 0, 0 "
            "and the first class right it reports 0.504, where the probabilities that predict returns give 0.155.",
            "Labels outside 0 to 1 are accepted: y = 2 with p = 0.9 scores −2.09, and the loss falls without end.",
            "Few labels on, many columns: for one class of 26 in 26 columns, p = 1/26 everywhere scores 0.163 and looks low.",
            "With label_smoothing=0.1 the least possible value is 0.199, not 0.",
        ),
        source="Good, Rational Decisions, 1952 (the logarithmic score); Keras docs: Probabilistic losses",
    ),
    "binary_focal_crossentropy": Card(
        formula=(
            "q = p where y is 1,  1 − p where y is 0\n"
            "loss = −a·(1 − q)^gamma·log(q)\n"
            "a = 1;  with apply_class_balancing:  alpha where y is 1,  1 − alpha where y is 0"
        ),
        where="y label, p predicted probability of 1, q probability given to the truth",
        note="Rows that are right already count little.",
        range="0 upwards; 0 is perfect, 0.173 says p = 0.5 always (gamma=2)",
        counts=CELLS,
        twin="binary_focal_crossentropy",
        beside=("auc_pr", "f1_score", "recall"),
        traps=(
            "alpha does nothing unless apply_class_balancing=true.",
            "Its values are no cross-entropies: q = 0.9 costs 0.00105 here and 0.105 there (gamma=2).",
            "It pulls probabilities towards 0.5: a threshold other than 0.5 may serve better.",
        ),
        source="Lin and others, Focal Loss for Dense Object Detection, 2017, equations 4 and 5",
    ),
    "categorical_crossentropy": Card(
        formula=(
            "loss = −Σ y·log(p)             over the classes of a row\n"
            "       one-hot y:  −log(p of the right class)\n"
            "from logits:  log(Σ exp(z)) − z of the right class\n"
            "smoothed:     y becomes y·(1 − label_smoothing) + label_smoothing/C"
        ),
        where="y label of each class, p predicted probability, z logit, C number of classes, log natural",
        note="The usual loss of a classifier. Labels may be soft: any rows of weights that sum to 1.",
        range="0 upwards; 0 is perfect, log(C) says every class is as likely: 2.303 for 10 classes, 3.258 for 26; from bare "
        "probabilities at most 16.1 a row, since those are kept above 1e-7",
        counts=ROWS,
        twin="categorical_crossentropy",
        beside=("accuracy", "auc"),
        traps=(
            "On a sigmoid layer Keras takes that layer's logits and puts them through a softmax, silently: for logits 2, 0, 0 "
            "and the first class right it reports 0.240, where the probabilities that predict returns give 0.759.",
            "On a linear layer without from_logits Keras divides the scores by their sum: logits 2, 0, 0 score a perfect 0.000 "
            "where 0.240 is true.",
            "One column with softmax is always 1.0, and the loss 0 for ever.",
            "With label_smoothing=0.1 and 10 classes the least possible value is 0.500, not 0.",
        ),
        source="Good, Rational Decisions, 1952; label smoothing: Szegedy and others, 2016, section 7; Keras docs: "
        "Probabilistic losses",
    ),
    "sparse_categorical_crossentropy": Card(
        formula=("loss = −log(p of class y)\nfrom logits:  log(Σ exp(z)) − z of class y"),
        where="y class number, p predicted probability, z logit, log natural",
        note="The numbers of categorical_crossentropy without a one-hot copy of the labels; no label smoothing, no soft "
        "labels.",
        range="0 upwards; 0 is perfect, log(C) for C equally likely classes: 2.303 for 10, 3.258 for 26",
        counts="the mean over rows; rows of ignore_class count for nothing",
        twin="sparse_categorical_crossentropy",
        beside=("accuracy", "auc"),
        traps=(
            "Class numbers that are no columns of the model (1 to 10 with 10 columns, or −1) raise an error on the CPU and "
            "give NaN under XLA, which is the default on a GPU.",
            "Fractions are cut without a word: label 2.7 counts as class 2.",
            "Class numbers with plain categorical_crossentropy raise an error, one-hot rows with this one too.",
        ),
        source="as categorical_crossentropy; Keras docs: Probabilistic losses",
    ),
    "categorical_focal_crossentropy": Card(
        formula="loss = −alpha·(1 − q)^gamma·log(q)",
        where="q predicted probability of the right class",
        range="0 upwards; 0 is perfect",
        counts=ROWS,
        twin="categorical_focal_crossentropy",
        beside=("accuracy", "f1_score"),
        traps=(
            "alpha=0.25 makes the whole loss a quarter, and so the steps of plain SGD: with gamma=0, q = 0.3 scores 0.301, and "
            "the cross-entropy is 1.204.",
        ),
        source="Lin and others, 2017, equation 5, for many classes as Keras has it; Keras docs: Probabilistic losses",
    ),
    "categorical_generalized_cross_entropy": Card(
        formula="loss = (1 − p^q)/q",
        where="p predicted probability of the right class, q the parameter",
        note="A row that cannot be fitted ceases to count.",
        range="0 to 1/q; 0 is perfect",
        counts="the mean over rows",
        twin="categorical_generalized_cross_entropy",
        beside=("accuracy",),
        traps=(
            "q must lie between 0 and 1, both excluded: q = 0.01 is nearly the cross-entropy (1.197 for 1.204 at p = 0.3), "
            "q = 0.99 nearly 1 − p.",
            "Keras has the class and no string for it; here the name works like any other.",
        ),
        source="Zhang and Sabuncu, Generalized Cross Entropy Loss, 2018, equation 6",
    ),
    "categorical_hinge": Card(
        formula="loss = max(0, 1 − z + w),  w = max(0, best score of a wrong class)",
        where="z score of the right class",
        note="No loss once the right class leads by 1.",
        range="0 upwards; 0 is perfect",
        counts="the mean over rows",
        twin="categorical_hinge",
        beside=("accuracy",),
        traps=(
            "A best wrong score below 0 counts as 0: z = 0.5 against −1 and −2 scores 0.5, and 0 by Crammer and Singer, which "
            "scikit-learn's hinge_loss computes.",
            "On a softmax layer the score of the right class is never above 1, so the loss never reaches 0.",
        ),
        source="Crammer and Singer, 2001, with Keras' floor of 0; Keras docs: Hinge losses",
    ),
    "hinge": Card(
        formula="loss = max(0, 1 − y·z)",
        where="y label −1 or 1, z score of a linear head",
        note="No loss once the score is on the right side by 1.",
        labels="−1 or 1, a column for each label; 0 and 1 are converted",
        range="0 upwards; 0 is perfect, 1 says z = 0 always",
        counts=CELLS,
        twin="hinge",
        beside=("accuracy", "auc"),
        traps=(
            "Keras converts 0/1 to −1/1 only in a batch where every label is 0 or 1: one label of 0.5 leaves the zeros as they "
            "are, and a zero costs 1 whatever the score.",
            "On a sigmoid head the scores lie between 0 and 1, so every negative costs at least 1.",
        ),
        source="Cortes and Vapnik, Support-Vector Networks, 1995; Keras docs: Hinge losses",
    ),
    "squared_hinge": Card(
        formula="loss = max(0, 1 − y·z)²",
        where="y label −1 or 1, z score of a linear head",
        note="Unlike hinge it is smooth at the margin.",
        labels="−1 or 1, a column for each label; 0 and 1 are converted",
        range="0 upwards; 0 is perfect, 1 says z = 0 always",
        counts=CELLS,
        twin="squared_hinge",
        beside=("accuracy", "auc"),
        traps=("0/1 labels are converted only in a batch where every label is 0 or 1, as with hinge.",),
        source="Keras docs: Hinge losses",
    ),
    "kl_divergence": Card(
        formula="loss = Σ y·log(y/p)             over the classes of a row",
        where="y true probability of each class, p predicted probability, log natural",
        note="What the cross-entropy of soft labels keeps after their own entropy is taken off. On one-hot labels the two are "
        "the same number.",
        range="0 upwards for rows that sum to 1; 0 is perfect",
        counts=ROWS,
        twin="kl_divergence",
        beside=("accuracy",),
        traps=(
            "Rows that do not sum to 1 are accepted: y = 0.5, 0.5 against p = 0.9, 0.9 scores −0.588.",
            "It has no from_logits: the model must end in softmax.",
        ),
        source="Kullback and Leibler, On Information and Sufficiency, 1951; Keras docs: Probabilistic losses",
    ),
    "dice": Card(
        formula="loss = 1 − 2·Σ y·p / (Σ y + Σ p)",
        where="y label 0 or 1, p predicted probability",
        note="True negatives do not count at all.",
        range="0 to 1; 0 is perfect",
        counts="axis=null: one score for the whole batch; axis=[1,2,3]: one for each image, then their mean",
        twin="dice",
        beside=("binary_iou", "f1_score"),
        traps=(
            "With axis=null the value depends on how rows fall into batches: two rows together score 0.333, and 0.312 as the "
            "mean of their own scores.",
            "An empty mask that is predicted empty scores 1.0, the worst, not 0.",
        ),
        source="Milletari and others, V-Net, 2016, whose denominator has squares",
    ),
    "tversky": Card(
        formula="loss = 1 − O/(O + alpha·M + beta·F)\nO = Σ y·p     M = Σ y·(1 − p)     F = Σ (1 − y)·p",
        where="y label 0 or 1, p predicted probability, O overlap, M missed, F false alarms",
        note="With both prices at 0.5 it is dice.",
        range="0 to 1; 0 is perfect",
        counts="axis=null: one score for the whole batch; axis=[1,2,3]: one for each image, then their mean",
        twin="tversky",
        beside=("binary_iou", "recall", "precision"),
        traps=(
            "Keras documents alpha as the price of a false alarm and its code charges it for a miss: with alpha=1, beta=0 "
            "half of a mask missed scores 0.5, and 0.0 with alpha=0, beta=1.",
            "An empty mask that is predicted empty scores 1.0, as with dice.",
        ),
        source="Salehi and others, Tversky loss function for image segmentation, 2017, equation 3",
    ),
    "cosine_similarity": Card(
        formula="loss = −Σ y·p / (‖y‖·‖p‖)       over the columns of a row",
        where="y label vector, p predicted vector, ‖·‖ length",
        range="−1 to 1; −1 is perfect, 0 a right angle, 1 the opposite direction",
        counts="the mean over rows",
        twin="cosine_similarity",
        traps=(
            "A good value is negative: a falling loss ends near −1, not near 0.",
            "With one column it knows the sign alone: label 2 and prediction 1 score a perfect −1.",
            "The metric of the same name has the other sign.",
        ),
        source="Keras docs: Regression losses",
    ),
    "circle": Card(
        formula=(
            "loss = log(1 + P·N)\n"
            "P = Σ exp(−gamma·max(0, 1 + margin − s)·(s − 1 + margin))   rows of the same class\n"
            "N = Σ exp(gamma·max(0, s + margin)·(s − margin))            rows of other classes"
        ),
        where="s cosine of the angle between a row's vector and another row's of the same batch",
        note="Rows of a class are drawn together, others pushed apart.",
        range="0 upwards; 0 is perfect",
        counts="the mean over the rows of a batch that have a loss; others do not count",
        traps=(
            "It compares rows within a batch: a batch needs several rows of a class, and its size changes the value.",
            "Keras does not bring the vectors to length 1; the head of lmrun's models does.",
            "No metric of classes applies to an embedding.",
        ),
        source="Sun and others, Circle Loss, 2020, equation 5",
        command="lmrun loss=circle 'metrics=[]' batch_size=128",
    ),
    "ctc": Card(
        formula="loss = −log(Σ p of every way to write y over the time steps, blanks and repeats allowed)",
        where="y label sequence, p probability of a path: the product of its steps' softmax probabilities",
        note="The labels say what comes, not when.",
        range="0 upwards; 0 is perfect",
        counts="a value for each sequence, then the mean over rows",
        labels="rows of class numbers from 1, padded with 0, which is the blank too; predictions (rows, steps, classes) as "
        "logits",
        traps=(
            "A softmax before it is applied a second time: the head must be linear.",
            "A label sequence longer than the steps has no way to be written.",
        ),
        source="Graves and others, Connectionist Temporal Classification, 2006, equation 14",
        command="lmrun loss=ctc data=my_data.speech model=my_models.recogniser",
    ),
}
