"""Heat maps and reconstructions of a prediction, and the views that pictures are drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from dfdetect_jax.errors import RunError
from dfdetect_jax.media.decoding import read_frames
from dfdetect_jax.scoring.face_crops import FaceCrop, crop_frame
from dfdetect_jax.scoring.result import HeatKind, Result, Sighting, View

if TYPE_CHECKING:  # they bring JAX, which a wrong command line need not wait for
    from dfdetect_jax.methods import Prediction
    from dfdetect_jax.run.folder import Run

VIDEO_VIEWS = 4  # of a video's highest face


def heat_kinds(prediction: Prediction) -> tuple[HeatKind, ...]:
    """The maps that a prediction has; the first is shown.

    Attention is learnt to be one. Of the other two the reconstruction error comes first: on the 394 masked fakes of a
    data set of real faces it has a pixel AUC of 0.81 [0.80, 0.82], the class activation 0.57 [0.56, 0.58] (a CAE of a
    quarter of the width, 96 px, one training; a fixed spot in the middle of the crop 0.94).
    """
    maps = {
        HeatKind.ATTENTION: prediction.attention,
        HeatKind.RECONSTRUCTION_ERROR: prediction.reconstruction,
        HeatKind.CLASS_ACTIVATION: prediction.class_activation,
    }
    return tuple(kind for kind, values in maps.items() if values is not None)


def heat_kind(prediction: Prediction) -> HeatKind:
    """The map that is shown; "reconstruction error", of zeros, for a method with none."""
    return next(iter(heat_kinds(prediction)), HeatKind.RECONSTRUCTION_ERROR)


def heat_maps(prediction: Prediction, crops: np.ndarray, kind: HeatKind | None = None) -> np.ndarray:
    """Where each crop is suspicious.

    Args:
        prediction: of a run on `crops`.
        crops: uint8 [N, S, S, 3].
        kind: one of `heat_kinds`; None for the one that is shown.

    Returns:
        float32 [N, S, S]: attention and class activation as they are; for the reconstruction error the mean over
        channels of |reconstruction - crop|, both in [-1, 1], so in [0, 2]. Zero for a method with no map.
    """
    kind = kind or heat_kind(prediction)
    if kind == HeatKind.ATTENTION:
        return np.asarray(prediction.attention, np.float32)
    if kind == HeatKind.CLASS_ACTIVATION:
        return np.asarray(prediction.class_activation, np.float32)
    if prediction.reconstruction is None:
        return np.zeros(crops.shape[:3], np.float32)
    return np.abs(np.asarray(prediction.reconstruction, np.float32) - (crops / np.float32(127.5) - 1)).mean(axis=-1)


def to_uint8(pixels: np.ndarray) -> np.ndarray:
    """A prediction's picture as uint8: float [..., 3] in [-1, 1] to [..., 3] in [0, 255], rounded, clipped."""
    return np.clip(np.round((pixels + 1) * 127.5), 0, 255).astype(np.uint8)


def views_of(run: Run, crops: Sequence[FaceCrop]) -> list[View]:
    """Scores crops and keeps what pictures of them need.

    Args:
        run: an opened run.
        crops: with their surroundings.

    Returns:
        A view of each.

    Raises:
        RunError: the run's scores are not finite.
    """
    if not crops:
        return []
    pixels = np.stack([crop.pixels for crop in crops])
    prediction = run.predict(pixels)
    check_finite(prediction.score)
    heat, kind = heat_maps(prediction, pixels), heat_kind(prediction)
    pictures = None if prediction.reconstruction is None else to_uint8(prediction.reconstruction)
    return [
        _view(
            crop,
            float(prediction.score[i]),
            heat[i],
            kind,
            None if pictures is None else pictures[i].copy(),
            None if prediction.class_activation is None else prediction.class_activation[i],
        )
        for i, crop in enumerate(crops)
    ]


def video_crops(run: Run, result: Result) -> list[FaceCrop]:
    """The `VIDEO_VIEWS` most suspicious sightings of a video's highest face, in order of frames, for `views_of`.

    Their frames are decoded a second time: which face is the highest, and which of its frames are the most suspicious,
    is known only when all frames were scored and joined to tracks. Keeping every candidate until then would hold most
    of the frames that were scored, in each of the videos under way, and maps of all 32 to show four.

    Raises:
        BadMediaError: the file can't be read any more.
    """
    if not result.faces:
        return []
    most_suspicious = sorted(result.faces[0].sightings, key=lambda sighting: -sighting.score)[:VIDEO_VIEWS]
    face_in = {sighting.frame: sighting.face for sighting in most_suspicious}
    return [
        crop
        for frame in read_frames(result.path, sorted(face_in), expected=result.frames_declared)
        for crop in crop_frame(run, frame, [face_in[frame.index]], surroundings=True)
    ]


def check_finite(scores: np.ndarray) -> None:
    """Refuses scores, float [N], of a run that has diverged.

    Raises:
        RunError: some are not finite.
    """
    if not np.isfinite(scores).all():
        raise RunError("expected scores in [0, 1], found some that are not finite: this run diverged; use another")


def _view(
    crop: FaceCrop,
    score: float,
    heat: np.ndarray,
    kind: HeatKind,
    reconstruction: np.ndarray | None,
    class_activation: np.ndarray | None,
) -> View:
    if crop.surroundings is None:
        raise ValueError("expected a crop with its surroundings, found one without; crop it with surroundings=True")
    return View(
        sighting=Sighting(frame=crop.frame, seconds=crop.seconds, face=crop.face, score=score),
        image=crop.surroundings.image,
        scale=crop.surroundings.scale,
        matrix=crop.matrix,
        crop=crop.pixels,
        heat=heat * crop.surroundings.inside,
        heat_kind=kind,
        reconstruction=reconstruction,
        class_activation=None if class_activation is None else class_activation * crop.surroundings.inside,
    )
