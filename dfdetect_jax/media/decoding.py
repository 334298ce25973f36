"""Photographs and videos, decoded in this process or, inside `isolated`, in others. See `media.isolation`."""

import contextlib
import os
from collections.abc import Iterator, Sequence

import numpy as np

from dfdetect_jax.config.isolation import Isolation
from dfdetect_jax.media import image, photograph, video
from dfdetect_jax.media.frame import Frame, VideoInfo
from dfdetect_jax.media.isolation import Decoders

_decoders: Decoders | None = None  # of the whole process: decoding happens in threads of many parts


@contextlib.contextmanager
def isolated(isolation: Isolation | None) -> Iterator[None]:
    """Decodes in other processes inside the block; None decodes in this one.

    Raises:
        SettingsError: a limit is not allowed.
    """
    global _decoders
    before = _decoders
    isolate(isolation)
    try:
        yield
    finally:
        if _decoders:
            _decoders.close()
        _decoders = before


def isolate(isolation: Isolation | None) -> None:
    """As `isolated`, from now on."""
    global _decoders
    _decoders = Decoders(isolation) if isolation else None


def isolation() -> Isolation | None:
    """The limits that hold now; None where decoding happens in this process."""
    return _decoders.isolation if _decoders else None


def read_photograph(path: str | os.PathLike[str]) -> Frame:
    """As `photograph.read_photograph`; raises BadMediaError also where the decoder was lost or too slow."""
    return _decoders.read_photograph(path) if _decoders else photograph.read_photograph(path)


def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """As `image.read_image`."""
    return _decoders.read_photograph(path).image if _decoders else image.read_image(path)


def read_intact(path: str | os.PathLike[str]) -> np.ndarray:
    """As `photograph.read_intact`."""
    return photograph.intact(path, read_photograph(path))


def probe(path: str | os.PathLike[str]) -> VideoInfo:
    """As `video.probe`."""
    return _decoders.probe(path) if _decoders else video.probe(path)


def read_frames(
    path: str | os.PathLike[str], indices: Sequence[int] | None = None, expected: int | None = None, threads: int = 1
) -> Iterator[Frame]:
    """As `video.read_frames`."""
    read = _decoders.read_frames if _decoders else video.read_frames
    return read(path, indices, expected, threads)
