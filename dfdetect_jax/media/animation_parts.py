"""How many pictures an animation has and how long each is shown, by its blocks or chunks; no pixel is decoded."""

import os
import struct
import warnings
from collections.abc import Callable
from typing import BinaryIO, NamedTuple

from PIL import Image

_ANIMATED_BRAND = b"avis"
_BRANDS = 256  # bytes of an AVIF within which its brands stand


class Parts(NamedTuple):
    """The pictures of a file.

    Attributes:
        seconds: how long each is shown, as declared; 0.0 where that isn't known.
        width: pixels, up to where they reach beyond the first; 0 where the format has them inside of it.
        height: as `width`.
        whole: whether the file goes on to its end mark, as far as it was looked at.
        first: index of the first of them among the file's pictures; 1 where a PNG has another for viewers that don't
            know animations.
    """

    seconds: list[float]
    width: int = 0
    height: int = 0
    whole: bool = True
    first: int = 0


def animation_parts(path: str | os.PathLike[str], name: str, most: int) -> Parts:
    """Counts the pictures of a file.

    Args:
        path: of the file.
        name: of its format, see `PARTS_OF`; a file of another one has a single picture.
        most: pictures after which to stop.

    Raises:
        OSError: the file can't be read.
    """
    if name not in PARTS_OF:
        return Parts([0.0])
    with open(path, "rb") as file:
        return PARTS_OF[name](file, most)


def _gif_parts(file: BinaryIO, most: int) -> Parts:
    """GIF89a specification: sections 18 (screen), 20 (image descriptor), 23 (graphic control extension)."""
    head = file.read(13)
    file.seek(_colour_table(head[10]) if len(head) == 13 else 0, os.SEEK_CUR)
    seconds: list[float] = []
    width = height = 0
    delay = 0.0
    block = b""
    while len(seconds) < most:
        block = file.read(1)
        if block == b",":
            descriptor = file.read(9)
            if len(descriptor) < 9:
                break
            left, top, across, down, flags = struct.unpack("<4HB", descriptor)
            width, height = max(width, left + across), max(height, top + down)
            seconds.append(delay)
            delay = 0.0
            file.seek(_colour_table(flags) + 1, os.SEEK_CUR)  # and the code size
            _sub_blocks(file)
        elif block == b"!":
            is_control, content = file.read(1) == b"\xf9", _sub_blocks(file)
            delay = int.from_bytes(content[1:3], "little") / 100 if is_control else delay
        elif block != b"\0":
            break
    return Parts(seconds, width, height, whole=block == b";")


def _sub_blocks(file: BinaryIO) -> bytes:
    """Passes over a sequence of sub-blocks; the first bytes of the first one."""
    content = b""
    while (length := file.read(1)) not in (b"", b"\0"):
        start = b"" if content else file.read(min(4, length[0]))
        content = content or start
        file.seek(length[0] - len(start), os.SEEK_CUR)
    return content


def _colour_table(flags: int) -> int:
    """Bytes of a GIF's colour table."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _webp_parts(file: BinaryIO, most: int) -> Parts:
    """Chunks ANMF of the WebP Container Specification, "Animation"; without one there is a single picture."""
    end = 8 + int.from_bytes(file.read(12)[4:8], "little")
    seconds: list[float] = []
    place = 12
    while place + 8 <= end and len(seconds) < most:
        file.seek(place)
        head = file.read(8 + 15)
        if len(head) < 8:
            break
        if head[:4] == b"ANMF":
            seconds.append(int.from_bytes(head[20:23], "little") / 1000)
        size = int.from_bytes(head[4:8], "little")
        place += 8 + size + size % 2
    return Parts(seconds or [0.0], whole=file.seek(0, os.SEEK_END) >= end)


def _png_parts(file: BinaryIO, most: int) -> Parts:
    """PNG, third edition: sections 11.3.6.1 (acTL) and 11.3.6.2 (fcTL); without acTL there is a single picture."""
    seconds: list[float] = []
    declared = first = 0
    place = 8
    while len(seconds) < most:
        file.seek(place)
        head = file.read(8 + 24)
        kind = head[4:8]
        if len(head) < 8 or (kind == b"IDAT" and not declared):
            break
        if kind == b"acTL":
            declared = int.from_bytes(head[8:12], "big")
        elif kind == b"IDAT":
            first = 0 if seconds else 1
        elif kind == b"fcTL":
            delay, parts = struct.unpack(">HH", head[28:32].ljust(4, b"\0"))
            seconds.append(delay / (parts or 100))
        place += 12 + int.from_bytes(head[:4], "big")
    return Parts(seconds or [0.0], whole=len(seconds) >= min(declared, most), first=first if seconds else 0)


def _avif_parts(file: BinaryIO, most: int) -> Parts:
    """The samples of an AVIF sequence; what can't be opened has a single picture, for its reader to report."""
    head = file.read(_BRANDS)
    if _ANIMATED_BRAND not in head[8 : int.from_bytes(head[:4], "big")]:
        return Parts([0.0])
    file.seek(0)
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(file, formats=["AVIF"]) as picture:
            return Parts([0.0] * min(most, getattr(picture, "n_frames", 1)))
    except Exception:  # decoders raise nearly any type on malformed bytes
        return Parts([0.0])


PARTS_OF: dict[str, Callable[[BinaryIO, int], Parts]] = {
    "GIF": _gif_parts,
    "WEBP": _webp_parts,
    "PNG": _png_parts,
    "AVIF": _avif_parts,
}
"""Formats of photographs that may hold several pictures, which are then a video."""
