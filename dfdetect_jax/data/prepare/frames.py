"""The frames of a clip, whatever it is: a photograph, a video, or a folder of pictures."""

import contextlib
from collections.abc import Iterator, Sequence

import numpy as np

from dfdetect_jax.data.example import Media
from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.image import media_kind, read_image
from dfdetect_jax.media.video import probe, read_frames


def frame_count(media: Media) -> int:
    """How many frames there are; 1 for a photograph.

    Raises:
        BadMediaError: the file can't be opened.
    """
    if isinstance(media, tuple):
        return len(media)
    return 1 if media_kind(media) == "image" else probe(media).frames


def read(media: Media, indices: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
    """Yields (index, uint8 [H, W, 3] RGB) in rising order, as far as frames can be read.

    Raises:
        BadMediaError: not one can.
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
    """Frames of a clip, each with the frame of the same index of what lies beside it, or None where that has none."""
    others = _readable(beside, indices) if beside else iter(())
    other = next(others, None)
    for index, frame in read(media, indices):
        while other is not None and other[0] < index:
            other = next(others, None)
        yield index, frame, other[1] if other is not None and other[0] == index else None


def _readable(media: Media, indices: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
    with contextlib.suppress(BadMediaError):  # a mask that is gone costs the mask, not the clip
        yield from read(media, indices)


def _pictures(files: Sequence[str], indices: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
    """Those of some pictures that can be read; where it is none, the error of the last."""
    failed, read = None, 0
    for index in indices:
        if not files[index]:
            continue
        try:
            picture = read_image(files[index])
        except BadMediaError as error:
            failed = error
            continue
        read += 1
        yield index, picture
    if failed and not read:
        raise failed
