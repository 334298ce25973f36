"""Animations as videos: GIF, WebP, PNG and AVIF of several pictures, decoded by Pillow one picture at a time.

Pillow composes each picture as a viewer shows it; transparent pixels are composited over black.
"""

import os
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from PIL import Image

from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.cut_short import is_cut_short
from dfdetect_jax.media.file_format import ANIMATED, FORMATS, is_animated, media_format
from dfdetect_jax.media.frame import Frame, VideoInfo
from dfdetect_jax.media.image import check_size, to_rgb

MAX_PICTURES = 20_000  # of one animation; its pixels have to be decoded one after the other to count them
_MAX_PIXELS = 36_000_000  # of one picture
MAX_ALL_PIXELS = 4_000_000_000  # of all pictures of one animation: 32 minutes of 320 x 240; a minute of decoding
_SHORTEST, _USUAL = 20, 100  # milliseconds; browsers show a picture of less than 20 ms for 100 ms


def is_animation(path: str | os.PathLike[str]) -> bool:
    """Whether a file is an animation.

    Raises:
        BadMediaError: as `media_format`.
    """
    name = media_format(path)
    return name in ANIMATED and is_animated(path, name)


def survey_animation(path: str | os.PathLike[str]) -> VideoInfo:
    """An animation as a video. Its pictures are decoded to count them, since few headers have their number.

    Raises:
        BadMediaError: damaged before its second picture, or more than `MAX_PICTURES` or too many pixels.
    """
    with _opened(path) as picture:
        shown = [_shown(picture) for _ in _steps(path, picture)]
        declared = getattr(picture, "n_frames", len(shown)) - _hidden(picture)
        return VideoInfo(
            frames=len(shown),
            fps=len(shown) / sum(shown),
            width=picture.width,
            height=picture.height,
            codec=media_format(path).lower(),
            cut_short=len(shown) < declared or is_cut_short(path, media_format(path)),
        )


def read_pictures(path: str | os.PathLike[str], indices: Collection[int] | None = None) -> Iterator[Frame]:
    """Yields the pictures of an animation with the given indices (None: all) in order, one in memory at a time.

    Raises:
        BadMediaError: as `survey_animation`.
    """
    last = None if indices is None else max(indices, default=-1)
    with _opened(path) as picture:
        seconds = 0.0
        for index in _steps(path, picture):
            if indices is None or index in indices:
                yield Frame(index, seconds, to_rgb(path, picture))
            if index == last:
                return
            seconds += _shown(picture)


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[Image.Image]:
    name = media_format(path)
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=[name]) as picture:
            check_size(path, *picture.size, _MAX_PIXELS)
            _check_count(path, getattr(picture, "n_frames", 1), picture.width * picture.height)
            yield picture
    except BadMediaError:
        raise
    except Exception as error:  # decoders raise nearly any type on malformed bytes
        reason = " ".join((str(error) or type(error).__name__).split())[:120]
        raise BadMediaError(f"{path}: not a readable {FORMATS[name].words} ({reason})") from error


def _check_count(path: str | os.PathLike[str], pictures: int, pixels: int) -> None:
    """Refuses an animation by the number of pictures, and of the pixels of each, that it declares."""
    if pictures > MAX_PICTURES:
        raise BadMediaError(f"{path}: more than {MAX_PICTURES:,} pictures in an animation; cut it into parts")
    if pictures * pixels > MAX_ALL_PIXELS:
        raise BadMediaError(
            f"{path}: {pictures:,} pictures of {pixels:,} pixels, at most {MAX_ALL_PIXELS:,} in all are allowed; cut "
            "the animation into parts"
        )


def _steps(path: str | os.PathLike[str], picture: Image.Image) -> Iterator[int]:
    """Decodes the pictures of an opened animation one by one, to its end or to damage; yields their indices."""
    hidden = _hidden(picture)
    for index in range(MAX_PICTURES):
        try:
            picture.seek(hidden + index)
            check_size(path, *picture.size, _MAX_PIXELS)  # a GIF grows where a picture lies outside
            picture.load()
        except EOFError:
            return
        except BadMediaError:
            raise
        except Exception:  # decoders raise nearly any type on malformed bytes
            if index == 0:
                raise
            return
        yield index


def _hidden(picture: Image.Image) -> int:
    """Pictures before the first one of an animation: in PNG one for viewers that show no animations, or none."""
    return int(bool(getattr(picture, "default_image", False)))


def _shown(picture: Image.Image) -> float:
    """Seconds that the current picture is shown."""
    milliseconds = picture.info.get("duration", 0)
    return (milliseconds if milliseconds >= _SHORTEST else _USUAL) / 1000
