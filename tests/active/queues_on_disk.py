"""A queue of synthetic crops, without records or a run."""

from pathlib import Path

import numpy as np

from dfdetect_jax.active.queue import Queue, QueueCrop, QueueRow, Selection, digest, write_queue


def write_drawn_queue(folder: Path, count: int = 3, size: int = 24, sources: bool = True) -> Queue:
    """`count` crops of noise; the heat marks the left half, the source is inverted."""
    selection = Selection(run="lae", step=4, strategy="hardest", share=0.03, seed=0, fingerprint="f" * 64)
    return write_queue(folder, selection, size, [_crop(number, size, sources) for number in range(count)])


def _crop(number: int, size: int, sources: bool) -> QueueCrop:
    image = np.random.default_rng(number).integers(0, 256, (size, size, 3), np.uint8)
    heat = np.zeros((size, size), np.float32)
    heat[:, : size // 2] = 1.0
    row = QueueRow(
        id=f"{number + 1:04d}",
        place=10 * number,
        video=f"clip{number}",
        forgery="paste",
        frame=0,
        score=0.25,
        outside=0.5,
        reason="taken for real, p(fake) 0.250",
        sha256=digest(image),
    )
    return QueueCrop(row, image, image // 2, heat, 255 - image if sources else None)


def square_mask(size: int = 24, top: int = 5, left: int = 10, side: int = 8) -> np.ndarray:
    mask = np.zeros((size, size), np.uint8)
    mask[top : top + side, left : left + side] = 255
    return mask
