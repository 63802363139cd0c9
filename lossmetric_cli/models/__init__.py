"""The built-in models: their head follows the task, their table inputs are standardised inside the model."""

from lossmetric_cli.models.description import description
from lossmetric_cli.models.images import cnn
from lossmetric_cli.models.plain import linear, mlp, sequential
from lossmetric_cli.models.reading import last_activation, trained_parameters, two_faced
from lossmetric_cli.models.summary import summary

__all__ = [
    "cnn",
    "description",
    "last_activation",
    "linear",
    "mlp",
    "sequential",
    "summary",
    "trained_parameters",
    "two_faced",
]
