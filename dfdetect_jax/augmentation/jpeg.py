"""JPEG compression and decompression of a batch, as libjpeg does them: ITU-T T.81 (baseline DCT) and JFIF's colours.

Entropy coding is lossless and left out. Sums and roundings are those of libjpeg's default ("islow") transform and of
its default ("fancy") chroma upsampling: the result is what reading a file back gives, to the level but for rare ties.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

CHROMA = ("444", "420")
_BLOCK = 8

# T.81, tables K.1 and K.2: luminance and chrominance, quality 50.
_LUMINANCE = """
16 11 10 16 24 40 51 61      12 12 14 19 26 58 60 55      14 13 16 24 40 57 69 56      14 17 22 29 51 87 80 62
18 22 37 56 68 109 103 77    24 35 55 64 81 104 113 92    49 64 78 87 103 121 120 101  72 92 95 98 112 100 103 99
"""
_CHROMINANCE = """
17 18 24 47 99 99 99 99      18 21 26 66 99 99 99 99      24 26 56 99 99 99 99 99      47 66 99 99 99 99 99 99
99 99 99 99 99 99 99 99      99 99 99 99 99 99 99 99      99 99 99 99 99 99 99 99      99 99 99 99 99 99 99 99
"""
TABLES = np.array([text.split() for text in (_LUMINANCE, _CHROMINANCE)], np.int32).reshape(2, _BLOCK, _BLOCK)

# islow computes cosines with 13 bits of fraction and keeps 2 bits between its two passes.
_CONSTANT_BITS, _PASS_BITS = 13, 2


def jpeg(planes: jax.Array, quality: jax.Array, chroma: str = "420") -> jax.Array:
    """Compresses and decompresses each image.

    Args:
        planes: float32 [N, 3, H, W] RGB in [0, 255], rounded here; H and W need not be multiples of a block.
        quality: int32 [N] from 1 to 100, as libjpeg scales its tables by it.
        chroma: "444" keeps the resolution of colours; "420" halves it in both directions.

    Returns:
        float32 [N, 3, H, W] RGB, whole numbers in [0, 255].
    """
    height, width = planes.shape[2:]
    step = 1 if chroma == "444" else 2
    padding = ((0, 0), (0, 0), (0, -height % step), (0, -width % (step * _BLOCK)))
    luma, *colours = _to_ycbcr(jnp.pad(jnp.round(planes).astype(jnp.int32), padding, mode="edge"))
    tables = quantization_tables(quality)
    luma = _quantized(luma, tables[:, 0])
    if chroma == "444":
        colours = [_quantized(plane, tables[:, 1]) for plane in colours]
    else:
        coarse = [_quantized(_halved(plane), tables[:, 1]) for plane in colours]
        colours = [_doubled(plane[:, :, : (width + 1) // 2]) for plane in coarse]
    return _to_rgb(*(plane[:, :height, :width] for plane in (luma, *colours)))


def quantization_tables(quality: jax.Array) -> jax.Array:
    """The standard tables at a quality: int32 [N] in 1..100 to int32 [N, 2, 8, 8] in 1..255, luminance first."""
    scale = jnp.where(quality < 50, 5000 // jnp.maximum(quality, 1), 200 - 2 * quality)
    return jnp.clip((TABLES * scale[:, None, None, None] + 50) // 100, 1, 255)


def _to_ycbcr(planes: jax.Array) -> list[jax.Array]:
    """int32 [N, 3, H, W] to three int32 [N, H, W] in 0..255, with 16 bits of fraction as libjpeg."""
    red, green, blue = (planes[:, i] for i in range(3))
    half, offset = 1 << 15, (128 << 16) + (1 << 15) - 1
    return [
        (19595 * red + 38470 * green + 7471 * blue + half) >> 16,
        (-11059 * red - 21709 * green + 32768 * blue + offset) >> 16,
        (32768 * red - 27439 * green - 5329 * blue + offset) >> 16,
    ]


def _to_rgb(luma: jax.Array, blueness: jax.Array, redness: jax.Array) -> jax.Array:
    """The inverse of `_to_ycbcr`: int32 [N, H, W] each to float32 [N, 3, H, W]."""
    half, cb, cr = 1 << 15, blueness - 128, redness - 128
    red = luma + ((91881 * cr + half) >> 16)
    green = luma + ((-22554 * cb - 46802 * cr + half) >> 16)
    blue = luma + ((116130 * cb + half) >> 16)
    return jnp.clip(jnp.stack([red, green, blue], axis=1), 0, 255).astype(jnp.float32)


def _quantized(plane: jax.Array, table: jax.Array) -> jax.Array:
    """A plane through the DCT, quantisation and back: int32 [N, H, W] in 0..255, tables int32 [N, 8, 8]."""
    n, height, width = plane.shape
    whole = jnp.pad(plane, ((0, 0), (0, -height % _BLOCK), (0, 0)), mode="edge")
    blocks = whole.reshape(n, -1, _BLOCK, width // _BLOCK, _BLOCK).astype(jnp.float32) - 128.0
    forward = jnp.asarray(_cosines())
    rows = _rounded(_along(blocks, forward, 4), _CONSTANT_BITS - _PASS_BITS)
    coefficients = _rounded(_along(rows, forward, 2), _CONSTANT_BITS + _PASS_BITS)  # 8 times the DCT
    table = table[:, None, :, None, :].astype(jnp.float32)
    # Halves round away from zero. All are whole numbers: the quarter only makes up for a quotient rounded down.
    magnitude = jnp.floor((jnp.abs(coefficients) + 4 * table + 0.25) / (8 * table))
    dequantized = jnp.sign(coefficients) * magnitude * table
    columns = _rounded(_along(dequantized, forward.T, 2), _CONSTANT_BITS - _PASS_BITS)
    pixels = _rounded(_along(columns, forward.T, 4), _CONSTANT_BITS + _PASS_BITS + 3)
    pixels = jnp.clip(pixels + 128.0, 0.0, 255.0).astype(jnp.int32)
    return pixels.reshape(n, -1, width)[:, :height]


@functools.cache
def _cosines() -> np.ndarray:
    """One pass of islow's 8-point DCT, 2^13 sqrt(8) times the orthonormal one: float32 [8, 8] of whole numbers.

    islow adds and multiplies along a graph (Loeffler, Ligtenberg, Moschytz, ICASSP 1989) with rounded constants. Here
    the eight unit vectors go through the graph; the inverse pass is the transpose.
    """
    x = np.eye(_BLOCK, dtype=np.int64)
    s0, s1, s2, s3 = (x[i] + x[7 - i] for i in range(4))
    d0, d1, d2, d3 = (x[i] - x[7 - i] for i in range(4))
    even, odd = s0 - s3, s1 - s2
    y2 = (even + odd) * _fixed(0.541196100) + even * _fixed(0.765366865)
    y6 = (even + odd) * _fixed(0.541196100) - odd * _fixed(1.847759065)
    z1, z2 = (d3 + d0) * _fixed(-0.899976223), (d2 + d1) * _fixed(-2.562915447)
    z5 = (d0 + d1 + d2 + d3) * _fixed(1.175875602)
    z3, z4 = (d3 + d1) * _fixed(-1.961570560) + z5, (d2 + d0) * _fixed(-0.390180644) + z5
    y1, y3 = d0 * _fixed(1.501321110) + z1 + z4, d1 * _fixed(3.072711026) + z2 + z3
    y5, y7 = d2 * _fixed(2.053119869) + z2 + z4, d3 * _fixed(0.298631336) + z1 + z3
    one = _fixed(1.0)
    return np.stack([(s0 + s1 + s2 + s3) * one, y1, y2, y3, (s0 + s3 - s1 - s2) * one, y5, y6, y7]).astype(np.float32)


def _fixed(value: float) -> int:
    """A constant with islow's bits of fraction."""
    return round(value * 2**_CONSTANT_BITS)


def _along(blocks: jax.Array, matrix: jax.Array, axis: int) -> jax.Array:
    """`matrix`, float32 [8, 8], applied to one axis of float32 [N, h, 8, w, 8]: 2 (down a block) or 4 (across)."""
    form = "ki,nhiwj->nhkwj" if axis == 2 else "ki,nhjwi->nhjwk"
    return jnp.einsum(form, matrix, blocks, precision=jax.lax.Precision.HIGHEST)


def _rounded(values: jax.Array, bits: int) -> jax.Array:
    """Divides whole numbers by 2^bits; halves round up."""
    return jnp.floor(values * 2.0**-bits + 0.5)


def _halved(plane: jax.Array) -> jax.Array:
    """Means of 2x2 pixels, int32 [N, H, W] to [N, H/2, W/2]; halves round down and up in turns from left to right."""
    n, height, width = plane.shape
    total = plane.reshape(n, height // 2, 2, width // 2, 2).sum(axis=(2, 4))
    return (total + 1 + jnp.arange(width // 2) % 2) >> 2


def _doubled(plane: jax.Array) -> jax.Array:
    """libjpeg's "fancy" upsampling, int32 [N, h, w] to [N, 2h, 2w]: 3/4 of the nearer, 1/4 of the further, each way."""
    padded = jnp.pad(plane, ((0, 0), (1, 1), (0, 0)), mode="edge")
    rows = jnp.stack([3 * plane + padded[:, :-2], 3 * plane + padded[:, 2:]], axis=2)
    rows = rows.reshape(plane.shape[0], 2 * plane.shape[1], plane.shape[2])
    padded = jnp.pad(rows, ((0, 0), (0, 0), (1, 1)), mode="edge")
    columns = jnp.stack([(3 * rows + padded[..., :-2] + 8) >> 4, (3 * rows + padded[..., 2:] + 7) >> 4], axis=3)
    return columns.reshape(rows.shape[0], rows.shape[1], 2 * rows.shape[2])
