"""The built-in models: their head follows the task, their table inputs are standardised inside the model."""

from lossmetric_cli.models.images import cnn
from lossmetric_cli.models.plain import linear, mlp, sequential
from lossmetric_cli.models.reading import last_activation, trained_parameters, two_faced
from lossmetric_cli.models.tables import two_tower, wide_deep
from lossmetric_cli.sampling import SampledHead

__all__ = [
    "SampledHead",
    "cnn",
    "last_activation",
    "linear",
    "mlp",
    "sequential",
    "trained_parameters",
    "two_faced",
    "two_tower",
    "wide_deep",
]
