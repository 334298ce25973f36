"""Depthwise convolutions written for XLA's CPU backend, equal to the plain ones to float32 rounding.

That backend is slow at grouped convolutions and slower at their gradients. A depthwise convolution is a sum over the
kernel's taps, each a shifted view of the input times a weight per channel: one elementwise loop. Arrays are float32.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax

from dfdetect_jax.models.cpu.primitives import Pair, materialize, pad, same_margins, sum_of_products

_LARGE_MAP = 256  # positions
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
    return _doubling_conv(cotangent, kernel, sides), d_kernel


def _kernel_gradient(padded: jax.Array, cotangent: jax.Array, size: int, stride: int) -> jax.Array:
    """[size^2, C], tap by tap, from padded inputs and the cotangent.

    Measured on one core, milliseconds for all taps at once, for a loop over the taps at run time, and image by image
    (16 maps, 3x3): 64x64x32 4.9, 9.0 and 4.2; to 32x32x96 with stride 2 33, 14 and 9.0. Small maps take the loop, as 25
    taps at once take five times as long to compile.
    """
    large = cotangent.shape[1] * cotangent.shape[2] >= _LARGE_MAP
    if stride == 2 and large:
        return _gradient_by_image(padded, cotangent, size)
    if stride == 1 and (large or size == 3):
        return jnp.stack([sum_of_products(window, cotangent) for _, _, window in _taps(padded, size, 1)])
    n, height, width, channels = padded.shape
    seen = (n, height - size + 1, width - size + 1, channels)

    def tap(place: jax.Array) -> jax.Array:
        window = lax.dynamic_slice(padded, (0, place // size, place % size, 0), seen)
        return sum_of_products(window[:, ::stride, ::stride], cotangent)

    return lax.map(tap, jnp.arange(size * size))


def _gradient_by_image(padded: jax.Array, cotangent: jax.Array, size: int) -> jax.Array:
    """`_kernel_gradient` at stride 2; an image stays in the cache while all taps read it."""
    bands = next(n for n in range(16, 0, -1) if cotangent.shape[1] % n == 0)

    def image(pair: Pair) -> jax.Array:
        inputs, over = pair
        rows = over.reshape(bands, -1, *over.shape[1:])
        windows = [window for _, _, window in _taps(inputs[None], size, 2)]
        return jnp.stack([sum_of_products(window.reshape(rows.shape), rows) for window in windows])

    return jnp.sum(lax.map(image, (padded, cotangent)), axis=0)


_depthwise.defvjp(_forward, _backward)


def _doubling_conv(y: jax.Array, kernel: jax.Array, sides: _Sides) -> jax.Array:
    """The transpose of a depthwise convolution of stride 2: float [N, h, w, C] to [N, H, W, C] for `sides` H, W.

    Row 2m + p of the padded output is a sum over a of row m - a of y times the kernel's row 2a + p. So one loop over
    [N, m, p, m', p', C] reads shifted views of y.
    """
    n, h, w, c = y.shape
    size = kernel.shape[0]
    tops = [same_margins(side, size, 2)[0] for side in sides]
    odd = [top % 2 for top in tops]  # a row of zeros before the kernel makes the first row of the output an even one
    reach = [(size + each + 1) // 2 for each in odd]
    margins = [(each, 2 * steps - size - each) for each, steps in zip(odd, reach, strict=True)]
    taps = jnp.pad(kernel[:, :, 0], (*margins, (0, 0))).reshape(reach[0], 2, reach[1], 2, c)
    first = [(top + each) // 2 for top, each in zip(tops, odd, strict=True)]
    rows, columns = ((steps - 1 - start, start) for steps, start in zip(reach, first, strict=True))
    padded, terms = pad(y, rows, columns), []
    for a in range(reach[0]):
        for b in range(reach[1]):
            top, left = reach[0] - 1 - a, reach[1] - 1 - b
            terms.append(padded[:, top : top + h, None, left : left + w, None] * taps[a, :, b][:, None])
    return sum(terms[1:], terms[0]).reshape(n, 2 * h, 2 * w, c)[:, : sides[0], : sides[1]]
