"""Pictures of a Record: `curves` draws loss and metrics over the epochs, `model` the layers, `save` writes any figure.

A plot of your own is a function `draw(record, ...) -> matplotlib.figure.Figure` and a YAML in conf/plots that names it.
"""

from lossmetric_cli.plots import backend  # noqa: F401  first, before anything here imports matplotlib
from lossmetric_cli.plots.diagram import model
from lossmetric_cli.plots.files import save
from lossmetric_cli.plots.ink import curves
from lossmetric_cli.plots.options import draw

__all__ = ["curves", "draw", "model", "save"]
