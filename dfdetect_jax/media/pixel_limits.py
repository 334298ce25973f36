"""How large a picture or frame may be, by its header, before it is decoded."""

import os

from dfdetect_jax.errors import BadMediaError

# 8000 x 8000: a 61 megapixel camera passes, and a decoded picture with its copies stays under 1.2 GB.
MAX_PIXELS = 64_000_000
MAX_SIDE = 32_000  # pixels; OpenCV's warps can't address more than 32,766


def check_size(path: str | os.PathLike[str], width: int, height: int, most: int) -> None:
    """Refuses a picture or frame by the size that its header declares.

    Args:
        path: for the message.
        width: pixels.
        height: pixels.
        most: pixels allowed, width times height.

    Raises:
        BadMediaError: no pixels at all, more than `most`, or a side over `MAX_SIDE`.
    """
    if width < 1 or height < 1:
        raise BadMediaError(f"{path}: expected a picture with pixels, found {width} x {height}; check the file")
    if width * height > most or max(width, height) > MAX_SIDE:
        allowed = f"at most {most:,} and {MAX_SIDE:,} along a side are allowed"
        raise BadMediaError(f"{path}: {width} x {height} pixels, {allowed}; scale it down first")
