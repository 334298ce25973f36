"""The face detectors by name."""

import functools
from collections.abc import Callable, Sequence

import numpy as np

from dfdetect_jax.errors import SettingsError
from dfdetect_jax.media.face import Face

SMALLEST_FACE = 12  # pixels; the window of MTCNN's first network

FaceDetector = Callable[[Sequence[np.ndarray]], list[list[Face]]]
"""From frames, uint8 [H, W, 3] RGB each, to the faces of each frame, by descending area of the box. Thread-safe."""


@functools.cache
def load_face_detector(name: str, min_face: int = 40) -> FaceDetector:
    """The face detector of that name, one per process; frames of one size in one call are faster.

    Args:
        name: "mtcnn" (five landmarks; runs in JAX, on the accelerator where there is one), "haar" (OpenCV, on the
            CPU, frontal faces, no landmarks) or "none" (`whole_pictures`).
        min_face: side of the smallest face searched for, pixels; one a little smaller may still be found.

    Raises:
        SettingsError: the name or size is not allowed, or the detector's weights aren't installed.
    """
    if min_face < SMALLEST_FACE:
        raise SettingsError(f"min_face: expected at least {SMALLEST_FACE} pixels, found {min_face}")
    if name == "mtcnn":
        from dfdetect_jax.media.detectors.mtcnn import Mtcnn  # brings JAX, which most workers must not touch

        return Mtcnn(min_face)
    if name == "haar":
        from dfdetect_jax.media.detectors.haar import Haar

        return Haar(min_face)
    if name == "none":
        return whole_pictures
    raise SettingsError(f'face_detector: expected "mtcnn", "haar" or "none", found "{name}"')


def whole_pictures(frames: Sequence[np.ndarray]) -> list[list[Face]]:
    """Treats each frame, uint8 [H, W, 3], as one face that fills it: for face crops, or pictures without faces."""
    boxes = (np.array([-0.5, -0.5, frame.shape[1] - 0.5, frame.shape[0] - 0.5], np.float32) for frame in frames)
    return [[Face(box, None, 1.0)] for box in boxes]
