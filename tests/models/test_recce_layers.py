"""RECCE's parts: the decoder against Keras, the others against their definitions at each position in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dfdetect_jax.models.operations import plain_lowering
from dfdetect_jax.models.recce_layers import Decoder, GraphReasoning, GuidedAttention, patches, resize_corners
from tests.keras_layers import randomize, variables_of
from tests.keras_vgg16 import keras

RNG = np.random.default_rng(0)
layers = keras.layers


def normal(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def relu(x):
    return np.maximum(x, 0)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def randomized(variables):
    return jax.tree.map(lambda leaf: normal(*leaf.shape) / np.sqrt(max(leaf.size / leaf.shape[-1], 1)), variables)


def separable(x, features, name):
    """A separable convolution and its normalisation, under the names of ours."""
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=f"{name}.depthwise")(x)
    x = layers.Conv2D(features, 1, use_bias=False, name=f"{name}.pointwise")(x)
    return layers.BatchNormalization(name=f"{name}.norm")(x)


def decoder_in_keras():
    z = keras.Input((3, 3, 24))
    x, maps = z, []
    for i, features in enumerate((16, 8, 8)):  # a sixteenth of 256, 128 and 64, at least 8
        x = layers.ReLU()(separable(layers.UpSampling2D(interpolation="nearest")(x), features, f"up_{i}"))
        if i < 2:
            y = x
            for j in range(3):
                y = separable(layers.ReLU()(y), features, f"block_{i}.separable_{j}")
            x = layers.Add()([x, y])
            maps.append(x)
    rgb = layers.Conv2D(3, 1, use_bias=False, activation="tanh", name="to_rgb")(x)
    return randomize(keras.Model(z, [rgb, *maps]))


def test_with_the_same_weights_the_decoder_is_that_of_keras():
    model, z = decoder_in_keras(), normal(2, 3, 3, 24)
    variables = variables_of(model)
    for part in jax.tree.leaves(variables["params"], is_leaf=lambda node: "depthwise" in node):
        if "depthwise" in part:
            part["depthwise"]["kernel"] = part["depthwise"]["kernel"].swapaxes(2, 3)
    with plain_lowering(True):
        decoded = jax.jit(lambda v, z: Decoder(1 / 16).apply(v, z, False))(variables, z)
    for actual, expected in zip(decoded, model(z), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-3)
    assert decoded.reconstruction.shape == (2, 24, 24, 3)


def test_graph_reasoning_sums_the_decoders_vertices_at_each_position_with_weights_of_both_ends():
    x, maps = normal(2, 2, 3, 8), (normal(2, 4, 6, 5), normal(2, 8, 12, 4))
    network = GraphReasoning(width=8 / 256)
    params = randomized(jax.eval_shape(lambda: network.init(jax.random.key(0), x, *maps, False)))["params"]
    kernel = {name: tree["kernel"].reshape(tree["kernel"].shape[-2:]) for name, tree in params.items()}

    def embedded(values, name):
        return relu(values @ kernel[f"{name}_0"]) @ kernel[f"{name}_1"]

    expected = np.empty_like(x)
    for n, row, column in np.ndindex(2, 2, 3):
        own = x[n, row, column]
        vertex, parts = embedded(own, "vertex"), []
        for i, side in enumerate((2, 4)):
            window = maps[i][n, side * row : side * (row + 1), side * column : side * (column + 1)]
            ends = embedded(window.reshape(side**2, -1), f"neighbour_{i}")
            edges = [relu(np.concatenate([vertex, end]) @ kernel[f"weight_{i}"])[0] for end in ends]
            weights = np.exp(edges) / np.exp(edges).sum()
            parts.append(weights @ ends * (1 - sigmoid(own @ kernel[f"gate_{i}"])))
        joined = sigmoid(np.concatenate([*parts, vertex]))
        expected[n, row, column] = relu(joined @ kernel["project_0"]) @ kernel["project_1"]
    actual = network.apply({"params": params}, x, *maps, False)
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)


def test_attention_is_a_map_of_the_residual_times_the_transformed_features_beside_the_features():
    features, residual = normal(2, 3, 4, 8), np.abs(normal(2, 9, 9, 3))
    network = GuidedAttention()
    variables = network.init(jax.random.key(0), features, residual, False)
    params = randomized(variables["params"])
    actual = network.apply({**variables, "params": params}, features, residual, False)
    seen = keras.layers.Conv2D(3, 3, padding="same", use_bias=False)
    seen.build((None, None, None, 3))
    seen.set_weights([params["attention_0"]["kernel"]])
    small = np.asarray(resize_corners(residual, 3, 4))
    attention = sigmoid(relu(np.asarray(seen(small))) @ params["attention_1"]["kernel"][0, 0])
    transformed = features @ params["transform"]["kernel"][0, 0] / np.sqrt(1 + 1e-3)
    transformed = relu(transformed * params["norm"]["scale"] + params["norm"]["bias"])
    np.testing.assert_allclose(actual, attention * transformed + features, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [(3, 4), (9, 7), (1, 1)])
def test_resizing_puts_corners_on_corners_and_interpolates_between(size):
    x = normal(2, 5, 6, 3)
    at = [np.linspace(0, side - 1, new) for side, new in zip((5, 6), size, strict=True)]
    expected = np.apply_along_axis(lambda column: np.interp(at[0], range(5), column), 1, x)
    expected = np.apply_along_axis(lambda row: np.interp(at[1], range(6), row), 2, expected)
    np.testing.assert_allclose(resize_corners(x, *size), expected, atol=1e-5)


def test_patches_are_the_positions_at_the_same_place():
    x = np.arange(16).reshape(1, 4, 4, 1)
    np.testing.assert_array_equal(patches(jnp.asarray(x), 2)[0, 1, 0, :, 0], [8, 9, 12, 13])
