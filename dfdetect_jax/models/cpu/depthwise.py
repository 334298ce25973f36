"""Depthwise convolutions written for XLA's CPU backend, equal to the plain ones to float32 rounding.

That backend is slow at grouped convolutions and slower at their gradients. A depthwise convolution is a sum over the
kernel's taps, each a shifted view of the input times a weight per channel: one elementwise loop. Arrays are float32.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax

from dfdetect_jax.models.cpu.primitives import Pair, materialize, pad, same_margins, sum_of_products

_Sides = tuple[int, int]
"""Height and width of the input."""


def depthwise_conv(x: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    """As `operations.depthwise_conv`: x is padded once, then one loop adds up the taps.

    Args:
        x: float [N, H, W, C].
        kernel: float [k, k, 1, C].
        stride: 1 or 2.

    Returns:
        float [N, ceil(H / stride), ceil(W / stride), C].
    """
    return _depthwise(x, kernel, stride, x.shape[1:3])


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _depthwise(x: jax.Array, kernel: jax.Array, stride: int, sides: _Sides) -> jax.Array:
    return _forward(x, kernel, stride, sides)[0]


def _forward(x: jax.Array, kernel: jax.Array, stride: int, sides: _Sides) -> tuple[jax.Array, Pair]:
    rows, columns = (same_margins(side, kernel.shape[0], stride) for side in sides)
    padded = pad(x, rows, columns)
    terms = [window * kernel[i, j, 0] for i, j, window in _taps(padded, kernel.shape[0], stride)]
    return sum(terms[1:], terms[0]), (padded, kernel)


def _taps(padded: jax.Array, size: int, stride: int) -> list[tuple[int, int, jax.Array]]:
    """Row and column of each tap of a kernel of `size`, and the inputs that it is multiplied with."""
    height, width = padded.shape[1] - size + 1, padded.shape[2] - size + 1
    places = [(i, j) for i in range(size) for j in range(size)]
    return [(i, j, padded[:, i : i + height : stride, j : j + width : stride]) for i, j in places]


def _backward(stride: int, sides: _Sides, residuals: Pair, cotangent: jax.Array) -> Pair:
    padded, kernel = residuals
    cotangent = materialize(cotangent)
    d_kernel = _kernel_gradient(padded, cotangent, kernel.shape[0], stride).reshape(kernel.shape)
    if stride == 1:
        return depthwise_conv(cotangent, kernel[::-1, ::-1], 1), d_kernel
    (top, _), (left, _) = (same_margins(side, kernel.shape[0], stride) for side in sides)
    return _doubling_conv(cotangent, kernel)[:, top : top + sides[0], left : left + sides[1]], d_kernel


def _kernel_gradient(padded: jax.Array, cotangent: jax.Array, size: int, stride: int) -> jax.Array:
    """[size^2, C], tap by tap: a loop at run time, since one program for each tap takes long to compile."""
    n, height, width, channels = padded.shape
    seen = (n, height - size + 1, width - size + 1, channels)

    def tap(place: jax.Array) -> jax.Array:
        window = lax.dynamic_slice(padded, (0, place // size, place % size, 0), seen)
        return sum_of_products(window[:, ::stride, ::stride], cotangent)

    return lax.map(tap, jnp.arange(size * size))


_depthwise.defvjp(_forward, _backward)


def _doubling_conv(y: jax.Array, kernel: jax.Array) -> jax.Array:
    """The transpose of a depthwise convolution of stride 2, without its padding: float [N, h, w, C] to twice the size.

    Row 2m + p of the output is a sum over a of row m - a of y times the kernel's row 2a + p. So one loop over
    [N, m, p, m', p', C] reads shifted views of y.
    """
    n, h, w, c = y.shape
    reach = (kernel.shape[0] + 1) // 2
    odd = 2 * reach - kernel.shape[0]
    taps = jnp.pad(kernel[:, :, 0], ((0, odd), (0, odd), (0, 0))).reshape(reach, 2, reach, 2, c)
    rows, columns = h + reach - 1, w + reach - 1
    padded = pad(y, (reach - 1, reach - 1), (reach - 1, reach - 1))
    terms = []
    for a in range(reach):
        for b in range(reach):
            top, left = reach - 1 - a, reach - 1 - b
            shifted = padded[:, top : top + rows, None, left : left + columns, None]
            terms.append(shifted * taps[a, :, b][:, None])
    return sum(terms[1:], terms[0]).reshape(n, 2 * rows, 2 * columns, c)
