"""Small clips whose frames show their own index, made with PyAV."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition

FRAMES, BITS, BLOCK, RATE = 40, 8, 16, 25
WIDTH, HEIGHT = BITS * BLOCK, 3 * BLOCK


def numbered(index: int) -> np.ndarray:
    """A frame that shows its own index as black and white blocks, upper row, over a noisy ground."""
    frame = np.random.default_rng(index).integers(100, 156, (HEIGHT, WIDTH, 3), np.uint8)
    for bit in range(BITS):
        frame[:BLOCK, bit * BLOCK : (bit + 1) * BLOCK] = 255 * (index >> bit & 1)
    return frame


def index_shown(frame: np.ndarray) -> int:
    cells = frame[:BLOCK, : BITS * BLOCK].reshape(BLOCK, BITS, BLOCK, 3).mean(axis=(0, 2, 3))
    return int(sum(int(cell > 128) << bit for bit, cell in enumerate(cells)))


def write_clip(
    path: Path,
    pictures: Sequence[np.ndarray | av.VideoFrame] | None = None,
    encoder: str = "mpeg4",
    pixels: str = "yuv420p",
    milliseconds: Sequence[int] | None = None,
    options: dict[str, str] | None = None,
    matrix: Sequence[int] | None = None,
    container: str | None = None,
    **codec,
) -> Path:
    """Writes pictures, uint8 [H, W, 3] RGB or frames of PyAV, by default `FRAMES` numbered ones.

    Args:
        path: whose suffix names the container, unless `container` does.
        pictures: to write.
        encoder: FFmpeg's name.
        pixels: FFmpeg's name of the pixel format.
        milliseconds: time of each picture; None for `RATE`.
        options: of the encoder.
        matrix: display matrix, 9 integers.
        container: FFmpeg's name of the muxer.
        **codec: attributes of the codec context, such as `sample_aspect_ratio`.
    """
    pictures = [numbered(index) for index in range(FRAMES)] if pictures is None else pictures
    frames = [
        picture if isinstance(picture, av.VideoFrame) else av.VideoFrame.from_ndarray(picture, format="rgb24")
        for picture in pictures
    ]
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream(encoder, rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, pixels
        stream.bit_rate = 4_000_000
        stream.codec_context.time_base = Fraction(1, 1000) if milliseconds else Fraction(1, RATE)
        for name, value in codec.items():
            setattr(stream.codec_context, name, value)
        if matrix is not None:
            stream.set_display_matrix(matrix)
        for index, frame in enumerate(frames):
            frame.pts = milliseconds[index] if milliseconds else index
            frame.time_base = stream.codec_context.time_base
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def copy_clip(source: Path, path: Path, lead_in: int = 0, without: Sequence[int] = (), **mux: str) -> Path:
    """Copies a clip's packets without encoding them again.

    Args:
        source: clip to copy.
        path: of the copy.
        lead_in: frames at the beginning that the copy hides by an edit list, as a cut "without loss" does.
        without: places of packets that are left out.
        **mux: options of the muxer.
    """
    with av.open(str(source)) as old, av.open(str(path), "w", options=mux) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for place, packet in enumerate(old.demux(video=0)):
            if packet.size and place not in without:
                shift = int(lead_in / RATE / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, stream
                new.mux(packet)
    return path


def write_sound(path: Path, cover: np.ndarray | None = None, declared: bool = True) -> Path:
    """Half a second of silence, and a cover, uint8 [H, W, 3], that is declared as one or not."""
    with av.open(str(path), "w", format="mp4") as file:
        sound = file.add_stream("aac", rate=44100, layout="mono")
        picture = None
        if cover is not None:
            picture = file.add_stream("mjpeg", rate=1)
            picture.height, picture.width, picture.pix_fmt = *cover.shape[:2], "yuvj420p"
            picture.disposition = Disposition.attached_pic if declared else Disposition.default
        for start in range(0, 22050, 1024):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44100, start
            file.mux(sound.encode(frame))
        file.mux(sound.encode(None))
        if picture is not None:
            file.mux(picture.encode(av.VideoFrame.from_ndarray(cover, format="rgb24")))
            file.mux(picture.encode(None))
    return path


def mutated(source: Path, path: Path, seed: int, count: int = 40) -> Path:
    """A copy in whose middle `count` bytes have other values."""
    content = np.frombuffer(source.read_bytes(), np.uint8).copy()
    generator = np.random.default_rng(seed)
    places = generator.integers(len(content) // 10, len(content) * 8 // 10, count)
    content[places] = generator.integers(0, 256, count)
    path.write_bytes(content.tobytes())
    return path
