"""The model that leaves a run, in the formats of others, and the way back: weights put into a network again."""

from lossmetric_cli.export.formats import own_modules, write
from lossmetric_cli.export.model import FILE, deployable, save
from lossmetric_cli.export.trial import answers_elsewhere, largest_difference
from lossmetric_cli.export.weights import begin_with, file_of, load, network_in, restore

__all__ = [
    "FILE",
    "answers_elsewhere",
    "begin_with",
    "deployable",
    "file_of",
    "largest_difference",
    "load",
    "network_in",
    "own_modules",
    "restore",
    "save",
    "write",
]
