"""Cropping a face from a picture, the same for preparing, forging and predicting.

Coordinates are pixels with (0, 0) at the centre of the upper left pixel, x to the right, y down. A matrix is float64
[2, 3] and maps points of the picture to points of the crop.
"""

import math

import cv2
import numpy as np

from dfdetect_jax.config import Crop
from dfdetect_jax.errors import SettingsError
from dfdetect_jax.media.face import Face

# Where DeepfakeBench (Yan et al., NeurIPS 2023) puts the five points in a 256 px crop of scale 1.3: left and right eye,
# nose, left and right corner of the mouth. Kept, so that crops of both can be compared.
_POINTS = ((96.87, 120.43), (158.83, 120.09), (128.04, 155.67), (102.59, 191.94), (153.90, 191.66))
_POINTS_SIZE, _POINTS_MARGIN = 256, 1.3
# Where MTCNN finds them from the middle of its box, in longer sides of the box: the mean over 300 faces of FFHQ and 299
# of CelebA. The standard deviation is about .065 across (turned heads) and .03 down.
_POINTS_IN_BOX = ((-0.171, -0.109), (0.171, -0.109), (0.0, 0.096), (-0.155, 0.25), (0.155, 0.25))

_QUARTER_TURNS = (((1, 0), (0, 1)), ((0, 1), (-1, 0)), ((-1, 0), (0, -1)), ((0, -1), (1, 0)))  # against the clock


def template(size: int, margin: float) -> np.ndarray:
    """The positions of the five landmarks in an aligned crop.

    A larger margin moves the points towards the centre of the crop; the size scales them.

    >>> template(256, margin=1.3)[2].round(2).tolist()  # the nose
    [128.04, 155.67]

    Args:
        size: side of the crop, pixels.
        margin: side of the crop over the side of the tight face.

    Returns:
        float64 [5, 2], pixels of the crop, in the order of `Face.landmarks`.
    """
    from_centre = (np.array(_POINTS) + 0.5) / _POINTS_SIZE - 0.5
    return (from_centre * _POINTS_MARGIN / margin + 0.5) * size - 0.5


def expected_landmarks(crop: Crop, size: int, face: float = 0.0) -> np.ndarray:
    """Where the five landmarks are in a crop: exactly if it was aligned by them, else on average.

    Args:
        crop: how it was cropped.
        size: side of the crop after `resize`, pixels.
        face: side of the face's box over the side of the crop, for pictures taken whole; 0 for 1.

    Returns:
        float64 [5, 2], pixels of the crop, in the order of `Face.landmarks`.
    """
    if crop.align == "landmarks":
        return template(size, crop.margin)
    side = (face or 1.0) if crop.face_detector == "none" else 1 / crop.margin
    return (np.array(_POINTS_IN_BOX) * side + 0.5) * size - 0.5


def similarity(points: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The rotation, uniform scale and translation that map `points` to `targets` in the least-squares sense.

    With points as complex numbers z and targets w, both minus their means, it is w = a z with
    a = sum(conj(z) w) / sum(|z|^2): Umeyama (1991) in the plane, without reflections.

    >>> similarity(np.array([[0, 0], [1, 0]]), np.array([[5, 5], [5, 7]])).tolist()  # a quarter turn, twice as large
    [[0.0, -2.0, 5.0], [2.0, 0.0, 5.0]]

    Args:
        points: float [N, 2] of x, y; at least two are different.
        targets: float [N, 2] of x, y.

    Returns:
        float64 [2, 3], from `points` to `targets`.

    Raises:
        ValueError: all points coincide.
    """
    z, w = (np.asarray(p, np.float64) @ (1, 1j) for p in (points, targets))
    spread = z - z.mean()
    if not np.abs(spread).max() > 0:
        raise ValueError("expected at least two different points, found all at one place; drop this face")
    a = (spread.conj() @ (w - w.mean())) / (spread.conj() @ spread).real
    b = w.mean() - a * z.mean()
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


def crop_matrix(face: Face, crop: Crop) -> np.ndarray:
    """The matrix from a picture to the crop of one face.

    align="landmarks": the similarity that fits the five landmarks to `template`. align="box": the square around
    the box's centre whose side is the box's longer side times the margin, turned as the face is.

    Args:
        face: in pixels of the picture.
        crop: size, margin and alignment of the crop.

    Returns:
        float64 [2, 3].

    Raises:
        SettingsError: align="landmarks" for a face without landmarks.
    """
    if crop.align == "landmarks":
        if face.landmarks is None:
            raise SettingsError('crop.align: "landmarks" expects five points, found a face without them; use "box"')
        return similarity(face.landmarks, template(crop.size, crop.margin))
    box = np.asarray(face.box, np.float64)
    scale = crop.size / (max(box[2] - box[0], box[3] - box[1], 1.0) * crop.margin)
    upright = scale * np.array(_QUARTER_TURNS[face.turns], np.float64)
    middle = (crop.size - 1) / 2 - upright @ (box[:2] + box[2:]) / 2
    return np.column_stack([upright, middle])


def warp(image: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """Crops a picture: bilinear, antialiased when shrinking, black where the crop reaches beyond the picture.

    Black rather than mirrored, since a mirrored border would show forged pixels that the mask lacks.

    Args:
        image: uint8 [H, W, 3], or [H, W].
        matrix: float64 [2, 3], picture to crop.
        size: side of the crop, pixels.

    Returns:
        uint8 [size, size, 3], or [size, size].
    """
    # One sample per picture pixel or more, then the mean over each crop pixel's area.
    shrink = max(1, math.ceil(1 / math.sqrt(abs(np.linalg.det(matrix[:, :2]))) - 1e-6))
    finer = resized_matrix(matrix, size, size * shrink)
    fine = cv2.warpAffine(image, finer, (size * shrink, size * shrink), flags=cv2.INTER_LINEAR)
    return fine if shrink == 1 else cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA)


def resize(image: np.ndarray, size: int) -> np.ndarray:
    """Resizes a crop to the network's input: mean over each pixel's area when shrinking, bilinear when enlarging.

    Args:
        image: uint8 or float32 [S, S] or [S, S, 3].
        size: of the result, pixels.

    Returns:
        [size, size] or [size, size, 3] of the same dtype and range; `image` itself if it has that size.
    """
    if image.shape[0] == size:
        return image
    smaller = size < image.shape[0]
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)


def resized_matrix(matrix: np.ndarray, size: int, new_size: int) -> np.ndarray:
    """The matrix to a crop after `resize`.

    >>> resized_matrix(np.array([[1, 0, 0], [0, 1, 0]]), 100, 50).tolist()
    [[0.5, 0.0, -0.25], [0.0, 0.5, -0.25]]

    Args:
        matrix: float64 [2, 3], picture to crop.
        size: side of the crop that it was made for, pixels.
        new_size: side after `resize`, pixels.

    Returns:
        float64 [2, 3].
    """
    factor = new_size / size
    return factor * np.asarray(matrix, np.float64) + [[0, 0, (factor - 1) / 2]] * 2


def warp_mask(mask: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """Crops a mask with the image's matrix; a crop pixel is forged if at least half of its area is.

    Args:
        mask: uint8 [H, W] in {0, 255}.
        matrix: float64 [2, 3], picture to crop.
        size: side of the crop, pixels.

    Returns:
        uint8 [size, size] in {0, 255}; 0 where the crop reaches beyond the picture.
    """
    return np.where(warp(mask, matrix, size) >= 128, 255, 0).astype(np.uint8)


def unwarp(heat: np.ndarray, matrix: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Maps a heat map of the crop back to the picture: the inverse of `warp`, bilinear.

    Args:
        heat: float32 [S, S] of any range, S the size that the matrix was made for.
        matrix: float64 [2, 3], picture to crop.
        shape: (H, W) of the picture.

    Returns:
        float32 [H, W] of the same range, 0 outside the crop.
    """
    height, width = shape
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP  # "inverse": the matrix goes from the result to the input, as ours
    return cv2.warpAffine(np.asarray(heat, np.float32), matrix, (width, height), flags=flags)
