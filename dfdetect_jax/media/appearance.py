"""What a face looks like, as far as it takes to recognise the same person after a cut.

Histograms of local binary patterns over a grid on the aligned face: Ahonen, Hadid and Pietikäinen, Face description
with local binary patterns, PAMI 2006, with the uniform patterns of Ojala, Pietikäinen and Mäenpää, PAMI 2002. No
network, no weights: it recognises a person within one recording, under its light and camera, and claims no more.
"""

import cv2
import numpy as np

from dfdetect_jax.media.crop import similarity, template, warp
from dfdetect_jax.media.face import Face

SIZE, CELLS = 66, 4  # pixels of the aligned face, with a border of one; cells along each side
_MARGIN = 1.1  # the face and little of what surrounds it
_NEIGHBOURS = ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1))  # rows and columns, anticlockwise


def appearance(image: np.ndarray, face: Face) -> np.ndarray | None:
    """Describes a face; the dot product of two descriptions is their likeness, 1 for equal ones.

    Args:
        image: uint8 [H, W, 3], the picture that it is in.
        face: where it is.

    Returns:
        float32 [944], at least 0, of length 1: square roots of the shares of the 59 patterns in 4 x 4 cells. None for a
        face without landmarks, which can't be aligned.
    """
    if face.landmarks is None or not np.ptp(face.landmarks, axis=0).any():
        return None
    aligned = warp(image, similarity(face.landmarks, template(SIZE, _MARGIN)), SIZE)
    grey = cv2.GaussianBlur(cv2.cvtColor(aligned, cv2.COLOR_RGB2GRAY), (0, 0), 1.0)
    histograms = pattern_histograms(uniform_patterns(grey))
    return np.sqrt(histograms / histograms.sum()).astype(np.float32).ravel()


def uniform_patterns(grey: np.ndarray) -> np.ndarray:
    """The number of the local binary pattern around each inner pixel.

    Bit k is set where the k-th of the eight neighbours is at least as bright as the pixel. The 58 patterns with at most
    two changes around the circle have the numbers 0 to 57, in the order of their codes; all others share 58.

    Args:
        grey: uint8 [H, W].

    Returns:
        uint8 [H - 2, W - 2] in [0, 58].
    """
    centre, (height, width) = grey[1:-1, 1:-1], grey.shape
    code = np.zeros(centre.shape, np.uint8)
    for bit, (down, right) in enumerate(_NEIGHBOURS):
        neighbour = grey[1 + down : height - 1 + down, 1 + right : width - 1 + right]
        code |= (neighbour >= centre).astype(np.uint8) << bit
    return _NUMBER_OF[code]


def pattern_histograms(patterns: np.ndarray) -> np.ndarray:
    """Counts of the 59 patterns in each of 4 x 4 cells: uint8 [H, W] in [0, 58] -> int64 [16, 59]."""
    height, width = patterns.shape
    row, column = (np.arange(side) * CELLS // side for side in (height, width))
    cell = row[:, None] * CELLS + column
    return np.bincount((cell * 59 + patterns).ravel(), minlength=CELLS * CELLS * 59).reshape(-1, 59)


def _uniform_numbers() -> np.ndarray:
    """From each of the 256 codes to the number of its pattern, uint8 [256]."""
    bits = np.arange(256)[:, None] >> np.arange(8) & 1
    uniform = (bits != np.roll(bits, 1, axis=1)).sum(axis=1) <= 2
    return np.where(uniform, np.cumsum(uniform) - 1, 58).astype(np.uint8)


_NUMBER_OF = _uniform_numbers()
