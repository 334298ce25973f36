"""Movies that something was put before without a correction of the offsets in them.

Some programs write padding in front of a finished MP4 or MOV file, so that every offset in it points that much too low.
Read from behind the padding, the file is what it was.
"""

import io
import itertools
import os

from dfdetect_jax.media.atoms import PADDING, atoms

_MOST_ATOMS, _LARGEST_INDEX = 256, 64_000_000  # atoms looked at; bytes of the index, which is in memory


def displaced_by(path: str | os.PathLike[str]) -> int:
    """How many bytes of padding a movie's offsets leave out of account; 0 for a sound file.

    They do where the first chunk of samples would lie outside all media data, and inside once the padding is added.
    """
    with open(path, "rb") as file:
        top = list(itertools.islice(atoms(file), _MOST_ATOMS))
        padding = next((atom.start for atom in top if atom.kind not in PADDING), 0)
        index = next((atom for atom in top if atom.kind == b"moov"), None)
        if not padding or index is None or index.end - index.body > _LARGEST_INDEX:
            return 0
        file.seek(index.body)
        chunk = _first_chunk(file.read(index.end - index.body))
    data = [atom for atom in top if atom.kind == b"mdat"]

    def inside(place: int) -> bool:
        return any(atom.body <= place < atom.end for atom in data)

    return padding if chunk is not None and not inside(chunk) and inside(chunk + padding) else 0


class PartOfFile(io.RawIOBase):
    """A file from some byte on, as if it began there.

    Args:
        path: of the file.
        start: the byte.
    """

    def __init__(self, path: str | os.PathLike[str], start: int):
        self._file = open(path, "rb")  # noqa: SIM115 (closed by `close`)
        self._start = start
        self._file.seek(start)

    def readable(self) -> bool:
        """As every file that is open for reading."""
        return True

    def seekable(self) -> bool:
        """As `readable`."""
        return True

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; all for -1."""
        return self._file.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Goes to a byte of the part."""
        at = self._start + offset if whence == os.SEEK_SET else offset
        return self._file.seek(at, whence) - self._start

    def tell(self) -> int:
        """The byte of the part that is read next."""
        return self._file.tell() - self._start

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
        super().close()


def _first_chunk(index: bytes) -> int | None:
    """The lowest first offset of the tables of chunks in an index: ISO/IEC 14496-12, section 8.7.5."""
    offsets = []
    for kind, width in ((b"stco", 4), (b"co64", 8)):
        place = index.find(kind)
        while place >= 0:
            entry = index[place + 12 : place + 12 + width]
            if len(entry) == width and int.from_bytes(index[place + 8 : place + 12], "big"):
                offsets.append(int.from_bytes(entry, "big"))
            place = index.find(kind, place + 4)
    return min(offsets, default=None)
