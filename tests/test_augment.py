"""Augmentation: what it changes, and what it leaves."""

import jax
import jax.numpy as jnp
import numpy as np

from dfdetect_jax import augment
from dfdetect_jax.config import Augment

KEY = jax.random.key(0)


def images(n: int = 64) -> jax.Array:
    return jax.random.uniform(KEY, (n, 4, 6, 3), minval=-0.4, maxval=0.4)


def test_normalize_maps_bytes_onto_minus_one_to_one():
    np.testing.assert_allclose(augment.normalize(jnp.array([0, 255], jnp.uint8)), [-1.0, 1.0])


def test_flip_mirrors_about_half_of_the_images_and_leaves_the_others():
    x = images()
    y = augment.flip(KEY, x)
    same = np.all(np.asarray(x == y), axis=(1, 2, 3))
    mirrored = np.all(np.asarray(x[:, :, ::-1] == y), axis=(1, 2, 3))
    assert np.all(same ^ mirrored)
    assert 0.25 < mirrored.mean() < 0.75


def test_jitter_is_affine_per_image_about_its_mean():
    x = images()
    y = augment.jitter(KEY, x, 0.2)
    for before, after in zip(np.asarray(x), np.asarray(y), strict=True):
        slope, offset = np.polyfit(before.ravel(), after.ravel(), 1)
        np.testing.assert_allclose(after, slope * before + offset, atol=1e-5)
        assert 0.8 <= slope <= 1.2
        assert abs(after.mean() - before.mean()) <= 0.2


def test_jitter_stays_in_range():
    y = augment.jitter(KEY, images() * 2.4, 1.0)
    assert float(jnp.abs(y).max()) <= 1.0


def test_everything_off_changes_nothing():
    x = images()
    assert (augment.augment(KEY, x, Augment(flip=False, jitter=0.0)) == x).all()


def test_each_setting_switches_its_own_change_on():
    x = images()
    flipped = augment.augment(KEY, x, Augment(flip=True, jitter=0.0))
    jittered = augment.augment(KEY, x, Augment(flip=False, jitter=0.3))
    assert np.allclose(np.sort(flipped, axis=2), np.sort(x, axis=2))
    assert not np.allclose(jittered, x)


def test_masks_move_with_their_images():
    masks = (images()[..., 0] > 0).astype(jnp.uint8) * 255
    pictures = jnp.repeat(masks[..., None], 3, axis=-1).astype(jnp.float32) / 255
    settings = Augment(flip=True, jitter=0.0)
    moved = augment.augment_masks(KEY, masks, settings)
    assert not np.array_equal(moved, masks)
    np.testing.assert_array_equal(moved / 255, augment.augment(KEY, pictures, settings)[..., 0])
    np.testing.assert_array_equal(augment.augment_masks(KEY, masks, Augment(flip=False)), masks)


def test_the_high_pass_residual_is_the_image_minus_its_binomial_blur():
    x = images(2)
    kernel = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256
    padded = np.pad(np.asarray(x), ((0, 0), (2, 2), (2, 2), (0, 0)), mode="edge")
    blurred = sum(kernel[i, j] * padded[:, i : i + 4, j : j + 6] for i in range(5) for j in range(5))
    np.testing.assert_allclose(augment.high_pass(x), x - blurred, atol=1e-6)
