"""Layers with one mathematics and two lowerings: what XLA does best on CPU, and the plain one on GPU and TPU.

XLA's CPU backend is slow at depthwise, pointwise and transposed convolutions, most of all in their gradients. Here each
is rewritten exactly, as sums of shifted products or as matrix products. Parameters have the names and shapes of
`nn.Conv` and `nn.ConvTranspose`, and results agree to float32 rounding, so a checkpoint moves between platforms. The
choice is made when a program is lowered for a platform, not when Python starts.

Layers compute in the dtype of what they are given: a network handed bfloat16 images is a bfloat16 network, with float32
parameters. Statistics are float32 always. On the CPU only what lies between layers is rounded to bfloat16.
"""

import functools
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from dfdetect_jax.models.cpu import conv
from dfdetect_jax.models.cpu import forms as cpu_forms

_NHWC = ("NHWC", "HWIO", "NHWC")

plain_lowering = jax.make_user_context(False)
"""`with plain_lowering(True):` traces the plain lowering on every platform, for tests and benchmarks.

It is part of the key of `jax.jit`'s cache, so a function traced outside is traced anew inside.
"""


def _by_platform(*operands: jax.Array, cpu: Callable, plain: Callable):
    if plain_lowering.value:
        return plain(*operands)
    return lax.platform_dependent(*operands, cpu=_in_float32(cpu), default=plain)


def _in_float32(function: Callable) -> Callable:
    """`function` for operands of any float dtype; its result has that of the first one."""

    def cast(*operands):
        return function(*(operand.astype(jnp.float32) for operand in operands)).astype(operands[0].dtype)

    return cast


def rematerialized(block: type[nn.Module], remat: bool) -> type[nn.Module]:
    """`block`, called as `block(...)(x, train)`; if `remat`, what is inside is computed again for the backward pass."""
    return nn.remat(block, static_argnums=(2,)) if remat else block


def depthwise_conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """3x3 convolution of each channel with its own kernel, stride 1, zero padding ("SAME").

    Args:
        x: float [N, H, W, C].
        kernel: float [3, 3, 1, C].

    Returns:
        float [N, H, W, C].
    """

    def plain(x, kernel):
        channels = x.shape[-1]
        return lax.conv_general_dilated(
            x, kernel, (1, 1), "SAME", dimension_numbers=_NHWC, feature_group_count=channels
        )

    return _by_platform(x, kernel, cpu=cpu_forms.depthwise_conv, plain=plain)


def pointwise_conv(x: jax.Array, kernel: jax.Array, stride: int = 1) -> jax.Array:
    """1x1 convolution.

    Args:
        x: float [N, H, W, C].
        kernel: float [1, 1, C, D].
        stride: keeps one row and column in this many, the first included.

    Returns:
        float [N, ceil(H / stride), ceil(W / stride), D].
    """

    def plain(x, kernel):
        return lax.conv_general_dilated(x, kernel, (stride, stride), "VALID", dimension_numbers=_NHWC)

    return _by_platform(x, kernel, cpu=functools.partial(cpu_forms.pointwise_conv, stride=stride), plain=plain)


def conv3x3(x: jax.Array, kernel: jax.Array, stride: int = 1, padding: str = "SAME") -> jax.Array:
    """3x3 convolution.

    Args:
        x: float [N, H, W, C].
        kernel: float [3, 3, C, D].
        stride: 1 or 2, of rows and columns.
        padding: "SAME" for one row and column of zeros on every side, whatever the stride (so a stride of 2 keeps the
            first row of every two, as PyTorch's `padding=1` does, not the second as JAX's "SAME"), or "VALID" for none.

    Returns:
        float [N, H', W', D]: ceil(H / stride) rows with "SAME", floor((H - 3) / stride) + 1 with "VALID".
    """
    margins = [(1, 1), (1, 1)] if padding == "SAME" else padding

    def plain(x, kernel):
        return lax.conv_general_dilated(x, kernel, (stride, stride), margins, dimension_numbers=_NHWC)

    forms = {
        (1, "VALID"): conv.valid_conv3x3,
        (1, "SAME"): conv.same_conv3x3,
        (2, "SAME"): conv.halving_conv3x3,
    }
    return _by_platform(x, kernel, cpu=forms.get((stride, padding), plain), plain=plain)


def strided_conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """4x4 convolution of stride 2 that halves height and width: the adjoint of `transposed_conv`.

    Args:
        x: float [N, H, W, C], padded with one row and column of zeros on every side.
        kernel: float [4, 4, C, D].

    Returns:
        float [N, floor(H / 2), floor(W / 2), D].
    """

    def plain(x, kernel):
        return lax.conv_general_dilated(x, kernel, (2, 2), [(1, 1), (1, 1)], dimension_numbers=_NHWC)

    return _by_platform(x, kernel, cpu=conv.strided_conv4x4, plain=plain)


def transposed_conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """4x4 transposed convolution of stride 2 that doubles height and width (`nn.ConvTranspose`, "SAME").

    Args:
        x: float [N, H, W, C].
        kernel: float [4, 4, C, D].

    Returns:
        float [N, 2H, 2W, D].
    """

    def plain(x, kernel):
        return lax.conv_transpose(x, kernel, (2, 2), "SAME", dimension_numbers=_NHWC)

    return _by_platform(x, kernel, cpu=conv.transposed_conv, plain=plain)


def max_pool(x: jax.Array) -> jax.Array:
    """Maximum over 3x3 windows, stride 2, "SAME": float [N, H, W, C] to [N, ceil(H / 2), ceil(W / 2), C].

    The gradient goes to the first of equal maxima.
    """

    def plain(x):
        return nn.max_pool(x, (3, 3), strides=(2, 2), padding="SAME")

    return _by_platform(x, cpu=cpu_forms.max_pool, plain=plain)


def moments(x: jax.Array) -> jax.Array:
    """Mean and mean square of each channel: float [N, H, W, C] to float32 [2, C]."""

    def plain(x):
        return jnp.stack([jnp.mean(x, (0, 1, 2)), jnp.mean(jnp.square(x), (0, 1, 2))])

    return _by_platform(x.astype(jnp.float32), cpu=cpu_forms.moments, plain=plain)


def scale_shift(x: jax.Array, gain: jax.Array, shift: jax.Array) -> jax.Array:
    """x * gain + shift for float [N, H, W, C] and two float32 [C]: computed in float32, in the dtype of `x`."""

    def plain(x, gain, shift):
        return x * gain + shift

    scaled = _by_platform(x.astype(jnp.float32), gain, shift, cpu=cpu_forms.scale_shift, plain=plain)
    return scaled.astype(x.dtype)


def _kernel(module: nn.Module, shape: tuple[int, ...], dtype: jnp.dtype) -> jax.Array:
    return module.param("kernel", nn.initializers.lecun_normal(), shape).astype(dtype)


def _bias(module: nn.Module, features: int, dtype: jnp.dtype) -> jax.Array:
    return module.param("bias", nn.initializers.zeros, (features,)).astype(dtype)


class DepthwiseConv(nn.Module):
    """`depthwise_conv` with a kernel of its own; parameters as `nn.Conv(C, (3, 3), feature_group_count=C)`."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Float [N, H, W, C] to the same shape."""
        return depthwise_conv(x, _kernel(self, (3, 3, 1, x.shape[-1]), x.dtype))


class PointwiseConv(nn.Module):
    """`pointwise_conv` with a kernel of its own; parameters as `nn.Conv(features, (1, 1), use_bias=False)`."""

    features: int
    stride: int = 1

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Float [N, H, W, C] to [N, ceil(H / stride), ceil(W / stride), features]."""
        return pointwise_conv(x, _kernel(self, (1, 1, x.shape[-1], self.features), x.dtype), self.stride)


class Conv3x3(nn.Module):
    """`conv3x3` with a kernel of its own; parameters as `nn.Conv(features, (3, 3))`."""

    features: int
    stride: int = 1
    padding: str = "SAME"
    use_bias: bool = False

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Float [N, H, W, C] to [N, H', W', features]."""
        y = conv3x3(x, _kernel(self, (3, 3, x.shape[-1], self.features), x.dtype), self.stride, self.padding)
        return y + _bias(self, self.features, x.dtype) if self.use_bias else y


class StridedConv(nn.Module):
    """`strided_conv` with its own kernel; parameters as `nn.Conv(features, (4, 4), strides=2, padding=1)`."""

    features: int
    use_bias: bool = False

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Float [N, H, W, C] to [N, H // 2, W // 2, features]."""
        y = strided_conv(x, _kernel(self, (4, 4, x.shape[-1], self.features), x.dtype))
        return y + _bias(self, self.features, x.dtype) if self.use_bias else y


class TransposedConv(nn.Module):
    """`transposed_conv` with its own kernel; parameters as `nn.ConvTranspose(features, (4, 4), use_bias=False)`."""

    features: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Float [N, H, W, C] to [N, 2H, 2W, features]."""
        return transposed_conv(x, _kernel(self, (4, 4, x.shape[-1], self.features), x.dtype))


class BatchNorm(nn.Module):
    """Batch normalisation with the constants of Keras' Xception; parameters and statistics as `nn.BatchNorm`.

    Normalises by the batch's mean and (biased) variance in training, by their running averages otherwise.

    Attributes:
        axis_name: mapped axis (`jax.pmap`, `jax.shard_map`) over which the statistics are averaged, or None.
        momentum: share of the old running average that a training step keeps.
        epsilon: added to the variance.
    """

    axis_name: str | None = None
    momentum: float = 0.99
    epsilon: float = 1e-3

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Float [N, H, W, C] to the same shape."""
        channels = (x.shape[-1],)
        scale = self.param("scale", nn.initializers.ones, channels)
        bias = self.param("bias", nn.initializers.zeros, channels)
        running_mean = self.variable("batch_stats", "mean", jnp.zeros, channels)
        running_var = self.variable("batch_stats", "var", jnp.ones, channels)
        if not train:
            mean, var = running_mean.value, running_var.value
        else:
            batch = moments(x)
            if self.axis_name is not None and not self.is_initializing():
                batch = lax.pmean(batch, self.axis_name)
            mean, var = batch[0], jnp.maximum(batch[1] - jnp.square(batch[0]), 0.0)
            if not self.is_initializing():
                keep = self.momentum
                running_mean.value = keep * running_mean.value + (1 - keep) * mean
                running_var.value = keep * running_var.value + (1 - keep) * var
        gain = scale * lax.rsqrt(var + self.epsilon)
        return scale_shift(x, gain, bias - mean * gain)


def scale_channels(channels: int, width: float) -> int:
    """`channels` times `width`, to the nearest multiple of 8 and at least 8: 728 stays 728, 728 * 0.25 is 184."""
    return max(8, round(channels * width / 8) * 8)
