"""Photos and videos scored by a run: faces are found, cut as the run's training data was, and given to its method.

What `predict` prints and pictures show is made here; nothing here reads flags, prints or draws.
"""

import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from dfdetect_jax.errors import RunError
from dfdetect_jax.media.crop import crop_matrix, resize, resized_matrix, warp, warp_mask
from dfdetect_jax.media.face import Detector, Face, track
from dfdetect_jax.media.image import read_image
from dfdetect_jax.media.video import evenly_spaced, probe, read_frames
from dfdetect_jax.methods import Prediction
from dfdetect_jax.results import ATTENTION, RECONSTRUCTION_ERROR, Result, ScoredFace, Sighting, View
from dfdetect_jax.run import NO_MASKS, Run

FRAMES = 32  # of a video, spread evenly; what the common benchmarks score

_DETECT_AT_ONCE = 8  # frames in memory; 4K ones take 25 MB each
# A track in fewer than this share of the longest track's frames doesn't decide: most are false alarms or passers-by.
_SHORTEST_TRACK = 0.25


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


def score_photo(run: Run, detector: Detector, path: str | os.PathLike) -> tuple[Result, list[View]]:
    """Scores every face of a photograph; the highest score is the photograph's.

    Returns:
        The result, and a view per face in the order of `result.faces`.

    Raises:
        BadMediaError: the file is not a readable photograph.
        RunError: the run gives scores that are no numbers.
    """
    image = read_image(path)
    views = _views(run, [(0, image, face) for face in detector([image])[0]])
    views.sort(key=lambda view: -view.sighting.score)
    notes = [f"{len(views)} faces: the highest score counts"] if len(views) > 1 else []
    notes += _map_notes(run) if views else ["no face was found"]
    result = Result(
        path=os.fspath(path),
        kind="image",
        threshold=run.threshold,
        faces=tuple(ScoredFace(sightings=(view.sighting,)) for view in views),
        notes=tuple(notes),
    )
    return result, views


def score_video(run: Run, detector: Detector, path: str | os.PathLike, frames: int = FRAMES) -> Result:
    """Scores the faces of a video in evenly spaced frames; a face's score is the mean over its track.

    Tracks seen in less than a quarter of the longest one's frames are listed but don't decide. Memory is that of a
    few frames, however long the video.

    Args:
        run: an opened run.
        detector: the run's detector, from `media.face.load_detector`.
        path: the video.
        frames: how many frames are wanted; all where the video has fewer.

    Raises:
        BadMediaError: the file is not a video of which at least one frame can be read.
        RunError: the run gives scores that are no numbers.
    """
    info = probe(path)
    wanted = evenly_spaced(info.frames, frames)
    read, found, scores = [], [], []
    for indices, images in _in_chunks(read_frames(path, wanted)):
        faces = detector(images)
        crops = [_crop(run, image, face)[0] for image, here in zip(images, faces, strict=True) for face in here]
        scores.extend(_scores(run, crops))
        read.extend(indices)
        found.extend(faces)
    score_of = dict(zip((face for here in found for face in here), scores, strict=True))
    result = Result(
        path=os.fspath(path),
        kind="video",
        threshold=run.threshold,
        faces=_ranked(_tracks(read, found, score_of)),
        frames_declared=info.frames,
        frames_asked=len(wanted),
        frames_read=len(read),
        fps=info.fps,
    )
    notes = [*_video_notes(result, read), *(_map_notes(run) if result.faces else [])]
    return dataclasses.replace(result, notes=tuple(notes))


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
    return _views(run, [(index, image, face_in[index]) for index, image in frames])


def _views(run: Run, found: Sequence[tuple[int, np.ndarray, Face]]) -> list[View]:
    if not found:
        return []
    cut = [_crop(run, image, face) for _, image, face in found]
    crops = np.stack([crop for crop, _ in cut])
    prediction = run.predict(crops)
    _check_finite(prediction.score)
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


def _crop(run: Run, image: np.ndarray, face: Face) -> tuple[np.ndarray, np.ndarray]:
    """The face as the network takes it, by the same two steps as in training: a crop, then the network's size."""
    matrix, size = crop_matrix(face, run.crop), run.settings.data.image_size
    crop = warp(image, matrix, run.crop.size)
    return resize(crop, size), resized_matrix(matrix, run.crop.size, size)


def _inside(image: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """Where a crop shows the image and not the black beyond its edge: bool [size, size]."""
    return warp_mask(np.full(image.shape[:2], 255, np.uint8), matrix, size) > 0


def _scores(run: Run, crops: Sequence[np.ndarray]) -> list[float]:
    if not crops:
        return []
    scores = run.score(np.stack(crops))
    _check_finite(scores)
    return scores.tolist()


def _check_finite(scores: np.ndarray) -> None:
    if not np.isfinite(scores).all():
        raise RunError("expected scores in [0, 1], found some that are no numbers: this run has diverged; use another")


def _in_chunks(frames: Iterator[tuple[int, np.ndarray]]) -> Iterator[tuple[list[int], list[np.ndarray]]]:
    indices, images = [], []
    for index, image in frames:
        indices.append(index)
        images.append(image)
        if len(images) == _DETECT_AT_ONCE:
            yield indices, images
            indices, images = [], []
    if images:
        yield indices, images


def _tracks(
    frames: Sequence[int], found: Sequence[Sequence[Face]], score_of: Mapping[Face, float]
) -> list[tuple[Sighting, ...]]:
    """The sightings of each person, from the faces found in each of `frames`."""
    return [
        tuple(
            Sighting(frame=index, face=face, score=score_of[face])
            for index, face in zip(frames, faces, strict=True)
            if face is not None
        )
        for faces in track(found)
    ]


def _ranked(tracks: Sequence[tuple[Sighting, ...]]) -> tuple[ScoredFace, ...]:
    """Tracks as faces: those long enough to decide first, then by score."""
    longest = max(map(len, tracks), default=0)
    faces = [
        ScoredFace(sightings=sightings, decides=len(sightings) >= _SHORTEST_TRACK * longest) for sightings in tracks
    ]
    return tuple(sorted(faces, key=lambda face: (not face.decides, -face.score)))


def _map_notes(run: Run) -> list[str]:
    if run.localizes and not run.saw_masks:
        return [NO_MASKS]
    return []


def _video_notes(result: Result, read: Sequence[int]) -> Iterator[str]:
    if result.frames_read < result.frames_asked:
        yield (
            f"partial: declared {result.frames_declared} frames, but of the {result.frames_asked} asked for only "
            f"{result.frames_read} can be read, up to frame {read[-1] if read else 0}"
        )
    if not result.faces:
        yield f"no face was found in {result.frames_read} frames"
        return
    if result.frames_used < result.frames_read:
        yield f"a face was found in {result.frames_used} of {result.frames_read} frames"
    deciding = sum(face.decides for face in result.faces)
    if deciding > 1:
        yield f"{deciding} faces: the highest score counts"
    if deciding < len(result.faces):
        yield f"{len(result.faces) - deciding} more seen too briefly to count"
