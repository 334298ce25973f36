"""3x3 convolutions written for XLA's CPU backend, equal to the plain ones to float32 rounding.

That backend calls a fast library for convolutions, and the library is fast from 16 channels on. A layer of fewer is
written in one of two ways: as a sum of shifted products, one loop over the output, where both input and output have
few channels; or as a layer of more channels, where adjacent columns count as channels (which moves nothing in memory),
and one output position holds a block of pixels. There the kernel has zeros where a pixel of the block doesn't depend
on an input; the extra products cost less than the library saves. Arrays are float32.
"""

import functools
import operator

import jax
import jax.numpy as jnp
import numpy as np

from dfdetect_jax.models.cpu import winograd
from dfdetect_jax.models.cpu.primitives import Pair, adjoint, conv, fence, materialize, same_size_conv

_REGISTER = 8
"""Output channels that one vector register holds, so that a pixel's products are added up in it."""


def _block(height: int, width: int, channels: int, features: int) -> tuple[int, int]:
    """Rows and columns of output pixels to compute as one position; (1, 1) where the plain form is as fast.

    Measured on two cores, milliseconds for 32 maps of 96x96, plain and blocked: 16 to 8 channels 13.3 and 9.6; 8 to 3
    17.2 and 4.0; for 8 such maps, 8 to 8 2.2 and 1.3. For 32 maps of 48x48 and 8 to 16 channels 2.4 and 2.3.
    """
    if channels > 16 or features > 8 or width % 2:
        return 1, 1
    rows = 1 if channels > 8 else 2 if features > 4 else 4
    return (rows if height % rows == 0 else 1), 2


def _is_shifted(channels: int, features: int, stride: int) -> bool:
    """Whether a sum of shifted products is the fastest form.

    Measured on two cores, milliseconds for 32 maps of 96x96, plain, blocked and shifted: 3 to 8 channels 9.5, 4.0 and
    1.6; 8 to 8 with stride 2 2.5, 3.6 and 2.0. For maps of 48x48 and 8 to 16 channels 2.4, 2.3 and 3.8.
    """
    return features == _REGISTER and channels <= (8 if stride == 2 else 3)


def _shifted_conv3x3(x: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    """3x3 convolution with zero padding of one: each input value times its row of the kernel, summed in one loop."""
    height, width, channels = x.shape[1:]
    padded = fence(jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))))
    products = (
        padded[:, i : i + height : stride, j : j + width : stride, c : c + 1] * kernel[i, j, c]
        for i in range(3)
        for j in range(3)
        for c in range(channels)
    )
    return functools.reduce(operator.add, products)


def _spread(taps: int, window: int, outputs: int) -> np.ndarray:
    """Float32 [taps, window, outputs]: 1 where tap t of output o reads position o + t of the window."""
    tap, position, output = np.ogrid[:taps, :window, :outputs]
    return (position == output + tap).astype(np.float32)


def _blocked_conv3x3(x: jax.Array, kernel: jax.Array, block: tuple[int, int]) -> jax.Array:
    """3x3 convolution with zero padding of one, whose output positions are blocks of rows x columns pixels.

    The columns that a block depends on lie in two adjacent groups of `columns`.
    """
    n, h, w, c = x.shape
    d = kernel.shape[-1]
    rows, columns = block
    along_rows, along_columns = _spread(3, rows + 2, rows), _spread(3, 2 * columns, columns)
    taps = jnp.einsum("ijcd,iyr,jxs->yxcrsd", kernel, along_rows, along_columns)
    taps = taps.reshape(rows + 2, 2, columns * c, rows * columns * d)
    groups = fence(jnp.pad(x, ((0, 0), (0, 0), (1, columns - 1), (0, 0)))).reshape(n, h, w // columns + 1, columns * c)
    out = conv(groups, taps, (rows, 1), (1, 1), (0, 0))
    _, high, wide, _ = out.shape
    if rows > 1:
        out = fence(out).reshape(n, high, wide, rows, columns * d).transpose(0, 1, 3, 2, 4)
    return out.reshape(n, high * rows, wide * columns, d)


def _forward_conv3x3(x: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    height, width, channels = x.shape[1:]
    features = kernel.shape[3]
    if _is_shifted(channels, features, stride):
        return _shifted_conv3x3(x, kernel, stride)
    if stride == 1 and min(channels, features) >= 32:
        return winograd.conv3x3(x, kernel)
    block = _block(height, width, channels, features) if stride == 1 else (1, 1)
    if block == (1, 1):
        return conv(x, kernel, (stride, stride), (1, 1), (1, 1))
    return _blocked_conv3x3(x, kernel, block)


def _kernel_gradient(x: jax.Array, kernel: jax.Array, cotangent: jax.Array, stride: int) -> jax.Array:
    plain = jax.vjp(lambda kernel: conv(x, kernel, (stride, stride), (1, 1), (1, 1)), kernel)[1]
    return fence(plain(cotangent)[0])


@jax.custom_vjp
def same_conv3x3(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """3x3 convolution, stride 1, zero padding of one; its gradient by the input is the same kind of convolution.

    Args:
        x: float [N, H, W, C].
        kernel: float [3, 3, C, D].

    Returns:
        float [N, H, W, D].
    """
    return _forward_conv3x3(x, kernel, 1)


def _same_forward(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, Pair]:
    x = materialize(x)
    return _forward_conv3x3(x, kernel, 1), (x, kernel)


def _same_backward(residuals: Pair, cotangent: jax.Array) -> Pair:
    x, kernel = residuals
    cotangent = materialize(cotangent)
    return _forward_conv3x3(cotangent, adjoint(kernel), 1), _kernel_gradient(x, kernel, cotangent, 1)


same_conv3x3.defvjp(_same_forward, _same_backward)


@jax.custom_vjp
def halving_conv3x3(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """3x3 convolution, stride 2, zero padding of one.

    Args:
        x: float [N, H, W, C].
        kernel: float [3, 3, C, D].

    Returns:
        float [N, ceil(H / 2), ceil(W / 2), D].
    """
    return _forward_conv3x3(x, kernel, 2)


def _halving_forward(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, Pair]:
    x = materialize(x)
    return _forward_conv3x3(x, kernel, 2), (x, kernel)


def _halving_backward(residuals: Pair, cotangent: jax.Array) -> Pair:
    x, kernel = residuals
    cotangent = materialize(cotangent)
    few = kernel.shape[2] * kernel.shape[3] <= 256 and x.shape[1] % 2 == x.shape[2] % 2 == 0
    if few:
        d_x = _doubling_conv(cotangent, kernel)
    else:
        plain = jax.vjp(lambda x: conv(x, kernel, (2, 2), (1, 1), (1, 1)), x)[1]
        d_x = plain(cotangent)[0]
    return d_x, _kernel_gradient(x, kernel, cotangent, 2)


halving_conv3x3.defvjp(_halving_forward, _halving_backward)


def _doubling_conv(y: jax.Array, kernel: jax.Array) -> jax.Array:
    """The transpose of `halving_conv3x3` for even sides: a 2x2 convolution whose outputs are blocks of 2x2 pixels.

    Avoids a dilated convolution. Milliseconds, plain and this: 8 channels to 96x96 4.0 and 1.6; 16 channels to 48x48
    1.9 and 1.1.
    """
    n, h, w, _ = y.shape
    c = kernel.shape[2]
    # Row 2m depends on row m of y by tap 1; row 2m + 1 on row m by tap 2 and on row m + 1 by tap 0.
    seen = np.zeros((3, 2, 2), np.float32)
    seen[1, 0, 0] = seen[2, 0, 1] = seen[0, 1, 1] = 1
    taps = jnp.einsum("ijcd,iyr,jxs->yxdrsc", kernel, seen, seen).reshape(2, 2, -1, 4 * c)
    out = fence(same_size_conv(y, taps, (0, 1), (0, 1))).reshape(n, h, w, 2, 2 * c)
    return out.transpose(0, 1, 3, 2, 4).reshape(n, 2 * h, 2 * w, c)


def valid_conv3x3(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """3x3 convolution, stride 1, no padding.

    Computed with padding and cropped, because XLA calls the fast library only if input and output sizes are equal.

    Args:
        x: float [N, H, W, C].
        kernel: float [3, 3, C, D].

    Returns:
        float [N, H - 2, W - 2, D].
    """
    return same_conv3x3(x, kernel)[:, 1:-1, 1:-1]
