"""How large, how long and of how many bytes a photograph or video may be.

All limits of media are here; whatever reads them keeps to these: `predict`, `prepare`, `check` and the pages. None is a
setting: each is far above what cameras make, and bounds the memory or the time that one file of a stranger takes. A
file over one is a `BadMediaError`, before more of it is decoded than its first frame.
"""

import os

from dfdetect_jax.errors import BadMediaError

# 8000 x 8000: a 61 megapixel camera passes, and a decoded picture with its copies stays under 1.2 GB.
MAX_PIXELS = 64_000_000
MAX_SIDE = 32_000  # pixels; OpenCV's warps can't address more than 32,766
MAX_FRAME_PIXELS = 36_000_000  # of a video's frame and an animation's picture; 8K is 33.2 million

# A photograph's file is in memory as a whole; 64 million pixels of 16 bits, uncompressed, are 384 MB.
MAX_PHOTOGRAPH_BYTES = 1_000_000_000
MAX_VIDEO_BYTES = 100_000_000_000  # an hour of 8K at 200 Mbit/s; every byte is read
MAX_UPLOAD_MEGABYTES = 200  # of a file that the page takes, unless `--most_megabytes` says otherwise

# The table of a video's packets is in memory, up to 200 bytes a frame; a day at 30 frames/s has 2.6 million.
MAX_FRAMES = 3_000_000
# Two days. The clock of a transport stream, of 33 bits, may jump by 26.5 hours where recordings were joined.
MAX_SECONDS = 172_800.0

MAX_ANIMATION_FRAMES = 20_000
MAX_ANIMATION_PIXELS = 5_000_000_000  # of all pictures: all are decoded, up to the last that is read, in 1 to 6 minutes

_Path = str | os.PathLike[str]


def check_size(path: _Path, width: int, height: int, most: int) -> None:
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
        allowed = f"at most {most:,} pixels and {MAX_SIDE:,} along a side"
        raise BadMediaError(f"{path}: expected {allowed}, found {width} x {height}; scale it down first")


def check_bytes(path: _Path, size: int, *, video: bool) -> None:
    """Refuses a file by its size in bytes; an animation counts as a photograph.

    Raises:
        BadMediaError: more than `MAX_VIDEO_BYTES` or `MAX_PHOTOGRAPH_BYTES`.
    """
    if video:
        _check_most(path, "bytes of a video", size, MAX_VIDEO_BYTES, "cut it into parts, or encode it again")
    else:
        _check_most(path, "bytes of a photograph", size, MAX_PHOTOGRAPH_BYTES, "save it compressed, as JPEG or PNG")


def check_duration(path: _Path, seconds: float) -> None:
    """Refuses a video by the time from its first packet to its last.

    Raises:
        BadMediaError: more than `MAX_SECONDS`.
    """
    if seconds > MAX_SECONDS:
        most, found = MAX_SECONDS / 3600, seconds / 3600
        raise BadMediaError(
            f"{path}: expected a video of at most {most:,.0f} hours, found {found:,.1f} by the times in it; cut it "
            "into parts, or encode it again if these are wrong"
        )


def too_many_frames(path: _Path) -> BadMediaError:
    """The error of a video with more than `MAX_FRAMES`, whose reading was given up there."""
    return BadMediaError(f"{path}: expected a video of at most {MAX_FRAMES:,} frames, found more; cut it into parts")


def check_animation(path: _Path, frames: int, width: int, height: int) -> None:
    """Refuses an animation by its pictures.

    Args:
        path: for the message.
        frames: pictures; those over `MAX_ANIMATION_FRAMES` needn't all be counted.
        width: pixels of the largest one.
        height: pixels of the largest one.

    Raises:
        BadMediaError: more than `MAX_ANIMATION_FRAMES`, or `MAX_ANIMATION_PIXELS` in all; or as `check_size` with
            `MAX_FRAME_PIXELS`.
    """
    if frames > MAX_ANIMATION_FRAMES:
        most = f"{MAX_ANIMATION_FRAMES:,} pictures"
        raise BadMediaError(f"{path}: expected an animation of at most {most}, found more; cut it into parts")
    check_size(path, width, height, MAX_FRAME_PIXELS)
    if frames * width * height > MAX_ANIMATION_PIXELS:
        found = f"{frames:,} pictures of {width} x {height}"
        most = f"{MAX_ANIMATION_PIXELS:,} pixels in all"
        raise BadMediaError(f"{path}: expected an animation of at most {most}, found {found}; scale it down first")


def _check_most(path: _Path, unit: str, count: int, most: int, advice: str) -> None:
    if count > most:
        raise BadMediaError(f"{path}: expected at most {most:,} {unit}, found {count:,}; {advice}")
