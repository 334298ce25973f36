"""Layers as XLA's CPU backend runs them fast: the same mathematics as the plain ones, to float32 rounding.

Dense convolutions are in `cpu_conv.py`; here is the rest.

What that backend does well: loops over whole arrays that read slices of a few arrays, products of two large matrices,
a row of ones times a matrix, and convolutions of stride 1 whose output is as large as their input. What it does badly:
sums over all but the channel axis, concatenation, transposition inside a larger expression, grouped or dilated
convolutions and their gradients. Every function below turns the second kind into the first, and has a gradient
written the same way where the derived one would be slow.

"""

import functools

import jax
import jax.numpy as jnp
from jax import lax

_MAX_FOLD = 16

fence = lax.optimization_barrier
"""Keeps XLA from rewriting an expression across this point; on CPU it is gone before fusion, unlike `materialize`."""


def materialize(x: jax.Array) -> jax.Array:
    """`x`, stored before anything reads it, rather than computed again inside each of the loops that do.

    A loop that never runs: XLA fuses nothing across it and keeps its state in place. For arrays that several loops
    read; what a product or convolution reads is stored anyway. Not differentiable in reverse: for inside of custom
    gradients. The gradient of 32 LAE images of 96 px took a fifth less time with it.
    """
    first = x[(0,) * x.ndim]
    never = first > first + 1
    return lax.while_loop(lambda state: state[0], lambda state: (~state[0], -state[1]), (never, x))[1]


def pad(x: jax.Array, rows: tuple[int, int], columns: tuple[int, int], value: float = 0) -> jax.Array:
    """[N, H, W, C] with rows and columns of `value` before and after, as an array of its own."""
    return materialize(jnp.pad(x, ((0, 0), rows, columns, (0, 0)), constant_values=value))


def _images_per_fold(images: int) -> int:
    """Images folded onto one another before a sum over positions: as many as divide the batch, to a limit."""
    return next(n for n in range(min(images, _MAX_FOLD), 0, -1) if images % n == 0)


def _sum_of_products(x: jax.Array, y: jax.Array | None) -> jax.Array:
    """Sum over all but channels of x * y (of x, if `y` is None): [N, H, W, C] to [C].

    First a loop that folds the batch, then a row of ones times the matrix of what is left.
    """
    fold = _images_per_fold(x.shape[0])
    step = x.shape[0] // fold
    terms = [x[i : i + step] if y is None else x[i : i + step] * y[i : i + step] for i in range(0, x.shape[0], step)]
    folded = fence(sum(terms[1:], terms[0])).reshape(-1, x.shape[-1])
    return (jnp.ones((1, folded.shape[0]), x.dtype) @ folded)[0]


@jax.custom_vjp
def moments(x: jax.Array) -> jax.Array:
    """Mean and mean square of each channel: [N, H, W, C] to [2, C]."""
    return jnp.stack([_sum_of_products(x, None), _sum_of_products(x, x)]) / (x.size // x.shape[-1])


def _moments_forward(x):
    return moments(x), x


def _moments_backward(x, cotangent):
    d_mean, d_square = cotangent / (x.size // x.shape[-1])
    return (d_mean + 2.0 * d_square * x,)


moments.defvjp(_moments_forward, _moments_backward)


@jax.custom_vjp
def scale_shift(x: jax.Array, gain: jax.Array, shift: jax.Array) -> jax.Array:
    """x * gain + shift, with `gain` and `shift` [C]."""
    return x * gain + shift


def _scale_shift_forward(x, gain, shift):
    return x * gain + shift, (x, gain)


def _scale_shift_backward(residuals, cotangent):
    x, gain = residuals
    cotangent = materialize(cotangent)
    return cotangent * gain, _sum_of_products(cotangent, x), _sum_of_products(cotangent, None)


scale_shift.defvjp(_scale_shift_forward, _scale_shift_backward)


def _weighted_windows(padded: jax.Array, kernel: jax.Array) -> jax.Array:
    """Sum over the nine taps of a shifted view times the tap's channels: one loop."""
    return sum(window * kernel[i, j, 0] for i, j, window in _taps(padded))


def _taps(padded: jax.Array) -> list[tuple[int, int, jax.Array]]:
    height, width = padded.shape[1] - 2, padded.shape[2] - 2
    return [(i, j, padded[:, i : i + height, j : j + width]) for i in range(3) for j in range(3)]


@jax.custom_vjp
def depthwise_conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Pads once, then one loop over the sum of nine shifted products."""
    return _weighted_windows(pad(x, (1, 1), (1, 1)), kernel)


def _depthwise_forward(x, kernel):
    padded = pad(x, (1, 1), (1, 1))
    return _weighted_windows(padded, kernel), (padded, kernel)


def _depthwise_backward(residuals, cotangent):
    padded, kernel = residuals
    cotangent = materialize(cotangent)
    d_x = depthwise_conv(cotangent, kernel[::-1, ::-1])
    d_kernel = jnp.stack([_sum_of_products(window, cotangent) for _, _, window in _taps(padded)])
    return d_x, d_kernel.reshape(kernel.shape)


depthwise_conv.defvjp(_depthwise_forward, _depthwise_backward)


def pointwise_conv(x: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    """One matrix product; flattened by hand, since XLA would transpose to contract several axes in the gradient."""
    x = x[:, ::stride, ::stride]
    return (x.reshape(-1, x.shape[-1]) @ kernel[0, 0]).reshape(*x.shape[:-1], kernel.shape[-1])


def max_pool(x: jax.Array) -> jax.Array:
    """Maximum over nine strided slices."""
    margins = [_same_margins(side) for side in x.shape[1:3]]
    return _pool_padded(jnp.pad(x, ((0, 0), *margins, (0, 0)), constant_values=-jnp.inf))


def _same_margins(side: int) -> tuple[int, int]:
    """Padding before and after, for a window of 3 and a stride of 2 with "SAME" padding."""
    total = 2 - (side + 1) % 2
    return total // 2, total - total // 2


@jax.custom_vjp
def _pool_padded(padded: jax.Array) -> jax.Array:
    return functools.reduce(jnp.maximum, _pool_windows(materialize(padded)))


def _pool_windows(padded: jax.Array) -> list[jax.Array]:
    """What each of the nine taps of the pool sees: nine arrays [N, out rows, out columns, C]."""
    rows, columns = padded.shape[1] - 2, padded.shape[2] - 2
    return [padded[:, i : i + rows : 2, j : j + columns : 2] for i in range(3) for j in range(3)]


def _pool_forward(padded):
    padded = materialize(padded)
    return functools.reduce(jnp.maximum, _pool_windows(padded)), padded


def _first_largest(padded: jax.Array) -> jax.Array:
    """Which tap the maximum came from, the first where several are equal: int32 in [0, 9)."""
    windows = _pool_windows(padded)
    largest, tap = windows[0], jnp.zeros(windows[0].shape, jnp.int32)
    for i, window in enumerate(windows[1:], start=1):
        tap = jnp.where(window > largest, i, tap)
        largest = jnp.maximum(largest, window)
    return tap


def _pool_backward(padded, cotangent):
    """Gathers: row 2m + p of the input lies in window m at row p, and if p = 0 in window m - 1 at row 2; columns alike.

    So one loop over [N, m, p, m', p', C] reads four shifted views of the cotangent and of the tap that was largest.
    """
    n, height, width, c = padded.shape
    _, rows, columns, _ = cotangent.shape
    cotangent, tap = pad(cotangent, (1, 1), (1, 1)), pad(_first_largest(padded), (1, 1), (1, 1), -1)
    row_parity = lax.broadcasted_iota(jnp.int32, (1, 1, 2, 1, 2, 1), 2)
    column_parity = lax.broadcasted_iota(jnp.int32, (1, 1, 2, 1, 2, 1), 4)
    no_tap = 100  # beyond every tap, whatever is added
    d_padded = 0.0
    for i in (0, 1):
        for j in (0, 1):
            tap_row = jnp.where(row_parity == 0, 2, no_tap) if i else row_parity
            tap_column = jnp.where(column_parity == 0, 2, no_tap) if j else column_parity
            window = (slice(None), slice(1 - i, rows + 2 - i), None, slice(1 - j, columns + 2 - j), None)
            d_padded += jnp.where(tap[window] == 3 * tap_row + tap_column, cotangent[window], 0.0)
    return (d_padded.reshape(n, 2 * rows + 2, 2 * columns + 2, c)[:, :height, :width],)


_pool_padded.defvjp(_pool_forward, _pool_backward)
