"""From a data set's tree on disk to clips: one module per data set, each with `find_clips(root, ...)`."""

import dataclasses
import hashlib
from pathlib import Path

from dfdetect_jax.data.example import SPLITS, Clip

# Photographs and videos by name; what a file really is decides `media.image.media_kind` when it is read.
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})
VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".avi", ".mkv", ".webm"})
_SHARES = {"train": 80, "val": 10, "test": 10}  # per cent of identities where a data set ships no split


@dataclasses.dataclass(frozen=True)
class Found:
    """What is in a tree.

    Attributes:
        clips: sorted by `Clip.video`; identities are disjoint between splits.
        findings: in words, what the tree lacks or holds beyond what is known.
    """

    clips: list[Clip]
    findings: list[str]


def split_by_hash(identity: str) -> str:
    """Split of an identity where the data set ships none: 80% train, 10% val, 10% test, by SHA-256 of its name."""
    place = int.from_bytes(hashlib.sha256(identity.encode()).digest()[:8]) % 100
    for split in SPLITS:
        place -= _SHARES[split]
        if place < 0:
            return split
    raise AssertionError("shares sum to 100")


def media_files(folder: Path, suffixes: frozenset[str]) -> list[Path]:
    """Files of `folder` (not below it) with one of `suffixes`, hidden ones left out, sorted by name."""
    if not folder.is_dir():
        return []
    named = (path for path in folder.iterdir() if path.suffix.lower() in suffixes and not path.name.startswith("."))
    return sorted(path for path in named if path.is_file())
