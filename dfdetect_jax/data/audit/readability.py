"""Whether every file of a tree can be opened."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from dfdetect_jax.data.audit.outcome import Progress, no_progress
from dfdetect_jax.data.example import Clip, Media
from dfdetect_jax.data.finding import Finding, Severity, Subject, quantity
from dfdetect_jax.devices.host import processors
from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.decoding import read_frames, read_intact
from dfdetect_jax.media.file_format import media_kind

FLAT = 4.0  # grey levels; a picture of a lower standard deviation is blank, such as the black before a fade-in
# Of a video the first of these frames that is not blank. On FaceForensics++ and DFDC frame 0 costs 10 to 85 ms, frame
# 30 costs 35 to 230 ms.
_CANDIDATES = (0, 10, 20, 30)
_STRIDE = 8  # pixels between those that decide whether a frame is blank; all of a large frame would take 40 ms
_FILES_SHOWN = 20  # unreadable files with a finding each
View = TypeVar("View")


class _File(NamedTuple):
    """A file of a clip (by its index), and its role: "clip", "mask" or "source"."""

    clip: int
    role: str
    media: Media


def open_clips(
    clips: Sequence[Clip], view: Callable[[np.ndarray], View | None], progress: Progress = no_progress
) -> tuple[list[Finding], list[View | None]]:
    """Opens every clip, mask and source once: photographs as a whole, videos at their beginning.

    Of a folder of pictures the first, middle and last are read, and none may be empty.

    Args:
        clips: to open.
        view: called, from several threads, with a picture of each clip, uint8 [H, W, 3] RGB: the photograph, the first
            frame of a video that is not blank, the middle picture of a folder.
        progress: shows how far it is.

    Returns:
        Findings about files that can't be read, and the result of `view` for each clip, None without a picture.
    """
    files = _files(clips)
    views: list[View | None] = [None] * len(clips)
    advance = progress("opening files", len(files))

    def open_file(file: _File) -> str | None:
        try:
            picture = _read(file.media, _CANDIDATES if file.role == "clip" else (0,))
            if file.role == "clip":
                views[file.clip] = view(picture)
        except BadMediaError as error:
            return f"{clips[file.clip].video}: {file.role} can't be read: {error}"
        finally:
            advance()
        return None

    with ThreadPoolExecutor(processors()) as threads:
        results = list(zip(files, threads.map(open_file, files), strict=True))
    broken = [(file.role, words) for file, words in results if words]
    findings = [Finding(Subject.FILES, Severity.ERROR, words) for _, words in broken[:_FILES_SHOWN]]
    if more := Counter(role for role, _ in broken[_FILES_SHOWN:]):
        counts = ", ".join(quantity(count, f"{role}s") for role, count in more.items())
        findings.append(Finding(Subject.FILES, Severity.ERROR, f"more that can't be read: {counts}"))
    return findings, views


def _files(clips: Sequence[Clip]) -> list[_File]:
    """Clips first, so that a source that is a clip itself is reported as that clip."""
    clip_files = {clip.media: _File(i, "clip", clip.media) for i, clip in reversed(list(enumerate(clips)))}
    files = dict(reversed(clip_files.items()))
    for i, clip in enumerate(clips):
        for role, media in (("mask", clip.mask_media), ("source", clip.source_path)):
            if isinstance(media, tuple):
                media = tuple(filter(None, media))
            if media:
                files.setdefault(media, _File(i, role, media))
    return list(files.values())


def _read(media: Media, candidates: Sequence[int]) -> np.ndarray:
    """A picture of a photograph, a video or a folder of pictures, uint8 [H, W, 3] RGB."""
    if isinstance(media, tuple):
        for path in media:
            _refuse_empty(path)
        middle = len(media) // 2
        pictures = {place: read_intact(media[place]) for place in sorted({0, middle, len(media) - 1})}
        return pictures[middle]
    if media_kind(media) == "image":
        return read_intact(media)
    picture = None
    for frame in read_frames(media, candidates):
        picture = frame.image
        if picture[::_STRIDE, ::_STRIDE].std() >= FLAT:
            break
    if picture is None:
        raise BadMediaError(f"{media}: its first frame can't be decoded")
    return picture


def _refuse_empty(path: str) -> None:
    try:
        empty = Path(path).stat().st_size == 0
    except OSError as error:
        raise BadMediaError(f"{path}: can't be opened ({error.strerror or error})") from error
    if empty:
        raise BadMediaError(f"{path}: an empty file")
