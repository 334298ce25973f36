"""Soft masks over parts of a face, placed by its five landmarks: polygons, bent elastically and blurred.

Coordinates of a face: the origin between the eyes, y towards the mouth, whose middle is at 1, x across, in distances
between the eyes. In such units a face reaches from about -0.8 (hairline) to 1.65 (chin), see `active.face_region`.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

# Clockwise from the upper left, y down. Ours, drawn around what a swap replaces: all of the face from the brows down,
# its inner part, eyes and nose, nose to chin.
_RIGHT_HALVES = (
    ((0.5, -0.5), (1.0, -0.35), (1.05, 0.4), (0.85, 1.1), (0.35, 1.6)),
    ((0.4, -0.4), (0.85, -0.3), (0.8, 0.4), (0.55, 1.15), (0.2, 1.35)),
    ((0.4, -0.42), (1.0, -0.3), (0.95, 0.25), (0.5, 0.6), (0.2, 0.75)),
    ((0.25, 0.05), (0.7, 0.3), (0.9, 0.7), (0.8, 1.1), (0.35, 1.6)),
)
HULLS = np.array([[*half, *[(-x, y) for x, y in reversed(half)]] for half in _RIGHT_HALVES], np.float32)
GRID = 5  # points of the elastic field along each side of the image
_EYES_TO_MOUTH = 1.15  # in distances between the eyes, of an upright face seen from the front
_TURNED = 0.7  # least distance between the eyes, as a share of that of a face seen from the front


class MaskShape(NamedTuple):
    """One mask of each image, in coordinates of its face.

    Attributes:
        hull: int32 [N], one of `HULLS`.
        stretch: float32 [N, 2], multiplies the hull's corners in x and y.
        bend: float32 [N, 2, 5, 5], displacements at points of a grid over the image, between which they are cubic.
        inset: float32 [N], by which the border is moved inwards; below 0 outwards.
        softness: float32 [N], standard deviation of the Gaussian that blurs the border.
    """

    hull: jax.Array
    stretch: jax.Array
    bend: jax.Array
    inset: jax.Array
    softness: jax.Array


def soft_masks(landmarks: jax.Array, shape: MaskShape, size: tuple[int, int]) -> jax.Array:
    """Draws the masks: the Gaussian's integral at each pixel's signed distance from the bent polygon's border.

    That is the blurred polygon except near its corners, without the cost of blurring.

    Args:
        landmarks: float32 [N, 5, 2] of x, y, pixels: left and right eye, nose, left and right corner of the mouth.
        shape: of each mask.
        size: (H, W) of the images.

    Returns:
        float32 [N, H, W] in [0, 1].
    """
    x, y = face_coordinates(landmarks, size)
    bent_x, bent_y = (upsampled(shape.bend[:, axis], size) for axis in range(2))
    distance = _inside(x + bent_x, y + bent_y, jnp.asarray(HULLS)[shape.hull] * shape.stretch[:, None])
    inset, softness = shape.inset[:, None, None], shape.softness[:, None, None]
    return jax.scipy.stats.norm.cdf((distance - inset) / softness)


def face_coordinates(landmarks: jax.Array, size: tuple[int, int]) -> tuple[jax.Array, jax.Array]:
    """x and y of every pixel in coordinates of the face, float32 [N, H, W] each.

    y points from the eyes to the mouth and x is at right angles to it, so that a face seen from the side has a frame
    too: there the distance between the eyes says little, and is taken for at least seven tenths of a frontal face's.
    """
    eyes, mouth = landmarks[:, :2].mean(axis=1), landmarks[:, 3:].mean(axis=1)
    down = mouth - eyes
    length = jnp.maximum(jnp.linalg.norm(down, axis=1), 1.0)
    between = jnp.linalg.norm(landmarks[:, 1] - landmarks[:, 0], axis=1)
    unit = jnp.maximum(between, _TURNED * length / _EYES_TO_MOUTH)
    row, column = jnp.meshgrid(*(jnp.arange(side, dtype=jnp.float32) for side in size), indexing="ij")
    from_eyes = [place - eyes[:, axis, None, None] for axis, place in enumerate((column, row))]
    along = [(down[:, axis] / length)[:, None, None] for axis in range(2)]
    y = (along[0] * from_eyes[0] + along[1] * from_eyes[1]) / length[:, None, None]
    x = (along[1] * from_eyes[0] - along[0] * from_eyes[1]) / unit[:, None, None]
    return x, y


def upsampled(grid: jax.Array, size: tuple[int, int]) -> jax.Array:
    """A grid over the image at every pixel, cubic between its points: float32 [N, 5, 5] to [N, H, W]."""
    down, across = (jax.image.resize(jnp.eye(GRID), (side, GRID), "cubic") for side in size)
    return jnp.einsum("hi,nij,wj->nhw", down, grid, across, precision=jax.lax.Precision.HIGHEST)


def _inside(x: jax.Array, y: jax.Array, corners: jax.Array) -> jax.Array:
    """Signed distance from the border of the convex polygon, above 0 inside: [N, H, W] each, corners [N, K, 2]."""
    edges = jnp.roll(corners, -1, axis=1) - corners
    edges = edges / jnp.maximum(jnp.linalg.norm(edges, axis=2, keepdims=True), 1e-6)
    nearest = jnp.full_like(x, jnp.inf)
    for k in range(corners.shape[1]):
        (x0, y0), (dx, dy) = corners[:, k].T[..., None, None], edges[:, k].T[..., None, None]
        nearest = jnp.minimum(nearest, dx * (y - y0) - dy * (x - x0))
    return nearest
