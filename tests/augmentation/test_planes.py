import jax.numpy as jnp
import numpy as np

from dfdetect_jax.augmentation import normalize
from dfdetect_jax.augmentation.planes import to_images, to_planes


def test_normalize_maps_bytes_onto_minus_one_to_one():
    np.testing.assert_allclose(normalize(jnp.array([0, 255], jnp.uint8)), [-1.0, 1.0])


def test_planes_hold_the_images_numbers_one_colour_after_the_other():
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 3), np.uint8)
    np.testing.assert_array_equal(to_planes(images), np.moveaxis(images, 3, 1))


def test_planes_become_images_rounded_and_clipped():
    planes = jnp.array([[-3.0, 0.6, 254.4, 300.0]]).reshape(1, 4, 1, 1)
    np.testing.assert_array_equal(to_images(planes).ravel(), [0, 1, 254, 255])
