"""Animations as videos: GIF, WebP, PNG and AVIF of several pictures, decoded by Pillow one picture at a time.

Pillow composes each picture as a viewer shows it; transparent pixels are composited over black.
"""

import math
import os
from collections.abc import Collection, Generator, Iterator

from PIL import Image

from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.animation_parts import Parts, animation_parts
from dfdetect_jax.media.file_format import FORMATS, IMAGE, is_animated, media_format
from dfdetect_jax.media.frame import Frame, VideoInfo
from dfdetect_jax.media.image import opened, to_rgb
from dfdetect_jax.media.pixel_limits import check_size

MAX_PICTURES = 20_000  # of one animation
MAX_WORK = 5_000_000_000  # pixels of one animation: all are decoded, up to the last that is read, in 1 to 6 minutes
_MAX_PIXELS = 36_000_000  # of one picture
_SHORTEST, _USUAL = 0.02, 0.1  # seconds; browsers show a picture of less than 20 ms for 100 ms


def is_animation(path: str | os.PathLike[str]) -> bool:
    """Whether a file is an animation.

    Raises:
        BadMediaError: as `media_format`.
    """
    name = media_format(path)
    return FORMATS[name].kind == IMAGE and is_animated(path, name)


def survey_animation(path: str | os.PathLike[str]) -> VideoInfo:
    """An animation as a video, by its blocks or chunks; its first picture is decoded.

    Raises:
        BadMediaError: the first picture is damaged, more than `MAX_PICTURES`, or too many pixels in one or in all.
    """
    name = media_format(path)
    parts = _parts(path, name)
    with opened(path, name, _MAX_PIXELS) as picture:
        _check_work(path, picture, parts)
        picture.seek(parts.first)
        picture.load()
        first = 0.0 if any(parts.seconds) else picture.info.get("duration", 0) / 1000  # AVIF: as long as the first
        seconds = [_shown(each or first) for each in parts.seconds]
        return VideoInfo(
            frames=len(seconds),
            fps=len(seconds) / math.fsum(seconds),
            width=picture.width,
            height=picture.height,
            codec=name.lower(),
            cut_short=not parts.whole,
        )


def read_pictures(path: str | os.PathLike[str], indices: Collection[int] | None = None) -> Generator[Frame, None, int]:
    """Yields the pictures of an animation with the given indices (None: all) in order, one in memory at a time.

    Returns:
        How many pictures were decoded, up to the last of `indices`, the end or damage.

    Raises:
        BadMediaError: as `survey_animation`.
    """
    name = media_format(path)
    parts = _parts(path, name)
    last = len(parts.seconds) - 1 if indices is None else max(indices, default=-1)
    count, seconds = 0, 0.0
    with opened(path, name, _MAX_PIXELS) as picture:
        _check_work(path, picture, parts)
        width, height = picture.size
        for index in _steps(picture, parts.first, last + 1):
            if indices is None or index in indices:
                yield Frame(index, seconds, to_rgb(path, picture)[:height, :width])
            seconds += _shown(picture.info.get("duration", 0) / 1000)
            count = index + 1
    return count


def _parts(path: str | os.PathLike[str], name: str) -> Parts:
    parts = animation_parts(path, name, most=MAX_PICTURES + 1)
    if len(parts.seconds) > MAX_PICTURES:
        raise BadMediaError(f"{path}: more than {MAX_PICTURES:,} pictures in an animation; cut it into parts")
    return parts


def _check_work(path: str | os.PathLike[str], picture: Image.Image, parts: Parts) -> None:
    """Refuses what would take too long or too much memory, before anything is decoded."""
    width, height = max(picture.width, parts.width), max(picture.height, parts.height)
    check_size(path, width, height, _MAX_PIXELS)
    if width * height * len(parts.seconds) > MAX_WORK:
        size = f"{len(parts.seconds):,} pictures of {width} x {height} pixels"
        raise BadMediaError(f"{path}: {size}, at most {MAX_WORK:,} pixels in all are allowed; scale it down first")


def _steps(picture: Image.Image, first: int, count: int) -> Iterator[int]:
    """Decodes that many pictures of an animation, or up to its end or damage; yields their indices from 0."""
    for index in range(count):
        try:
            picture.seek(first + index)
            picture.load()
        except Exception:  # EOFError, and decoders raise nearly any type on malformed bytes
            if index == 0:
                raise
            return
        yield index


def _shown(declared: float) -> float:
    """Seconds that a picture is shown, by what is declared."""
    return declared if declared >= _SHORTEST else _USUAL
