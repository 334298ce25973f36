"""Winograd's convolution against the sum over the taps in float64."""

import jax
import jax.numpy as jnp
import numpy as np

from dfdetect_jax.models.cpu import winograd


def test_rounding_errors_stay_below_a_hundred_thousandth_of_the_largest_output() -> None:
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, 9, 6, 64)), rng.normal(size=(3, 3, 64, 32))
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    exact = sum(padded[:, i : i + 9, j : j + 6] @ kernel[i, j] for i in range(3) for j in range(3))
    output = jax.jit(winograd.conv3x3)(jnp.float32(x), jnp.float32(kernel))
    np.testing.assert_allclose(output, exact, rtol=0, atol=1e-5 * np.abs(exact).max())
