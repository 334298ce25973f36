"""The result of reading a tree: its clips, and findings about it."""

import dataclasses
from collections.abc import Iterable

from dfdetect_jax.data.example import Clip
from dfdetect_jax.data.finding import Finding


@dataclasses.dataclass(frozen=True)
class Listing:
    """The clips of a tree.

    Attributes:
        clips: sorted by `Clip.video`; from `catalog.find_clips`, splits are disjoint in identities, donors, sources and
            videos.
        findings: what the tree lacks, and what in it is not read.
    """

    clips: list[Clip]
    findings: list[Finding]


def join(listings: Iterable[Listing]) -> Listing:
    """The clips of all listings, by name, and their findings in order."""
    parts = list(listings)
    return Listing(
        by_name(clip for part in parts for clip in part.clips), [finding for part in parts for finding in part.findings]
    )


def by_name(clips: Iterable[Clip]) -> list[Clip]:
    """Clips sorted by `Clip.video`."""
    return sorted(clips, key=lambda clip: clip.video)
