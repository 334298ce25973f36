"""Masks of the forged pixels: a data set's own, or the difference between a fake and its source.

A difference is usable only if the pair matches. A forgery changes the face; elsewhere fake and source should differ by
no more than recompression accounts for. If they differ there as much as in the face, the pair was compressed too
differently or isn't aligned, and the difference is not a mask. Where the face fills the picture, as in aligned
photographs, the quarter of the pixels that differs least takes the place of the surroundings. `contrast` measures this
frame by frame, and `difference_usable` decides for the clip.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from dfdetect_jax.errors import BadMediaError

WHITE = 128  # grey level from which on a pixel of a mask is forged
LEAST_DIFFERENCE = 6.0  # grey levels; recompression at c23 stays under it on 99 of 100 pixels of FaceForensics++ clips
# Inside over outside. On FaceForensics++ at c23, single frames of good pairs have 6 to 15, of a bad one 1.1 to 1.9.
LEAST_CONTRAST = 3.0
_SMOOTHING = 1 / 240  # of the picture's shorter side
_SMALLEST_PART = 0.1  # of the largest part; smaller specks are compression noise
_GAP = 0.2  # of the largest part's width; narrower gaps belong to the face: skin that happens to have the same colour
_HALO = 0.5  # of the face box, around it; neither inside nor outside
_FEWEST_OUTSIDE = 0.05  # of all pixels; with fewer the surroundings can't be measured
# Of faces that fill the picture. CelebA photographs with a region changed, noise and JPEG 90 to 95 had 0.9 to 2.1,
# shifted by 4 pixels 1.8 to 7, another person 21 and more. Six times the level gave the masks nearest to the truth
# (intersection over union .65 to .96, with 128 and 256 pixels; three times .44 to .92).
_MOST_QUIET = 2.5  # grey levels
_OVER_QUIET = 6.0


class Contrast(NamedTuple):
    """The difference between a fake and its source in one frame, in grey levels, 0 to 255.

    Attributes:
        inside: 95th percentile of the smoothed difference in the faces' boxes.
        outside: 99th percentile away from them; NaN where faces fill the picture.
        quiet: 25th percentile over the picture.
        most: 99th percentile over the picture.
    """

    inside: float
    outside: float
    quiet: float = 0.0
    most: float = 0.0


class Judgement(NamedTuple):
    """Whether the differences of a clip are usable as masks.

    Attributes:
        usable: whether they are.
        threshold: for `difference_mask`, grey levels.
        reason: why they are not; "" if usable.
    """

    usable: bool
    threshold: float
    reason: str


def binary_mask(frame: np.ndarray, shape: tuple[int, int], least: int = WHITE) -> np.ndarray:
    """Binarizes a data set's own mask, which compression may have blurred and some tools paint in colour.

    Args:
        frame: uint8 [H, W, 3], a mask picture or a frame of a mask video; forged where its largest channel is at least
            `least`.
        shape: (H, W) of the frame that it belongs to.
        least: grey level; half brightness, or the value that `two_valued` gives.

    Returns:
        uint8 [H, W] in {0, 255}.

    Raises:
        BadMediaError: the mask has another size than its frame.
    """
    _same_size("mask", frame.shape[:2], "frame", shape)
    return np.where(frame.max(axis=-1) >= least, 255, 0).astype(np.uint8)


def two_valued(masks: Iterable[np.ndarray]) -> int:
    """The value that marks forged pixels in masks of 0 and one value below `WHITE`, such as those of 0 and 1.

    Args:
        masks: of one clip, uint8 [H, W] each, of pictures: a video coder turns black into black and a little more.

    Returns:
        That value; 0 where there is none, there are several, or a mask reaches `WHITE`.
    """
    values: set[int] = set()
    for mask in masks:
        if mask.max() >= WHITE:
            return 0
        values |= {int(value) for value in np.flatnonzero(np.bincount(mask.ravel()))}
    return max(values) if len(values) == 2 and 0 in values else 0


def difference_mask(fake: np.ndarray, source: np.ndarray, threshold: float = LEAST_DIFFERENCE) -> np.ndarray:
    """Marks the pixels in which a fake differs from its source.

    The smoothed difference is thresholded; components much smaller than the largest are dropped; narrow gaps and holes
    are closed, since some pixels within a forged face keep their values.

    Args:
        fake: uint8 [H, W, 3].
        source: uint8 [H, W, 3], the frame that it was forged from.
        threshold: difference above which a pixel is forged, grey levels; `Judgement.threshold` for a clip.

    Returns:
        uint8 [H, W] in {0, 255}; all 0 where nothing differs.

    Raises:
        BadMediaError: they have different sizes.
    """
    marked = (difference(fake, source) > threshold).astype(np.uint8)
    count, parts, statistics, _ = cv2.connectedComponentsWithStats(marked)
    if count == 1:
        return marked
    areas = statistics[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0  # the background
    marked = (areas >= _SMALLEST_PART * areas.max())[parts].astype(np.uint8)
    return 255 * _close(marked, gap=1 + round(_GAP * math.sqrt(areas.max())))


def difference(fake: np.ndarray, source: np.ndarray) -> np.ndarray:
    """The absolute difference, mean over the channels, smoothed by a Gaussian (sigma: the shorter side / 240).

    Args:
        fake: uint8 [H, W, 3].
        source: uint8 [H, W, 3].

    Returns:
        float32 [H, W] in [0, 255], grey levels.

    Raises:
        BadMediaError: they have different sizes.
    """
    _same_size("fake", fake.shape[:2], "source", source.shape[:2])
    plain = cv2.transform(cv2.absdiff(fake, source).astype(np.float32), np.full((1, 3), 1 / 3, np.float32))
    return cv2.GaussianBlur(plain, (0, 0), max(1.0, min(plain.shape) * _SMOOTHING))


def contrast(fake: np.ndarray, source: np.ndarray, boxes: Sequence[np.ndarray]) -> Contrast:
    """Measures the difference of one pair of frames.

    Args:
        fake: uint8 [H, W, 3].
        source: uint8 [H, W, 3].
        boxes: of all faces in the frame, at least one; float [4] each: x0, y0, x1, y1, pixels.

    Returns:
        Percentiles of the difference inside the boxes and away from them.

    Raises:
        BadMediaError: the frames have different sizes.
    """
    changed = difference(fake, source)
    inside, outside = np.zeros(changed.shape, bool), np.ones(changed.shape, bool)
    for box in boxes:
        inside[_region(box, 0.0)] = True
        outside[_region(box, _HALO)] = False
    enough = outside.sum() >= _FEWEST_OUTSIDE * outside.size
    return Contrast(
        float(np.percentile(changed[inside], 95)) if inside.any() else 0.0,
        float(np.percentile(changed[outside], 99)) if enough else math.nan,
        *(float(value) for value in np.percentile(changed, (25, 99))),
    )


def difference_usable(contrasts: Sequence[Contrast]) -> Judgement:
    """Decides for a clip, by its frames, whether the face differs clearly more than its surroundings.

    The condition, with medians over the frames: inside >= `LEAST_DIFFERENCE` and inside >= `LEAST_CONTRAST` * outside.
    Where faces fill the picture: quiet <= `_MOST_QUIET` and most >= max(`LEAST_DIFFERENCE`, `_OVER_QUIET` * quiet).

    Args:
        contrasts: of frames of the clip that show a face.

    Returns:
        The decision. Its threshold is the 99th percentile of the difference in the surroundings, at least
        `LEAST_DIFFERENCE`; where faces fill the picture, `_OVER_QUIET` times the 25th percentile, with the same
        minimum.
    """
    if not contrasts:
        return Judgement(False, LEAST_DIFFERENCE, "no face to compare with its surroundings")
    inside, outside, quiet, most = np.median(np.array(contrasts), axis=0)
    if math.isnan(outside):
        return _usable_without_surroundings(quiet, most)
    threshold = float(max(LEAST_DIFFERENCE, outside))
    if inside < LEAST_DIFFERENCE:
        reason = (
            f"fake and source hardly differ in the face: by {inside:.1f} grey levels, expected {LEAST_DIFFERENCE:g}"
        )
    elif inside < LEAST_CONTRAST * outside:
        reason = (
            f"fake and source differ everywhere, by {outside:.1f} grey levels away from the face and {inside:.1f} in "
            f"it, expected {LEAST_CONTRAST:g} times more: one was compressed much harder, or they are not aligned"
        )
    else:
        reason = ""
    return Judgement(not reason, threshold, reason)


def _usable_without_surroundings(quiet: float, most: float) -> Judgement:
    """`difference_usable` where faces fill the picture, from the medians of `Contrast.quiet` and `Contrast.most`."""
    threshold = max(LEAST_DIFFERENCE, _OVER_QUIET * float(quiet))
    if quiet > _MOST_QUIET:
        reason = (
            f"fake and source differ everywhere, by {quiet:.1f} grey levels even in the quarter that differs least, "
            f"expected at most {_MOST_QUIET:g}: they are not aligned, or the whole picture was generated"
        )
    elif most < threshold:
        reason = f"fake and source hardly differ: by {most:.1f} grey levels at most, expected {threshold:.1f}"
    else:
        reason = ""
    return Judgement(not reason, threshold, reason)


def framed_alike(source: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Brings a source to its fake's size, as generators do: the largest central window of its proportions, resized.

    Args:
        source: uint8 [H, W, 3].
        shape: (h, w) of the fake.

    Returns:
        uint8 [h, w, 3]; `source` itself if it has that size.
    """
    (height, width), (h, w) = source.shape[:2], shape
    if (height, width) == (h, w):
        return source
    scale = min(height / h, width / w)
    tall, wide = min(height, round(h * scale)), min(width, round(w * scale))
    top, left = (height - tall) // 2, (width - wide) // 2
    window = source[top : top + tall, left : left + wide]
    return cv2.resize(window, (w, h), interpolation=cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR)


def _close(marked: np.ndarray, gap: int) -> np.ndarray:
    """Closes gaps up to `gap` pixels and all holes; uint8 [H, W] in {0, 1}, the same shape and values out."""
    x, y, width, height = cv2.boundingRect(marked)
    part = cv2.copyMakeBorder(marked[y : y + height, x : x + width], gap, gap, gap, gap, cv2.BORDER_CONSTANT, value=0)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (gap | 1, gap | 1))  # odd: an even one would shift the mask
    part = cv2.morphologyEx(part, cv2.MORPH_CLOSE, disc)
    outlines, _ = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    closed = np.zeros_like(marked)
    cv2.drawContours(closed, outlines, -1, 1, cv2.FILLED, offset=(x - gap, y - gap))
    return closed


def _region(box: np.ndarray, halo: float) -> tuple[slice, slice]:
    """Rows and columns of a box, float [4] of x0, y0, x1, y1, grown by `halo` of its size on each side."""
    x0, y0, x1, y1 = (float(edge) for edge in box)
    grow_x, grow_y = halo * (x1 - x0), halo * (y1 - y0)
    edges = (max(0, round(edge)) for edge in (y0 - grow_y, y1 + grow_y, x0 - grow_x, x1 + grow_x))
    top, bottom, left, right = edges
    return slice(top, bottom), slice(left, right)


def _same_size(name: str, shape: Sequence[int], other: str, other_shape: Sequence[int]) -> None:
    if tuple(shape) != tuple(other_shape):
        sizes = " and ".join(f"{width} x {height}" for height, width in (shape, other_shape))
        raise BadMediaError(f"expected {name} and {other} of one size, found {sizes} pixels")
