"""Augmentation of a training batch, each example by a key of its own."""

import jax
import jax.numpy as jnp

from dfdetect_jax.augmentation.changes import augment
from dfdetect_jax.config import Augment


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


def augment_batch(keys: jax.Array, batch: dict[str, jax.Array], settings: Augment) -> dict[str, jax.Array]:
    """The batch that a step learns from.

    Args:
        keys: PRNG keys [N], see `example_keys`.
        batch: "image" uint8 [N, H, W, 3]; "mask" uint8 [N, H, W] in {0, 255}, if there is one, moves along.
        settings: which changes, how likely and how strong.

    Returns:
        The same arrays, changed.
    """
    images, masks = augment(keys, batch["image"], batch.get("mask"), settings)
    return batch | {"image": images} | ({} if masks is None else {"mask": masks})
