"""Lossy compression of pictures, on the host: JPEG, JPEG twice with resizing, and H.264 video."""

import fractions
from collections.abc import Sequence

import av
import cv2
import numpy as np

from dfdetect_jax.errors import SettingsError
from dfdetect_jax.evaluation.stress.protocol import CLIP, CORRUPTIONS, check_corruptions

FRAMES_PER_SECOND = 25
ENCODER = "libx264"
PRESET = "medium"  # ffmpeg's default, which the DeeperForensics protocol uses


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    """A picture after JPEG compression with chroma at half the resolution: uint8 [H, W, 3] RGB -> the same.

    Args:
        image: uint8 [H, W, 3], RGB.
        quality: 1 to 100, on libjpeg's scale.
    """
    stored = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    decoded = cv2.imdecode(stored, cv2.IMREAD_COLOR_RGB)
    assert decoded is not None, "OpenCV reads what it wrote"
    return decoded


def share_twice(image: np.ndarray, scale: float, quality: int) -> np.ndarray:
    """A picture shared twice: reduced and stored as JPEG, enlarged to its size and stored as JPEG again.

    Reducing is by area, enlarging bilinear.

    Args:
        image: uint8 [H, W, 3], RGB.
        scale: of height and width in the first file, in (0, 1].
        quality: of both JPEG files, 1 to 100.

    Returns:
        uint8 [H, W, 3], RGB.
    """
    height, width = image.shape[:2]
    smaller = (max(1, round(width * scale)), max(1, round(height * scale)))
    first = jpeg(cv2.resize(image, smaller, interpolation=cv2.INTER_AREA), quality)
    return jpeg(cv2.resize(first, (width, height), interpolation=cv2.INTER_LINEAR), quality)


def h264(frames: np.ndarray, crf: int) -> np.ndarray:
    """Frames after an H.264 video (libx264, 4:2:0, 25 frames per second), coded and decoded in memory.

    An odd height or width is extended by its last line, since the codec needs even ones.

    Args:
        frames: uint8 [T, H, W, 3] RGB, one clip in order; T at least 1.
        crf: the constant rate factor, 0 (nothing lost but by 4:2:0 and by rounding, about a grey level darker) to 51.

    Returns:
        uint8 [T, H, W, 3], RGB.

    Raises:
        SettingsError: this PyAV has no encoder of H.264.
    """
    _require_encoder()
    height, width = frames.shape[1:3]
    even = np.pad(frames, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    encoder = av.CodecContext.create(ENCODER, "w")
    encoder.height, encoder.width, encoder.pix_fmt = *even.shape[1:3], "yuv420p"
    encoder.time_base = fractions.Fraction(1, FRAMES_PER_SECOND)
    encoder.framerate = fractions.Fraction(FRAMES_PER_SECOND)
    encoder.thread_count = 1  # by default one per core, and the bits depend on their number
    encoder.options = {"crf": str(crf), "preset": PRESET}
    packets = []
    for number, frame in enumerate(even):
        picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
        picture.pts = number
        packets += encoder.encode(picture)
    packets += encoder.encode(None)
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    decoded = [picture for packet in [*packets, None] for picture in decoder.decode(packet)]
    return np.stack([picture.to_ndarray(format="rgb24")[:height, :width] for picture in decoded])


def check_available(names: Sequence[str]) -> None:
    """Rejects corruptions that can't be applied here, before hours of computation.

    Raises:
        SettingsError: a name is unknown, or its codec is not installed.
    """
    check_corruptions(names)
    if any(CORRUPTIONS[name].where == CLIP for name in names):
        _require_encoder()


def _require_encoder() -> None:
    if ENCODER not in av.codecs_available:  # wheels of PyAV have it, other builds may not
        raise SettingsError(
            f"video compression: expected PyAV with {ENCODER}, found one without; install its wheel with "
            "`pip install --force-reinstall --only-binary av av`, or leave out the corruption video"
        )
