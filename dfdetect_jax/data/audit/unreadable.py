"""Whether every file of a tree can be opened."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from dfdetect_jax.data.audit.finding import ERROR, FILES, Finding, Progress, number, unseen
from dfdetect_jax.data.example import Clip, Media
from dfdetect_jax.devices.host import processors
from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.image import media_kind, read_image
from dfdetect_jax.media.video import read_frames

FLAT = 4.0  # grey levels: a picture whose standard deviation is less shows nothing, such as the black before a fade-in
# Of a video the first frame that shows something, of these. On FaceForensics++ and DFDC frame 0 costs 10 to 85 ms,
# frame 30 costs 35 to 230 ms.
_SHOWN = (0, 10, 20, 30)
_STRIDE = 8  # pixels between those that tell whether a frame is flat; all of a large frame would take 40 ms
_TOLD = 20  # files that are told one by one
Seen = TypeVar("Seen")


class _File(NamedTuple):
    place: int  # of its clip
    role: str
    media: Media


def open_clips(
    clips: Sequence[Clip], look: Callable[[np.ndarray], Seen], progress: Progress = unseen
) -> tuple[list[Finding], list[Seen | None]]:
    """Opens every clip, mask and source once: photographs whole, videos at their beginning.

    Of a folder of pictures the first, middle and last are read, and none may be empty.

    Args:
        clips: to open.
        look: called, from several threads, with a picture of each clip, uint8 [H, W, 3] RGB: the photograph, the first
            frame of a video that shows something, the middle picture of a folder.

    Returns:
        Which files can't be read, and what `look` gave for each clip, None where there is no picture.
    """
    files = _files(clips)
    seen: list[Seen | None] = [None] * len(clips)
    advance = progress("opening files", len(files))

    def open_one(file: _File) -> str | None:
        try:
            picture = _read(file.media, _SHOWN if file.role == "clip" else (0,))
            if file.role == "clip":
                seen[file.place] = look(picture)
        except BadMediaError as error:
            return f"{clips[file.place].video}: {file.role} can't be read: {error}"
        finally:
            advance()
        return None

    with ThreadPoolExecutor(processors()) as threads:
        words = list(threads.map(open_one, files))
    broken = [(file, told) for file, told in zip(files, words, strict=True) if told]
    findings = [Finding(FILES, ERROR, told) for _, told in broken[:_TOLD]]
    if more := Counter(file.role for file, _ in broken[_TOLD:]):
        counts = ", ".join(number(count, f"{role}s") for role, count in more.items())
        findings.append(Finding(FILES, ERROR, f"more that can't be read: {counts}"))
    return findings, seen


def _files(clips: Sequence[Clip]) -> list[_File]:
    """Clips first, so that a source which is a clip itself is told as that clip."""
    files = {clip.media: _File(place, "clip", clip.media) for place, clip in reversed(list(enumerate(clips)))}
    files = dict(reversed(files.items()))
    for place, clip in enumerate(clips):
        for role, media in (("mask", clip.mask_media), ("source", clip.source_path)):
            if isinstance(media, tuple):
                media = tuple(filter(None, media))
            if media:
                files.setdefault(media, _File(place, role, media))
    return list(files.values())


def _read(media: Media, shown: Sequence[int]) -> np.ndarray:
    """A picture of a photograph, a video or a folder of pictures, uint8 [H, W, 3] RGB."""
    if isinstance(media, tuple):
        for path in media:
            _refuse_empty(path)
        middle = len(media) // 2
        pictures = {place: read_image(media[place]) for place in sorted({0, middle, len(media) - 1})}
        return pictures[middle]
    if media_kind(media) == "image":
        return read_image(media)
    frame = None
    for _, frame in read_frames(media, shown):
        if frame[::_STRIDE, ::_STRIDE].std() >= FLAT:
            break
    if frame is None:
        raise BadMediaError(f"{media}: its first frame can't be decoded")
    return frame


def _refuse_empty(path: str) -> None:
    try:
        empty = Path(path).stat().st_size == 0
    except OSError as error:
        raise BadMediaError(f"{path}: can't be opened ({error.strerror or error})") from error
    if empty:
        raise BadMediaError(f"{path}: an empty file")
