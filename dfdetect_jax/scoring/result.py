"""What a run says of a photograph or video: every face with its score, the verdict, and what pictures of it need."""

import dataclasses
import enum
from pathlib import Path

import numpy as np

from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.face import Face


class Verdict(enum.StrEnum):
    """What a run says of a file; `ERROR` of one that can't be scored."""

    REAL = "real"
    FAKE = "fake"
    NO_FACE = "no face"
    ERROR = "error"


ATTENTION, RECONSTRUCTION_ERROR = "attention", "reconstruction error"  # what a heat map may show


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sighting:
    """One face in one frame.

    Attributes:
        frame: index in the video, 0 in a photograph.
        face: where it is, in pixels of that frame.
        score: in [0, 1], higher is more likely fake.
    """

    frame: int
    face: Face
    score: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScoredFace:
    """One person's face: in a photograph seen once, in a video a track over frames.

    Attributes:
        sightings: in order of frames, at least one.
        decides: whether it counts for the verdict; a track much shorter than the longest doesn't.
    """

    sightings: tuple[Sighting, ...]
    decides: bool = True

    @property
    def score(self) -> float:
        """Mean over its frames."""
        return float(np.mean([sighting.score for sighting in self.sightings]))

    @property
    def most_suspicious(self) -> Sighting:
        """The sighting with the highest score."""
        return max(self.sightings, key=lambda sighting: sighting.score)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """What a run says of one photograph or video.

    Attributes:
        path: the file.
        kind: "image" or "video".
        threshold: the run's; a score at or above it means "fake".
        faces: highest score first, those that don't decide last; empty where none was found.
        frames_declared, frames_asked, frames_read: of a video, how many it says it has, how many were wanted and how
            many came; 1 for a photograph.
        fps: frames per second, 0.0 where unknown.
        notes: in words, what the reader of the score should know.
    """

    path: str
    kind: str
    threshold: float
    faces: tuple[ScoredFace, ...]
    frames_declared: int = 1
    frames_asked: int = 1
    frames_read: int = 1
    fps: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def score(self) -> float | None:
        """That of the highest face that decides; None without a face."""
        return self.faces[0].score if self.faces else None

    @property
    def verdict(self) -> Verdict:
        """Fake where the score is at least the threshold."""
        if not self.faces:
            return Verdict.NO_FACE
        return Verdict.FAKE if self.score >= self.threshold else Verdict.REAL

    @property
    def frames_used(self) -> int:
        """Frames in which a face was scored."""
        return len({sighting.frame for face in self.faces for sighting in face.sightings})


@dataclasses.dataclass(frozen=True, kw_only=True)
class View:
    """What a picture of one sighting needs.

    Attributes:
        sighting: the face.
        image: uint8 [H, W, 3], the photograph or frame it is in.
        matrix: float64 [2, 3], from the image to the crop.
        crop: uint8 [S, S, 3], as the network saw it.
        heat: float32 [S, S], at least 0, higher is more suspicious: see `views.heat_maps`; 0 beyond the image's edge.
        shows: what the heat is, `ATTENTION` or `RECONSTRUCTION_ERROR`.
        reconstruction: float32 [S, S, 3] in [-1, 1], or None.
    """

    sighting: Sighting
    image: np.ndarray
    matrix: np.ndarray
    crop: np.ndarray
    heat: np.ndarray
    shows: str
    reconstruction: np.ndarray | None


def as_json(result: Result, picture: Path | None = None, heat: str | None = None) -> dict:
    """What `predict` prints and the Beam transform gives: scores to 6 digits, boxes as x0, y0, x1, y1 in pixels.

    `heat` is what the picture's colours show: "attention" (where it looks forged) or "reconstruction error".
    """
    return {
        "path": result.path,
        "kind": result.kind,
        "score": None if result.score is None else round(result.score, 6),
        "verdict": result.verdict,
        "threshold": round(result.threshold, 6),
        "faces": [_face_as_json(face) for face in result.faces],
        "frames_used": result.frames_used,
        "frames_declared": result.frames_declared,
        "picture": None if picture is None else str(picture),
        "heat": heat,
        "notes": list(result.notes),
        "error": None,
    }


def error_as_json(path: str, threshold: float, error: BadMediaError) -> dict:
    """As `as_json`, for a file that can't be scored: the same keys, the verdict "error", and the reason in words."""
    empty = {"kind": None, "score": None, "verdict": Verdict.ERROR, "threshold": round(threshold, 6), "faces": []}
    rest = {"frames_used": 0, "frames_declared": 0, "picture": None, "heat": None, "notes": [], "error": str(error)}
    return {"path": path, **empty, **rest}


def in_words(result: Result) -> str:
    """One line for people."""
    score = "" if result.score is None else f", score {result.score:.3f} (fake from {result.threshold:.3f})"
    notes = f"; {'; '.join(result.notes)}" if result.notes else ""
    return f"{result.path}: {result.verdict}{score}{notes}"


def _face_as_json(face: ScoredFace) -> dict:
    where = face.most_suspicious
    return {
        "box": [round(float(side), 1) for side in where.face.box],
        "frame": where.frame,
        "score": round(face.score, 6),
        "frames": len(face.sightings),
        "decides": face.decides,
    }
