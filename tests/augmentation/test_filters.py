"""Filters against SciPy and OpenCV."""

import cv2
import jax.numpy as jnp
import numpy as np
import scipy.ndimage

from dfdetect_jax.augmentation import high_pass
from dfdetect_jax.augmentation.filters import blur_matrix, downscale_matrix, separable

PLANES = np.random.default_rng(0).uniform(0, 255, (3, 2, 24, 16)).astype(np.float32)


def filtered(matrix, strength):
    strength = jnp.asarray(strength, jnp.float32)
    return np.asarray(separable(jnp.asarray(PLANES), matrix(strength, 24), matrix(strength, 16)))


def test_blurring_is_scipys_gaussian_filter_with_a_strength_for_each_image():
    found = filtered(blur_matrix, [0.0, 0.7, 1.5])
    np.testing.assert_allclose(found[0], PLANES[0], atol=1e-3)
    for index, sigma in ((1, 0.7), (2, 1.5)):
        expected = scipy.ndimage.gaussian_filter(PLANES[index], sigma, axes=(1, 2), mode="reflect", truncate=8)
        np.testing.assert_allclose(found[index], expected, atol=2e-3)


def test_downscaling_is_opencvs_shrinking_by_area_and_linear_enlarging():
    found = filtered(downscale_matrix, [1.0, 0.5, 0.3])
    np.testing.assert_allclose(found[0], PLANES[0], atol=1e-3)
    for index, (rows, columns) in ((1, (12, 8)), (2, (7, 5))):
        image = np.moveaxis(PLANES[index], 0, 2)
        small = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)
        expected = cv2.resize(small, (16, 24), interpolation=cv2.INTER_LINEAR)
        np.testing.assert_allclose(np.moveaxis(found[index], 0, 2), expected, atol=0.02)


def test_the_high_pass_residual_is_the_image_minus_its_binomial_blur():
    x = np.random.default_rng(0).uniform(-1, 1, (2, 4, 6, 3)).astype(np.float32)
    kernel = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256
    padded = np.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="edge")
    blurred = sum(kernel[i, j] * padded[:, i : i + 4, j : j + 6] for i in range(5) for j in range(5))
    np.testing.assert_allclose(high_pass(jnp.asarray(x)), x - blurred, atol=1e-6)
