"""The frames of a photograph, a video or an array that are scored, a few in memory at a time."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.drawing import is_drawing
from dfdetect_jax.media.image import media_kind, read_image
from dfdetect_jax.media.video import evenly_spaced, probe, read_frames

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


class Frames(NamedTuple):
    """Frames that are in memory together: their indices in the file, and uint8 [H, W, 3] RGB each."""

    indices: list[int]
    images: list[np.ndarray]

    @property
    def size(self) -> int:
        """Bytes of the images."""
        return sum(image.nbytes for image in self.images)


def open_media(source: Source, frames: int = FRAMES) -> tuple[MediaHeader, Iterator[Frames]]:
    """Opens a file: its header, and an iterator that decodes it, a photograph at once, a video a few frames at a time.

    Args:
        source: the path of a photograph or video, or a photograph as an array.
        frames: how many frames of a video to read, evenly spaced; all where it has fewer.

    Raises:
        BadMediaError: the file is neither, or a picture that this library drew, or can't be decoded; the iterator
            raises it, too.
    """
    if isinstance(source, np.ndarray):
        return MediaHeader("", "image"), iter([Frames([0], [source])])
    if isinstance(source, Unreadable):
        raise BadMediaError(f"{source.path}: {source.reason}")
    if media_kind(source) == "image":
        if is_drawing(source):
            raise BadMediaError(
                f"{source}: expected a photograph, found a picture drawn by this program; score the photograph it shows"
            )
        return MediaHeader(source, "image"), iter([Frames([0], [read_image(source)])])
    info = probe(source)
    indices = evenly_spaced(info.frames, frames)
    header = MediaHeader(source, "video", info.frames, len(indices), info.fps)
    return header, _in_chunks(read_frames(source, indices))


def _in_chunks(frames: Iterator[tuple[int, np.ndarray]]) -> Iterator[Frames]:
    chunk = Frames([], [])
    for index, image in frames:
        chunk.indices.append(index)
        chunk.images.append(image)
        if len(chunk.images) == _FRAMES_TOGETHER or chunk.size + image.nbytes > _BYTES_TOGETHER:
            yield chunk
            chunk = Frames([], [])
    if chunk.images:
        yield chunk
