"""Losses against their formulas in NumPy, and their gradients against finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from dfdetect_jax import losses

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(scale=2.0, size=6).astype(np.float32)
LABELS = np.array([0, 1, 1, 0, 1, 0], np.int32)
X_HAT, X = RNG.uniform(-1, 1, (2, 6, 4, 5, 3)).astype(np.float32)
ACTIVATIONS = RNG.uniform(0.1, 2, (2, 6)).astype(np.float32)
MAP = RNG.normal(scale=2.0, size=(6, 3, 4)).astype(np.float32)
MASK = RNG.uniform(0.1, 0.4, (6, 3, 4)).astype(np.float32)
MASK[0], MASK[3], MASK[5] = 0, 1, 0  # untouched, wholly forged, untouched
EVERY = np.ones(6, np.float32)
SOME = np.array([1, 0, 0.5, 1, 0, 2], np.float32)


def test_a_weighted_mean_by_hand():
    values = np.array([3.0, 1.0, 5.0], np.float32)
    assert losses.weighted_mean(values, np.array([1.0, 2.0, 1.0], np.float32)) == 2.5


@pytest.mark.parametrize("weights", [EVERY, SOME])
def test_binary_cross_entropy_is_the_mean_negative_log_likelihood(weights):
    p = 1 / (1 + np.exp(-LOGITS.astype(np.float64)))
    negative_log_likelihood = -np.where(LABELS == 1, np.log(p), np.log(1 - p))
    expected = np.average(negative_log_likelihood, weights=weights)
    np.testing.assert_allclose(losses.binary_cross_entropy(LOGITS, LABELS, weights), expected, rtol=1e-6)


def test_binary_cross_entropy_does_not_overflow():
    logits = jnp.array([1e4, -1e4, 1e4])
    labels = jnp.array([1, 0, 0])
    loss, gradient = jax.value_and_grad(losses.binary_cross_entropy)(logits, labels, jnp.ones(3))
    np.testing.assert_allclose(loss, 1e4 / 3, rtol=1e-6)
    np.testing.assert_allclose(gradient, [0, 0, 1 / 3], atol=1e-7)


@pytest.mark.parametrize("weights", [EVERY, SOME])
def test_reconstruction_error_is_the_mean_square_over_the_images_selected(weights):
    expected = np.average(np.mean((X_HAT - X).astype(np.float64) ** 2, axis=(1, 2, 3)), weights=weights)
    np.testing.assert_allclose(losses.reconstruction_mse(X_HAT, X, weights), expected, rtol=1e-6)


def softplus(x):
    return np.log1p(np.exp(np.asarray(x, np.float64)))


@pytest.mark.parametrize("weights", [EVERY, SOME])
def test_latent_activation_asks_each_half_to_be_active_for_its_class_only(weights):
    a_real, a_fake = ACTIVATIONS
    expected = np.average(np.abs(a_fake - LABELS) + np.abs(a_real - (1 - LABELS)), weights=weights)
    np.testing.assert_allclose(losses.latent_activation(a_real, a_fake, LABELS, weights), expected, rtol=1e-6)


@pytest.mark.parametrize("weights", [EVERY, SOME])
def test_perceptual_error_is_summed_over_layers(weights):
    deep, deep_hat = X[:, :2, :2], X_HAT[:, :2, :2]
    expected = sum(
        np.average(np.mean((a - b).astype(np.float64) ** 2, axis=(1, 2, 3)), weights=weights)
        for a, b in ((X_HAT, X), (deep_hat, deep))
    )
    found = losses.perceptual({"a": X_HAT, "b": deep_hat}, {"a": X, "b": deep}, weights)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("weights", [EVERY, SOME])
def test_generator_and_discriminator_want_opposite_judgements(weights):
    d, d_hat = 1 / (1 + np.exp(-LOGITS.astype(np.float64))), 1 / (1 + np.exp(-LOGITS[::-1].astype(np.float64)))
    found = losses.adversarial(LOGITS[::-1], weights)
    np.testing.assert_allclose(found, np.average(-np.log(d_hat), weights=weights), rtol=1e-6)
    found = losses.discrimination(LOGITS, LOGITS[::-1], weights)
    np.testing.assert_allclose(found, np.average(-np.log(d) - np.log(1 - d_hat), weights=weights), rtol=1e-6)


@pytest.mark.parametrize("weights", [EVERY, SOME])
def test_balanced_attention_weighs_forged_and_untouched_pixels_half_and_half(weights):
    per_image = []
    for logits, mask in zip(MAP, MASK, strict=True):
        parts = []
        if mask.sum():
            parts.append(np.average(softplus(-logits), weights=mask))
        if (1 - mask).sum():
            parts.append(np.average(softplus(logits), weights=1 - mask))
        per_image.append(np.mean(parts))
    expected = np.average(per_image, weights=weights)
    np.testing.assert_allclose(losses.attention_balanced(MAP, MASK, weights), expected, rtol=1e-5)


@pytest.mark.parametrize("weights", [EVERY, SOME])
def test_l1_attention_is_the_mean_distance_to_the_mask(weights):
    expected = np.average(np.abs(np.abs(MAP) - MASK).mean((1, 2)), weights=weights)
    np.testing.assert_allclose(losses.attention_l1(np.abs(MAP), MASK, weights), expected, rtol=1e-6)


LOSSES = {
    "binary_cross_entropy": (lambda logits, weights: losses.binary_cross_entropy(logits, LABELS, weights), LOGITS),
    "reconstruction_mse": (lambda x_hat, weights: losses.reconstruction_mse(x_hat, X, weights), X_HAT),
    "latent_activation": (lambda a, weights: losses.latent_activation(a, 2 * a, LABELS, weights), ACTIVATIONS[0]),
    "perceptual": (lambda x_hat, weights: losses.perceptual({"a": x_hat}, {"a": X}, weights), X_HAT),
    "adversarial": (losses.adversarial, LOGITS),
    "discrimination": (lambda logits, weights: losses.discrimination(logits, -2 * logits, weights), LOGITS),
    "attention_balanced": (lambda logits, weights: losses.attention_balanced(logits, MASK, weights), MAP),
    "attention_l1": (lambda attention, weights: losses.attention_l1(attention, MASK, weights), np.abs(MAP)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_images_of_weight_zero_do_not_count(name):
    loss, values = LOSSES[name]
    changed = np.where((SOME == 0).reshape(-1, *[1] * (values.ndim - 1)), 123.0, values)
    assert loss(values, SOME) == loss(changed, SOME)
    gradient = jax.grad(loss)(values, SOME)
    assert np.all(gradient[SOME == 0] == 0)
    assert np.all(np.any(gradient[SOME > 0].reshape(4, -1) != 0, axis=1))


@pytest.mark.parametrize("name", LOSSES)
def test_with_no_image_selected_loss_and_gradient_are_zero(name):
    loss, values = LOSSES[name]
    value, gradient = jax.value_and_grad(loss)(values, np.zeros(6, np.float32))
    assert value == 0.0
    assert np.all(gradient == 0.0)


def test_shares_of_mapped_devices_average_to_the_loss_of_the_whole_batch():
    halves = [jnp.reshape(a, (2, 3, *a.shape[1:])) for a in (LOGITS, LABELS, SOME)]
    shares = jax.vmap(lambda *half: losses.binary_cross_entropy(*half, axis_name="data"), axis_name="data")(*halves)
    np.testing.assert_allclose(np.mean(shares), losses.binary_cross_entropy(LOGITS, LABELS, SOME), rtol=1e-6)
    halves = [jnp.reshape(a, (2, 3, *a.shape[1:])) for a in (X_HAT, X, SOME)]
    shares = jax.vmap(lambda *half: losses.reconstruction_mse(*half, axis_name="data"), axis_name="data")(*halves)
    np.testing.assert_allclose(np.mean(shares), losses.reconstruction_mse(X_HAT, X, SOME), rtol=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_those_of_finite_differences(name):
    loss, values = LOSSES[name]
    check_grads(lambda v: loss(v, SOME), (values,), order=1, modes=["fwd", "rev"], rtol=0.03, atol=0.03)


def test_a_batch_of_other_shape_is_refused():
    with pytest.raises(AssertionError):
        losses.binary_cross_entropy(LOGITS, LABELS[:3], EVERY)
    with pytest.raises(AssertionError):
        losses.reconstruction_mse(X_HAT, X[:, :2], EVERY)
