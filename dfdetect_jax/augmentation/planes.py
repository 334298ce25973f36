"""Images as planes, the layout that augmentation computes in: rows of one colour, which vector units take whole."""

import jax
import jax.numpy as jnp


def to_planes(images: jax.Array) -> jax.Array:
    """uint8 [N, H, W, C] -> float32 [N, C, H, W] of the same numbers."""
    return images.transpose(0, 3, 1, 2).astype(jnp.float32)


def to_images(planes: jax.Array) -> jax.Array:
    """float32 [N, C, H, W] -> uint8 [N, H, W, C], rounded and clipped."""
    return jnp.clip(jnp.round(planes), 0, 255).astype(jnp.uint8).transpose(0, 2, 3, 1)


def normalize(images: jax.Array) -> jax.Array:
    """uint8 or float [N, H, W, 3] in [0, 255] -> float32 [N, H, W, 3] in [-1, 1]."""
    return images.astype(jnp.float32) / 127.5 - 1.0
