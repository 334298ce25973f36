"""The frames of a clip, whether it is a photograph, a video or a folder of pictures, and the digest of its files."""

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from dfdetect_jax.data.example import Media
from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.files import sha256_file
from dfdetect_jax.media.decoding import probe, read_frames, read_photograph
from dfdetect_jax.media.file_format import media_kind
from dfdetect_jax.media.frame import Frame


class MediaLength(NamedTuple):
    """How many frames there are.

    Attributes:
        frames: 1 for a photograph.
        cut_short: whether a video's file ends before its end.
        lost: frames inside a video that damage keeps from being decoded, as far as is known.
    """

    frames: int
    cut_short: bool = False
    lost: int = 0


def media_length(media: Media) -> MediaLength:
    """How many frames there are, of a video by its packets.

    Raises:
        BadMediaError: the file can't be opened.
    """
    if isinstance(media, tuple):
        return MediaLength(len(media))
    if media_kind(media) == "image":
        return MediaLength(1)
    info = probe(media)
    return MediaLength(info.frames, info.cut_short)


def media_frames(media: Media, indices: Sequence[int], expected: int | None = None) -> Iterator[Frame]:
    """Yields frames in rising order, as far as they can be read; pictures have the time 0.

    Raises:
        BadMediaError: none can be read.
        MiscountError: as `read_frames`, of a video for `expected`.
    """
    if isinstance(media, tuple):
        yield from _pictures(media, indices)
    elif media_kind(media) == "image":
        yield read_photograph(media)
    else:
        yield from read_frames(media, indices, expected)


def paired_frames(
    media: Media, beside: Media | None, indices: Sequence[int], expected: int | None = None
) -> Iterator[tuple[Frame, np.ndarray | None]]:
    """Frames of a clip, each with the frame of the same index of other media, its mask or source.

    Yields:
        (frame, uint8 [h, w, 3] RGB or None where the other media have no such frame, or a damaged one).

    Raises:
        BadMediaError: no frame of `media` can be read.
        MiscountError: as `read_frames`, of a video for `expected`.
    """
    others = _readable_frames(beside, indices) if beside else iter(())
    other = next(others, None)
    for frame in media_frames(media, indices, expected):
        while other is not None and other.index < frame.index:
            other = next(others, None)
        usable = other is not None and other.index == frame.index and not other.damaged
        yield frame, other.image if other is not None and usable else None


def sha256_media(media: Media) -> str:
    """Hex digest of a file; of a folder of pictures the digest of their digests, in order.

    Raises:
        OSError: a file can't be read.
    """
    if isinstance(media, str):
        return sha256_file(media)
    return hashlib.sha256("".join(map(sha256_file, media)).encode()).hexdigest()


def _readable_frames(media: Media, indices: Sequence[int]) -> Iterator[Frame]:
    with contextlib.suppress(BadMediaError):  # a missing mask costs the mask, not the clip
        yield from media_frames(media, indices)


def _pictures(files: Sequence[str], indices: Sequence[int]) -> Iterator[Frame]:
    """The pictures that can be read; if none can, raises the error of the last."""
    failure, count = None, 0
    for index in indices:
        if not files[index]:
            continue
        try:
            picture = read_photograph(files[index])
        except BadMediaError as error:
            failure = error
            continue
        count += 1
        yield picture._replace(index=index)
    if failure and not count:
        raise failure
