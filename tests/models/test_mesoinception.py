"""MesoInception-4's network against the same layers in Keras, in which its authors wrote it."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from dfdetect_jax.models.mesoinception import Features, Head
from tests.keras_layers import randomize
from tests.keras_vgg16 import keras

SIZE = 60  # no multiple of the poolings'
IMAGES = np.random.default_rng(0).uniform(-1, 1, (2, SIZE, SIZE, 3)).astype(np.float32)


@functools.cache
def in_keras(size):
    """The network for images of `size` pixels in [0, 1], written from the paper's figures 4 and 5."""
    conv = functools.partial(keras.layers.Conv2D, padding="same", activation="relu", kernel_initializer="zeros")

    def inception(x, *widths):
        branches = [conv(widths[0], 1)(x)]
        branches += [conv(w, 3, dilation_rate=rate)(conv(w, 1)(x)) for rate, w in enumerate(widths[1:], 1)]
        return keras.layers.Concatenate()(branches)

    def norm_and_pool(x, side):
        return keras.layers.MaxPooling2D(side, padding="same")(keras.layers.BatchNormalization()(x))

    image = keras.Input((size, size, 3))
    x = norm_and_pool(inception(image, 1, 4, 4, 2), 2)
    x = norm_and_pool(inception(x, 2, 4, 4, 2), 2)
    x = norm_and_pool(conv(16, 5)(x), 2)
    x = norm_and_pool(conv(16, 5)(x), 4)
    x = keras.layers.Dense(16, kernel_initializer="zeros")(keras.layers.Flatten()(x))
    x = keras.layers.LeakyReLU(negative_slope=0.1)(x)
    return keras.Model(image, keras.layers.Dense(1, kernel_initializer="zeros")(x))


def variables_of(model):
    """Keras' weights in the tree of `Features` and of `Head`, in the order in which the paper has the layers."""
    convs = [layer.get_weights() for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    norms = [layer.get_weights() for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    dense = [layer.get_weights() for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    branches = ["pointwise_0", *(f"{kind}_{i}" for i in (1, 2, 3) for kind in ("pointwise", "dilated"))]
    by_channels = {i: convs[7 * i : 7 * i + 7] for i in (0, 1)}
    params = {f"conv_{i}": named(convs[12 + i]) for i in (2, 3)}
    for i, weights in by_channels.items():
        params[f"inception_{i}"] = dict(zip(branches, map(named, in_order(weights)), strict=True))
    params |= {f"norm_{i}": {"scale": scale, "bias": bias} for i, (scale, bias, _, _) in enumerate(norms)}
    stats = {f"norm_{i}": {"mean": mean, "var": var} for i, (_, _, mean, var) in enumerate(norms)}
    head = dict(zip(("hidden", "logit"), map(named, dense), strict=True))
    return {"params": params, "batch_stats": stats}, {"params": head}


def named(weights):
    return dict(zip(("kernel", "bias"), weights, strict=True))


def in_order(weights):
    """Keras lists layers by depth: the 1x1 convolutions before 3x3 ones, then the 1x1 that stands alone."""
    before, alone_and_dilated = weights[:3], weights[3:]
    (alone,) = [each for each in alone_and_dilated if each[0].shape[0] == 1]
    dilated = [each for each in alone_and_dilated if each[0].shape[0] == 3]
    return [alone, *(each for pair in zip(before, dilated, strict=True) for each in pair)]


@jax.jit
def ours(features, head, images):
    return Head(0.5).apply(head, Features().apply(features, images, False), False)


def test_it_has_the_parameters_that_the_authors_network_has():
    image = jax.ShapeDtypeStruct((1, 256, 256, 3), jnp.float32)
    maps, features = jax.eval_shape(lambda x: Features().init_with_output(jax.random.key(0), x, False), image)
    head = jax.eval_shape(lambda x: Head(0.5).init(jax.random.key(0), x, False), maps)
    assert sum(leaf.size for leaf in jax.tree.leaves((features["params"], head["params"]))) == 28_615  # section II-C
    assert sum(np.prod(weights.shape) for weights in in_keras(256).trainable_weights) == 28_615


def test_with_the_same_weights_its_logits_are_those_of_keras():
    model = randomize(in_keras(SIZE))
    expected = np.asarray(model((IMAGES + 1) / 2))[:, 0]
    assert np.ptp(expected) > 0.05
    np.testing.assert_allclose(ours(*variables_of(model), IMAGES), expected, rtol=1e-4, atol=1e-4)


def test_in_training_units_of_the_dense_layers_are_dropped():
    features, head = jnp.ones((1, 2, 2, 16)), Head(0.5)
    params = head.init(jax.random.key(0), features, False)
    logits = [float(head.apply(params, features, True, rngs={"dropout": jax.random.key(i)})[0]) for i in range(3)]
    assert len(set(logits)) == 3
