"""From the faces in a video's frames to people: tracks, joined across cuts, and which of them are doubtful.

    person      a track of overlapping boxes; tracks that share no frame and look alike are one person
    weight      of a face in a frame: its side in pixels, times the trust in its detection, 0 at a confidence of .7 to
                1 at .95
    prominence  the sum of a person's weights over that of the most prominent person: size, confidence and time
    doubtful    a prominence below 1/4, a mean confidence below .9, or a mean side below 32 pixels or a third of the
                network's input, whichever is less

Measured on the clips of FaceForensics++ and DFDC: the faces of people have a mean confidence of .957 or more, what a
face detector takes for a face mostly less than .92; a piece of a building with .99 had a prominence of .10.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from dfdetect_jax.media.face import Face, track

LEAST_LIKENESS = 0.85  # of `media.appearance`; above it 93% of one person's tracks, 1 in 500 of two people's
LEAST_PROMINENCE = 0.25
LEAST_CONFIDENCE = 0.9
LEAST_SIDE = 32.0  # pixels
_NO_TRUST, _FULL_TRUST = 0.7, 0.95
_LEAST_TRUST = 1e-3  # so that a person of detections without trust still has a mean score
_MOST_JOINED = 200  # tracks, the most present ones; joining takes the square of their number

_Faces = tuple[tuple[int, Face], ...]
"""(index of the frame, face), in order of frames."""


@dataclasses.dataclass(frozen=True)
class FrameFaces:
    """The faces that were found in the frame of that index and time, and whether it is damaged."""

    index: int
    faces: list[Face]
    seconds: float = 0.0
    damaged: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class Person:
    """One person's faces.

    Attributes:
        faces: (index of the frame, face), in order of frames, at most one in a frame.
        prominence: in [0, 1], 1 for the most prominent person.
    """

    faces: _Faces
    prominence: float = 1.0

    @property
    def confidence(self) -> float:
        """Mean over the faces."""
        return float(np.mean([face.confidence for _, face in self.faces]))

    @property
    def side(self) -> float:
        """Mean side of the faces, pixels."""
        return float(np.mean([face.side for _, face in self.faces]))


def doubt(person: Person, least_side: float = LEAST_SIDE) -> str:
    """Why a person doesn't decide; "" for one who does.

    Args:
        person: of `people_in`.
        least_side: of the faces, pixels.
    """
    if person.confidence < LEAST_CONFIDENCE:
        return f"perhaps no face (mean confidence {person.confidence:.2f})"
    if person.side < least_side:
        return f"too small ({person.side:.0f} pixels across)"
    if person.prominence < LEAST_PROMINENCE:
        return "small or brief beside the others"
    return ""


def trust(face: Face) -> float:
    """How far a detection is trusted, in [0, 1]: linear in its confidence."""
    return float(np.clip((face.confidence - _NO_TRUST) / (_FULL_TRUST - _NO_TRUST), 0.0, 1.0))


def person_score(person: Person, score_of: Mapping[Face, float]) -> float:
    """The mean of the scores of a person's faces, weighted by the trust in each, in [0, 1]."""
    weights = [max(trust(face), _LEAST_TRUST) for _, face in person.faces]
    return float(np.average([score_of[face] for _, face in person.faces], weights=weights))


def people_in(frames: Sequence[FrameFaces], appearance_of: Mapping[Face, np.ndarray] | None = None) -> list[Person]:
    """The people in frames, the most prominent first.

    Args:
        frames: in order.
        appearance_of: of each face `media.appearance.appearance`; faces without one are joined by their boxes alone.
    """
    tracks = [
        tuple((frame.index, face) for frame, face in zip(frames, faces, strict=True) if face is not None)
        for faces in track([frame.faces for frame in frames])
    ]
    return with_prominence([*_joined(tracks[:_MOST_JOINED], appearance_of or {}), *tracks[_MOST_JOINED:]])


def with_prominence(groups: Sequence[_Faces]) -> list[Person]:
    """People from their faces, the most prominent first."""
    weights = [sum(face.side * trust(face) for _, face in faces) for faces in groups]
    most = max(weights, default=0.0) or 1.0
    people = [Person(faces, weight / most) for faces, weight in zip(groups, weights, strict=True)]
    return sorted(people, key=lambda person: -person.prominence)


def _joined(tracks: Sequence[_Faces], appearance_of: Mapping[Face, np.ndarray]) -> list[_Faces]:
    """Joins the most alike first, as long as two are alike and never seen together."""
    groups: list[_Faces] = list(tracks)
    seen = np.array([[i in {index for index, _ in faces} for i in _frames_of(tracks)] for faces in tracks], np.float32)
    likeness = _likeness(tracks, appearance_of)
    while likeness.size and np.where(seen @ seen.T > 0, 0, likeness).max() >= LEAST_LIKENESS:
        one, other = np.unravel_index(np.where(seen @ seen.T > 0, 0, likeness).argmax(), likeness.shape)
        groups[one] = tuple(sorted((*groups[one], *groups[other]), key=lambda entry: entry[0]))
        groups[other] = ()
        seen[one] += seen[other]
        likeness[one] = np.maximum(likeness[one], likeness[other])
        likeness[:, one] = likeness[one]
        likeness[other] = likeness[:, other] = 0.0
    return [faces for faces in groups if faces]


def _likeness(tracks: Sequence[_Faces], appearance_of: Mapping[Face, np.ndarray]) -> np.ndarray:
    """The highest likeness of any two faces of two tracks: float32 [T, T], 0 where there is nothing to compare."""
    described = [[appearance_of[face] for _, face in faces if face in appearance_of] for faces in tracks]
    likeness = np.zeros((len(tracks), len(tracks)), np.float32)
    some = [number for number, each in enumerate(described) if each]
    if some:
        stacked = np.concatenate([np.array(described[number], np.float32) for number in some])
        starts = np.cumsum([0, *(len(described[number]) for number in some[:-1])])
        highest = np.maximum.reduceat(np.maximum.reduceat(stacked @ stacked.T, starts, axis=0), starts, axis=1)
        likeness[np.ix_(some, some)] = highest
    return likeness


def _frames_of(tracks: Sequence[_Faces]) -> list[int]:
    return sorted({index for faces in tracks for index, _ in faces})
