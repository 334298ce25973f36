"""From the faces in a file's frames and their scores to the result: people, ranking, notes."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dfdetect_jax.media.face import Face
from dfdetect_jax.scoring.decision import DecisionRule
from dfdetect_jax.scoring.media_frames import MediaHeader
from dfdetect_jax.scoring.people import LEAST_SIDE, FrameFaces, Person, doubt, people_in, person_score
from dfdetect_jax.scoring.result import Result, ScoredFace, Sighting, View

if TYPE_CHECKING:  # brings JAX, which a wrong command line need not wait for
    from dfdetect_jax.run.folder import Run

_ENLARGED, _MOST_ENLARGED = 1.5, 3  # times that a face is enlarged for the network: from here a note, from here doubt


def result_of(
    run: Run,
    rule: DecisionRule,
    header: MediaHeader,
    frames: Sequence[FrameFaces],
    score_of: Mapping[Face, float],
    appearance_of: Mapping[Face, np.ndarray] | None = None,
) -> Result:
    """The result of a file.

    The faces are those of people, see `people`; doubtful ones are listed and don't decide. The highest score of the
    others counts, see `Result.score`. Damaged frames are left out unless all are damaged.

    Args:
        run: that scored.
        rule: how scores become verdicts.
        header: of the file.
        frames: those that were read, in order.
        score_of: the score of each face, in [0, 1].
        appearance_of: of faces in a video, see `people.people_in`.
    """
    least_side = min(LEAST_SIDE, run.settings.data.image_size / _MOST_ENLARGED)
    seconds_of = {frame.index: frame.seconds for frame in frames}
    people = people_in(_intact(frames), appearance_of)
    faces = tuple(_scored(person, score_of, seconds_of, least_side) for person in people)
    ranked = tuple(sorted(faces, key=lambda face: (not face.decides, -face.score)))
    result = Result(**header._asdict(), rule=rule, faces=ranked, frames_read=len(frames))
    frame_notes = _photograph_notes(frames) if header.kind == "image" else _frame_notes(result, frames)
    notes = [*frame_notes, *_face_notes(run, result)]
    return dataclasses.replace(result, notes=(*notes, *(_run_notes(run) if result.faces else ())))


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


def _scored(
    person: Person, score_of: Mapping[Face, float], seconds_of: Mapping[int, float], least_side: float
) -> ScoredFace:
    sightings = tuple(
        Sighting(frame=index, seconds=seconds_of[index], face=face, score=score_of[face])
        for index, face in person.faces
    )
    return ScoredFace(
        sightings=sightings,
        score=person_score(person, score_of),
        prominence=person.prominence,
        doubt=doubt(person, least_side),
    )


def _run_notes(run: Run) -> Iterator[str]:
    from dfdetect_jax.run.folder import COLLAPSED, NO_MASKS  # a run is open here, so that JAX is there already

    if run.collapsed:
        yield COLLAPSED
    if run.localizes and not run.saw_masks:
        yield NO_MASKS


def _frame_notes(result: Result, frames: Sequence[FrameFaces]) -> Iterator[str]:
    if result.cut_short:
        yield f"partial: the file is cut short, it can be read up to {frames[-1].seconds if frames else 0.0:.1f} s"
    if result.frames_lost:
        yield f"damage inside the stream: {result.frames_lost} frames can't be decoded"
    if damaged := sum(frame.damaged for frame in frames):
        weight = "do not count" if damaged < len(frames) else "count, since there are no others"
        yield f"damage inside the stream: {damaged} of {len(frames)} frames that were read are damaged and {weight}"
    if result.faces and result.frames_used < result.frames_read:
        yield f"a face was found in {result.frames_used} of {result.frames_read} frames"


def _photograph_notes(frames: Sequence[FrameFaces]) -> Iterator[str]:
    if any(frame.damaged for frame in frames):
        yield "damage inside the file: parts of the photograph may be grey, shifted or of wrong colours"


def _face_notes(run: Run, result: Result) -> Iterator[str]:
    if not result.faces:
        where = "" if result.kind == "image" else f" in {result.frames_read} frames"
        yield f"no face was found{where}, nor after brightening, turning and enlarging"
        return
    doubtful = [face for face in result.faces if face.doubt]
    if len(doubtful) == len(result.faces):
        yield f"every face is doubtful: {_reasons(doubtful)}"
    elif doubtful:
        faces = "1 face is" if len(doubtful) == 1 else f"{len(doubtful)} faces are"
        yield f"{faces} doubtful and not counted: {_reasons(doubtful)}"
    yield from _number_notes(result)
    highest = result.faces[0].most_suspicious.face
    if highest.seen:
        yield f"found in the picture {highest.seen}"
    enlarged = run.settings.data.image_size / max(highest.side * run.crop.margin, 1.0)
    if enlarged >= _ENLARGED:
        yield f"the face is {highest.side:.0f} pixels across, enlarged {enlarged:.1f} times: its score is less certain"


def _number_notes(result: Result) -> Iterator[str]:
    count = len(result.deciding)
    if count < 2:
        return
    before, after = result.faces[0].score, result.score or 0.0
    lowered = f", lowered from {before:.3f} for their number" if round(before, 3) > round(after, 3) else ""
    yield f"{count} faces: the highest score counts{lowered}"


def _reasons(faces: Sequence[ScoredFace]) -> str:
    """The reasons for doubt, each with its number where it occurs more than once."""
    counts = Counter(face.doubt.partition(" (")[0] for face in faces)
    return ", ".join(reason if count == 1 else f"{reason} ({count})" for reason, count in counts.most_common(3))
