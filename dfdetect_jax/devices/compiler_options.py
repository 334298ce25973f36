"""Options that this package's programs are compiled with, where XLA's own choice is slow."""

import functools

import jax
import jaxlib

_ON_ONE_THREAD = ("0.10.1", "0.10.2")
"""Releases of jaxlib, of them the last for Python 3.11, whose CPU backend gives convolutions of 32 and more output
channels to a library that runs many of them on one thread: `benchmarks/conv3x3.py`. What that is worth to whole
networks is in docs/speed.md."""

_ALL_BUT_CONVOLUTIONS = "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT,LIBRARY_FUSION_TYPE_REDUCE"


@functools.cache
def compiler_options() -> dict[str, str | bool]:
    """What to pass on to `jax.jit` or `compile` as `compiler_options`, for JAX's default backend; often nothing."""
    if jax.default_backend() == "cpu" and jaxlib.__version__ in _ON_ONE_THREAD:
        return {"xla_cpu_experimental_ynn_fusion_type": _ALL_BUT_CONVOLUTIONS}
    return {}
