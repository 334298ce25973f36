"""Scoring photographs and videos, one or a million: decoding, face detection and the network overlap.

    files -> readers (decode) -> face detectors (find and crop faces) -> the caller's thread (full batches) -> results

Readers and face detectors are threads, see `upstream`, whose work is done in C and releases Python's lock. Between the
stages are bounded channels, and readers never go more than a fixed number of files ahead of the oldest one that isn't
done, so that memory depends neither on the number of files nor on the length of a video. Results come in the order of
the files.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Generator, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dfdetect_jax.batching import PREDICT_BATCH
from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.detectors import FaceDetector
from dfdetect_jax.media.face import Face
from dfdetect_jax.scoring.aggregation import result_of, with_views
from dfdetect_jax.scoring.channel import Clock
from dfdetect_jax.scoring.decision import DecisionRule, Verdict, decision_rule
from dfdetect_jax.scoring.face_crops import FaceCrop
from dfdetect_jax.scoring.media_frames import FRAMES, MediaHeader, Source, Unreadable
from dfdetect_jax.scoring.people import FrameFaces
from dfdetect_jax.scoring.result import Result, View
from dfdetect_jax.scoring.upstream import (
    CROP,
    DECODE,
    DETECT,
    Begun,
    Broken,
    Cropped,
    Ended,
    Limits,
    Message,
    NoMore,
    Upstream,
)
from dfdetect_jax.scoring.views import check_finite, video_crops, views_of

if TYPE_CHECKING:  # brings JAX, which a wrong command line need not wait for
    from dfdetect_jax.run.folder import Run

MODEL, WAITING = "model", "waiting"
STAGES = (DECODE, DETECT, CROP, MODEL, WAITING)
"""As a `Clock` names them; the last is the time that the caller's thread waits for the others."""

# With views a photograph under way holds up to 3 MB of itself and 1 MB a face.
_FILES_WITH_VIEWS = 64


def score_files(
    run: Run,
    face_detector: FaceDetector,
    paths: Iterable[str | os.PathLike[str] | Unreadable],
    frames: int = FRAMES,
    *,
    rule: DecisionRule | None = None,
    views: Collection[Verdict] = (),
    clock: Clock | None = None,
    limits: Limits = Limits(),  # noqa: B008 (immutable)
) -> Generator[tuple[str, Result | BadMediaError], None, None]:
    """Scores photographs and videos.

    Args:
        run: an opened run.
        face_detector: the run's face detector, from `media.detectors.load_face_detector`; called from several threads.
        paths: files, read as they are needed, in another thread.
        frames: per video, evenly spaced; all where it has fewer.
        rule: how scores become verdicts; None for `decision_rule(run)`.
        views: the verdicts whose results carry views: of every face of a photograph, and of the most suspicious
            frames of a video's highest face. Photographs are then predicted with maps, in the same batches; videos
            are decoded once more, see `views.video_crops`.
        clock: the stages' times are added to it.
        limits: threads and memory.

    Yields:
        (path, its result, or why it can't be scored), in the order of `paths`.

    Raises:
        RunError: the run's scores are not finite.
        Exception: whatever `paths`, or a thread for a reason other than a file, has raised.
    """
    sources = (path if isinstance(path, Unreadable) else os.fspath(path) for path in paths)
    return _score(run, face_detector, sources, frames, rule, views, clock or Clock(), limits)


def score_images(
    run: Run,
    face_detector: FaceDetector,
    images: Iterable[np.ndarray],
    *,
    rule: DecisionRule | None = None,
    views: Collection[Verdict] = (),
    limits: Limits = Limits(),  # noqa: B008 (immutable)
) -> list[Result]:
    """Scores photographs that are in memory, exactly as `score_files` scores files.

    Args:
        run: an opened run.
        face_detector: the run's face detector.
        images: uint8 [H, W, 3] RGB each.
        rule: as for `score_files`.
        views: as for `score_files`.
        limits: threads and memory.

    Returns:
        A result of each, with the path "".

    Raises:
        BadMediaError: an image has another type or shape.
        RunError: the run's scores are not finite.
    """
    sources = (_checked(number, image) for number, image in enumerate(images))
    results = []
    for _, result in _score(run, face_detector, sources, FRAMES, rule, views, Clock(), limits):
        if isinstance(result, BadMediaError):
            raise result
        results.append(result)
    return results


def _checked(number: int, image: np.ndarray) -> np.ndarray:
    array = np.asarray(image)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or not array.size:
        raise BadMediaError(
            f"image {number}: expected RGB as uint8 [H, W, 3], found {array.dtype} {list(array.shape)}; convert it"
        )
    return np.ascontiguousarray(array)


def _score(
    run: Run,
    face_detector: FaceDetector,
    sources: Iterable[Source],
    frames: int,
    rule: DecisionRule | None,
    views: Collection[Verdict],
    clock: Clock,
    limits: Limits,
) -> Generator[tuple[str, Result | BadMediaError], None, None]:
    if views:
        limits = dataclasses.replace(limits, files=min(limits.files, _FILES_WITH_VIEWS))
    upstream = Upstream(run, face_detector, sources, frames, surroundings=bool(views), clock=clock, limits=limits)
    try:
        yield from _gather(run, upstream, rule or decision_rule(run), views, clock, limits)
    finally:
        upstream.stop()


def _gather(
    run: Run, upstream: Upstream, rule: DecisionRule, views: Collection[Verdict], clock: Clock, limits: Limits
) -> Generator[tuple[str, Result | BadMediaError], None, None]:
    """Scores the crops that come, and gives the results in order."""
    files: dict[int, _File] = {}
    batches = _Batches(run, clock)
    following, open_readers = 0, upstream.readers
    while open_readers or files:
        with clock(WAITING):
            messages = upstream.inbox.get(patience=limits.patience)
        for message in messages:
            open_readers -= isinstance(message, NoMore)
            _enter(files, batches, message)
        nothing_begins = not open_readers or len(files) >= limits.files
        batches.score(partial=not messages or (nothing_begins and all(file.cropped for file in files.values())))
        while following in files and files[following].done:
            file = files.pop(following)
            following += 1
            upstream.allow(following + limits.files)
            yield file.path, _answer(run, file, rule, views, clock)


@dataclasses.dataclass
class _File:
    """A file that was begun and isn't done."""

    path: str
    header: MediaHeader | None
    reading: int = 0
    frames: list[FrameFaces] = dataclasses.field(default_factory=list)
    scores: dict[Face, float] = dataclasses.field(default_factory=dict)
    appearances: dict[Face, np.ndarray] = dataclasses.field(default_factory=dict)
    views: list[View] = dataclasses.field(default_factory=list)
    total: int | None = None  # frames, known when it was read to its end
    error: BadMediaError | None = None

    @property
    def cropped(self) -> bool:
        return self.error is not None or self.total == len(self.frames)

    @property
    def done(self) -> bool:
        scored = len(self.scores) == sum(len(frame.faces) for frame in self.frames)
        return self.error is not None or (self.cropped and scored)


class _Batches:
    """Crops of any files that wait to be scored: those of which scores are enough, and those that need views."""

    def __init__(self, run: Run, clock: Clock):
        self._run, self._clock = run, clock
        self._plain: list[tuple[_File, FaceCrop]] = []
        self._with_views: list[tuple[_File, FaceCrop]] = []

    def add(self, file: _File, crop: FaceCrop) -> None:
        (self._with_views if crop.surroundings else self._plain).append((file, crop))

    def score(self, *, partial: bool) -> None:
        """Scores full batches; if `partial`, the rest, too."""
        for waiting, score in ((self._plain, self._score), (self._with_views, self._view)):
            while len(waiting) >= PREDICT_BATCH or (partial and waiting):
                with self._clock(MODEL):
                    score(waiting[:PREDICT_BATCH])
                del waiting[:PREDICT_BATCH]

    def _score(self, batch: Sequence[tuple[_File, FaceCrop]]) -> None:
        scores = self._run.score(np.stack([crop.pixels for _, crop in batch]))
        check_finite(scores)
        for (file, crop), score in zip(batch, scores.tolist(), strict=True):
            file.scores[crop.face] = score

    def _view(self, batch: Sequence[tuple[_File, FaceCrop]]) -> None:
        views = views_of(self._run, [crop for _, crop in batch])
        for (file, crop), view in zip(batch, views, strict=True):
            file.scores[crop.face] = view.sighting.score
            file.views.append(view)


def _enter(files: dict[int, _File], batches: _Batches, message: Message) -> None:
    """Enters a message from upstream into its file, and its crops into the batches."""
    match message:
        case Broken(error):
            raise error
        case Begun(number, path, header, reading):
            files[number] = _File(path, header, reading)
        case Ended(number, total, error):
            files[number].total, files[number].error = total, error
        # Not one that failed in the meantime, or was begun again.
        case Cropped(number, frames, reading) if number in files and files[number].reading == reading:
            for frame in frames:
                files[number].frames.append(FrameFaces(frame.index, frame.faces, frame.seconds, frame.damaged))
                for crop in frame.crops:
                    batches.add(files[number], crop)
                    if crop.appearance is not None:
                        files[number].appearances[crop.face] = crop.appearance


def _answer(
    run: Run, file: _File, rule: DecisionRule, views: Collection[Verdict], clock: Clock
) -> Result | BadMediaError:
    """The result of a file that is done, with its views if its verdict is among `views`; or why there is none."""
    if file.error is not None or file.header is None:
        return file.error or BadMediaError(f"{file.path}: can't be opened")
    frames = sorted(file.frames, key=lambda frame: frame.index)
    result = result_of(run, rule, file.header, frames, file.scores, file.appearances)
    if result.verdict not in views:
        return result
    if result.kind == "image":
        return with_views(result, file.views)
    try:
        with clock(DECODE):
            crops = video_crops(run, result)
    except BadMediaError as error:  # it could be read a moment ago
        return dataclasses.replace(result, notes=(*result.notes, f"without its picture: {error}"))
    with clock(MODEL):
        return with_views(result, views_of(run, crops))
