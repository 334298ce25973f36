"""Xception as Keras has it, without its top."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dfdetect_jax.models.xception import MiddleBlock, Xception


@functools.cache
def shapes_of(size=299, **settings):
    """Variables and output of the network as shapes; nothing is computed."""
    network = Xception(**settings)
    images = jax.ShapeDtypeStruct((2, size, size, 3), jnp.float32)
    variables = jax.eval_shape(lambda x: network.init(jax.random.key(0), x, False), images)
    return variables, jax.eval_shape(lambda v, x: network.apply(v, x, False), variables, images)


def count(tree):
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def test_it_has_the_parameters_that_keras_counts():
    variables, _ = shapes_of()
    assert count(variables) == 20_861_480  # keras.applications.Xception(include_top=False).count_params()
    assert count(variables["batch_stats"]) == 54_528  # the non-trainable ones


@pytest.mark.parametrize(("size", "side"), [(299, 10), (256, 8), (128, 4), (71, 3)])
def test_the_last_map_is_a_thirty_second_of_the_input(size, side):
    assert shapes_of(size)[1].shape == (2, side, side, 2048)


def test_width_and_depth_scale_it():
    full, _ = shapes_of()
    narrow, features = shapes_of(width=0.25)
    assert features.shape == (2, 10, 10, 512)
    assert 1 / 17 < count(narrow["params"]) / count(full["params"]) < 1 / 14
    one_block = count(full) - count(shapes_of(middle_blocks=7)[0])
    separable = 9 * 728 + 728 * 728 + 4 * 728
    assert one_block == 3 * separable


def test_a_middle_block_adds_to_its_input():
    block = MiddleBlock()
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 4, 4, 8)), jnp.float32)
    variables = block.init(jax.random.key(0), x, False)
    silent = jax.tree.map(jnp.zeros_like, variables["params"])
    np.testing.assert_array_equal(block.apply({**variables, "params": silent}, x, False), x)


def test_training_updates_the_running_statistics_and_inference_does_not():
    network = Xception(width=0.01, middle_blocks=0)
    x = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (2, 40, 40, 3)), jnp.float32)

    @jax.jit
    def statistics():
        variables = network.init(jax.random.key(0), x, False)
        after = [network.apply(variables, x, train, mutable=["batch_stats"])[1] for train in (True, False)]
        return [jax.tree.leaves(v["batch_stats"]) for v in (variables, *after)]

    before, trained, inferred = statistics()
    assert not any(np.array_equal(a, b) for a, b in zip(before, trained, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(before, inferred, strict=True))
