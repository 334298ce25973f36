"""Reading a video frame by frame, in order, in constant memory.

Always from the start, since seeking is unreliable for some files. FaceForensics++ at c23 is yuv444p from an old x264; a
decoder that seeks first returns silently corrupt frames after the first group of pictures.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

# Read by OpenCV at the first video. Our own error reports a broken file; the decoder's log is off (-8: AV_LOG_QUIET).
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

import cv2
import numpy as np

from dfdetect_jax.errors import BadMediaError, SettingsError
from dfdetect_jax.media.file_format import media_kind
from dfdetect_jax.media.image import check_size

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

MAX_FRAME_PIXELS = 36_000_000  # 8K is 33.2 million
_LONGEST = 100_000_000  # frames; 19 days at 60 frames/s. Some containers without a length declare garbage.


class VideoInfo(NamedTuple):
    """A video's header.

    Attributes:
        frames: number of frames as declared, or counted where the container declares none. A truncated file declares
            more than `read_frames` yields.
        fps: frames per second, 0.0 where unknown.
        width: of a frame as `read_frames` yields it (rotated upright), pixels.
        height: as `width`.
    """

    frames: int
    fps: float
    width: int
    height: int


def probe(path: str | os.PathLike[str]) -> VideoInfo:
    """Reads a video's header; no frame is decoded unless the container declares no length.

    Raises:
        BadMediaError: not a video by `media_kind`, no video stream, or frames over `MAX_FRAME_PIXELS`.
    """
    with _open(path) as capture:
        width, height = (int(capture.get(p)) for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        fps, frames = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
        if not 0 < frames < _LONGEST:
            frames = 0
            while capture.grab():
                frames += 1
        return VideoInfo(int(frames), float(fps) if 0 < fps < 10_000 else 0.0, width, height)


def codec(path: str | os.PathLike[str]) -> str:
    """The FOURCC of a video's codec as the decoder names it, such as "h264", "hevc" or "FMP4"; "" where it has none.

    Raises:
        BadMediaError: as `probe`.
    """
    with _open(path) as capture:
        letters = int(capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little", signed=True)
    return "".join(chr(letter) for letter in letters if 32 < letter < 127)


def read_frames(path: str | os.PathLike[str], indices: Sequence[int] | None = None) -> Iterator[tuple[int, np.ndarray]]:
    """Yields the frames with the given indices (0 is the first; None: all), in ascending order, each once.

    Other frames are decoded but not converted. One frame is in memory at a time. The container's rotation is applied.
    If the file ends early, so does the iteration. The first step of the iteration opens the file; closing the iterator
    closes it.

    Yields:
        (index, uint8 [H, W, 3] RGB).

    Raises:
        BadMediaError: as `probe`, or not a single frame can be decoded.
        ValueError: an index is negative.
    """
    wanted = None if indices is None else sorted({int(index) for index in indices})
    if wanted and wanted[0] < 0:
        raise ValueError(f"expected frame indices of at least 0, found {wanted[0]}")
    return _frames(path, wanted)


def _frames(path: str | os.PathLike[str], wanted: list[int] | None) -> Iterator[tuple[int, np.ndarray]]:
    """As `read_frames`; `wanted` is in ascending order."""
    last = None if wanted is None else (wanted[-1] if wanted else -1)
    chosen = None if wanted is None else set(wanted)
    with _open(path) as capture:
        index = 0
        while (last is None or index <= last) and capture.grab():
            if chosen is None or index in chosen:
                decoded, frame = capture.retrieve()
                if decoded:
                    check_size(path, frame.shape[1], frame.shape[0], MAX_FRAME_PIXELS)  # it may change within a file
                    yield index, cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
            index += 1
        if index == 0 and last != -1:
            raise BadMediaError(f"{path}: no frame can be decoded; the file is damaged or of an unknown codec")


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


@contextmanager
def _open(path: str | os.PathLike[str]) -> Iterator[cv2.VideoCapture]:
    if media_kind(path) != "video":
        raise BadMediaError(f"{path}: expected a video, found a photograph")
    # An absolute path can't be taken for a URL, and naming the backend keeps "%03d" in it from being a pattern.
    capture = cv2.VideoCapture(os.path.abspath(path), cv2.CAP_FFMPEG)
    try:
        if not capture.isOpened():
            raise BadMediaError(f"{path}: no video stream can be opened; the file is damaged or of an unknown codec")
        capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
        width, height = (int(capture.get(p)) for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        check_size(path, width, height, MAX_FRAME_PIXELS)
        yield capture
    finally:
        capture.release()
