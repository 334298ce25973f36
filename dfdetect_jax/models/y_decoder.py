"""The Y-shaped decoder of multi-task classification and segmentation: a shared stem, a segmenter and a reconstruction.

Nguyen, Fang, Yamagishi, Echizen: "Multi-task Learning For Detecting and Segmenting Manipulated Facial Images and
Videos", BTAS 2019, arXiv 1906.06876, figure 3. Layers are those of the authors' PyTorch code; its transposed 3x3
convolutions of stride 1 are convolutions, and the biases that a BatchNorm follows are left out, without effect on what
can be computed.
"""

import flax.linen as nn
import jax

from dfdetect_jax.models.layers import BatchNorm, Conv3x3
from dfdetect_jax.models.unet import ConvNormReLU, stage_channels

HALVINGS = 4


class Widening(nn.Module):
    """Twice a convolution and a 3x3 transposed convolution of stride 2, each with BatchNorm and ReLU.

    Attributes:
        channels: after the first two and after the last two.
        axis_name: mapped axis over which BatchNorm's statistics are averaged, or None.
    """

    channels: tuple[int, int]
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Float [N, h, w, C] to [N, 4h, 4w, channels[1]], non-negative."""
        for i, channels in enumerate(self.channels):
            x = ConvNormReLU(channels, 1, self.axis_name, name=f"conv_{i}")(x, train)
            # One more row and column of zeros behind than in front: PyTorch's padding=1, output_padding=1.
            up = nn.ConvTranspose(
                channels, (3, 3), (2, 2), [(1, 2), (1, 2)], use_bias=False, dtype=x.dtype, name=f"up_{i}"
            )
            x = nn.relu(BatchNorm(self.axis_name, name=f"norm_{i}")(up(x), train))
        return x


class YDecoder(nn.Module):
    """Latent to a segmentation and a reconstruction.

    Attributes:
        width: multiplies every channel count.
        axis_name: mapped axis over which BatchNorm's statistics are averaged, or None.
    """

    width: float = 1.0
    axis_name: str | None = None

    @nn.compact
    def __call__(self, z: jax.Array, train: bool) -> tuple[jax.Array, jax.Array]:
        """Decodes both.

        Args:
            z: float [N, h, w, C].
            train: normalise by the batch's statistics, and update their running averages in `batch_stats`.

        Returns:
            Logits of "untouched" and "forged" at each pixel, float32 [N, 16h, 16w, 2], whose softmax is the
            segmentation; and the reconstruction, float32 [N, 16h, 16w, 3], before its tanh.
        """
        finest, fine, coarse, coarsest, _ = stage_channels(HALVINGS, self.width)
        shared = Widening((coarsest, coarse), self.axis_name, name="shared")(z, train)
        branches = []
        for name, features in (("segmenter", 2), ("reconstructor", 3)):
            x = Widening((fine, finest), self.axis_name, name=name)(shared, train)
            branches.append(Conv3x3(features, use_bias=True, name=f"{name}_last")(x).astype("float32"))
        return branches[0], branches[1]
