"""The threads of a stream that decode files, find faces and crop them."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from dfdetect_jax.devices.host import processors
from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.detectors import FaceDetector
from dfdetect_jax.media.detectors.second_look import look_again
from dfdetect_jax.media.video import MiscountError
from dfdetect_jax.scoring.channel import Channel, Clock, Stopped
from dfdetect_jax.scoring.face_crops import FrameCrops, crop_faces
from dfdetect_jax.scoring.media_frames import FRAMES, Frames, MediaHeader, Source, Unreadable, open_media

if TYPE_CHECKING:  # brings JAX, which a wrong command line need not wait for
    from dfdetect_jax.run.folder import Run

DECODE, DETECT, CROP = "decode", "detect", "crop"
_MESSAGES_WAITING = 64  # each with the crops of a few frames at most
_CHUNKS_TOGETHER = 8  # photographs per call of the face detector; frames of a video come together anyway
_GRACE = 2.0  # seconds for the threads to finish what they are at when the work is stopped


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """Threads and memory of a stream.

    Attributes:
        readers: threads that decode, one file each; 0 for one per processor, between 2 and 8.
        detectors: threads that find faces; 0 for one per four processors.
        files: that are begun while the oldest one isn't done.
        bytes_waiting: of decoded frames, for a face detector.
        patience: seconds without news after which a batch is scored although it isn't full.
    """

    readers: int = 0
    detectors: int = 0
    files: int = 256
    bytes_waiting: int = 96_000_000
    patience: float = 2.0


class Begun(NamedTuple):
    """A file was opened; without a header where it can't be. What is known of an earlier reading of it is void."""

    number: int
    path: str
    header: MediaHeader | None
    reading: int = 0


class Cropped(NamedTuple):
    """Faces of some frames of a file."""

    number: int
    frames: list[FrameCrops]
    reading: int = 0


class Ended(NamedTuple):
    """A file was read to its end, or to where it is damaged."""

    number: int
    frames: int
    error: BadMediaError | None = None


class NoMore(NamedTuple):
    """A reader found no more files."""


class Broken(NamedTuple):
    """A thread failed for a reason other than a file."""

    error: BaseException


Message = Begun | Cropped | Ended | NoMore | Broken


class _Decoded(NamedTuple):
    number: int
    frames: Frames
    kind: str
    reading: int


class Upstream:
    """Starts the threads; what they find comes through `inbox`.

    Args:
        run: whose crops are wanted.
        face_detector: called from several threads.
        sources: read as they are needed, in another thread.
        frames: per video, evenly spaced.
        surroundings: whether the crops of photographs carry their `Surroundings`.
        clock: the stages' times are added to it.
        limits: threads and memory.
    """

    def __init__(
        self,
        run: Run,
        face_detector: FaceDetector,
        sources: Iterable[Source],
        frames: int = FRAMES,
        *,
        surroundings: bool,
        clock: Clock,
        limits: Limits,
    ):
        self._run, self._face_detector, self._frames, self._clock = run, face_detector, frames, clock
        self._surroundings = surroundings
        self._sources, self._next_source = enumerate(sources), threading.Lock()
        self._allowed, self._may_begin = limits.files, threading.Condition()
        self._stopped, self._readers_at_work = False, 0
        self._decoded: Channel[_Decoded] = Channel(limits.bytes_waiting)
        self.inbox: Channel[Message] = Channel(_MESSAGES_WAITING)
        self.readers = limits.readers or min(max(processors(), 2), 8)
        detectors = limits.detectors or max(1, processors() // 4)
        work = [self._read_files] * self.readers + [self._find_faces] * detectors
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

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Stopped:
            pass
        except BaseException as error:  # the caller is to know, whatever it is
            self.inbox.put(Broken(error))

    def _read_files(self) -> None:
        while (following := self._following()) is not None:
            self._read_file(*following)
        self.inbox.put(NoMore())

    def _read_file(self, number: int, source: Source) -> None:
        try:
            with self._at_work():
                try:
                    self._read_frames(number, source)
                except MiscountError as recount:
                    self._read_frames(number, source, recount)
        except BadMediaError as error:
            path = source.path if isinstance(source, Unreadable) else str(source)
            self.inbox.put(Begun(number, path, None))
            self.inbox.put(Ended(number, 0, error))

    @contextlib.contextmanager
    def _at_work(self) -> Iterator[None]:
        """Counts a reader, by which the processors are shared out."""
        with self._may_begin:
            self._readers_at_work += 1
        try:
            yield
        finally:
            with self._may_begin:
                self._readers_at_work -= 1

    def _read_frames(self, number: int, source: Source, recount: MiscountError | None = None) -> None:
        count, reading = 0, 1 if recount else 0
        with self._clock(DECODE):
            threads = max(1, processors() // self._readers_at_work)
            header, chunks = open_media(source, self._frames, recount, threads)
        self.inbox.put(Begun(number, header.path, header, reading))
        for chunk in self._clock.steps(DECODE, chunks):
            count += len(chunk.frames)
            self._decoded.put(_Decoded(number, chunk, header.kind, reading), chunk.size)
        self.inbox.put(Ended(number, count))

    def _following(self) -> tuple[int, Source] | None:
        with self._next_source:
            following = next(self._sources, None)
        if following is not None:
            with self._may_begin:
                self._may_begin.wait_for(lambda: self._stopped or following[0] < self._allowed)
            if self._stopped:
                raise Stopped
        return following

    def _find_faces(self) -> None:
        while True:
            chunks = self._decoded.get(_CHUNKS_TOGETHER)
            with self._clock(DETECT):
                faces = self._face_detector([image for chunk in chunks for image in chunk.frames.images])
            for number, frames, kind, reading in chunks:
                here, faces = faces[: len(frames.frames)], faces[len(frames.frames) :]
                with self._clock(DETECT):
                    here = look_again(self._face_detector, frames.images, here)
                with self._clock(CROP):
                    photo = kind == "image"
                    surroundings = self._surroundings and photo
                    crops = crop_faces(self._run, frames, here, surroundings=surroundings, appearances=not photo)
                self.inbox.put(Cropped(number, crops, reading))
