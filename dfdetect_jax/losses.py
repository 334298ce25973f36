"""Objectives as pure functions: one value per example, float [N], and `weighted_mean` to make a scalar of them.

    loss = weighted_mean(binary_cross_entropy(logits, labels), weights)

Weights leave padding out (weight 0) and select examples. Inside `jax.pmap` over `axis_name`, `weighted_mean` gives each
device its share such that the mean of the shares (`jax.lax.pmean`) is the loss of the whole batch, however its weights
are spread over the devices.
"""

from collections.abc import Mapping

import chex
import jax
import jax.numpy as jnp
import optax


def weighted_mean(values: jax.Array, weights: jax.Array | None = None, axis_name: str | None = None) -> jax.Array:
    """sum_n w_n v_n / sum_n w_n, and 0 where the weights sum to 0 (no example of the kind selected is in the batch).

    >>> float(weighted_mean(jnp.array([3.0, 1.0, 5.0]), jnp.array([1.0, 2.0, 1.0])))
    2.5

    Args:
        values: float [N], finite.
        weights: float [N], at least 0; None for 1 each.
        axis_name: mapped axis that the batch is spread over, or None.

    Returns:
        float scalar.
    """
    weights = jnp.ones_like(values) if weights is None else weights
    chex.assert_equal_shape([values, weights])
    total = jnp.sum(weights)
    if axis_name is not None:
        total = jax.lax.pmean(total, axis_name)
    return jnp.sum(values * weights) / jnp.where(total > 0, total, 1.0)


def binary_cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """-y log p - (1 - y) log(1 - p) with p = sigmoid(logit), computed from the logit without overflow.

    >>> float(binary_cross_entropy(jnp.array([0.0]), jnp.array([1]))[0])  # log 2
    0.6931471824645996

    Args:
        logits: float [N]; positive means fake.
        labels: int or float [N] in [0, 1], 1 is fake.

    Returns:
        float [N], nats.
    """
    chex.assert_equal_shape([logits, labels])
    return optax.sigmoid_binary_cross_entropy(logits, labels.astype(logits.dtype))


def reconstruction_mse(x_hat: jax.Array, x: jax.Array) -> jax.Array:
    """mean_{h, w, c} (x_hat - x)^2, in float32.

    >>> reconstruction_mse(jnp.zeros((2, 4, 4, 3)), jnp.full((2, 4, 4, 3), 0.5)).tolist()
    [0.25, 0.25]

    Args:
        x_hat: float [N, H, W, C], the reconstruction.
        x: float [N, H, W, C], the image.

    Returns:
        float32 [N].
    """
    chex.assert_equal_shape([x_hat, x])
    difference = x_hat.astype(jnp.float32) - x.astype(jnp.float32)
    return jnp.mean(jnp.square(difference), axis=tuple(range(1, x.ndim)))


def squared_probability_error(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """(sigmoid(logit) - y)^2, the Brier score; its gradient vanishes where the decision is sure, right or wrong.

    Args:
        logits: float [N]; positive means fake.
        labels: int [N], 1 is fake.

    Returns:
        float [N].
    """
    chex.assert_equal_shape([logits, labels])
    return jnp.square(jax.nn.sigmoid(logits) - labels.astype(logits.dtype))


def reconstruction_l1(x_hat: jax.Array, x: jax.Array) -> jax.Array:
    """mean_{h, w, c} |x_hat - x|, in float32.

    Args:
        x_hat: float [N, H, W, C], the reconstruction.
        x: float [N, H, W, C], the image.

    Returns:
        float32 [N].
    """
    chex.assert_equal_shape([x_hat, x])
    difference = x_hat.astype(jnp.float32) - x.astype(jnp.float32)
    return jnp.mean(jnp.abs(difference), axis=tuple(range(1, x.ndim)))


def latent_activation(a_real: jax.Array, a_fake: jax.Array, labels: jax.Array) -> jax.Array:
    """|a_fake - y| + |a_real - (1 - y)|: each half of the latent is active for its own class only.

    ForensicTransfer (Cozzolino et al. 2018, arXiv 1812.02510), equation 3; the LAE builds on it.

    Args:
        a_real: float [N], at least 0, activation of the real half.
        a_fake: float [N], at least 0, activation of the fake half.
        labels: int [N], 1 is fake.

    Returns:
        float [N].
    """
    chex.assert_equal_shape([a_real, a_fake, labels])
    y = labels.astype(a_fake.dtype)
    return jnp.abs(a_fake - y) + jnp.abs(a_real - (1.0 - y))


def perceptual(features_hat: Mapping[str, jax.Array], features: Mapping[str, jax.Array]) -> jax.Array:
    """Sum over layers of mean_{h, w, c} (phi(x_hat) - phi(x))^2.

    Johnson et al., ECCV 2016, equation 2: phi is a layer of a network trained on ImageNet.

    Args:
        features_hat: of the reconstruction: float [N, h, w, c] per layer.
        features: of the image, the same shapes.

    Returns:
        float32 [N].
    """
    layers = [reconstruction_mse(features_hat[layer], features[layer]) for layer in features]
    return jnp.sum(jnp.stack(layers), axis=0)


def adversarial(logits: jax.Array) -> jax.Array:
    """-log D(x_hat), the generator's non-saturating loss (Goodfellow et al., NeurIPS 2014, section 3).

    Args:
        logits: float [N], the discriminator's on reconstructions; positive means "an image".

    Returns:
        float [N], nats.
    """
    return jax.nn.softplus(-logits)


def discrimination(logits: jax.Array, logits_hat: jax.Array) -> jax.Array:
    """-log D(x) - log(1 - D(x_hat)), the discriminator's loss (Goodfellow et al., NeurIPS 2014, equation 1).

    Args:
        logits: float [N], on images.
        logits_hat: float [N], on their reconstructions.

    Returns:
        float [N], nats.
    """
    chex.assert_equal_shape([logits, logits_hat])
    return jax.nn.softplus(-logits) + jax.nn.softplus(logits_hat)


def attention_balanced(logits: jax.Array, masks: jax.Array) -> jax.Array:
    """Cross-entropy of each pixel's logit against its mask, where forged and untouched pixels weigh half and half.

    Per image (sum m softplus(-l) / sum m + sum (1 - m) softplus(l) / sum (1 - m)) / 2; where there is only one kind
    of pixel, as in a real image, that kind counts whole.

    Args:
        logits: float [N, h, w]; positive means forged.
        masks: float [N, h, w] in [0, 1], the forged share of each position.

    Returns:
        float [N], nats.
    """
    chex.assert_equal_shape([logits, masks])
    forged, untouched = jnp.sum(masks, (1, 2)), jnp.sum(1.0 - masks, (1, 2))
    on_forged = jnp.sum(masks * jax.nn.softplus(-logits), (1, 2)) / jnp.where(forged > 0, forged, 1.0)
    on_untouched = jnp.sum((1.0 - masks) * jax.nn.softplus(logits), (1, 2)) / jnp.where(untouched > 0, untouched, 1.0)
    kinds = (forged > 0).astype(logits.dtype) + (untouched > 0)
    return (on_forged + on_untouched) / kinds


def attention_l1(attention: jax.Array, masks: jax.Array) -> jax.Array:
    """mean_{h, w} |attention - mask|.

    >>> attention_l1(jnp.zeros((1, 2, 2)), jnp.array([[[1.0, 1.0], [0.0, 0.0]]])).tolist()
    [0.5]

    Args:
        attention: float [N, h, w], at least 0.
        masks: float [N, h, w] in [0, 1].

    Returns:
        float [N].
    """
    chex.assert_equal_shape([attention, masks])
    return jnp.mean(jnp.abs(attention - masks), (1, 2))
