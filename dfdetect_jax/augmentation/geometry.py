"""Changes of place in a batch: mirroring, rotation, scaling, shifting, erasing. Masks move with their images.

Coordinates are pixels with (0, 0) at the centre of the upper left pixel, x to the right, y down.
"""

import jax
import jax.numpy as jnp


def flip(mirrored: jax.Array, images: jax.Array) -> jax.Array:
    """Mirrors the images that are to be, left to right: bool [N] and [N, ..., W] of any dtype to the same."""
    return jnp.where(mirrored.reshape(-1, *[1] * (images.ndim - 1)), images[..., ::-1], images)


def similarity_matrix(degrees: jax.Array, scale: jax.Array, shift: jax.Array, size: tuple[int, int]) -> jax.Array:
    """The map from a point of the result to the point of the input that it shows.

    Args:
        degrees: float32 [N], rotation of what is shown about the centre, counter-clockwise as in OpenCV.
        scale: float32 [N], above 1 enlarges.
        shift: float32 [N, 2] of x, y, pixels by which what is shown moves.
        size: (H, W) of the images.

    Returns:
        float32 [N, 2, 3].
    """
    angle, centre = jnp.deg2rad(degrees), jnp.array([(size[1] - 1) / 2, (size[0] - 1) / 2])
    cos, sin = jnp.cos(angle) / scale, jnp.sin(angle) / scale
    linear = jnp.stack([cos, -sin, sin, cos], axis=-1).reshape(-1, 2, 2)
    moved = centre + shift
    constant = centre - jnp.einsum("nij,nj->ni", linear, moved, precision=jax.lax.Precision.HIGHEST)
    return jnp.concatenate([linear, constant[..., None]], axis=2)


def warp(planes: jax.Array, matrix: jax.Array) -> jax.Array:
    """Bilinear interpolation at mapped points; beyond its border an image continues mirrored about its last pixel.

    Args:
        planes: float32 [N, C, H, W].
        matrix: float32 [N, 2, 3], from points of the result to points of the input.

    Returns:
        float32 [N, C, H, W].
    """
    n, channels, height, width = planes.shape
    down, right = jnp.meshgrid(jnp.arange(height), jnp.arange(width), indexing="ij")
    row = matrix[..., None, None]
    x, y = (row[:, i, 0] * right + row[:, i, 1] * down + row[:, i, 2] for i in range(2))
    left, top = jnp.floor(x), jnp.floor(y)
    flat, total = planes.reshape(n, channels, height * width), jnp.zeros_like(planes)
    for below, share_y in ((0, 1 - (y - top)), (1, y - top)):
        for beside, share_x in ((0, 1 - (x - left)), (1, x - left)):
            place = _mirrored(top + below, height) * width + _mirrored(left + beside, width)
            place = jnp.broadcast_to(place.reshape(n, 1, -1), flat.shape)
            taps = jnp.take_along_axis(flat, place, axis=2, mode="promise_in_bounds").reshape(planes.shape)
            total += (share_x * share_y)[:, None] * taps
    return total


def _mirrored(place: jax.Array, size: int) -> jax.Array:
    """Whole numbers of any size to those in 0..size - 1, mirrored about the first and the last."""
    period = max(2 * (size - 1), 1)
    within = jnp.mod(place.astype(jnp.int32), period)
    return jnp.minimum(within, period - within)


def erase(planes: jax.Array, box: jax.Array, colour: jax.Array) -> jax.Array:
    """Covers a rectangle of each image with one colour.

    Args:
        planes: float32 [N, C, H, W].
        box: float32 [N, 4], x0, y0, x1, y1 in shares of the sides; pixels with their centre in it are covered.
        colour: float32 [N, C].

    Returns:
        float32 [N, C, H, W].
    """
    height, width = planes.shape[2:]
    x, y = (jnp.arange(side) + 0.5 for side in (width, height))
    x, y = x / width, y / height
    x0, y0, x1, y1 = (box[:, i, None] for i in range(4))
    covered = ((y >= y0) & (y < y1))[:, :, None] & ((x >= x0) & (x < x1))[:, None, :]
    return jnp.where(covered[:, None], colour[..., None, None], planes)
