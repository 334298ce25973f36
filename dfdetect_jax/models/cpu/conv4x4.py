"""4x4 convolutions of stride 2 and their adjoints, written for XLA's CPU backend.

They equal the plain ones to float32 rounding. Arrays are float32.
"""

import jax
import jax.numpy as jnp
from jax import lax

from dfdetect_jax.models.cpu.primitives import Pair, adjoint, conv, fence, materialize, pad, same_size_conv


def transposed_conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """As `operations.transposed_conv`: by matrix products if the kernel is large beside the map, else by convolutions.

    Convolutions rearrange the kernel first, which costs more than it saves on a small map.
    """
    n, h, w, c = x.shape
    d = kernel.shape[-1]
    kernel_outweighs_map = n * h * w * (c + d) <= 4 * c * d  # the factor as measured
    return _transposed_by_taps(x, kernel) if kernel_outweighs_map else _transposed_by_rows(x, kernel)


@jax.custom_vjp
def _transposed_by_rows(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Even and odd rows of the output, each as a 2x2 convolution whose channels hold two adjacent columns.

    Tap k of the kernel maps input row j to output row 2j + 2 - k. So output row 2j depends on input rows j - 1 and j,
    output row 2j + 1 on j and j + 1.
    """
    n, h, w, c = x.shape
    d = kernel.shape[-1]
    taps = kernel.reshape(2, 2, 2, 2, c, d)[:, ::-1, :, ::-1]  # input row, parity of output row, then columns alike

    def rows(parity: int) -> jax.Array:
        pairs = taps[:, parity].transpose(0, 1, 3, 2, 4).reshape(2, 2, c, 2 * d)
        out = same_size_conv(x, pairs, (1, 0) if parity else (0, 1), (1, 1))
        return out.reshape(n, h, 2 * w + 2, d)[:, :, 1:-1]

    return jnp.stack([rows(1), rows(0)], axis=2).reshape(n, 2 * h, 2 * w, d)


def _strided_conv(y: jax.Array, kernel: jax.Array) -> jax.Array:
    """The adjoint of the transposed convolution: 4x4, stride 2."""
    return conv(y, adjoint(kernel), (2, 2), (1, 1), (1, 1))


def _by_rows_forward(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, Pair]:
    x = materialize(x)
    return _transposed_by_rows(x, kernel), (x, kernel)


def _by_rows_backward(residuals: Pair, cotangent: jax.Array) -> Pair:
    x, kernel = residuals
    cotangent = materialize(cotangent)
    d_x, kernel_gradient = jax.vjp(lambda kernel: _strided_conv(cotangent, kernel), kernel)
    return d_x, fence(kernel_gradient(x)[0])


_transposed_by_rows.defvjp(_by_rows_forward, _by_rows_backward)


@jax.custom_vjp
def _transposed_by_taps(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """One matrix product for each of the kernel's 16 taps, without rearranging the kernel; then overlap-add."""
    n, h, w, c = x.shape
    d = kernel.shape[-1]
    rows = jnp.broadcast_to(x.reshape(1, -1, c), (16, n * h * w, c))
    products = jnp.einsum("trc,tcd->trd", rows, kernel.reshape(16, c, d)).reshape(4, 4, n, h, w, d)
    wide = [_interleave([products[i, j] for j in range(4)], axis=2) for i in range(4)]
    return _interleave(wide, axis=1)


def _interleave(taps: list[jax.Array], axis: int) -> jax.Array:
    """Overlap-add along one axis: position j of tap k maps to 2j + 2 - k, so even positions sum taps 2 and 0."""

    def shifted(x: jax.Array, by: int) -> jax.Array:
        margin = [(0, 0)] * x.ndim
        margin[axis] = (1, 0) if by == 1 else (0, 1)
        kept = lax.slice_in_dim(x, 0, -1, axis=axis) if by == 1 else lax.slice_in_dim(x, 1, None, axis=axis)
        return jnp.pad(kept, margin)

    even = taps[2] + shifted(taps[0], 1)
    odd = taps[1] + shifted(taps[3], -1)
    shape = even.shape
    return jnp.stack([even, odd], axis + 1).reshape(*shape[:axis], 2 * shape[axis], *shape[axis + 1 :])


def _by_taps_forward(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, Pair]:
    return _transposed_by_taps(x, kernel), (x, kernel)


def _by_taps_backward(residuals: Pair, cotangent: jax.Array) -> Pair:
    x, kernel = residuals
    _, h, w, c = x.shape
    d = kernel.shape[-1]
    padded = pad(cotangent, (1, 2), (1, 2))
    views = [padded[:, 3 - i : 3 - i + 2 * h : 2, 3 - j : 3 - j + 2 * w : 2] for i in range(4) for j in range(4)]
    views = [fence(view).reshape(-1, d) for view in views]
    # Separate products, not one batched product with the sum fused: 28 to 7 ms for 8 maps of 8x8, 512 channels.
    taps = kernel.reshape(16, c, d)
    terms = [fence(view @ taps[i].T) for i, view in enumerate(views)]
    d_x = sum(terms[1:], terms[0])
    columns = fence(x.reshape(-1, c).T)
    d_kernel = jnp.stack([columns @ view for view in views])
    # Without the fence XLA computes the optimiser's square of the gradient before the reshape, and stores it.
    return d_x.reshape(x.shape), fence(d_kernel.reshape(kernel.shape))


_transposed_by_taps.defvjp(_by_taps_forward, _by_taps_backward)


@jax.custom_vjp
def strided_conv4x4(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """4x4 convolution, stride 2, zero padding of one; its gradient by the input is a transposed convolution.

    Args:
        x: float [N, H, W, C].
        kernel: float [4, 4, C, D].

    Returns:
        float [N, floor(H / 2), floor(W / 2), D].
    """
    return conv(x, kernel, (2, 2), (1, 1), (1, 1))


def _strided_forward(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, Pair]:
    x = materialize(x)
    return strided_conv4x4(x, kernel), (x, kernel)


def _strided_backward(residuals: Pair, cotangent: jax.Array) -> Pair:
    x, kernel = residuals
    cotangent = materialize(cotangent)
    d_x, d_kernel = jax.vjp(lambda x, kernel: conv(x, kernel, (2, 2), (1, 1), (1, 1)), x, kernel)[1](cotangent)
    few_or_odd = kernel.shape[2] < 8 or x.shape[1] % 2 or x.shape[2] % 2  # 3 channels: 5 ms plain, 16 ms by rows
    if not few_or_odd:
        d_x = _transposed_by_rows(cotangent, adjoint(kernel))
    return d_x, fence(d_kernel)


strided_conv4x4.defvjp(_strided_forward, _strided_backward)
