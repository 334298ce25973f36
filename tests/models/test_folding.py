"""BatchNorm folded into the layer before it: the same prediction, with fewer variables."""

import flax.linen as nn
import jax
import numpy as np
import pytest

from dfdetect_jax import methods
from dfdetect_jax.config import override
from dfdetect_jax.models import layers
from dfdetect_jax.models.folding import Fold, find_folds, fold
from dfdetect_jax.models.operations import plain_lowering
from tests.conftest import TINY_CAE, TINY_LAE

NETWORKS = {
    "cae": TINY_CAE,
    "lae": TINY_LAE,
    "efficientnet": override(TINY_LAE, {"model.encoder": "efficientnet_lite0"}),
}


def random_like(shapes, seed=0):
    """Trained-looking values: kernels keep the size of what goes through them, variances are positive."""
    rng = np.random.default_rng(seed)

    def values(path, leaf):
        drawn = rng.normal(size=leaf.shape) / np.sqrt(np.prod(leaf.shape[:-1]) if leaf.ndim > 1 else 4)
        return np.float32(np.abs(drawn) + 0.1 if path[-1].key in ("var", "scale") else drawn)

    return jax.tree.map_with_path(values, shapes)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_folded_network_predicts_the_same_without_any_statistics(name):
    method, size = methods.build(NETWORKS[name]), NETWORKS[name].data.image_size
    variables = random_like(jax.eval_shape(method.init, jax.random.key(0)).variables)
    images = np.random.default_rng(1).integers(0, 256, (2, size, size, 3)).astype(np.uint8)
    folds = find_folds(method.predict, variables, images)
    folded = fold(variables, folds)
    assert jax.tree.leaves(folded["batch_stats"]) == []
    assert find_folds(method.predict, folded, images) == ()
    predict = jax.jit(lambda *both: [method.predict(variables, images) for variables in both])
    with plain_lowering(True):  # compiles faster
        expected, actual = predict(variables, folded)
    assert np.std(expected.reconstruction) > 0.1
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), actual, expected)


class Network(nn.Module):
    """One normalisation of each kind that folding meets."""

    @nn.compact
    def __call__(self, x):
        x = layers.BatchNorm(name="of_the_input")(x, train=False)
        x = layers.BatchNorm(name="with_bias_norm")(layers.Conv3x3(4, use_bias=True, name="with_bias")(x), train=False)
        x = layers.BatchNorm(name="after_relu")(nn.relu(x), train=False)
        twice = layers.PointwiseConv(4, name="twice")
        x = layers.BatchNorm(name="of_the_second")(twice(twice(x)), train=False)
        read_again = nn.Dense(4, name="read_again")(x)
        normalised = layers.BatchNorm(name="read_again_norm")(read_again, train=False)
        return nn.Dense(4, name="reader")(read_again) + normalised


def test_only_a_layer_whose_output_is_normalised_and_nothing_else_is_scaled():
    x = np.random.default_rng(0).normal(size=(1, 6, 6, 3)).astype(np.float32)
    network = Network()
    variables = random_like(jax.eval_shape(network.init, jax.random.key(0), x))
    folds = find_folds(network.apply, variables, x)
    assert [(each.layer, each.norm) for each in folds] == [(("with_bias",), ("with_bias_norm",))]
    apply = jax.jit(network.apply)
    np.testing.assert_allclose(apply(fold(variables, folds), x), apply(variables, x), rtol=1e-5, atol=1e-5)


def test_the_kernel_takes_the_gain_of_its_channel_and_the_bias_the_shift():
    """gain = [2, 6] / sqrt([4, 9]), shift = 1 - [1, 2] gain."""
    variables = {
        "params": {
            "layer": {"kernel": np.float32([[3, 5]])},
            "norm": {"scale": np.float32([2, 6]), "bias": np.float32([1, 1])},
        },
        "batch_stats": {"norm": {"mean": np.float32([1, 2]), "var": np.float32([4, 9]) - np.float32(1e-3)}},
    }
    params = fold(variables, [Fold(("layer",), ("norm",), 1e-3)])["params"]
    np.testing.assert_allclose(params["layer"]["kernel"], [[3, 10]], rtol=1e-6)
    np.testing.assert_allclose(params["norm"]["bias"], [1 - 1 * 1, 1 - 2 * 2], atol=1e-6)
    assert set(params["norm"]) == {"bias"}
