"""The mark of pictures that this library draws, by which they are known and not scored as photographs.

A mark is two tEXt chunks (PNG, third edition, 11.3.3.2) right after the header; pixels are as without.
"""

import os
import struct
import zlib

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = len(_SIGNATURE) + 25  # bytes: signature and IHDR
_KEY = b"dfdetect_jax:picture"
_TEXTS = ((b"Software", b"dfdetect_jax"), (_KEY, b"drawn"))
_SEARCHED = 16_384  # bytes; other programs that save a picture anew may put a colour profile first


def marked(png: bytes) -> bytes:
    """A PNG file's bytes with the mark.

    Args:
        png: the bytes of a PNG file.
    """
    return png[:_HEADER] + b"".join(_chunk(b"tEXt", key + b"\0" + text) for key, text in _TEXTS) + png[_HEADER:]


def is_drawing(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a PNG with the mark before its pixels; False for one that can't be read."""
    if not os.path.isfile(path):  # a pipe or device could block for ever
        return False
    try:
        with open(path, "rb", buffering=0) as file:
            head = file.read(len(_SIGNATURE))
            return head == _SIGNATURE and _has_mark(file.read(_SEARCHED))
    except (OSError, ValueError):
        return False


def _has_mark(chunks: bytes) -> bool:
    place = 0
    while place + 8 <= len(chunks):
        length, kind = struct.unpack_from(">I4s", chunks, place)
        if kind == b"IDAT":
            return False
        if kind == b"tEXt" and chunks.startswith(_KEY + b"\0", place + 8):
            return True
        place += 12 + length
    return False


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
