"""MesoInception-4's network: two inception modules of dilated convolutions, two convolutions, two dense layers.

Afchar, Nozick, Yamagishi, Echizen: "MesoNet: a Compact Facial Video Forgery Detection Network", WIFS 2018,
arXiv 1809.00888, section II-C. Widths are those of the authors' Keras code (1, 4, 4, 2 and 2, 4, 4, 2), which has the
28,615 trained parameters of the paper at 256 px; the paper's text says (1, 4, 4, 1) and (1, 4, 4, 2). BatchNorm has
Keras' constants.
"""

import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from dfdetect_jax.models.layers import BatchNorm

_FIRST, _SECOND = (1, 4, 4, 2), (2, 4, 4, 2)
_CHANNELS, _HIDDEN, _LEAK = 16, 16, 0.1


class Inception(nn.Module):
    """Four branches side by side: 1x1, and 1x1 before 3x3 with dilation 1, 2 and 3; each convolution with a ReLU.

    Attributes:
        widths: channels of each branch.
    """

    widths: tuple[int, int, int, int]

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Float [N, H, W, C] to [N, H, W, sum of the widths], non-negative."""
        branches = []
        for dilation, channels in enumerate(self.widths):
            y = nn.relu(nn.Conv(channels, (1, 1), dtype=x.dtype, name=f"pointwise_{dilation}")(x))
            if dilation:
                dilated = nn.Conv(channels, (3, 3), kernel_dilation=dilation, dtype=x.dtype, name=f"dilated_{dilation}")
                y = nn.relu(dilated(y))
            branches.append(y)
        return jnp.concatenate(branches, axis=-1)


class Features(nn.Module):
    """The convolutions, up to the last pooling.

    Attributes:
        axis_name: mapped axis over which BatchNorm's statistics are averaged, or None.
    """

    axis_name: str | None = None

    @nn.compact
    def __call__(self, images: jax.Array, train: bool) -> jax.Array:
        """Computes the last feature map.

        Args:
            images: float [N, H, W, 3] in [-1, 1]; as the published weights expect, the network sees [0, 1].
            train: normalise by the batch's statistics, and update their running averages in `batch_stats`.

        Returns:
            float [N, ceil(H / 32), ceil(W / 32), 16].
        """
        x = (images + 1) / 2
        x = BatchNorm(self.axis_name, name="norm_0")(Inception(_FIRST, name="inception_0")(x), train)
        x = BatchNorm(self.axis_name, name="norm_1")(Inception(_SECOND, name="inception_1")(pool(x, 2)), train)
        for i in (2, 3):
            x = nn.relu(nn.Conv(_CHANNELS, (5, 5), dtype=x.dtype, name=f"conv_{i}")(pool(x, 2)))
            x = BatchNorm(self.axis_name, name=f"norm_{i}")(x, train)
        return pool(x, 4)


class Head(nn.Module):
    """The two dense layers, each behind dropout.

    Attributes:
        dropout: share of the units that are zeroed in training.
    """

    dropout: float

    @nn.compact
    def __call__(self, features: jax.Array, train: bool) -> jax.Array:
        """Float [N, h, w, 16] to logits, float32 [N]; h and w are those of the parameters."""
        drop: Any = functools.partial(nn.Dropout, self.dropout, deterministic=not train)
        x = features.astype(jnp.float32)
        x = nn.Dense(_HIDDEN, name="hidden")(drop()(x.reshape(x.shape[0], -1)))
        return jnp.squeeze(nn.Dense(1, name="logit")(drop()(nn.leaky_relu(x, _LEAK))), axis=-1)


def pool(x: jax.Array, side: int) -> jax.Array:
    """Largest of each `side` x `side` positions, with TensorFlow's "SAME" padding: [N, ceil(H / side), ..., C]."""
    return nn.max_pool(x, (side, side), strides=(side, side), padding="SAME")
