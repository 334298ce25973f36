"""Some frames of a video, without decoding the rest.

Decoding begins anew with the last key frame before a wanted frame, and frames that no other depends on are skipped. The
frames equal those of decoding everything, in order: the decoder has read the first packet before (that of x264 names
its version, without which FFmpeg decodes frames of 4:4:4 by old ones wrongly), every packet is verified by the table,
and every frame by its time. Where anything is amiss, damage above all, `UnplannedError` says so, and everything has
to be decoded.

Decoders work in parallel, each by one thread and at spans of its own, so that their number doesn't change the frames;
see `video_stream` for what threads within a decoder do.
"""

import collections
import contextlib
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import av
import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from dfdetect_jax.media.frame import Frame
from dfdetect_jax.media.packet_table import PacketTable, read_table
from dfdetect_jax.media.spans import Span, plan_spans
from dfdetect_jax.media.video_stream import decode, open_stream, packets

_SKIPPING = ("h264", "hevc", "mpeg4")  # their decoders skip frames that no other depends on
_AHEAD = 16_000_000  # bytes of frames that a decoder may be ahead

Converter = Callable[[VideoFrame], np.ndarray]
"""Gives a frame's pixels, uint8 [H, W, 3]."""


class UnplannedError(Exception):
    """What came out of a decoder isn't what the packets promised; decode everything."""


class Plan(NamedTuple):
    """What to decode of a file.

    Attributes:
        path: of the file.
        table: its packets.
        spans: that yield the wanted frames.
    """

    path: str | os.PathLike[str]
    table: PacketTable
    spans: list[Span]


def plan_frames(path: str | os.PathLike[str], wanted: Sequence[int], expected: int | None) -> Plan | None:
    """Plans which packets to decode; None where all have to be: half of the frames are wanted, or there is no table.

    Args:
        path: of the video.
        wanted: indices, ascending.
        expected: the number of frames, if it is known; another one is no plan.

    Raises:
        BadMediaError: the file can't be opened.
    """
    with open_stream(path) as stream:
        table = read_table(stream)
    if table is None or expected not in (None, sum(table.shown)) or 2 * len(wanted) >= sum(table.shown):
        return None
    spans = plan_spans(table.stamps, table.shown, table.entries, wanted)
    return Plan(path, table, spans) if spans else None


def planned_frames(plan: Plan, converter: Callable[[VideoStream], Converter], threads: int) -> Iterator[Frame]:
    """Yields the wanted frames of a plan, in ascending order; closing the iterator ends its threads and closes files.

    Args:
        plan: of `plan_frames`.
        converter: called with each decoder's stream.
        threads: decoders, at most one per span.

    Raises:
        UnplannedError: something is amiss; frames that were yielded before are right.
        BadMediaError: by `converter`.
    """
    count = max(1, min(threads, len(plan.spans)))
    decoders = [_frames_of(plan._replace(spans=plan.spans[first::count]), converter) for first in range(count)]
    if count == 1:
        yield from decoders[0]
        return
    with contextlib.ExitStack() as threads_and_files:
        ahead = [threads_and_files.enter_context(contextlib.closing(_Ahead(each))) for each in decoders]
        for span, decoder in zip(plan.spans, itertools.cycle(ahead), strict=False):
            yield from itertools.islice(decoder, len(span.wanted))


class _Ahead:
    """Runs an iterator of frames in a thread, a few ahead."""

    def __init__(self, frames: Iterator[Frame]):
        self._frames, self._size = frames, _AHEAD
        self._pool = ThreadPoolExecutor(1)
        self._waiting: collections.deque[Future[Frame]] = collections.deque()

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        while len(self._waiting) <= _AHEAD // self._size:
            self._waiting.append(self._pool.submit(_next, self._frames))
        frame = self._waiting.popleft().result()
        self._size = frame.image.nbytes
        return frame

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._frames.close()  # type: ignore[attr-defined]


def _next(frames: Iterator[Frame]) -> Frame:
    frame = next(frames, None)
    if frame is None:  # StopIteration can't be raised into a future
        raise UnplannedError
    return frame


def _frames_of(plan: Plan, converter: Callable[[VideoStream], Converter]) -> Iterator[Frame]:
    """As `planned_frames`, by one thread."""
    start = min(plan.table.shown_stamps)
    for span in plan.spans:
        with _SpanDecoder.open(plan, span) as decoder:
            convert, tick = converter(decoder.stream), decoder.stream.time_base or 0
            for index, picture in decoder.pictures():
                yield Frame(index, float((picture.pts - start) * tick), convert(picture))


class _SpanDecoder:
    """Decodes a span of a stream that was just opened.

    A decoder for each: what replaces a part that damage has left out is what its buffers held before.
    """

    def __init__(self, stream: VideoStream, table: PacketTable, span: Span):
        self.stream, self._table, self._span = stream, table, span
        self._context = stream.codec_context
        self._skips = self._context.codec.canonical_name in _SKIPPING and not table.layered
        if self._context.name == "hevc":
            self._context.options = {"err_detect": "explode"}  # else some damage isn't reported

    @classmethod
    @contextlib.contextmanager
    def open(cls, plan: Plan, span: Span) -> "Iterator[_SpanDecoder]":
        with open_stream(plan.path) as stream:
            yield cls(stream, plan.table, span)

    def pictures(self) -> Iterator[tuple[int, VideoFrame]]:
        """Yields indices and frames that are wanted.

        Raises:
            UnplannedError: as `planned_frames`.
        """
        indices = {self._table.stamps[number]: index for number, index in self._span.wanted.items()}
        for place, picture in enumerate(self._decoded()):
            if picture.is_corrupt or (place == 0 and not self._is_start(picture)):
                raise UnplannedError
            if picture.pts in indices:
                yield indices.pop(picture.pts), picture
        if indices:
            raise UnplannedError

    def _decoded(self) -> Iterator[VideoFrame]:
        for number, packet in self._read():
            self._context.skip_frame = "NONREF" if self._skips and number not in self._span.wanted else "DEFAULT"
            yield from self._pictures(packet)
        yield from self._pictures(None)

    def _read(self) -> Iterator[tuple[int, Packet]]:
        """The packets of the span and their numbers."""
        following, numbers = packets(self.stream), range(self._span.start, self._span.stop + 1)
        try:
            if numbers.start:
                self._pictures(next(following))
                self._pictures(None)
                following = self._sought()
            for number, packet in zip(numbers, following, strict=False):
                if not self._is(packet, number):
                    raise UnplannedError  # the file is being written
                yield number, packet
                if number == numbers[-1]:
                    return
        except (av.FFmpegError, StopIteration) as error:
            raise UnplannedError from error
        raise UnplannedError

    def _sought(self) -> Iterator[Packet]:
        """The packets from the span's first one on.

        The index leads there or to a place before it, else the stream is read from its start. This resets the decoder.
        """
        first, decoded_at = self._span.start, self._table.decoded_at[self._span.start]
        for target in (min(self._table.stamps[first], decoded_at or self._table.stamps[first]), self._table.stamps[0]):
            self.stream.container.seek(target, stream=self.stream)
            following = packets(self.stream)
            for packet in following:
                if self._is(packet, first):
                    return itertools.chain([packet], following)
                if None not in (packet.dts, decoded_at) and packet.dts > decoded_at:
                    break
        raise UnplannedError

    def _is(self, packet: Packet, number: int) -> bool:
        table = self._table
        return (packet.pts, packet.dts, packet.size) == (
            table.stamps[number],
            table.decoded_at[number],
            table.sizes[number],
        )

    def _pictures(self, packet: Packet | None) -> list[VideoFrame]:
        pictures = decode(self.stream, packet)
        if pictures is None:
            raise UnplannedError
        return pictures

    def _is_start(self, picture: VideoFrame) -> bool:
        """Whether the first frame of the span is its first packet's, unless that one is hidden."""
        if not self._table.shown[self._span.start]:
            return True
        return bool(picture.key_frame) and picture.pts == self._table.stamps[self._span.start]
