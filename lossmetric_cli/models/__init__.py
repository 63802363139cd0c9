"""The built-in models: their head follows the task, their table inputs are standardised inside the model."""

from lossmetric_cli.models.autoencoders import autoencoder
from lossmetric_cli.models.description import description
from lossmetric_cli.models.generative import vae
from lossmetric_cli.models.images import cnn
from lossmetric_cli.models.plain import linear, mlp, sequential
from lossmetric_cli.models.reading import frozen_parameters, last_activation, trained_parameters, two_faced
from lossmetric_cli.models.series import fcn, gru, lstm, transformer
from lossmetric_cli.models.summary import summary
from lossmetric_cli.models.tables import two_tower, wide_deep
from lossmetric_cli.models.transfer import FineTuning, transfer
from lossmetric_cli.sampling import SampledHead

__all__ = [
    "FineTuning",
    "SampledHead",
    "autoencoder",
    "cnn",
    "description",
    "fcn",
    "frozen_parameters",
    "gru",
    "last_activation",
    "linear",
    "lstm",
    "mlp",
    "sequential",
    "summary",
    "trained_parameters",
    "transfer",
    "transformer",
    "two_faced",
    "two_tower",
    "vae",
    "wide_deep",
]
