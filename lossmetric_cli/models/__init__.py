"""The built-in models: their head follows the task, their table inputs are standardised inside the model."""

from lossmetric_cli.models.images import cnn
from lossmetric_cli.models.plain import linear, mlp, sequential
from lossmetric_cli.models.reading import frozen_parameters, last_activation, trained_parameters, two_faced
from lossmetric_cli.models.transfer import FineTuning, transfer

__all__ = [
    "FineTuning",
    "cnn",
    "frozen_parameters",
    "last_activation",
    "linear",
    "mlp",
    "sequential",
    "trained_parameters",
    "transfer",
    "two_faced",
]
