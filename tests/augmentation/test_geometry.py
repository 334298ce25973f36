"""Changes of place against OpenCV and SciPy."""

import cv2
import jax.numpy as jnp
import numpy as np
import scipy.ndimage

from dfdetect_jax.augmentation import geometry

SIZE = (20, 26)
PLANES = np.random.default_rng(0).uniform(0, 255, (2, 3, *SIZE)).astype(np.float32)
DEGREES, SCALE, SHIFT = np.float32([0.0, 17.0]), np.float32([1.0, 1.15]), np.float32([[3, -2], [1.5, 0.25]])


def matrices() -> np.ndarray:
    return np.asarray(geometry.similarity_matrix(*map(jnp.asarray, (DEGREES, SCALE, SHIFT)), SIZE))


def test_the_matrix_is_opencvs_about_the_centre_and_then_shifted():
    centre = ((SIZE[1] - 1) / 2, (SIZE[0] - 1) / 2)
    for matrix, degrees, scale, shift in zip(matrices(), DEGREES, SCALE, SHIFT, strict=True):
        forward = cv2.getRotationMatrix2D(centre, float(degrees), float(scale))
        forward[:, 2] += shift
        np.testing.assert_allclose(matrix, cv2.invertAffineTransform(forward), atol=1e-5)


def test_warping_is_scipys_linear_interpolation_in_a_mirrored_image():
    found = np.asarray(geometry.warp(jnp.asarray(PLANES), jnp.asarray(matrices())))
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    for planes, matrix, warped in zip(PLANES, matrices(), found, strict=True):
        x, y = (matrix[i, 0] * columns + matrix[i, 1] * rows + matrix[i, 2] for i in range(2))
        for plane, ours in zip(planes, warped, strict=True):
            expected = scipy.ndimage.map_coordinates(plane, [y, x], order=1, mode="mirror")
            np.testing.assert_allclose(ours, expected, atol=0.02)


def test_warping_is_opencvs_up_to_its_grid_of_a_thirty_second_of_a_pixel():
    found = np.asarray(geometry.warp(jnp.asarray(PLANES), jnp.asarray(matrices())))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    for planes, matrix, warped in zip(PLANES, matrices(), found, strict=True):
        image = np.ascontiguousarray(np.moveaxis(planes, 0, 2))
        expected = cv2.warpAffine(image, matrix, SIZE[::-1], flags=flags, borderMode=cv2.BORDER_REFLECT_101)
        assert np.abs(np.moveaxis(warped, 0, 2) - expected).mean() < 255 / 32


def test_flipping_mirrors_the_images_asked_for_and_no_others():
    found = np.asarray(geometry.flip(jnp.array([False, True]), jnp.asarray(PLANES)))
    np.testing.assert_array_equal(found, [PLANES[0], PLANES[1, :, :, ::-1]])


def test_erasing_covers_the_box_with_the_colour():
    box = jnp.array([[0.0, 0.0, 0.0, 0.0], [0.5, 0.25, 1.0, 0.5]])
    found = np.asarray(geometry.erase(jnp.asarray(PLANES), box, jnp.full((2, 3), 7.0)))
    np.testing.assert_array_equal(found[0], PLANES[0])
    expected = PLANES[1].copy()
    expected[:, 5:10, 13:] = 7
    np.testing.assert_array_equal(found[1], expected)
