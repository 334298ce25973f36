import jax
import jaxlib
import numpy as np
import pytest
from jax import lax

from dfdetect_jax.devices import compiler_options as module

X, KERNEL = np.ones((1, 8, 8, 32), np.float32), np.ones((3, 3, 32, 32), np.float32)


def convolve(x, kernel):
    return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


@pytest.mark.parametrize(
    ("backend", "version", "some"),
    [("cpu", "0.10.2", True), ("cpu", "0.12.0", False), ("gpu", "0.10.2", False)],
)
def test_only_a_cpu_with_a_slow_release_is_given_options(monkeypatch, backend, version, some):
    monkeypatch.setattr(jax, "default_backend", lambda: backend)
    monkeypatch.setattr(jaxlib, "__version__", version)
    assert bool(module.compiler_options.__wrapped__()) == some


def test_this_release_knows_the_options_and_convolves_as_before():
    compiled = jax.jit(convolve, compiler_options=module.compiler_options()).lower(X, KERNEL).compile()
    np.testing.assert_allclose(compiled(X, KERNEL), jax.jit(convolve)(X, KERNEL), rtol=1e-6)
    if module.compiler_options():
        assert " convolution(" in compiled.as_text()  # not handed to the library that runs on one thread
