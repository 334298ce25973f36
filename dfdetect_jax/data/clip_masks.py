"""Whether the mask of a fake fits it: the one rule that `check` reports by and `prepare` refuses by."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from dfdetect_jax.data.example import Clip
from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.decoding import probe, read_frames, read_image
from dfdetect_jax.media.file_format import media_kind
from dfdetect_jax.media.mask import WHITE, two_valued

REFUSED = {
    "size": ("not of the size of its picture", "scale it to the picture"),
    "black": ("black all over although the clip is a fake", "mark forged pixels white"),
}
"""Misfits with which a mask is not used: what is wrong, and what to do."""
TWO_VALUED = "two-valued"
_EARLY = (0, 10, 20)  # frames of a mask video; where they are black, also one in the middle and the last one
_BRIGHT = 192  # grey levels; white stays above this when it is compressed
_BLACK = 64
_ALL = 0.95  # share of the picture from which on a mask marks nearly all of it
# Drawn ellipses saved as JPEG of quality 20, MJPEG or MPEG-4, or halved and enlarged, stay under 0.01; edges feathered
# by a Gaussian of 8 pixels have 0.1 and more, maps of grey differences all.
_GREY = 0.05
_OUTLINE = 3  # pixels to either side of an outline that compression may turn grey


@dataclasses.dataclass(frozen=True)
class MaskReview:
    """How the mask of a fake fits it.

    Attributes:
        misfits: what is unusual about it, each with details. "size", "black": it is refused. "two-valued": black and
            one value below half brightness, such as 0 and 1; it is read rightly. "white": nearly the whole picture.
            "grey": in part. "shorter": it ends before the clip.
        least: grey level from which on a pixel is forged.
    """

    misfits: dict[str, str]
    least: int = WHITE

    @property
    def refusal(self) -> str:
        """Why the mask is not used; "" if it is."""
        wrong = ((*REFUSED[kind], self.misfits[kind]) for kind in REFUSED if kind in self.misfits)
        return "; ".join(f"{what}{details}; {advice}" for what, advice, details in wrong)


class _Pair(NamedTuple):
    """The shape (H, W) of a picture, and its mask, uint8 [h, w]: the largest channel."""

    shape: tuple[int, ...]
    mask: np.ndarray


def review_mask(clip: Clip) -> MaskReview:
    """Reviews the mask of a fake by a few of its frames.

    Raises:
        BadMediaError: the mask can't be read, or the clip can't.
    """
    pairs = list(_pairs(clip))
    if not pairs:
        raise BadMediaError(f"{clip.mask_path}: expected a mask, found no frame that can be decoded; save it again")
    value = two_valued(mask for _, mask in pairs) if _of_pictures(clip) else 0
    least, details = value or WHITE, dict(_misfits(pairs, value or WHITE))
    if value:
        details[TWO_VALUED] = f" (of 0 and {value})"
    if (lengths := _lengths(clip)) and lengths[0] < lengths[1]:
        details["shorter"] = f" ({lengths[0]} of {lengths[1]} frames)"
    return MaskReview(details, least)


def _misfits(pairs: Sequence[_Pair], least: int) -> Iterator[tuple[str, str]]:
    """What some frames show: kinds of `MaskReview.misfits`, with details."""
    for shape, mask in pairs:
        if mask.shape != shape:
            yield "size", f" ({mask.shape[1]}x{mask.shape[0]}, its picture {shape[1]}x{shape[0]})"
    brightest = max(int(mask.max()) for _, mask in pairs)
    if brightest < least:
        yield "black", f" (its brightest value is {brightest})"
    if min(float(np.mean(mask >= least)) for _, mask in pairs) > _ALL:
        yield "white", ""
    greys = [grey_share(mask) for _, mask in pairs] if least == WHITE else [0.0]
    if max(greys) > _GREY:
        yield "grey", f" ({max(greys):.0%} of the marked pixels)"


def grey_share(mask: np.ndarray) -> float:
    """The share of a mask's marked pixels that are grey and not on an outline, where compression would explain it.

    Args:
        mask: uint8 [H, W].
    """
    white, black = mask >= _BRIGHT, mask < _BLACK
    kernel = np.ones((2 * _OUTLINE + 1, 2 * _OUTLINE + 1), np.uint8)
    near_white, near_black = (cv2.dilate(level.astype(np.uint8), kernel) > 0 for level in (white, black))
    grey = ~white & ~black & ~(near_white & near_black)
    return float(grey.sum() / max(1, np.count_nonzero(grey | white)))


def _of_pictures(clip: Clip) -> bool:
    """Whether the mask is saved as pictures: in videos compression makes black to black and a little more."""
    return any(clip.masks) or (clip.mask_path is not None and media_kind(clip.mask_path) == "image")


def _pairs(clip: Clip) -> Iterator[_Pair]:
    """Pictures with their masks, for some frames.

    Raises:
        BadMediaError: none can be read.
    """
    if any(clip.masks):
        yield from _picture_pairs(clip)
    elif clip.mask_path:
        shape = read_image(clip.path).shape[:2] if media_kind(clip.path) == "image" else _video_shape(clip.path)
        one = media_kind(clip.mask_path) == "image"
        pictures = [read_image(clip.mask_path)] if one else _mask_frames(clip.mask_path)
        yield from (_Pair(shape, picture.max(axis=-1)) for picture in pictures)


def _picture_pairs(clip: Clip) -> Iterator[_Pair]:
    """Of a folder of pictures with masks the first, middle and last that can be read."""
    places = [place for place, mask in enumerate(clip.masks) if mask]
    failure, count = None, 0
    for place in sorted({places[0], places[len(places) // 2], places[-1]}):
        try:
            yield _Pair(read_image(clip.frames[place]).shape[:2], read_image(clip.masks[place]).max(axis=-1))
            count += 1
        except BadMediaError as error:
            failure = error
    if failure and not count:
        raise failure


def _mask_frames(path: str) -> Iterator[np.ndarray]:
    """The early frames of a mask video; where they are black, also one in the middle and the last one."""
    total, black = probe(path).frames, True
    for frame in read_frames(path, [*_EARLY, total // 2, max(0, total - 1)]):
        yield frame.image
        black = black and frame.image.max() < WHITE
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
