"""Objectives as pure functions: arrays to a scalar.

Each takes `weights` [N], so that padding (weight 0) does not count, and gives 0 where all weights are 0 (no image of
the kind selected is in the batch). With `axis_name`, inside `jax.pmap` over that axis, each device gives its share such
that the mean of the shares (`jax.lax.pmean`) is the loss of the whole batch, however its weights are spread.
"""

import chex
import jax
import jax.numpy as jnp
import optax


def weighted_mean(values: jax.Array, weights: jax.Array, axis_name: str | None = None) -> jax.Array:
    """sum_n w_n v_n / sum_n w_n, and 0 if the weights sum to 0.

    Args:
        values: float [N], finite.
        weights: float [N], at least 0.
        axis_name: mapped axis that the batch is spread over, or None.

    Returns:
        float scalar.
    """
    chex.assert_equal_shape([values, weights])
    total = jnp.sum(weights)
    if axis_name is not None:
        total = jax.lax.pmean(total, axis_name)
    return jnp.sum(values * weights) / jnp.where(total > 0, total, 1.0)


def binary_cross_entropy(
    logits: jax.Array, labels: jax.Array, weights: jax.Array, axis_name: str | None = None
) -> jax.Array:
    """Mean of -y log p - (1 - y) log(1 - p) with p = sigmoid(logit), computed from the logit without overflow.

    Args:
        logits: float [N]; positive means fake.
        labels: int or float [N] in [0, 1], 1 is fake.
        weights: float [N], at least 0; 0 for padding.
        axis_name: mapped axis that the batch is spread over, or None.

    Returns:
        float scalar, nats.
    """
    chex.assert_equal_shape([logits, labels, weights])
    labels = labels.astype(logits.dtype)
    return weighted_mean(optax.sigmoid_binary_cross_entropy(logits, labels), weights, axis_name)


def reconstruction_mse(x_hat: jax.Array, x: jax.Array, weights: jax.Array, axis_name: str | None = None) -> jax.Array:
    """Mean over the images selected of mean_{h, w, c} (x_hat - x)^2.

    Args:
        x_hat: float [N, H, W, C], the reconstruction.
        x: float [N, H, W, C], the image.
        weights: float [N], at least 0; 0 for padding and for images that are not to be reconstructed.
        axis_name: mapped axis that the batch is spread over, or None.

    Returns:
        float scalar.
    """
    chex.assert_equal_shape([x_hat, x])
    per_image = jnp.mean(jnp.square(x_hat - x), axis=tuple(range(1, x.ndim)))
    return weighted_mean(per_image, weights, axis_name)
