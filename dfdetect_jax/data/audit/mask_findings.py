"""Masks that don't fit what they mark."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from dfdetect_jax.data.audit.finding import MASKS, WARNING, Finding, Progress, number, sampled, such_as, unseen
from dfdetect_jax.data.example import Clip, Label
from dfdetect_jax.devices.host import processors
from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.image import media_kind, read_image
from dfdetect_jax.media.video import probe, read_frames

SAMPLE = 100  # masks of each forgery that are looked at
_EARLY = (0, 10, 20)  # frames of a mask video; where they are black, also one in the middle and the last one
_WHITE = 192  # grey levels; what compression leaves of white stays above
_BLACK = 64
_ALL = 0.95  # of the picture, from which on a mask marks nearly all
# Drawn ellipses saved as JPEG of quality 20, MJPEG or MPEG-4, or halved and enlarged, stay under 0.01; edges feathered
# by a Gaussian of 8 pixels have 0.1 and more, maps of grey differences all.
_GREY = 0.05
_OUTLINE = 3  # pixels to either side of an outline that compression may turn grey

_WORDS = {
    "size": (
        "of another size than their picture: they are refused, and the fakes count as without masks; "
        "scale them to the picture"
    ),
    "black": "black all over although the clip is a fake, so that nothing counts as forged; white (255) marks it",
    "white": f"white on more than {_ALL:.0%} of the picture: right only where the whole picture is made up",
    "grey": "neither black nor white in parts: what is at least half on will count as forged",
    "shorter": "with fewer frames than their clip: frames beyond the end have no mask",
}


def mask_findings(clips: Sequence[Clip], progress: Progress = unseen) -> tuple[list[Finding], int]:
    """Looks at up to `SAMPLE` masks of each forgery, of a video at a few frames.

    Masks that can't be read are left to `open_clips`.

    Returns:
        A finding per kind of misfit, and how many masks were looked at.
    """
    masked = [clip for clip in clips if clip.label == Label.FAKE and clip.mask_media]
    forgeries = sorted({clip.forgery for clip in masked})
    chosen = [c for forgery in forgeries for c in sampled((clip for clip in masked if clip.forgery == forgery), SAMPLE)]
    advance = progress("looking at masks", len(chosen))

    def look(clip: Clip) -> dict[str, str]:
        try:
            return misfits(clip)
        except BadMediaError:
            return {}
        finally:
            advance()

    with ThreadPoolExecutor(processors()) as threads:
        found = list(threads.map(look, chosen))
    findings = []
    for kind, words in _WORDS.items():
        examples = [f"{c.video}{told[kind]}" for c, told in zip(chosen, found, strict=True) if kind in told]
        if examples:
            counts = f"{len(examples):,} of {number(len(chosen), 'masks')} looked at"
            findings.append(Finding(MASKS, WARNING, f"{counts}: {words}; {such_as(examples)}"))
    return findings + _gaps(masked), len(chosen)


def misfits(clip: Clip) -> dict[str, str]:
    """What is wrong with the mask of one fake: "size", "black", "white", "grey" or "shorter", each with details.

    Raises:
        BadMediaError: the clip or the mask can't be read.
    """
    found, brightest, least = {}, 0, 1.0
    for shape, mask in _pairs(clip):
        on = mask.max(axis=-1)
        if on.shape != shape:
            found["size"] = f" ({on.shape[1]}x{on.shape[0]}, its picture {shape[1]}x{shape[0]})"
        brightest, least = max(brightest, int(on.max())), min(least, float(np.mean(on >= 128)))
        if grey_share(on) > _GREY:
            found["grey"] = f" ({grey_share(on):.0%} of what is marked)"
    if brightest < 128:
        found["black"] = f" (its brightest value is {brightest})"  # 1 in those stored as 0 and 1
    if least > _ALL:
        found["white"] = ""
    if (lengths := _lengths(clip)) and lengths[0] < lengths[1]:
        found["shorter"] = f" ({lengths[0]} of {lengths[1]} frames)"
    return found


def grey_share(mask: np.ndarray) -> float:
    """Which share of what a mask marks is grey and not on an outline, where compression would explain it.

    Args:
        mask: uint8 [H, W].
    """
    white, black = mask >= _WHITE, mask < _BLACK
    kernel = np.ones((2 * _OUTLINE + 1, 2 * _OUTLINE + 1), np.uint8)
    outline = cv2.dilate(white.astype(np.uint8), kernel) & cv2.dilate(black.astype(np.uint8), kernel)
    grey = ~white & ~black & (outline == 0)
    return float(grey.sum() / max(1, np.count_nonzero(grey | white)))


def _pairs(clip: Clip) -> Iterator[tuple[tuple[int, int], np.ndarray]]:
    """(H, W) of a picture, and its mask as uint8 [h, w, 3], for some frames."""
    if any(clip.masks):
        masked = [pair for pair in zip(clip.frames, clip.masks, strict=True) if pair[1]]
        for place in sorted({0, len(masked) // 2, len(masked) - 1}):
            frame, mask = masked[place]
            yield read_image(frame).shape[:2], read_image(mask)
    elif media_kind(clip.mask_path) == "image":
        shape = read_image(clip.path).shape[:2] if media_kind(clip.path) == "image" else _video_shape(clip.path)
        yield shape, read_image(clip.mask_path)
    else:
        shape = _video_shape(clip.path)
        yield from ((shape, mask) for mask in _mask_frames(clip.mask_path))


def _mask_frames(path: str) -> Iterator[np.ndarray]:
    """The early frames of a mask video; where they are black, go on to the middle and to the end."""
    total, black = probe(path).frames, True
    for index, mask in read_frames(path, [*_EARLY, total // 2, total - 1]):
        yield mask
        black = black and mask.max() < 128
        if index >= _EARLY[-1] and not black:
            return


def _video_shape(path: str) -> tuple[int, int]:
    info = probe(path)
    return info.height, info.width


def _lengths(clip: Clip) -> tuple[int, int] | None:
    """Frames of the mask video and of its clip; None where one is no video."""
    if clip.frames or "image" in (media_kind(clip.mask_path), media_kind(clip.path)):
        return None
    return probe(clip.mask_path).frames, probe(clip.path).frames


def _gaps(masked: Sequence[Clip]) -> list[Finding]:
    """Folders of pictures in which only some pictures have a mask."""
    gaps = [clip for clip in masked if clip.frames and not all(clip.masks)]
    if not gaps:
        return []
    example = such_as([f"{clip.video} ({clip.masks.count('')} of {len(clip.masks)} pictures)" for clip in gaps])
    return [Finding(MASKS, WARNING, f"{number(len(gaps), 'clips')} without masks for some pictures: {example}")]
