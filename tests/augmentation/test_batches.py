"""Batches of a step: which examples are blended, and keys by place in the batch."""

import jax
import jax.numpy as jnp
import numpy as np

from dfdetect_jax.augmentation.batches import augment_batch, blend_batch, example_keys
from dfdetect_jax.config import Crop, SelfBlend
from dfdetect_jax.config.augment import PRESETS
from dfdetect_jax.media.crop import expected_landmarks

SIZE = 32
RNG = np.random.default_rng(0)
BATCH = {
    "image": RNG.integers(0, 256, (4, SIZE, SIZE, 3), np.uint8),
    "mask": np.zeros((4, SIZE, SIZE), np.uint8),
    "has_mask": np.zeros(4, bool),
    "label": np.int32([0, 1, 1, 0]),  # the third one is made in the step
    "self_blend": np.array([False, False, True, False]),
    "landmarks": np.stack([expected_landmarks(Crop(), SIZE)] * 4).astype(np.float32),
}
KEYS = example_keys(jax.random.key(0), 4)


blend = jax.jit(blend_batch, static_argnames="settings")
SETTINGS = SelfBlend(share=0.25)


def test_only_marked_examples_are_blended():
    batch = blend(KEYS, BATCH, SETTINGS, with_masks=False)
    changed = np.any(np.asarray(batch["image"]) != BATCH["image"], axis=(1, 2, 3))
    np.testing.assert_array_equal(changed, BATCH["self_blend"])
    np.testing.assert_array_equal(np.asarray(batch["mask"]).any(axis=(1, 2)), BATCH["self_blend"])
    assert set(batch) == set(BATCH) - {"self_blend", "landmarks"}
    assert not batch["has_mask"].any()


def test_their_masks_and_the_empty_ones_of_reals_are_learnt_from_if_asked_for():
    np.testing.assert_array_equal(blend(KEYS, BATCH, SETTINGS, with_masks=True)["has_mask"], [True, False, True, True])


def test_a_batch_without_marks_is_augmented_alone():
    batch = {name: BATCH[name] for name in ("image", "label")}
    same = augment_batch(KEYS, batch, PRESETS["none"])
    assert set(same) == set(batch)
    np.testing.assert_array_equal(same["image"], batch["image"])


def test_keys_are_those_of_the_place_in_the_batch_over_all_devices():
    def keys_here(_):
        return jax.random.key_data(example_keys(jax.random.key(0), 2, "data"))

    on_two = jax.pmap(keys_here, axis_name="data")(jnp.arange(2))
    np.testing.assert_array_equal(on_two.reshape(4, 2), jax.random.key_data(KEYS))
