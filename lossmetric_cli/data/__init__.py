"""Where rows come from: data sources, the split, and the parts that a run reads."""

from lossmetric_cli.data.arrays import npz
from lossmetric_cli.data.chronology import time
from lossmetric_cli.data.dataset import Data, Dataset, Part
from lossmetric_cli.data.generators import blobs, letters26, linear, multilabel, multitask, page1, ratings, sorted_blobs
from lossmetric_cli.data.grouped import group, kfold
from lossmetric_cli.data.images import images
from lossmetric_cli.data.known import boston_housing, california_housing, cifar10, cifar100, fashion_mnist, mnist, tfds
from lossmetric_cli.data.language import next_word
from lossmetric_cli.data.made_pictures import pictures
from lossmetric_cli.data.made_series import load_curve, shapes
from lossmetric_cli.data.parts import prepare
from lossmetric_cli.data.series_tables import series
from lossmetric_cli.data.split import holdout, none, same
from lossmetric_cli.data.tables import csv
from lossmetric_cli.data.texts import reviews, text
from lossmetric_cli.data.toys import breast_cancer, diabetes, digits, iris, linnerud, wine
from lossmetric_cli.data.ucr_files import ucr

__all__ = [
    "Data",
    "Dataset",
    "Part",
    "blobs",
    "boston_housing",
    "breast_cancer",
    "california_housing",
    "cifar10",
    "cifar100",
    "csv",
    "diabetes",
    "digits",
    "fashion_mnist",
    "group",
    "holdout",
    "images",
    "iris",
    "kfold",
    "letters26",
    "linear",
    "linnerud",
    "load_curve",
    "mnist",
    "multilabel",
    "multitask",
    "next_word",
    "none",
    "npz",
    "page1",
    "pictures",
    "prepare",
    "ratings",
    "reviews",
    "same",
    "series",
    "shapes",
    "sorted_blobs",
    "text",
    "tfds",
    "time",
    "ucr",
    "wine",
]
