"""Many photographs and videos scored at a time: decoding, detection and the network overlap.

    paths -> readers (decode) -> detectors (find and cut faces) -> the caller's thread (score full batches) -> results

Readers and detectors are threads, whose work is done in C and leaves Python's lock free. Between the stages are bounded
channels, and readers never go more than a fixed number of files ahead of the oldest one that isn't done, so that memory
depends neither on the number of files nor on the length of a video. Results come in the order of the paths.
"""

import dataclasses
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from dfdetect_jax.data.prepare.workers import processors
from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.detectors import FaceDetector
from dfdetect_jax.media.face import Face
from dfdetect_jax.run.folder import Run
from dfdetect_jax.run.predictor import PREDICT_BATCH
from dfdetect_jax.scoring.channel import Channel, Clock, Stopped
from dfdetect_jax.scoring.result import Result
from dfdetect_jax.scoring.steps import (
    FRAMES,
    FacesInFrame,
    Frames,
    Media,
    cut_faces,
    open_media,
    result_of,
    score_crops,
)

STAGES = DECODE, DETECT, CROP, MODEL, WAITING = "decode", "detect", "crop", "model", "waiting"
"""As a `Clock` names them; the last is what the caller's thread waits for the others."""

_BYTES_WAITING = 96_000_000  # of decoded frames, for a face detector
_MESSAGES_WAITING = 64  # for the caller's thread; each with the crops of a few frames at most
_FILES_AHEAD = 256  # begun, while the oldest isn't done
_DETECT_AT_ONCE = 8  # photographs; frames of a video come together anyway
_PATIENCE = 2.0  # seconds without news, after which a batch that isn't full is scored all the same
_GRACE = 2.0  # seconds for the threads to finish what they are at when the work is stopped


class _Begun(NamedTuple):
    number: int
    path: str
    media: Media | None


class _Cut(NamedTuple):
    number: int
    frames: list[FacesInFrame]


class _Ended(NamedTuple):
    number: int
    frames: int
    error: BadMediaError | None = None


class _NoMore(NamedTuple):
    """A reader has found no more paths."""


class _Broken(NamedTuple):
    """A thread has failed for a reason that isn't a file's."""

    error: BaseException


@dataclasses.dataclass
class _File:
    """A file that was begun and isn't done."""

    path: str
    media: Media | None
    found: list[tuple[int, list[Face]]] = dataclasses.field(default_factory=list)
    scores: dict[Face, float] = dataclasses.field(default_factory=dict)
    frames: int | None = None  # known when it is read to its end
    error: BadMediaError | None = None

    @property
    def cut(self) -> bool:
        return self.error is not None or self.frames == len(self.found)

    @property
    def done(self) -> bool:
        return self.error is not None or (self.cut and len(self.scores) == sum(len(faces) for _, faces in self.found))


def score_files(
    run: Run,
    face_detector: FaceDetector,
    paths: Iterable[str],
    frames: int = FRAMES,
    *,
    readers: int = 0,
    detectors: int = 0,
    clock: Clock | None = None,
) -> Iterator[tuple[str, Result | BadMediaError]]:
    """Scores photographs and videos; each result is that of `score_photo` or `score_video`, to rounding.

    Args:
        run: an opened run.
        face_detector: the run's face detector, from `media.detectors.load_face_detector`; called from several threads.
        paths: read as they are needed, in another thread.
        frames: of a video, spread evenly.
        readers: threads that decode, one file each; 0 for as many as there are processors, between 2 and 8.
        detectors: threads that look for faces; 0 for one per four processors.
        clock: to add to, what the stages take.

    Yields:
        (path, its result, or why it can't be scored), in the order of `paths`.

    Raises:
        RunError: the run gives scores that are no numbers.
        Exception: whatever `paths`, or a thread for another reason than a file's, has raised.
    """
    count = processors()
    clock = clock or Clock()
    readers, detectors = readers or min(max(count, 2), 8), detectors or max(1, count // 4)
    ahead = _Upstream(run, face_detector, paths, frames, clock, readers, detectors)
    try:
        yield from _gather(run, ahead, clock)
    finally:
        ahead.stop()


def _gather(run: Run, ahead: "_Upstream", clock: Clock) -> Iterator[tuple[str, Result | BadMediaError]]:
    """Batches the crops that come, and gives the results in order."""
    files: dict[int, _File] = {}
    waiting: list[tuple[_File, Face, np.ndarray]] = []
    following, open_readers = 0, ahead.readers
    while open_readers or files:
        with clock(WAITING):
            messages = ahead.inbox.get(patience=_PATIENCE)
        for message in messages:
            open_readers -= isinstance(message, _NoMore)
            waiting += _note(files, message)
        nothing_begins = not open_readers or len(files) >= _FILES_AHEAD
        last = not messages or (nothing_begins and all(file.cut for file in files.values()))
        while len(waiting) >= PREDICT_BATCH or (last and waiting):
            batch, waiting = waiting[:PREDICT_BATCH], waiting[PREDICT_BATCH:]
            with clock(MODEL):
                scores = score_crops(run, [crop for *_, crop in batch])
            for (file, face, _), score in zip(batch, scores, strict=True):
                file.scores[face] = score
        while following in files and files[following].done:
            file = files.pop(following)
            following += 1
            ahead.allow(following + _FILES_AHEAD)
            yield file.path, file.error or result_of(run, file.media, sorted(file.found, key=_index), file.scores)


def _note(files: dict[int, _File], message: NamedTuple) -> list[tuple[_File, Face, np.ndarray]]:
    """Enters a message from upstream into its file; returns the crops that came with it."""
    crops = []
    match message:
        case _Broken(error):
            raise error
        case _Begun(number, path, media):
            files[number] = _File(path, media)
        case _Ended(number, frames, error):
            files[number].frames, files[number].error = frames, error
        case _Cut(number, frames) if number in files:  # not one that has failed in the meantime
            file = files[number]
            for frame in frames:
                file.found.append((frame.index, frame.faces))
                crops += [(file, face, crop) for face, crop in zip(frame.faces, frame.crops, strict=True)]
    return crops


def _index(found: tuple[int, list[Face]]) -> int:
    return found[0]


class _Upstream:
    """The threads that decode and detect; what they find comes through `inbox`."""

    def __init__(self, run, face_detector, paths, frames, clock, readers, detectors):
        self._run, self._face_detector, self._frames, self._clock = run, face_detector, frames, clock
        self._paths, self._next_path = enumerate(paths), threading.Lock()
        self._allowed, self._may_begin = _FILES_AHEAD, threading.Condition()
        self._stopped = False
        self._decoded = Channel(_BYTES_WAITING)
        self.inbox = Channel(_MESSAGES_WAITING)
        self.readers = readers
        work = [self._read_files] * readers + [self._find_faces] * detectors
        # Daemons, since one may wait for a path from standard input that never comes.
        self._threads = [threading.Thread(target=self._guarded, args=(each,), daemon=True) for each in work]
        for thread in self._threads:
            thread.start()

    def allow(self, number: int) -> None:
        """Lets files below `number` be begun."""
        with self._may_begin:
            self._allowed = number
            self._may_begin.notify_all()

    def stop(self) -> None:
        """Ends the threads, or leaves those behind that hang in a call."""
        with self._may_begin:
            self._stopped = True
            self._may_begin.notify_all()
        self._decoded.stop()
        self.inbox.stop()
        end = time.monotonic() + _GRACE
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _guarded(self, work) -> None:
        try:
            work()
        except Stopped:
            pass
        except BaseException as error:  # the caller is to know, whatever it is
            self.inbox.put(_Broken(error))

    def _read_files(self) -> None:
        while (following := self._following()) is not None:
            number, path = following
            count = 0
            try:
                with self._clock(DECODE):
                    media, chunks = open_media(path, self._frames)
                self.inbox.put(_Begun(number, path, media))
                for chunk in self._clock.steps(DECODE, chunks):
                    count += len(chunk.indices)
                    self._decoded.put((number, chunk), chunk.size)
                self.inbox.put(_Ended(number, count))
            except BadMediaError as error:
                self.inbox.put(_Begun(number, path, None))
                self.inbox.put(_Ended(number, count, error))
        self.inbox.put(_NoMore())

    def _following(self) -> tuple[int, str] | None:
        with self._next_path:
            found = next(self._paths, None)
        if found is not None:
            with self._may_begin:
                self._may_begin.wait_for(lambda: self._stopped or found[0] < self._allowed)
            if self._stopped:
                raise Stopped
        return found

    def _find_faces(self) -> None:
        while True:
            chunks: Sequence[tuple[int, Frames]] = self._decoded.get(_DETECT_AT_ONCE)
            with self._clock(DETECT):
                found = self._face_detector([image for _, chunk in chunks for image in chunk.images])
            for number, chunk in chunks:
                here, found = found[: len(chunk.images)], found[len(chunk.images) :]
                with self._clock(CROP):
                    cut = cut_faces(self._run, chunk, here)
                self.inbox.put(_Cut(number, cut))
