"""Colour against scikit-image and Pillow; noise by its moments."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import skimage.color
from PIL import Image, ImageEnhance

from dfdetect_jax.augmentation import colour
from dfdetect_jax.augmentation.planes import to_images, to_planes

IMAGES = np.random.default_rng(0).integers(80, 170, (2, 6, 5, 3), np.uint8)
PLANES = to_planes(IMAGES)
NO_OFFSET = jnp.zeros((2, 3))


def test_hue_turns_in_the_chroma_plane_of_yiq_at_equal_luma():
    degrees = np.float32([0.0, 25.0])
    turned = colour.affine_colour(PLANES, colour.hue_matrix(degrees, jnp.ones(2)), NO_OFFSET)
    for before, after, angle in zip(IMAGES, np.moveaxis(np.asarray(turned), 1, 3), np.deg2rad(degrees), strict=True):
        luma, *chroma = np.moveaxis(skimage.color.rgb2yiq(before / 255.0), -1, 0)
        new_luma, *new_chroma = np.moveaxis(skimage.color.rgb2yiq(after / 255.0), -1, 0)
        np.testing.assert_allclose(new_luma, luma, atol=1e-3)
        expected = (chroma[0] + 1j * chroma[1]) * np.exp(-1j * angle)  # YIQ's axes are turned the other way round
        np.testing.assert_allclose(new_chroma[0] + 1j * new_chroma[1], expected, atol=1e-3)


@pytest.mark.parametrize("factor", [0.0, 0.6, 1.5])
def test_saturation_is_pillows(factor):
    changed = to_images(colour.affine_colour(PLANES, colour.hue_matrix(jnp.zeros(2), jnp.full(2, factor)), NO_OFFSET))
    for image, ours in zip(IMAGES, changed, strict=True):
        theirs = np.asarray(ImageEnhance.Color(Image.fromarray(image)).enhance(factor), np.int32)
        assert np.abs(np.asarray(ours, np.int32) - theirs).max() <= 1  # Pillow rounds luma first


def test_the_pca_offset_follows_the_covariance_of_natural_colours():
    weights = jax.random.normal(jax.random.key(0), (20_000, 3))
    covariance = np.cov(np.asarray(colour.pca_offset(weights)).T / 255)
    assert (covariance > 0).all()  # brightness varies most, so all colours vary together
    deviations = np.sqrt(np.linalg.eigvalsh(covariance))
    np.testing.assert_allclose(deviations, [0.0045, 0.0188, 0.2175], rtol=0.03)


def test_contrast_and_brightness_are_affine_about_the_mean_of_each_image():
    changed = np.asarray(colour.contrast(PLANES, jnp.array([1.0, 1.2]), jnp.array([10.0, -5.0])))
    np.testing.assert_allclose(changed[0], PLANES[0] + 10, atol=1e-3)
    np.testing.assert_allclose(changed[1], 1.2 * (PLANES[1] - PLANES[1].mean()) + PLANES[1].mean() - 5, atol=1e-3)


def test_what_leaves_the_range_is_clipped():
    changed = np.asarray(colour.contrast(PLANES, jnp.full(2, 9.0), jnp.zeros(2)))
    assert changed.min() == 0
    assert changed.max() == 255


def test_noise_has_the_deviation_asked_for_and_no_mean():
    grey, keys = jnp.full((2, 3, 64, 64), 128.0), jax.random.split(jax.random.key(0), 2)
    noise = np.asarray(colour.add_noise(keys, grey, jnp.array([0.0, 5.0]))) - 128
    assert not noise[0].any()
    assert abs(noise[1].mean()) < 0.2
    assert noise[1].std() == pytest.approx(5.0, rel=0.03)
    assert abs(np.corrcoef(noise[1].reshape(3, -1))[0, 1]) < 0.05
