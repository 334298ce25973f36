"""Self-blended images: fakes made of one real face, with the mask of what was changed.

Shiohara and Yamasaki: "Detecting Deepfakes with Self-Blended Images", CVPR 2022. A blend of two faces leaves traces: a
border, and differences of colour, sharpness and geometry across it. Here source and target are the same face, one of
them changed slightly, so that a detector has no other trace to learn than these (section 3.2):

    face -> source, target -> change colours and frequencies of one of the two -> resize and shift the source
    mask of a part of the face -> bend elastically, blur -> times an opacity of 1/4, 1/2, 3/4, 1, 1 or 1
    fake = mask * source + (1 - mask) * target

Written after the paper. The ranges of the changes are ours, as are the masks' polygons, which have five landmarks to go
by, and the source's small rotation.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from dfdetect_jax.augmentation import colour, filters, geometry
from dfdetect_jax.augmentation.face_masks import GRID, HULLS, MaskShape, soft_masks
from dfdetect_jax.augmentation.planes import to_images, to_planes

OPACITIES = (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)
FORGED_FROM = 0.1  # the source's share in a pixel, before opacity, from which it counts as forged
_STRENGTHS = 21  # drawn for each face, beside the bends of its mask
_SHARPENED_BY = 1.0  # standard deviation of the blur in unsharp masking, pixels


class Changes(NamedTuple):
    """What is done to one of source and target, and how the source is moved; float32 [N] where not stated.

    Attributes:
        in_source: bool [N], change the source; else the target.
        tint: float32 [N, 3], added to RGB, levels of 255.
        hue: degrees.
        saturation: factor.
        gain: of contrast, factor.
        brightness: levels of 255.
        sharpen: amount of unsharp masking where it is above 0.
        coarse: small side over the side, of shrinking and enlarging where `sharpen` is 0.
        rotation: degrees.
        scale: factor.
        shift: float32 [N, 2] of x, y, shares of the sides.
        opacity: of the mask.
        shape: of the mask.
    """

    in_source: jax.Array
    tint: jax.Array
    hue: jax.Array
    saturation: jax.Array
    gain: jax.Array
    brightness: jax.Array
    sharpen: jax.Array
    coarse: jax.Array
    rotation: jax.Array
    scale: jax.Array
    shift: jax.Array
    opacity: jax.Array
    shape: MaskShape


class SelfBlended(NamedTuple):
    """A batch of fakes.

    Attributes:
        images: uint8 [N, H, W, 3] RGB.
        masks: uint8 [N, H, W] in {0, 255}, 255 where the source's share before opacity is at least `FORGED_FROM`.
    """

    images: jax.Array
    masks: jax.Array


def self_blend(keys: jax.Array, images: jax.Array, landmarks: jax.Array, strength: float = 1.0) -> SelfBlended:
    """Makes a fake of every face, a function of its image, landmarks and key.

    Args:
        keys: PRNG keys [N].
        images: uint8 [N, H, W, 3] RGB.
        landmarks: float32 [N, 5, 2] of x, y, pixels, in the order of `media.face.Face.landmarks`.
        strength: multiplies every change of colour, frequency and place; 0 blends a face with its equal.
    """
    changes = jax.vmap(lambda key: draw(key, strength))(keys)
    return blend(images, landmarks, changes)


def draw(key: jax.Array, strength: float = 1.0) -> Changes:
    """The changes of one face: arrays as in `Changes`, without N.

    Args:
        key: PRNG key.
        strength: multiplies all ranges but those of the mask.
    """
    bends = 2 * GRID * GRID
    u = jax.random.uniform(key, (_STRENGTHS + bends,))  # all at once: a generator takes a second to compile
    either = strength * (2 * u - 1)
    sharper = u[6] < 0.5
    return Changes(
        in_source=u[0] < 0.5,
        tint=8.0 * either[1:4],
        hue=4.0 * either[4],
        saturation=1 + 0.15 * either[5],
        gain=1 + 0.1 * either[8],
        brightness=12.0 * either[9],
        sharpen=jnp.where(sharper, strength * (0.3 + 0.9 * u[7]), 0.0),
        coarse=jnp.where(sharper, 1.0, 1 - strength * (0.1 + 0.4 * u[7])),
        rotation=3.0 * either[10],
        scale=1 + 0.05 * either[11],
        shift=0.03 * either[12:14],
        opacity=jnp.asarray(OPACITIES)[(u[14] * len(OPACITIES)).astype(jnp.int32)],
        shape=MaskShape(
            hull=(u[15] * len(HULLS)).astype(jnp.int32),
            stretch=0.85 + 0.25 * u[16:18],
            bend=0.17 * u[18] * (2 * u[_STRENGTHS:].reshape(2, GRID, GRID) - 1),
            inset=0.2 * u[19] - 0.05,
            softness=0.03 * 5.0 ** u[20],
        ),
    )


def blend(images: jax.Array, landmarks: jax.Array, changes: Changes) -> SelfBlended:
    """Applies the changes; arguments as in `self_blend`."""
    planes, size = to_planes(images), (images.shape[1], images.shape[2])
    changed = _other_frequencies(_other_colours(planes, changes), changes)
    in_source = changes.in_source[:, None, None, None]
    source, target = jnp.where(in_source, changed, planes), jnp.where(in_source, planes, changed)
    shift = changes.shift * jnp.array([size[1], size[0]])
    source = geometry.warp(source, geometry.similarity_matrix(changes.rotation, changes.scale, shift, size))
    mask = soft_masks(landmarks, changes.shape, size)
    share = (changes.opacity[:, None, None] * mask)[:, None]
    forged = jnp.where(mask >= FORGED_FROM, 255, 0).astype(jnp.uint8)
    return SelfBlended(to_images(share * source + (1 - share) * target), forged)


def _other_colours(planes: jax.Array, changes: Changes) -> jax.Array:
    matrix = colour.hue_matrix(changes.hue, changes.saturation)
    tinted = colour.affine_colour(planes, matrix, changes.tint)
    return colour.contrast(tinted, changes.gain, changes.brightness)


def _other_frequencies(planes: jax.Array, changes: Changes) -> jax.Array:
    """Sharper or coarser: x + a (x - lowpass x), where a is above 0 to sharpen and -1 to be the low-pass itself."""
    sharpen = changes.sharpen[:, None, None]

    def low_pass(side: int) -> jax.Array:
        blur = filters.blur_matrix(jnp.full_like(changes.coarse, _SHARPENED_BY), side)
        return jnp.where(sharpen > 0, blur, filters.downscale_matrix(changes.coarse, side))

    low = filters.separable(planes, low_pass(planes.shape[2]), low_pass(planes.shape[3]))
    amount = jnp.where(sharpen > 0, sharpen, -1.0)[..., None]
    return jnp.clip(planes + amount * (planes - low), 0.0, 255.0)
