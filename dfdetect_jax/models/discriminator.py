"""The discriminator of DCGAN, which separates images from their reconstructions.

Radford et al., "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks", ICLR
2016, arXiv 1511.06434.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from dfdetect_jax.models.layers import BatchNorm, StridedConv, scale_channels

_CHANNELS = (64, 128, 256, 512)
_SLOPE = 0.2  # of LeakyReLU below zero; section 4


class Discriminator(nn.Module):
    """Four 4x4 stride-2 convolutions with LeakyReLU, BatchNorm on all but the first, then one logit from the whole map.

    Attributes:
        width: multiplies the channels, 64 to 512.
        axis_name: mapped axis over which BatchNorm's statistics are averaged, or None.
    """

    width: float = 1.0
    axis_name: str | None = None

    @nn.compact
    def __call__(self, images: jax.Array, train: bool) -> jax.Array:
        """Classifies images.

        Args:
            images: float [N, H, W, 3] in [-1, 1], H and W at least 16.
            train: normalise by the batch's statistics, and update their running averages in `batch_stats`.

        Returns:
            Logits, float32 [N]; positive means an image, negative a reconstruction.
        """
        x = images
        for i, channels in enumerate(_CHANNELS):
            x = StridedConv(scale_channels(channels, self.width), name=f"conv_{i}")(x)
            if i:
                x = BatchNorm(self.axis_name, name=f"norm_{i}")(x, train)
            x = nn.leaky_relu(x, _SLOPE)
        return nn.Dense(1, dtype=jnp.float32, name="logit")(x.reshape(x.shape[0], -1))[:, 0]
