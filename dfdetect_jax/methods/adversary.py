"""The LAE's adversary: a discriminator of images and reconstructions, with its own optimiser."""

from typing import Any

import jax
import jax.numpy as jnp

from dfdetect_jax import losses, optimizer
from dfdetect_jax.config import LAESettings
from dfdetect_jax.methods.contract import Adversary
from dfdetect_jax.models.discriminator import Discriminator


def init(key: jax.Array, settings: LAESettings) -> Adversary:
    """A newly initialised discriminator for images of `settings.data.image_size`; parameters are float32."""
    image = jnp.zeros((1, settings.data.image_size, settings.data.image_size, 3))
    variables = Discriminator(settings.model.discriminator_width).init(key, image, train=False)
    tx = optimizer.build(settings.discriminator, settings.train.steps)
    return Adversary(variables["params"], variables["batch_stats"], tx.init(variables["params"]))


def judge(
    params: Any, adversary: Adversary, images: jax.Array, settings: LAESettings, axis_name: str | None = None
) -> tuple[jax.Array, Any]:
    """The discriminator's logits of images.

    Args:
        params: parameters of the discriminator, apart from `adversary` to differentiate by them.
        adversary: its running statistics are updated.
        images: float32 [N, H, W, 3] in [-1, 1].
        settings: of the run.
        axis_name: mapped axis that the batch is spread over, or None.

    Returns:
        Logits float32 [N], positive for an image, negative for a reconstruction; and the updated running statistics.
    """
    network = Discriminator(settings.model.discriminator_width, axis_name)
    variables = {"params": params, "batch_stats": adversary.batch_stats}
    logits, updated = network.apply(variables, images.astype(settings.train.dtype), train=True, mutable=["batch_stats"])
    return logits, updated["batch_stats"]


def learn(
    adversary: Adversary,
    images: jax.Array,
    reconstruction: jax.Array,
    settings: LAESettings,
    axis_name: str | None = None,
) -> tuple[Any, Any, jax.Array]:
    """The gradient of the discriminator's loss on images and their reconstructions, which are constants here.

    Args:
        adversary: before the step.
        images: float32 [N, H, W, 3] in [-1, 1].
        reconstruction: float32 [N, H, W, 3] in [-1, 1].
        settings: of the run.
        axis_name: mapped axis that the batch is spread over, or None.

    Returns:
        The gradient, a tree as `adversary.params`; the updated running statistics; the loss, a float32 scalar.
    """
    reconstruction = jax.lax.stop_gradient(reconstruction)

    def loss_fn(params: Any) -> tuple[jax.Array, Any]:
        logits, batch_stats = judge(params, adversary, images, settings, axis_name)
        after_images = adversary.replace(batch_stats=batch_stats)
        logits_hat, batch_stats = judge(params, after_images, reconstruction, settings, axis_name)
        return losses.weighted_mean(losses.discrimination(logits, logits_hat), axis_name=axis_name), batch_stats

    (loss, batch_stats), gradients = jax.value_and_grad(loss_fn, has_aux=True)(adversary.params)
    return gradients, batch_stats, loss
