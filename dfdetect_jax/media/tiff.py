"""What Pillow leaves open in TIFF: 16 bits a channel in colour, and cameras' raw files, which start as TIFF do."""

import os
import warnings

import cv2
import numpy as np
from PIL import Image, TiffImagePlugin

from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.limits import MAX_PIXELS, check_size

# Tags of TIFF 6.0, section 8; the last of TIFF/EP and of DNG 1.7.
_NEW_SUBFILE_TYPE, _WIDTH, _LENGTH, _BITS, _SAMPLES, _SAMPLE_FORMAT = 254, 256, 257, 258, 277, 339
_DNG_VERSION = 50706
_REDUCED = 1  # bit of NewSubfileType: a page that is a smaller version of another
_COLOUR_SAMPLES = (3, 4)


def refuse_raw(path: str | os.PathLike[str], picture: Image.Image) -> None:
    """Refuses a TIFF whose first page only stands for the photograph, as the previews in cameras' raw files do.

    Args:
        path: for the message.
        picture: opened by Pillow.

    Raises:
        BadMediaError: a DNG, or a first page that is declared as reduced.
    """
    tags = getattr(picture, "tag_v2", {})
    kind = tags.get(_NEW_SUBFILE_TYPE, 0)
    if _DNG_VERSION in tags or (isinstance(kind, int) and kind & _REDUCED):
        raise BadMediaError(f"{path}: expected a photograph, found a camera's raw file; develop it first")


def read_deep_tiff(path: str | os.PathLike[str]) -> np.ndarray:
    """Reads a TIFF of 16 bits a channel in colour, which Pillow can't open.

    Returns:
        uint8 [H, W, 3] RGB: the high bytes. Colour profiles are ignored.

    Raises:
        BadMediaError: damaged, over `MAX_PIXELS`, or with pixels of another kind.
    """
    try:
        with warnings.catch_warnings(action="ignore"), open(path, "rb") as file:
            tags = TiffImagePlugin.ImageFileDirectory_v2(file.read(8))
            file.seek(tags.next)
            tags.load(file)
        check_size(path, int(tags[_WIDTH]), int(tags[_LENGTH]), MAX_PIXELS)
        if not _is_deep(tags):  # OpenCV would print about what it can't read
            raise ValueError("its header is damaged, or its pixels are of a rare kind")
        pixels = cv2.imread(os.fspath(path), cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
        if pixels is None or pixels.dtype != np.uint16 or pixels.ndim != 3:
            raise ValueError("its pixels are damaged")
    except BadMediaError:
        raise
    except Exception as error:  # Pillow's parser raises nearly any type on malformed bytes
        reason = str(error) if isinstance(error, ValueError) else "its header is damaged"
        words = " ".join(reason.split())[:120]
        raise BadMediaError(f"{path}: expected a readable TIFF, found that {words}; get the file again") from error
    return cv2.cvtColor((pixels // 256).astype(np.uint8), cv2.COLOR_BGR2RGB)


def _is_deep(tags: TiffImagePlugin.ImageFileDirectory_v2) -> bool:
    bits, formats = tags.get(_BITS, ()), tags.get(_SAMPLE_FORMAT, (1,))
    unsigned = formats in (1, (1,)) or set(formats) == {1}
    return tags.get(_SAMPLES) in _COLOUR_SAMPLES and set(np.atleast_1d(bits)) == {16} and unsigned
