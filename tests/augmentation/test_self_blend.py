"""Self-blended fakes: the face outside the mask, another one inside, and the mask that says so."""

import jax
import numpy as np
import pytest
import skimage.data
import skimage.transform

from dfdetect_jax.augmentation.self_blend import OPACITIES, blend, draw
from dfdetect_jax.config import Crop
from dfdetect_jax.media.crop import expected_landmarks

SIZE, COUNT = 32, 12
FACE = (255 * skimage.transform.resize(skimage.data.astronaut()[0:224, 112:336], (SIZE, SIZE))).astype(np.uint8)
IMAGES = np.stack([FACE] * COUNT)
LANDMARKS = np.stack([expected_landmarks(Crop(align="box", margin=1.3), SIZE)] * COUNT).astype(np.float32)
KEYS = jax.random.split(jax.random.key(0), COUNT)

drawn = jax.jit(jax.vmap(draw, in_axes=(0, None)))
apply = jax.jit(blend)


def blended(keys, strength=1.0, **changes):
    """As `self_blend`, with some of what is drawn replaced."""
    images, masks = apply(IMAGES, LANDMARKS, drawn(keys, strength)._replace(**changes))
    return np.asarray(images, np.int32), np.asarray(masks)


@pytest.fixture(scope="module")
def fakes():
    return blended(KEYS)


def test_fakes_have_the_form_of_the_batch(fakes):
    images, masks = fakes
    assert images.shape == IMAGES.shape
    assert masks.shape == IMAGES.shape[:3]
    assert set(np.unique(masks)) == {0, 255}


def test_every_face_is_changed_in_a_part_of_its_own(fakes):
    images, masks = fakes
    forged = masks > 0
    assert (forged.mean(axis=(1, 2)) > 0.02).all()
    assert (forged.mean(axis=(1, 2)) < 0.8).all()
    assert len({mask.tobytes() for mask in masks}) == COUNT
    assert np.abs(images - IMAGES).max(axis=(1, 2, 3)).min() > 2


def test_where_the_source_is_changed_the_picture_outside_the_mask_is_the_original():
    """The mask leaves out pixels of which the source has less than a tenth."""
    images, masks = blended(KEYS, in_source=np.ones(COUNT, bool))
    difference, forged = np.abs(images - IMAGES).max(axis=-1), masks > 0
    assert difference[~forged].max() <= 0.1 * 100
    assert difference[forged].mean() > 4 * difference[~forged].mean()


def test_a_fake_is_a_function_of_its_own_key(fakes):
    images, masks = blended(KEYS[::-1])
    np.testing.assert_array_equal(images, fakes[0][::-1])
    np.testing.assert_array_equal(masks, fakes[1][::-1])


def test_without_strength_a_face_is_blended_with_its_equal():
    images, masks = blended(KEYS, strength=0.0)
    assert np.abs(images - IMAGES).max() <= 1
    assert masks.any(axis=(1, 2)).all()


def test_opacities_are_drawn_as_published():
    opacities = np.concatenate([drawn(jax.random.split(jax.random.key(i), COUNT), 1.0).opacity for i in range(200)])
    values, counts = np.unique(opacities, return_counts=True)
    assert set(values) == set(OPACITIES)
    np.testing.assert_allclose(counts / len(opacities), [1 / 6, 1 / 6, 1 / 6, 1 / 2], atol=0.04)
