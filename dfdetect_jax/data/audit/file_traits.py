"""How a clip was saved: what a detector could use without looking at faces."""

import math

from PIL import JpegImagePlugin

from dfdetect_jax.data.example import Clip
from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.decoding import probe
from dfdetect_jax.media.file_format import media_format, media_kind
from dfdetect_jax.media.image import opened

SIZE, AREA, FORMAT, JPEG, EXIF, COLOUR, CODEC, RATE, LENGTH = TRAITS = (
    "size",
    "area",  # coarser than size, for data of many sizes
    "file format",
    "JPEG quality",
    "EXIF metadata",
    "colour mode",
    "codec",
    "frame rate",
    "length",
)
_SUBSAMPLING = {0: "chroma 4:4:4", 1: "chroma 4:2:2", 2: "chroma 4:2:0"}


def traits_of(clip: Clip) -> dict[str, str]:
    """The traits of a clip, by the names in `TRAITS`; empty where it can't be read.

    Of a folder of pictures the middle one is read, and its length is that of the folder. Of a video only the
    first frame is decoded.
    """
    path = clip.frames[len(clip.frames) // 2] if clip.frames else clip.path
    try:
        traits = _photograph(path) if media_kind(path) == "image" else _video(path)
    except (BadMediaError, OSError):
        return {}
    if clip.frames:
        traits[LENGTH] = half_octave(len(clip.frames), "frames")
    return traits


def half_octave(count: int, unit: str) -> str:
    """The range of half an octave that a count falls into, by its bounds: "8 to 11 frames"."""
    step = math.floor(2 * math.log2(max(1, count)))
    return f"{math.ceil(2 ** (step / 2)):,} to {math.ceil(2 ** ((step + 1) / 2)) - 1:,} {unit}"


def _photograph(path: str) -> dict[str, str]:
    kind = media_format(path)
    with opened(path, kind) as picture:
        traits = {
            **_size(picture.width, picture.height),
            FORMAT: kind,
            EXIF: "with EXIF" if "exif" in picture.info else "without EXIF",
            COLOUR: picture.mode,
        }
        if kind == "JPEG" and (tables := getattr(picture, "quantization", None)):
            luma = tables[min(tables)]
            sampling = _SUBSAMPLING.get(JpegImagePlugin.get_sampling(picture), "no chroma")
            traits[JPEG] = f"mean luma step {sum(luma) / len(luma):.1f}, {sampling}"
        return traits


def _video(path: str) -> dict[str, str]:
    info = probe(path)
    return {
        **_size(info.width, info.height),
        FORMAT: media_format(path),
        CODEC: info.codec,
        RATE: f"{info.fps:.2f} frames/s" if info.fps else "no frame rate",
        LENGTH: half_octave(info.frames, "frames"),
    }


def _size(width: int, height: int) -> dict[str, str]:
    return {SIZE: f"{width}x{height}", AREA: half_octave(width * height, "pixels")}
