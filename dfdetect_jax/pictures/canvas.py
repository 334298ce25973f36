"""A page drawn for people: axes placed in inches, the colours of verdicts, and the page as pixels.

Matplotlib is used without a display and without its global state. Real is blue, fake vermilion and uncertain purple (of
Okabe and Ito's palette, distinguishable with all common kinds of colour vision); each is also written out.
"""

import warnings

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from dfdetect_jax.pictures.heat import HEAT
from dfdetect_jax.scoring.decision import Verdict
from dfdetect_jax.scoring.result import HeatKind

DPI = 100
COLOURS = {Verdict.FAKE: "#D55E00", Verdict.UNCERTAIN: "#CC79A7", Verdict.REAL: "#0072B2"}
GREY = "#6e6e6e"
_HEAT_LABEL = {
    HeatKind.ATTENTION: "attention\n(0 none, 1 full)",
    HeatKind.RECONSTRUCTION_ERROR: "reconstruction error\n(mean |difference|, 0 to 2)",
    HeatKind.CLASS_ACTIVATION: "class activation\n(part of the logit)",
}


def place_axes(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Axes placed by inches from the upper left corner of the page."""
    page_width, page_height = figure.get_size_inches()
    return figure.add_axes(
        (left / page_width, 1 - (top + height) / page_height, width / page_width, height / page_height)
    )


def place_picture(figure: Figure, left: float, top: float, width: float, height: float, picture: np.ndarray) -> Axes:
    """A picture, uint8 or float in [0, 1], [H, W, 3] or [H, W, 4], in axes placed by inches."""
    axes = place_axes(figure, left, top, width, height)
    axes.imshow(picture, interpolation="antialiased")
    axes.axis("off")
    return axes


def place_colour_bar(figure: Figure, left: float, top: float, height: float, scale: Normalize, kind: HeatKind) -> None:
    """The colours of `scale` with their values, labelled with what they show."""
    bar = figure.colorbar(ScalarMappable(scale, HEAT), cax=place_axes(figure, left, top, 0.12, height))
    bar.set_label(_HEAT_LABEL[kind], fontsize=8)
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_visible(False)


def within(image: np.ndarray, widest: float, highest: float) -> tuple[float, float]:
    """(width, height) of the largest copy of `image`, [H, W, 3], that fits into `widest` x `highest`, in their unit."""
    height, width = image.shape[:2]
    scale = min(widest / width, highest / height)
    return width * scale, height * scale


def rendered(figure: Figure) -> np.ndarray:
    """The page as uint8 [height, width, 3]."""
    canvas = FigureCanvasAgg(figure)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a file's name may be in a script that the font lacks
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
