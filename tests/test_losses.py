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
DEEP_HAT, DEEP = X_HAT[:, :2, :2], X[:, :2, :2]


def softplus(x):
    return np.log1p(np.exp(np.asarray(x, np.float64)))


def balanced(logits, mask):
    """Of one image: the mean over forged pixels and that over untouched ones, averaged as far as there are any."""
    parts = []
    if mask.sum():
        parts.append(np.average(softplus(-logits), weights=mask))
    if (1 - mask).sum():
        parts.append(np.average(softplus(logits), weights=1 - mask))
    return np.mean(parts)


def mean_square(a, b):
    return np.mean((a - b).astype(np.float64) ** 2, axis=(1, 2, 3))


P = 1 / (1 + np.exp(-LOGITS.astype(np.float64)))
D_HAT = P[::-1]
# Loss -> (the loss of one argument, that argument, its value for each example by hand).
LOSSES = {
    "binary_cross_entropy": (
        lambda logits: losses.binary_cross_entropy(logits, LABELS),
        LOGITS,
        -np.where(LABELS == 1, np.log(P), np.log(1 - P)),
    ),
    "reconstruction_mse": (lambda x_hat: losses.reconstruction_mse(x_hat, X), X_HAT, mean_square(X_HAT, X)),
    "squared_probability_error": (
        lambda logits: losses.squared_probability_error(logits, LABELS),
        LOGITS,
        (P - LABELS) ** 2,
    ),
    "reconstruction_l1": (
        lambda x_hat: losses.reconstruction_l1(x_hat, X),
        X_HAT,
        np.abs(X_HAT.astype(np.float64) - X).mean(axis=(1, 2, 3)),
    ),
    "latent_activation": (
        lambda a: losses.latent_activation(a, ACTIVATIONS[1], LABELS),
        ACTIVATIONS[0],
        np.abs(ACTIVATIONS[1] - LABELS) + np.abs(ACTIVATIONS[0] - (1 - LABELS)),
    ),
    "perceptual": (
        lambda x_hat: losses.perceptual({"a": x_hat, "b": x_hat[:, :2, :2]}, {"a": X, "b": DEEP}),
        X_HAT,
        mean_square(X_HAT, X) + mean_square(DEEP_HAT, DEEP),
    ),
    "adversarial": (losses.adversarial, LOGITS, -np.log(P)),
    "discrimination": (
        lambda logits: losses.discrimination(logits, LOGITS[::-1]),
        LOGITS,
        -np.log(P) - np.log(1 - D_HAT),
    ),
    "attention_balanced": (
        lambda logits: losses.attention_balanced(logits, MASK),
        MAP,
        [balanced(logits, mask) for logits, mask in zip(MAP, MASK, strict=True)],
    ),
    "attention_l1": (
        lambda attention: losses.attention_l1(attention, MASK),
        np.abs(MAP),
        np.abs(np.abs(MAP) - MASK).mean((1, 2)),
    ),
}


def test_a_weighted_mean_by_hand():
    values = np.array([3.0, 1.0, 5.0], np.float32)
    assert losses.weighted_mean(values, np.array([1.0, 2.0, 1.0], np.float32)) == 2.5


@pytest.mark.parametrize("name", LOSSES)
def test_each_example_has_the_value_of_the_formula(name):
    loss, values, expected = LOSSES[name]
    np.testing.assert_allclose(loss(values), expected, rtol=1e-5)


@pytest.mark.parametrize("weights", [None, EVERY, SOME])
def test_the_scalar_is_the_weighted_mean_over_examples(weights):
    loss, values, expected = LOSSES["binary_cross_entropy"]
    np.testing.assert_allclose(
        losses.weighted_mean(loss(values), weights), np.average(expected, weights=weights), rtol=1e-6
    )


def test_binary_cross_entropy_does_not_overflow():
    def mean_loss(logits):
        return losses.weighted_mean(losses.binary_cross_entropy(logits, jnp.array([1, 0, 0])))

    loss, gradient = jax.value_and_grad(mean_loss)(jnp.array([1e4, -1e4, 1e4]))
    np.testing.assert_allclose(loss, 1e4 / 3, rtol=1e-6)
    np.testing.assert_allclose(gradient, [0, 0, 1 / 3], atol=1e-7)


def weighted(name, weights):
    loss, values, _ = LOSSES[name]
    return lambda v: losses.weighted_mean(loss(v), weights), values


@pytest.mark.parametrize("name", LOSSES)
def test_images_of_weight_zero_do_not_count(name):
    loss, values = weighted(name, SOME)
    changed = np.where((SOME == 0).reshape(-1, *[1] * (values.ndim - 1)), 123.0, values)
    assert loss(values) == loss(changed)
    gradient = jax.grad(loss)(values)
    assert np.all(gradient[SOME == 0] == 0)
    assert np.all(np.any(gradient[SOME > 0].reshape(4, -1) != 0, axis=1))


@pytest.mark.parametrize("name", LOSSES)
def test_with_no_image_selected_loss_and_gradient_are_zero(name):
    loss, values = weighted(name, np.zeros(6, np.float32))
    value, gradient = jax.value_and_grad(loss)(values)
    assert value == 0.0
    assert np.all(gradient == 0.0)


@pytest.mark.parametrize("name", ["binary_cross_entropy", "reconstruction_mse"])
def test_shares_of_mapped_devices_average_to_the_loss_of_the_whole_batch(name):
    loss, values, _ = LOSSES[name]
    halves = [jnp.reshape(a, (2, 3)) for a in (loss(values), SOME)]
    shares = jax.vmap(lambda *half: losses.weighted_mean(*half, axis_name="data"), axis_name="data")(*halves)
    np.testing.assert_allclose(np.mean(shares), losses.weighted_mean(loss(values), SOME), rtol=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_those_of_finite_differences(name):
    loss, values = weighted(name, SOME)
    check_grads(loss, (values,), order=1, modes=["fwd", "rev"], rtol=0.03, atol=0.03)


def test_a_batch_of_other_shape_is_refused():
    with pytest.raises(AssertionError):
        losses.binary_cross_entropy(LOGITS, LABELS[:3])
    with pytest.raises(AssertionError):
        losses.reconstruction_mse(X_HAT, X[:, :2])
