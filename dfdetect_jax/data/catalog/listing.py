"""What a catalog lists: clips with findings about their tree, and the files in it that are media."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from dfdetect_jax.data.example import Clip

# Photographs and videos by name; what a file really is decides `media.image.media_kind` when it is read.
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})
VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".avi", ".mkv", ".webm"})
_NAMED = 5  # clips that a finding gives by name


@dataclasses.dataclass(frozen=True)
class Found:
    """What is in a tree.

    Attributes:
        clips: sorted by `Clip.video`; splits are disjoint in identities, donors, sources and videos.
        findings: in words, what the tree lacks or holds beyond what is known.
    """

    clips: list[Clip]
    findings: list[str]


def media_files(folder: Path, suffixes: frozenset[str]) -> list[Path]:
    """Files of `folder` (not below it) with one of `suffixes`, hidden ones left out, sorted by name."""
    if not folder.is_dir():
        return []
    named = (path for path in folder.iterdir() if path.suffix.lower() in suffixes and not path.name.startswith("."))
    return sorted(path for path in named if path.is_file())


def frame_files(folder: Path) -> tuple[str, ...]:
    """The pictures of a folder that holds one clip's frames, in their order: by number where all stems are numbers."""
    files = media_files(folder, IMAGE_SUFFIXES)
    if all(path.stem.isdecimal() for path in files):
        files.sort(key=lambda path: int(path.stem))
    return tuple(map(str, files))


def some(names: Sequence[str]) -> str:
    """The first few names, and how many there are, for a finding."""
    return f"{', '.join(names[:_NAMED])}{', ...' if len(names) > _NAMED else ''} ({len(names)})"
