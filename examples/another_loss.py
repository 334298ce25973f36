"""The CAE with an absolute error in place of the squared one: `dfdetect train --config examples/another_loss.py`."""

import dataclasses

import jax
import jax.numpy as jnp

from dfdetect_jax import losses
from dfdetect_jax.augmentation import normalize
from dfdetect_jax.config import CAEModel, CAESettings, Data, Optimizer, Train
from dfdetect_jax.methods import cae, register, step
from dfdetect_jax.methods.accumulation import Learnt


@dataclasses.dataclass(frozen=True, kw_only=True)
class AbsoluteSettings(CAESettings):
    """The CAE's, under another name."""

    method: str = "cae_absolute"


def absolute_error(x_hat, x):
    """mean_{h, w, c} |x_hat - x|: float [N, H, W, C] twice -> float [N]."""
    return jnp.mean(jnp.abs(x_hat - x), axis=(1, 2, 3))


def learn(state, batch, key, *, settings, axis_name=None):
    """The gradient of BCE + lambda * absolute error."""
    images, network = normalize(batch["image"]), cae.CAE(settings.model, axis_name)

    def loss_fn(params):
        outputs, batch_stats = step.forward(network, params, state.batch_stats, images)
        classification = losses.weighted_mean(losses.binary_cross_entropy(outputs.logits, batch["label"]))
        reconstruction = losses.weighted_mean(absolute_error(outputs.reconstruction, images))
        loss = classification + settings.loss.reconstruction_weight * reconstruction
        return loss, ({"loss": loss, "reconstruction": reconstruction}, batch_stats)

    gradients, (metrics, batch_stats) = jax.grad(loss_fn, has_aux=True)(state.params)
    return Learnt(gradients, (batch_stats, None), metrics)


def build(settings, weights=None):
    """The CAE with this `learn`."""
    return step.build(settings, network=cae.CAE(settings.model), learn=learn, predict=cae.predict)


register(AbsoluteSettings, build)


def get_config(preset=""):
    """As configs/cae.py."""
    return AbsoluteSettings(
        data=Data(image_size=96),
        model=CAEModel(width=0.25, middle_blocks=2, decoder_widths=(512, 256, 128, 64)),
        optimizer=Optimizer(learning_rate=1e-3, schedule="cosine"),
        train=Train(steps=800, eval_every=200),
    )


if __name__ == "__main__":
    raise SystemExit("usage: dfdetect train --config examples/another_loss.py")
