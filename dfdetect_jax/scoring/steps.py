"""Photos and videos scored by a run: faces are found, cut as the run's training data was, and given to its method.

What `predict` prints is made here; nothing here reads flags, prints or draws. One file goes through
`score_photo` or `score_video`; `stream` takes many through the same steps at a time.
"""

import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.detectors import FaceDetector
from dfdetect_jax.media.face import Face, track
from dfdetect_jax.media.image import media_kind, read_image
from dfdetect_jax.media.video import evenly_spaced, probe, read_frames
from dfdetect_jax.run.folder import NO_MASKS, Run
from dfdetect_jax.scoring.result import Result, ScoredFace, Sighting, View
from dfdetect_jax.scoring.views import check_finite, crop_face, views_of

FRAMES = 32  # of a video, spread evenly; what the common benchmarks score

# Frames of a video that are in memory together, and their pixels: 8 of 720p, 5 of 1080p, 1 of 4K.
_DETECT_AT_ONCE, _BYTES_AT_ONCE = 8, 32_000_000
# A track in fewer than this share of the longest track's frames doesn't decide: most are false alarms or passers-by.
_SHORTEST_TRACK = 0.25


class Media(NamedTuple):
    """A photograph or video before its frames are read; the attributes are those of `Result`."""

    path: str
    kind: str
    frames_declared: int = 1
    frames_asked: int = 1
    fps: float = 0.0


class Frames(NamedTuple):
    """Frames that are in memory together: their indices in the file, and uint8 [H, W, 3] each."""

    indices: list[int]
    images: list[np.ndarray]

    @property
    def size(self) -> int:
        """Bytes of the images."""
        return sum(image.nbytes for image in self.images)


class FacesInFrame(NamedTuple):
    """The faces found in one frame, and for each the crop that the network takes, uint8 [S, S, 3]."""

    index: int
    faces: list[Face]
    crops: list[np.ndarray]


def score_photo(run: Run, face_detector: FaceDetector, path: str | os.PathLike) -> tuple[Result, list[View]]:
    """Scores every face of a photograph; the highest score is the photograph's.

    Returns:
        The result, and a view per face in the order of `result.faces`.

    Raises:
        BadMediaError: the file is not a readable photograph.
        RunError: the run gives scores that are no numbers.
    """
    image = read_image(path)
    faces = face_detector([image])[0]
    views = views_of(run, [(0, image, face) for face in faces])
    scores = {view.sighting.face: view.sighting.score for view in views}
    views.sort(key=lambda view: -view.sighting.score)
    return result_of(run, Media(os.fspath(path), "image"), [(0, faces)], scores), views


def score_video(run: Run, face_detector: FaceDetector, path: str | os.PathLike, frames: int = FRAMES) -> Result:
    """Scores the faces of a video in evenly spaced frames; a face's score is the mean over its track.

    Tracks seen in less than a quarter of the longest one's frames are listed but don't decide. Memory is that of a
    few frames, however long the video.

    Args:
        run: an opened run.
        face_detector: the run's face detector, from `media.detectors.load_face_detector`.
        path: the video.
        frames: how many frames are wanted; all where the video has fewer.

    Raises:
        BadMediaError: the file is not a video of which at least one frame can be read.
        RunError: the run gives scores that are no numbers.
    """
    media, chunks = _open_video(path, frames)
    found, scores = [], {}
    for chunk in chunks:
        seen = cut_faces(run, chunk, face_detector(chunk.images))
        faces = [face for frame in seen for face in frame.faces]
        scores |= zip(faces, score_crops(run, [crop for frame in seen for crop in frame.crops]), strict=True)
        found += [(frame.index, frame.faces) for frame in seen]
    return result_of(run, media, found, scores)


def open_media(path: str | os.PathLike, frames: int = FRAMES) -> tuple[Media, Iterator[Frames]]:
    """A file's first look: what it is, and an iterator that decodes it, a photograph at once, a video bit by bit.

    Args:
        path: a photograph or video.
        frames: how many frames of a video are wanted, spread evenly.

    Raises:
        BadMediaError: the file is neither (a folder: one in which none was found), or can't be decoded; the iterator
            raises it, too.
    """
    if os.path.isdir(path):
        raise BadMediaError(f"{path}: expected photographs or videos in this folder, found none")
    if media_kind(path) == "video":
        return _open_video(path, frames)
    return Media(os.fspath(path), "image"), iter([Frames([0], [read_image(path)])])


def cut_faces(run: Run, frames: Frames, found: Sequence[list[Face]]) -> list[FacesInFrame]:
    """Cuts the faces that a face detector found in `frames`, one list for each."""
    return [
        FacesInFrame(index, faces, [crop_face(run, image, face)[0] for face in faces])
        for index, image, faces in zip(frames.indices, frames.images, found, strict=True)
    ]


def score_crops(run: Run, crops: Sequence[np.ndarray]) -> list[float]:
    """The scores of crops, uint8 [S, S, 3] each, of whichever files: in [0, 1], higher is more likely fake.

    Raises:
        RunError: the run gives scores that are no numbers.
    """
    if not crops:
        return []
    scores = run.score(np.stack(crops))
    check_finite(scores)
    return scores.tolist()


def result_of(
    run: Run, media: Media, found: Sequence[tuple[int, list[Face]]], score_of: Mapping[Face, float]
) -> Result:
    """What a run says of a file, from the faces in its frames and their scores.

    Args:
        run: that scored.
        media: the file.
        found: (index, faces) of each frame that was read, in order.
        score_of: the score of each of the faces.
    """
    if media.kind == "image":
        faces = [
            ScoredFace(sightings=(Sighting(frame=0, face=face, score=score_of[face]),))
            for face in sorted(found[0][1], key=lambda face: -score_of[face])
        ]
    else:
        faces = _ranked(_tracks(found, score_of))
    result = Result(**media._asdict(), threshold=run.threshold, faces=tuple(faces), frames_read=len(found))
    notes = _photo_notes(result) if media.kind == "image" else _video_notes(result, found)
    return dataclasses.replace(result, notes=(*notes, *(_map_notes(run) if result.faces else ())))


def _open_video(path: str | os.PathLike, frames: int) -> tuple[Media, Iterator[Frames]]:
    info = probe(path)
    wanted = evenly_spaced(info.frames, frames)
    media = Media(os.fspath(path), "video", info.frames, len(wanted), info.fps)
    return media, _in_chunks(read_frames(path, wanted))


def _in_chunks(frames: Iterator[tuple[int, np.ndarray]]) -> Iterator[Frames]:
    chunk = Frames([], [])
    for index, image in frames:
        chunk.indices.append(index)
        chunk.images.append(image)
        if len(chunk.images) == _DETECT_AT_ONCE or chunk.size + image.nbytes > _BYTES_AT_ONCE:
            yield chunk
            chunk = Frames([], [])
    if chunk.images:
        yield chunk


def _tracks(found: Sequence[tuple[int, list[Face]]], score_of: Mapping[Face, float]) -> list[tuple[Sighting, ...]]:
    """The sightings of each person, from the faces found in each frame."""
    return [
        tuple(
            Sighting(frame=index, face=face, score=score_of[face])
            for (index, _), face in zip(found, faces, strict=True)
            if face is not None
        )
        for faces in track([faces for _, faces in found])
    ]


def _ranked(tracks: Sequence[tuple[Sighting, ...]]) -> tuple[ScoredFace, ...]:
    """Tracks as faces: those long enough to decide first, then by score."""
    longest = max(map(len, tracks), default=0)
    faces = [
        ScoredFace(sightings=sightings, decides=len(sightings) >= _SHORTEST_TRACK * longest) for sightings in tracks
    ]
    return tuple(sorted(faces, key=lambda face: (not face.decides, -face.score)))


def _map_notes(run: Run) -> list[str]:
    return [NO_MASKS] if run.localizes and not run.saw_masks else []


def _photo_notes(result: Result) -> Iterator[str]:
    if len(result.faces) > 1:
        yield f"{len(result.faces)} faces: the highest score counts"
    elif not result.faces:
        yield "no face was found"


def _video_notes(result: Result, found: Sequence[tuple[int, list[Face]]]) -> Iterator[str]:
    if result.frames_read < result.frames_asked:
        yield (
            f"partial: declared {result.frames_declared} frames, but of the {result.frames_asked} asked for only "
            f"{result.frames_read} can be read, up to frame {found[-1][0] if found else 0}"
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
