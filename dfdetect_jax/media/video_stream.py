"""A video's packets and decoded frames, in order, by FFmpeg's libraries.

Decoded by one thread. Two decode the same damaged H.264 file differently: between frames, each time in another way,
since what replaces a damaged part depends on how far the other thread is; within a frame, by the number of threads, and
only half of the damage is reported. Always from the start, since a decoder that seeks first returns silently corrupt
frames for some files, such as FaceForensics++ at c23.
"""

import collections
import contextlib
import math
import os
from collections.abc import Iterator
from typing import NamedTuple

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media import limits
from dfdetect_jax.media.displaced import PartOfFile, displaced_by
from dfdetect_jax.media.file_format import media_format, media_kind

DEMUXERS = {
    "MP4": "mov",
    "MOV": "mov",
    "AVI": "avi",
    "Matroska": "matroska",
    "MPEG-TS": "mpegts",
    "MPEG-PS": "mpeg",
    "ASF": "asf",
    "FLV": "flv",
    "Ogg": "ogg",
}
"""FFmpeg's name of the demuxer of each container that `media_format` names."""

_OPTIONS = {"protocol_whitelist": "file"}  # no address is opened, whatever the file says
_PICTURES = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
_VP8_SHOWN = 0x10  # RFC 6386, section 9.1: show_frame, in the first byte of a frame
_DEFAULT_RATE = 25.0  # frames/s where neither frames nor streams have times; FFmpeg assumes the same


class _TooManyFramesError(Exception):
    """More packets came than `limits.MAX_FRAMES`."""


class Survey(NamedTuple):
    """What a video's packets promise, and its first frame.

    Attributes:
        frames: packets whose frames are displayed, so without the lead-in that an edit list hides.
        seconds: from the first one's time to the last one's; 0.0 where they have no times.
        broken: whether the file ends within a packet, or can't be read on.
        first: the first frame that can be decoded; None without one.
    """

    frames: int
    seconds: float
    broken: bool
    first: VideoFrame | None


class DecodedFrame(NamedTuple):
    """A frame that came out of the decoder.

    Attributes:
        picture: not converted.
        seconds: time since the first frame.
        damaged: whether the decoder reports damage in it, or in a frame since the last key frame.
    """

    picture: VideoFrame
    seconds: float
    damaged: bool


@contextlib.contextmanager
def open_stream(path: str | os.PathLike[str], strict: bool = True) -> Iterator[VideoStream]:
    """Opens a file's video stream; pictures of a cover or of chapters don't count. Of several, the largest is taken.

    Args:
        path: of the file.
        strict: whether what breaks the rules of Motion JPEG is lost. Else the missing parts of such pictures are
            whatever was in memory, different each time. Some cameras break the rules in every picture.

    Raises:
        BadMediaError: not a video by `media_kind`; none or only sound in it; damaged, or of an unknown codec; within
            the block, more packets are read than `limits.MAX_FRAMES`.
    """
    if media_kind(path) != "video":
        raise BadMediaError(f"{path}: expected a video, found a photograph")
    demuxer = DEMUXERS[media_format(path)]
    with contextlib.ExitStack() as files:
        file: str | PartOfFile = os.path.abspath(path)  # which can't be taken for an address
        if demuxer == "mov" and (start := displaced_by(path)):
            file = files.enter_context(PartOfFile(path, start))
        try:
            container = files.enter_context(av.open(file, format=demuxer, options=_OPTIONS, metadata_errors="replace"))
        except (av.FFmpegError, ValueError) as error:
            raise _unopened(path) from error
        stream = _video_stream(path, container)
        if strict and stream.codec_context.name == "mjpeg":
            stream.codec_context.options = {"err_detect": "explode"}
        try:
            yield stream
        except _TooManyFramesError:
            raise limits.too_many_frames(path) from None


def survey(stream: VideoStream) -> Survey:
    """Reads all packets of a stream that was just opened; decodes no further than to the first frame."""
    first, frames, broken = None, 0, False
    start, end, clock = math.inf, -math.inf, _Clock(stream)
    try:
        for packet in packets(stream):
            first = first or _first(decode(stream, packet))
            broken = packet.is_corrupt
            clock.follow(packet.dts)
            if is_shown(stream, packet):
                frames += 1
                stamp = packet.dts if packet.pts is None else packet.pts
                if stamp is not None:
                    start, end = min(start, stamp + clock.offset), max(end, stamp + clock.offset)
    except av.FFmpegError:
        broken = True
    first = first or _first(decode(stream, None))
    return Survey(frames, max(0.0, (end - start) * float(stream.time_base or 0)) if frames else 0.0, broken, first)


class FrameDecoder:
    """Yields all frames of a stream that was just opened, in the order of display.

    Times are those of the stream, and go on where a transport or program stream begins anew, as where recordings were
    put one behind another. In AVI, which has none of display, they are those of the packets, one after the other; where
    there are none at all, the frame rate gives them.

    Attributes:
        frames: how many came out so far.
        lost: packets so far that could not be decoded; those before the first frame don't count, since a stream may
            begin with frames that are predicted from others before it.
    """

    def __init__(self, stream: VideoStream):
        self.frames = self.lost = 0
        self._stream = stream

    def __iter__(self) -> Iterator[DecodedFrame]:
        start, damage, clock = None, _Damage(), _Clock(self._stream)
        timed = self._stream.container.format.name != "avi"
        stamps: collections.deque[int | None] = collections.deque()  # of packets whose frames didn't come yet
        for packet in _packets_and_end(self._stream):
            if packet is not None and not timed:
                stamps.append(packet.dts)
            pictures = decode(self._stream, packet)
            if not pictures and packet is not None and self.frames and _is_lost(packet, pictures):
                self.lost += 1
                damage.lose(packet.pts)
                if stamps:
                    stamps.popleft()
            for picture in pictures or ():
                stamp = clock.follow(picture.pts) if timed else stamps.popleft() if stamps else None
                start = stamp if start is None else start
                self.frames += 1
                yield DecodedFrame(picture, self._seconds(stamp, start), damage.reaches(picture))

    def _seconds(self, stamp: int | None, start: int | None) -> float:
        if stamp is None or start is None:
            return (self.frames - 1) / frame_rate(self._stream)
        return float((stamp - start) * (self._stream.time_base or 0))


def frame_rate(stream: VideoStream) -> float:
    """Frames per second as the container declares or FFmpeg estimates them."""
    return float(stream.average_rate or stream.guessed_rate or _DEFAULT_RATE)


class _Clock:
    """Times that go on where those of a stream start anew; only transport and program streams may do so.

    Attributes:
        offset: what is added to the stream's times, in its time base.
    """

    def __init__(self, stream: VideoStream):
        self.offset, self._last = 0, -math.inf
        self._joined = stream.container.format.name in ("mpegts", "mpeg")
        self._step = round(1 / (frame_rate(stream) * float(stream.time_base or 1)))

    def follow(self, stamp: int | None) -> int | None:
        """A time of the stream, which comes after the last one, as it would be had the stream not started anew."""
        if stamp is None:
            return None
        if self._joined and stamp + self.offset < self._last:
            self.offset = round(self._last) + self._step - stamp
        self._last = stamp + self.offset
        return stamp + self.offset


class _Damage:
    """Up to where damage reaches: what is decoded after it refers to it, up to the next key frame."""

    def __init__(self) -> None:
        self._since: float | None = None  # time of display

    def lose(self, stamp: int | None) -> None:
        """Enters a packet that can't be decoded, by its time."""
        if self._since is None:
            self._since = -math.inf if stamp is None else stamp

    def reaches(self, picture: VideoFrame) -> bool:
        """Whether it reaches a frame; they come in the order of display."""
        stamp = math.inf if picture.pts is None else picture.pts
        if picture.is_corrupt:
            self._since = stamp if self._since is None else min(self._since, stamp)
        elif self._since is not None and stamp >= self._since and picture.key_frame:
            self._since = None
        return self._since is not None and stamp >= self._since


def _video_stream(path: str | os.PathLike[str], container: InputContainer) -> VideoStream:
    streams = [stream for stream in container.streams.video if not stream.disposition & _PICTURES]
    if not streams and container.streams.audio:
        raise BadMediaError(f"{path}: expected a video, found sound without video; leave it out")
    streams = [stream for stream in streams if stream.codec_context is not None]  # None: no decoder
    if not streams:
        raise _unopened(path)
    stream = max(streams, key=lambda stream: stream.codec_context.width * stream.codec_context.height)
    stream.codec_context.thread_count = 1
    return stream


def packets(stream: VideoStream) -> Iterator[Packet]:
    """The packets with data; an empty one, which repeats a frame in AVI, would end the decoder's work.

    Raises:
        av.FFmpegError: the file can't be read on.
    """
    with_data = (packet for packet in stream.container.demux(stream) if packet.size)
    for number, packet in enumerate(with_data, start=1):
        if number > limits.MAX_FRAMES:
            raise _TooManyFramesError
        yield packet


def _packets_and_end(stream: VideoStream) -> Iterator[Packet | None]:
    """The packets, as far as they can be read, then None, for which the decoder gives the frames that it holds."""
    with contextlib.suppress(av.FFmpegError):
        yield from packets(stream)
    yield None


def decode(stream: VideoStream, packet: Packet | None) -> list[VideoFrame] | None:
    """The frames that come out for a packet, or for the end; None where it can't be decoded."""
    try:
        return stream.decode(packet)
    except (av.FFmpegError, ValueError):
        return None


def _is_lost(packet: Packet, pictures: list[VideoFrame] | None) -> bool:
    """Whether a packet without a frame is damaged, and not hidden, nor one that others have to follow."""
    if packet.is_discard:
        return False
    return pictures is None or not any(memoryview(packet))  # where a file has a hole, some decoders say nothing


def _first(pictures: list[VideoFrame] | None) -> VideoFrame | None:
    return pictures[0] if pictures else None


def is_shown(stream: VideoStream, packet: Packet) -> bool:
    """Whether a packet's frame is displayed: not hidden by an edit list, nor one of VP8 that others only refer to."""
    if packet.is_discard:
        return False
    return stream.codec_context.name != "vp8" or bool(memoryview(packet)[0] & _VP8_SHOWN)


def _unopened(path: str | os.PathLike[str]) -> BadMediaError:
    return BadMediaError(f"{path}: no video stream can be opened; the file is damaged or of an unknown codec")
