"""A set of files by their paths, small enough for millions."""

import functools
import os

import numpy as np

from dfdetect_jax.shares import path_hash

_BLOCK = 65_536
_FOLDERS = 4096  # whose links were resolved lately


class PathSet:
    """A set of files, known by 64 bits of a hash of their paths: 8 MB for a million.

    A path is absolute, with the links among its folders resolved; its last part may be a link itself. Two of a million
    files share their bits with a probability of 3e-8.

    Args:
        block: files that are added before they are sorted in.
    """

    def __init__(self, block: int = _BLOCK):
        self._block = block
        self._sorted = np.zeros(0, np.uint64)
        self._new: set[int] = set()
        self._resolved = functools.lru_cache(_FOLDERS)(_resolved)

    def __contains__(self, path: str) -> bool:
        return self._has(self._key(path))

    def __len__(self) -> int:
        return len(self._sorted) + len(self._new)

    def add(self, path: str) -> bool:
        """Adds a file; returns whether it is new."""
        key = self._key(path)
        if self._has(key):
            return False
        self._new.add(key)
        if len(self._new) == self._block:
            self._sorted = np.union1d(self._sorted, np.fromiter(self._new, np.uint64, self._block))
            self._new = set()
        return True

    def _has(self, key: int) -> bool:
        place = np.searchsorted(self._sorted, np.uint64(key))
        return key in self._new or bool(place < len(self._sorted) and self._sorted[place] == key)

    def _key(self, path: str) -> int:
        parent, name = os.path.split(os.path.abspath(path))
        return path_hash(os.path.join(self._resolved(parent), name))


def _resolved(folder: str) -> str:
    try:
        return os.path.realpath(folder)
    except (OSError, ValueError):  # a link that can't be followed, or no path at all
        return folder
