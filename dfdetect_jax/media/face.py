"""Faces in pictures: what a detector returns, the detectors by name, and which face is which from frame to frame."""

import dataclasses
import threading
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from dfdetect_jax.errors import SettingsError

SMALLEST_FACE = 12  # pixels; the window of MTCNN's first network
_SAME_FACE = 0.2  # least intersection over union from one seen frame to the next; sampled frames lie far apart
_MOST_MISSED = 5  # frames in a row that a track survives unseen


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


Detector = Callable[[Sequence[np.ndarray]], list[list[Face]]]
"""From frames, uint8 [H, W, 3] RGB each, to the faces of each frame, by falling area of the box.

Threads may share one.
"""


def load_detector(name: str, min_face: int = 40) -> Detector:
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
        from dfdetect_jax.media.mtcnn import Mtcnn  # here, as it brings JAX, which most workers must not touch

        return Mtcnn(min_face)
    if name == "haar":
        return Haar(min_face)
    if name == "none":
        return whole_pictures
    raise SettingsError(f'detector: expected "mtcnn", "haar" or "none", found "{name}"')


def whole_pictures(frames: Sequence[np.ndarray]) -> list[list[Face]]:
    """Takes each frame, uint8 [H, W, 3], for one face that fills it: for face crops, or pictures without faces."""
    return [[Face(np.float32([-0.5, -0.5, w - 0.5, h - 0.5]), None, 1.0)] for h, w in (f.shape[:2] for f in frames)]


class Haar:
    """OpenCV's cascade of Haar-like features for frontal faces, "alt2" (Lienhart et al., DAGM 2003).

    Called with frames, as `Detector`; faces have no landmarks and confidence 1. Runs on the CPU alone.

    Args:
        min_face: side of the smallest face looked for, pixels; one a little smaller may still be found.

    Raises:
        SettingsError: this OpenCV has no cascades (5 has none).
    """

    def __init__(self, min_face: int = 40):
        if not hasattr(cv2, "CascadeClassifier"):
            raise SettingsError(f'detector "haar": OpenCV {cv2.__version__} has no cascades; install opencv below 5')
        self._cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_alt2.xml")
        self._min_face = min_face
        self._one_at_a_time = threading.Lock()  # the cascade keeps the picture while it looks

    def __call__(self, frames: Sequence[np.ndarray]) -> list[list[Face]]:
        """Finds faces in frames, uint8 [H, W, 3] RGB each; per frame its faces, by falling area."""
        return [self._detect(frame) for frame in frames]

    def _detect(self, frame: np.ndarray) -> list[Face]:
        grey = cv2.equalizeHist(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY))
        least = (self._min_face, self._min_face)
        with self._one_at_a_time:
            found = self._cascade.detectMultiScale(grey, scaleFactor=1.1, minNeighbors=4, minSize=least)
        boxes = [(x - 0.5, y - 0.5, x + w - 0.5, y + h - 0.5) for x, y, w, h in found]
        return [Face(np.float32(box), None, 1.0) for box in sorted(boxes, key=_area, reverse=True)]


def track(faces_per_frame: Sequence[Sequence[Face]]) -> list[list[Face | None]]:
    """Joins the faces of successive frames to tracks, one per person.

    A face continues the track whose last seen box it overlaps most; a track that goes unseen for a few frames, as when
    the detector misses one, is taken up again. Between sampled frames a face may move by most of its width.

    Args:
        faces_per_frame: the detector's result on frames in order.

    Returns:
        Tracks, each with one entry per frame: the face, or None where it wasn't seen. Ordered by the sum of the box
        areas over the clip, so that what is seen long and large, the person it is about, comes first.
    """
    tracks: list[list[Face | None]] = []
    for index, faces in enumerate(faces_per_frame):
        free = list(range(len(faces)))
        open_tracks = [t for t in tracks if any(t[-_MOST_MISSED - 1 :])]
        overlaps = [(overlap(_last(t).box, faces[i].box), -i, t) for t in open_tracks for i in free]
        for shared, minus_i, seen in sorted(overlaps, key=lambda entry: entry[:2], reverse=True):
            if shared >= _SAME_FACE and -minus_i in free and len(seen) == index:
                seen.append(faces[-minus_i])
                free.remove(-minus_i)
        tracks += [[*[None] * index, faces[i]] for i in free]
        for seen in tracks:
            if len(seen) == index:
                seen.append(None)
    return sorted(tracks, key=lambda seen: sum(_area(face.box) for face in seen if face), reverse=True)


def overlap(box: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two boxes, [4] of x0, y0, x1, y1; 0 where both are empty."""
    sides = np.minimum(box[2:], other[2:]) - np.maximum(box[:2], other[:2])
    shared = float(np.prod(np.maximum(sides, 0)))
    union = _area(box) + _area(other) - shared
    return shared / union if union > 0 else 0.0


def _area(box) -> float:
    return float(max(box[2] - box[0], 0) * max(box[3] - box[1], 0))


def _last(seen: list[Face | None]) -> Face:
    return next(face for face in reversed(seen) if face is not None)
