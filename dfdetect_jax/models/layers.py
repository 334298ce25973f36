"""Layers with one mathematics and two lowerings: what XLA does best on CPU, and the plain one on GPU and TPU.

XLA's CPU backend is slow at depthwise, pointwise and transposed convolutions, most of all in their gradients. Here each
is rewritten exactly, as sums of shifted products or as matrix products. Parameters have the names and shapes of
`nn.Conv` and `nn.ConvTranspose`, and results agree to float32 rounding, so a checkpoint moves between platforms. The
choice is made when a program is lowered for a platform, not when Python starts.
"""

import contextlib
import contextvars
from collections.abc import Callable, Iterator

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

_NHWC = ("NHWC", "HWIO", "NHWC")
_force_plain = contextvars.ContextVar("force_plain", default=False)


@contextlib.contextmanager
def plain_lowering() -> Iterator[None]:
    """Within it, what is traced uses the plain lowering on every platform; for tests and benchmarks.

    A function that `jax.jit` has traced before keeps the lowering that it was traced with.
    """
    token = _force_plain.set(True)
    try:
        yield
    finally:
        _force_plain.reset(token)


def _by_platform(*operands: jax.Array, cpu: Callable, plain: Callable):
    if _force_plain.get():
        return plain(*operands)
    return lax.platform_dependent(*operands, cpu=cpu, default=plain)


def _windows(x: jax.Array, height: int, width: int, stride: int = 1) -> Iterator[tuple[int, int, jax.Array]]:
    """Row, column and the [N, height, width, C] that each tap of a 3x3 kernel sees in `x`, already padded."""
    for i in range(3):
        for j in range(3):
            yield i, j, x[:, i : i + stride * (height - 1) + 1 : stride, j : j + stride * (width - 1) + 1 : stride]


def depthwise_conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """3x3 convolution of each channel with its own kernel, stride 1, zero padding ("SAME").

    Args:
        x: float [N, H, W, C].
        kernel: float [3, 3, 1, C].

    Returns:
        float [N, H, W, C].
    """

    def plain(x, kernel):
        return lax.conv_general_dilated(
            x, kernel, (1, 1), "SAME", dimension_numbers=_NHWC, feature_group_count=x.shape[-1]
        )

    def shifted(x, kernel):
        padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        return sum(window * kernel[i, j, 0] for i, j, window in _windows(padded, *x.shape[1:3]))

    return _by_platform(x, kernel, cpu=shifted, plain=plain)


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

    def product(x, kernel):
        return x[:, ::stride, ::stride] @ kernel[0, 0]

    return _by_platform(x, kernel, cpu=product, plain=plain)


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

    def overlap_add(x, kernel):
        n, h, w, c = x.shape
        d = kernel.shape[-1]
        taps = kernel[::-1, ::-1].transpose(2, 0, 1, 3).reshape(c, 16 * d)
        blocks = (x @ taps).reshape(n, h, w, 2, 2, 2, 2, d)  # row block, row in it, column block, column in it
        total = sum(
            jnp.pad(blocks[:, :, :, i, :, j], ((0, 0), (i, 1 - i), (j, 1 - j), (0, 0), (0, 0), (0, 0)))
            for i in (0, 1)
            for j in (0, 1)
        )
        full = total.transpose(0, 1, 3, 2, 4, 5).reshape(n, 2 * h + 2, 2 * w + 2, d)
        return full[:, 1:-1, 1:-1]

    return _by_platform(x, kernel, cpu=overlap_add, plain=plain)


def max_pool(x: jax.Array) -> jax.Array:
    """Maximum over 3x3 windows, stride 2, "SAME": float [N, H, W, C] to [N, ceil(H / 2), ceil(W / 2), C]."""

    def plain(x):
        return nn.max_pool(x, (3, 3), strides=(2, 2), padding="SAME")

    def slices(x):
        out = [-(-side // 2) for side in x.shape[1:3]]
        margins = [max(2 * (o - 1) + 3 - side, 0) for o, side in zip(out, x.shape[1:3], strict=True)]
        (top, bottom), (left, right) = [(m // 2, m - m // 2) for m in margins]
        padded = jnp.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=-jnp.inf)
        windows = [window for _, _, window in _windows(padded, *out, stride=2)]
        largest = windows[0]
        for window in windows[1:]:
            largest = jnp.maximum(largest, window)
        return largest

    return _by_platform(x, cpu=slices, plain=plain)


class DepthwiseConv(nn.Module):
    """`depthwise_conv` with a kernel of its own; parameters as `nn.Conv(C, (3, 3), feature_group_count=C)`."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Float [N, H, W, C] to the same shape."""
        kernel = self.param("kernel", nn.initializers.lecun_normal(), (3, 3, 1, x.shape[-1]))
        return depthwise_conv(x, kernel)


class PointwiseConv(nn.Module):
    """`pointwise_conv` with a kernel of its own; parameters as `nn.Conv(features, (1, 1), use_bias=False)`."""

    features: int
    stride: int = 1

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Float [N, H, W, C] to [N, ceil(H / stride), ceil(W / stride), features]."""
        kernel = self.param("kernel", nn.initializers.lecun_normal(), (1, 1, x.shape[-1], self.features))
        return pointwise_conv(x, kernel, self.stride)


class Conv3x3(nn.Module):
    """3x3 convolution; parameters as `nn.Conv(features, (3, 3))`."""

    features: int
    stride: int = 1
    padding: str = "SAME"
    use_bias: bool = False

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Float [N, H, W, C] to [N, H', W', features]."""
        kernel = self.param("kernel", nn.initializers.lecun_normal(), (3, 3, x.shape[-1], self.features))
        strides = (self.stride, self.stride)
        y = lax.conv_general_dilated(x, kernel, strides, self.padding, dimension_numbers=_NHWC)
        return y + self.param("bias", nn.initializers.zeros, (self.features,)) if self.use_bias else y


class TransposedConv(nn.Module):
    """`transposed_conv` with a kernel of its own; parameters as `nn.ConvTranspose(features, (4, 4), use_bias=False)`."""

    features: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Float [N, H, W, C] to [N, 2H, 2W, features]."""
        kernel = self.param("kernel", nn.initializers.lecun_normal(), (4, 4, x.shape[-1], self.features))
        return transposed_conv(x, kernel)


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
            axes = tuple(range(x.ndim - 1))
            moments = jnp.stack([jnp.mean(x, axes), jnp.mean(jnp.square(x), axes)])
            if self.axis_name is not None and not self.is_initializing():
                moments = lax.pmean(moments, self.axis_name)
            mean, var = moments[0], jnp.maximum(moments[1] - jnp.square(moments[0]), 0.0)
            if not self.is_initializing():
                keep = self.momentum
                running_mean.value = keep * running_mean.value + (1 - keep) * mean
                running_var.value = keep * running_var.value + (1 - keep) * var
        gain = scale * lax.rsqrt(var + self.epsilon)
        return x * gain + (bias - mean * gain)


def scale_channels(channels: int, width: float) -> int:
    """`channels` times `width`, to the nearest multiple of 8 and at least 8: 728 stays 728, 728 * 0.25 is 184."""
    return max(8, round(channels * width / 8) * 8)
