"""The result of scoring a photograph or video: its faces with their scores, the verdict, and what pictures show."""

import dataclasses
import enum
from pathlib import Path
from typing import Any

import numpy as np

from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.face import Face
from dfdetect_jax.scoring.decision import DecisionRule, Verdict


class HeatKind(enum.StrEnum):
    """What a heat map shows."""

    ATTENTION = "attention"
    """Where the method's attention is: 0 untouched, 1 forged."""
    RECONSTRUCTION_ERROR = "reconstruction error"
    """Where the reconstruction differs from the crop: mean over channels of the absolute difference, in [0, 2]."""
    CLASS_ACTIVATION = "class activation"
    """Where the features raise the logit, see `methods.class_activation`: at least 0, in its units."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sighting:
    """One face in one frame.

    Attributes:
        frame: index in the video, 0 in a photograph.
        seconds: time since the video's first frame, by its time stamps; 0.0 in a photograph.
        face: where it is, in pixels of that frame.
        score: in [0, 1], higher is more likely fake.
    """

    frame: int
    face: Face
    score: float
    seconds: float = 0.0


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """What a run saw in one sighting, for pictures.

    Attributes:
        sighting: the face.
        image: uint8 [H, W, 3], the photograph or frame that it is in, shrunk to at most `face_crops.LONGEST_SIDE`.
        scale: the size of `image` over that of the file, at most 1.
        matrix: float64 [2, 3], from pixels of the photograph or frame as in the file to pixels of the crop.
        crop: uint8 [S, S, 3], the network's input.
        heat: float32 [S, S], at least 0, higher is more suspicious, see `views.heat_maps`; 0 beyond the image's edge.
        heat_kind: what `heat` shows.
        reconstruction: uint8 [S, S, 3], the method's reconstruction of `crop`; None for a method without.
        class_activation: float32 [S, S], at least 0, where the features raise the logit; 0 beyond the image's edge;
            None for a method without, see `Prediction`.
    """

    sighting: Sighting
    image: np.ndarray
    scale: float
    matrix: np.ndarray
    crop: np.ndarray
    heat: np.ndarray
    heat_kind: HeatKind
    reconstruction: np.ndarray | None
    class_activation: np.ndarray | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScoredFace:
    """One person's face: in a photograph one sighting, in a video those of all frames.

    Attributes:
        sightings: in order of frames, at least one.
        score: mean over its sightings, weighted by the trust in each, see `people`; in [0, 1].
        prominence: its size, confidence and time beside those of the most prominent face, in [0, 1], see `people`.
        doubt: why it doesn't count for the verdict; "" for one that does.
        views: of some sightings, in order of frames: the one of a photograph, the most suspicious ones of a video's
            highest face. Empty unless views were requested.
    """

    sightings: tuple[Sighting, ...] = dataclasses.field(repr=False)
    score: float
    prominence: float = 1.0
    doubt: str = ""
    views: tuple[View, ...] = dataclasses.field(default=(), repr=False)

    @property
    def decides(self) -> bool:
        """Whether it counts for the verdict."""
        return not self.doubt

    @property
    def most_suspicious(self) -> Sighting:
        """The sighting with the highest score."""
        return max(self.sightings, key=lambda sighting: sighting.score)

    @property
    def box(self) -> np.ndarray:
        """Of the most suspicious sighting: float32 [4], x0, y0, x1, y1 in pixels of its frame."""
        return self.most_suspicious.face.box

    @property
    def view(self) -> View | None:
        """The view with the highest score; None unless views were requested and the file could be read for them."""
        return max(self.views, key=lambda view: view.sighting.score, default=None)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """The result of scoring one photograph or video.

    Attributes:
        path: the file; "" for an array.
        kind: "image" or "video".
        rule: how scores of the run become verdicts.
        faces: highest score first, doubtful ones last; empty where no face was found.
        frames_declared, frames_requested, frames_read: of a video, how many frames it has to display, how many were
            requested and how many could be read; 1 for a photograph.
        fps: frames per second, 0.0 where unknown.
        cut_short: whether a video's file ends before its end.
        frames_lost: frames inside a video that damage keeps from being decoded.
        notes: sentences for the reader of the score.
    """

    path: str
    kind: str
    rule: DecisionRule
    faces: tuple[ScoredFace, ...]
    frames_declared: int = 1
    frames_requested: int = 1
    frames_read: int = 1
    fps: float = 0.0
    cut_short: bool = False
    frames_lost: int = 0
    notes: tuple[str, ...] = ()

    @property
    def threshold(self) -> float:
        """Scores from here on mean "fake"."""
        return self.rule.fake_from

    @property
    def deciding(self) -> tuple[ScoredFace, ...]:
        """The faces that count: those without doubt, or all where each is doubtful."""
        return tuple(face for face in self.faces if face.decides) or self.faces

    @property
    def score(self) -> float | None:
        """The highest score of the deciding faces, lowered for their number by `DecisionRule.highest_of`.

        None without a face.
        """
        return self.rule.highest_of(self.faces[0].score, len(self.deciding)) if self.faces else None

    @property
    def probability(self) -> float | None:
        """The calibrated probability of a fake, see `DecisionRule.probability`; None without a face or calibration."""
        return None if self.score is None else self.rule.probability(self.score)

    @property
    def verdict(self) -> Verdict:
        """By the rule; uncertain where every face is doubtful."""
        if self.score is None:
            return Verdict.NO_FACE
        return self.rule.verdict(self.score) if self.faces[0].decides else Verdict.UNCERTAIN

    @property
    def frames_used(self) -> int:
        """Frames in which a face was scored."""
        return len({sighting.frame for face in self.faces for sighting in face.sightings})

    @property
    def views(self) -> tuple[View, ...]:
        """The views of all faces, in the order of `faces`."""
        return tuple(view for face in self.faces for view in face.views)


def as_json(result: Result, picture: Path | None = None, heat: HeatKind | None = None) -> dict[str, Any]:
    """A result as `predict` and the Beam transform give it: scores to 6 digits, boxes as x0, y0, x1, y1 in pixels.

    Args:
        result: of a file.
        picture: where its picture was written, if it was.
        heat: what the picture's colours show.
    """
    return {
        "path": result.path,
        "kind": result.kind,
        "score": None if result.score is None else round(result.score, 6),
        "verdict": result.verdict,
        "probability": None if result.probability is None else round(result.probability, 6),
        "threshold": round(result.rule.fake_from, 6),
        "real_below": round(result.rule.real_below, 6),
        "faces": [_face_as_json(face) for face in result.faces],
        "frames_used": result.frames_used,
        "frames_declared": result.frames_declared,
        "picture": None if picture is None else str(picture),
        "heat": heat,
        "notes": list(result.notes),
        "error": None,
    }


def error_as_json(path: str, rule: DecisionRule, error: BadMediaError) -> dict[str, Any]:
    """As `as_json`, for a file that can't be scored: the same keys, the verdict "error", and the reason."""
    empty: dict[str, Any] = {
        "kind": None,
        "score": None,
        "verdict": Verdict.ERROR,
        "probability": None,
        "threshold": round(rule.fake_from, 6),
        "real_below": round(rule.real_below, 6),
        "faces": [],
    }
    rest: dict[str, Any] = {
        "frames_used": 0,
        "frames_declared": 0,
        "picture": None,
        "heat": None,
        "notes": [],
        "error": str(error),
    }
    return {"path": path, **empty, **rest}


def in_words(result: Result) -> str:
    """A result in one line, for people."""
    score = "" if result.score is None else f", {_score_in_words(result, result.score)}"
    notes = f"; {'; '.join(result.notes)}" if result.notes else ""
    return f"{result.path}: {result.verdict}{score}{notes}"


def _score_in_words(result: Result, score: float) -> str:
    rule = result.rule
    below = f"real below {rule.real_below:.3f}, " if rule.real_below < rule.fake_from else ""
    return f"score {score:.3f} ({below}fake from {rule.fake_from:.3f})"


def _face_as_json(face: ScoredFace) -> dict[str, Any]:
    return {
        "box": [round(float(side), 1) for side in face.box],
        "frame": face.most_suspicious.frame,
        "seconds": round(face.most_suspicious.seconds, 3),
        "score": round(face.score, 6),
        "frames": len(face.sightings),
        "confidence": round(face.most_suspicious.face.confidence, 4),
        "prominence": round(face.prominence, 4),
        "decides": face.decides,
        "doubt": face.doubt,
    }
