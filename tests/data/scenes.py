"""Pictures that differ from one another, for tests of what is alike, and clips made of them."""

import dataclasses
from pathlib import Path

import cv2
import numpy as np

from dfdetect_jax.data.example import Clip, Label


def scene(number: int, width: int = 128, height: int = 96) -> np.ndarray:
    """uint8 [H, W, 3]: clouds of colour, others for each number."""
    coarse = np.random.default_rng(number).integers(0, 256, (9, 12, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def save(path: Path, picture: np.ndarray, quality: int | None = None) -> Path:
    """As the suffix says; `quality` for JPEG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    settings = [] if quality is None else [cv2.IMWRITE_JPEG_QUALITY, quality]
    assert cv2.imwrite(str(path), picture[..., ::-1] if picture.ndim == 3 else picture, settings)
    return path


def clip_of(path: Path, /, forgery: str = "", split: str = "train", **fields) -> Clip:
    """A clip that is a file; a fake if it has a forgery."""
    name = f"{forgery or 'real'}/{path.stem}"
    label = Label.FAKE if forgery else Label.REAL
    clip = Clip(path=str(path), video=name, label=label, forgery=forgery, split=split, identity=path.stem)
    return dataclasses.replace(clip, **fields)
