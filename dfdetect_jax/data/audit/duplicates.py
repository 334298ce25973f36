"""Clips that are the same bytes under two names."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from dfdetect_jax.data.audit.finding import DUPLICATES, ERROR, WARNING, Finding, Progress, such_as, unseen
from dfdetect_jax.data.example import SPLITS, Clip
from dfdetect_jax.devices.host import processors


class Copies(NamedTuple):
    """What is there more than once.

    Attributes:
        groups: places of clips that are one another's copies, at least two in each.
        hashed: clips whose bytes were read, since others have their size.
    """

    groups: list[list[int]]
    hashed: int


def find_copies(clips: Sequence[Clip], progress: Progress = unseen) -> Copies:
    """Finds clips with the same bytes: by size first, then by SHA-256 among those of one size.

    A clip that is a folder of pictures is the same as another if all its pictures are, in their order. Clips that can't
    be read are no copies of anything.
    """
    by_size = defaultdict(list)
    for place, clip in enumerate(clips):
        if size := _size(clip):
            by_size[size].append(place)
    suspects = [place for places in by_size.values() if len(places) > 1 for place in places]
    advance = progress("hashing files of one size", len(suspects))

    def digest(place: int) -> bytes | None:
        try:
            return _digest(clips[place])
        except OSError:
            return None
        finally:
            advance()

    by_digest = defaultdict(list)
    with ThreadPoolExecutor(processors()) as threads:
        for place, found in zip(suspects, threads.map(digest, suspects), strict=True):
            if found is not None:
                by_digest[found].append(place)
    return Copies([sorted(places) for places in by_digest.values() if len(places) > 1], len(suspects))


def copy_findings(clips: Sequence[Clip], copies: Copies) -> list[Finding]:
    """Tells copies across splits, copies under both labels, and other copies, each kind once with an example."""
    crossing, both_labels, plain = [], [], []
    for places in copies.groups:
        group = sorted((clips[place] for place in places), key=lambda clip: SPLITS.index(clip.split))
        across = len({clip.split for clip in group}) > 1
        labels = len({clip.label for clip in group}) > 1
        if across:
            crossing.append((group[0], group[-1], len(group)))
        if labels:
            by_label = sorted(group, key=lambda clip: clip.label)
            both_labels.append((by_label[0], by_label[-1], len(group)))
        if not across and not labels:
            plain.append((group[0], group[-1], len(group)))
    kinds = (
        (crossing, ERROR, "are in several splits, byte for byte", "tests meet what was trained on; keep one of each"),
        (both_labels, ERROR, "are called real and fake alike, byte for byte", "one of the labels is wrong"),
        (plain, WARNING, "are the same bytes under several names", "they count several times; keep one of each"),
    )
    return [Finding(DUPLICATES, severity, _words(found, *words)) for found, severity, *words in kinds if found]


def across_splits(clips: Sequence[Clip], copies: Copies) -> set[int]:
    """Places of clips of which another split has a copy."""
    return {place for places in copies.groups if len({clips[i].split for i in places}) > 1 for place in places}


def _words(found: list[tuple[Clip, Clip, int]], what: str, so: str) -> str:
    examples = [f"{one.video} ({one.split}) and {other.video} ({other.split})" for one, other, _ in found]
    return f"{sum(count for *_, count in found):,} clips {what}, {such_as(examples)}: {so}"


def _files(clip: Clip) -> tuple[str, ...]:
    return clip.frames or (clip.path,)


def _size(clip: Clip) -> tuple[int, int] | None:
    """How many files, and bytes in all; None where one is missing or there are none."""
    try:
        total = sum(Path(path).stat().st_size for path in _files(clip))
    except OSError:
        return None
    return (len(_files(clip)), total) if total else None


def _digest(clip: Clip) -> bytes:
    each = []
    for path in _files(clip):
        with open(path, "rb", buffering=0) as file:
            each.append(hashlib.file_digest(file, "sha256").digest())
    return hashlib.sha256(b"".join(each)).digest()
