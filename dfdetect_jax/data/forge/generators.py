"""Traces of a generative network's last layers: two lossy resamplings through a lower resolution."""

import cv2
import numpy as np


def through_bilinear(image: np.ndarray, factor: float) -> np.ndarray:
    """Downsamples by area averaging and upsamples by bilinear interpolation.

    Args:
        image: uint8 [H, W, 3].
        factor: of the reduction, at least 1.

    Returns:
        uint8 [H, W, 3].
    """
    height, width = image.shape[:2]
    small = cv2.resize(image, (round(width / factor), round(height / factor)), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def through_transposed(image: np.ndarray, unevenness: float) -> np.ndarray:
    """Downsamples by 2 with area averaging and upsamples by a 3x3 transposed convolution of stride 2.

    With weights (1, 2, 1) / 2 along each axis it is linear interpolation; a larger centre makes neighbours uneven, the
    checkerboard of Odena et al., "Deconvolution and Checkerboard Artifacts" (Distill, 2016).

    Args:
        image: uint8 [H, W, 3].
        unevenness: added to the centre weight of 1; 0 for linear interpolation.

    Returns:
        uint8 [H, W, 3].
    """
    height, width = image.shape[:2]
    small = cv2.resize(image, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)
    sparse = np.zeros((2 * small.shape[0], 2 * small.shape[1], 3), np.float32)
    sparse[::2, ::2] = small
    taps = np.array([0.5, 1 + unevenness, 0.5], np.float32)
    dense: np.ndarray = cv2.sepFilter2D(sparse, cv2.CV_32F, taps, taps, borderType=cv2.BORDER_REFLECT_101)
    dense *= 4 / (2 + unevenness) ** 2  # keeps the mean
    return np.clip(dense[:height, :width] + 0.5, 0, 255).astype(np.uint8)
