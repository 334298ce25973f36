"""The top-level atoms (boxes) of MP4, MOV, HEIF and AVIF: ISO/IEC 14496-12, sections 4.2 and 4.3."""

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

PADDING = frozenset((b"free", b"skip", b"wide", b"uuid", b"pnot"))
"""Atoms that may stand before the one that says which file it is."""
SOUND_BRANDS = frozenset((b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B "))


class Atom(NamedTuple):
    """An atom.

    Attributes:
        kind: four letters.
        start: byte at which it starts.
        body: byte at which its content starts.
        end: byte after it, as declared; beyond the end of a file that was cut short.
    """

    kind: bytes
    start: int
    body: int
    end: int


def atoms(file: BinaryIO) -> Iterator[Atom]:
    """The top-level atoms of a file, up to its end or to one that can't be."""
    size_of_file, position = file.seek(0, os.SEEK_END), 0
    while position + 8 <= size_of_file:
        file.seek(position)
        header = file.read(16)
        size, kind = struct.unpack(">I4s", header[:8])
        body = position + 8
        if size == 1 and len(header) == 16:
            size, body = struct.unpack(">Q", header[8:])[0], position + 16
        end = size_of_file if size == 0 else position + size
        if end < body:
            return
        yield Atom(kind, position, body, end)
        position = end


def brands(atom: bytes) -> set[bytes]:
    """The major brand of an `ftyp` atom, whose first bytes are given, and the compatible ones."""
    size = min(int.from_bytes(atom[:4], "big"), len(atom))
    return {atom[8:12], *(atom[at : at + 4] for at in range(16, size - 3, 4))}
