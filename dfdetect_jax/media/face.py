"""Faces in pictures: the result of a face detector, and tracking from frame to frame."""

import dataclasses
from collections.abc import Sequence

import numpy as np

_SAME_FACE = 0.2  # least intersection over union from one frame to the next; sampled frames lie far apart
_MOST_MISSED = 5  # consecutive frames without a detection that a track survives


@dataclasses.dataclass(frozen=True, eq=False)
class Face:
    """One face in one picture. Coordinates are pixels, (0, 0) at the centre of the upper left one.

    Attributes:
        box: float32 [4], x0, y0, x1, y1; may reach beyond the picture.
        landmarks: float32 [5, 2] of x, y: left eye, right eye, nose, left and right corner of the mouth, where
            "left" is the side of smaller x in an upright face; None from a detector that finds none.
        confidence: in [0, 1] as the face detector returns it; not comparable between face detectors.
        turns: quarter turns against the clock that bring the face upright, 0 to 3.
        seen: what it took to find it, such as "brightened", see `detectors.second_look`; "" where nothing.
    """

    box: np.ndarray
    landmarks: np.ndarray | None
    confidence: float
    turns: int = 0
    seen: str = ""

    @property
    def side(self) -> float:
        """The longer side of the box, pixels."""
        return float(max(self.box[2] - self.box[0], self.box[3] - self.box[1]))


def track(faces_per_frame: Sequence[Sequence[Face]]) -> list[list[Face | None]]:
    """Joins the faces of successive frames to tracks, one per person.

    A face joins the track whose last box it overlaps most; a track resumes after a gap of a few frames, as when the
    face detector misses one. Between sampled frames a face may move by most of its width.

    Args:
        faces_per_frame: the face detector's result on frames in order.

    Returns:
        Tracks, each with one entry per frame: the face, or None where it wasn't detected. Ordered by the sum of the
        box areas over the clip, so that the face that is large and present for long, the clip's subject, comes first.
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
    return sorted(tracks, key=lambda seen: sum(area(face.box) for face in seen if face), reverse=True)


def overlap(box: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two boxes, float [4] of x0, y0, x1, y1 each; in [0, 1], 0 where both are empty."""
    sides = np.minimum(box[2:], other[2:]) - np.maximum(box[:2], other[:2])
    shared = float(np.prod(np.maximum(sides, 0)))
    union = area(box) + area(other) - shared
    return shared / union if union > 0 else 0.0


def area(box: Sequence[float] | np.ndarray) -> float:
    """The area of a box, float [4] of x0, y0, x1, y1, in square pixels; 0 where it is empty."""
    return float(max(box[2] - box[0], 0) * max(box[3] - box[1], 0))


def _last(seen: list[Face | None]) -> Face:
    return next(face for face in reversed(seen) if face is not None)
