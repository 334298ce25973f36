"""Layers written for XLA's CPU backend, equal to the plain ones to float32 rounding; for all but dense convolutions.

Fast on that backend: elementwise loops that read slices of a few arrays, products of two large matrices, a row of ones
times a matrix, and convolutions of stride 1 whose output has the size of their input. Slow: sums over all but the
channel axis, concatenation, transposition inside a larger expression, grouped or dilated convolutions, and their
gradients. Every function below replaces slow operations by fast ones, and defines its own gradient where the derived
one would be slow. Arrays are float32.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax

from dfdetect_jax.models.cpu.primitives import Pair, materialize, pad, same_margins, sum_of_products


@jax.custom_vjp
def moments(x: jax.Array) -> jax.Array:
    """As `operations.moments`: [N, H, W, C] to [2, C]."""
    return jnp.stack([sum_of_products(x, None), sum_of_products(x, x)]) / (x.size // x.shape[-1])


def _moments_forward(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    return moments(x), x


def _moments_backward(x: jax.Array, cotangent: jax.Array) -> tuple[jax.Array]:
    d_mean, d_square = cotangent / (x.size // x.shape[-1])
    return (d_mean + 2.0 * d_square * x,)


moments.defvjp(_moments_forward, _moments_backward)


@jax.custom_vjp
def scale_shift(x: jax.Array, gain: jax.Array, shift: jax.Array) -> jax.Array:
    """As `operations.scale_shift`: x [N, H, W, C], gain and shift [C]."""
    return x * gain + shift


def _scale_shift_forward(x: jax.Array, gain: jax.Array, shift: jax.Array) -> tuple[jax.Array, Pair]:
    return x * gain + shift, (x, gain)


def _scale_shift_backward(residuals: Pair, cotangent: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    x, gain = residuals
    cotangent = materialize(cotangent)
    return cotangent * gain, sum_of_products(cotangent, x), sum_of_products(cotangent, None)


scale_shift.defvjp(_scale_shift_forward, _scale_shift_backward)


def pointwise_conv(x: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    """As `operations.pointwise_conv`, by one matrix product.

    Positions are flattened first: XLA would transpose to contract several axes in the gradient.
    """
    x = x[:, ::stride, ::stride]
    return (x.reshape(-1, x.shape[-1]) @ kernel[0, 0]).reshape(*x.shape[:-1], kernel.shape[-1])


def max_pool(x: jax.Array) -> jax.Array:
    """As `operations.max_pool`, by the maximum of nine strided slices."""
    margins = [same_margins(side, 3, 2) for side in x.shape[1:3]]
    return _pool_padded(jnp.pad(x, ((0, 0), *margins, (0, 0)), constant_values=-jnp.inf))


@jax.custom_vjp
def _pool_padded(padded: jax.Array) -> jax.Array:
    return functools.reduce(jnp.maximum, _pool_windows(materialize(padded)))


def _pool_windows(padded: jax.Array) -> list[jax.Array]:
    """Inputs of each of the nine taps of the pool: nine arrays [N, output rows, output columns, C]."""
    rows, columns = padded.shape[1] - 2, padded.shape[2] - 2
    return [padded[:, i : i + rows : 2, j : j + columns : 2] for i in range(3) for j in range(3)]


def _pool_forward(padded: jax.Array) -> tuple[jax.Array, jax.Array]:
    padded = materialize(padded)
    return functools.reduce(jnp.maximum, _pool_windows(padded)), padded


def _first_largest(padded: jax.Array) -> jax.Array:
    """Tap with the maximum, the first of equal ones: int32 [N, output rows, output columns, C] in [0, 9)."""
    windows = _pool_windows(padded)
    largest, tap = windows[0], jnp.zeros(windows[0].shape, jnp.int32)
    for i, window in enumerate(windows[1:], start=1):
        tap = jnp.where(window > largest, i, tap)
        largest = jnp.maximum(largest, window)
    return tap


def _pool_backward(padded: jax.Array, cotangent: jax.Array) -> tuple[jax.Array]:
    """Gradient as a gather, without scatter.

    Row 2m + p of the input is row p of window m and, if p = 0, also row 2 of window m - 1; the same holds for columns.
    So one loop over [N, m, p, m', p', C] reads four shifted views of the cotangent and of the tap with the maximum.
    """
    n, height, width, c = padded.shape
    _, rows, columns, _ = cotangent.shape
    cotangent, tap = pad(cotangent, (1, 1), (1, 1)), pad(_first_largest(padded), (1, 1), (1, 1), -1)
    row_parity = lax.broadcasted_iota(jnp.int32, (1, 1, 2, 1, 2, 1), 2)
    column_parity = lax.broadcasted_iota(jnp.int32, (1, 1, 2, 1, 2, 1), 4)
    no_tap = 100  # larger than any tap, also in the sum below
    terms = []
    for i in (0, 1):
        for j in (0, 1):
            tap_row = jnp.where(row_parity == 0, 2, no_tap) if i else row_parity
            tap_column = jnp.where(column_parity == 0, 2, no_tap) if j else column_parity
            window = (slice(None), slice(1 - i, rows + 2 - i), None, slice(1 - j, columns + 2 - j), None)
            terms.append(jnp.where(tap[window] == 3 * tap_row + tap_column, cotangent[window], 0.0))
    d_padded = sum(terms[1:], terms[0])
    return (d_padded.reshape(n, 2 * rows + 2, 2 * columns + 2, c)[:, :height, :width],)


_pool_padded.defvjp(_pool_forward, _pool_backward)
