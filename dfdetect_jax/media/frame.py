"""A frame of a video, and a video as a whole, whatever decodes it."""

from typing import NamedTuple

import numpy as np


class VideoInfo(NamedTuple):
    """A video as its packets describe it.

    Attributes:
        frames: number of packets with a frame to display. A damaged file may yield fewer frames.
        fps: frames per second; their mean where the rate varies.
        width: of a frame as `read_frames` yields it (upright, pixels square), pixels.
        height: as `width`.
        codec: FFmpeg's name, such as "h264" or "hevc".
        cut_short: whether the file ends before its end.
    """

    frames: int
    fps: float
    width: int
    height: int
    codec: str
    cut_short: bool


class Frame(NamedTuple):
    """A frame of a video.

    Attributes:
        index: 0 for the first one that is displayed.
        seconds: time since that one.
        image: uint8 [H, W, 3] RGB.
        damaged: whether the decoder reports damage in it, or in a frame that it may have been predicted from.
    """

    index: int  # type: ignore[assignment]  # the name that a frame's number has everywhere; `tuple.index` isn't missed
    seconds: float
    image: np.ndarray
    damaged: bool = False
