"""Distortions as pure functions of a batch, for use inside `jax.jit`.

Each takes `images` float32 [N, S, S, 3] RGB in [0, 255], `keys` [N], one PRNG key per image (which all but two ignore),
and a number or matrix that sets the strength; each returns float32 [N, S, S, 3], not yet clipped or rounded.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from dfdetect_jax.evaluation.stress.protocol import CORRUPTIONS

BLOCK, GREY = 8, 128.0  # side of a block, pixels, and what it is filled with
MOST_BLOCKS = CORRUPTIONS["blocks"].values[-1]  # per 256 px of the side
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
_RGB_OF_YCBCR = np.array([[1, 0, 1.402], [1, -0.344136, -0.714136], [1, 1.772, 0]], np.float32)
_STUDIO_SWING = np.array([219, 224, 224], np.float32) / 255  # the ranges of Y, Cb and Cr that the noise is added in


def saturation(images: jax.Array, keys: jax.Array, factor: jax.Array) -> jax.Array:
    """Cb and Cr times a factor: each channel's distance from the luma, times that factor."""
    luma = sum(share * images[..., i : i + 1] for i, share in enumerate(_LUMA))  # 27 times a sum's speed on a CPU
    return luma + factor * (images - luma)


def contrast(images: jax.Array, keys: jax.Array, factor: jax.Array) -> jax.Array:
    """All values times a factor, as in the protocol: towards black, not towards the mean."""
    return images * factor


def blocks(images: jax.Array, keys: jax.Array, per_256: jax.Array) -> jax.Array:
    """Squares of grey at uniformly random places, which may overlap; a lower level has the first ones of a higher.

    There are `per_256` for each whole 256 px of the side, as in the protocol; in smaller images proportionally fewer.
    """
    size = images.shape[1]
    scale = size // 256 or size / 256
    most = round(MOST_BLOCKS * scale)
    present = jnp.arange(most)[:, None] < jnp.round(per_256 * scale)

    def covered(key: jax.Array) -> jax.Array:
        corners = jax.random.randint(key, (2, most, 1), 0, size - BLOCK + 1)
        rows, columns = (corners <= jnp.arange(size)) & (jnp.arange(size) < corners + BLOCK)
        return jnp.einsum("bi,bj->ij", (rows & present).astype(jnp.float32), columns.astype(jnp.float32)) > 0

    return jnp.where(jax.vmap(covered)(keys)[..., None], GREY, images)


def noise(images: jax.Array, keys: jax.Array, variance: jax.Array) -> jax.Array:
    """White Gaussian noise in Y, Cb and Cr, of the given variance where these are in [0, 1] with studio swing."""
    planes = jax.vmap(lambda key: jax.random.normal(key, (3, *images.shape[1:3])))(keys)
    to_rgb = _RGB_OF_YCBCR / _STUDIO_SWING
    in_rgb = jnp.stack([sum(share * planes[:, i] for i, share in enumerate(row)) for row in to_rgb], axis=-1)
    return images + 255.0 * jnp.sqrt(variance) * in_rgb


def separable(images: jax.Array, keys: jax.Array, matrix: jax.Array) -> jax.Array:
    """One matrix [S, S] on all columns and all rows: blur and resizing as matrix products."""
    rows = jnp.einsum("ij,njkc->nikc", matrix, images, precision="highest")
    return jnp.einsum("ij,nkjc->nkic", matrix, rows, precision="highest")


@functools.lru_cache(16)
def blur_matrix(width: int, size: int) -> np.ndarray:
    """A Gaussian of `width` taps and standard deviation width / 6, mirrored at the edges: float32 [size, size]."""
    offsets = np.arange(width) - width // 2
    taps = np.exp(-(offsets**2) / (2 * (width / 6) ** 2))
    matrix, last = np.zeros((size, size)), size - 1
    for row in range(size):
        np.add.at(matrix[row], last - np.abs(last - np.abs(row + offsets)), taps / taps.sum())
    return matrix.astype(np.float32)


@functools.lru_cache(16)
def resize_matrix(factor: int, size: int) -> np.ndarray:
    """From `size` down to size // factor and up again, bilinear without smoothing: float32 [size, size]."""
    return (_bilinear(size // factor, size) @ _bilinear(size, size // factor)).astype(np.float32)


def _bilinear(from_size: int, to_size: int) -> np.ndarray:
    """float64 [to_size, from_size]; pixels are squares with their values in the middle, edges go on."""
    places = np.clip((np.arange(to_size) + 0.5) * from_size / to_size - 0.5, 0, from_size - 1)
    return np.maximum(0, 1 - np.abs(places[:, None] - np.arange(from_size)))
