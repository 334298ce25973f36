"""The canvas of a portrait, with the face's coordinates at each pixel."""

import dataclasses

import numpy as np


@dataclasses.dataclass
class Canvas:
    """A picture in progress. Lengths are in face units (see `person.py`), light is linear, at least 0, 1 is white.

    Attributes:
        color: float32 [H, W, 3], the picture painted so far.
        x: float32 [H, W], coordinates of the turned head's projection, to the right.
        y: float32 [H, W], downwards.
        u: float32 [H, W], coordinates on the frontal face, to the right.
        v: float32 [H, W], downwards.
        rho: float32 [H, W], 0 at the middle of the head, 1 on its outline.
        pixel: size of a pixel.
        diffuse: float32 [H, W, 3], light that falls on the face; zeros until the face is lit.
        gloss: float32 [H, W], specular light; zeros until the face is lit.
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
        """Coverage of each pixel by a shape.

        Args:
            distance: float [H, W], signed distance to its edge, negative inside, face units.
            softness: added to the width of the edge, face units.

        Returns:
            float [H, W] in [0, 1].
        """
        return np.clip(0.5 - distance / np.float32(1.2 * self.pixel + softness), 0, 1)

    def lay(self, color: np.ndarray, alpha: np.ndarray) -> None:
        """Paints `color` (float32 [H, W, 3] or [3]) over the picture with opacity `alpha` (float [H, W] in [0, 1])."""
        self.color += alpha[..., None] * (color - self.color)

    def darken(self, share: np.ndarray) -> None:
        """Removes `share` (float [H, W] in [0, 1]) of the light."""
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
