"""The frames of a clip, whether it is a photograph, a video or a folder of pictures, and the digest of its files."""

import contextlib
import hashlib
from collections.abc import Iterator, Sequence

import numpy as np

from dfdetect_jax.data.example import Media
from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.files import sha256_file
from dfdetect_jax.media.file_format import media_kind
from dfdetect_jax.media.image import read_image
from dfdetect_jax.media.video import probe, read_frames


def frame_count(media: Media) -> int:
    """Number of frames; 1 for a photograph.

    Raises:
        BadMediaError: the file can't be opened.
    """
    if isinstance(media, tuple):
        return len(media)
    return 1 if media_kind(media) == "image" else probe(media).frames


def media_frames(media: Media, indices: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
    """Yields (index, uint8 [H, W, 3] RGB) in rising order, as far as frames can be read.

    Raises:
        BadMediaError: none can be read.
    """
    if isinstance(media, tuple):
        yield from _pictures(media, indices)
    elif media_kind(media) == "image":
        yield 0, read_image(media)
    else:
        yield from read_frames(media, indices)


def paired_frames(
    media: Media, beside: Media | None, indices: Sequence[int]
) -> Iterator[tuple[int, np.ndarray, np.ndarray | None]]:
    """Frames of a clip, each with the frame of the same index of other media, its mask or source.

    Yields:
        (index, uint8 [H, W, 3] RGB, uint8 [h, w, 3] or None where the other media have no such frame).

    Raises:
        BadMediaError: no frame of `media` can be read.
    """
    others = _readable_frames(beside, indices) if beside else iter(())
    other = next(others, None)
    for index, frame in media_frames(media, indices):
        while other is not None and other[0] < index:
            other = next(others, None)
        yield index, frame, other[1] if other is not None and other[0] == index else None


def sha256_media(media: Media) -> str:
    """Hex digest of a file; of a folder of pictures the digest of their digests, in order.

    Raises:
        OSError: a file can't be read.
    """
    if isinstance(media, str):
        return sha256_file(media)
    return hashlib.sha256("".join(map(sha256_file, media)).encode()).hexdigest()


def _readable_frames(media: Media, indices: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
    with contextlib.suppress(BadMediaError):  # a missing mask costs the mask, not the clip
        yield from media_frames(media, indices)


def _pictures(files: Sequence[str], indices: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
    """The pictures that can be read; if none can, raises the error of the last."""
    failure, count = None, 0
    for index in indices:
        if not files[index]:
            continue
        try:
            picture = read_image(files[index])
        except BadMediaError as error:
            failure = error
            continue
        count += 1
        yield index, picture
    if failure and not count:
        raise failure
