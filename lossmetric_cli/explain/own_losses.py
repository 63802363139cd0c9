"""Cards of the losses that Keras lacks, and of the metric that goes with one of them."""

from __future__ import annotations

from dataclasses import replace

from lossmetric_cli.explain.card import Card, of_loss

CELLS = "the mean over the columns of a row, then over rows"

CARDS = {
    "quantile": Card(
        formula="loss = max(tau·e, (tau − 1)·e)",
        where="e = y − p, y label, p prediction",
        note="With tau=0.9 about 90 % of the labels end below the prediction; with several, a row is answered by a column for "
        "each, an interval. Metrics of one answer are fed the column nearest to 0.5.",
        range="0 upwards, in the unit of the target; 0 is perfect, the quantile of y says the same always",
        counts=CELLS,
        twin="quantile",
        beside=("coverage", "mean_absolute_error"),
        traps=(
            "Its size depends on tau: compare runs of the same tau only. With tau=0.5 it is half of mae.",
            "Columns are trained side by side, and nothing keeps the column of 0.9 above that of 0.5 in every row.",
            "The slope does not shrink near the end, as with mae: let the learning rate decay.",
        ),
        source="Koenker and Bassett, Regression Quantiles, 1978",
        command="lmrun data=diabetes loss=quantile 'loss.tau=[0.1,0.5,0.9]' metrics=coverage+mae",
    ),
    "exponential": Card(
        formula="loss = exp(−y·z)",
        where="y label −1 or 1, z score of a linear head",
        note="The loss behind AdaBoost; its best score is half the log-odds.",
        labels="0 or 1, or −1 or 1, a column for each label; what is above 0 counts as 1, all else as −1",
        range="0 upwards; 0 is perfect, 1 says z = 0 always",
        counts=CELLS,
        twin="exponential",
        beside=("accuracy", "auc"),
        traps=(
            "One row far on the wrong side outweighs all others: a margin of −5 costs 148.4, and a hinge of it 6: a wrong "
            "label in the data is fitted at the cost of the rest.",
            "The exponent is cut off at 30, so that float32 holds: a row with a margin below −30 pulls no more.",
            "A score is half the log-odds: the probability is 1/(1 + exp(−2·z)), and metrics of probabilities read "
            "1/(1 + exp(−z)). Accuracy and auc are the same by both.",
        ),
        source="Freund and Schapire, 1997; Friedman, Hastie and Tibshirani, Additive Logistic Regression, 2000, lemma 1",
    ),
    "weighted_binary_crossentropy": Card(
        formula=(
            "loss = −[pos_weight·y·log(p) + (1 − y)·log(1 − p)]\n"
            "from logits:  (1 − y)·z + (1 + (pos_weight − 1)·y)·(log(1 + exp(−|z|)) + max(−z, 0))"
        ),
        where="y label, p predicted probability of 1, z logit with p = 1/(1 + exp(−z)), log natural",
        note="For positives that are few or dear: missing one costs pos_weight times as much. Behind a sigmoid layer "
        "TensorFlow finds the logits again, so that a saturated probability costs what it should.",
        range="0 upwards; 0 is perfect",
        counts="the mean over the columns of a row (several labels are averaged, not added up), then over rows",
        twin="weighted_binary_crossentropy",
        beside=("recall", "precision", "auc_pr"),
        traps=(
            "It moves probabilities: with pos_weight=3 the best answer to rows of which a quarter are positive is 0.5. They "
            "are no shares any more, and a threshold of 0.5 claims more.",
            "pos_weight=1 is binary_crossentropy, and that is the default.",
        ),
        source="TensorFlow docs: tf.nn.weighted_cross_entropy_with_logits; King and Zeng, Logistic Regression in Rare Events "
        "Data, 2001 (weighting)",
        command="lmrun data=breast_cancer loss=weighted_binary_crossentropy loss.pos_weight=3 metrics=recall+precision",
    ),
    "brier": Card(
        formula="loss = Σ (p − y)²          over the classes of a row\n       (p − y)²            of yes-or-no labels",
        where="y label of each class, p predicted probability",
        note="A proper score like cross-entropy, and a wrong certainty costs no more than a finite amount.",
        range="0 to 2 for several classes, 0 to 1 for yes-or-no labels; 0 is perfect",
        counts="classes are added up, several labels averaged (columns), then the mean over rows",
        twin="brier",
        beside=("accuracy", "crossentropy"),
        traps=(
            "It is mse times the number of classes: p = 0.7, 0.1, 0.1, 0.1 scores 0.12, and mse 0.03.",
            "Of two classes in one column it is half of Brier's own sum, as in scikit-learn (scale_by_half=auto): p = 0.7 "
            "scores 0.09, and 0.18 in two columns.",
            "Where the model is sure and wrong the slope vanishes, and training is slower than with cross-entropy.",
        ),
        source="Brier, Verification of Forecasts Expressed in Terms of Probability, 1950",
    ),
    "sampled_softmax": Card(
        formula=(
            "in training  loss = log(Σ exp(s)) − s of the right class,  s = z − log(chance)\n"
            "elsewhere    loss = −log(p of class y)"
        ),
        where="z logit; the sum is over the right class and those drawn that are another; chance: how probable it is that a "
        "class is drawn, 1 − exp(−t·P) with the t of the draw; p predicted probability, of all classes; log natural",
        note="For many thousand classes: a training step looks at loss.samples of them, and its cost hardly grows with their "
        "number. The built-in models end in a head that draws them. val_loss, train_loss_eval and all figures at the end are "
        "sparse_categorical_crossentropy.",
        range="0 upwards; in training lower than of all classes, so the two cannot be compared",
        counts="the mean over rows",
        beside=("accuracy", "sparse_top_k_categorical_accuracy"),
        traps=(
            "loss lies below val_loss because it is of fewer classes, and that is no overfitting: compare train_loss_eval.",
            "A batch draws no class twice. log_uniform draws low numbers most, P = log((k + 2)/(k + 1))/log(classes + 1), "
            "for classes sorted by how frequent they are. Where they are not, take loss.sampler=uniform.",
            "Metrics have no column of the running epoch: they would need all classes in every step.",
            "adam moves every weight of the head in every step; sgd moves the rows of the drawn classes alone, and is faster.",
        ),
        source="Jean, Cho, Memisevic and Bengio, On Using Very Large Target Vocabulary for Neural Machine Translation, 2015, "
        "section 3; TensorFlow docs: tf.nn.sampled_softmax_loss",
        command="lmrun data=next_word loss=sampled_softmax optimizer=adagrad lr=0.1 batch_size=128",
    ),
    "nce": Card(
        formula="in training  loss = log(1 + exp(−s)) + Σ log(1 + exp(r))\nelsewhere    loss = −log(p of class y)",
        where="s = z − log(chance) of the right class, r the same of each drawn class, z logit; chance: how probable it is "
        "that a class is drawn; p predicted probability, of all classes; log natural",
        note="A row asks samples + 1 yes-or-no questions: is this the right class, or noise? The logits learn to be logs of "
        "probabilities by themselves. val_loss, train_loss_eval and all figures at the end are "
        "sparse_categorical_crossentropy.",
        range="0 upwards; its size grows with loss.samples, and cannot be compared with val_loss",
        counts="added up over the questions of a row, then the mean over rows",
        beside=("accuracy", "sparse_top_k_categorical_accuracy"),
        traps=(
            "loss and val_loss are two formulas: compare train_loss_eval with val_loss.",
            "log_uniform is for classes sorted by how frequent they are; where they are not, take loss.sampler=uniform.",
            "Metrics have no column of the running epoch: they would need all classes in every step.",
        ),
        source="Gutmann and Hyvarinen, Noise-Contrastive Estimation, 2010; Mnih and Teh, A Fast and Simple Algorithm for "
        "Training Neural Probabilistic Language Models, 2012; TensorFlow docs: tf.nn.nce_loss",
        command="lmrun data=next_word loss=nce optimizer=adagrad lr=0.1 batch_size=128",
    ),
    "weighted_sum": Card(
        formula="loss = Σ weight·loss            over the parts",
        where="parts: names of losses and their weights, {mse:1,mae:0.5}; each with the settings of its option file",
        note="Keras takes a list of losses for one output, trains the first alone and logs 0.0 for the rest.",
        labels="as the parts take them; where one takes class numbers and another one-hot rows, each is fed its own",
        range="the parts' ranges, weighted and added up",
        counts="as each part does; then the sum",
        traps=(
            "Weights do not make parts equal: mse of a target in the hundreds is in the thousands where mae is in the tens. "
            "What moves the model is the slope, not the share of the value.",
            "Parts that contradict each other are refused: one task and one head must fit them all.",
        ),
        source="the weighted-sum method of scalarization: Zadeh, Optimality and Non-Scalar-Valued Performance Criteria, 1963",
        command="lmrun data=diabetes loss=weighted_sum 'loss.parts={mse:1,mae:0.5}' metrics=mse+mae",
    ),
}
METRICS = {
    "quantile": replace(
        of_loss(CARDS["quantile"], "quantile", note="How far predictions are from a quantile of the labels; of one tau."),
        command="lmrun data=diabetes metrics.quantile.tau=0.9 metrics=quantile",
    ),
    "exponential": of_loss(CARDS["exponential"], "exponential", note="It reads scores around 0: those of a linear head."),
    "weighted_binary_crossentropy": of_loss(
        CARDS["weighted_binary_crossentropy"],
        "weighted_binary_crossentropy",
        note="Of the rows as they are, whatever the loss.",
    ),
    "brier": of_loss(
        CARDS["brier"], "brier", note="A proper score of probabilities: it falls only where they come nearer to the truth."
    ),
    "coverage": Card(
        formula="value = mean of 1 where l ≤ y ≤ u",
        where="y label, l and u the predicted lowest and highest quantile",
        note="No way is better: it ought to be the distance of the two, 0.8 for loss.tau=[0.1,0.9].",
        range="0 to 1; right is the highest tau less the lowest",
        counts="all rows since the epoch began",
        beside=("quantile",),
        traps=(
            "An interval of everything covers everything: watch the loss beside it, which minds the width.",
            "The share may be right over all rows and wrong for some of them.",
            "Where the two quantiles cross, the interval is empty and the row is not covered.",
            "A callback that watches it needs a mode.",
        ),
        source="Gneiting and Raftery, Strictly Proper Scoring Rules, Prediction, and Estimation, 2007, section 6.2",
        command="lmrun data=diabetes loss=quantile 'loss.tau=[0.1,0.9]' metrics=coverage",
    ),
}
