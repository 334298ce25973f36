"""Dense convolutions as XLA's CPU backend runs them fast: the same mathematics as the plain ones, to float32 rounding.

That backend hands a convolution to a fast library only where this seems to pay, and the library needs 16 channels and
more to be fast. So a layer of few channels is written as one of more: columns beside each other count as channels
(which moves nothing in memory), and one output position holds a block of pixels. The kernel then has zeros where a
pixel of the block doesn't see an input, which costs less than it brings.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from dfdetect_jax.models.cpu import winograd
from dfdetect_jax.models.cpu.forms import fence, materialize, pad

_NHWC = ("NHWC", "HWIO", "NHWC")
_Margin = tuple[int, int]


def _conv(x: jax.Array, kernel: jax.Array, strides: tuple[int, int], rows: _Margin, columns: _Margin) -> jax.Array:
    return lax.conv_general_dilated(x, kernel, strides, (rows, columns), dimension_numbers=_NHWC)


def _same_size_conv(x: jax.Array, kernel: jax.Array, rows: _Margin, columns: _Margin) -> jax.Array:
    return _conv(x, kernel, (1, 1), rows, columns)


def _adjoint(kernel: jax.Array) -> jax.Array:
    """The kernel turned by half a turn, with input and output channels exchanged."""
    return kernel[::-1, ::-1].transpose(0, 1, 3, 2)


def _block(height: int, width: int, channels: int, features: int, stride: int) -> tuple[int, int]:
    """Rows and columns of output pixels to compute as one position; (1, 1) where the plain form is as fast.

    Measured on one core, milliseconds for 32 maps of 96x96, plain then blocked: 3 to 8 channels 12.3, 2.0; 8 to 8 11.2,
    4.7; 16 to 8 15.5, 7.2; 8 to 3 11.2, 3.1; 8 to 8 with stride 2 3.2, 2.3; for 48x48, 8 to 16 2.8, 1.3.
    """
    few = channels * features <= 256 and channels < 32
    if not few or width % (2 * stride) or (stride == 2 and channels * features > 64):
        return 1, 1
    rows = 1 if stride == 2 or max(channels, features) > 8 else 2 if features > 4 else 4
    return (rows if height % rows == 0 else 1), 2


def _spread(taps: int, window: int, outputs: int, stride: int) -> np.ndarray:
    """[taps, window, outputs]: one where tap t of output o falls on position o * stride + t of the window."""
    tap, position, output = np.ogrid[:taps, :window, :outputs]
    return (position == output * stride + tap).astype(np.float32)


def _blocked_conv3x3(x: jax.Array, kernel: jax.Array, stride: int, block: tuple[int, int]) -> jax.Array:
    """3x3 convolution with a margin of one, whose output positions are blocks of rows x columns pixels.

    A block sees as many columns as two neighbouring groups of `stride * columns` hold.
    """
    n, h, w, c = x.shape
    d = kernel.shape[-1]
    rows, columns = block
    seen, group = stride * (rows - 1) + 3, stride * columns
    along_rows, along_columns = _spread(3, seen, rows, stride), _spread(3, 2 * group, columns, stride)
    taps = jnp.einsum("ijcd,iyr,jxs->yxcrsd", kernel, along_rows, along_columns)
    taps = taps.reshape(seen, 2, group * c, rows * columns * d)
    groups = fence(jnp.pad(x, ((0, 0), (0, 0), (1, group - 1), (0, 0)))).reshape(n, h, w // group + 1, group * c)
    out = _conv(groups, taps, (stride * rows, 1), (1, 1), (0, 0))
    _, high, wide, _ = out.shape
    if rows > 1:
        out = fence(out).reshape(n, high, wide, rows, columns * d).transpose(0, 1, 3, 2, 4)
    return out.reshape(n, high * rows, wide * columns, d)


def _forward_conv3x3(x: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    if stride == 1 and min(kernel.shape[2:]) >= 32:
        return winograd.conv3x3(x, kernel)
    block = _block(*x.shape[1:3], *kernel.shape[2:], stride)
    if block == (1, 1):
        return _conv(x, kernel, (stride, stride), (1, 1), (1, 1))
    return _blocked_conv3x3(x, kernel, stride, block)


def _kernel_gradient(x: jax.Array, kernel: jax.Array, cotangent: jax.Array, stride: int) -> jax.Array:
    plain = jax.vjp(lambda kernel: _conv(x, kernel, (stride, stride), (1, 1), (1, 1)), kernel)[1]
    return fence(plain(cotangent)[0])


@jax.custom_vjp
def same_conv3x3(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Stride 1, a margin of one; the input's gradient is the same kind of convolution."""
    return _forward_conv3x3(x, kernel, 1)


def _same_forward(x, kernel):
    x = materialize(x)
    return _forward_conv3x3(x, kernel, 1), (x, kernel)


def _same_backward(residuals, cotangent):
    x, kernel = residuals
    cotangent = materialize(cotangent)
    return _forward_conv3x3(cotangent, _adjoint(kernel), 1), _kernel_gradient(x, kernel, cotangent, 1)


same_conv3x3.defvjp(_same_forward, _same_backward)


@jax.custom_vjp
def halving_conv3x3(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Stride 2, a margin of one."""
    return _forward_conv3x3(x, kernel, 2)


def _halving_forward(x, kernel):
    x = materialize(x)
    return _forward_conv3x3(x, kernel, 2), (x, kernel)


def _halving_backward(residuals, cotangent):
    x, kernel = residuals
    cotangent = materialize(cotangent)
    few = kernel.shape[2] * kernel.shape[3] <= 256 and x.shape[1] % 2 == x.shape[2] % 2 == 0
    if few:
        d_x = _doubling_conv(cotangent, kernel)
    else:
        plain = jax.vjp(lambda x: _conv(x, kernel, (2, 2), (1, 1), (1, 1)), x)[1]
        d_x = plain(cotangent)[0]
    return d_x, _kernel_gradient(x, kernel, cotangent, 2)


halving_conv3x3.defvjp(_halving_forward, _halving_backward)


def _doubling_conv(y: jax.Array, kernel: jax.Array) -> jax.Array:
    """The transpose of `halving_conv3x3` for even sides, without a dilated convolution: 2x2, to blocks of 2x2 pixels.

    Milliseconds, plain then this: 8 channels to 96x96 4.0, 1.6; 16 channels to 48x48 1.9, 1.1.
    """
    n, h, w, _ = y.shape
    c = kernel.shape[2]
    # Rows 2m and 2m + 1 see rows m and m + 1 of y: the even one tap 1 of m, the odd one tap 2 of m and tap 0 of m + 1.
    seen = np.zeros((3, 2, 2), np.float32)
    seen[1, 0, 0] = seen[2, 0, 1] = seen[0, 1, 1] = 1
    taps = jnp.einsum("ijcd,iyr,jxs->yxdrsc", kernel, seen, seen).reshape(2, 2, -1, 4 * c)
    out = fence(_same_size_conv(y, taps, (0, 1), (0, 1))).reshape(n, h, w, 2, 2 * c)
    return out.transpose(0, 1, 3, 2, 4).reshape(n, 2 * h, 2 * w, c)


def valid_conv3x3(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Stride 1, no padding: computed with padding and cropped, since only then the fast library takes it."""
    return same_conv3x3(x, kernel)[:, 1:-1, 1:-1]


def transposed_conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """By matrix products where rearranging the kernel would cost more than the map, else by convolutions."""
    n, h, w, c = x.shape
    d = kernel.shape[-1]
    kernel_outweighs_map = n * h * w * (c + d) <= 4 * c * d  # the factor as measured
    return _transposed_by_taps(x, kernel) if kernel_outweighs_map else _transposed_by_rows(x, kernel)


@jax.custom_vjp
def _transposed_by_rows(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Even and odd rows of the output, each as a 2x2 convolution whose channels hold two neighbouring columns.

    Tap k of the kernel takes input row j to output row 2j + 2 - k. So even rows 2j see input rows j - 1 and j, odd
    rows 2j + 1 see j and j + 1.
    """
    n, h, w, c = x.shape
    d = kernel.shape[-1]
    taps = kernel.reshape(2, 2, 2, 2, c, d)[:, ::-1, :, ::-1]  # input row, parity of output row, then columns alike

    def rows(parity: int) -> jax.Array:
        pairs = taps[:, parity].transpose(0, 1, 3, 2, 4).reshape(2, 2, c, 2 * d)
        out = _same_size_conv(x, pairs, (1, 0) if parity else (0, 1), (1, 1))
        return out.reshape(n, h, 2 * w + 2, d)[:, :, 1:-1]

    return jnp.stack([rows(1), rows(0)], axis=2).reshape(n, 2 * h, 2 * w, d)


def _strided_conv(y: jax.Array, kernel: jax.Array) -> jax.Array:
    """What the transposed convolution is the transpose of: 4x4, stride 2."""
    return _conv(y, _adjoint(kernel), (2, 2), (1, 1), (1, 1))


def _by_rows_forward(x, kernel):
    x = materialize(x)
    return _transposed_by_rows(x, kernel), (x, kernel)


def _by_rows_backward(residuals, cotangent):
    x, kernel = residuals
    cotangent = materialize(cotangent)
    d_x, kernel_gradient = jax.vjp(lambda kernel: _strided_conv(cotangent, kernel), kernel)
    return d_x, fence(kernel_gradient(x)[0])


_transposed_by_rows.defvjp(_by_rows_forward, _by_rows_backward)


@jax.custom_vjp
def _transposed_by_taps(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """One matrix product for each of the kernel's 16 taps, which reads the kernel as it lies; then overlap-add."""
    n, h, w, c = x.shape
    d = kernel.shape[-1]
    rows = jnp.broadcast_to(x.reshape(1, -1, c), (16, n * h * w, c))
    products = jnp.einsum("trc,tcd->trd", rows, kernel.reshape(16, c, d)).reshape(4, 4, n, h, w, d)
    wide = [_interleave([products[i, j] for j in range(4)], axis=2) for i in range(4)]
    return _interleave(wide, axis=1)


def _interleave(taps: list[jax.Array], axis: int) -> jax.Array:
    """Overlap-add along one axis: position j of tap k goes to 2j + 2 - k, so even ones see taps 2 and 0."""

    def shifted(x, by):
        margin = [(0, 0)] * x.ndim
        margin[axis] = (1, 0) if by == 1 else (0, 1)
        kept = lax.slice_in_dim(x, 0, -1, axis=axis) if by == 1 else lax.slice_in_dim(x, 1, None, axis=axis)
        return jnp.pad(kept, margin)

    even = taps[2] + shifted(taps[0], 1)
    odd = taps[1] + shifted(taps[3], -1)
    shape = even.shape
    return jnp.stack([even, odd], axis + 1).reshape(*shape[:axis], 2 * shape[axis], *shape[axis + 1 :])


def _by_taps_forward(x, kernel):
    return _transposed_by_taps(x, kernel), (x, kernel)


def _by_taps_backward(residuals, cotangent):
    x, kernel = residuals
    _, h, w, c = x.shape
    d = kernel.shape[-1]
    padded = pad(cotangent, (1, 2), (1, 2))
    seen = [padded[:, 3 - i : 3 - i + 2 * h : 2, 3 - j : 3 - j + 2 * w : 2] for i in range(4) for j in range(4)]
    seen = [fence(tap).reshape(-1, d) for tap in seen]
    # One product after the other: batched, with the sum fused into it, 28 to 7 ms for 8 maps of 8x8, 512 channels.
    taps = kernel.reshape(16, c, d)
    d_x = sum(fence(tap @ taps[i].T) for i, tap in enumerate(seen))
    columns = fence(x.reshape(-1, c).T)
    d_kernel = jnp.stack([columns @ tap for tap in seen])
    # The fence keeps the optimiser's square of it from being computed before the reshape, and stored.
    return d_x.reshape(x.shape), fence(d_kernel.reshape(kernel.shape))


_transposed_by_taps.defvjp(_by_taps_forward, _by_taps_backward)


@jax.custom_vjp
def strided_conv4x4(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Stride 2, a margin of one; the input's gradient is a transposed convolution."""
    return _conv(x, kernel, (2, 2), (1, 1), (1, 1))


def _strided_forward(x, kernel):
    x = materialize(x)
    return strided_conv4x4(x, kernel), (x, kernel)


def _strided_backward(residuals, cotangent):
    x, kernel = residuals
    cotangent = materialize(cotangent)
    d_x, d_kernel = jax.vjp(lambda x, kernel: _conv(x, kernel, (2, 2), (1, 1), (1, 1)), x, kernel)[1](cotangent)
    few_or_odd = kernel.shape[2] < 8 or x.shape[1] % 2 or x.shape[2] % 2  # images: 5 ms plain, 16 ms by rows
    if not few_or_odd:
        d_x = _transposed_by_rows(cotangent, _adjoint(kernel))
    return d_x, fence(d_kernel)


strided_conv4x4.defvjp(_strided_forward, _strided_backward)
