"""Heat maps as colours: their scale, laid over a face's crop, and over the photograph the face is in."""

from collections.abc import Sequence

import cv2
import numpy as np
from matplotlib import colormaps
from matplotlib.colors import Normalize

from dfdetect_jax.media.crop import unwarp
from dfdetect_jax.scoring.result import HeatKind, View

HEAT = colormaps["inferno"]  # rises evenly in lightness
LEAST_RANGE = {HeatKind.RECONSTRUCTION_ERROR: 0.2, HeatKind.CLASS_ACTIVATION: 1e-6}
HEAT_TITLES = {
    HeatKind.ATTENTION: "attention",
    HeatKind.RECONSTRUCTION_ERROR: "where it fails",
    HeatKind.CLASS_ACTIVATION: "what raises the score",
}


def heat_scale(kind: HeatKind, *heat: np.ndarray) -> Normalize:
    """From heat to [0, 1], the position in the colour map `HEAT`.

    Attention is drawn from 0 to 1. Reconstruction error is drawn from 0 to the 99.5th percentile of the map where it is
    largest, but at least to 0.2: a good reconstruction stays dark. Class activation is drawn likewise, but has no least
    range, since its size depends on the network.

    Args:
        kind: what the maps show.
        heat: float32 [S, S] each, all maps of the picture.
    """
    if kind == HeatKind.ATTENTION:
        return Normalize(0, 1, clip=True)
    return Normalize(0, max(LEAST_RANGE[kind], *(float(np.percentile(each, 99.5)) for each in heat)), clip=True)


def coloured(share: np.ndarray) -> np.ndarray:
    """A map in [0, 1], [S, S], in the colours of `HEAT`: uint8 [S, S, 3]."""
    return (HEAT(share)[..., :3] * 255).astype(np.uint8)


def heat_overlay(views: Sequence[View], scale: Normalize) -> np.ndarray:
    """A photograph with the heat of each face put back where the face is.

    Args:
        views: of all faces of one photograph, at least one.
        scale: from heat to [0, 1].

    Returns:
        uint8 [H, W, 3], of the size of the views' image.
    """
    image, shrink = views[0].image, views[0].scale
    # Pixel centres: p in the file is at (p + 1/2) * shrink - 1/2 in the shrunken image.
    to_full = np.array([[1 / shrink, 0, 0.5 / shrink - 0.5], [0, 1 / shrink, 0.5 / shrink - 0.5], [0, 0, 1]])
    heat = np.zeros(image.shape[:2], np.float32)
    for view in views:
        np.maximum(heat, unwarp(view.heat, view.matrix @ to_full, image.shape[:2]), out=heat)
    return blend(image, scale(heat))


def blend(image: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Colours a picture by a map: grey where it is 0, all colour where it is 1.

    Args:
        image: uint8 [H, W, 3].
        share: float [H, W] in [0, 1], position in the colour map and weight of the colour.

    Returns:
        uint8 [H, W, 3].
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None] / 255
    colour, weight = HEAT(share)[..., :3], np.asarray(share)[..., None]
    return ((grey * (1 - weight) + colour * weight) * 255).astype(np.uint8)
