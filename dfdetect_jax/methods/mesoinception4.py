"""MesoInception-4: a small network that looks at properties between single pixels and the whole face.

Afchar, Nozick, Yamagishi, Echizen: "MesoNet: a Compact Facial Video Forgery Detection Network", WIFS 2018,
arXiv 1809.00888.

    x -> inception, inception, conv, conv (each with BatchNorm and a pooling) -> dense, dense -> logit

    L = (sigmoid(logit) - y)^2

The paper gives layers and optimiser; loss, dropout and input range are those of the authors' Keras code. Choices of
ours: y = 1 is fake (theirs is real); weights start as Flax' layers do; the learning rate drops once, where theirs is
divided by ten each 1,000 steps; augmentation is that of this library. Images may have any size, on which that of the
first dense layer depends.
"""

import functools
from typing import Any

import flax.linen as nn
import jax

from dfdetect_jax import losses
from dfdetect_jax.augmentation import normalize
from dfdetect_jax.config import MesoInception4Model, MesoInception4Settings
from dfdetect_jax.methods import step
from dfdetect_jax.methods.accumulation import Learnt
from dfdetect_jax.methods.class_activation import class_activation
from dfdetect_jax.methods.contract import Batch, Method, Metrics, Prediction, TrainState, Variables
from dfdetect_jax.methods.registry import NO_WEIGHTS, Weights, register
from dfdetect_jax.models.mesoinception import Features, Head


class MesoInception4(nn.Module):
    """The network.

    Attributes:
        settings: dropout.
        axis_name: mapped axis over which BatchNorm's statistics are averaged, or None.
    """

    settings: MesoInception4Model
    axis_name: str | None = None

    def setup(self) -> None:
        """Builds both parts."""
        self.features = Features(self.axis_name)
        self.head = Head(self.settings.dropout)

    def __call__(self, images: jax.Array, *, train: bool) -> tuple[jax.Array, jax.Array]:
        """Classifies images.

        Args:
            images: float [N, H, W, 3] in [-1, 1]; the convolutions compute in their dtype.
            train: normalise by the batch's statistics and update the running ones; drop units.

        Returns:
            Logits float32 [N], positive means fake, and the feature map float [N, ceil(H / 32), ceil(W / 32), 16].
        """
        feature_map = self.features(images, train)
        return self.head(feature_map, train), feature_map

    def classify(self, feature_map: jax.Array) -> jax.Array:
        """The logits that a feature map leads to, without dropout: float [N, h, w, 16] -> float32 [N]."""
        logits: jax.Array = self.head(feature_map, False)
        return logits


def objective(logits: jax.Array, labels: jax.Array, axis_name: str | None = None) -> tuple[jax.Array, Metrics]:
    """L = (sigmoid(logit) - y)^2.

    Args:
        logits: float32 [N].
        labels: int32 [N], 0 real, 1 fake.
        axis_name: mapped axis that the batch is spread over, or None.

    Returns:
        The loss, a float32 scalar, and the same by name.
    """
    loss = losses.weighted_mean(losses.squared_probability_error(logits, labels), axis_name=axis_name)
    return loss, {"loss": loss}


def learn(
    state: TrainState, batch: Batch, key: jax.Array, *, settings: MesoInception4Settings, axis_name: str | None = None
) -> Learnt:
    """The gradient of the objective on a batch; see `Method.train_step` for shapes. `key` is for dropout."""
    network, images = MesoInception4(settings.model, axis_name), normalize(batch["image"]).astype(settings.train.dtype)
    return step.gradients(state, network, images, lambda outputs: objective(outputs[0], batch["label"], axis_name), key)


def predict(variables: Variables, images: jax.Array, *, settings: MesoInception4Settings) -> Prediction:
    """p(fake), and Grad-CAM's map of the last pooling.

    Args:
        variables: parameters and running statistics.
        images: uint8, or float32 in [0, 255], [N, H, W, 3] RGB.
        settings: of the run.
    """
    network = MesoInception4(settings.model)
    outputs: Any = network.apply(variables, normalize(images), train=False)
    logits, feature_map = outputs
    classify: Any = functools.partial(network.apply, variables, method="classify")
    return Prediction(
        score=jax.nn.sigmoid(logits),
        attention=None,
        reconstruction=None,
        logit=logits,
        class_activation=class_activation(classify, feature_map, images.shape[1:3]),
    )


def build(settings: MesoInception4Settings, weights: Weights = NO_WEIGHTS) -> Method:
    """MesoInception-4 with `settings` bound; it needs no weights."""
    return step.build(settings, network=MesoInception4(settings.model), learn=learn, predict=predict)


register(MesoInception4Settings, build)
