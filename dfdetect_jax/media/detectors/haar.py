"""OpenCV's cascade for frontal faces: a face detector without JAX and without landmarks."""

import threading
from collections.abc import Sequence

import cv2
import numpy as np
from cv2.data import haarcascades

from dfdetect_jax.errors import SettingsError
from dfdetect_jax.media.face import Face, area


class Haar:
    """OpenCV's cascade of Haar-like features for frontal faces, "alt2" (Lienhart et al., DAGM 2003).

    Call it with frames, as a `FaceDetector`; faces have no landmarks and confidence 1. Runs on the CPU only.

    Args:
        min_face: side of the smallest face searched for, pixels; one a little smaller may still be found.

    Raises:
        SettingsError: this OpenCV has no cascades (5 has none).
    """

    def __init__(self, min_face: int = 40):
        if not hasattr(cv2, "CascadeClassifier"):
            raise SettingsError(
                f'face_detector "haar": expected an OpenCV with cascades, found {cv2.__version__}; install one below 5'
            )
        self._cascade = cv2.CascadeClassifier(haarcascades + "haarcascade_frontalface_alt2.xml")
        self._min_face = min_face
        self._one_at_a_time = threading.Lock()  # the cascade holds state during detection

    def __call__(self, frames: Sequence[np.ndarray]) -> list[list[Face]]:
        """Finds faces in frames, uint8 [H, W, 3] RGB each; per frame its faces, by descending area."""
        return [self._detect(frame) for frame in frames]

    def _detect(self, frame: np.ndarray) -> list[Face]:
        """Faces in one frame, uint8 [H, W, 3]."""
        grey = cv2.equalizeHist(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY))
        least = (self._min_face, self._min_face)
        with self._one_at_a_time:
            rectangles = self._cascade.detectMultiScale(grey, scaleFactor=1.1, minNeighbors=4, minSize=least)
        boxes = [(x - 0.5, y - 0.5, x + w - 0.5, y + h - 0.5) for x, y, w, h in rectangles]
        return [Face(np.array(box, np.float32), None, 1.0) for box in sorted(boxes, key=area, reverse=True)]
