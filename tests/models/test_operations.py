"""Operations against plain JAX, and which lowering each platform gets."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dfdetect_jax.models import operations

C, D = 8, 5


def random(*shape: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(sum(shape)).normal(size=shape), jnp.float32)


def test_strided_and_transposed_convolution_are_adjoint():
    """<strided(x), y> = <x, transposed(y)> with the kernel rotated and its channels exchanged."""
    x, y, kernel = random(2, 6, 8, C), random(2, 3, 4, D), random(4, 4, C, D)
    rotated = kernel[::-1, ::-1].transpose(0, 1, 3, 2)
    forward = jnp.vdot(operations.strided_conv(x, kernel), y)
    np.testing.assert_allclose(forward, jnp.vdot(x, operations.transposed_conv(y, rotated)), rtol=1e-4)


@jax.jit
def pooled(x: jax.Array) -> list[tuple[jax.Array, jax.Array]]:
    """Values and gradients of our pool and of Flax's along the same cotangent."""
    results = []
    for pool in (operations.max_pool, lambda x: nn.max_pool(x, (3, 3), strides=(2, 2), padding="SAME")):
        y, pullback = jax.vjp(pool, x)
        results.append((y, *pullback(random(*y.shape))))
    return results


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("size", [(2, 7, 6), (3, 8, 9), (1, 2, 3)])
def test_max_pool_is_flaxs_and_the_first_of_equal_maxima_receives_the_gradient(size, ties):
    x = random(*size, C)
    ours, plain = pooled(jnp.round(x) if ties else x)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), ours, plain)


@pytest.mark.parametrize("images", [1, 16, 17, 34])
def test_moments_are_means_for_any_batch(images):
    x = 1.0 + random(images, 3, 2, C)
    exact = np.asarray(x, np.float64)
    expected = [exact.mean((0, 1, 2)), np.square(exact).mean((0, 1, 2))]
    np.testing.assert_allclose(operations.moments(x), expected, rtol=1e-5)


depthwise = jax.jit(operations.depthwise_conv)


def grouped_convolutions(platform: str) -> int:
    traced = depthwise.trace(random(1, 4, 4, C), random(3, 3, 1, C))
    return traced.lower(lowering_platforms=(platform,)).as_text().count(f"feature_group_count = {C}")


@pytest.mark.parametrize(("platform", "grouped"), [("cpu", 0), ("cuda", 1), ("tpu", 1)])
def test_each_platform_gets_its_own_lowering(platform, grouped):
    assert grouped_convolutions(platform) == grouped


def test_the_plain_lowering_can_be_selected_on_cpu_even_for_a_function_traced_before():
    assert grouped_convolutions("cpu") == 0
    with operations.plain_lowering(True):
        assert grouped_convolutions("cpu") == 1
    assert grouped_convolutions("cpu") == 0
