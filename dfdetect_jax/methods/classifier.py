"""Classifier: an encoder, the average of its last map, and one linear layer; what every other method has to beat.

Roessler, Cozzolino, Verdoliva, Riess, Thies, Niessner: "FaceForensics++: Learning to Detect Manipulated Facial Images",
ICCV 2019, arXiv 1901.08971: Xception with its last layer replaced. With self-blended fakes (`augment.self_blend`) it is
the detector of Shiohara, Yamasaki: "Detecting Deepfakes with Self-Blended Images", CVPR 2022, arXiv 2204.08376.

    x -> encoder -> average -> linear -> logit                         L = BCE(logit, y)

It is the CAE without its decoder (lambda = 0) and without the hidden layer of the CAE's classifier. Choices of ours:
one logit in place of two and a softmax, which is the same model; no dropout; for self-blending EfficientNet-Lite0 and
AdamW in place of EfficientNet-B4 and SAM. Roessler et al. train the linear layer first: `optimizer.encoder_start`.
"""

import functools
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from dfdetect_jax import losses
from dfdetect_jax.augmentation import normalize
from dfdetect_jax.config import ClassifierModel, ClassifierSettings
from dfdetect_jax.methods import step
from dfdetect_jax.methods.accumulation import Learnt
from dfdetect_jax.methods.class_activation import class_activation
from dfdetect_jax.methods.contract import Batch, Method, Metrics, Prediction, TrainState, Variables
from dfdetect_jax.methods.registry import NO_WEIGHTS, Weights, register
from dfdetect_jax.models import encoders


class Outputs(NamedTuple):
    """What the network gives.

    Attributes:
        logits: float32 [N]; positive means fake.
        feature_map: float [N, h, w, C], of the encoder.
    """

    logits: jax.Array
    feature_map: jax.Array


class Classifier(nn.Module):
    """The network.

    Attributes:
        settings: encoder and width.
        axis_name: mapped axis over which BatchNorm's statistics are averaged, or None.
        remat: recompute the activations inside the encoder's blocks in the backward pass.
    """

    settings: ClassifierModel
    axis_name: str | None = None
    remat: bool = False

    def setup(self) -> None:
        """Builds both parts."""
        self.encoder = encoders.build(encoders.FEATURE_MAP, self.settings, self.axis_name, self.remat)
        self.linear = nn.Dense(1)

    def __call__(self, images: jax.Array, *, train: bool) -> Outputs:
        """Classifies images.

        Args:
            images: float [N, H, W, 3] in [-1, 1]; the encoder computes in their dtype.
            train: normalise by the batch's statistics and update the running ones.
        """
        feature_map = self.encoder(images, train)
        return Outputs(self.classify(feature_map), feature_map)

    def classify(self, feature_map: jax.Array) -> jax.Array:
        """The logits that the encoder's feature map leads to: float [N, h, w, C] -> float32 [N]."""
        return jnp.squeeze(self.linear(jnp.mean(feature_map, axis=(1, 2), dtype=jnp.float32)), axis=-1)


def objective(outputs: Outputs, labels: jax.Array, axis_name: str | None = None) -> tuple[jax.Array, Metrics]:
    """L = BCE(logit, y).

    Args:
        outputs: of the network.
        labels: int32 [N], 0 real, 1 fake.
        axis_name: mapped axis that the batch is spread over, or None.

    Returns:
        The loss, a float32 scalar, and the same by name.
    """
    loss = losses.weighted_mean(losses.binary_cross_entropy(outputs.logits, labels), axis_name=axis_name)
    return loss, {"loss": loss}


def learn(
    state: TrainState, batch: Batch, key: jax.Array, *, settings: ClassifierSettings, axis_name: str | None = None
) -> Learnt:
    """The gradient of the objective on a batch; see `Method.train_step` for shapes. `key` is not read."""
    network = Classifier(settings.model, axis_name, settings.train.remat)
    images = normalize(batch["image"]).astype(settings.train.dtype)
    return step.gradients(state, network, images, lambda outputs: objective(outputs, batch["label"], axis_name))


def predict(variables: Variables, images: jax.Array, *, settings: ClassifierSettings) -> Prediction:
    """p(fake), and Grad-CAM's map.

    Args:
        variables: parameters and running statistics.
        images: uint8, or float32 in [0, 255], [N, H, W, 3] RGB.
        settings: of the run.
    """
    network = Classifier(settings.model)
    outputs: Any = network.apply(variables, normalize(images), train=False)
    classify: Any = functools.partial(network.apply, variables, method="classify")
    return Prediction(
        score=jax.nn.sigmoid(outputs.logits),
        attention=None,
        reconstruction=None,
        logit=outputs.logits,
        class_activation=class_activation(classify, outputs.feature_map, images.shape[1:3]),
    )


def build(settings: ClassifierSettings, weights: Weights = NO_WEIGHTS) -> Method:
    """The classifier with `settings` bound; with `model.pretrained`, it starts from `weights[model.encoder]`."""
    encoders.check(encoders.FEATURE_MAP, settings.model)
    return step.build(
        settings,
        network=Classifier(settings.model),
        learn=learn,
        predict=predict,
        pretrained=weights.get(settings.model.encoder),
    )


register(ClassifierSettings, build)
