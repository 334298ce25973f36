"""What a run saw in a face: its crop, its heat map and its reconstruction, as pictures show them."""

from collections.abc import Sequence

import numpy as np

from dfdetect_jax.errors import RunError
from dfdetect_jax.media.crop import crop_matrix, resize, resized_matrix, warp, warp_mask
from dfdetect_jax.media.face import Face
from dfdetect_jax.media.image import read_image
from dfdetect_jax.media.video import read_frames
from dfdetect_jax.methods import Prediction
from dfdetect_jax.run.folder import Run
from dfdetect_jax.scoring.result import ATTENTION, RECONSTRUCTION_ERROR, Result, Sighting, View


def heat_shows(prediction: Prediction) -> str:
    """What `heat_maps` takes from this prediction: `ATTENTION`, or else `RECONSTRUCTION_ERROR`."""
    return RECONSTRUCTION_ERROR if prediction.attention is None else ATTENTION


def heat_maps(prediction: Prediction, crops: np.ndarray) -> np.ndarray:
    """Where each crop is suspicious: the method's attention, or else where its reconstruction fails.

    Args:
        prediction: of a run on `crops`.
        crops: uint8 [N, S, S, 3].

    Returns:
        float32 [N, S, S]: attention as it is, or mean over channels of |reconstruction - crop|, both in [-1, 1], so
        in [0, 2]. Zero for a method with neither.
    """
    if prediction.attention is not None:
        return np.asarray(prediction.attention, np.float32)
    if prediction.reconstruction is None:
        return np.zeros(crops.shape[:3], np.float32)
    return np.abs(np.asarray(prediction.reconstruction, np.float32) - (crops / np.float32(127.5) - 1)).mean(axis=-1)


def photo_views(run: Run, result: Result) -> list[View]:
    """Every face of a scored photograph, in the order of `result.faces`; it is read again.

    Raises:
        BadMediaError: the file can't be read any more.
    """
    if not result.faces:
        return []
    image = read_image(result.path)
    return views_of(run, [(0, image, face.sightings[0].face) for face in result.faces])


def video_views(run: Run, result: Result, count: int) -> list[View]:
    """The most suspicious frames of a video's highest face, in order of time.

    They are read again, so that scoring a video never holds more than a few of its frames.

    Raises:
        BadMediaError: the file can't be read any more.
    """
    if not result.faces:
        return []
    highest = sorted(result.faces[0].sightings, key=lambda sighting: -sighting.score)[:count]
    face_in = {sighting.frame: sighting.face for sighting in highest}
    frames = read_frames(result.path, sorted(face_in))
    return views_of(run, [(index, image, face_in[index]) for index, image in frames])


def views_of(run: Run, found: Sequence[tuple[int, np.ndarray, Face]]) -> list[View]:
    """A view of each of some faces: (index of the frame, the frame as uint8 [H, W, 3], the face).

    Raises:
        RunError: the run gives scores that are no numbers.
    """
    if not found:
        return []
    cut = [crop_face(run, image, face) for _, image, face in found]
    crops = np.stack([crop for crop, _ in cut])
    prediction = run.predict(crops)
    check_finite(prediction.score)
    heat = heat_maps(prediction, crops)
    return [
        View(
            sighting=Sighting(frame=frame, face=face, score=float(prediction.score[i])),
            image=image,
            matrix=cut[i][1],
            crop=crops[i],
            heat=heat[i] * _inside(image, cut[i][1], crops.shape[1]),
            shows=heat_shows(prediction),
            reconstruction=None if prediction.reconstruction is None else prediction.reconstruction[i],
        )
        for i, (frame, image, face) in enumerate(found)
    ]


def crop_face(run: Run, image: np.ndarray, face: Face) -> tuple[np.ndarray, np.ndarray]:
    """The face as the network takes it, by the same two steps as in training: a crop, then the network's size.

    Returns:
        The crop, uint8 [S, S, 3], and the matrix from the image to it, float64 [2, 3].
    """
    matrix, size = crop_matrix(face, run.crop), run.settings.data.image_size
    crop = warp(image, matrix, run.crop.size)
    return resize(crop, size), resized_matrix(matrix, run.crop.size, size)


def _inside(image: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """Where a crop shows the image and not the black beyond its edge: bool [size, size]."""
    return warp_mask(np.full(image.shape[:2], 255, np.uint8), matrix, size) > 0


def check_finite(scores: np.ndarray) -> None:
    """Refuses scores, [N], of a run that has diverged.

    Raises:
        RunError: some are no numbers.
    """
    if not np.isfinite(scores).all():
        raise RunError("expected scores in [0, 1], found some that are no numbers: this run has diverged; use another")
