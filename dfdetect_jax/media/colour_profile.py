"""Colours of photographs as sRGB: embedded ICC profiles by LittleCMS, HLG and PQ by `tone_mapping`.

The differences are visible: phones write Display P3, whose red read as sRGB is a duller one.
"""

import functools
import io
import os
import struct

import numpy as np
from PIL import Image, ImageCms

from dfdetect_jax.media.tone_mapping import Transfer, to_sdr

_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}  # Pillow's by the colour space of a profile: ICC.1:2022, table 19
_MOST_BYTES = 4_000_000  # of a profile; those of printers have 2 MB
_SAME = 2  # levels within which a profile counts as sRGB
_PROBE_STEPS = 6  # of each channel, for that comparison
_TRANSFERS = {16: Transfer.PQ, 18: Transfer.HLG}  # ITU-T H.273, table 3
_BT2020 = 9  # ITU-T H.273, table 2
_SEARCHED = 65_536  # bytes of a file that hold the boxes with its colours


def to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Converts a picture by its embedded profile, with the perceptual intent; 0.6 s for 12 megapixels.

    Args:
        picture: of Pillow's mode "RGB", "L" or "CMYK".
        profile: an ICC profile; None, a damaged one, one of another colour space than the picture, and one that differs
            from sRGB by at most 2 levels change nothing.

    Returns:
        The picture itself, or one of mode "RGB".
    """
    if not isinstance(profile, bytes) or not 0 < len(profile) <= _MOST_BYTES:
        return picture
    transform = _transform(profile, picture.mode)
    try:
        return picture if transform is None else ImageCms.applyTransform(picture, transform) or picture
    except (ImageCms.PyCMSError, ValueError):
        return picture


@functools.lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From the colours of a profile to sRGB; None where there is nothing to convert."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if _MODES.get(source.profile.xcolor_space.strip()) != mode:
            return None
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
        return None if mode == "RGB" and _changes_little(transform) else transform
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return None


def _changes_little(transform: ImageCms.ImageCmsTransform) -> bool:
    levels = np.linspace(0, 255, _PROBE_STEPS).astype(np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
    converted = ImageCms.applyTransform(Image.fromarray(colours), transform)
    return bool(np.abs(np.asarray(converted, int) - colours).max() <= _SAME)


def to_sdr_colours(path: str | os.PathLike[str], name: str, image: np.ndarray) -> np.ndarray:
    """What an SDR display would show of a decoded HEIC or AVIF that declares HLG, PQ or the primaries of BT.2020.

    Args:
        path: of the file.
        name: of its format, a key of `FORMATS`; others than "HEIF" and "AVIF" change nothing.
        image: uint8 [H, W, 3] RGB, not linear.

    Returns:
        uint8 [H, W, 3] RGB.

    Raises:
        OSError: the file can't be read.
    """
    if name not in ("HEIF", "AVIF"):
        return image
    with open(path, "rb") as file:
        declared = _declared_colours(file.read(_SEARCHED))
    if declared is None:
        return image
    primaries, transfer = declared
    wide = primaries == _BT2020
    if transfer not in _TRANSFERS and not wide:
        return image
    return to_sdr(image.astype(np.uint16) * 257, _TRANSFERS.get(transfer, Transfer.SDR), bt2020=wide)


def _declared_colours(head: bytes) -> tuple[int, int] | None:
    """Primaries and transfer by the colour boxes (ISO/IEC 14496-12, 12.1.5) of a file that starts with `head`.

    None where there is none, or not one alone: a gain map has one of its own, for displays that apply it.
    """
    boxes = head.split(b"colrnclx")[1:]
    colours = {struct.unpack(">HH", box[:4]) for box in boxes if len(box) >= 4}
    return colours.pop() if len(colours) == 1 and b"tmap" not in head else None
