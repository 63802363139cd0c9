"""Ideas about training: what is optimised, what is measured, on which rows and when."""

from __future__ import annotations

from lossmetric_cli.explain.card import Idea

IDEAS = {
    "loss-and-metric": Idea(
        title="Which does training optimise, the loss or the metrics?",
        text=(
            "The loss, and nothing else: its gradient moves the weights. Metrics are computed from the same predictions and "
            "only reported; with metrics=[] a run ends in the same weights, to the last bit.",
            "The two differ because a loss must have a gradient and a metric need not. Accuracy changes in jumps, AUC looks at "
            "the order of all rows at once: so cross-entropy is optimised and they are watched. A metric decides all the same "
            "where it is told to: monitor=val_auc lets early stopping and checkpoints keep the best epoch by AUC.",
            "Many names are both. As a loss, `loss` is a mean over the epoch while the weights change, with class weights and "
            "the penalties of regularisers; as a metric the same formula has neither.",
            "Other libraries say objective or loss_function for the loss, and eval_metric or metrics for the rest.",
        ),
        said=(
            ("log loss is no loss but a metric", "it is both: the formula of cross-entropy, whichever use it is put to"),
            ("back-propagation improves the accuracy", "it lowers the loss; accuracy follows, or does not"),
            (
                "accuracy is printed by itself",
                "Keras reports what it is asked for; lmrun writes its default, metrics=[auto], out",
            ),
        ),
        show=(("lmrun experiment=headline", "then again with 'metrics=[]': history.csv has the same loss and val_loss"),),
        also=("loss", "metric", "objective", "eval_metric", "optimised", "what is optimised"),
        see=("monitor", "auc", "categorical_crossentropy"),
    ),
    "validation": Idea(
        title="What is validation, and does it change the model?",
        text=(
            "It changes no weight. After an epoch the model predicts rows that it was not trained on, loss and metrics are "
            "computed from the predictions, and no gradient is taken. It steers only through you and through callbacks: early "
            "stopping, checkpoints and reduce_lr act on val_loss or whatever monitor names.",
            "Training rows move the weights, validation rows choose epochs and settings, and test rows, asked once at the end "
            "(validation.test_split=0.1), tell what to expect: the best of many validations is partly luck.",
            "lmrun draws the validation rows by the seed, in the proportions of the classes. Keras' validation_split takes the "
            "last rows before any shuffling: of rows sorted by class it validates on a class that it never trained on.",
            "val_loss above train_loss_eval and growing, while loss falls, is overfitting: fewer epochs, more data, dropout or "
            "l2. Dropout has no part in splitting rows: it drops units inside the model, and only while training.",
        ),
        show=(
            ("lmrun data=sorted_blobs metrics=accuracy", "sorted rows, validated on all classes"),
            ("lmrun validation.split=0.3 validation.test_split=0.1", "metrics.json has train, val and test"),
        ),
        also=("val_loss", "overfitting", "test", "holdout", "validation_split", "train and validation"),
        see=("training-loss", "early_stopping", "spikes"),
    ),
    "training-loss": Idea(
        title="Why is the training loss not what evaluate says, on the very same rows?",
        text=(
            "When: the loss of an epoch is a mean over its batches, each measured before the step it causes. evaluate comes "
            "after the last step. With one batch an epoch, `loss` of epoch n+1 is `val_loss` of epoch n on the same rows.",
            "How: dropout, noise layers and batch statistics work in training and rest in evaluation.",
            "What: class and sample weights go into loss; val_loss has none. Regularisers go into both.",
            "train_loss_eval is the honest partner: the loss of training rows after the epoch, as evaluate computes it. "
            "val_loss minus train_loss_eval is generalisation; loss minus train_loss_eval is when and how. So a val_loss "
            "below loss is nothing strange, early in training or with dropout.",
        ),
        said=(
            ("set trainable=False on Dropout and the gap is gone", "Keras 3 drops units all the same; rate 0 closes the gap"),
            ("it rose because there was only one epoch", "before and after a step differ; which is larger depends on the step"),
        ),
        show=(
            ("lmrun experiment=page1", "val_loss of an epoch stands as loss in the next"),
            ("lmrun experiment=dropout", "loss stays above val_loss on the same rows; model.dropout=0 ends it"),
        ),
        also=("evaluate", "train loss", "training loss and validation loss", "loss above val_loss", "train_loss_eval"),
        see=("gap", "train-and-inference", "class-weights", "epoch-and-batch"),
    ),
    "train-and-inference": Idea(
        title="Which layers behave differently in training?",
        text=(
            "Dropout and noise layers act in training only, and so do augmentation layers. BatchNormalization uses the batch's "
            "mean and variance in training, and running means of both (momentum 0.99) in validation and prediction.",
            "They start at 0 and 1 and need hundreds of steps: until then val_loss of a good model can be poor, "
            "and early stopping keeps the wrong epoch. More steps, smaller batches or a smaller momentum mend it.",
            "trainable=False stops the updates of a layer's weights. On BatchNormalization it also switches to the running "
            "mean; on Dropout, which has no weights, it does nothing in Keras 3.",
        ),
        said=(("dropout lowers the capacity when the model is used", "in prediction all units work; nothing is dropped"),),
        show=(
            ("lmrun model.dropout=0.5 validation=train", "one set of rows, one set of weights, two losses"),
            ("lmrun model=cnn model.batch_norm=true epochs=5", "train_loss_eval stays far above loss in the first epochs"),
        ),
        also=("dropout", "batch norm", "batchnormalization", "inference", "inference mode", "trainable"),
        see=("training-loss", "regularisation"),
    ),
    "epoch-and-batch": Idea(
        title="Over what is a number of the history averaged?",
        text=(
            "A batch is the rows of one step (batch_size), an epoch is every row once. `loss` is the mean over the epoch's "
            "rows, each measured in its own batch.",
            "Keras' metric classes keep state: they add up counts or sums over the epoch and divide at the end, so AUC, "
            "precision or RMSE are those of all rows and do not depend on batch_size.",
            "A plain function that returns one number a batch is averaged over batches, and F1 or R² of a batch averaged is "
            "no F1 or R²; the short last batch counts as much as the others. A function should return a value for each row, "
            "and what needs all rows should be a class.",
            "Every number of val_ is measured with the weights of the epoch's end; loss and training metrics on the way there.",
        ),
        show=(("lmrun data=breast_cancer metrics=f1+auc batch_size=8", "then batch_size=128: only the training differs"),),
        also=("batch", "epoch", "batch_size", "stateful metric", "running mean"),
        see=("training-loss", "class-and-function", "root_mean_squared_error"),
    ),
    "regularisation": Idea(
        title="Is regularisation part of the loss? And weight decay?",
        text=(
            "An L1 or L2 penalty (model.l2=0.01) is added to the loss: to loss, to val_loss and to evaluate, the same number "
            "in each, since it depends on the weights and not on rows. history.csv has it as regularization beside "
            "data_loss, and loss = data_loss + regularization. A frozen layer's penalty leaves the loss.",
            "So losses with different l2 are not comparable; data_loss and metrics are.",
            "weight_decay is in no loss: before each step every weight shrinks by the share lr·weight_decay. For plain SGD "
            "that is an L2 penalty of half of weight_decay; for Adam it is not, since Adam divides the penalty's gradient by "
            "√v and hardly shrinks weights with large gradients. That is what AdamW mended. Any Keras optimizer takes "
            "weight_decay.",
            "Dropout and early stopping regularise too, and add nothing to the loss.",
        ),
        show=(
            ("lmrun model.l2=0.01 data=iris", "loss, data_loss and regularization in history.csv"),
            ("lmrun optimizer=adamw optimizer.weight_decay=0.1 data=iris", "regularization stays 0"),
        ),
        also=("regularization", "regulariser", "weight decay", "l2 penalty", "penalty", "add_loss"),
        see=("adamw", "training-loss"),
    ),
    "class-weights": Idea(
        title="What do class weights and sample weights change?",
        text=(
            "They multiply each row's part of the training loss, and nothing else: val_loss and metrics stay unweighted, so "
            "the two curves part although no row is worse. Only Keras' weighted_metrics see the weights.",
            "Keras divides the weighted sum by the number of rows, not by the sum of the weights: weights that average 5 "
            "make the loss and the steps some five times as large. Squared errors 1 and 9 with weights 3 and 1 are a loss of "
            "6.0 and a weighted metric of 3.0.",
            "Keys that are text, as JSON and YAML make them, are ignored by plain Keras without a word.",
            "Alternatives without weights: a focal loss, metrics that see rare classes (auc_pr, f1_score, recall), and another "
            "threshold than 0.5.",
        ),
        said=(
            (
                "softmax has no built-in class weights",
                "Keras' fit takes class_weight, and sample_weight does the same",
            ),
        ),
        show=(("lmrun data=breast_cancer loss=focal metrics=recall+precision+auc_pr", "rare positives without weights"),),
        also=("class_weight", "sample_weight", "weights", "pos_weight", "imbalance", "weighted_metrics"),
        see=("baseline", "focal", "auc_pr"),
    ),
    "monitor": Idea(
        title="Which way is better, and who decides?",
        text=(
            "Losses and errors are better low, accuracies, AUC, R² and IoU high. `monitor` is the column that early stopping, "
            "checkpoints and reduce_lr watch and that a sweep compares; its direction must be known.",
            "Keras 3 asks the metric object, not its name. For metrics of your own, for true and false positives and for a "
            "name that is not logged, mode=auto raises an error after the first epoch is trained; a name that is missing "
            "under an explicit mode warns every epoch and never stops anything. lmrun checks monitor before training and "
            "sets the mode.",
            "A metric of your own says its direction by an attribute, direction = 'max' or 'min', or mode=max says it.",
            "The best epoch by loss and by a metric are often two: log loss punishes confidence long after accuracy has "
            "settled.",
        ),
        show=(("lmrun callbacks=early_stopping monitor=val_accuracy", "the header's line `watches` has the arrow"),),
        also=("direction", "mode", "best epoch", "higher is better"),
        see=("early_stopping", "model_checkpoint", "loss-and-metric"),
    ),
    "spikes": Idea(
        title="Why does val_loss jump up and down?",
        text=(
            "It is an estimate: its standard error is the spread of the rows' losses over the root of their number "
            "(val_loss_stderr in history.csv). Jumps within two of those mean nothing; with a hundred rows they are large.",
            "Jumps beyond that come from steps that are too long (a lower learning rate or a schedule), from few wrong and "
            "very sure rows, which cross-entropy punishes without bound, and from BatchNormalization's running mean.",
            "A rate that falls (a schedule by steps, or reduce_lr by what it sees) calms the end of a run.",
        ),
        show=(
            ("lmrun data=iris lr=0.1", "120 rows to train on, 30 to validate, steps too long"),
            ("lmrun data=iris optimizer/learning_rate=cosine_decay lr=0.1", "the same start, and a calm end"),
        ),
        also=("noise", "noisy validation", "unstable", "learning rate decay"),
        see=("noise-band", "cosine_decay", "reduce_lr_on_plateau", "validation"),
    ),
    "saving": Idea(
        title="What must be saved to go on training, and what to use the model?",
        text=(
            "To go on: weights, the optimizer's running means and step, what callbacks remember, the seeds of dropout and the "
            "position in the data. A .keras file has the first two. To predict: the weights and the layers, nothing else.",
            "With Adam the optimizer's part is twice the weights. save_weights stores it as well, and "
            "include_optimizer=False is ignored for .keras files: load the model with compile=False and save it again.",
            "Keras forgets some parameters of losses on the way: a Huber loss with delta=5 evaluates with delta=1 after "
            "loading.",
        ),
        show=(("lmrun callbacks=checkpoint", "checkpoints/best.keras in the run folder is the best epoch by monitor"),),
        also=("checkpoint file", "resume", "deployment", "load_model"),
        see=("model_checkpoint", "backup_and_restore"),
    ),
}
