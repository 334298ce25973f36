"""Linear filters of a batch: those that are separable as a matrix for the rows and one for the columns of each image.

A matrix is float32 [N, S, S]: row i holds the weights that pixel i of the result gives to the pixels of the input. So
filters of different strength in one batch are one matrix product, and filters after each other are a product of theirs.
"""

import functools

import jax
import jax.numpy as jnp

_SHARPEST = 1e-3  # pixels: a Gaussian this narrow is the identity in float32


def blur_matrix(sigma: jax.Array, size: int) -> jax.Array:
    """A Gaussian blur whose image continues mirrored, the last pixel repeated ("reflect" in SciPy).

    Args:
        sigma: float32 [N], standard deviation in pixels; 0 changes nothing.
        size: side of the images.

    Returns:
        float32 [N, size, size], whose rows sum to 1.
    """
    i, j = jnp.arange(size)[:, None], jnp.arange(size)
    width = jnp.maximum(sigma, _SHARPEST)[:, None, None]
    images_of_j = (i - j, i + j + 1, 2 * size - 1 - i - j)  # the pixel itself, and its mirror images at both ends
    weights = functools.reduce(jnp.add, [jnp.exp(-0.5 * (distance / width) ** 2) for distance in images_of_j])
    return weights / weights.sum(axis=2, keepdims=True)


def downscale_matrix(factor: jax.Array, size: int) -> jax.Array:
    """Shrinking by the mean over each small pixel's area, then enlarging to the old size by linear interpolation.

    Args:
        factor: float32 [N] in (0, 1], small side over `size`; the small side is rounded to whole pixels.
        size: side of the images.

    Returns:
        float32 [N, size, size], whose rows sum to 1.
    """
    side = jnp.clip(jnp.round(factor * size), 1, size)[:, None, None]
    wide, j = jnp.arange(size, dtype=jnp.float32)[:, None], jnp.arange(size, dtype=jnp.float32)
    step = size / side  # pixels per small pixel
    overlap = jnp.minimum(j + 1, (wide + 1) * step) - jnp.maximum(j, wide * step)
    shrink = jnp.clip(overlap, 0.0, 1.0) / step
    at = jnp.clip((wide + 0.5) / step - 0.5, 0.0, side - 1)  # in small pixels
    enlarge = jnp.maximum(0.0, 1.0 - jnp.abs(at - j))
    return jnp.matmul(enlarge, shrink, precision=jax.lax.Precision.HIGHEST)


def separable(planes: jax.Array, rows: jax.Array, columns: jax.Array) -> jax.Array:
    """Applies a matrix to the rows and one to the columns.

    Args:
        planes: float32 [N, C, H, W].
        rows: float32 [N, H, H], which mixes rows.
        columns: float32 [N, W, W], which mixes columns.

    Returns:
        float32 [N, C, H, W].
    """
    n, channels, height, width = planes.shape
    precision = jax.lax.Precision.HIGHEST
    mixed = jnp.matmul(planes.reshape(n, -1, width), columns.swapaxes(1, 2), precision=precision)
    return jnp.einsum("nij,ncjk->ncik", rows, mixed.reshape(n, channels, height, width), precision=precision)


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
