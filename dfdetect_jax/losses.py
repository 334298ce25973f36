"""Objectives as pure functions: arrays to a scalar.

Each takes `weights` [N], so that padding (weight 0) does not count, and gives 0 where all weights are 0 (no image of
the kind selected is in the batch). With `axis_name`, inside `jax.pmap` over that axis, each device gives its share such
that the mean of the shares (`jax.lax.pmean`) is the loss of the whole batch, however its weights are spread.
"""

from collections.abc import Mapping

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
    difference = x_hat.astype(jnp.float32) - x.astype(jnp.float32)
    per_image = jnp.mean(jnp.square(difference), axis=tuple(range(1, x.ndim)))
    return weighted_mean(per_image, weights, axis_name)


def latent_activation(
    a_real: jax.Array, a_fake: jax.Array, labels: jax.Array, weights: jax.Array, axis_name: str | None = None
) -> jax.Array:
    """Mean of |a_fake - y| + |a_real - (1 - y)|: each half of the latent is active for its own class only.

    ForensicTransfer (Cozzolino et al. 2018, arXiv 1812.02510), equation 3; the LAE builds on it.

    Args:
        a_real: float [N], at least 0, activation of the real half.
        a_fake: float [N], of the fake half.
        labels: int [N], 1 is fake.
        weights: float [N], at least 0; 0 for padding.
        axis_name: mapped axis that the batch is spread over, or None.

    Returns:
        float scalar.
    """
    chex.assert_equal_shape([a_real, a_fake, labels, weights])
    y = labels.astype(a_fake.dtype)
    return weighted_mean(jnp.abs(a_fake - y) + jnp.abs(a_real - (1.0 - y)), weights, axis_name)


def perceptual(
    features_hat: Mapping[str, jax.Array],
    features: Mapping[str, jax.Array],
    weights: jax.Array,
    axis_name: str | None = None,
) -> jax.Array:
    """Sum over layers of mean_{h, w, c} (phi(x_hat) - phi(x))^2, a mean over the images selected.

    Johnson et al., ECCV 2016, equation 2: phi is a layer of a network trained on ImageNet.

    Args:
        features_hat: of the reconstruction: float [N, h, w, c] per layer.
        features: of the image, the same shapes.
        weights: float [N], at least 0; 0 for padding.
        axis_name: mapped axis that the batch is spread over, or None.

    Returns:
        float scalar.
    """
    return sum(reconstruction_mse(features_hat[layer], features[layer], weights, axis_name) for layer in features)


def adversarial(logits: jax.Array, weights: jax.Array, axis_name: str | None = None) -> jax.Array:
    """Mean of -log D(x_hat), the generator's non-saturating loss (Goodfellow et al., NeurIPS 2014, section 3).

    Args:
        logits: float [N], the discriminator's on reconstructions; positive means "an image".
        weights: float [N], at least 0; 0 for padding.
        axis_name: mapped axis that the batch is spread over, or None.

    Returns:
        float scalar, nats.
    """
    return weighted_mean(jax.nn.softplus(-logits), weights, axis_name)


def discrimination(
    logits: jax.Array, logits_hat: jax.Array, weights: jax.Array, axis_name: str | None = None
) -> jax.Array:
    """Mean of -log D(x) - log(1 - D(x_hat)), the discriminator's loss (Goodfellow et al., NeurIPS 2014, equation 1).

    Args:
        logits: float [N], on images.
        logits_hat: float [N], on their reconstructions.
        weights: float [N], at least 0; 0 for padding.
        axis_name: mapped axis that the batch is spread over, or None.

    Returns:
        float scalar, nats.
    """
    return weighted_mean(jax.nn.softplus(-logits) + jax.nn.softplus(logits_hat), weights, axis_name)


def attention_balanced(
    logits: jax.Array, masks: jax.Array, weights: jax.Array, axis_name: str | None = None
) -> jax.Array:
    """Cross-entropy of each pixel's logit against its mask, where forged and untouched pixels weigh half and half.

    Per image (sum m softplus(-l) / sum m + sum (1 - m) softplus(l) / sum (1 - m)) / 2; where there is only one kind
    of pixel, as in a real image, that kind counts whole.

    Args:
        logits: float [N, h, w]; positive means forged.
        masks: float [N, h, w] in [0, 1], how much of each position is forged.
        weights: float [N], at least 0; 0 for images without a mask.
        axis_name: mapped axis that the batch is spread over, or None.

    Returns:
        float scalar, nats.
    """
    chex.assert_equal_shape([logits, masks])
    forged, untouched = jnp.sum(masks, (1, 2)), jnp.sum(1.0 - masks, (1, 2))
    on_forged = jnp.sum(masks * jax.nn.softplus(-logits), (1, 2)) / jnp.where(forged > 0, forged, 1.0)
    on_untouched = jnp.sum((1.0 - masks) * jax.nn.softplus(logits), (1, 2)) / jnp.where(untouched > 0, untouched, 1.0)
    kinds = (forged > 0).astype(logits.dtype) + (untouched > 0)
    return weighted_mean((on_forged + on_untouched) / kinds, weights, axis_name)


def attention_l1(attention: jax.Array, masks: jax.Array, weights: jax.Array, axis_name: str | None = None) -> jax.Array:
    """Mean over the images selected of mean_{h, w} |attention - mask|.

    Args:
        attention: float [N, h, w], at least 0.
        masks: float [N, h, w] in [0, 1].
        weights: float [N], at least 0; 0 for images without a mask.
        axis_name: mapped axis that the batch is spread over, or None.

    Returns:
        float scalar.
    """
    chex.assert_equal_shape([attention, masks])
    return weighted_mean(jnp.mean(jnp.abs(attention - masks), (1, 2)), weights, axis_name)
