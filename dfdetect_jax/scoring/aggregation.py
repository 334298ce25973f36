"""From the faces in a file's frames and their scores to the result: tracks, ranking, notes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from dfdetect_jax.media.face import Face, track
from dfdetect_jax.scoring.media_frames import MediaHeader
from dfdetect_jax.scoring.result import Result, ScoredFace, Sighting, View

if TYPE_CHECKING:  # brings JAX, which a wrong command line need not wait for
    from dfdetect_jax.run.folder import Run

# A track in fewer than this share of the longest track's frames doesn't decide: most are false alarms or passers-by.
_SHORTEST_TRACK = 0.25


@dataclasses.dataclass(frozen=True)
class FrameFaces:
    """The faces that were found in the frame of that index and time, and whether it is damaged."""

    index: int
    faces: list[Face]
    seconds: float = 0.0
    damaged: bool = False


def result_of(run: Run, header: MediaHeader, frames: Sequence[FrameFaces], score_of: Mapping[Face, float]) -> Result:
    """The result of a file.

    A photograph's score is that of its highest face. A video's faces are joined to tracks, whose score is the mean over
    their frames; tracks seen in less than a quarter of the longest one's frames are listed but don't decide. Damaged
    frames are left out unless all are damaged.

    Args:
        run: that scored.
        header: of the file.
        frames: those that were read, in order.
        score_of: the score of each face, in [0, 1].
    """
    if header.kind == "image":
        faces = tuple(
            ScoredFace(sightings=(Sighting(frame=0, face=face, score=score_of[face]),))
            for face in sorted(frames[0].faces, key=lambda face: -score_of[face])
        )
    else:
        faces = _ranked(_tracks(_intact(frames), score_of))
    result = Result(**header._asdict(), threshold=run.threshold, faces=faces, frames_read=len(frames))
    notes = _photo_notes(result) if header.kind == "image" else _video_notes(result, frames)
    return dataclasses.replace(result, notes=(*notes, *(_map_notes(run) if result.faces else ())))


def with_views(result: Result, views: Iterable[View]) -> Result:
    """A result whose faces carry the views of their sightings."""
    view_of = {view.sighting.face: view for view in views}
    faces = tuple(
        dataclasses.replace(face, views=tuple(view_of[s.face] for s in face.sightings if s.face in view_of))
        for face in result.faces
    )
    return dataclasses.replace(result, faces=faces)


def _intact(frames: Sequence[FrameFaces]) -> Sequence[FrameFaces]:
    return [frame for frame in frames if not frame.damaged] or frames


def _tracks(frames: Sequence[FrameFaces], score_of: Mapping[Face, float]) -> list[tuple[Sighting, ...]]:
    """The sightings of each person."""
    return [
        tuple(
            Sighting(frame=frame.index, seconds=frame.seconds, face=face, score=score_of[face])
            for frame, face in zip(frames, faces, strict=True)
            if face is not None
        )
        for faces in track([frame.faces for frame in frames])
    ]


def _ranked(tracks: Sequence[tuple[Sighting, ...]]) -> tuple[ScoredFace, ...]:
    """Tracks as faces: those long enough to decide first, then by score."""
    longest = max(map(len, tracks), default=0)
    faces = [
        ScoredFace(sightings=sightings, decides=len(sightings) >= _SHORTEST_TRACK * longest) for sightings in tracks
    ]
    return tuple(sorted(faces, key=lambda face: (not face.decides, -face.score)))


def _map_notes(run: Run) -> list[str]:
    from dfdetect_jax.run.folder import NO_MASKS  # a run is open here, so that JAX is there already

    return [NO_MASKS] if run.localizes and not run.saw_masks else []


def _photo_notes(result: Result) -> Iterator[str]:
    if len(result.faces) > 1:
        yield f"{len(result.faces)} faces: the highest score counts"
    elif not result.faces:
        yield "no face was found"


def _video_notes(result: Result, frames: Sequence[FrameFaces]) -> Iterator[str]:
    if result.cut_short:
        yield f"partial: the file is cut short, it can be read up to {frames[-1].seconds if frames else 0.0:.1f} s"
    if result.frames_lost:
        yield f"damage inside the stream: {result.frames_lost} frames can't be decoded"
    if damaged := sum(frame.damaged for frame in frames):
        weight = "do not count" if damaged < len(frames) else "count, since there are no others"
        yield f"damage inside the stream: {damaged} of {len(frames)} frames that were read are damaged and {weight}"
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
