"""Self-blending and augmentation of a training batch, each example by a key of its own."""

import jax
import jax.numpy as jnp

from dfdetect_jax.augmentation.changes import augment
from dfdetect_jax.augmentation.self_blend import self_blend
from dfdetect_jax.config import Augment, SelfBlend

Arrays = dict[str, jax.Array]
_SELF_BLEND = 2**16  # folded into an example's key, beyond any kind of change


def example_keys(key: jax.Array, count: int, axis_name: str | None = None) -> jax.Array:
    """A key for each example, by its place in the batch over all devices.

    Args:
        key: PRNG key of the step, the same on all devices.
        count: examples on this device.
        axis_name: mapped axis that the batch is spread over in equal, successive parts, or None.

    Returns:
        PRNG keys [count].
    """
    first = 0 if axis_name is None else count * jax.lax.axis_index(axis_name)
    return jax.vmap(lambda place: jax.random.fold_in(key, place))(first + jnp.arange(count))


def blend_batch(keys: jax.Array, batch: Arrays, settings: SelfBlend, *, with_masks: bool = False) -> Arrays:
    """The batch with those examples self-blended that are to be.

    Args:
        keys: PRNG keys [N].
        batch: "image" uint8 [N, H, W, 3]; "self_blend" bool [N], which faces become fakes (their "label" is 1 already);
            "landmarks" float32 [N, 5, 2] in pixels; "label" int32 [N], and "mask" uint8 [N, H, W] and "has_mask" bool
            [N] if there are any. Without "self_blend" nothing changes.
        settings: how strong.
        with_masks: whether these fakes, and reals, whose mask is empty, have a mask to learn from.

    Returns:
        The same arrays without "self_blend" and "landmarks".
    """
    if "self_blend" not in batch:
        return batch
    batch = dict(batch)
    chosen, landmarks = batch.pop("self_blend"), batch.pop("landmarks")
    keys = jax.vmap(lambda key: jax.random.fold_in(key, _SELF_BLEND))(keys)
    fakes = self_blend(keys, batch["image"], landmarks, settings.strength)
    batch["image"] = jnp.where(chosen[:, None, None, None], fakes.images, batch["image"])
    if "mask" in batch:
        batch["mask"] = jnp.where(chosen[:, None, None], fakes.masks, batch["mask"])
        batch["has_mask"] = batch["has_mask"] | (with_masks & (chosen | (batch["label"] == 0)))
    return batch


def augment_batch(keys: jax.Array, batch: Arrays, settings: Augment, *, with_masks: bool = False) -> Arrays:
    """The batch that a step learns from.

    Args:
        keys: PRNG keys [N], see `example_keys`.
        batch: "image" uint8 [N, H, W, 3]; "mask" uint8 [N, H, W] in {0, 255}, if there is one, moves along; for
            self-blending as in `blend_batch`.
        settings: which changes, how likely and how strong.
        with_masks: whether self-blended fakes, and reals beside them, have a mask to learn from.

    Returns:
        The same arrays, changed.
    """
    batch = blend_batch(keys, batch, settings.self_blend, with_masks=with_masks)
    images, masks = augment(keys, batch["image"], batch.get("mask"), settings)
    return batch | {"image": images} | ({} if masks is None else {"mask": masks})
