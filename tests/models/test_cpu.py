"""What the CPU forms rest on: arrays that are really stored, and Winograd's rounding errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dfdetect_jax.models.cpu import forms, winograd


@pytest.mark.parametrize("first", [1.0, -0.0, np.inf, -np.inf, np.nan, np.finfo(np.float32).max])
def test_materialize_changes_no_value(first):
    x = jnp.array([[first, 2.0], [np.nan, -np.inf]], jnp.float32)
    np.testing.assert_array_equal(jax.jit(forms.materialize)(x), x)


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="the CPU forms are compiled on CPU only")
def test_what_two_loops_read_is_computed_once_if_materialized():
    """A product with a cheap sum in it, padded for one reader and transposed for another."""

    def program(store):
        def run(x, y):
            z = store(x * y + y)
            return jnp.pad(z, 1), 2.0 * z.T

        x = jnp.ones((64, 48))
        return jax.jit(run).lower(x, x).compile().as_text().count("f32[64,48]{1,0} add(")

    assert program(lambda z: z) == 2
    assert program(forms.materialize) == 1


def test_winograd_rounds_to_a_hundred_thousandth_of_the_largest_value():
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, 9, 6, 64)), rng.normal(size=(3, 3, 64, 32))
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    exact = sum(padded[:, i : i + 9, j : j + 6] @ kernel[i, j] for i in range(3) for j in range(3))
    found = jax.jit(winograd.conv3x3)(jnp.float32(x), jnp.float32(kernel))
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-5 * np.abs(exact).max())
