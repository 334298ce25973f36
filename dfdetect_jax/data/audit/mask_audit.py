"""Masks that do not fit their clips."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from dfdetect_jax.data.audit.outcome import Progress, no_progress
from dfdetect_jax.data.audit.sampling import sample_clips
from dfdetect_jax.data.example import Clip, Label
from dfdetect_jax.data.finding import Finding, Severity, Subject, example_of, quantity
from dfdetect_jax.devices.host import processors
from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.image import media_kind, read_image
from dfdetect_jax.media.video import probe, read_frames

SAMPLE = 100  # masks of each forgery that are examined
_EARLY = (0, 10, 20)  # frames of a mask video; where they are black, also one in the middle and the last one
_WHITE = 192  # grey levels; white stays above this when it is compressed
_BLACK = 64
_ALL = 0.95  # share of the picture from which on a mask marks nearly all of it
# Drawn ellipses saved as JPEG of quality 20, MJPEG or MPEG-4, or halved and enlarged, stay under 0.01; edges feathered
# by a Gaussian of 8 pixels have 0.1 and more, maps of grey differences all.
_GREY = 0.05
_OUTLINE = 3  # pixels to either side of an outline that compression may turn grey

_WORDS = {
    "size": (
        "not of the size of their picture: they are not used, and the fakes count as without mask; "
        "scale them to the picture"
    ),
    "black": "black all over although the clip is a fake, so that no pixel counts as forged; mark forged pixels white",
    "white": f"white on more than {_ALL:.0%} of the picture: correct only where the whole picture is generated",
    "grey": "partly grey: pixels of at least half brightness will count as forged",
    "shorter": "with fewer frames than their clip: the frames beyond their end have no mask",
}


def mask_findings(clips: Sequence[Clip], progress: Progress = no_progress) -> tuple[list[Finding], int]:
    """Examines up to `SAMPLE` masks of each forgery, of a video a few frames.

    Masks that can't be read are left to `readability.open_clips`.

    Returns:
        A finding per kind of misfit, and the number of masks examined.
    """
    masked = [clip for clip in clips if clip.label == Label.FAKE and clip.mask_media]
    forgeries = sorted({clip.forgery for clip in masked})
    sample = [c for forgery in forgeries for c in sample_clips((m for m in masked if m.forgery == forgery), SAMPLE)]
    advance = progress("examining masks", len(sample))

    def examine(clip: Clip) -> dict[str, str]:
        try:
            return misfits(clip)
        except BadMediaError:
            return {}
        finally:
            advance()

    with ThreadPoolExecutor(processors()) as threads:
        results = list(zip(sample, threads.map(examine, sample), strict=True))
    findings = []
    for kind, words in _WORDS.items():
        examples = [f"{clip.video}{details[kind]}" for clip, details in results if kind in details]
        if examples:
            counts = f"{len(examples):,} of {quantity(len(sample), 'masks')} examined"
            words = f"{counts}: {words}; {example_of(examples)}"
            findings.append(Finding(Subject.MASKS, Severity.WARNING, words))
    return findings + _gap_findings(masked), len(sample)


def misfits(clip: Clip) -> dict[str, str]:
    """What is wrong with the mask of a fake: "size", "black", "white", "grey" or "shorter", each with details.

    Raises:
        BadMediaError: the clip or the mask can't be read.
    """
    details: dict[str, str] = {}
    brightest, smallest_share = 0, 1.0
    for shape, picture in _mask_pictures(clip):
        mask = picture.max(axis=-1)
        if mask.shape != shape:
            details["size"] = f" ({mask.shape[1]}x{mask.shape[0]}, its picture {shape[1]}x{shape[0]})"
        brightest = max(brightest, int(mask.max()))
        smallest_share = min(smallest_share, float(np.mean(mask >= 128)))
        if grey_share(mask) > _GREY:
            details["grey"] = f" ({grey_share(mask):.0%} of the marked pixels)"
    if brightest < 128:
        details["black"] = f" (its brightest value is {brightest})"  # 1 in those stored as 0 and 1
    if smallest_share > _ALL:
        details["white"] = ""
    if (lengths := _lengths(clip)) and lengths[0] < lengths[1]:
        details["shorter"] = f" ({lengths[0]} of {lengths[1]} frames)"
    return details


def grey_share(mask: np.ndarray) -> float:
    """The share of a mask's marked pixels that are grey and not on an outline, where compression would explain it.

    Args:
        mask: uint8 [H, W].
    """
    white, black = mask >= _WHITE, mask < _BLACK
    kernel = np.ones((2 * _OUTLINE + 1, 2 * _OUTLINE + 1), np.uint8)
    near_white, near_black = (cv2.dilate(level.astype(np.uint8), kernel) > 0 for level in (white, black))
    grey = ~white & ~black & ~(near_white & near_black)
    return float(grey.sum() / max(1, np.count_nonzero(grey | white)))


def _mask_pictures(clip: Clip) -> Iterator[tuple[tuple[int, ...], np.ndarray]]:
    """(H, W) of a picture, and its mask as uint8 [h, w, 3], for some frames."""
    if any(clip.masks):
        pairs = [pair for pair in zip(clip.frames, clip.masks, strict=True) if pair[1]]
        for place in sorted({0, len(pairs) // 2, len(pairs) - 1}):
            frame, mask = pairs[place]
            yield read_image(frame).shape[:2], read_image(mask)
    elif clip.mask_path:
        shape = read_image(clip.path).shape[:2] if media_kind(clip.path) == "image" else _video_shape(clip.path)
        one = media_kind(clip.mask_path) == "image"
        yield from ((shape, mask) for mask in ([read_image(clip.mask_path)] if one else _mask_frames(clip.mask_path)))


def _mask_frames(path: str) -> Iterator[np.ndarray]:
    """The early frames of a mask video; where they are black, also one in the middle and the last one."""
    total, black = probe(path).frames, True
    for frame in read_frames(path, [*_EARLY, total // 2, total - 1]):
        yield frame.image
        black = black and frame.image.max() < 128
        if frame.index >= _EARLY[-1] and not black:
            return


def _video_shape(path: str) -> tuple[int, int]:
    info = probe(path)
    return info.height, info.width


def _lengths(clip: Clip) -> tuple[int, int] | None:
    """Frames of the mask video and of its clip; None where one is no video."""
    if clip.frames or not clip.mask_path or "image" in (media_kind(clip.mask_path), media_kind(clip.path)):
        return None
    return probe(clip.mask_path).frames, probe(clip.path).frames


def _gap_findings(masked: Sequence[Clip]) -> list[Finding]:
    """A note about folders of pictures in which only some pictures have a mask."""
    gaps = [clip for clip in masked if clip.frames and not all(clip.masks)]
    if not gaps:
        return []
    example = example_of([f"{clip.video} ({clip.masks.count('')} of {len(clip.masks)} pictures)" for clip in gaps])
    words = f"{quantity(len(gaps), 'clips')} without masks for some pictures: {example}"
    return [Finding(Subject.MASKS, Severity.NOTE, words)]
