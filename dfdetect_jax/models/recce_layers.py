"""The parts that RECCE adds to Xception: a decoder, graph reasoning over its maps, and attention by its residual.

Cao, Ma, Yao, Chen, Ding, Yang: "End-to-End Reconstruction-Classification Learning for Face Forgery Detection", CVPR
2022, sections 3.2 and 3.3. Layers and widths are those of the authors' PyTorch code, but for the constants of
BatchNorm.
"""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from dfdetect_jax.models.forensic_transfer import upsample
from dfdetect_jax.models.layers import BatchNorm, Conv3x3, PointwiseConv, scale_channels
from dfdetect_jax.models.xception import MiddleBlock, SeparableConv

_VERTEX = 256


class Decoded(NamedTuple):
    """What the decoder gives.

    Attributes:
        reconstruction: float32 [N, 8h, 8w, 3] in [-1, 1].
        coarse: float [N, 2h, 2w, 256 * width], the map behind the first upsampling.
        fine: float [N, 4h, 4w, 128 * width], the map behind the second.
    """

    reconstruction: jax.Array
    coarse: jax.Array
    fine: jax.Array


class Decoder(nn.Module):
    """Three times: nearest-neighbour upsampling, separable convolution, ReLU; a residual block behind the first two.

    Attributes:
        width: multiplies every channel count.
        axis_name: mapped axis over which BatchNorm's statistics are averaged, or None.
    """

    width: float = 1.0
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> Decoded:
        """Reconstructs from Xception's map behind the first middle block, float [N, h, w, C]."""
        maps = []
        for i, channels in enumerate((256, 128, 64)):
            separable = SeparableConv(scale_channels(channels, self.width), self.axis_name, name=f"up_{i}")
            x = nn.relu(separable(upsample(x), train))
            if i < 2:
                x = MiddleBlock(self.axis_name, name=f"block_{i}")(x, train)
            maps.append(x)
        pixels = PointwiseConv(3, name="to_rgb")(x).astype(jnp.float32)
        return Decoded(jnp.tanh(pixels), maps[0], maps[1])


class GraphReasoning(nn.Module):
    """Adds to each position of an encoder's map what the decoder's maps show there: section 3.2, multi-scale graph.

    A position of the encoder's map is a vertex that is joined to the 2x2 and the 4x4 positions of the decoder's two
    maps at the same place. These are summed with weights that depend on both ends, softmax(ReLU(linear)), and gated by
    the encoder's vertex; then all three are projected to the encoder's channels.

    Attributes:
        width: multiplies every channel count.
        dropout: share of the output that is zeroed in training.
    """

    width: float = 1.0
    dropout: float = 0.2

    @nn.compact
    def __call__(self, x: jax.Array, coarse: jax.Array, fine: jax.Array, train: bool) -> jax.Array:
        """Aggregates.

        Args:
            x: float [N, h, w, C].
            coarse: float [N, 2h, 2w, C_1].
            fine: float [N, 4h, 4w, C_2].
            train: whether to drop values, by the key "dropout".

        Returns:
            float [N, h, w, C], to be added to `x`.
        """
        vertex = self._embedded(x, "vertex")
        parts = [self._gathered(x, vertex, decoded, i) for i, decoded in enumerate((coarse, fine))]
        joined = nn.sigmoid(jnp.concatenate([*parts, vertex], axis=-1))
        y = PointwiseConv(x.shape[-1], name="project_0")(joined)
        y = PointwiseConv(x.shape[-1], name="project_1")(nn.relu(y))
        return nn.Dropout(self.dropout, deterministic=not train)(y)

    def _embedded(self, x: jax.Array, name: str) -> jax.Array:
        channels = scale_channels(_VERTEX, self.width)
        y = nn.relu(PointwiseConv(channels, name=f"{name}_0")(x))
        return PointwiseConv(channels, name=f"{name}_1")(y)

    def _gathered(self, x: jax.Array, vertex: jax.Array, decoded: jax.Array, i: int) -> jax.Array:
        """[N, h, w, V]: the weighted sum of the decoder's vertices at each position, gated."""
        neighbours = patches(self._embedded(decoded, f"neighbour_{i}"), decoded.shape[1] // x.shape[1])
        own = jnp.broadcast_to(vertex[..., None, :], (*neighbours.shape[:-1], vertex.shape[-1]))
        pairs = jnp.concatenate([own, neighbours], axis=-1)
        weigh = nn.Dense(1, use_bias=False, dtype=x.dtype, name=f"weight_{i}")
        weights = nn.softmax(nn.relu(weigh(pairs)), axis=-2)
        gate = 1 - nn.sigmoid(PointwiseConv(vertex.shape[-1], name=f"gate_{i}")(x))
        return jnp.sum(weights * neighbours, axis=-2) * gate


class GuidedAttention(nn.Module):
    """Attention by the residual |x - x_hat|: section 3.3.

    Attributes:
        dropout: share of the features beside the attended ones that is zeroed in training.
        axis_name: mapped axis over which BatchNorm's statistics are averaged, or None.
    """

    dropout: float = 0.2
    axis_name: str | None = None

    @nn.compact
    def __call__(self, features: jax.Array, residual: jax.Array, train: bool) -> jax.Array:
        """Attends.

        Args:
            features: float [N, h, w, C].
            residual: float [N, H, W, 3], at least 0; read at the features' resolution.
            train: normalise by the batch's statistics, and drop values by the key "dropout".

        Returns:
            float [N, h, w, C]: a map in [0, 1] times the transformed features, plus the features.
        """
        seen = resize_corners(residual, features.shape[1], features.shape[2]).astype(features.dtype)
        attention = nn.relu(Conv3x3(3, name="attention_0")(seen))
        attention = nn.sigmoid(PointwiseConv(1, name="attention_1")(attention))
        y = PointwiseConv(features.shape[-1], name="transform")(features)
        y = nn.relu(BatchNorm(self.axis_name, name="norm")(y, train))
        return attention * y + nn.Dropout(self.dropout, deterministic=not train)(features)


def patches(x: jax.Array, side: int) -> jax.Array:
    """The `side`^2 positions at each place of a coarser grid: [N, H, W, C] to [N, H / side, W / side, side^2, C]."""
    n, h, w, c = x.shape
    x = x.reshape(n, h // side, side, w // side, side, c)
    return x.swapaxes(2, 3).reshape(n, h // side, w // side, side**2, c)


def resize_corners(x: jax.Array, height: int, width: int) -> jax.Array:
    """Bilinear, corner pixels on corner pixels (PyTorch's align_corners): [N, H, W, C] to [N, height, width, C]."""
    rows, columns = _corner_matrix(x.shape[1], height), _corner_matrix(x.shape[2], width)
    return jnp.einsum("ih,nhwc,jw->nijc", rows, x, columns, precision=jax.lax.Precision.HIGHEST)


def _corner_matrix(old: int, new: int) -> jax.Array:
    """float32 [new, old], whose row i interpolates at i (old - 1) / (new - 1)."""
    at = jnp.linspace(0.0, old - 1.0, new)
    return jnp.maximum(0.0, 1.0 - jnp.abs(at[:, None] - jnp.arange(old)))
