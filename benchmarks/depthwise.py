"""Depthwise convolutions: XLA's own form against a sum of shifted products, which is what the library has on CPUs.

    python benchmarks/depthwise.py [--rounds 5] [--small] [--json FILE]

Forward, and the gradients by input and kernel, at shapes of EfficientNet-Lite0 (128 px) and of Xception (299 px), on
JAX's default device. "GB/s" counts input and output once, of the gradients both twice: what the memory has to carry.
"""

import functools
import math
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import jax
import jax.numpy as jnp
import measure

from dfdetect_jax.models import operations

_CALLS = 10  # in one timed round: a call is short beside the start of a program


class Case(NamedTuple):
    """One convolution: input [N, H, W, C], kernel k x k."""

    shape: tuple[int, int, int, int]
    k: int
    dtype: str


CASES = (
    Case((128, 32, 32, 144), 3, "float32"),
    Case((128, 16, 16, 240), 5, "float32"),
    Case((128, 8, 8, 672), 5, "float32"),
    Case((64, 147, 147, 128), 3, "bfloat16"),
    Case((64, 74, 74, 256), 3, "bfloat16"),
    Case((64, 37, 37, 728), 3, "bfloat16"),
    Case((64, 19, 19, 728), 3, "bfloat16"),
    Case((128, 37, 37, 728), 3, "float32"),
)
SMALL = (Case((2, 8, 8, 16), 3, "float32"),)


def convolution(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """XLA's convolution of as many groups as channels."""
    with operations.plain_lowering(True):
        return operations.depthwise_conv(x, kernel)


def shifted_products(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """The same as one elementwise loop over the taps of the kernel, summed in float32."""
    k, (height, width) = kernel.shape[0], x.shape[1:3]
    padded = jnp.pad(x, ((0, 0), (k // 2, k // 2), (k // 2, k // 2), (0, 0))).astype(jnp.float32)
    taps = [
        padded[:, i : i + height, j : j + width] * kernel[i, j, 0].astype(jnp.float32)
        for i in range(k)
        for j in range(k)
    ]
    return sum(taps[1:], taps[0]).astype(x.dtype)


FORMS = {"convolution": convolution, "shifted products": shifted_products}


def compiled(case: Case, form: str, gradients: bool) -> tuple[Callable[[], object], float]:
    """One call, and the seconds that it took to compile."""
    keys = jax.random.split(jax.random.key(0))
    x = jax.random.normal(keys[0], case.shape, case.dtype)
    kernel = jax.random.normal(keys[1], (case.k, case.k, 1, case.shape[-1]), case.dtype)
    function: Callable[..., object] = FORMS[form]
    if gradients:
        function = functools.partial(lambda f, x, kernel: jax.vjp(f, x, kernel)[1](x), FORMS[form])
    began = time.perf_counter()
    program = jax.jit(function).lower(x, kernel).compile()
    return lambda: program(x, kernel), time.perf_counter() - began


def seconds_per_call(call: Callable[[], object], rounds: int) -> float:
    """Median over rounds of ten calls."""
    jax.block_until_ready(call())
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        results = [call() for _ in range(_CALLS)]
        jax.block_until_ready(results)
        seconds.append((time.perf_counter() - began) / _CALLS)
    return statistics.median(seconds)


def main() -> None:
    parser = measure.command_line(__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="timed rounds of ten calls")
    parser.add_argument("--small", action="store_true", help="one small shape: does it run?")
    args = parser.parse_args()
    work = [(c, form, g) for c in (SMALL if args.small else CASES) for form in FORMS for g in (False, True)]
    with ThreadPoolExecutor() as pool:
        programs = list(pool.map(lambda each: compiled(*each), work))
    rows = []
    for (case, form, gradients), (call, compiling) in zip(work, programs, strict=True):
        seconds = seconds_per_call(call, args.rounds)
        carried = (4 if gradients else 2) * jnp.dtype(case.dtype).itemsize * math.prod(case.shape)
        rows.append(
            {
                "shape": "x".join(map(str, case.shape)),
                "kernel": str(case.k),
                "dtype": case.dtype,
                "form": form,
                "of": "gradients" if gradients else "forward",
                "ms": 1e3 * seconds,
                "GB/s": carried / seconds / 1e9,
                "compile s": compiling,
            }
        )
    where = measure.environment("jax", "jaxlib")
    measure.report(f"Depthwise convolutions, median of {args.rounds}", where, rows, [], args.json)


if __name__ == "__main__":
    main()
