"""Ideas about what a run says of itself: the gap, how sure a figure is, and what is chance."""

from __future__ import annotations

from lossmetric_cli.explain.card import Idea

IDEAS = {
    "gap": Idea(
        title="What is the gap between loss and val_loss made of?",
        text=(
            "Four things, which add up to loss − val_loss:\n"
            "running mean    loss is measured while the weights change, val_loss after the last step\n"
            "mode            dropout, noise and batch statistics work in training and rest in validation\n"
            "weights         class and sample weights are in loss, not in val_loss\n"
            "generalisation  rows that the model was trained on against rows that it was not",
            "Only the last is about the model. The first three are how the number was measured, and none of them is a reason "
            "for more dropout or fewer epochs.",
            "A run measures them when training ends: the last epoch's weights score the epoch's own batches in training mode, "
            "in inference mode, and without weights. Nothing of the run changes by it. Of more than 20,000 training rows it "
            "takes a seeded sample.",
            "The penalties of regularisers are in both losses. Under sampled_softmax and nce there is a fifth part: while it "
            "trains, loss is of a few drawn classes, and val_loss of all.",
        ),
        said=(("loss above val_loss is a mistake", "early in training and with dropout it is what to expect"),),
        show=(
            ("lmrun experiment=page1", "then lmrun explain gap outputs/latest: the running mean is all of it"),
            ("lmrun model.dropout=0.5", "the mode is most of it"),
        ),
        also=("generalisation gap", "generalization gap", "generalisation", "gap explainer"),
        see=("training-loss", "train-and-inference", "class-weights"),
    ),
    "interval": Idea(
        title="How sure is a figure of the test rows?",
        text=(
            "Other test rows would give another figure. The interval holds, in 95 of 100 such draws, the figure that all rows "
            "of the kind would give: 0.9667 of 180 rows is 0.93 to 0.98. Four times the rows make it half as wide.",
            "A share of right rows has Wilson's interval (1927), which stays within 0 and 1 and has a width even where every "
            "row is right. A mean over rows, such as a loss, lies within 1.96 standard errors. AUC, F1, R² and RMSE have the "
            "middle 95 % of 200 samples of the rows drawn with replacement (Efron's bootstrap, 1979).",
            "It is about the rows alone. Another seed starts from other weights, which -m seed=0,1,2 shows. Rows that hang "
            "together, such as pictures of one person, make it too narrow; so does choosing the best of many runs on the "
            "very rows, so it is the test part that it is printed for.",
        ),
        said=(("the intervals overlap, so the two models are alike", "on the same rows a smaller difference can be real"),),
        show=(("lmrun data=digits validation.test_split=0.1 metrics=accuracy+auc", "the line `test` has them in brackets"),),
        also=("confidence interval", "confidence", "bootstrap", "wilson", "binomial", "how sure"),
        see=("noise-band", "validation", "baseline"),
    ),
    "noise-band": Idea(
        title="Which differences of val_loss are chance?",
        text=(
            "val_loss is a mean over the validation rows, so it has a standard error: the spread of the rows' losses over the "
            "root of their number. history.csv has it as val_loss_stderr.",
            "Two figures that differ by less than two of it can be chance of the draw of rows. Within one run every epoch is "
            "measured on the same rows, so its curve is calmer than the band: the band says what another draw of rows would "
            "move, all epochs alike.",
            "A few rows that are wrong and very sure make it wide under cross-entropy. Half of it costs four times the rows.",
        ),
        show=(("lmrun data=iris", "30 rows: a wide band; then data=digits: 359 rows"),),
        also=("standard error", "loss_stderr", "val_loss_stderr", "band"),
        see=("spikes", "interval", "validation"),
    ),
}
