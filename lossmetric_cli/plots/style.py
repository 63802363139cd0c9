"""How plots look: colours, fonts and the settings of matplotlib, valid only while a figure is made."""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager

from lossmetric_cli.errors import ConfigError

#: Pixels of a picture: 800 MB while it is drawn.
LARGEST = 200_000_000
INK, GREY, FAINT = "#222222", "#6b6b6b", "#e4e4e4"
RIVAL = "#8A4F7D"

# Okabe & Ito, "Color Universal Design", 2008: told apart by the colour-blind; dashes tell them apart in grey.
LINES = {
    "train": {"color": "#0072B2", "linestyle": (0, (4.5, 1.5))},
    "train*": {"color": "#009E73", "linestyle": (0, (1.2, 1.2))},
    "unweighted": {"color": "#56B4E9", "linestyle": (0, (5, 1.2, 1.2, 1.2))},
    "validation": {"color": "#D55E00", "linestyle": "-"},
    "learning rate": {"color": "#444444", "linestyle": "-"},
}

# DejaVu Sans comes with matplotlib; the others are asked for letters it lacks, where the machine has them.
FONTS = (
    "DejaVu Sans",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "PingFang SC",
    "Hiragino Sans",
    "Microsoft YaHei",
    "Malgun Gothic",
)

SETTINGS = {
    "text.parse_math": False,  # a "$" in a name is a letter: as mathematics, `$\\frac{$` raises after the training
    "svg.fonttype": "path",
    "svg.hashsalt": "lmrun",
    "axes.unicode_minus": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#9a9a9a",
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "xtick.major.size": 3.0,
    "ytick.major.size": 0.0,
    "xtick.minor.size": 0.0,
    "ytick.minor.size": 0.0,
}


@contextmanager
def quiet_style() -> Iterator[None]:
    """Set matplotlib to our settings on top of its own defaults, whatever the user's matplotlibrc says, and back again."""
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        matplotlib.rcdefaults()
        installed = set(fontManager.get_font_names())
        matplotlib.rcParams.update(SETTINGS | {"font.family": [font for font in FONTS if font in installed]})
        yield


def blank(width: float, height: float, *, dpi: int) -> Figure:
    """Return an empty figure of so many inches; raise ConfigError for one whose pixels would fill the memory."""
    if width * height * dpi**2 > LARGEST:
        raise ConfigError(f"a picture of {width:.0f} x {height:.0f} inches at {dpi} dpi is too large; lower its dpi")
    figure = Figure(figsize=(width, height), dpi=dpi, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def clean(text: object, *, length: int = 60) -> str:
    """Return text that can be drawn: on one line, without control characters, cut at `length` letters."""
    letters = "".join(" " if unicodedata.category(letter).startswith("C") else letter for letter in str(text)[: 4 * length])
    line = " ".join(letters.split())
    return line if len(line) <= length else f"{line[: length - 1].rstrip()}…"
