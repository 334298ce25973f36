"""Clips that are the same bytes under two names."""

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from dfdetect_jax.data.audit.outcome import Progress, no_progress
from dfdetect_jax.data.clip_media import sha256_media
from dfdetect_jax.data.example import SPLITS, Clip
from dfdetect_jax.data.finding import Finding, Severity, Subject, example_of
from dfdetect_jax.devices.host import processors


class Copies(NamedTuple):
    """Clips that exist more than once.

    Attributes:
        groups: indices of clips that are copies of each other, at least two in each.
        hashed: number of clips whose bytes were read, since others have their size.
    """

    groups: list[list[int]]
    hashed: int


class _Group(NamedTuple):
    """Two of the clips of one group, as an example, and how many it has."""

    one: Clip
    other: Clip
    size: int


def find_copies(clips: Sequence[Clip], progress: Progress = no_progress) -> Copies:
    """Finds clips with the same bytes: by size first, then by SHA-256 among those of one size.

    A clip that is a folder of pictures is a copy of another if all its pictures are, in their order. Clips that can't
    be read are no copies.
    """
    by_size = defaultdict(list)
    for i, clip in enumerate(clips):
        if size := _size(clip):
            by_size[size].append(i)
    suspects = [i for group in by_size.values() if len(group) > 1 for i in group]
    advance = progress("hashing files of one size", len(suspects))

    def digest(index: int) -> str | None:
        try:
            return sha256_media(clips[index].media)
        except OSError:
            return None
        finally:
            advance()

    by_digest = defaultdict(list)
    with ThreadPoolExecutor(processors()) as threads:
        for i, sha256 in zip(suspects, threads.map(digest, suspects), strict=True):
            if sha256 is not None:
                by_digest[sha256].append(i)
    return Copies([sorted(group) for group in by_digest.values() if len(group) > 1], len(suspects))


def copy_findings(clips: Sequence[Clip], copies: Copies) -> list[Finding]:
    """Findings about copies across splits, under both labels, and others, one of each kind with an example."""
    across, both_labels, others = [], [], []
    for indices in copies.groups:
        group = sorted((clips[i] for i in indices), key=lambda clip: SPLITS.index(clip.split))
        splits, labels = {clip.split for clip in group}, {clip.label for clip in group}
        if len(splits) > 1:
            across.append(_Group(group[0], group[-1], len(group)))
        if len(labels) > 1:
            by_label = sorted(group, key=lambda clip: clip.label)
            both_labels.append(_Group(by_label[0], by_label[-1], len(group)))
        if len(splits) == len(labels) == 1:
            others.append(_Group(group[0], group[-1], len(group)))
    kinds = (
        (
            across,
            Severity.ERROR,
            "are in several splits, byte for byte",
            "tests repeat training data; keep one each",
        ),
        (both_labels, Severity.ERROR, "are labelled real and fake alike, byte for byte", "one of the labels is wrong"),
        (others, Severity.WARNING, "are the same bytes under several names", "they count repeatedly; keep one each"),
    )
    return [
        Finding(Subject.DUPLICATES, severity, _words(groups, what, advice))
        for groups, severity, what, advice in kinds
        if groups
    ]


def across_splits(clips: Sequence[Clip], copies: Copies) -> set[int]:
    """Indices of clips of which another split has a copy."""
    return {i for group in copies.groups if len({clips[j].split for j in group}) > 1 for i in group}


def _words(groups: Sequence[_Group], what: str, advice: str) -> str:
    pairs = [f"{one.video} ({one.split}) and {other.video} ({other.split})" for one, other, _ in groups]
    return f"{sum(group.size for group in groups):,} clips {what}, {example_of(pairs)}: {advice}"


def _size(clip: Clip) -> tuple[int, int] | None:
    """Number of files, and bytes in all; None where one is missing or there are no bytes."""
    files = clip.frames or (clip.path,)
    try:
        total = sum(Path(path).stat().st_size for path in files)
    except OSError:
        return None
    return (len(files), total) if total else None
