"""Reading a photograph safely: its format and size are checked before decoding."""

import io
import os
import warnings
from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image, TiffImagePlugin, UnidentifiedImageError, features

from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.file_format import FORMATS, IMAGE, media_format, media_kind

# 8000 x 8000: a 61 megapixel camera passes, and a decoded picture with its copies stays under 1 GB.
MAX_PIXELS = 64_000_000
MAX_SIDE = 32_000  # pixels; OpenCV's warps can't address more than 32,766

_EXIF_ORIENTATION = 0x0112
_JPEG_END = b"\xff\xd9"
_UPRIGHT = {  # EXIF 2.32, tag Orientation: what brings the stored picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """Decodes a photograph.

    The EXIF orientation is applied (unreadable EXIF counts as upright). Grey and palette pictures are converted to RGB;
    transparent pixels are composited over black; CMYK is converted without a colour profile; of 16-bit values the high
    byte is kept. Colour profiles are ignored: values are as stored. Of a file with several photographs the first is
    read, of a HEIC the one that it declares as primary.

    Returns:
        uint8 [H, W, 3], RGB.

    Raises:
        BadMediaError: as `media_kind`; or a video, an animation, over `MAX_PIXELS` or `MAX_SIDE`, truncated or corrupt,
            or of a format whose decoder isn't installed.
    """
    name = media_format(path)
    if media_kind(path) != IMAGE:
        what = f"an animated {FORMATS[name].words}" if FORMATS[name].kind == IMAGE else f"a video ({name})"
        raise BadMediaError(f"{path}: expected a photograph, found {what}")
    return decoded(path, name, _to_rgb)


def decoded(
    path: str | os.PathLike[str], name: str, use: Callable[[str | os.PathLike[str], Image.Image], np.ndarray]
) -> np.ndarray:
    """What `use` makes of a picture that Pillow opened, after its size was checked.

    Args:
        path: of the file.
        name: of its format, a key of `FORMATS`.
        use: from the path and the opened picture to uint8 [H, W, 3].

    Raises:
        BadMediaError: as `read_image`.
    """
    _need_decoder(path, name)
    words = FORMATS[name].words
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=[name]) as picture:
            check_size(path, *picture.size, MAX_PIXELS)
            return use(path, picture)
    except BadMediaError:
        raise
    except UnidentifiedImageError as error:
        if name == "TIFF":
            return _deep_tiff(path)
        raise BadMediaError(f"{path}: not a readable {words} (its header is damaged)") from error
    except Image.DecompressionBombError as error:
        raise BadMediaError(f"{path}: more than {MAX_PIXELS:,} pixels; scale it down first") from error
    except OSError as error:
        if name == "JPEG" and (ended := _with_end(path)) is not None:
            return use(path, ended)
        raise BadMediaError(f"{path}: not a readable {words} ({_reason(error)})") from error
    except Exception as error:  # decoders raise nearly any type on malformed bytes
        raise BadMediaError(f"{path}: not a readable {words} ({_reason(error)})") from error


def _need_decoder(path: str | os.PathLike[str], name: str) -> None:
    """Refuses a format that the installed Pillow can't decode, with what to install."""
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


def _with_end(path: str | os.PathLike[str]) -> Image.Image | None:
    """A JPEG that lacks nothing but its end, as some cameras write them; None where some of its picture is missing.

    It is complete if it doesn't matter what follows, since bytes behind the last block are not decoded. This says
    nothing of a progressive one, which may lack whole passes.
    """
    with open(path, "rb") as file:
        content = file.read().removesuffix(_JPEG_END[:1])
    try:
        pictures = [
            Image.open(io.BytesIO(content + more + _JPEG_END), formats=["JPEG"]) for more in (b"", b"\x2a" * 64)
        ]
        same = pictures[0].tobytes() == pictures[1].tobytes()
    except Exception:  # as in `decoded`
        return None
    return pictures[0] if same and "progressive" not in pictures[0].info else None


def _deep_tiff(path: str | os.PathLike[str]) -> np.ndarray:
    """A TIFF of 16 bits a channel in colour, which Pillow can't open: the high bytes, uint8 [H, W, 3]."""
    unreadable = BadMediaError(f"{path}: not a readable TIFF (its header is damaged, or its pixels are of a rare kind)")
    try:
        with warnings.catch_warnings(action="ignore"), open(path, "rb") as file:
            directory = TiffImagePlugin.ImageFileDirectory_v2(file.read(8))
            file.seek(directory.next)
            directory.load(file)
        check_size(path, int(directory[256]), int(directory[257]), MAX_PIXELS)  # TIFF 6.0: ImageWidth, ImageLength
        if directory.get(339, (1,))[0] != 1:  # SampleFormat: signed or floating point
            raise unreadable
        pixels = cv2.imread(os.fspath(path), cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    except BadMediaError:
        raise
    except Exception as error:  # as in `decoded`
        raise unreadable from error
    if pixels is None or pixels.dtype != np.uint16 or pixels.ndim != 3:
        raise unreadable
    return cv2.cvtColor((pixels // 256).astype(np.uint8), cv2.COLOR_BGR2RGB)


def check_size(path: str | os.PathLike[str], width: int, height: int, most: int) -> None:
    """Refuses a picture or frame by the size that its header declares.

    Args:
        path: for the message.
        width: pixels.
        height: pixels.
        most: pixels allowed, width times height.

    Raises:
        BadMediaError: no pixels at all, more than `most`, or a side over `MAX_SIDE`.
    """
    if width < 1 or height < 1:
        raise BadMediaError(f"{path}: expected a picture with pixels, found {width} x {height}; check the file")
    if width * height > most or max(width, height) > MAX_SIDE:
        allowed = f"at most {most:,} and {MAX_SIDE:,} along a side are allowed"
        raise BadMediaError(f"{path}: {width} x {height} pixels, {allowed}; scale it down first")


def _turn(picture: Image.Image) -> Image.Transpose | None:
    """The transposition that makes a stored picture upright; None if none is needed."""
    try:
        return _UPRIGHT.get(picture.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # the pixels may be intact though the tags are damaged
        return None


def _to_rgb(path: str | os.PathLike[str], picture: Image.Image) -> np.ndarray:
    """Decodes an opened picture to RGB, upright, uint8 [H, W, 3]."""
    picture.load()
    turn = _turn(picture)
    return to_rgb(path, picture if turn is None else picture.transpose(turn))


def to_rgb(path: str | os.PathLike[str], picture: Image.Image) -> np.ndarray:
    """Converts a decoded picture to RGB, uint8 [H, W, 3].

    Raises:
        BadMediaError: its pixels are neither grey, RGB nor CMYK.
    """
    if picture.mode.startswith("I;16"):  # grey; Pillow's own conversion would clip it at 255
        grey = np.clip(np.asarray(picture).astype(np.int64) >> 8, 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=-1)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        black = Image.new("RGBA", picture.size, (0, 0, 0, 255))
        picture = Image.alpha_composite(black, picture)
    if picture.mode not in ("1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr"):
        raise BadMediaError(
            f"{path}: expected grey, RGB or CMYK pixels of 8 or 16 bits, found Pillow's mode {picture.mode}; convert it"
        )
    return np.array(picture.convert("RGB"))


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())[:120]
