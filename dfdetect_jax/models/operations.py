"""Convolutions, pooling and statistics with two equivalent lowerings: one for XLA's CPU backend, and a plain one.

XLA's CPU backend is slow at depthwise, pointwise and transposed convolutions, most of all in their gradients. On CPU
each is computed as a sum of shifted products or as a matrix product instead; GPU and TPU use the plain lowering. Their
results agree to float32 rounding. The choice is made when a program is lowered for a platform, not when Python starts.

Operations return the dtype of their first operand, unless stated. On CPU they compute in float32.
"""

import functools
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from dfdetect_jax.models.cpu import conv3x3 as cpu_conv3x3
from dfdetect_jax.models.cpu import conv4x4 as cpu_conv4x4
from dfdetect_jax.models.cpu import depthwise as cpu_depthwise
from dfdetect_jax.models.cpu import forms as cpu_forms

_Operation = Callable[..., jax.Array]

_NHWC = ("NHWC", "HWIO", "NHWC")

plain_lowering = jax.make_user_context(False)
"""`with plain_lowering(True):` selects the plain lowering on every platform, for tests and benchmarks.

It is part of the key of `jax.jit`'s cache, so a function that was traced outside is traced again inside.
"""


def _by_platform(*operands: jax.Array, cpu: _Operation, plain: _Operation) -> jax.Array:
    if plain_lowering.value:
        return plain(*operands)
    return lax.platform_dependent(*operands, cpu=_in_float32(cpu), default=plain)


def _in_float32(function: _Operation) -> _Operation:
    """Wraps `function` to compute in float32 and return the dtype of its first operand."""

    def cast(*operands: jax.Array) -> jax.Array:
        return function(*(operand.astype(jnp.float32) for operand in operands)).astype(operands[0].dtype)

    return cast


def depthwise_conv(x: jax.Array, kernel: jax.Array, stride: int = 1) -> jax.Array:
    """Depthwise convolution with zero padding as TensorFlow's "SAME": at stride 2 an even side has more of it behind.

    Args:
        x: float [N, H, W, C].
        kernel: float [k, k, 1, C], HWIO, with odd k.
        stride: 1 or 2, of rows and columns.

    Returns:
        float [N, ceil(H / stride), ceil(W / stride), C], the dtype of `x`.
    """

    def plain(x: jax.Array, kernel: jax.Array) -> jax.Array:
        channels = x.shape[-1]
        return lax.conv_general_dilated(
            x, kernel, (stride, stride), "SAME", dimension_numbers=_NHWC, feature_group_count=channels
        )

    return _by_platform(x, kernel, cpu=functools.partial(cpu_depthwise.depthwise_conv, stride=stride), plain=plain)


def pointwise_conv(x: jax.Array, kernel: jax.Array, stride: int = 1) -> jax.Array:
    """1x1 convolution.

    Args:
        x: float [N, H, W, C].
        kernel: float [1, 1, C, D].
        stride: of rows and columns, starting at the first.

    Returns:
        float [N, ceil(H / stride), ceil(W / stride), D].
    """

    def plain(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return lax.conv_general_dilated(x, kernel, (stride, stride), "VALID", dimension_numbers=_NHWC)

    return _by_platform(x, kernel, cpu=functools.partial(cpu_forms.pointwise_conv, stride=stride), plain=plain)


def conv3x3(x: jax.Array, kernel: jax.Array, stride: int = 1, padding: str = "SAME") -> jax.Array:
    """3x3 convolution.

    Args:
        x: float [N, H, W, C].
        kernel: float [3, 3, C, D].
        stride: 1 or 2, of rows and columns.
        padding: "VALID" for none, or "SAME" for one row and column of zeros on every side at any stride. At stride 2
            and even sides this is PyTorch's `padding=1`, which differs from JAX's "SAME" by one pixel. "TENSORFLOW" for
            TensorFlow's and JAX's "SAME": there the zeros are behind the last row and column alone.

    Returns:
        float [N, H', W', D]: floor((H - 3) / stride) + 1 rows with "VALID", otherwise ceil(H / stride).
    """
    margins: str | list[tuple[int, int]] = [(1, 1), (1, 1)]
    if padding != "SAME":
        margins = "SAME" if padding == "TENSORFLOW" else padding

    def plain(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return lax.conv_general_dilated(x, kernel, (stride, stride), margins, dimension_numbers=_NHWC)

    forms: dict[tuple[int, str], _Operation] = {
        (1, "VALID"): cpu_conv3x3.valid_conv3x3,
        (1, "SAME"): cpu_conv3x3.same_conv3x3,
        (2, "SAME"): cpu_conv3x3.halving_conv3x3,
    }
    return _by_platform(x, kernel, cpu=forms.get((stride, padding), plain), plain=plain)


def strided_conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """4x4 convolution of stride 2 that halves height and width: the adjoint of `transposed_conv`.

    One row and column of zeros is added on every side.

    Args:
        x: float [N, H, W, C].
        kernel: float [4, 4, C, D].

    Returns:
        float [N, floor(H / 2), floor(W / 2), D].
    """

    def plain(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return lax.conv_general_dilated(x, kernel, (2, 2), [(1, 1), (1, 1)], dimension_numbers=_NHWC)

    return _by_platform(x, kernel, cpu=cpu_conv4x4.strided_conv4x4, plain=plain)


def transposed_conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """4x4 transposed convolution of stride 2 that doubles height and width (`nn.ConvTranspose`, "SAME").

    Args:
        x: float [N, H, W, C].
        kernel: float [4, 4, C, D].

    Returns:
        float [N, 2H, 2W, D].
    """

    def plain(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return lax.conv_transpose(x, kernel, (2, 2), "SAME", dimension_numbers=_NHWC)

    return _by_platform(x, kernel, cpu=cpu_conv4x4.transposed_conv, plain=plain)


def max_pool(x: jax.Array) -> jax.Array:
    """3x3 max pooling, stride 2, "SAME" padding; of equal maxima the first receives the gradient.

    Args:
        x: float [N, H, W, C].

    Returns:
        float [N, ceil(H / 2), ceil(W / 2), C].
    """

    def plain(x: jax.Array) -> jax.Array:
        return nn.max_pool(x, (3, 3), strides=(2, 2), padding="SAME")

    return _by_platform(x, cpu=cpu_forms.max_pool, plain=plain)


def moments(x: jax.Array) -> jax.Array:
    """Mean and mean square of each channel, over the other axes.

    Args:
        x: float [N, H, W, C].

    Returns:
        float32 [2, C].
    """

    def plain(x: jax.Array) -> jax.Array:
        return jnp.stack([jnp.mean(x, (0, 1, 2)), jnp.mean(jnp.square(x), (0, 1, 2))])

    return _by_platform(x.astype(jnp.float32), cpu=cpu_forms.moments, plain=plain)


def scale_shift(x: jax.Array, gain: jax.Array, shift: jax.Array) -> jax.Array:
    """Returns x * gain + shift, computed in float32.

    Args:
        x: float [N, H, W, C].
        gain: float32 [C].
        shift: float32 [C].

    Returns:
        [N, H, W, C] in the dtype of `x`.
    """

    def plain(x: jax.Array, gain: jax.Array, shift: jax.Array) -> jax.Array:
        return x * gain + shift

    scaled = _by_platform(x.astype(jnp.float32), gain, shift, cpu=cpu_forms.scale_shift, plain=plain)
    return scaled.astype(x.dtype)
