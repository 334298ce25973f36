"""Random fields for the texture of faces, hair, cloth and backgrounds."""

import functools

import cv2
import numpy as np

TILE = 256  # side of the fixed maps, pixels


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
    if cell == 1:
        return lattice[:height, :width]
    scaled = cv2.resize(lattice, None, fx=cell, fy=cell, interpolation=cv2.INTER_CUBIC)
    return scaled[:height, :width]


def fractal_noise(rng: np.random.Generator, shape: tuple[int, int], cell: float, octaves: int) -> np.ndarray:
    """Value noise summed over octaves, each with half the cell and 0.6 times the amplitude of the one before.

    Args:
        rng: source of randomness.
        shape: (height, width) of the field, pixels.
        cell: lattice spacing of the first octave, pixels.
        octaves: 1 or more.

    Returns:
        float32 [height, width], zero mean.
    """
    field = value_noise(rng, shape, cell)
    for octave in range(1, octaves):
        field = field + np.float32(0.6**octave) * value_noise(rng, shape, max(cell / 2**octave, 1.0))
    return field


@functools.cache
def noise_map(cell: float) -> np.ndarray:
    """A fixed tile of value noise; float32 [TILE, TILE], read-only. `sample` at another offset for another texture."""
    return _read_only(value_noise(np.random.default_rng([17, round(10 * cell)]), (TILE, TILE), cell))


@functools.cache
def strand_map(length: float) -> np.ndarray:
    """A fixed tile of strands along the rows' axis (vertical); float32 [TILE, TILE] in [-1, 1], read-only."""
    rng = np.random.default_rng([29, round(10 * length)])
    fine, locks = (
        cv2.GaussianBlur(rng.standard_normal((TILE, TILE), dtype=np.float32), (0, 0), sigmaX=wide, sigmaY=long)
        for wide, long in ((0.7, length), (4.0, 2 * length))
    )
    return _read_only(np.clip((fine / fine.std() + 0.9 * locks / locks.std()) / 2.2, -1, 1))


def sample(tile: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Samples a periodic tile by bilinear interpolation.

    Args:
        tile: float32 [h, w].
        x: float [H, W], column in the tile, pixels; any value, modulo w.
        y: float [H, W], row in the tile, pixels; any value, modulo h.

    Returns:
        float32 [H, W], in the range of `tile`.
    """
    return cv2.remap(
        tile, x.astype(np.float32), y.astype(np.float32), interpolation=cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
    )


def _read_only(field: np.ndarray) -> np.ndarray:
    field.flags.writeable = False
    return field
