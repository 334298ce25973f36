"""Augmentation inside the training step, on the device: pure functions of a PRNG key and a batch."""

import functools

import jax
import jax.numpy as jnp

from dfdetect_jax.config import Augment


def normalize(images: jax.Array) -> jax.Array:
    """uint8 or float [N, H, W, 3] in [0, 255] -> float32 [N, H, W, 3] in [-1, 1]."""
    return images.astype(jnp.float32) / 127.5 - 1.0


def flip(key: jax.Array, images: jax.Array) -> jax.Array:
    """Mirrors each image left to right with probability one half.

    Args:
        key: PRNG key.
        images: [N, H, W, C] of any dtype.

    Returns:
        The same shape and dtype.
    """
    mirrored = jax.random.bernoulli(key, shape=(images.shape[0], 1, 1, 1))
    return jnp.where(mirrored, images[:, :, ::-1], images)


def jitter(key: jax.Array, images: jax.Array, strength: float) -> jax.Array:
    """Changes contrast and brightness of each image.

    x -> clip(c * (x - mean(x)) + mean(x) + b, -1, 1), with c uniform in [1 - strength, 1 + strength], b uniform in
    [-strength, strength], and the mean over the image.

    Args:
        key: PRNG key.
        images: float [N, H, W, 3] in [-1, 1].
        strength: in [0, 1].

    Returns:
        float32 [N, H, W, 3] in [-1, 1].
    """
    shape = (images.shape[0], 1, 1, 1)
    contrast_key, brightness_key = jax.random.split(key)
    contrast = jax.random.uniform(contrast_key, shape, minval=1 - strength, maxval=1 + strength)
    brightness = jax.random.uniform(brightness_key, shape, minval=-strength, maxval=strength)
    mean = jnp.mean(images, axis=(1, 2, 3), keepdims=True)
    return jnp.clip(contrast * (images - mean) + mean + brightness, -1.0, 1.0)


def augment(key: jax.Array, images: jax.Array, settings: Augment) -> jax.Array:
    """Applies the augmentations that `settings` switch on.

    Args:
        key: PRNG key; `augment_masks` with the same key moves masks alike.
        images: float32 [N, H, W, 3] in [-1, 1].
        settings: which augmentations, and how strong.

    Returns:
        float32 [N, H, W, 3] in [-1, 1].
    """
    flip_key, jitter_key = jax.random.split(key)
    if settings.flip:
        images = flip(flip_key, images)
    if settings.jitter > 0:
        images = jitter(jitter_key, images, settings.jitter)
    return images


def augment_masks(key: jax.Array, masks: jax.Array, settings: Augment) -> jax.Array:
    """Applies the geometric part of `augment` to masks.

    Args:
        key: the key that the images were augmented with.
        masks: [N, H, W] of any dtype.
        settings: as for the images.

    Returns:
        The same shape and dtype.
    """
    flip_key, _ = jax.random.split(key)
    return flip(flip_key, masks[..., None])[..., 0] if settings.flip else masks


def high_pass(images: jax.Array) -> jax.Array:
    """The residual of a 5x5 binomial blur (1 4 6 4 1, outer product) with edges repeated.

    Args:
        images: float [N, H, W, C].

    Returns:
        The same shape and dtype: `images` minus the blurred images; in [-2, 2] for images in [-1, 1].
    """
    taps = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
    h, w = images.shape[1:3]
    padded = jnp.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="edge")
    rows = functools.reduce(jnp.add, [tap * padded[:, i : i + h] for i, tap in enumerate(taps)])
    return images - functools.reduce(jnp.add, [tap * rows[:, :, i : i + w] for i, tap in enumerate(taps)])
