"""What the catalogs do alike with a tree on disk: open it, read its lists, and say what it lacks."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from dfdetect_jax.data.catalog.listing import IMAGE_SUFFIXES, VIDEO_SUFFIXES, frame_files, media_files, some
from dfdetect_jax.data.example import Clip, Label
from dfdetect_jax.errors import RecordsError

MEDIA_SUFFIXES = IMAGE_SUFFIXES | VIDEO_SUFFIXES


class Medium(NamedTuple):
    """A photograph or video, or a folder whose pictures (`frames`) are one clip's."""

    path: Path
    frames: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What its file or folder is called, without a suffix."""
        return self.path.name if self.frames else self.path.stem


def opened(root: str | Path, expected: str) -> Path:
    """`root`, absolute.

    Raises:
        RecordsError: there is no such folder.
    """
    root = Path(root).absolute()
    if not root.is_dir():
        raise RecordsError(f"{root}: no such folder; expected one with {expected}")
    return root


def read_lines(path: Path, expected: str) -> list[str]:
    """The lines of a list that are not empty, stripped.

    Raises:
        RecordsError: missing or unreadable.
    """
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise RecordsError(f"{path}: expected {expected} ({_reason(error)})") from error


def read_entries(path: Path, expected: str) -> dict[str, dict]:
    """A JSON object of objects, such as a data set's metadata by file name.

    Raises:
        RecordsError: missing, unreadable, or of another form.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise RecordsError(f"{path}: expected {expected} ({_reason(error)})") from error
    if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
        raise RecordsError(f"{path}: expected {expected}, found JSON of another form; get it anew")
    return entries


def media_in(folder: Path) -> list[Medium]:
    """Photographs and videos in `folder`, and the folders right below it that hold a clip's pictures, by name."""
    files = [Medium(path) for path in media_files(folder, MEDIA_SUFFIXES)]
    clips = [Medium(path, frame_files(path)) for path in folders_in(folder)]
    return sorted(files + [clip for clip in clips if clip.frames])


def folders_in(folder: Path) -> list[Path]:
    """Folders right below `folder`, hidden ones left out, sorted by name."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def other_folders(root: Path, known: Iterable[str], where: str = "") -> list[str]:
    """A finding about folders right below `root` that the data set does not have."""
    strange = [path.name for path in folders_in(root) if path.name not in set(known)]
    return left_out(where or root.name, "folders not of this data set", strange)


def other_files(folder: Path, suffixes: frozenset[str], where: str = "") -> list[str]:
    """A finding about files right below `folder` whose names are not those of the media looked for."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    strange = [path.name for path in files if path.suffix.lower() not in suffixes]
    return left_out(where or folder.name, "not of a kind that is read", strange)


def told(where: str, what: str, names: Sequence[str]) -> list[str]:
    """A finding about some files or clips, or none where there are none."""
    return [f"{where}: {what}: {some(names)}"] if names else []


def left_out(where: str, why: str, names: Sequence[str]) -> list[str]:
    """A finding about what is on disk and not taken."""
    return told(where, f"left out, {why}", names)


def absent(where: str, names: Sequence[str]) -> list[str]:
    """A finding about clips that a data set's list names and its tree lacks."""
    return told(where, "listed but absent", names)


def lacking(clips: Sequence[Clip]) -> list[str]:
    """Findings about all clips: no reals, no fakes, and per forgery the fakes that will have no mask."""
    findings = []
    if not any(clip.label == Label.REAL for clip in clips):
        findings.append("no reals, so nothing to tell fakes from")
    if not any(clip.label == Label.FAKE for clip in clips):
        findings.append("no fakes")
    bare: dict[str, list[str]] = {}
    for clip in clips:
        if clip.label == Label.FAKE and clip.mask_media is None and not clip.source_path:
            bare.setdefault(clip.forgery, []).append(clip.video)
    for forgery, videos in sorted(bare.items()):
        findings += told(forgery, "neither mask nor source on disk, so no masks", videos)
    return findings


def stray_masks(folders: Iterable[Path], clips: Iterable[Clip], root: Path) -> list[str]:
    """A finding about the pictures and videos of masks' folders that are no clip's mask."""
    used = {file for clip in clips for file in (clip.mask_path, *clip.masks)}
    files = (path for folder in folders for path in media_files(folder, MEDIA_SUFFIXES))
    stray = [path.relative_to(root).as_posix() for path in files if str(path) not in used]
    return told("masks", "belong to no fake", stray)


def first_of_each(clips: Sequence[Clip]) -> tuple[list[Clip], list[str]]:
    """The clips without those whose name another, earlier one has, and a finding about them."""
    first = {clip.video: clip for clip in reversed(clips)}
    doubled = sorted(video for video, count in Counter(clip.video for clip in clips).items() if count > 1)
    findings = [f"several files share a stem, only the first is read: {some(doubled)}"] if doubled else []
    return sorted(first.values(), key=lambda clip: clip.video), findings


def _reason(error: Exception) -> str:
    return "there is none" if isinstance(error, FileNotFoundError) else str(error)
