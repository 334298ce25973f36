"""A photograph as it comes out of a messenger or a web site: smaller, and saved as JPEG once more."""

import cv2
import numpy as np
import simplejpeg

from dfdetect_jax.errors import BadMediaError

QUALITIES, SIZES = (5, 100), (5, 100)  # per cent


def re_encode(image: np.ndarray, quality: int, size: int) -> np.ndarray:
    """Shrinks a photograph, saves it as JPEG with subsampled colours, and reads it back.

    Args:
        image: uint8 [H, W, 3] RGB.
        quality: of JPEG, 5 to 100.
        size: of each side, per cent of what it is, 5 to 100; at least one pixel remains.

    Returns:
        uint8 [h, w, 3] RGB.

    Raises:
        BadMediaError: a value is out of range; it comes from a page.
    """
    for name, value, (least, most) in (("quality", quality, QUALITIES), ("size", size, SIZES)):
        if not least <= value <= most:
            raise BadMediaError(f"{name}: expected {least} to {most}, found {value}")
    height, width = (max(1, round(side * size / 100)) for side in image.shape[:2])
    if (height, width) != image.shape[:2]:
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    content = simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality=quality, colorsubsampling="420")
    return simplejpeg.decode_jpeg(content)
