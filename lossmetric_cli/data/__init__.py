"""Where rows come from: data sources, the split, and the parts that a run reads."""

from lossmetric_cli.data.dataset import Data, Dataset, Part
from lossmetric_cli.data.generators import blobs, letters26, linear, multilabel, multitask, page1, ratings, sorted_blobs
from lossmetric_cli.data.language import next_word
from lossmetric_cli.data.parts import prepare
from lossmetric_cli.data.split import holdout, none, same
from lossmetric_cli.data.tables import csv
from lossmetric_cli.data.texts import reviews, text
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
    "holdout",
    "iris",
    "letters26",
    "linear",
    "linnerud",
    "multilabel",
    "multitask",
    "next_word",
    "none",
    "page1",
    "prepare",
    "ratings",
    "reviews",
    "same",
    "sorted_blobs",
    "text",
    "wine",
]
