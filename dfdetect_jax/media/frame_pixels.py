"""The pixels of a decoded frame: upright, square, 8-bit RGB of BT.709."""

import struct
from fractions import Fraction
from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, Colorspace, ColorTrc, Interpolation, VideoReformatter

from dfdetect_jax.media.tone_mapping import Transfer, to_sdr

_UNSPECIFIED = 2  # of matrix and primaries: ITU-T H.273, tables 2 and 4
_TRANSFERS = {int(ColorTrc.ARIB_STD_B67): Transfer.HLG, int(ColorTrc.SMPTE2084): Transfer.PQ}
_SITED = {f"yuv{chroma}p{bits}le" for chroma in (420, 422) for bits in (9, 10, 12, 14)}
_LEAST_STRETCH = 0.01  # under it, pixels count as square: resampling would cost more than it mends
_MOST_STRETCH = 8  # over it, the ratio counts as damaged


class FrameConverter:
    """Converts the frames of one stream.

    Limited and full range and the matrix of BT.601, BT.709 or BT.2020 are undone as the stream declares them. A stream
    that declares no matrix counts as BT.601, and one that declares no range as limited, as FFmpeg has it. HLG and PQ
    become SDR, and BT.2020 becomes BT.709, see `tone_mapping`. Other primaries and transfers differ little from BT.709
    and are left alone; more than 8 bits are reduced to 8. Pixels that are not square are made so by enlarging width
    or height. The display matrix turns and mirrors.

    Args:
        aspect: width of a pixel over its height; None or 0 if unknown, which counts as 1.
    """

    def __init__(self, aspect: Fraction | None):
        self._aspect = aspect
        self._scaler = VideoReformatter()
        self._orientations: dict[int, tuple[bool, bool, bool]] = {}

    def size(self, picture: VideoFrame) -> tuple[int, int]:
        """Width and height of the converted frame, pixels."""
        width, height = square_size(picture.width, picture.height, self._aspect)
        return (height, width) if self._orientation(picture)[0] else (width, height)

    def convert(self, picture: VideoFrame) -> np.ndarray:
        """uint8 [H, W, 3] RGB of a frame."""
        turn, (transfer, bt2020) = self._orientation(picture), _colour(picture)
        width, height = square_size(picture.width, picture.height, self._aspect)
        deep = bt2020 or transfer != Transfer.SDR
        picture = _without_siting(picture)
        matrix = Colorspace.BT2020 if deep and picture.colorspace == _UNSPECIFIED else None
        picture = self._reformat(picture, format="rgb48le" if deep else "rgb24", src_colorspace=matrix)
        pixels = self._reformat(picture, width=width, height=height).to_ndarray()
        return upright(to_sdr(pixels, transfer, bt2020) if deep else pixels, *turn)

    def _orientation(self, picture: VideoFrame) -> tuple[bool, bool, bool]:
        # A frame whose matrix was read lives until Python's next collection of cycles, so that it is read only once.
        turn = picture.rotation
        if turn not in self._orientations:
            self._orientations[turn] = _orientation(picture)
        return self._orientations[turn]

    def _reformat(self, picture: VideoFrame, **changes: Any) -> VideoFrame:
        # As FFmpeg's commands have it; flags that ask for accuracy take four times as long.
        return self._scaler.reformat(picture, interpolation=Interpolation.BICUBIC, threads=1, **changes)


def square_size(width: int, height: int, aspect: Fraction | None) -> tuple[int, int]:
    """The size at which a frame's pixels are square: one side is enlarged, none reduced.

    Args:
        width: pixels as stored.
        height: as `width`.
        aspect: width of a pixel over its height; None, 0 or less count as 1, and so do ratios within 1% of 1, and those
            beyond 8, which only damaged files have.

    Returns:
        Width and height, pixels.
    """
    ratio = float(aspect or 1)
    if not 1 / _MOST_STRETCH <= ratio <= _MOST_STRETCH or abs(ratio - 1) < _LEAST_STRETCH:
        return width, height
    return (round(width * ratio), height) if ratio > 1 else (width, round(height / ratio))


def upright(image: np.ndarray, transposed: bool, mirrored: bool, flipped: bool) -> np.ndarray:
    """Turns an image: exchanges its axes, then reverses its columns, then its rows, each if told so.

    Args:
        image: uint8 [H, W, 3].
        transposed: whether rows become columns.
        mirrored: whether left and right are exchanged.
        flipped: whether top and bottom are exchanged.

    Returns:
        uint8 [H, W, 3], or [W, H, 3] if transposed.
    """
    image = image.swapaxes(0, 1) if transposed else image
    return np.ascontiguousarray(image[:: -1 if flipped else 1, :: -1 if mirrored else 1])


def _without_siting(picture: VideoFrame) -> VideoFrame:
    """A frame without the place of its chroma, which FFmpeg's commands leave out.

    Of 8 bits it counts only in frames with an odd number of rows, for which there is no faster way.
    """
    odd = picture.height % 2 == 1 and picture.format.name == "yuv420p"
    if not odd and picture.format.name not in _SITED:
        return picture
    copy = VideoFrame(picture.width, picture.height, picture.format.name)
    for old, new in zip(picture.planes, copy.planes, strict=True):
        used = min(old.line_size, new.line_size)
        rows, copied = (np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size) for plane in (old, new))
        copied[: old.height, :used] = rows[: old.height, :used]
    copy.colorspace, copy.color_range = picture.colorspace, picture.color_range
    return copy


def _colour(picture: VideoFrame) -> tuple[Transfer, bool]:
    """How a frame was encoded, and whether its primaries are those of BT.2020."""
    transfer = _TRANSFERS.get(picture.color_trc, Transfer.SDR)
    undeclared = picture.color_primaries == _UNSPECIFIED
    return transfer, picture.color_primaries == ColorPrimaries.BT2020 or (undeclared and transfer != Transfer.SDR)


def _orientation(picture: VideoFrame) -> tuple[bool, bool, bool]:
    """What `upright` needs: whether a frame is transposed, then mirrored, then flipped, by its display matrix.

    The matrix (ISO/IEC 14496-12, 6.2.2) takes (x, y) to (a x + c y, b x + d y). Turns are rounded to right angles.
    """
    try:
        a, b, _, c, d = struct.unpack("=5i", bytes(picture.side_data["DISPLAYMATRIX"])[:20])
    except (KeyError, ValueError, struct.error):  # none; ValueError: there is other data that PyAV can't name
        turns = round(picture.rotation / 90) % 4
        a, b, c, d = ((1, 0, 0, 1), (0, -1, 1, 0), (-1, 0, 0, -1), (0, 1, -1, 0))[turns]
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return False, a < 0, d < 0
    return True, c < 0, b < 0
