"""Building blocks of the CPU forms: arrays stored in memory, padding, sums over positions, XLA's own convolution."""

import jax
import jax.numpy as jnp
from jax import lax

Pair = tuple[jax.Array, jax.Array]
"""Input and kernel, or their gradients."""

_NHWC = ("NHWC", "HWIO", "NHWC")
_Margin = tuple[int, int]
_MAX_FOLD = 16


fence = lax.optimization_barrier
"""Keeps XLA from rewriting an expression across this point. On CPU it doesn't prevent the fusion of loops."""


def materialize(x: jax.Array) -> jax.Array:
    """Returns `x`, stored in memory first, so that XLA doesn't compute it again inside each loop that reads it.

    Implemented as a loop of zero iterations: XLA fuses nothing across it and keeps its state in place. Useful for
    arrays that several loops read; operands of products and convolutions are stored in any case. Not differentiable in
    reverse mode, so for use inside custom gradients. It cut the gradient of 32 LAE images of 96 px by a fifth.

    Args:
        x: any array with at least one element.
    """
    first = x[(0,) * x.ndim]
    never = first > first + 1
    return lax.while_loop(lambda state: state[0], lambda state: (~state[0], -state[1]), (never, x))[1]


def pad(x: jax.Array, rows: _Margin, columns: _Margin, value: float = 0) -> jax.Array:
    """Pads rows and columns of a map and stores the result.

    Args:
        x: [N, H, W, C].
        rows: number of rows to add before and after.
        columns: number of columns to add before and after.
        value: of the new elements.

    Returns:
        [N, H + sum(rows), W + sum(columns), C].
    """
    return materialize(jnp.pad(x, ((0, 0), rows, columns, (0, 0)), constant_values=value))


def same_margins(side: int, window: int, stride: int) -> _Margin:
    """Rows (or columns) of padding before and after, as "SAME" has them: for ceil(side / stride) windows."""
    total = max((-(-side // stride) - 1) * stride + window - side, 0)
    return total // 2, total - total // 2


def _images_per_fold(images: int) -> int:
    """Number of images to add up before a sum over positions: the largest divisor of the batch up to a limit."""
    return next(n for n in range(min(images, _MAX_FOLD), 0, -1) if images % n == 0)


def sum_of_products(x: jax.Array, y: jax.Array | None) -> jax.Array:
    """Sum of x * y (of x if `y` is None) over all axes but the channels: [N, H, W, C] to [C].

    One loop adds up images; a row of ones times the resulting matrix adds up positions.
    """
    fold = _images_per_fold(x.shape[0])
    step = x.shape[0] // fold
    terms = [x[i : i + step] if y is None else x[i : i + step] * y[i : i + step] for i in range(0, x.shape[0], step)]
    folded = fence(sum(terms[1:], terms[0])).reshape(-1, x.shape[-1])
    return (jnp.ones((1, folded.shape[0]), x.dtype) @ folded)[0]


def conv(x: jax.Array, kernel: jax.Array, strides: tuple[int, int], rows: _Margin, columns: _Margin) -> jax.Array:
    """XLA's convolution.

    Args:
        x: [N, H, W, C].
        kernel: [h, w, C, D].
        strides: of rows and columns.
        rows: number of rows of zeros before and after.
        columns: number of columns of zeros before and after.

    Returns:
        [N, H', W', D].
    """
    return lax.conv_general_dilated(x, kernel, strides, (rows, columns), dimension_numbers=_NHWC)


def same_size_conv(x: jax.Array, kernel: jax.Array, rows: _Margin, columns: _Margin) -> jax.Array:
    """`conv` with stride 1; `rows` and `columns` are chosen so that the output has the input's height and width."""
    return conv(x, kernel, (1, 1), rows, columns)


def adjoint(kernel: jax.Array) -> jax.Array:
    """The kernel rotated by 180 degrees, with input and output channels exchanged."""
    return kernel[::-1, ::-1].transpose(0, 1, 3, 2)
