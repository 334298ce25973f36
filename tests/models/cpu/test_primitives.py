"""Storing an array changes none of its values, and keeps XLA from computing it twice."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dfdetect_jax.models.cpu import primitives


@pytest.mark.parametrize("first", [1.0, -0.0, np.inf, -np.inf, np.nan, np.finfo(np.float32).max])
def test_materialize_changes_no_value(first: float) -> None:
    x = jnp.array([[first, 2.0], [np.nan, -np.inf]], jnp.float32)
    np.testing.assert_array_equal(jax.jit(primitives.materialize)(x), x)


def additions_compiled(store: Callable[[jax.Array], jax.Array]) -> int:
    """How often XLA computes a product and sum with two readers, one of which pads it and one transposes it."""

    def run(x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
        z = store(x * y + y)
        return jnp.pad(z, 1), 2.0 * z.T

    x = jnp.ones((64, 48))
    return jax.jit(run).lower(x, x).compile().as_text().count("f32[64,48]{1,0} add(")


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="the CPU forms are compiled on CPU only")
def test_an_array_with_two_readers_is_computed_once_if_materialized() -> None:
    assert additions_compiled(lambda z: z) == 2
    assert additions_compiled(primitives.materialize) == 1
