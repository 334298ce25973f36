"""ForensicTransfer's autoencoder: five 3x3 convolutions to the latent, five back with nearest-neighbour upsampling.

Cozzolino, Thies, Roessler, Riess, Niessner, Verdoliva: "ForensicTransfer: Weakly-supervised Domain Adaptation for
Forgery Detection", 2018, arXiv 1812.02510, figure 3. The full text was not available: widths, strides and where
BatchNorm stands are those in which public reimplementations agree.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from dfdetect_jax.models.layers import Conv3x3, scale_channels
from dfdetect_jax.models.unet import ConvNormReLU

CHANNELS = (8, 16, 32, 64, 128)


def third_derivatives(images: jax.Array) -> jax.Array:
    """Third differences of neighbouring pixels along rows and along columns, edges repeated: taps 1, -3, 3, -1.

    Fridrich, Kodovsky: "Rich Models for Steganalysis of Digital Images", TIFS 2012, table 1.

    Args:
        images: float [N, H, W, C].

    Returns:
        float [N, H, W, 2C], along x, then along y; 0 where the image is a polynomial of degree 2.
    """
    height, width = images.shape[1:3]
    x = jnp.pad(images, ((0, 0), (0, 0), (1, 2), (0, 0)), mode="edge")
    y = jnp.pad(images, ((0, 0), (1, 2), (0, 0), (0, 0)), mode="edge")
    taps = (-1, 3, -3, 1)
    along_x = sum(tap * x[:, :, i : i + width] for i, tap in enumerate(taps))
    along_y = sum(tap * y[:, i : i + height] for i, tap in enumerate(taps))
    return jnp.concatenate([along_x, along_y], axis=-1)


class Encoder(nn.Module):
    """A convolution with a ReLU, then four of stride 2 with BatchNorm and ReLU.

    Attributes:
        width: multiplies every channel count.
        axis_name: mapped axis over which BatchNorm's statistics are averaged, or None.
    """

    width: float = 1.0
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Float [N, H, W, C] to the latent, float [N, H / 16, W / 16, 128 * width], non-negative."""
        first, *others = (scale_channels(channels, self.width) for channels in CHANNELS)
        x = nn.relu(Conv3x3(first, use_bias=True, name="conv_0")(x))
        for i, channels in enumerate(others, 1):
            x = ConvNormReLU(channels, 2, self.axis_name, name=f"conv_{i}")(x, train)
        return x


class Decoder(nn.Module):
    """Four times: repeat each position 2x2, convolution, BatchNorm, ReLU; then a linear convolution.

    Attributes:
        features: output channels.
        width: multiplies every other channel count.
        axis_name: mapped axis over which BatchNorm's statistics are averaged, or None.
    """

    features: int
    width: float = 1.0
    axis_name: str | None = None

    @nn.compact
    def __call__(self, z: jax.Array, train: bool) -> jax.Array:
        """Float [N, h, w, C] to float32 [N, 16 h, 16 w, features]."""
        for i, channels in reversed(list(enumerate(CHANNELS[:-1]))):
            z = upsample(z)
            z = ConvNormReLU(scale_channels(channels, self.width), 1, self.axis_name, name=f"conv_{i}")(z, train)
        x: jax.Array = Conv3x3(self.features, use_bias=True, name="last")(z)
        return x.astype(jnp.float32)


def upsample(x: jax.Array) -> jax.Array:
    """Each position repeated 2x2, nearest-neighbour upsampling: [N, H, W, C] to [N, 2H, 2W, C]."""
    n, h, w, c = x.shape
    return jnp.broadcast_to(x[:, :, None, :, None], (n, h, 2, w, 2, c)).reshape(n, 2 * h, 2 * w, c)
