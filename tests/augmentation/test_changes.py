"""Augmentation of a batch: which images change, and what moves along."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dfdetect_jax.augmentation import augment
from dfdetect_jax.augmentation.batches import example_keys
from dfdetect_jax.config import Augment
from dfdetect_jax.config.augment import GROUPS, PRESETS

OFF, SIZE, COUNT = PRESETS["none"], 16, 24
KEYS = example_keys(jax.random.key(0), COUNT)
RNG = np.random.default_rng(0)
IMAGES = np.kron(RNG.integers(0, 256, (COUNT, 4, 4, 3)), np.ones((1, 4, 4, 1))).astype(np.uint8)
MASKS = np.kron(RNG.integers(0, 2, (COUNT, 4, 4)), np.ones((1, 4, 4))).astype(np.uint8) * 255

applied = jax.jit(augment, static_argnames="settings")


def with_group(group: str, probability: float) -> Augment:
    """One kind of change alone, as the preset "strong" has it but for the probability."""
    values = dataclasses.replace(getattr(PRESETS["strong"], group), probability=probability)
    return dataclasses.replace(OFF, **{group: values})


def changed(settings: Augment) -> np.ndarray:
    """bool [COUNT]: which images are no longer the same."""
    images, _ = applied(KEYS, IMAGES, MASKS, settings=settings)
    return np.any(np.asarray(images) != IMAGES, axis=(1, 2, 3))


def test_everything_off_changes_nothing():
    images, masks = applied(KEYS, IMAGES, MASKS, settings=OFF)
    np.testing.assert_array_equal(images, IMAGES)
    np.testing.assert_array_equal(masks, MASKS)


@pytest.mark.parametrize("group", GROUPS)
def test_a_kind_of_change_is_made_to_about_the_share_of_images_asked_for(group):
    some = changed(with_group(group, 0.5))
    assert 0.2 < some.mean() < 0.8


def test_flip_mirrors_about_half_of_the_images_and_leaves_the_others():
    images, masks = applied(KEYS, IMAGES, MASKS, settings=dataclasses.replace(OFF, flip=True))
    for before, after in ((IMAGES, np.asarray(images)), (MASKS, np.asarray(masks))):
        axes = tuple(range(1, before.ndim))
        same, mirrored = (np.all(before[:, :, ::step] == after, axis=axes) for step in (1, -1))
        assert np.all(same ^ mirrored)
        assert 0.25 < mirrored.mean() < 0.75


def test_jitter_is_affine_about_the_mean_of_each_image():
    images = (IMAGES // 4 + 96).astype(np.uint8)  # far from the ends of the range
    jittered, _ = applied(KEYS, images, MASKS, settings=dataclasses.replace(OFF, jitter=0.2))
    for before, after in zip(images, np.asarray(jittered), strict=True):
        slope, offset = np.polyfit(before.ravel(), after.ravel(), 1)
        np.testing.assert_allclose(after, slope * before + offset, atol=1)
        assert 0.78 <= slope <= 1.22
        assert abs(after.mean() - before.mean()) <= 0.2 * 127.5 + 0.5


@pytest.mark.parametrize("settings", [dataclasses.replace(with_group("warp", 1.0), flip=True)])
def test_masks_move_with_their_images(settings):
    pictures = np.repeat(MASKS[..., None], 3, axis=-1)
    images, masks = applied(KEYS, pictures, MASKS, settings=settings)
    assert not np.array_equal(masks, MASKS)
    assert set(np.unique(masks)) == {0, 255}
    np.testing.assert_array_equal(np.asarray(images)[..., 0] >= 128, np.asarray(masks) > 0)


def test_what_is_erased_is_not_forged():
    white, forged = np.full_like(IMAGES, 255), np.full_like(MASKS, 255)
    images, masks = applied(KEYS, white, forged, settings=with_group("erase", 1.0))
    covered = np.any(np.asarray(images) != 255, axis=-1)
    np.testing.assert_array_equal(covered, np.asarray(masks) == 0)
    assert np.all(covered.mean(axis=(1, 2)) < 0.35)  # of an area of .15 with whole pixels
    assert covered.any(axis=(1, 2)).all()


@pytest.mark.parametrize("group", ["jpeg", "blur"])
def test_what_changes_pixels_alone_leaves_masks_in_place(group):
    _, masks = applied(KEYS, IMAGES, MASKS, settings=with_group(group, 1.0))
    np.testing.assert_array_equal(masks, MASKS)


def test_a_range_of_one_number_is_that_strength():
    flat = jnp.full((COUNT, SIZE, SIZE, 3), 100, jnp.uint8)
    settings = dataclasses.replace(OFF, noise=dataclasses.replace(OFF.noise, probability=1.0, sigma=(4.0, 4.0)))
    noisy, _ = applied(KEYS, flat, MASKS, settings=settings)
    assert np.asarray(noisy, np.float32).std(axis=(1, 2, 3)) == pytest.approx(4.0, rel=0.15)


def test_an_image_is_changed_alike_whatever_else_is_in_the_batch():
    settings, other = PRESETS["strong"], np.random.default_rng(1).integers(0, 256, IMAGES.shape, np.uint8)
    images, masks = applied(KEYS, IMAGES, MASKS, settings=settings)
    moved_images, moved_masks = applied(KEYS[::-1], np.r_[IMAGES[:0:-1], other[:1]], MASKS[::-1], settings=settings)
    np.testing.assert_array_equal(moved_images[:-1], images[:0:-1])
    np.testing.assert_array_equal(moved_masks, masks[::-1])
