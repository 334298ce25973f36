"""The discriminator of DCGAN (Radford et al., ICLR 2016): tells images from reconstructions."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from dfdetect_jax.models.layers import BatchNorm, StridedConv, scale_channels

_CHANNELS = (64, 128, 256, 512)
_SLOPE = 0.2  # of LeakyReLU below zero; DCGAN, section 4


class Discriminator(nn.Module):
    """4x4 stride-2 convolutions and LeakyReLU, BatchNorm on all but the first, then one logit from the whole map.

    Attributes:
        width: multiplies the channels, 64 to 512.
        axis_name: mapped axis over which BatchNorm's statistics are averaged, or None.
    """

    width: float = 1.0
    axis_name: str | None = None

    @nn.compact
    def __call__(self, images: jax.Array, train: bool) -> jax.Array:
        """Judges images.

        Args:
            images: float [N, H, W, 3] in [-1, 1], H and W even at least four times over.
            train: normalise by the batch's statistics and update the running ones in `batch_stats`.

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
