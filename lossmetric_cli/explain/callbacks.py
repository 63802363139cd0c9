"""Cards of the callbacks."""

from __future__ import annotations

from lossmetric_cli.explain.card import Card

DIRECTION = (
    "Keras' mode=auto asks the metric which way is better, and raises an error after the first epoch for a metric of your own, "
    "for counts and for a name that is not logged; lmrun hands it the direction before the run starts."
)
WRONG_MODE = "A wrong mode of your own is obeyed without a word: with mode=max a falling val_loss is never an improvement."
DOCS = "Keras docs: "

CARDS = {
    "early_stopping": Card(
        note="The best epoch by `monitor` is the model that the run reports. It can watch the loss or any metric.",
        traps=(
            DIRECTION,
            WRONG_MODE,
            "Keras' own restore_best_weights=false keeps the last epoch, worse by patience epochs; lmrun's default is true.",
            "The best of many noisy epochs is partly luck: a test set of its own (validation.test_split=0.1) tells.",
            "A NaN is no improvement, so it waits patience epochs on NaN; terminate_on_nan stops at once.",
        ),
        source=DOCS + "EarlyStopping; Prechelt, Early Stopping, but When?, 1998",
        command="lmrun callbacks=early_stopping monitor=val_accuracy callbacks.early_stopping.patience=3",
    ),
    "model_checkpoint": Card(
        note="With save_best_only it writes when `monitor` improves, else at every save_freq over the same file.",
        traps=(
            DIRECTION,
            "Keras' own default save_best_only=false overwrites the best epoch by the last; lmrun's default is true.",
            "A .keras file holds weights, optimizer and configuration, and no position in the run: "
            "dropout's seeds and the row order are not in it.",
        ),
        source=DOCS + "ModelCheckpoint",
        command="lmrun callbacks=checkpoint",
    ),
    "reduce_lr_on_plateau": Card(
        formula="lr = max(factor·lr, min_lr)     after patience epochs without improvement",
        where="lr learning rate",
        note="The learning rate that the data asks for, in place of a schedule.",
        traps=(
            "Beside a schedule Keras raises a TypeError in the middle of the run; lmrun refuses the two at the start.",
            "min_delta is 0.0001 here and 0 in early_stopping: a loss that falls by less counts as a plateau.",
            "Its patience must be below early_stopping's, or the run ends before the rate falls.",
        ),
        source=DOCS + "ReduceLROnPlateau",
        command="lmrun callbacks=reduce_lr callbacks.reduce_lr.patience=3",
    ),
    "learning_rate_scheduler": Card(
        formula="lr = schedule(epoch, lr)        epoch counts from 0",
        where="lr learning rate before the epoch and in it",
        note="For a rate that no schedule of lmrun has; those go by steps, this by epochs.",
        traps=("Beside a schedule of the optimizer it cannot set the rate, and lmrun refuses the two.",),
        source=DOCS + "LearningRateScheduler",
        command="lmrun callbacks=lr_scheduler callbacks.lr_scheduler.schedule=my_rates.halve",
    ),
    "terminate_on_nan": Card(
        note="It looks at the loss of each batch.",
        traps=("Without it Keras trains on with NaN to the last epoch and exits as if all were well.",),
        source=DOCS + "TerminateOnNaN",
        command="lmrun callbacks=terminate_on_nan",
    ),
    "swap_ema_weights": Card(
        formula="a = ema_momentum·a + (1 − ema_momentum)·w     after every step",
        where="w weight, a its running mean, which takes w's place while the model is evaluated",
        note="A mean of late weights often validates better and more smoothly than the last ones.",
        traps=("It needs optimizer.use_ema=true. The training loss is still that of w, val_loss that of a.",),
        source=DOCS + "SwapEMAWeights; Polyak and Juditsky, 1992",
        command="lmrun optimizer.use_ema=true callbacks=ema",
    ),
    "csv_logger": Card(
        note="For tools that expect that file; history.csv has the same figures and more.",
        traps=('A metric of several values is written as text, "[0.27, 0.31]", which no plot reads.',),
        source=DOCS + "CSVLogger",
        command="lmrun callbacks=csv",
    ),
    "tensorboard": Card(
        note="The curves of plots/ need no package and no server.",
        traps=(
            "profile_batch other than 0 starts the profiler, whose CUPTI errors on a GPU are TensorFlow's, not the model's.",
        ),
        source=DOCS + "TensorBoard",
        command="lmrun callbacks=tensorboard",
    ),
    "backup_and_restore": Card(
        note="For a training of your own that is started again by hand; it restores weights, optimizer and epoch.",
        traps=(
            "What other callbacks remember is lost: early_stopping starts to count its patience anew, without its best value.",
            "The seeds of dropout and the shuffling are not restored, so the numbers are others than without the break.",
        ),
        source=DOCS + "BackupAndRestore",
        command="lmrun callbacks=backup",
    ),
    "orbax_checkpoint": Card(
        traps=(DIRECTION,),
        source=DOCS + "OrbaxCheckpoint",
        command="lmrun callbacks=orbax",
    ),
    "progbar_logger": Card(
        note="lmrun prints a line an epoch without it.",
        source=DOCS + "ProgbarLogger",
        command="lmrun callbacks=progbar",
    ),
    "history": Card(
        note="Python code reads model.history.history; a run of lmrun keeps history.csv.",
        traps=("fit adds one of its own: a second one changes nothing.",),
        source=DOCS + "History",
        command="lmrun callbacks=history",
    ),
}
