"""Dividing work between machines: of a fixed list share i of n takes every n-th piece, of paths those of its hashes."""

import dataclasses
import hashlib
import os

from dfdetect_jax.errors import SettingsError


@dataclasses.dataclass(frozen=True)
class Share:
    """Share `index` (from 0) of `count` shares."""

    index: int = 0
    count: int = 1

    def of(self, total: int) -> list[int]:
        """Which of `total` pieces of work belong to this share: numbers from 0, rising."""
        return list(range(self.index, total, self.count))

    def has(self, path: str) -> bool:
        """Whether a file belongs to this share, by a hash of its absolute path; links in it are not resolved.

        So a file stays in its share while others come and go, and machines that reach it by the same absolute path
        agree. The hash: the first 8 bytes of BLAKE2b-64 (RFC 7693) of the path's bytes, big-endian, modulo `count`.
        """
        return self.count == 1 or path_hash(os.path.abspath(path)) % self.count == self.index


def path_hash(path: str) -> int:
    """64 bits of a hash of a path's own bytes, the same on every machine."""
    return int.from_bytes(hashlib.blake2b(path.encode(errors="surrogateescape"), digest_size=8).digest(), "big")


def read_share(text: str) -> Share:
    """Parses "i/n", i from 0.

    >>> read_share("1/3").of(7)
    [1, 4]

    Raises:
        SettingsError: it isn't of this form.
    """
    index, slash, count = text.partition("/")
    if slash and index.isdecimal() and count.isdecimal() and int(index) < int(count):
        return Share(int(index), int(count))
    raise SettingsError(f"shard: expected i/n with i from 0 to n - 1, such as 0/8, found {text!r}")
