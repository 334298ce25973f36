"""Grad-CAM: which places of a feature map raise a classifier's logit.

Selvaraju, Cogswell, Das, Vedantam, Parikh, Batra: "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
Localization", ICCV 2017, arXiv 1610.02391, equations 1 and 2.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp


def class_activation(
    classify: Callable[[jax.Array], jax.Array], feature_map: jax.Array, size: tuple[int, ...] | None = None
) -> jax.Array:
    """ReLU(sum_k alpha_k A_k), where alpha_k is the mean over all places of the logit's derivative by channel k.

    For a classifier that reads the mean over all places the sum over all places, before the ReLU, is the logit to
    first order in the features. Places that lower the logit are 0.

    Args:
        classify: feature map [N, h, w, C] -> logits [N], positive means fake; no image's depends on another image.
        feature_map: float [N, h, w, C], the A of the paper.
        size: height and width that the map is resized to (bilinear); None for those of the feature map.

    Returns:
        float32 [N, h, w], or [N, *size], at least 0, in units of the logit.
    """
    gradient = jax.grad(lambda features: jnp.sum(classify(features)))(feature_map)
    weights = jnp.mean(gradient, axis=(1, 2), keepdims=True, dtype=jnp.float32)
    activation = jax.nn.relu(jnp.sum(weights * feature_map, axis=-1))
    return activation if size is None else jax.image.resize(activation, (activation.shape[0], *size), "bilinear")
