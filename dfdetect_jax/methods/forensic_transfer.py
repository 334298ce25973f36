"""ForensicTransfer: an autoencoder whose latent has a half for reals and a half for fakes; the LAE's ancestor.

Cozzolino, Thies, Roessler, Riess, Niessner, Verdoliva: "ForensicTransfer: Weakly-supervised Domain Adaptation for
Forgery Detection", 2018, arXiv 1812.02510.

Each half is to be active, a mean of 1, for its own class and silent for the other, while the half of the image's class
must suffice to reconstruct the input; so the latent keeps what a decision on the training forgeries alone would drop.

    x -> residual -> encoder -> [real half | fake half]     a = mean |half|       fake if a_fake > a_real
                                    |
                                    +-> half of the image's class -> decoder -> reconstructed residual

    L = |a_fake - y| + |a_real - (1 - y)| + gamma |x_hat - x|_1       (equations 2 to 4; gamma = 0.1)

Adapting to a new forgery by a few of its images is `--init_from`. Choices of ours, as the full text was not available:
what is encoded and reconstructed is the third derivative of the colours along rows and along columns, or the image
itself; the last layer is linear on residuals and a tanh on images; p(fake) = a_fake / (a_fake + a_real), whose decision
is the paper's.
"""

import functools
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from dfdetect_jax import losses
from dfdetect_jax.augmentation import normalize
from dfdetect_jax.config import ForensicTransferLoss, ForensicTransferModel, ForensicTransferSettings
from dfdetect_jax.methods import step
from dfdetect_jax.methods.accumulation import Learnt
from dfdetect_jax.methods.class_activation import class_activation
from dfdetect_jax.methods.contract import Batch, Method, Metrics, Prediction, TrainState, Variables
from dfdetect_jax.methods.latent_halves import Activations, activations, keep_half
from dfdetect_jax.methods.registry import NO_WEIGHTS, Weights, register
from dfdetect_jax.models.forensic_transfer import Decoder, Encoder, third_derivatives

_TINY = 1e-6


class Outputs(NamedTuple):
    """What the network gives.

    Attributes:
        a: activations of the latent's halves.
        z: the latent, float [N, h, w, C].
        reconstruction: float32 [N, H, W, C'], of `seen`.
        seen: float [N, H, W, C'], the encoder's input.
    """

    a: Activations
    z: jax.Array
    reconstruction: jax.Array
    seen: jax.Array


class ForensicTransfer(nn.Module):
    """The network.

    Attributes:
        settings: width, and what is encoded.
        axis_name: mapped axis over which BatchNorm's statistics are averaged, or None.
    """

    settings: ForensicTransferModel
    axis_name: str | None = None

    def setup(self) -> None:
        """Builds both parts."""
        channels = 6 if self.settings.input == "residual" else 3
        self.encoder = Encoder(self.settings.width, self.axis_name)
        self.decoder = Decoder(channels, self.settings.width, self.axis_name)

    def __call__(self, images: jax.Array, *, train: bool, fake: jax.Array | None = None) -> Outputs:
        """Encodes images, and reconstructs them from one half of the latent.

        Args:
            images: float [N, H, W, 3] in [-1, 1]; the layers compute in their dtype.
            train: normalise by the batch's statistics and update the running ones.
            fake: bool [N], the class whose half is decoded: the true one in training; None for the predicted one.
        """
        residual = self.settings.input == "residual"
        seen = third_derivatives(images) if residual else images
        z = self.encoder(seen, train)
        a = activations(z)
        reconstruction = self.decoder(keep_half(z, a.fake > a.real if fake is None else fake), train)
        return Outputs(a, z, reconstruction if residual else jnp.tanh(reconstruction), seen)


def logit(a: Activations) -> jax.Array:
    """log(a_fake / a_real), whose sigmoid is a_fake / (a_fake + a_real): float32 [N]."""
    return jnp.log(a.fake + _TINY) - jnp.log(a.real + _TINY)


def objective(
    outputs: Outputs, labels: jax.Array, settings: ForensicTransferLoss, axis_name: str | None = None
) -> tuple[jax.Array, Metrics]:
    """L = L_activation + gamma L_reconstruction.

    Args:
        outputs: of the network.
        labels: int32 [N], 0 real, 1 fake.
        settings: gamma.
        axis_name: mapped axis that the batch is spread over, or None.

    Returns:
        The loss, and its terms by name; float32 scalars.
    """
    mean = functools.partial(losses.weighted_mean, axis_name=axis_name)
    activation = mean(losses.latent_activation(outputs.a.real, outputs.a.fake, labels))
    reconstruction = mean(losses.reconstruction_l1(outputs.reconstruction, outputs.seen))
    loss = activation + settings.reconstruction_weight * reconstruction
    return loss, {"loss": loss, "activation": activation, "reconstruction": reconstruction}


def learn(
    state: TrainState, batch: Batch, key: jax.Array, *, settings: ForensicTransferSettings, axis_name: str | None = None
) -> Learnt:
    """The gradient of the objective on a batch; see `Method.train_step` for shapes. `key` is not read."""
    network, labels = ForensicTransfer(settings.model, axis_name), batch["label"]
    images = normalize(batch["image"]).astype(settings.train.dtype)

    def loss(outputs: Outputs) -> tuple[jax.Array, Metrics]:
        return objective(outputs, labels, settings.loss, axis_name)

    return step.gradients(state, network, images, loss, fake=labels == 1)


def predict(variables: Variables, images: jax.Array, *, settings: ForensicTransferSettings) -> Prediction:
    """p(fake), Grad-CAM's map of the latent, and the reconstruction if it is one of the image.

    Args:
        variables: parameters and running statistics.
        images: uint8, or float32 in [0, 255], [N, H, W, 3] RGB.
        settings: of the run.
    """
    outputs: Any = ForensicTransfer(settings.model).apply(variables, normalize(images), train=False)
    logits = logit(outputs.a)
    return Prediction(
        score=jax.nn.sigmoid(logits),
        attention=None,
        reconstruction=outputs.reconstruction if settings.model.input == "image" else None,
        logit=logits,
        class_activation=class_activation(lambda z: logit(activations(z)), outputs.z, images.shape[1:3]),
    )


def encode(variables: Variables, images: jax.Array, *, settings: ForensicTransferSettings) -> jax.Array:
    """The latent, float32 [N, h, w, C], of uint8 [N, H, W, 3]: the real half of the channels, then the fake half."""
    outputs: Any = ForensicTransfer(settings.model).apply(variables, normalize(images), train=False)
    z: jax.Array = outputs.z
    return z


def build(settings: ForensicTransferSettings, weights: Weights = NO_WEIGHTS) -> Method:
    """ForensicTransfer with `settings` bound; it needs no weights."""
    network = ForensicTransfer(settings.model)
    return step.build(settings, network=network, learn=learn, predict=predict, encode=encode)


register(ForensicTransferSettings, build)
