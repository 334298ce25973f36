"""A sheet of examples: what a network sees, where it looks and what it reconstructs, beside the true masks."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from dfdetect_jax.methods import Prediction
from dfdetect_jax.pictures.canvas import DPI, place_colour_bar, place_picture, rendered
from dfdetect_jax.pictures.heat import HEAT, HEAT_TITLES, heat_scale
from dfdetect_jax.scoring.result import HeatKind
from dfdetect_jax.scoring.views import heat_kind, heat_maps, to_uint8

_UNKNOWN = np.full((1, 1, 3), 200, np.uint8)  # in place of an unknown mask


def example_sheet(
    images: np.ndarray, masks: Sequence[np.ndarray | None], prediction: Prediction, captions: Sequence[str]
) -> np.ndarray:
    """A sheet with a row per example and a caption on its left.

    With attention: input, true mask, attention, and the reconstruction if there is one. Without: input, the
    reconstruction if there is one, and where it fails, or else what raises the score.

    Args:
        images: uint8 [N, S, S, 3], N at least 1.
        masks: N, each uint8 [S, S] in {0, 255}, or None where the mask is unknown.
        prediction: of a run on `images`; one scale serves the whole sheet.
        captions: N, such as "swap_alpha\nfake 0.93".

    Returns:
        uint8 [height, width, 3].
    """
    kind, heat = heat_kind(prediction), heat_maps(prediction, images)
    scale = heat_scale(kind, heat)
    columns: dict[str, Sequence[np.ndarray]] = {"input": list(images)}
    if kind == HeatKind.ATTENTION:
        columns["true mask"] = [_UNKNOWN if mask is None else mask[..., None].repeat(3, axis=-1) for mask in masks]
        columns["attention"] = list(HEAT(scale(heat)))
    if prediction.reconstruction is not None:
        columns["reconstruction"] = list(to_uint8(prediction.reconstruction))
    if kind != HeatKind.ATTENTION:
        columns[HEAT_TITLES[kind]] = list(HEAT(scale(heat)))
    return _sheet(columns, captions, scale, kind)


def _sheet(
    columns: Mapping[str, Sequence[np.ndarray]], captions: Sequence[str], scale: Normalize, kind: HeatKind
) -> np.ndarray:
    """Draws `columns` of N pictures each under their names, `captions` beside them, and the colours' scale."""
    rows, side, gap, captions_width, top = len(captions), 1.6, 0.06, 1.5, 0.3
    left = captions_width + len(columns) * (side + gap)
    figure = Figure(figsize=(left + 0.9, top + rows * (side + gap) + gap), dpi=DPI)
    for row in range(rows):
        down = top + row * (side + gap)
        middle = 1 - (down + side / 2) / figure.get_figheight()
        right = (captions_width - 0.1) / figure.get_figwidth()
        figure.text(right, middle, captions[row], ha="right", va="center", fontsize=9, parse_math=False)
        for column, (name, pictures) in enumerate(columns.items()):
            axes = place_picture(figure, captions_width + column * (side + gap), down, side, side, pictures[row])
            if pictures[row] is _UNKNOWN:
                axes.text(0, 0, "unknown", ha="center", va="center", fontsize=9)
            if row == 0:
                axes.set_title(name, fontsize=10)
    place_colour_bar(figure, left, top, rows * (side + gap) - gap, scale, kind)
    return rendered(figure)
