"""The frames of a photograph, a video or an array that are scored, a few in memory at a time."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.decoding import probe, read_frames, read_photograph
from dfdetect_jax.media.drawing import is_drawing
from dfdetect_jax.media.file_format import media_kind
from dfdetect_jax.media.frame import Frame
from dfdetect_jax.media.video import MiscountError, evenly_spaced

FRAMES = 32  # per video, evenly spaced; what the common benchmarks score

# Frames of a video that are in memory together, and their pixels: 8 of 720p, 5 of 1080p, 1 of 4K.
_FRAMES_TOGETHER, _BYTES_TOGETHER = 8, 32_000_000


class Unreadable(NamedTuple):
    """A file or folder of which is known already that it can't be read, and why, in words."""

    path: str
    reason: str


Source = str | np.ndarray | Unreadable
"""A path, or a photograph in memory, uint8 [H, W, 3] RGB."""


class MediaHeader(NamedTuple):
    """A photograph or video before its frames are read; the attributes are those of `Result`."""

    path: str
    kind: str
    frames_declared: int = 1
    frames_requested: int = 1
    fps: float = 0.0
    cut_short: bool = False
    frames_lost: int = 0


class Frames(NamedTuple):
    """Frames that are in memory together."""

    frames: list[Frame]

    @property
    def indices(self) -> list[int]:
        """Their indices in the file."""
        return [frame.index for frame in self.frames]

    @property
    def images(self) -> list[np.ndarray]:
        """uint8 [H, W, 3] RGB each."""
        return [frame.image for frame in self.frames]

    @property
    def size(self) -> int:
        """Bytes of the images."""
        return sum(frame.image.nbytes for frame in self.frames)


def open_media(
    source: Source, frames: int = FRAMES, recount: MiscountError | None = None, threads: int = 1
) -> tuple[MediaHeader, Iterator[Frames]]:
    """Opens a file: its header, and an iterator that decodes it, a photograph at once, a video a few frames at a time.

    Args:
        source: the path of a photograph or video, or a photograph as an array.
        frames: how many frames of a video to read, evenly spaced; all where it has fewer.
        recount: what the iterator has raised when the video was read before.
        threads: that may decode a video.

    Raises:
        MiscountError: by the iterator: another number of frames came out than the video's packets promised. What it has
            yielded is void; open the video again with this error.
        BadMediaError: the file is neither, or a picture that this library drew, or can't be decoded; the iterator
            raises it, too.
    """
    if isinstance(source, np.ndarray):
        return MediaHeader("", "image"), iter([Frames([Frame(0, 0.0, source)])])
    if isinstance(source, Unreadable):
        raise BadMediaError(f"{source.path}: {source.reason}")
    if media_kind(source) == "image":
        if is_drawing(source):
            raise BadMediaError(
                f"{source}: expected a photograph, found a picture drawn by this program; score the photograph it shows"
            )
        return MediaHeader(source, "image"), iter([Frames([read_photograph(source)])])
    info = probe(source)
    total = recount.frames if recount else info.frames
    indices = evenly_spaced(total, frames)
    header = MediaHeader(
        path=source,
        kind="video",
        frames_declared=total,
        frames_requested=len(indices),
        fps=info.fps,
        cut_short=info.cut_short,
        frames_lost=max(0, recount.lost - info.cut_short) if recount else 0,
    )
    return header, _in_chunks(read_frames(source, indices, expected=total, threads=threads))


def _in_chunks(frames: Iterator[Frame]) -> Iterator[Frames]:
    chunk = Frames([])
    for frame in frames:
        if chunk.frames and chunk.frames[-1].image.shape != frame.image.shape:  # those that come together have one size
            yield chunk
            chunk = Frames([])
        chunk.frames.append(frame)
        if len(chunk.frames) == _FRAMES_TOGETHER or chunk.size + frame.image.nbytes > _BYTES_TOGETHER:
            yield chunk
            chunk = Frames([])
    if chunk.frames:
        yield chunk
