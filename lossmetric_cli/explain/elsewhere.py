"""What other libraries call our options: one table for the cards, for `list --aliases`, and for the hints of errors.

A name in brackets behind another says how the two differ. Names that merely sound alike are left out: PyTorch's
HingeEmbeddingLoss is no hinge, and yardstick's rsq is a squared correlation.
"""

from __future__ import annotations

import re

#: For every option, by library: names with a comma between them, a difference in brackets.
TWINS: dict[str, dict[str, dict[str, str]]] = {
    "loss": {
        "crossentropy": {"scikit-learn": "log_loss", "yardstick (R)": "mn_log_loss"},
        "binary_crossentropy": {
            "PyTorch": "BCELoss, BCEWithLogitsLoss (from logits), MultiLabelSoftMarginLoss (from logits)",
            "tf.nn": "sigmoid_cross_entropy_with_logits (from logits; no mean)",
            "TensorFlow 1": "sigmoid_cross_entropy (from logits)",
            "CatBoost": "Logloss, CrossEntropy (soft labels), MultiLogloss, MultiCrossEntropy (soft labels)",
            "XGBoost": "binary:logistic, binary:logitraw, reg:logistic (soft labels)",
            "LightGBM": "binary, cross_entropy (soft labels), xentropy (soft labels)",
            "Caffe": "SigmoidCrossEntropyLoss (from logits; summed over columns)",
        },
        "weighted_binary_crossentropy": {"tf.nn": "weighted_cross_entropy_with_logits (from logits; no mean)"},
        "brier": {"scikit-learn": "brier_score_loss, neg_brier_score (minus it)"},
        "sampled_softmax": {"tf.nn": "sampled_softmax_loss (of weights and vectors; no mean)"},
        "nce": {"tf.nn": "nce_loss (of weights and vectors; no mean)"},
        "exponential": {"scikit-learn": "exponential"},
        "binary_focal_crossentropy": {
            "torchvision": "sigmoid_focal_loss (from logits; alpha in force)",
            "TensorFlow Addons": "SigmoidFocalCrossEntropy (alpha in force)",
            "CatBoost": "Focal (alpha in force)",
        },
        "categorical_crossentropy": {
            "PyTorch": "CrossEntropyLoss (from logits; class numbers or rows)",
            "tf.nn": "softmax_cross_entropy_with_logits (from logits; no mean), "
            "softmax_cross_entropy_with_logits_v2 (from logits; no mean)",
            "TensorFlow 1": "softmax_cross_entropy (from logits)",
            "CatBoost": "MultiClass (class numbers)",
            "XGBoost": "multi:softprob (class numbers), multi:softmax (class numbers)",
            "LightGBM": "multiclass (class numbers)",
        },
        "sparse_categorical_crossentropy": {
            "PyTorch": "NLLLoss (from log-probabilities)",
            "tf.nn": "sparse_softmax_cross_entropy_with_logits (from logits; no mean)",
            "TensorFlow 1": "sparse_softmax_cross_entropy (from logits)",
            "Caffe": "SoftmaxWithLoss (from logits), MultinomialLogisticLoss",
        },
        "hinge": {
            "scikit-learn": "hinge_loss (of two classes)",
            "TensorFlow 1": "hinge_loss",
            "XGBoost": "binary:hinge",
            "Caffe": "HingeLoss (every class against the rest)",
            "torchmetrics": "HingeLoss",
        },
        "kl_divergence": {"PyTorch": "KLDivLoss (from log-probabilities; prediction first)", "torchmetrics": "KLDivergence"},
        "cosine_similarity": {
            "PyTorch": "CosineEmbeddingLoss (one minus the cosine, for pairs that belong together)",
            "TensorFlow 1": "cosine_distance (one minus the cosine)",
        },
        "ctc": {"PyTorch": "CTCLoss (from log-probabilities)", "tf.nn": "ctc_loss (no mean)"},
        "mean_squared_error": {
            "scikit-learn": "mean_squared_error, squared_error",
            "PyTorch": "MSELoss",
            "tf.nn": "l2_loss (half the sum)",
            "CatBoost": "RMSE (the root of it), MultiRMSE (the root of the sum over columns)",
            "XGBoost": "reg:squarederror, reg:linear",
            "LightGBM": "regression, regression_l2",
            "Caffe": "EuclideanLoss (half the sum over columns)",
        },
        "mean_absolute_error": {
            "scikit-learn": "mean_absolute_error, absolute_error",
            "PyTorch": "L1Loss",
            "TensorFlow 1": "absolute_difference",
            "CatBoost": "MAE",
            "XGBoost": "reg:absoluteerror",
            "LightGBM": "regression_l1",
        },
        "quantile": {
            "scikit-learn": "mean_pinball_loss, quantile",
            "TensorFlow Addons": "PinballLoss, pinball_loss",
            "CatBoost": "Quantile, MultiQuantile (of several)",
            "XGBoost": "reg:quantileerror",
            "LightGBM": "quantile",
        },
        "huber": {
            "PyTorch": "HuberLoss, SmoothL1Loss (divided by delta)",
            "XGBoost": "reg:pseudohubererror (smooth)",
            "TensorFlow 1": "huber_loss",
            "CatBoost": "Huber",
            "LightGBM": "huber",
            "yardstick (R)": "huber_loss",
        },
        "log_cosh": {"CatBoost": "LogCosh", "torchmetrics": "LogCoshError"},
        "mean_absolute_percentage_error": {
            "scikit-learn": "mean_absolute_percentage_error (a share)",
            "CatBoost": "MAPE (a share; divided by 1 where |y| < 1)",
            "LightGBM": "mape (a share)",
        },
        "mean_squared_logarithmic_error": {
            "scikit-learn": "mean_squared_log_error",
            "XGBoost": "reg:squaredlogerror (half of it)",
        },
        "poisson": {
            "PyTorch": "PoissonNLLLoss (from log-rates by default)",
            "tf.nn": "log_poisson_loss (from log-rates; no mean)",
            "CatBoost": "Poisson",
            "XGBoost": "count:poisson",
            "LightGBM": "poisson",
            "yardstick (R)": "poisson_log_loss (with log(y!))",
        },
    },
    "metrics": {
        "brier": {"scikit-learn": "brier_score_loss, neg_brier_score (minus it)"},
        "quantile": {"scikit-learn": "mean_pinball_loss", "CatBoost": "Quantile", "LightGBM": "quantile"},
        "accuracy": {
            "scikit-learn": "accuracy_score (of several labels: rows that are right in all)",
            "torchmetrics": "Accuracy (of classes their mean by default)",
            "CatBoost": "Accuracy",
            "XGBoost": "error (one minus), merror (one minus)",
            "LightGBM": "binary_error (one minus), multi_error (one minus)",
            "yardstick (R)": "accuracy",
        },
        "auc": {
            "CatBoost": "AUC",
            "XGBoost": "auc",
            "LightGBM": "auc",
            "yardstick (R)": "roc_auc",
        },
        "auc_pr": {
            "CatBoost": "PRAUC",
            "XGBoost": "aucpr",
            "yardstick (R)": "pr_auc",
        },
        "exact_auc": {
            "scikit-learn": "roc_auc_score, roc_auc",
            "torchmetrics": "AUROC",
        },
        "average_precision": {
            "scikit-learn": "average_precision_score",
            "torchmetrics": "AveragePrecision",
            "LightGBM": "average_precision",
            "yardstick (R)": "average_precision",
        },
        "mean_average_precision": {"torchmetrics": "MultilabelAveragePrecision"},
        "exact_log_loss": {"scikit-learn": "log_loss, neg_log_loss (minus it)"},
        "balanced_accuracy": {
            "scikit-learn": "balanced_accuracy_score",
            "CatBoost": "BalancedAccuracy",
            "yardstick (R)": "bal_accuracy",
        },
        "mcc": {
            "scikit-learn": "matthews_corrcoef",
            "torchmetrics": "MatthewsCorrCoef",
            "CatBoost": "MCC",
            "yardstick (R)": "mcc",
        },
        "cohen_kappa": {
            "scikit-learn": "cohen_kappa_score",
            "torchmetrics": "CohenKappa",
            "CatBoost": "Kappa, WKappa (with weights)",
            "yardstick (R)": "kap",
        },
        "exact_f1": {"scikit-learn": "f1_score"},
        "f1_macro": {"scikit-learn": "f1_macro"},
        "f1_micro": {"scikit-learn": "f1_micro"},
        "f1_weighted": {"scikit-learn": "f1_weighted", "CatBoost": "TotalF1"},
        "f1_per_class": {"scikit-learn": "f1_score (average=None)"},
        "exact_precision": {"scikit-learn": "precision_score, precision_macro"},
        "exact_recall": {"scikit-learn": "recall_score, recall_macro"},
        "exact_r2": {"scikit-learn": "r2_score"},
        "binary_focal_crossentropy": {"CatBoost": "Focal (alpha in force)"},
        "dice": {"torchmetrics": "DiceScore (one minus it)"},
        "huber": {"CatBoost": "Huber", "LightGBM": "huber", "yardstick (R)": "huber_loss"},
        "precision": {"scikit-learn": "precision_score", "CatBoost": "Precision", "yardstick (R)": "precision, ppv"},
        "recall": {"scikit-learn": "recall_score", "CatBoost": "Recall", "yardstick (R)": "recall, sens"},
        "f1_score": {"scikit-learn": "f1_score", "torchmetrics": "F1Score", "CatBoost": "F1"},
        "fbeta_score": {"scikit-learn": "fbeta_score", "torchmetrics": "FBetaScore", "yardstick (R)": "f_meas"},
        "specificity_at_sensitivity": {"torchmetrics": "SpecificityAtSensitivity"},
        "sensitivity_at_specificity": {"torchmetrics": "SensitivityAtSpecificity"},
        "precision_at_recall": {"torchmetrics": "PrecisionAtFixedRecall"},
        "recall_at_precision": {"torchmetrics": "RecallAtFixedPrecision"},
        "mean_iou": {"scikit-learn": "jaccard_score (average=macro)", "torchmetrics": "JaccardIndex"},
        "crossentropy": {
            "CatBoost": "MultiClass",
            "XGBoost": "logloss, mlogloss",
            "LightGBM": "binary_logloss, multi_logloss",
            "yardstick (R)": "mn_log_loss",
        },
        "hinge": {"scikit-learn": "hinge_loss (of two classes)", "CatBoost": "HingeLoss", "torchmetrics": "HingeLoss"},
        "kl_divergence": {"torchmetrics": "KLDivergence"},
        "mean_squared_error": {
            "scikit-learn": "mean_squared_error, neg_mean_squared_error (minus it)",
            "torchmetrics": "MeanSquaredError",
            "LightGBM": "l2",
        },
        "root_mean_squared_error": {
            "scikit-learn": "root_mean_squared_error",
            "CatBoost": "RMSE",
            "XGBoost": "rmse",
            "LightGBM": "rmse",
            "yardstick (R)": "rmse",
        },
        "mean_absolute_error": {
            "scikit-learn": "mean_absolute_error, neg_mean_absolute_error (minus it)",
            "torchmetrics": "MeanAbsoluteError",
            "CatBoost": "MAE",
            "XGBoost": "mae",
            "LightGBM": "l1",
            "yardstick (R)": "mae",
        },
        "mean_absolute_percentage_error": {
            "scikit-learn": "mean_absolute_percentage_error (a share)",
            "torchmetrics": "MeanAbsolutePercentageError (a share)",
            "CatBoost": "MAPE (a share; divided by 1 where |y| < 1)",
            "yardstick (R)": "mape",
        },
        "mean_squared_logarithmic_error": {
            "scikit-learn": "mean_squared_log_error",
            "torchmetrics": "MeanSquaredLogError",
            "CatBoost": "MSLE",
            "XGBoost": "rmsle (the root of it)",
        },
        "log_cosh_error": {"torchmetrics": "LogCoshError", "CatBoost": "LogCosh"},
        "poisson": {"XGBoost": "poisson-nloglik (with log(y!))", "yardstick (R)": "poisson_log_loss (with log(y!))"},
        "r2_score": {
            "scikit-learn": "r2_score",
            "torchmetrics": "R2Score",
            "CatBoost": "R2",
            "yardstick (R)": "rsq_trad",
        },
        "cosine_similarity": {"torchmetrics": "CosineSimilarity"},
        "concordance_correlation": {"torchmetrics": "ConcordanceCorrCoef (over rows)", "yardstick (R)": "ccc (over rows)"},
        "pearson_correlation": {"torchmetrics": "PearsonCorrCoef (over rows)"},
        "top_k_categorical_accuracy": {"scikit-learn": "top_k_accuracy_score"},
        "sparse_top_k_categorical_accuracy": {"scikit-learn": "top_k_accuracy_score", "tf.nn": "in_top_k (no mean)"},
    },
    "optimizer": {
        "sgd": {"PyTorch": "SGD", "TensorFlow 1": "GradientDescentOptimizer, MomentumOptimizer", "Caffe": "Nesterov"},
        "adam": {"PyTorch": "Adam (epsilon=1e-8)", "TensorFlow 1": "AdamOptimizer"},
        "adamw": {"PyTorch": "AdamW (weight_decay=0.01)"},
        "nadam": {"PyTorch": "NAdam"},
        "adamax": {"PyTorch": "Adamax"},
        "rmsprop": {"PyTorch": "RMSprop (alpha=0.99 for rho; epsilon outside the root)", "TensorFlow 1": "RMSPropOptimizer"},
        "adagrad": {"PyTorch": "Adagrad (lr=0.01; starts at 0)", "TensorFlow 1": "AdagradOptimizer", "Caffe": "AdaGrad"},
        "adadelta": {"PyTorch": "Adadelta (lr=1.0)", "TensorFlow 1": "AdadeltaOptimizer", "Caffe": "AdaDelta"},
        "adafactor": {"PyTorch": "Adafactor (lr=0.01)"},
        "ftrl": {"TensorFlow 1": "FtrlOptimizer"},
        "schedule_free_adamw": {"schedulefree": "AdamWScheduleFree"},
    },
    "optimizer/learning_rate": {
        "cosine_decay": {"PyTorch": "CosineAnnealingLR"},
        "cosine_decay_restarts": {"PyTorch": "CosineAnnealingWarmRestarts"},
        "exponential_decay": {"PyTorch": "ExponentialLR"},
        "inverse_time_decay": {"Caffe": "inv (with a power)"},
        "polynomial_decay": {"PyTorch": "PolynomialLR, LinearLR", "Caffe": "poly"},
        "piecewise_constant_decay": {"PyTorch": "MultiStepLR", "TensorFlow 1": "piecewise_constant", "Caffe": "multistep"},
    },
    "callbacks": {
        "early_stopping": {"PyTorch Lightning": "EarlyStopping", "LightGBM": "early_stopping"},
        "model_checkpoint": {"PyTorch Lightning": "ModelCheckpoint"},
        "reduce_lr_on_plateau": {"PyTorch": "ReduceLROnPlateau"},
        "learning_rate_scheduler": {"PyTorch": "LambdaLR (a factor of the first rate)"},
        "tensorboard": {"PyTorch Lightning": "TensorBoardLogger"},
        "csv_logger": {"PyTorch Lightning": "CSVLogger"},
    },
}


def names(group: str, option: str) -> list[tuple[str, str, str]]:
    """Return what an option is called elsewhere: (library, name, difference), the difference often empty."""
    table = TWINS.get(group, {}).get(option, {})
    pattern = re.compile(r"([^,()]+?)(?: \(([^)]*)\))?(?:, |$)")
    return [(library, *found) for library, text in table.items() for found in pattern.findall(text)]


def found(name: str, group: str | None = None) -> list[tuple[str, str, str, str]]:
    """Return (name, library, group, option) of each option that other libraries call `name`, whatever its case."""
    groups = [group] if group in TWINS else [] if group else list(TWINS)
    return [
        (other, library, where, option)
        for where in groups
        for option in TWINS[where]
        for library, other, _ in names(where, option)
        if plain(other) == plain(name)
    ]


def plain(name: str) -> str:
    """Return a name as it is compared: without capitals, spaces, hyphens and underscores."""
    return re.sub(r"[\s_-]", "", name).lower()
