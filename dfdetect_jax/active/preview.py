"""Masks between a crop of any size and the preview that they are painted on, exactly.

A pixel x of the crop, of S along a side, belongs to the preview's pixel floor(x * P / S), of P. So every pixel of the
preview stands for a block of the crop's, all of which it marks, and what was painted comes back as it was.
"""

import cv2
import numpy as np

MOST = 1024  # pixels along a side of a preview


def preview_side(side: int) -> int:
    """Pixels along a side of the preview of a crop of `side`: the crop's own up to `MOST`."""
    return min(side, MOST)


def shrink_image(image: np.ndarray) -> np.ndarray:
    """The preview of a picture: uint8 [S, S, 3] -> uint8 [P, P, 3], the picture itself where it fits."""
    side, most = len(image), preview_side(len(image))
    return image if side == most else cv2.resize(image, (most, most), interpolation=cv2.INTER_AREA)


def shrink_mask(mask: np.ndarray) -> np.ndarray:
    """A crop's mask on the preview, marked where at least half of a block is: uint8 [S, S] -> [P, P], in {0, 255}."""
    block = _blocks(len(mask))
    counts = np.bincount(block, minlength=preview_side(len(mask)))
    starts = np.searchsorted(block, np.arange(len(counts)))
    marked = np.add.reduceat(np.add.reduceat((mask > 0).astype(np.int64), starts, axis=0), starts, axis=1)
    return np.where(2 * marked >= np.outer(counts, counts), 255, 0).astype(np.uint8)


def enlarge_mask(painted: np.ndarray, side: int, before: np.ndarray | None = None) -> np.ndarray:
    """A mask that was painted on the preview, at the crop's size.

    Args:
        painted: uint8 [P, P] in {0, 255}, P = `preview_side(side)`.
        side: S, of the crop.
        before: the mask that painting began with, uint8 [S, S] in {0, 255}; blocks that were not changed keep its
            pixels, which may be finer than the preview's. None for an empty one.

    Returns:
        uint8 [S, S] in {0, 255}.

    Raises:
        ValueError: `painted` has another size than the preview.
    """
    if painted.shape != (preview_side(side), preview_side(side)):
        raise ValueError(f"expected a mask of {preview_side(side)} pixels along each side, found {painted.shape}")
    block = _blocks(side)
    mask = painted[np.ix_(block, block)]
    if before is None:
        return mask
    changed = (painted != shrink_mask(before))[np.ix_(block, block)]
    return np.where(changed, mask, before)


def pack(mask: np.ndarray) -> bytes:
    """A mask [H, W] as bits, row by row, the highest bit of a byte first, as the page sends it."""
    return np.packbits(mask > 0).tobytes()


def unpack(content: bytes, side: int) -> np.ndarray:
    """The inverse of `pack`: uint8 [side, side] in {0, 255}.

    Raises:
        ValueError: there are too few or too many bytes.
    """
    if len(content) != -(-side * side // 8):
        raise ValueError(f"expected {-(-side * side // 8)} bytes, found {len(content)}")
    bits = np.unpackbits(np.frombuffer(content, np.uint8), count=side * side)
    return (255 * bits.reshape(side, side)).astype(np.uint8)


def _blocks(side: int) -> np.ndarray:
    """The preview's pixel of each of the crop's along a side: int64 [side], ascending."""
    return np.arange(side) * preview_side(side) // side
