"""Reading a video frame by frame, in order, in constant memory.

What decodes decides, not the header: frames are counted by the packets that are displayed, and where not as many come
out of the decoder, `MiscountError` gives their number, so that the caller can start again.
"""

import functools
import os
from collections.abc import Callable, Generator, Iterator, Sequence

import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from dfdetect_jax.errors import BadMediaError, SettingsError
from dfdetect_jax.media import limits
from dfdetect_jax.media.animation import is_animation, read_pictures, survey_animation
from dfdetect_jax.media.chosen_frames import UnplannedError, plan_frames, planned_frames
from dfdetect_jax.media.cut_short import is_cut_short
from dfdetect_jax.media.file_format import media_format
from dfdetect_jax.media.frame import Frame, VideoInfo
from dfdetect_jax.media.frame_pixels import FrameConverter
from dfdetect_jax.media.video_stream import FrameDecoder, frame_rate, open_stream, survey

_PICTURE_CODECS = ("mjpeg", "png", "bmp", "gif")
_FRAMES_MISSED = 4  # by a stream of constant rate, as where it was cut without being encoded again


class MiscountError(BadMediaError):
    """Another number of frames came out of a video than its packets promised; start again with `frames`.

    Attributes:
        frames: how many came out.
        lost: how many could not be decoded because of damage, with the last one of a file that is cut short, and
            without those at the beginning that are predicted from others before it.
    """

    def __init__(self, path: str | os.PathLike[str], expected: int, frames: int, lost: int):
        super().__init__(f"{path}: expected {expected} frames, found {frames}; is it being written?")
        self.frames, self.lost = frames, lost


def probe(path: str | os.PathLike[str]) -> VideoInfo:
    """Reads a video's packets, and decodes its first frame.

    Raises:
        BadMediaError: not a video by `media_kind`, no video stream, not a single frame can be decoded, or larger,
            longer or with more frames than `limits` allows.
    """
    if is_animation(path):
        return survey_animation(path)
    info = _probe(path, strict=True) or _probe(path, strict=False)
    if info is None:
        raise _undecodable(path)
    return info


def _probe(path: str | os.PathLike[str], strict: bool) -> VideoInfo | None:
    """As `probe`; None where no frame can be decoded."""
    with open_stream(path, strict) as stream:
        _check_declared_size(path, stream)
        packets = survey(stream)
        limits.check_duration(path, packets.seconds)
        if packets.first is None:
            return None
        if _is_cover(stream, packets.frames):
            raise BadMediaError(f"{path}: expected a video, found sound without video; leave it out")
        width, height = FrameConverter(stream.sample_aspect_ratio).size(packets.first)
        _check_size(path, width, height)
        return VideoInfo(
            frames=packets.frames,
            fps=_rate(frame_rate(stream), packets.frames, packets.seconds),
            width=width,
            height=height,
            codec=stream.codec_context.codec.canonical_name,
            cut_short=packets.broken or is_cut_short(path, media_format(path)),
        )


def read_frames(
    path: str | os.PathLike[str],
    indices: Sequence[int] | None = None,
    expected: int | None = None,
    threads: int = 1,
) -> Iterator[Frame]:
    """Yields the frames with the given indices (0 is the first; None: all), in ascending order, each once.

    Where fewer than half of the frames are wanted, only what these depend on is decoded, see `chosen_frames`; frames
    are the same, but damage in the rest isn't seen. One frame is in memory at a time, with `threads` a few. The same
    file gives the same frames each time, damaged or not. If the file ends early, so does the iteration. The first step
    of the iteration opens the file; closing the iterator closes it.

    Pixels are RGB of BT.709 in 8 bits, square and upright, see `FrameConverter`.

    Args:
        path: of the video.
        indices: of the frames.
        expected: how many frames `probe` counted, if their number is to be verified. It is where the last of them is
            among `indices`; before that one it doesn't matter.
        threads: that decode where only some frames are; their number doesn't change the frames.

    Raises:
        BadMediaError: as `probe`.
        ValueError: an index is negative.
        MiscountError: at the end of the iteration, another number of frames than `expected` came out.
    """
    wanted = None if indices is None else sorted({int(index) for index in indices})
    if wanted and wanted[0] < 0:
        raise ValueError(f"expected frame indices of at least 0, found {wanted[0]}")
    return _frames(path, wanted, expected, threads)


def _frames(
    path: str | os.PathLike[str], wanted: list[int] | None, expected: int | None, threads: int
) -> Iterator[Frame]:
    """As `read_frames`; `wanted` is in ascending order."""
    if wanted == []:
        return
    if is_animation(path):
        count = yield from read_pictures(path, None if wanted is None else set(wanted))
        if expected is not None and count < (expected if wanted is None else min(expected, wanted[-1] + 1)):
            raise MiscountError(path, expected, count, expected - count)
        return
    if wanted is not None and (plan := plan_frames(path, wanted, expected)):
        try:
            for frame in planned_frames(plan, functools.partial(_converter, path), threads):
                wanted = wanted[1:]
                yield frame
            return
        except UnplannedError:
            pass
    yield from _frames_in_order(path, wanted, expected)


def _frames_in_order(path: str | os.PathLike[str], wanted: list[int] | None, expected: int | None) -> Iterator[Frame]:
    """As `_frames`; decodes everything."""
    last = None if wanted is None else wanted[-1]
    if expected is not None and last == expected - 1:
        last = None  # up to the end, since there may be more
    frames, lost = yield from _decoded(path, wanted, last, strict=True)
    if not frames:
        frames, lost = yield from _decoded(path, wanted, last, strict=False)
    if not frames:
        raise _undecodable(path)
    if expected is not None and frames != expected and (last is None or frames <= last):
        raise MiscountError(path, expected, frames, lost)


def _decoded(
    path: str | os.PathLike[str], wanted: list[int] | None, last: int | None, strict: bool
) -> Generator[Frame, None, tuple[int, int]]:
    """Yields the wanted frames up to the one of index `last`; returns how many came out and how many were lost."""
    chosen = None if wanted is None else set(wanted)
    with open_stream(path, strict) as stream:
        decoder, convert = FrameDecoder(stream), _converter(path, stream)
        for index, (picture, seconds, damaged) in enumerate(decoder):
            if chosen is None or index in chosen:
                yield Frame(index, seconds, convert(picture), damaged)
            if index == last:
                break
        return decoder.frames, decoder.lost


def _converter(path: str | os.PathLike[str], stream: VideoStream) -> Callable[[VideoFrame], np.ndarray]:
    """What gives a frame's pixels; refuses sizes over the limit, as declared and of each frame."""
    _check_declared_size(path, stream)
    converter = FrameConverter(stream.sample_aspect_ratio)

    def convert(picture: VideoFrame) -> np.ndarray:
        _check_size(path, *converter.size(picture))  # it may change within a file
        return converter.convert(picture)

    return convert


def _is_cover(stream: VideoStream, frames: int) -> bool:
    """Whether a stream is the cover of sound without being declared as one, as some programs write it into WMA."""
    return frames == 1 and bool(stream.container.streams.audio) and stream.codec_context.name in _PICTURE_CODECS


def _rate(declared: float, frames: int, seconds: float) -> float:
    """Frames per second: as declared if the packets' times bear it out, else by these times."""
    if seconds <= 0 or abs(declared * seconds - (frames - 1)) <= max(_FRAMES_MISSED, 0.02 * frames):
        return declared
    return (frames - 1) / seconds


def _check_declared_size(path: str | os.PathLike[str], stream: VideoStream) -> None:
    """As `_check_size`; some streams declare their size later, with a key frame."""
    if stream.codec_context.width and stream.codec_context.height:
        _check_size(path, stream.codec_context.width, stream.codec_context.height)


def _check_size(path: str | os.PathLike[str], width: int, height: int) -> None:
    limits.check_size(path, width, height, limits.MAX_FRAME_PIXELS)


def _undecodable(path: str | os.PathLike[str]) -> BadMediaError:
    return BadMediaError(f"{path}: no frame can be decoded; the file is damaged or of an unknown codec")


def evenly_spaced(total: int, count: int) -> list[int]:
    """Indices of `count` evenly spaced frames of `total`, including the first and the last; all if there are fewer.

    These are `np.linspace(0, total - 1, count)` rounded down, as the common benchmarks sample.

    Raises:
        SettingsError: `count` is below 1.
    """
    if count < 1:
        raise SettingsError(f"frames: expected at least 1, found {count}")
    if count >= total:
        return list(range(total))
    return np.linspace(0, total - 1, count).astype(int).tolist()
