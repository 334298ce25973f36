"""Reading a photograph safely: its format and size are checked before decoding."""

import codecs
import os
import stat
import warnings

import numpy as np
from PIL import Image, UnidentifiedImageError

from dfdetect_jax.errors import BadMediaError

# 8000 x 8000: a 61 megapixel camera passes, and a decoded picture with its copies stays under 1 GB.
MAX_PIXELS = 64_000_000
MAX_SIDE = 32_000  # pixels; OpenCV's warps can't address more than 32,766

_IMAGES = {"JPEG": "JPEG", "PNG": "PNG", "WEBP": "WebP", "BMP": "BMP"}
_ALLOWED = "a JPEG, PNG, WebP or BMP photograph or an MP4, MOV, AVI, MKV or WebM video"
_STILL_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_REFUSED = (
    (b"GIF8", "a GIF"),
    (b"II*\x00", "a TIFF"),
    (b"MM\x00*", "a TIFF"),
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
)
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


def media_kind(path: str | os.PathLike[str]) -> str:
    """Whether a file is a photograph or a video, by its first bytes; its name doesn't count.

    Photographs: JPEG, PNG, WebP, BMP. Videos: MP4 and MOV, AVI, Matroska and WebM. Everything else is refused.

    Returns:
        "image" or "video".

    Raises:
        BadMediaError: missing, not a plain file, unreadable, empty, or of a kind that is not on the list.
    """
    return "image" if media_format(path) in _IMAGES else "video"


def media_format(path: str | os.PathLike[str]) -> str:
    """The format of a photograph or the container of a video, by its first bytes.

    Returns:
        "JPEG", "PNG", "WEBP" or "BMP" (Pillow's names), or "MP4", "MOV", "AVI" or "Matroska".

    Raises:
        BadMediaError: as `media_kind`.
    """
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise BadMediaError(f"{path}: expected {_ALLOWED}, found a folder")
        if not stat.S_ISREG(mode):  # a pipe or device could block for ever
            raise BadMediaError(f"{path}: expected {_ALLOWED}, found something that is not a plain file")
        with open(path, "rb") as file:
            head = file.read(64)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise BadMediaError(f"{path}: can't be opened ({_reason(error)})") from error
    name = _signature(head)
    if name is None:
        raise BadMediaError(f"{path}: expected {_ALLOWED}, found {_describe(head)}")
    return name


def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """Decodes a photograph.

    The EXIF orientation is applied (unreadable EXIF counts as upright). Grey and palette pictures are converted to RGB;
    transparent pixels are composited over black; CMYK is converted without a colour profile; of 16-bit values the high
    byte is kept. Colour profiles are ignored: values are as stored.

    Returns:
        uint8 [H, W, 3], RGB.

    Raises:
        BadMediaError: as `media_kind`; or a video, an animation, over `MAX_PIXELS` or `MAX_SIDE`, truncated or corrupt.
    """
    kind = media_format(path)
    if kind not in _IMAGES:
        raise BadMediaError(f"{path}: expected a photograph, found a video ({kind})")
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=[kind]) as picture:
            check_size(path, *picture.size, MAX_PIXELS)
            if kind != "JPEG" and getattr(picture, "is_animated", False):  # a JPEG's further pictures are previews
                raise BadMediaError(f"{path}: expected a photograph, found an animated {_IMAGES[kind]}")
            picture.load()
            return _to_rgb(path, picture.transpose(turn) if (turn := _turn(picture)) is not None else picture)
    except BadMediaError:
        raise
    except Image.DecompressionBombError as error:
        raise BadMediaError(f"{path}: more than {MAX_PIXELS:,} pixels; scale it down first") from error
    except Exception as error:  # decoders raise nearly any type on malformed bytes
        raise BadMediaError(f"{path}: not a readable {_IMAGES[kind]} ({_reason(error)})") from error


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


def _signature(head: bytes) -> str | None:
    """The allowed format that a file starting with `head` has, or None."""
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head[:4] == b"RIFF":
        return {b"WEBP": "WEBP", b"AVI ": "AVI"}.get(head[8:12])
    if head.startswith(b"BM") and len(head) >= 26 and head[6:10] == b"\0\0\0\0":
        return "BMP"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "Matroska"
    if head[4:8] == b"ftyp":
        return None if head[8:12] in _STILL_BRANDS else "MP4"
    return "MOV" if head[4:8] in (b"moov", b"mdat", b"wide") else None


def _describe(head: bytes) -> str:
    """The apparent kind of a refused file that starts with `head`, for an error message."""
    if not head:
        return "an empty file"
    for magic, name in _REFUSED:
        if head.startswith(magic):
            return name
    if head[4:8] == b"ftyp":
        return "a HEIC or AVIF photograph"
    if _is_text(head):
        return "text"
    return f"an unknown format (first bytes {head[:8].hex(' ')})"


def _is_text(head: bytes) -> bool:
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)  # incremental: the last character may be cut
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character in "\t\n\r\f" for character in text)


def _turn(picture: Image.Image) -> Image.Transpose | None:
    """The transposition that makes a stored picture upright; None if none is needed."""
    try:
        return _UPRIGHT.get(picture.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # the pixels may be intact though the tags are damaged
        return None


def _to_rgb(path: str | os.PathLike[str], picture: Image.Image) -> np.ndarray:
    """Converts a decoded picture to RGB, uint8 [H, W, 3]."""
    if picture.mode.startswith("I"):  # 16-bit grey; Pillow's own conversion would clip it at 255
        grey = np.clip(np.asarray(picture).astype(np.int64) >> 8, 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=-1)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        black = Image.new("RGBA", picture.size, (0, 0, 0, 255))
        picture = Image.alpha_composite(black, picture)
    if picture.mode not in ("1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr"):
        raise BadMediaError(f"{path}: expected grey, RGB or CMYK pixels, found Pillow's mode {picture.mode}")
    return np.array(picture.convert("RGB"))


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):  # its message repeats the path
        return "its header is damaged"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())[:120]
