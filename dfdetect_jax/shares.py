"""Dividing work between machines: share i of n takes every n-th piece."""

import dataclasses

from dfdetect_jax.errors import SettingsError


@dataclasses.dataclass(frozen=True)
class Share:
    """Share `index` (from 0) of `count` shares."""

    index: int = 0
    count: int = 1

    def of(self, total: int) -> list[int]:
        """Which of `total` pieces of work belong to this share: numbers from 0, rising."""
        return list(range(self.index, total, self.count))


def read_share(text: str) -> Share:
    """Parses "i/n", i from 0.

    Raises:
        SettingsError: it isn't of this form.
    """
    index, slash, count = text.partition("/")
    if slash and index.isdecimal() and count.isdecimal() and int(index) < int(count):
        return Share(int(index), int(count))
    raise SettingsError(f"shard: expected i/n with i from 0 to n - 1, such as 0/8, found {text!r}")
