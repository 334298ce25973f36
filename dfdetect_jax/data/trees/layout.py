"""Folders, media and lists of a data set's tree."""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from dfdetect_jax import files
from dfdetect_jax.errors import RecordsError
from dfdetect_jax.media.file_format import IMAGE_SUFFIXES, MEDIA_SUFFIXES

LONGEST_NAME = 60  # characters of a name that a list of strangers gives; at four bytes each any file system takes it


class Medium(NamedTuple):
    """A photograph, a video, or a folder of pictures (`frames`) that are one clip."""

    path: Path
    frames: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the file without suffix, or of the folder."""
        return self.path.name if self.frames else self.path.stem


def open_root(root: str | Path, expected: str) -> Path:
    """`root`, absolute.

    Raises:
        RecordsError: there is no such folder.
    """
    path = Path(root).absolute()
    if not path.is_dir():
        raise RecordsError(f"{path}: no such folder; expected one with {expected}")
    return path


def folders_in(folder: Path) -> list[Path]:
    """Folders right below `folder`, hidden ones left out, sorted by name; none where `folder` is missing."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def media_files(folder: Path, suffixes: frozenset[str]) -> list[Path]:
    """Files right below `folder` with one of `suffixes`, hidden ones left out, sorted by name.

    Links that lead nowhere are among them, so that reading them says so; else they would be passed over in silence.
    """
    if not folder.is_dir():
        return []
    candidates = (p for p in folder.iterdir() if p.suffix.lower() in suffixes and not p.name.startswith("."))
    return sorted(path for path in candidates if not path.is_dir())


def is_text(name: str) -> bool:
    """Whether the name of a file is UTF-8; Python keeps the bytes of others as lone surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def frame_files(folder: Path) -> tuple[str, ...]:
    """The pictures of a folder that is one clip, in the order of `in_frame_order`."""
    return in_frame_order(map(str, media_files(folder, IMAGE_SUFFIXES)))


def in_frame_order(files: Iterable[str]) -> tuple[str, ...]:
    """Pictures of one clip in the order of the numbers in their names: "2" before "10", "frame2" before "frame10"."""
    return tuple(sorted(files, key=_by_numbers))


def _by_numbers(file: str) -> tuple[list[str | int], str]:
    """Text and numbers of a path in turn, so that like is compared with like; then the path, for "1" and "01"."""
    stem, _ = os.path.splitext(file)
    parts = re.split(r"(\d+)", stem)
    return [int(part) if place % 2 else part for place, part in enumerate(parts)], file


def media_in(folder: Path) -> list[Medium]:
    """Photographs, videos and folders of pictures right below `folder`, by path."""
    files = [Medium(path) for path in media_files(folder, MEDIA_SUFFIXES)]
    clips = [Medium(path, frame_files(path)) for path in folders_in(folder)]
    return sorted(files + [clip for clip in clips if clip.frames])


def read_lines(path: Path, expected: str) -> list[str]:
    """The lines of a list that are not empty, stripped.

    Raises:
        RecordsError: missing or unreadable.
    """
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise RecordsError(f"{path}: expected {expected} ({_reason(error)})") from error


def read_entries(path: Path, expected: str) -> dict[str, dict[str, Any]]:
    """A JSON object of objects, such as a data set's metadata by file name.

    Raises:
        RecordsError: missing, unreadable, or of another form.
    """
    try:
        entries = files.read_json(path)
    except (OSError, ValueError) as error:
        raise RecordsError(f"{path}: expected {expected} ({_reason(error)})") from error
    if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
        raise RecordsError(f"{path}: expected {expected}, found JSON of another form; download it again")
    return entries


def _reason(error: Exception) -> str:
    return "no such file" if isinstance(error, FileNotFoundError) else str(error)
