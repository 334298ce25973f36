"""Random fields that faces, hair, cloth and backgrounds are textured with."""

import cv2
import numpy as np


def value_noise(rng: np.random.Generator, shape: tuple[int, int], cell: float) -> np.ndarray:
    """Smooth noise: normal values on a lattice, interpolated bicubically.

    Args:
        rng: source of randomness.
        shape: (height, width) of the field, pixels.
        cell: lattice spacing, pixels; about half the size of a blob.

    Returns:
        float32 [height, width], zero mean, standard deviation about 0.7.
    """
    height, width = shape
    lattice = rng.standard_normal((int(height / cell) + 3, int(width / cell) + 3), dtype=np.float32)
    scaled = cv2.resize(lattice, None, fx=cell, fy=cell, interpolation=cv2.INTER_CUBIC)
    return scaled[:height, :width]


def fractal_noise(rng: np.random.Generator, shape: tuple[int, int], cell: float, octaves: int) -> np.ndarray:
    """Value noise summed over octaves, each half as wide and 0.6 times as strong; float32 [height, width]."""
    field = value_noise(rng, shape, cell)
    for octave in range(1, octaves):
        field = field + 0.6**octave * value_noise(rng, shape, max(cell / 2**octave, 1.0))
    return field


def strand_map(rng: np.random.Generator, length: float) -> np.ndarray:
    """A tile of parallel strands running down the rows; float32 [256, 256], about -1 to 1, wraps around in x."""
    fine = rng.standard_normal((256, 256), dtype=np.float32)
    fine = cv2.GaussianBlur(fine, (0, 0), sigmaX=0.7, sigmaY=length, borderType=cv2.BORDER_REFLECT)
    locks = cv2.GaussianBlur(
        rng.standard_normal((256, 256), dtype=np.float32),
        (0, 0),
        sigmaX=4.0,
        sigmaY=2 * length,
        borderType=cv2.BORDER_REFLECT,
    )
    field = fine / fine.std() + 0.9 * locks / locks.std()
    return np.clip(field / 2.2, -1.0, 1.0)


def sample(tile: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Reads `tile` (float32 [h, w]) at (x, y) in tile pixels, repeating it; float32, shape of `x`."""
    return cv2.remap(
        tile, x.astype(np.float32), y.astype(np.float32), interpolation=cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
    )
