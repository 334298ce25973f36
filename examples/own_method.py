"""A method from outside the package, in one file: a classifier of two strided convolutions.

`dfdetect train --config examples/own_method.py` trains it; `tests/methods/test_registry.py` does so, and
measures and predicts with it.
"""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp

from dfdetect_jax import losses
from dfdetect_jax.augmentation import normalize
from dfdetect_jax.config import Data, Optimizer, Settings, Train
from dfdetect_jax.config.rules import at_least
from dfdetect_jax.methods import Method, Prediction, register, step
from dfdetect_jax.methods.accumulation import Learnt


@dataclasses.dataclass(frozen=True, kw_only=True)
class TwoConvSettings(Settings):
    """All settings of one run.

    Attributes:
        channels: of the first convolution; the second has twice as many.
    """

    method: str = "two_conv"
    channels: int = 8

    def check(self):
        """Checks every value."""
        super().check()
        at_least("channels", self.channels, 1)


class TwoConv(nn.Module):
    """float [N, S, S, 3] in [-1, 1] -> logit [N]."""

    channels: int

    @nn.compact
    def __call__(self, images, *, train):
        """Two convolutions, an average over positions, a linear layer."""
        for width in (self.channels, 2 * self.channels):
            images = nn.relu(nn.Conv(width, (3, 3), strides=2)(images))
        return nn.Dense(1)(jnp.mean(images, axis=(1, 2)))[:, 0]


def learn(state, batch, key, *, settings, axis_name=None):
    """The gradient of the cross-entropy on an augmented batch."""
    images = normalize(batch["image"])

    def loss_fn(params):
        logits, batch_stats = step.forward(TwoConv(settings.channels), params, state.batch_stats, images)
        loss = losses.weighted_mean(losses.binary_cross_entropy(logits, batch["label"]), axis_name=axis_name)
        return loss, batch_stats

    (loss, batch_stats), gradients = jax.value_and_grad(loss_fn, has_aux=True)(state.params)
    return Learnt(gradients, (batch_stats, None), {"loss": loss})


def predict(variables, images, *, settings):
    """The score of each image, uint8 [N, S, S, 3]; there is no map."""
    logits = TwoConv(settings.channels).apply(variables, normalize(images), train=False)
    return Prediction(score=jax.nn.sigmoid(logits), attention=None, reconstruction=None, logit=logits)


def build(settings: TwoConvSettings, weights=None) -> Method:
    """The method with `settings` bound."""
    return step.build(settings, network=TwoConv(settings.channels), learn=learn, predict=predict)


register(TwoConvSettings, build)


def get_config(preset: str = "") -> TwoConvSettings:
    """Settings small enough to try it in a minute."""
    return TwoConvSettings(
        data=Data(image_size=40, forge_images=16),
        optimizer=Optimizer(learning_rate=1e-2),
        train=Train(batch_size=8, steps=2, eval_every=2, log_every=2),
    )


if __name__ == "__main__":
    raise SystemExit("usage: dfdetect train --config examples/own_method.py")
