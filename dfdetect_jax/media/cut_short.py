"""Whether a file ends before its container says that it does.

Demuxers report a last packet that is incomplete, but not a file that was cut between two packets, nor Matroska at all.
What is read here is the length that the container itself declares.
"""

import os
from collections.abc import Callable
from typing import BinaryIO

from dfdetect_jax.media.atoms import atoms

_WITH_DATA = (b"mdat", b"moov", b"moof")  # atoms
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")  # ASF specification, section 3.2
_ASF_HEADER = 4096  # bytes within which the object stands
_SEGMENT = b"\x18\x53\x80\x67"  # RFC 8794 and 9559: the element that holds a Matroska file after its EBML header


def is_cut_short(path: str | os.PathLike[str], container: str) -> bool:
    """Whether a file is shorter than its container declares; False where the container doesn't.

    Args:
        path: of the file.
        container: as `media_format` names it.

    Raises:
        OSError: the file can't be read.
    """
    declared = _DECLARED_END.get(container)
    if declared is None:
        return False
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        return declared(file, size) > size


def _data_end(file: BinaryIO, size: int) -> int:
    """The end of the last atom of an MP4 or MOV that holds video data or an index."""
    return max((atom.end for atom in atoms(file) if atom.kind in _WITH_DATA), default=0)


def _riff_end(file: BinaryIO, size: int) -> int:
    head = file.read(8)
    return 8 + int.from_bytes(head[4:], "little")


def _segment_end(file: BinaryIO, size: int) -> int:
    """The end of a Matroska file's segment; 0 where its length is unknown, as in recordings of live streams."""
    segment = _element_end(file, 0)
    file.seek(segment)
    return _element_end(file, segment) if segment and file.read(4) == _SEGMENT else 0


def _element_end(file: BinaryIO, start: int) -> int:
    """The end of an element with a name of four bytes; 0 where its length is unknown (RFC 8794, section 6)."""
    file.seek(start + 4)
    head = file.read(8)
    count = 9 - head[0].bit_length() if head and head[0] else 0  # bytes that state the length
    length, unknown = int.from_bytes(head[:count], "big") & ((1 << 7 * count) - 1), (1 << 7 * count) - 1
    return start + 4 + count + length if count and length != unknown else 0


def _asf_end(file: BinaryIO, size: int) -> int:
    head = file.read(_ASF_HEADER)
    start = head.find(_ASF_PROPERTIES)
    return int.from_bytes(head[start + 40 : start + 48], "little") if start >= 0 else 0


_DECLARED_END: dict[str, Callable[[BinaryIO, int], int]] = {
    "MP4": _data_end,
    "MOV": _data_end,
    "AVI": _riff_end,
    "Matroska": _segment_end,
    "ASF": _asf_end,
}
