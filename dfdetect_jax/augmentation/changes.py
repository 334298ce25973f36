"""Random augmentation of a batch: which images are changed and how strongly, each decided by the image's own key.

An image's key depends on the step and on its place in the batch alone. So what is drawn is the same on one device and
on many, and with gradients accumulated over parts of the batch. Every kind of change has numbers of its own, so that
switching one off leaves what the others draw. All are drawn at once: a generator takes a second to compile.
"""

import enum
import math

import jax
import jax.numpy as jnp

from dfdetect_jax.augmentation import colour, filters, geometry
from dfdetect_jax.augmentation.jpeg import jpeg
from dfdetect_jax.augmentation.planes import to_images, to_planes
from dfdetect_jax.config import Augment

_LONGEST = 3.0  # longer over shorter side of an erased rectangle


class Kind(enum.IntEnum):
    """What drawn numbers are for: each kind has its own."""

    FLIP = 0
    JITTER = 1
    HUE = 2
    PCA = 3
    WARP = 4
    BLUR = 5
    DOWNSCALE = 6
    NOISE = 7
    JPEG = 8
    ERASE = 9


_NUMBERS = 8  # per kind: whether, and up to seven strengths
_NOISE = 1  # folded into an image's key for the noise of its pixels


def augment(
    keys: jax.Array, images: jax.Array, masks: jax.Array | None, settings: Augment
) -> tuple[jax.Array, jax.Array | None]:
    """Changes each image as the settings say, and moves its mask along.

    Args:
        keys: PRNG keys [N].
        images: uint8 [N, H, W, 3] RGB.
        masks: uint8 [N, H, W] in {0, 255}, or None.
        settings: which changes, how likely and how strong. Self-blending is not among them, see `self_blend`.

    Returns:
        Images and masks of the same shapes, dtypes and ranges.
    """
    numbers = jax.vmap(lambda key: jax.random.uniform(key, (len(Kind), _NUMBERS)))(keys)
    planes = to_planes(images)
    if masks is not None:
        planes = jnp.concatenate([planes, to_planes(masks[..., None])], axis=1)
    planes = _warped(numbers, _flipped(numbers, planes, settings), settings)
    marks, planes = planes[:, 3:], planes[:, :3]
    planes = _filtered(numbers, _recoloured(numbers, _jittered(numbers, planes, settings), settings), settings)
    planes = _compressed(numbers, _noisy(keys, numbers, planes, settings), settings)
    planes = _erased(numbers, jnp.concatenate([planes, marks], axis=1), settings)
    moved = None if masks is None else jnp.where(planes[:, 3] >= 127.5, 255, 0).astype(jnp.uint8)
    return to_images(planes[:, :3]), moved


def _draw(numbers: jax.Array, kind: Kind, probability: float, *ranges: tuple[float, ...]) -> list[jax.Array]:
    """Whether each image is changed, bool [N], and a number in each of `ranges`, float32 [N] each."""
    chance, *uniform = numbers[:, kind].T
    changed = chance < probability
    return [changed, *(low + (high - low) * u for (low, high), u in zip(ranges, uniform, strict=False))]


def _flipped(numbers: jax.Array, planes: jax.Array, settings: Augment) -> jax.Array:
    return geometry.flip(_draw(numbers, Kind.FLIP, 0.5)[0], planes) if settings.flip else planes


def _warped(numbers: jax.Array, planes: jax.Array, settings: Augment) -> jax.Array:
    s = settings.warp
    if s.probability == 0:
        return planes
    ranges = ((-s.rotate, s.rotate), (1 - s.scale, 1 + s.scale), (-s.shift, s.shift), (-s.shift, s.shift))
    on, degrees, scale, right, down = _draw(numbers, Kind.WARP, s.probability, *ranges)
    height, width = planes.shape[2:]
    shift = jnp.stack([right * width, down * height], axis=-1)
    matrix = geometry.similarity_matrix(degrees, scale, shift, (height, width))
    return jnp.where(on[:, None, None, None], geometry.warp(planes, matrix), planes)


def _jittered(numbers: jax.Array, planes: jax.Array, settings: Augment) -> jax.Array:
    strength = settings.jitter
    if strength == 0 or settings.jitter_probability == 0:
        return planes
    ranges = ((1 - strength, 1 + strength), (-127.5 * strength, 127.5 * strength))
    on, gain, offset = _draw(numbers, Kind.JITTER, settings.jitter_probability, *ranges)
    return colour.contrast(planes, jnp.where(on, gain, 1.0), jnp.where(on, offset, 0.0))


def _recoloured(numbers: jax.Array, planes: jax.Array, settings: Augment) -> jax.Array:
    hue, pca = settings.hue, settings.pca
    if hue.probability == 0 and pca.probability == 0:
        return planes
    ranges = ((-hue.degrees, hue.degrees), (1 - hue.saturation, 1 + hue.saturation))
    on, degrees, saturation = _draw(numbers, Kind.HUE, hue.probability, *ranges)
    matrix = colour.hue_matrix(jnp.where(on, degrees, 0.0), jnp.where(on, saturation, 1.0))
    bound = math.sqrt(3.0) * pca.strength  # of a uniform number whose standard deviation is the strength
    on, *weights = _draw(numbers, Kind.PCA, pca.probability, *[(-bound, bound)] * 3)
    offset = colour.pca_offset(jnp.where(on[:, None], jnp.stack(weights, axis=-1), 0.0))
    return colour.affine_colour(planes, matrix, offset)


def _filtered(numbers: jax.Array, planes: jax.Array, settings: Augment) -> jax.Array:
    """Blurred, then shrunk and enlarged, all in one matrix for the rows and one for the columns."""
    blur, downscale = settings.blur, settings.downscale
    if blur.probability == 0 and downscale.probability == 0:
        return planes
    height, width = planes.shape[2:]
    on, sigma = _draw(numbers, Kind.BLUR, blur.probability, blur.sigma)
    on_downscale, factor = _draw(numbers, Kind.DOWNSCALE, downscale.probability, downscale.factor)
    sigma, factor = jnp.where(on, sigma, 0.0), jnp.where(on_downscale, factor, 1.0)

    def matrix(side: int) -> jax.Array:
        blurred = filters.blur_matrix(sigma, side)
        if downscale.probability == 0:
            return blurred
        return jnp.matmul(filters.downscale_matrix(factor, side), blurred, precision=jax.lax.Precision.HIGHEST)

    return filters.separable(planes, matrix(height), matrix(width))


def _noisy(keys: jax.Array, numbers: jax.Array, planes: jax.Array, settings: Augment) -> jax.Array:
    if settings.noise.probability == 0:
        return planes
    on, sigma = _draw(numbers, Kind.NOISE, settings.noise.probability, settings.noise.sigma)
    pixel_keys = jax.vmap(lambda key: jax.random.fold_in(key, _NOISE))(keys)
    return colour.add_noise(pixel_keys, planes, jnp.where(on, sigma, 0.0))


def _compressed(numbers: jax.Array, planes: jax.Array, settings: Augment) -> jax.Array:
    if settings.jpeg.probability == 0:
        return planes
    low, high = settings.jpeg.quality
    on, quality = _draw(numbers, Kind.JPEG, settings.jpeg.probability, (low, high + 1))
    compressed = jpeg(planes, jnp.minimum(quality.astype(jnp.int32), high), settings.jpeg.chroma)
    return jnp.where(on[:, None, None, None], compressed, planes)


def _erased(numbers: jax.Array, planes: jax.Array, settings: Augment) -> jax.Array:
    """Of planes of which a fourth is the mask, which is 0 where an image is covered."""
    if settings.erase.probability == 0:
        return planes
    log_ratio, unit, level = math.log(_LONGEST), (0.0, 1.0), (0.0, 255.0)
    ranges = (settings.erase.area, (-log_ratio, log_ratio), unit, unit, level, level, level)
    on, area, ratio, left, top, *rgb = _draw(numbers, Kind.ERASE, settings.erase.probability, *ranges)
    width, height = (jnp.minimum(jnp.sqrt(area) * jnp.exp(sign * ratio / 2), 1.0) for sign in (1, -1))
    x, y = left * (1 - width), top * (1 - height)
    box = jnp.where(on[:, None], jnp.stack([x, y, x + width, y + height], axis=-1), 0.0)
    return geometry.erase(planes, box, jnp.stack([*rgb, jnp.zeros_like(area)], axis=-1)[:, : planes.shape[1]])
