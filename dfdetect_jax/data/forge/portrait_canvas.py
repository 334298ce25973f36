"""The surface that a portrait is painted on, with the face's coordinates at each pixel."""

import dataclasses

import numpy as np


@dataclasses.dataclass
class Canvas:
    """An unfinished picture. Lengths are face units (see `person.py`), light is linear.

    Attributes:
        color: float32 [H, W, 3], the picture painted until now.
        x: float32 [H, W], coordinates of the turned head's projection, to the right.
        y: float32 [H, W], downwards.
        u: float32 [H, W], coordinates on the frontal face, to the right.
        v: float32 [H, W], downwards.
        rho: float32 [H, W], 0 at the middle of the head, 1 on its outline.
        pixel: size of a pixel.
        diffuse: float32 [H, W, 3], light that falls on the face; zeros until the face is lit.
        gloss: float32 [H, W], mirrored light; zeros until the face is lit.
    """

    color: np.ndarray
    x: np.ndarray
    y: np.ndarray
    u: np.ndarray
    v: np.ndarray
    rho: np.ndarray
    pixel: float
    diffuse: np.ndarray
    gloss: np.ndarray

    def cover(self, distance: np.ndarray, softness: float = 0.0) -> np.ndarray:
        """Share of each pixel inside a shape, [H, W] in [0, 1], from signed `distance` (negative inside)."""
        return np.clip(0.5 - distance / np.float32(1.2 * self.pixel + softness), 0, 1)

    def lay(self, color: np.ndarray, alpha: np.ndarray) -> None:
        """Paints `color` (float32 [H, W, 3] or [3]) over the picture with opacity `alpha` [H, W]."""
        self.color += alpha[..., None] * (color - self.color)

    def darken(self, share: np.ndarray) -> None:
        """Removes `share` ([H, W] in [0, 1]) of the light."""
        self.color *= (1 - share)[..., None]

    def where(self, inside: np.ndarray) -> "Canvas":
        """The smallest window that holds all of `inside` (bool [H, W]); painting on it paints on this canvas."""
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        if not len(rows):
            rows = columns = np.zeros(1, int)
        cut = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        layers = ("color", "x", "y", "u", "v", "rho", "diffuse", "gloss")
        return dataclasses.replace(self, **{name: getattr(self, name)[cut] for name in layers})


def linear(color: np.ndarray) -> np.ndarray:
    """sRGB in [0, 1], float [..., 3], to linear light, by a power of 2.2; float32 [..., 3]."""
    return np.asarray(color, np.float32) ** np.float32(2.2)
