"""Grad-CAM against its formula by hand, and against finite differences."""

import jax.numpy as jnp
import numpy as np
import pytest

from dfdetect_jax.methods.class_activation import class_activation

RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(3, 4, 2, 5)).astype(np.float32)


def test_of_a_linear_classifier_on_the_average_it_is_weights_times_features():
    weights = RNG.normal(size=5)
    expected = np.maximum((FEATURES.astype(np.float64) @ weights) / (4 * 2), 0)
    activation = class_activation(lambda features: features.mean(axis=(1, 2)) @ weights.astype(np.float32), FEATURES)
    assert activation.dtype == np.float32
    np.testing.assert_allclose(activation, expected, rtol=1e-5, atol=1e-7)
    assert (expected == 0).any()
    assert (expected > 0).any()


def two_layers(features, xp):
    """Average, dense, ReLU, dense; not symmetrical over places, so that the mean of the derivative matters."""
    rng = np.random.default_rng(1)
    hidden, logit, places = rng.normal(size=(5, 7)), rng.normal(size=7), rng.uniform(0.2, 1, (4, 2, 1))
    dtype = features.dtype
    average = (features * places.astype(dtype)).mean(axis=(1, 2))
    return xp.maximum(average @ hidden.astype(dtype), 0) @ logit.astype(dtype)


def test_of_two_layers_it_is_what_finite_differences_give():
    features, step = FEATURES.astype(np.float64), 1e-6
    derivative = np.zeros(features.shape)
    for place in np.ndindex(features.shape[1:]):
        nudge = np.zeros(features.shape[1:])
        nudge[place] = step
        change = two_layers(features + nudge, np) - two_layers(features - nudge, np)
        derivative[(slice(None), *place)] = change / (2 * step)
    alpha = derivative.mean(axis=(1, 2))
    expected = np.maximum(np.einsum("nk,nijk->nij", alpha, features), 0)
    activation = class_activation(lambda each: two_layers(each, jnp), jnp.asarray(FEATURES))
    assert activation == pytest.approx(expected, abs=1e-5)
    assert expected.any(axis=(1, 2)).all()


def test_its_sum_without_the_relu_is_the_logit_of_an_average():
    """Where every place raises the logit, nothing is cut off."""
    weights = np.float32([0.5, 1.0, 2.0, 0.1, 0.3])
    features = np.abs(FEATURES)
    activation = class_activation(lambda each: each.mean(axis=(1, 2)) @ weights, features)
    np.testing.assert_allclose(activation.sum(axis=(1, 2)), features.mean(axis=(1, 2)) @ weights, rtol=1e-5)
