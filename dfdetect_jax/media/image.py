"""Reading a photograph safely: its format and size are checked before decoding."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image, UnidentifiedImageError, features

from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.colour_profile import to_sdr_colours, to_srgb
from dfdetect_jax.media.file_format import FORMATS, IMAGE, is_animated, media_format
from dfdetect_jax.media.limits import MAX_PIXELS, check_size
from dfdetect_jax.media.tiff import read_deep_tiff, refuse_raw

_EXIF_ORIENTATION = 0x0112
_UPRIGHT = {  # EXIF 2.32, tag Orientation: what brings the stored picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class _OddPixelsError(BadMediaError):
    """A picture that Pillow doesn't know by its header."""


def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """Decodes a photograph.

    The EXIF orientation is applied (unreadable EXIF counts as upright), in HEIC and AVIF the container's own instead.
    Grey and palette pictures are converted to RGB; transparent pixels are composited over black; of values with more
    than 8 bits the high ones are kept. An embedded colour profile is converted to sRGB, and HEIC and AVIF in HLG or PQ
    become SDR, both by `colour_profile`. Of a TIFF with several pages, a HEIC with several photographs or a JPEG with
    further pictures, the first (the one declared as primary) is read. Pixels count as square: a density that says
    otherwise (JFIF, PNG, EXIF) is left alone, as by browsers, since programs that write one for anamorphic frames
    disagree with the standards on which side it enlarges.

    Returns:
        uint8 [H, W, 3], RGB.

    Raises:
        BadMediaError: as `media_kind`; or a video, an animation, over `MAX_PIXELS` or `MAX_SIDE`, truncated or corrupt,
            a camera's raw file, or of a format whose decoder isn't installed. Not all damage can be told, see
            `photograph.is_damaged`.
    """
    name = media_format(path)
    if FORMATS[name].kind != IMAGE or is_animated(path, name):
        what = f"an animated {FORMATS[name].words}" if FORMATS[name].kind == IMAGE else f"a video ({name})"
        raise BadMediaError(f"{path}: expected a photograph, found {what}")
    try:
        with opened(path, name) as picture:
            return to_sdr_colours(path, name, _upright_rgb(path, picture))
    except _OddPixelsError:
        if name != "TIFF":
            raise
    return read_deep_tiff(path)


@contextmanager
def opened(path: str | os.PathLike[str], name: str, most: int = MAX_PIXELS) -> Iterator[Image.Image]:
    """Opens a picture by Pillow and checks its size; nothing is decoded before. What is raised within is translated.

    Args:
        path: of the file.
        name: of its format, a key of `FORMATS` of photographs.
        most: pixels allowed.

    Raises:
        BadMediaError: as `read_image`.
    """
    _need_decoder(path, name)
    words = FORMATS[name].words
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=[name]) as picture:
            check_size(path, *picture.size, most)
            yield picture
    except BadMediaError:
        raise
    except UnidentifiedImageError as error:
        raise _OddPixelsError(
            f"{path}: expected a readable {words}, found its header damaged; get the file again"
        ) from error
    except Image.DecompressionBombError as error:
        raise BadMediaError(f"{path}: expected at most {most:,} pixels, found far more; scale it down first") from error
    except Exception as error:  # decoders raise nearly any type on malformed bytes
        raise BadMediaError(
            f"{path}: expected a readable {words}, found {_reason(error)}; get the file again"
        ) from error


def _need_decoder(path: str | os.PathLike[str], name: str) -> None:
    """Refuses a format that the installed libraries can't decode, with what to install."""
    if name == "HEIF":
        try:
            import pillow_heif
        except ImportError as error:
            raise BadMediaError(
                f"{path}: a HEIC photograph needs pillow-heif; pip install 'dfdetect_jax[heif]'"
            ) from error
        pillow_heif.register_heif_opener()
    elif name == "AVIF" and not features.check("avif"):
        raise BadMediaError(f"{path}: an AVIF photograph needs a Pillow built with libavif; pip install pillow")


def _turn(picture: Image.Image) -> Image.Transpose | None:
    """The transposition that makes a stored picture upright; None if none is needed."""
    try:
        return _UPRIGHT.get(picture.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # the pixels may be intact though the tags are damaged
        return None


def _upright_rgb(path: str | os.PathLike[str], picture: Image.Image) -> np.ndarray:
    """Decodes an opened picture to RGB, upright, uint8 [H, W, 3]."""
    if picture.format == "TIFF":
        refuse_raw(path, picture)
    picture.load()
    turn = _turn(picture)
    return to_rgb(path, picture if turn is None else picture.transpose(turn))


def to_rgb(path: str | os.PathLike[str], picture: Image.Image) -> np.ndarray:
    """Converts a decoded picture to sRGB, uint8 [H, W, 3].

    Raises:
        BadMediaError: its pixels are neither grey, RGB nor CMYK of 8 bits, nor grey of 16.
    """
    if picture.mode.startswith("I;16"):  # Pillow's own conversion would clip it at 255
        grey = (np.asarray(picture).astype(np.uint16) >> 8).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=-1)
    if picture.mode not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"):
        expected = "expected grey, RGB or CMYK pixels of 8 or 16 bits"
        raise BadMediaError(f"{path}: {expected}, found Pillow's mode {picture.mode}; convert it first")
    profile = picture.info.get("icc_profile")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        black = Image.new("RGBA", picture.size, (0, 0, 0, 255))
        picture = Image.alpha_composite(black, picture)
    if picture.mode not in ("L", "CMYK", "RGB"):  # Pillow copies all pixels where there is nothing to convert
        picture = picture.convert("RGB")
    picture = to_srgb(picture, profile)
    return np.array(picture if picture.mode == "RGB" else picture.convert("RGB"))


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())[:120]
