"""Colour and noise: every change of colour here is one affine map of RGB per image, so that several cost one pass."""

import jax
import jax.numpy as jnp
import numpy as np

# RGB to luma (ITU-R BT.601) and two differences of colour, as PAL scales its UV; NTSC's IQ is UV turned by 33 degrees.
_LUMA = np.array([0.299, 0.587, 0.114])
_TO_YUV = np.stack(
    [_LUMA, 0.436 / (1 - _LUMA[2]) * (np.eye(3)[2] - _LUMA), 0.615 / (1 - _LUMA[0]) * (np.eye(3)[0] - _LUMA)]
)
_FROM_YUV = np.linalg.inv(_TO_YUV)

# Principal components of ImageNet's RGB values in [0, 1], as columns scaled by the square roots of their variances:
# Krizhevsky, Sutskever, Hinton, NeurIPS 2012, section 4.1, with the numbers that its reimplementations share.
_COMPONENTS = np.array([[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]])
_DEVIATIONS = np.array([0.2175, 0.0188, 0.0045])


def hue_matrix(degrees: jax.Array, saturation: jax.Array) -> jax.Array:
    """Turns hue by an angle and multiplies saturation, at equal luma.

    Args:
        degrees: float32 [N], rotation in the plane of colour differences.
        saturation: float32 [N], 1 changes nothing, 0 gives grey.

    Returns:
        float32 [N, 3, 3] that maps RGB to RGB.
    """
    angle = jnp.deg2rad(degrees)
    cos, sin = saturation * jnp.cos(angle), saturation * jnp.sin(angle)
    one, zero = jnp.ones_like(cos), jnp.zeros_like(cos)
    turned = jnp.stack([one, zero, zero, zero, cos, -sin, zero, sin, cos], axis=-1).reshape(-1, 3, 3)
    precision = jax.lax.Precision.HIGHEST
    return jnp.matmul(jnp.matmul(np.float32(_FROM_YUV), turned, precision=precision), _TO_YUV, precision=precision)


def pca_offset(weights: jax.Array) -> jax.Array:
    """An offset along the principal components of natural colours: float32 [N, 3] weights to [N, 3] levels of 255."""
    scaled = np.float32(255 * _COMPONENTS * _DEVIATIONS)
    return jnp.matmul(weights, scaled.T, precision=jax.lax.Precision.HIGHEST)


def affine_colour(planes: jax.Array, matrix: jax.Array, offset: jax.Array) -> jax.Array:
    """RGB -> matrix RGB + offset at every pixel, clipped.

    Args:
        planes: float32 [N, 3, H, W] in [0, 255].
        matrix: float32 [N, 3, 3].
        offset: float32 [N, 3], levels of 255.

    Returns:
        float32 [N, 3, H, W] in [0, 255].
    """
    weights = matrix[..., None, None]
    mixed = [sum(weights[:, to, source] * planes[:, source] for source in range(3)) for to in range(3)]
    return jnp.clip(jnp.stack(mixed, axis=1) + offset[..., None, None], 0.0, 255.0)


def contrast(planes: jax.Array, gain: jax.Array, offset: jax.Array) -> jax.Array:
    """x -> gain (x - mean) + mean + offset with the mean over the image, clipped.

    Args:
        planes: float32 [N, C, H, W] in [0, 255].
        gain: float32 [N], contrast; 1 changes nothing.
        offset: float32 [N], brightness in levels of 255; 0 changes nothing.

    Returns:
        float32 [N, C, H, W] in [0, 255].
    """
    gain, offset = gain[:, None, None, None], offset[:, None, None, None]
    mean = jnp.mean(planes, axis=(1, 2, 3), keepdims=True)
    return jnp.clip(gain * (planes - mean) + mean + offset, 0.0, 255.0)


def add_noise(keys: jax.Array, planes: jax.Array, sigma: jax.Array) -> jax.Array:
    """Adds Gaussian noise that is independent in every pixel and colour, and clips.

    Args:
        keys: PRNG keys [N].
        planes: float32 [N, C, H, W] in [0, 255].
        sigma: float32 [N], standard deviation in levels of 255.

    Returns:
        float32 [N, C, H, W] in [0, 255].
    """
    noise = jax.vmap(lambda key: jax.random.normal(key, planes.shape[1:]))(keys)
    return jnp.clip(planes + sigma[:, None, None, None] * noise, 0.0, 255.0)
