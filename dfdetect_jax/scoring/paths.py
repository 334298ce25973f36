"""Which files to score: paths from a command line or a list, folders searched, each file once."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from dfdetect_jax.errors import BadMediaError, SettingsError
from dfdetect_jax.media.file_format import MEDIA_SUFFIXES, media_kind

_NAMED_MEDIA = MEDIA_SUFFIXES - {".ts"}  # which is a text file as often; its content decides
_BLOCK = 65_536


class PathSet:
    """A set of files, known by 64 bits of a hash of their absolute paths: 8 MB for a million.

    Two of a million files share their bits with a probability of 3e-8.

    Args:
        block: files that are added before they are sorted in.
    """

    def __init__(self, block: int = _BLOCK):
        self._block = block
        self._sorted = np.zeros(0, np.uint64)
        self._new: set[int] = set()

    def __contains__(self, path: str) -> bool:
        key = _key(path)
        place = np.searchsorted(self._sorted, np.uint64(key))
        return key in self._new or bool(place < len(self._sorted) and self._sorted[place] == key)

    def __len__(self) -> int:
        return len(self._sorted) + len(self._new)

    def add(self, path: str) -> bool:
        """Adds a file; returns whether it is new."""
        if path in self:
            return False
        self._new.add(_key(path))
        if len(self._new) == self._block:
            self._sorted = np.union1d(self._sorted, np.fromiter(self._new, np.uint64, self._block))
            self._new = set()
        return True


def media_files(paths: Iterable[str]) -> Iterator[str]:
    """The files to score: the given ones, and in folders, searched recursively, all photographs and videos.

    Each comes once, folders in the order of their names. In folders, names with a leading dot are skipped, and so are
    files that are media neither by their name nor by their first bytes. A missing path, or a folder without media, is
    yielded too, so that the reader reports it.
    """
    seen = PathSet()
    for given in paths:
        for path in _files_under(given) if os.path.isdir(given) else [given]:
            if seen.add(path):
                yield path


def listed_paths(source: str, block: int = _BLOCK) -> Iterator[str]:
    """The paths in a list, one per line, read as they are needed; empty lines are skipped.

    Args:
        source: a file, or "-" for standard input.
        block: bytes that are read at a time, at most.

    Raises:
        SettingsError: it can't be read.
    """
    try:
        # Not through `sys.stdin`, whose lock a thread that waits for a line would hold when the program ends.
        descriptor = 0 if source == "-" else os.open(source, os.O_RDONLY)
        rest = b""
        while content := os.read(descriptor, block):
            *lines, rest = (rest + content).split(b"\n")
            yield from _paths_in(lines)
        yield from _paths_in([rest])
        if descriptor:
            os.close(descriptor)
    except OSError as error:
        raise SettingsError(f"--paths_from: expected a list of paths in {source}; {error.strerror or error}") from error


def _paths_in(lines: Iterable[bytes]) -> Iterator[str]:
    return (os.fsdecode(line) for line in (line.removesuffix(b"\r") for line in lines) if line)


def _key(path: str) -> int:
    whole = os.path.abspath(path).encode(errors="surrogateescape")
    return int.from_bytes(hashlib.blake2b(whole, digest_size=8).digest(), "big")


def _files_under(folder: str) -> Iterator[str]:
    """The media in a folder; the folder itself where there are none."""
    empty = True
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for path in (os.path.join(parent, name) for name in sorted(files) if not name.startswith(".")):
            if Path(path).suffix.lower() in _NAMED_MEDIA or _is_media(path):
                empty = False
                yield path
    if empty:
        yield folder


def _is_media(path: str) -> bool:
    try:
        return bool(media_kind(path))
    except BadMediaError:
        return False
