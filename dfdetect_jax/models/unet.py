"""A U-Net-like encoder and decoder, with skip connections from each resolution of one to the other.

Ronneberger et al., "U-Net: Convolutional Networks for Biomedical Image Segmentation", MICCAI 2015, arXiv 1505.04597.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from dfdetect_jax.models import encoders
from dfdetect_jax.models.layers import BatchNorm, Conv3x3, TransposedConv, rematerialized, scale_channels

_FIRST_CHANNELS = 8


def stage_channels(stages: int, width: float) -> tuple[int, ...]:
    """Channels at each resolution, from full to the latent's: 8, 16, 32, 64, 128 for 4 stages and width 1.

    Args:
        stages: number of halvings of the resolution.
        width: multiplies the channels.
    """
    return tuple(scale_channels(_FIRST_CHANNELS * 2**i, width) for i in range(stages + 1))


class ConvNormReLU(nn.Module):
    """3x3 convolution, BatchNorm, ReLU.

    Attributes:
        features: output channels.
        stride: of rows and columns.
        axis_name: mapped axis over which BatchNorm's statistics are averaged, or None.
    """

    features: int
    stride: int = 1
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Float [N, H, W, C] to [N, ceil(H / stride), ceil(W / stride), features], non-negative."""
        x = Conv3x3(self.features, self.stride, name="conv")(x)
        return nn.relu(BatchNorm(self.axis_name, name="norm")(x, train))


class Encoder(nn.Module):
    """Image to latent map: each stage has a convolution that halves the resolution and one that doubles the channels.

    Attributes:
        stages: number of times that height and width are halved.
        width: multiplies the channels.
        axis_name: mapped axis over which BatchNorm's statistics are averaged, or None.
        remat: keep no activations inside a convolution, normalisation and ReLU; recompute them in the backward pass.
    """

    stages: int = 4
    width: float = 1.0
    axis_name: str | None = None
    remat: bool = False

    @nn.compact
    def __call__(self, images: jax.Array, train: bool) -> list[jax.Array]:
        """Computes the feature maps from full resolution down to the latent.

        Args:
            images: float [N, H, W, C], H and W multiples of 2^stages.
            train: normalise by the batch's statistics, and update their running averages in `batch_stats`.

        Returns:
            `stages` + 1 arrays float [N, H / 2^i, W / 2^i, C_i] with C_i of `stage_channels`; the last is the latent.
        """
        channels = stage_channels(self.stages, self.width)
        block = rematerialized(ConvNormReLU, self.remat)
        maps = [block(channels[0], 1, self.axis_name, name="stem")(images, train)]
        for i in range(self.stages):
            x = block(channels[i], 2, self.axis_name, name=f"down_{i}")(maps[-1], train)
            maps.append(block(channels[i + 1], 1, self.axis_name, name=f"conv_{i}")(x, train))
        return maps


class UNetDecoder(nn.Module):
    """Latent to image, mirroring `Encoder`: each stage has a transposed convolution, the skip and a convolution.

    Attributes:
        stages: number of times that height and width are doubled.
        width: multiplies the channels.
        axis_name: mapped axis over which BatchNorm's statistics are averaged, or None.
        remat: keep no activations inside a convolution, normalisation and ReLU; recompute them in the backward pass.
    """

    stages: int = 4
    width: float = 1.0
    axis_name: str | None = None
    remat: bool = False

    @nn.compact
    def __call__(self, latent: jax.Array, skips: list[jax.Array], train: bool) -> jax.Array:
        """Reconstructs images.

        Args:
            latent: float [N, h, w, C].
            skips: the encoder's maps from its finest resolution down, without the latent; stages above the finest one
                have no skip connection, and with an empty list none has.
            train: normalise by the batch's statistics, and update their running averages in `batch_stats`.

        Returns:
            float32 [N, h 2^stages, w 2^stages, 3] in [-1, 1].
        """
        channels = stage_channels(self.stages, self.width)
        block = rematerialized(ConvNormReLU, self.remat)
        x, finest = latent, self.stages - len(skips)
        for i in reversed(range(self.stages)):
            x = TransposedConv(channels[i], name=f"up_{i}")(x)
            x = nn.relu(BatchNorm(self.axis_name, name=f"norm_{i}")(x, train))
            x = jnp.concatenate([x, skips[i - finest]], axis=-1) if i >= finest else x
            x = block(channels[i], 1, self.axis_name, name=f"conv_{i}")(x, train)
        return jnp.tanh(Conv3x3(3, use_bias=True, name="to_rgb")(x).astype(jnp.float32))


encoders.register(
    "unet",
    encoders.Encoder(
        pyramid=lambda model, axis_name, remat: Encoder(model.stages, model.width, axis_name, remat), most_stages=6
    ),
)
