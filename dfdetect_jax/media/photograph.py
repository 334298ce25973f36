"""A photograph as a frame, and damage of its file that the decoder passes over.

Noticed are, of JPEG: coded pixels that end early or don't end where they should, which is every photograph whose lower
rows were lost, and one in two with a single wrong byte whose effect is visible; of PNG: every changed byte, by the
checksums; of WebP: a file that is shorter than it says. A changed byte in the pixels of WebP, BMP, HEIC, AVIF and most
TIFF can't be noticed.
"""

import os
import zlib
from collections.abc import Callable

import numpy as np
import simplejpeg

from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.file_format import media_format
from dfdetect_jax.media.frame import Frame
from dfdetect_jax.media.image import read_image

_WARNINGS = ("Corrupt JPEG data", "Premature end of JPEG")  # of libjpeg-turbo: jerror.h


def read_photograph(path: str | os.PathLike[str]) -> Frame:
    """Decodes a photograph as the only frame, marked where its file is damaged.

    Raises:
        BadMediaError: as `read_image`.
    """
    return Frame(0, 0.0, read_image(path), is_damaged(path))


def read_intact(path: str | os.PathLike[str]) -> np.ndarray:
    """Decodes a photograph and refuses a damaged one.

    Returns:
        uint8 [H, W, 3] RGB.

    Raises:
        BadMediaError: as `read_image`; or its file is damaged by `is_damaged`.
    """
    return intact(path, read_photograph(path))


def intact(path: str | os.PathLike[str], frame: Frame) -> np.ndarray:
    """The pixels of a decoded photograph.

    Raises:
        BadMediaError: it is damaged.
    """
    if frame.damaged:
        raise BadMediaError(f"{path}: expected an intact photograph, found damage inside the file; get it again")
    return frame.image


def is_damaged(path: str | os.PathLike[str]) -> bool:
    """Whether a photograph that can be decoded is damaged all the same, as far as its format lets it be told.

    Raises:
        BadMediaError: as `media_format`.
        OSError: the file can't be read.
    """
    check = _CHECKS.get(media_format(path))
    if check is None:
        return False
    with open(path, "rb") as file:
        return check(file.read())


def _jpeg_is_damaged(content: bytes) -> bool:
    """By the decoder's warnings; at an eighth of the size, since only the entropy decoding matters."""
    try:
        simplejpeg.decode_jpeg(content, "GRAY", min_height=1, min_width=1)
    except ValueError as error:  # or of a kind that only Pillow reads, such as CMYK
        return str(error).startswith(_WARNINGS)
    return False


def _png_is_damaged(content: bytes) -> bool:
    """By the checksum of each chunk: PNG, third edition, section 5.3."""
    place = 8
    while place + 12 <= len(content):
        end = place + 8 + int.from_bytes(content[place : place + 4], "big")
        if zlib.crc32(content[place + 4 : end]).to_bytes(4, "big") != content[end : end + 4]:
            return True
        if content[place + 4 : place + 8] == b"IEND":
            return False
        place = end + 4
    return True


def _webp_is_damaged(content: bytes) -> bool:
    return len(content) < 8 + int.from_bytes(content[4:8], "little")


_CHECKS: dict[str, Callable[[bytes], bool]] = {
    "JPEG": _jpeg_is_damaged,
    "PNG": _png_is_damaged,
    "WEBP": _webp_is_damaged,
}
