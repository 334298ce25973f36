"""Flax layers over `operations`, with the parameters of Flax's own layers, so a checkpoint fits every platform.

Layers compute in the dtype of their input: with bfloat16 images the network runs in bfloat16, with float32 parameters.
Batch statistics are always float32.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from dfdetect_jax.models import operations


def rematerialized(block: type[nn.Module], remat: bool) -> type[nn.Module]:
    """Returns `block`, or with `remat` a version that keeps no activations and recomputes them in the backward pass.

    Args:
        block: module whose `__call__` takes (x, train), with x float [N, H, W, C].
        remat: whether to recompute.
    """
    return nn.remat(block, static_argnums=(2,)) if remat else block


def _kernel(module: nn.Module, shape: tuple[int, ...], dtype: jnp.dtype) -> jax.Array:
    return module.param("kernel", nn.initializers.lecun_normal(), shape).astype(dtype)


def _bias(module: nn.Module, features: int, dtype: jnp.dtype) -> jax.Array:
    return module.param("bias", nn.initializers.zeros, (features,)).astype(dtype)


class LinearLayer(nn.Module):
    """A layer that is linear in its input but for a bias: `models.folding` may scale its kernel instead of its output.

    Its parameters are "kernel", whose last axis is that of the output's channels, and "bias" or none.
    """


class DepthwiseConv(LinearLayer):
    """`depthwise_conv` with a trained kernel; parameters as `nn.Conv(C, (k, k), feature_group_count=C)`.

    Attributes:
        size: k, rows and columns of the kernel.
        stride: of rows and columns.
    """

    size: int = 3
    stride: int = 1

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Float [N, H, W, C] to [N, ceil(H / stride), ceil(W / stride), C]."""
        kernel = _kernel(self, (self.size, self.size, 1, x.shape[-1]), x.dtype)
        return operations.depthwise_conv(x, kernel, self.stride)


class PointwiseConv(LinearLayer):
    """`pointwise_conv` with a trained kernel; parameters as `nn.Conv(features, (1, 1), use_bias=False)`.

    Attributes:
        features: output channels.
        stride: of rows and columns.
    """

    features: int
    stride: int = 1

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Float [N, H, W, C] to [N, ceil(H / stride), ceil(W / stride), features]."""
        return operations.pointwise_conv(x, _kernel(self, (1, 1, x.shape[-1], self.features), x.dtype), self.stride)


class Conv3x3(LinearLayer):
    """`conv3x3` with a trained kernel; parameters as `nn.Conv(features, (3, 3))`.

    Attributes:
        features: output channels.
        stride: as in `conv3x3`.
        padding: as in `conv3x3`.
        use_bias: whether to add a bias per channel.
    """

    features: int
    stride: int = 1
    padding: str = "SAME"
    use_bias: bool = False

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Float [N, H, W, C] to [N, H', W', features], H' and W' as in `conv3x3`."""
        y = operations.conv3x3(x, _kernel(self, (3, 3, x.shape[-1], self.features), x.dtype), self.stride, self.padding)
        return y + _bias(self, self.features, x.dtype) if self.use_bias else y


class StridedConv(LinearLayer):
    """`strided_conv` with a trained kernel; parameters as `nn.Conv(features, (4, 4), strides=2, padding=1)`.

    Attributes:
        features: output channels.
        use_bias: whether to add a bias per channel.
    """

    features: int
    use_bias: bool = False

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Float [N, H, W, C] to [N, H // 2, W // 2, features]."""
        y = operations.strided_conv(x, _kernel(self, (4, 4, x.shape[-1], self.features), x.dtype))
        return y + _bias(self, self.features, x.dtype) if self.use_bias else y


class TransposedConv(LinearLayer):
    """`transposed_conv` with a trained kernel; parameters as `nn.ConvTranspose(features, (4, 4), use_bias=False)`.

    Attributes:
        features: output channels.
    """

    features: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Float [N, H, W, C] to [N, 2H, 2W, features]."""
        return operations.transposed_conv(x, _kernel(self, (4, 4, x.shape[-1], self.features), x.dtype))


class BatchNorm(nn.Module):
    """Batch normalisation with the constants of Keras' Xception; parameters and statistics as `nn.BatchNorm`.

    Normalises by the batch's mean and (biased) variance in training, by their running averages otherwise. Where
    `models.folding` has folded it into the layer before, it has no statistics and only adds its bias.

    Attributes:
        axis_name: mapped axis (`jax.pmap`, `jax.shard_map`) over which the statistics are averaged, or None.
        momentum: weight of the old running average in its update.
        epsilon: added to the variance.
    """

    axis_name: str | None = None
    momentum: float = 0.99
    epsilon: float = 1e-3

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Float [N, H, W, C] to the same shape."""
        channels = (x.shape[-1],)
        if self.folded and not train:
            return x + _bias(self, x.shape[-1], x.dtype)
        scale = self.param("scale", nn.initializers.ones, channels)
        bias = self.param("bias", nn.initializers.zeros, channels)
        running_mean = self.variable("batch_stats", "mean", jnp.zeros, channels)
        running_var = self.variable("batch_stats", "var", jnp.ones, channels)
        if not train:
            mean, var = running_mean.value, running_var.value
        else:
            batch = operations.moments(x)
            if self.axis_name is not None and not self.is_initializing():
                batch = lax.pmean(batch, self.axis_name)
            mean, var = batch[0], jnp.maximum(batch[1] - jnp.square(batch[0]), 0.0)
            if not self.is_initializing():
                keep = self.momentum
                running_mean.value = keep * running_mean.value + (1 - keep) * mean
                running_var.value = keep * running_var.value + (1 - keep) * var
        gain = scale * lax.rsqrt(var + self.epsilon)
        return operations.scale_shift(x, gain, bias - mean * gain)

    @property
    def folded(self) -> bool:
        """Whether its statistics are in the kernel of the layer before."""
        return not self.is_initializing() and not self.has_variable("batch_stats", "mean")


def scale_channels(channels: int, width: float) -> int:
    """Scales a channel count to the nearest multiple of 8, at least 8: `scale_channels(728, 0.25)` is 184."""
    return max(8, round(channels * width / 8) * 8)
