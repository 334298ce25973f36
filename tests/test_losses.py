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


LOSSES = {
    "binary_cross_entropy": (lambda logits, weights: losses.binary_cross_entropy(logits, LABELS, weights), LOGITS),
    "reconstruction_mse": (lambda x_hat, weights: losses.reconstruction_mse(x_hat, X, weights), X_HAT),
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
