"""Each layer against the plain Flax layer with the same parameters: values and all gradients, on this platform."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dfdetect_jax.models import layers

# Batch, height, width: odd and even sides, maps of few and of many positions, batches that fold evenly and that don't.
SIZES = [(2, 7, 6), (3, 8, 9), (1, 2, 3)]
C, D = 8, 5


def random(*shape):
    return jnp.asarray(np.random.default_rng(sum(shape)).normal(size=shape), jnp.float32)


def parameter_shapes(layer, x):
    """{name: shape}; nothing is computed."""
    variables = jax.eval_shape(layer.init, jax.random.key(0), x)
    return {name: leaf.shape for name, leaf in variables["params"].items()}


def values_and_gradients(layer, params, x):
    """Output, d output / d params and d output / d x along one random cotangent."""
    y, pullback = jax.vjp(lambda params, x: layer.apply({"params": params}, x), params, x)
    return y, *pullback(random(*y.shape))


def assert_same_layer(ours, plain, x):
    """Same parameter names and shapes, and with the same values in them the same output and gradients."""
    shapes = parameter_shapes(plain, x)
    assert parameter_shapes(ours, x) == shapes
    params = {name: random(*shape) / np.sqrt(np.prod(shape[:-1])) for name, shape in shapes.items()}
    program = jax.jit(lambda *given: [values_and_gradients(layer, *given) for layer in (ours, plain)])
    actual, expected = program(params, x)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), actual, expected)


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 1), (5, 2)])
@pytest.mark.parametrize("size", [*SIZES, (2, 33, 40)])  # the last one's gradient has a form of its own
def test_depthwise_is_a_grouped_convolution(size, kernel, stride):
    plain = nn.Conv(C, (kernel, kernel), strides=stride, padding="SAME", feature_group_count=C, use_bias=False)
    assert_same_layer(layers.DepthwiseConv(kernel, stride), plain, random(*size, C))


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", SIZES[:2])
def test_pointwise_is_a_1x1_convolution(size, stride):
    plain = nn.Conv(D, (1, 1), strides=stride, padding="SAME", use_bias=False)
    assert_same_layer(layers.PointwiseConv(D, stride), plain, random(*size, C))


@pytest.mark.parametrize(("stride", "padding", "bias"), [(2, "VALID", False), (1, "VALID", False), (1, "SAME", True)])
@pytest.mark.parametrize("size", SIZES[:2])
def test_conv3x3_is_a_convolution_in_the_three_forms_that_are_used(size, stride, padding, bias):
    plain = nn.Conv(D, (3, 3), strides=stride, padding=padding, use_bias=bias)
    assert_same_layer(layers.Conv3x3(D, stride, padding, bias), plain, random(*size, C))


# Each way that few channels are made many, then a map that can't be cut into blocks, and enough channels as they are.
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(
    ("size", "channels", "features"),
    [
        ((2, 4, 8), 3, 8),
        ((2, 8, 4), 8, 3),
        ((1, 6, 12), 8, 8),
        ((2, 5, 4), 8, 16),
        ((2, 4, 6), 16, 8),
        ((1, 7, 5), 8, 8),
        ((2, 4, 4), 32, 16),
        ((2, 8, 5), 32, 32),
        ((1, 6, 7), 40, 32),
        ((2, 5, 3), 256, 32),
    ],
)
def test_conv3x3_with_a_margin_of_one_for_any_channels(size, channels, features, stride):
    plain = nn.Conv(features, (3, 3), strides=stride, padding=1, use_bias=False)
    assert_same_layer(layers.Conv3x3(features, stride), plain, random(*size, channels))


@pytest.mark.parametrize(("size", "channels"), [((2, 6, 8), 3), ((2, 6, 8), C), ((1, 7, 6), C)])
@pytest.mark.parametrize("bias", [False, True])
def test_strided_conv_is_a_4x4_convolution(size, channels, bias):
    plain = nn.Conv(D, (4, 4), strides=2, padding=1, use_bias=bias)
    assert_same_layer(layers.StridedConv(D, bias), plain, random(*size, channels))


@pytest.mark.parametrize("size", [*SIZES, (2, 9, 10)])
def test_transposed_conv_is_flaxs(size):
    plain = nn.ConvTranspose(D, (4, 4), strides=(2, 2), use_bias=False)
    assert_same_layer(layers.TransposedConv(D), plain, random(*size, C))


@pytest.fixture(scope="module")
def norms():
    """Ours and Flax's, with the same random parameters and running statistics."""
    x = 3.0 + 2.0 * random(4, 5, 6, C)
    ours = layers.BatchNorm()
    variables = ours.init(jax.random.key(0), x, False)
    noise = {"params": {"scale": random(C), "bias": random(C)}}
    variables = {**noise, "batch_stats": {"mean": random(C), "var": 1.0 + random(C) ** 2}}
    return ours, variables, x


@pytest.mark.parametrize("train", [True, False])
def test_batch_norm_is_flaxs(norms, train):
    ours, variables, x = norms
    plain = nn.BatchNorm(use_running_average=not train, momentum=0.99, epsilon=1e-3)
    assert jax.tree.map(jnp.shape, ours.init(jax.random.key(0), x, train)) == jax.tree.map(jnp.shape, variables)

    def measure(apply):
        def run(params, x):
            return apply({**variables, "params": params}, x)

        y, pullback, updated = jax.vjp(run, variables["params"], x, has_aux=True)
        return y, updated, pullback(random(*y.shape))

    actual = jax.jit(lambda: measure(lambda v, x: ours.apply(v, x, train, mutable=["batch_stats"])))()
    expected = jax.jit(lambda: measure(lambda v, x: plain.apply(v, x, mutable=["batch_stats"])))()
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3), actual, expected)


def test_batch_norm_over_a_mapped_axis_sees_the_whole_batch(norms):
    ours, variables, x = norms
    whole, updated = ours.apply(variables, x, True, mutable=["batch_stats"])

    def one_device(x):
        return layers.BatchNorm("data").apply(variables, x, True, mutable=["batch_stats"])

    halves, by_device = jax.vmap(one_device, axis_name="data")(x.reshape(2, 2, *x.shape[1:]))
    np.testing.assert_allclose(halves.reshape(x.shape), whole, rtol=1e-4, atol=1e-4)
    for name, value in updated["batch_stats"].items():
        np.testing.assert_allclose(by_device["batch_stats"][name][1], value, rtol=1e-5)


def test_a_constant_channel_normalises_to_its_bias():
    norm = layers.BatchNorm()
    x = jnp.full((8, 5, 5, 1), 1000.0)
    y, _ = norm.apply(norm.init(jax.random.key(0), x, True), x, True, mutable=["batch_stats"])
    assert np.all(np.isfinite(y))
    np.testing.assert_allclose(y, 0.0, atol=1e-2)


@pytest.mark.parametrize(
    ("channels", "width", "expected"),
    [(728, 1.0, 728), (32, 1.0, 32), (728, 0.25, 184), (2048, 0.5, 1024), (32, 0.01, 8), (64, 2.0, 128)],
)
def test_scaled_channels_are_multiples_of_eight(channels, width, expected):
    assert layers.scale_channels(channels, width) == expected
