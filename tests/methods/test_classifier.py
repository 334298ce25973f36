"""The plain classifier: its objective, its map, and its place beside the CAE."""

import jax
import jax.numpy as jnp
import numpy as np

from dfdetect_jax.methods import cae, classifier
from tests.conftest import TINY_CAE
from tests.tiny_methods import TINY

SETTINGS = TINY["classifier"]


def test_it_is_xception_and_one_linear_layer():
    network = classifier.Classifier(classifier.ClassifierModel())
    image = jax.ShapeDtypeStruct((1, 96, 96, 3), jnp.float32)
    variables = jax.eval_shape(lambda x: network.init(jax.random.key(0), x, train=False), image)
    linear = variables["params"].pop("linear")
    assert sum(leaf.size for leaf in jax.tree.leaves(variables)) == 20_861_480  # Keras' Xception without its top
    assert {name: leaf.shape for name, leaf in linear.items()} == {"kernel": (2048, 1), "bias": (1,)}


def test_the_objective_is_that_of_a_cae_without_lambda():
    rng = np.random.default_rng(0)
    logits, x = rng.normal(size=6).astype(np.float32), rng.uniform(-1, 1, (2, 6, 2, 2, 3)).astype(np.float32)
    labels = np.int32([0, 1, 1, 0, 1, 0])
    without = cae.CAELoss(reconstruction_weight=0.0)
    expected, _ = cae.objective(cae.Outputs(logits, x[0], None), x[1], labels, without)
    loss, metrics = classifier.objective(classifier.Outputs(logits, None), labels)
    np.testing.assert_allclose([loss, metrics["loss"]], expected, rtol=1e-6)


def test_its_encoder_has_the_names_of_the_caes_so_that_runs_and_weights_fit_both():
    image = jax.ShapeDtypeStruct((1, 40, 40, 3), jnp.float32)
    trees = [
        jax.eval_shape(lambda x, n=network: n.init(jax.random.key(0), x, train=False), image)["params"]["encoder"]
        for network in (classifier.Classifier(SETTINGS.model), cae.CAE(TINY_CAE.model))
    ]
    assert jax.tree.map(lambda leaf: leaf.shape, trees[0]) == jax.tree.map(lambda leaf: leaf.shape, trees[1])


def test_its_class_activation_is_the_linear_layers_sum_of_the_features():
    network = classifier.Classifier(SETTINGS.model)
    features = np.random.default_rng(0).uniform(0, 1, (2, 3, 3, 40)).astype(np.float32)
    params = {"linear": {"kernel": np.linspace(-1, 1, 40, dtype=np.float32)[:, None], "bias": np.ones(1, np.float32)}}
    logits = network.apply({"params": params}, features, method="classify")
    weights = params["linear"]["kernel"][:, 0]
    np.testing.assert_allclose(logits, features.mean(axis=(1, 2)) @ weights + 1, rtol=1e-5)
    activation = classifier.class_activation(
        lambda maps: network.apply({"params": params}, maps, method="classify"), features, (3, 3)
    )
    np.testing.assert_allclose(activation, np.maximum(features @ weights / 9, 0), rtol=1e-4, atol=1e-6)
