"""CAE: a convolutional encoder shared by a classifier and a reconstruction, trained jointly.

Yan, Lu, Li: "Deepfake Detection via Joint Unsupervised Reconstruction and Supervised Classification", 2022,
arXiv 2211.13424.

A detector supervised by labels alone learns artefacts specific to its training forgeries and generalises poorly. Here
the latent that the classifier reads must also suffice to reconstruct the face, so that it keeps local detail:

                                  classifier -> logit           L = BCE(logit, y) + lambda * MSE(x_hat, x)
    x -> encoder -> latent <
                                  decoder -> x_hat

Both branches are trained at the same time, end to end; lambda = 0 is the baseline, the classifier alone. When lambda
holds, and how much of the reconstruction's gradient passes the latent, are settings for ablations.
"""

import functools
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from dfdetect_jax import losses
from dfdetect_jax.augmentation import normalize
from dfdetect_jax.config import CAELoss, CAEModel, CAESettings
from dfdetect_jax.methods import step
from dfdetect_jax.methods.accumulation import Learnt
from dfdetect_jax.methods.class_activation import class_activation
from dfdetect_jax.methods.contract import Batch, Method, Metrics, Prediction, TrainState, Variables
from dfdetect_jax.methods.registry import NO_WEIGHTS, Weights, register
from dfdetect_jax.models import encoders
from dfdetect_jax.models.autoencoder import Classifier, Decoder
from dfdetect_jax.models.layers import scale_channels


class Outputs(NamedTuple):
    """The outputs of the two branches, and the latent that they share.

    Attributes:
        logits: float32 [N]; positive means fake.
        reconstruction: float32 [N, H, W, 3] in [-1, 1].
        latent: float [N, h, w, C] ("map") or [N, C] ("vector"), the decoder's input.
        feature_map: float [N, h, w, C], of the encoder; the classifier reads its average.
    """

    logits: jax.Array
    reconstruction: jax.Array
    latent: jax.Array
    feature_map: jax.Array | None = None


class CAE(nn.Module):
    """The network: one encoder, and on its latent a classifier and a decoder side by side.

    Attributes:
        settings: encoder, widths, and whether the decoder reads the feature map or its average.
        axis_name: mapped axis over which BatchNorm's statistics are averaged, or None.
        remat: recompute the activations inside the encoder's blocks in the backward pass.
        latent_gradient: multiplies the decoder's gradient at the latent.
    """

    settings: CAEModel
    axis_name: str | None = None
    remat: bool = False
    latent_gradient: float = 1.0

    def setup(self) -> None:
        """Builds the three parts, each scaled by the width factor, but for an encoder of fixed widths."""
        width = self.settings.width
        self.encoder = encoders.build(encoders.FEATURE_MAP, self.settings, self.axis_name, self.remat)
        self.classifier = Classifier(scale_channels(self.settings.classifier_width, width))
        self.decoder = Decoder(
            tuple(scale_channels(channels, width) for channels in self.settings.decoder_widths), self.axis_name
        )

    def __call__(self, images: jax.Array, *, train: bool) -> Outputs:
        """Runs both branches.

        Args:
            images: float [N, H, W, 3] in [-1, 1]; the layers compute in their dtype.
            train: normalise by the batch's statistics and update the running ones.
        """
        feature_map = self.encoder(images, train)
        vector = jnp.mean(feature_map, axis=(1, 2), dtype=jnp.float32)
        latent = feature_map if self.settings.latent == "map" else vector.astype(images.dtype)
        return Outputs(
            logits=self.classifier(vector),
            reconstruction=self.decoder(self._passing(latent), (images.shape[1], images.shape[2]), train),
            latent=latent,
            feature_map=feature_map,
        )

    def _passing(self, latent: jax.Array) -> jax.Array:
        """The latent, through which `latent_gradient` of the gradient passes."""
        if self.latent_gradient == 1:
            return latent
        constant = jax.lax.stop_gradient(latent)
        return constant + self.latent_gradient * (latent - constant)

    def classify(self, feature_map: jax.Array) -> jax.Array:
        """The logits that the encoder's feature map alone leads to: float [N, h, w, C] -> float32 [N]."""
        return self.classifier(jnp.mean(feature_map, axis=(1, 2), dtype=jnp.float32))


def reconstruction_weight(settings: CAELoss, step: jax.Array | int) -> jax.Array:
    """Lambda in a step, float32: 0 before `start`, rising over `warmup` steps, 0 from `stop` on."""
    share = jnp.clip((step + 1.0 - settings.start) / max(settings.warmup, 1), 0.0, 1.0)
    return settings.reconstruction_weight * jnp.where((settings.stop > 0) & (step >= settings.stop), 0.0, share)


def objective(
    outputs: Outputs,
    images: jax.Array,
    labels: jax.Array,
    settings: CAELoss,
    axis_name: str | None = None,
    weight: jax.Array | None = None,
) -> tuple[jax.Array, Metrics]:
    """L = BCE(logit, y) + lambda * MSE(x_hat, x), the squared error over all images or over reals only.

    Args:
        outputs: of the network on `images`.
        images: float32 [N, H, W, 3] in [-1, 1].
        labels: int32 [N], 0 real, 1 fake.
        settings: lambda, and which images are reconstructed.
        axis_name: mapped axis that the batch is spread over, or None.
        weight: lambda in this step; None for the settings'.

    Returns:
        The loss, and its terms by name; float32 scalars.
    """
    mean = functools.partial(losses.weighted_mean, axis_name=axis_name)
    reconstructed = jnp.ones(labels.shape) if settings.reconstruct == "all" else jnp.float32(labels == 0)
    classification = mean(losses.binary_cross_entropy(outputs.logits, labels))
    reconstruction = mean(losses.reconstruction_mse(outputs.reconstruction, images), reconstructed)
    loss = classification + (settings.reconstruction_weight if weight is None else weight) * reconstruction
    return loss, {"loss": loss, "classification": classification, "reconstruction": reconstruction}


def learn(
    state: TrainState, batch: Batch, key: jax.Array, *, settings: CAESettings, axis_name: str | None = None
) -> Learnt:
    """The gradient of the objective on a batch, of both branches jointly; see `Method.train_step` for shapes.

    The batch is augmented; `key` is not read.
    """
    images = normalize(batch["image"])
    network = CAE(settings.model, axis_name, settings.train.remat, settings.loss.latent_gradient)
    scheduled = settings.loss.start or settings.loss.warmup or settings.loss.stop
    weight = reconstruction_weight(settings.loss, state.step) if scheduled else None

    def loss(outputs: Outputs) -> tuple[jax.Array, Metrics]:
        return objective(outputs, images, batch["label"], settings.loss, axis_name, weight)

    return step.gradients(state, network, images.astype(settings.train.dtype), loss)


def predict(variables: Variables, images: jax.Array, *, settings: CAESettings) -> Prediction:
    """p(fake), the reconstruction, whose error is high where a face is unlike the training faces, and Grad-CAM's map.

    Args:
        variables: parameters and running statistics.
        images: uint8, or float32 in [0, 255], [N, H, W, 3] RGB.
        settings: of the run.
    """
    network = CAE(settings.model)
    outputs: Any = network.apply(variables, normalize(images), train=False)
    classify: Any = functools.partial(network.apply, variables, method="classify")
    return Prediction(
        score=jax.nn.sigmoid(outputs.logits),
        attention=None,
        reconstruction=outputs.reconstruction,
        logit=outputs.logits,
        class_activation=class_activation(classify, outputs.feature_map, images.shape[1:3]),
    )


def build(settings: CAESettings, weights: Weights = NO_WEIGHTS) -> Method:
    """The CAE with `settings` bound; with `model.pretrained`, training starts from `weights[model.encoder]`."""
    encoders.check(encoders.FEATURE_MAP, settings.model)
    return step.build(
        settings,
        network=CAE(settings.model),
        learn=learn,
        predict=predict,
        pretrained=weights.get(settings.model.encoder),
    )


register(CAESettings, build)
