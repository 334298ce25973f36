"""Animations as videos: GIF, WebP, PNG and AVIF of several pictures, decoded by Pillow one picture at a time.

Pillow composes each picture as a viewer shows it; transparent pixels are composited over black.
"""

import math
import os
from collections.abc import Collection, Generator, Iterator

from PIL import Image

from dfdetect_jax.media.animation_parts import Parts, animation_parts
from dfdetect_jax.media.file_format import FORMATS, IMAGE, is_animated, media_format
from dfdetect_jax.media.frame import Frame, VideoInfo
from dfdetect_jax.media.image import opened, to_rgb
from dfdetect_jax.media.limits import MAX_ANIMATION_FRAMES, MAX_FRAME_PIXELS, check_animation

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
        BadMediaError: the first picture is damaged, or as `limits.check_animation`.
    """
    name = media_format(path)
    parts = animation_parts(path, name, most=MAX_ANIMATION_FRAMES + 1)
    with opened(path, name, MAX_FRAME_PIXELS) as picture:
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
    parts = animation_parts(path, name, most=MAX_ANIMATION_FRAMES + 1)
    last = len(parts.seconds) - 1 if indices is None else max(indices, default=-1)
    count, seconds = 0, 0.0
    with opened(path, name, MAX_FRAME_PIXELS) as picture:
        _check_work(path, picture, parts)
        width, height = picture.size
        for index in _steps(picture, parts.first, last + 1):
            if indices is None or index in indices:
                yield Frame(index, seconds, to_rgb(path, picture)[:height, :width])
            seconds += _shown(picture.info.get("duration", 0) / 1000)
            count = index + 1
    return count


def _check_work(path: str | os.PathLike[str], picture: Image.Image, parts: Parts) -> None:
    """Refuses what would take too long or too much memory, before anything is decoded."""
    width, height = max(picture.width, parts.width), max(picture.height, parts.height)
    check_animation(path, len(parts.seconds), width, height)


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
