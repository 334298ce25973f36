"""RECCE's objective against its equations, and what its network adds to Xception."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dfdetect_jax.config import ClassifierModel, RECCELoss, RECCEModel
from dfdetect_jax.methods import classifier, recce
from dfdetect_jax.models.operations import plain_lowering

RNG = np.random.default_rng(0)
LABELS = np.int32([0, 1, 0, 0, 1, 1])


def unit_vectors(count, channels=5):
    vectors = RNG.normal(size=(count, channels)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def metric_by_hand(vectors, labels):
    """Pair by pair; only reals are drawn together."""
    pairs = [(a, b, (1 + vectors[a] @ vectors[b]) / 2) for a, b in itertools.permutations(range(len(labels)), 2)]
    alike = [s for a, b, s in pairs if labels[a] == labels[b] == 0]
    unlike = [s for a, b, s in pairs if labels[a] != labels[b]]
    return max(0.0, 1 - (np.mean(alike) if alike else 0) + (np.mean(unlike) if unlike else 0))


@pytest.mark.parametrize("labels", [LABELS, np.zeros(6, int), np.ones(6, int), np.eye(6, dtype=int)[0]])
def test_the_metric_loss_draws_reals_together_and_away_from_fakes(labels):
    vectors = unit_vectors(6)
    np.testing.assert_allclose(recce.metric_loss(vectors, labels), metric_by_hand(vectors, labels), rtol=1e-5)


def test_the_metric_loss_is_0_where_reals_are_one_point_and_fakes_the_opposite_one():
    vectors = np.where(LABELS[:, None] == 0, 1.0, -1.0) * unit_vectors(1)
    np.testing.assert_allclose(recce.metric_loss(vectors, LABELS), 0.0, atol=1e-5)


def test_over_devices_pairs_are_those_of_the_whole_batch():
    vectors = unit_vectors(6)
    mapped = jax.pmap(functools.partial(recce.metric_loss, axis_name="data"), axis_name="data")
    losses = mapped(vectors.reshape(2, 3, -1), LABELS.reshape(2, 3))
    np.testing.assert_allclose(losses, [metric_by_hand(vectors, LABELS)] * 2, rtol=1e-5)


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_the_objective_reconstructs_reals_alone_and_floods_the_classification(scale):
    logits = (scale * np.where(LABELS == 1, 1.0, -1.0) * RNG.uniform(0.1, 1, 6)).astype(np.float32)
    x, x_hat = RNG.uniform(-1, 1, (2, 6, 3, 3, 3)).astype(np.float32)
    averages = (unit_vectors(6), unit_vectors(6, 3))
    outputs = recce.Outputs(logits, x_hat, averages, None)
    settings = RECCELoss(reconstruction_weight=0.2, metric_weight=0.3, flood=0.04)
    loss, terms = recce.objective(outputs, x, LABELS, settings)
    classification = np.mean(np.log1p(np.exp(np.where(LABELS == 1, -logits, logits).astype(np.float64))))
    reconstruction = np.abs(x_hat - x)[LABELS == 0].mean()
    metric = sum(metric_by_hand(each, LABELS) for each in averages)
    expected = abs(classification - 0.04) + 0.04 + 0.2 * reconstruction + 0.3 * metric
    assert (classification < 0.04) == (scale > 1)
    np.testing.assert_allclose(terms["reconstruction"], reconstruction, rtol=1e-5)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_its_parts_have_the_sizes_of_the_authors_layers():
    network = recce.RECCE(RECCEModel())
    image = jax.ShapeDtypeStruct((1, 299, 299, 3), jnp.float32)
    outputs, variables = jax.eval_shape(lambda x: network.init_with_output(jax.random.key(0), x, train=False), image)
    count = {part: sum(leaf.size for leaf in jax.tree.leaves(tree)) for part, tree in variables["params"].items()}

    def separable(channels, features):
        return 9 * channels + channels * features + 2 * features

    assert count["encoder"] == 20_861_480 - 54_528  # Keras' Xception without its top, without running statistics
    assert count["linear"] == 2048 + 1
    decoder = separable(728, 256) + 3 * separable(256, 256) + separable(256, 128) + 3 * separable(128, 128)
    assert count["decoder"] == decoder + separable(128, 64) + 64 * 3
    embeddings = (728 + 256) * 256 + (256 + 256) * 256 + (128 + 256) * 256
    assert count["reasoning"] == embeddings + 2 * 728 * 256 + 2 * 512 + 3 * 256 * 728 + 728 * 728
    assert count["attention"] == 81 + 3 + 728 * 728 + 2 * 728
    assert [each.shape[1] for each in outputs.averages] == [728, 256, 128]
    assert outputs.reconstruction.shape == (1, 299, 299, 3)


def test_without_what_it_adds_it_is_the_classifier():
    model = RECCEModel(width=0.02, middle_blocks=2)
    network, plain = recce.RECCE(model), classifier.Classifier(ClassifierModel(width=0.02, middle_blocks=2))
    images = RNG.uniform(-1, 1, (2, 40, 40, 3)).astype(np.float32)

    @jax.jit
    def both(variables):
        params = dict(variables["params"])
        for part, layer in (("reasoning", "project_1"), ("attention", "transform")):
            params[part] = {**params[part], layer: jax.tree.map(jnp.zeros_like, params[part][layer])}
        ours = network.apply({**variables, "params": params}, images, train=False)
        return ours.logits, plain.apply(variables, images, train=False).logits

    with plain_lowering(True):  # compiles in a third of the time
        shapes = jax.eval_shape(lambda: network.init(jax.random.key(0), images, train=False))
        drawn = jax.tree.map(lambda leaf: RNG.uniform(0, 1, leaf.shape).astype(np.float32), shapes)
        drawn["params"] = jax.tree.map(lambda leaf: 2 * leaf - 1, drawn["params"])
        logits, expected = both(drawn)
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)
