"""Faces in pictures: what a detector returns."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Face:
    """One face in one picture. Coordinates are pixels, (0, 0) at the centre of the upper left one.

    Attributes:
        box: float32 [4], x0, y0, x1, y1; may reach beyond the picture.
        landmarks: float32 [5, 2] of x, y: left eye, right eye, nose, left and right corner of the mouth, where
            "left" is the side of smaller x in an upright face; None from a detector that finds none.
        confidence: in [0, 1] as the detector gives it; not comparable between detectors.
    """

    box: np.ndarray
    landmarks: np.ndarray | None
    confidence: float
