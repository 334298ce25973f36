"""What pictures are drawn with: a page measured in inches, heat in colours with their scale, pixels at the end.

Matplotlib draws without a display and without its global state.
"""

import warnings

import cv2
import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from dfdetect_jax.scoring.result import ATTENTION, RECONSTRUCTION_ERROR

HEAT = colormaps["inferno"]  # rises evenly in lightness
DPI = 100
LEAST_ERROR_RANGE = 0.2
_LONGEST_SIDE = 1000  # of a photograph or frame as drawn, pixels
_HEAT_LABEL = {
    ATTENTION: "attention\n(0 untouched, 1 forged)",
    RECONSTRUCTION_ERROR: "reconstruction error\n(mean |difference|, 0 to 2)",
}


def heat_scale(shows: str, *heat: np.ndarray) -> Normalize:
    """From heat to [0, 1], the place in `HEAT`.

    Attention is drawn from 0 to 1. Reconstruction error is drawn from 0 to the largest value shown, but to no less than
    0.2: a good reconstruction stays dark.

    Args:
        shows: `ATTENTION` or `RECONSTRUCTION_ERROR`.
        heat: float32 arrays, all that will be drawn.
    """
    if shows == ATTENTION:
        return Normalize(0, 1, clip=True)
    return Normalize(0, max(LEAST_ERROR_RANGE, *(float(np.percentile(each, 99.5)) for each in heat)), clip=True)


def place_axes(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Axes placed by inches from the upper left corner of the page."""
    page_width, page_height = figure.get_size_inches()
    return figure.add_axes(
        (left / page_width, 1 - (top + height) / page_height, width / page_width, height / page_height)
    )


def place_picture(figure: Figure, left: float, top: float, width: float, height: float, picture: np.ndarray) -> Axes:
    """A picture, uint8 or float in [0, 1], [H, W, 3 or 4], in axes placed by inches."""
    axes = place_axes(figure, left, top, width, height)
    axes.imshow(picture, interpolation="antialiased")
    axes.axis("off")
    return axes


def place_colour_bar(figure: Figure, left: float, top: float, height: float, scale: Normalize, shows: str) -> None:
    """The colours of `scale` with their values, and in words what they show."""
    bar = figure.colorbar(ScalarMappable(scale, HEAT), cax=place_axes(figure, left, top, 0.12, height))
    bar.set_label(_HEAT_LABEL[shows], fontsize=8)
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_visible(False)


def within(image: np.ndarray, widest: float, highest: float) -> tuple[float, float]:
    """(width, height) of the largest copy of `image`, [H, W, 3], that fits into `widest` x `highest`."""
    height, width = image.shape[:2]
    scale = min(widest / width, highest / height)
    return width * scale, height * scale


def fit(image: np.ndarray) -> tuple[np.ndarray, float]:
    """The image, uint8 [H, W, 3], at most 1000 pixels long, and the factor it was scaled by."""
    shrink = min(1.0, _LONGEST_SIDE / max(image.shape[:2]))
    if shrink == 1.0:
        return image, shrink
    size = (max(1, round(image.shape[1] * shrink)), max(1, round(image.shape[0] * shrink)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA), shrink


def rendered(figure: Figure) -> np.ndarray:
    """The page as uint8 [height, width, 3]."""
    canvas = FigureCanvasAgg(figure)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a file's name may be in a script that the font lacks
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
