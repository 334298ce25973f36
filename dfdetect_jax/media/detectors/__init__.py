"""The face detectors by name."""

from collections.abc import Callable, Sequence

import numpy as np

from dfdetect_jax.errors import SettingsError
from dfdetect_jax.media.face import Face

SMALLEST_FACE = 12  # pixels; the window of MTCNN's first network

FaceDetector = Callable[[Sequence[np.ndarray]], list[list[Face]]]
"""From frames, uint8 [H, W, 3] RGB each, to the faces of each frame, by falling area of the box.

Threads may share one.
"""


def load_face_detector(name: str, min_face: int = 40) -> FaceDetector:
    """Makes a face detector ready to call; frames of one size given together are faster.

    Args:
        name: "mtcnn" (five landmarks; runs in JAX, on the accelerator where there is one), "haar" (OpenCV, on the
            CPU, frontal faces, no landmarks) or "none" (`whole_pictures`).
        min_face: side of the smallest face looked for, pixels; one a little smaller may still be found.

    Raises:
        SettingsError: the name or size is not allowed, or the detector's weights aren't installed.
    """
    if min_face < SMALLEST_FACE:
        raise SettingsError(f"min_face: expected at least {SMALLEST_FACE} pixels, found {min_face}")
    if name == "mtcnn":
        from dfdetect_jax.media.detectors.mtcnn import (
            Mtcnn,  # here, as it brings JAX, which most workers must not touch
        )

        return Mtcnn(min_face)
    if name == "haar":
        from dfdetect_jax.media.detectors.haar import Haar

        return Haar(min_face)
    if name == "none":
        return whole_pictures
    raise SettingsError(f'face_detector: expected "mtcnn", "haar" or "none", found "{name}"')


def whole_pictures(frames: Sequence[np.ndarray]) -> list[list[Face]]:
    """Takes each frame, uint8 [H, W, 3], for one face that fills it: for face crops, or pictures without faces."""
    return [[Face(np.float32([-0.5, -0.5, w - 0.5, h - 0.5]), None, 1.0)] for h, w in (f.shape[:2] for f in frames)]
