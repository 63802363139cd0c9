"""Where rows come from: data sources, the split, and the parts that a run reads."""

from lossmetric_cli.data.dataset import Data, Dataset, Part
from lossmetric_cli.data.generators import blobs, letters26, linear, multilabel, multitask, page1, sorted_blobs
from lossmetric_cli.data.grouped import group, kfold
from lossmetric_cli.data.parts import prepare
from lossmetric_cli.data.split import holdout, none, same
from lossmetric_cli.data.tables import csv
from lossmetric_cli.data.toys import breast_cancer, diabetes, digits, iris, linnerud, wine

__all__ = [
    "Data",
    "Dataset",
    "Part",
    "blobs",
    "breast_cancer",
    "csv",
    "diabetes",
    "digits",
    "group",
    "holdout",
    "iris",
    "kfold",
    "letters26",
    "linear",
    "linnerud",
    "multilabel",
    "multitask",
    "none",
    "page1",
    "prepare",
    "same",
    "sorted_blobs",
    "wine",
]
