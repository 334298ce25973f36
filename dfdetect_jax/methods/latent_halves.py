"""A latent with a half for reals and a half for fakes, as in ForensicTransfer and in what was built on it.

Cozzolino et al. 2018, arXiv 1812.02510, section 3.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Activations(NamedTuple):
    """Mean absolute value of each half, over its channels and positions.

    Attributes:
        real: float32 [N], of channels [:C/2].
        fake: float32 [N], of channels [C/2:].
    """

    real: jax.Array
    fake: jax.Array


def activations(z: jax.Array) -> Activations:
    """Of a latent, float [N, h, w, C]."""
    halves = jnp.split(jnp.abs(z), 2, axis=-1)
    return Activations(*(jnp.mean(half, axis=(1, 2, 3), dtype=jnp.float32) for half in halves))


def keep_half(z: jax.Array, fake: jax.Array) -> jax.Array:
    """The latent with the half of the other class zeroed, the paper's selection block.

    Args:
        z: float [N, h, w, C].
        fake: bool [N], the class whose half is kept.

    Returns:
        float [N, h, w, C].
    """
    in_fake_half = jnp.arange(z.shape[-1]) >= z.shape[-1] // 2
    return z * (in_fake_half == fake[:, None])[:, None, None, :]
