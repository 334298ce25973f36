"""VGG16 as Keras has it."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dfdetect_jax.models import layers, vgg
from tests import keras_vgg16


def random(*shape):
    return np.random.default_rng(sum(shape)).uniform(-1, 1, shape).astype(np.float32)


def params_of(names):
    """Parameters as shapes; nothing is computed."""
    images = jax.ShapeDtypeStruct((1, 32, 32, 3), jnp.float32)
    return jax.eval_shape(vgg.VGG16(names).init, jax.random.key(0), images)["params"]


def keras_params(names):
    convolutions = {place: keras_vgg16.convolution(place) for place in vgg.places_up_to(names)}
    return {f"conv{place}": {"kernel": kernel, "bias": bias} for place, (kernel, bias) in convolutions.items()}


def test_it_has_the_parameters_that_keras_counts():
    count = sum(leaf.size for leaf in jax.tree.leaves(params_of(vgg.LAYER_NAMES)))
    assert count == 14_714_688  # keras.applications.VGG16(include_top=False).count_params()


def test_all_features_are_those_of_keras():
    inputs, params = keras_vgg16.preprocess(keras_vgg16.images()), keras_params(vgg.LAYER_NAMES)
    actual = jax.jit(vgg.VGG16(vgg.LAYER_NAMES).apply)({"params": params}, inputs)
    assert list(actual) == [f"relu{place}" for place in keras_vgg16.PLACES]
    for array, (name, features) in zip(keras_vgg16.features().values(), actual.items(), strict=True):
        assert features.shape == array.shape
        assert np.std(array) > 0.1, f"{name}: a test that compares zeros shows nothing"
        np.testing.assert_allclose(features, array, atol=1e-4 * np.max(array), err_msg=name)


def test_nothing_deeper_than_the_layers_asked_for_is_computed():
    assert list(params_of(("relu2_1", "relu1_1"))) == ["conv1_1", "conv1_2", "conv2_1"]
    images = jnp.zeros((1, 8, 8, 3))
    with layers.plain_lowering(True):
        program = jax.make_jaxpr(vgg.VGG16(("relu2_1",)).apply)({"params": keras_params(("relu2_1",))}, images)
    assert str(program).count("conv_general_dilated[") == 3


def test_features_come_in_the_order_asked_for():
    weights = vgg.VGG16Weights(keras_params(("relu2_1",)), jnp.zeros(3), jnp.ones(3))
    shapes = {}  # computed without compiling

    def trace(images):
        shapes.update({name: array.shape for name, array in vgg.features(weights, images, layers).items()})

    layers = ("relu2_1", "relu1_2")
    jax.eval_shape(trace, random(1, 9, 6, 3))
    assert shapes == {"relu2_1": (1, 4, 3, 128), "relu1_2": (1, 9, 6, 64)}
    assert tuple(shapes) == layers


@pytest.mark.parametrize("names", [("relu1_3",), ("conv1_1",), ()])
def test_a_layer_that_vgg16_lacks_is_refused(names):
    with pytest.raises(ValueError, match="must be some of relu1_1, relu1_2, relu2_1"):
        vgg.places_up_to(names)


def test_the_border_is_padded_with_the_mean_colour():
    mean = np.array([0.1, -0.2, 0.3], np.float32)
    weights = vgg.VGG16Weights(keras_params(("relu1_1",)), mean, np.array([0.5, 0.4, 0.3], np.float32))
    (flat,) = vgg.features(weights, np.broadcast_to(mean, (1, 5, 5, 3)), ("relu1_1",)).values()
    inside = np.maximum(weights.params["conv1_1"]["bias"], 0)
    np.testing.assert_allclose(flat, np.broadcast_to(inside, flat.shape), atol=1e-6)


@pytest.mark.parametrize("size", [(4, 6), (5, 7)])
def test_the_pool_and_its_gradient_are_flaxs(size):
    x, y = random(2, *size, 3), random(2, size[0] // 2, size[1] // 2, 3)
    expected, expected_pullback = jax.vjp(lambda x: nn.max_pool(x, (2, 2), (2, 2)), x)
    actual, pullback = jax.vjp(vgg.max_pool_2x2, x)
    np.testing.assert_array_equal(actual, expected)
    np.testing.assert_array_equal(pullback(y)[0], expected_pullback(y)[0])
