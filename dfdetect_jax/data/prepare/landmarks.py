"""The landmarks of faces that are cropped already, for records that keep them."""

from collections.abc import Sequence

import numpy as np

from dfdetect_jax.data.example import Example, LandmarkedExample
from dfdetect_jax.media.detectors import FaceDetector
from dfdetect_jax.media.face import Face

_BATCH = 8  # crops given to the face detector together
_BORDER = 0.25  # of the side, added in black on each side: MTCNN finds no face that fills a picture


def with_landmarks(examples: Sequence[Example], face_detector: FaceDetector) -> list[Example]:
    """Looks for the face in each crop; where several are found, the one nearest to the middle is taken.

    Args:
        examples: crops of faces, image uint8 [S, S, 3].
        face_detector: one that finds landmarks.
    """
    landmarked: list[Example] = []
    for first in range(0, len(examples), _BATCH):
        part = examples[first : first + _BATCH]
        border = round(_BORDER * part[0].image.shape[0])
        framed = [np.pad(each.image, ((border, border), (border, border), (0, 0))) for each in part]
        for example, faces in zip(part, face_detector(framed), strict=True):
            points = _nearest_to_middle(faces, framed[0].shape[0]) - border
            landmarked.append(LandmarkedExample(**vars(example), landmarks=points))
    return landmarked


def _nearest_to_middle(faces: Sequence[Face], side: int) -> np.ndarray:
    """float32 [5, 2] pixels; not a number if there is no face."""
    points = [face.landmarks for face in faces if face.landmarks is not None]
    if not points:
        return np.full((5, 2), np.nan, np.float32)
    middle = (side - 1) / 2
    return min(points, key=lambda each: float(np.linalg.norm(each.mean(axis=0) - middle))).astype(np.float32)
