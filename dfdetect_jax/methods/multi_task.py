"""Multi-task: one latent classifies a face, segments what was forged of it, and reconstructs it.

Nguyen, Fang, Yamagishi, Echizen: "Multi-task Learning For Detecting and Segmenting Manipulated Facial Images and
Videos", BTAS 2019, arXiv 1906.06876. The classification is that of ForensicTransfer (Cozzolino et al. 2018).

                                                                          +-> segmenter -> softmax -> s
    x -> encoder -> [real half | fake half] -> half of its class -> shared <
                          |                                               +-> decoder -> tanh -> x_hat
                          +-> a_real, a_fake

    L = |a_fake - y| + |a_real - (1 - y)|  +  CE(s, mask)  +  MSE(x_hat, x)

It is what the LAE has to beat in localisation: there every fake has a mask, here too (`active.masks`), but the map is
an output of its own, not the decision's. As in the authors' code, p(fake) = sigmoid(a_fake - a_real), and the
segmentation is that of the predicted class's half. Choices of ours: images in [-1, 1], the tanh's range (theirs have
ImageNet's mean and spread); images without a mask have no part in the segmentation; BatchNorm and first weights as
elsewhere here.
"""

import functools
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from dfdetect_jax import losses
from dfdetect_jax.augmentation import normalize
from dfdetect_jax.config import MultiTaskLoss, MultiTaskModel, MultiTaskSettings
from dfdetect_jax.methods import step
from dfdetect_jax.methods.accumulation import Learnt
from dfdetect_jax.methods.contract import Batch, Method, Metrics, Prediction, TrainState, Variables
from dfdetect_jax.methods.latent_halves import Activations, activations, keep_half
from dfdetect_jax.methods.registry import NO_WEIGHTS, Weights, register
from dfdetect_jax.models.unet import Encoder
from dfdetect_jax.models.y_decoder import HALVINGS, YDecoder


class Outputs(NamedTuple):
    """What the network gives.

    Attributes:
        a: activations of the latent's halves.
        z: the latent, float [N, H / 16, W / 16, C].
        pixel_logits: float32 [N, H, W, 2], of "untouched" and "forged".
        reconstruction: float32 [N, H, W, 3] in [-1, 1].
    """

    a: Activations
    z: jax.Array
    pixel_logits: jax.Array
    reconstruction: jax.Array


class MultiTask(nn.Module):
    """The network.

    Attributes:
        settings: width.
        axis_name: mapped axis over which BatchNorm's statistics are averaged, or None.
        remat: recompute the encoder's activations in the backward pass.
    """

    settings: MultiTaskModel
    axis_name: str | None = None
    remat: bool = False

    def setup(self) -> None:
        """Builds both parts."""
        self.encoder = Encoder(HALVINGS, self.settings.width, self.axis_name, self.remat)
        self.decoder = YDecoder(self.settings.width, self.axis_name)

    def __call__(self, images: jax.Array, *, train: bool, fake: jax.Array | None = None) -> Outputs:
        """All three tasks.

        Args:
            images: float [N, H, W, 3] in [-1, 1]; the layers compute in their dtype.
            train: normalise by the batch's statistics and update the running ones.
            fake: bool [N], the class whose half is decoded: the true one in training; None for the predicted one.
        """
        z = self.encode(images, train)
        a = activations(z)
        pixel_logits, x_hat = self.decoder(keep_half(z, a.fake >= a.real if fake is None else fake), train)
        return Outputs(a, z, pixel_logits, jnp.tanh(x_hat))

    def encode(self, images: jax.Array, train: bool) -> jax.Array:
        """Images to the latent: the last of the encoder's maps, as there are no skips."""
        z: jax.Array = self.encoder(images, train)[-1]
        return z


def objective(
    outputs: Outputs,
    images: jax.Array,
    batch: Batch,
    settings: MultiTaskLoss,
    axis_name: str | None = None,
) -> tuple[jax.Array, Metrics]:
    """The weighted sum of the three terms.

    Args:
        outputs: of the network on `images`.
        images: float32 [N, H, W, 3] in [-1, 1].
        batch: "label" int32 [N]; "mask" uint8 [N, H, W] in {0, 255}, moved as the images were; "has_mask" bool [N].
        settings: the weights.
        axis_name: mapped axis that the batch is spread over, or None.

    Returns:
        The loss, and its terms by name; float32 scalars.
    """
    mean = functools.partial(losses.weighted_mean, axis_name=axis_name)
    forged = (batch["mask"] >= 128).astype(jnp.int32)
    of_pixels = optax.softmax_cross_entropy_with_integer_labels(outputs.pixel_logits, forged)
    terms = {
        "activation": mean(losses.latent_activation(outputs.a.real, outputs.a.fake, batch["label"])),
        "segmentation": mean(jnp.mean(of_pixels, axis=(1, 2)), batch["has_mask"].astype(jnp.float32)),
        "reconstruction": mean(losses.reconstruction_mse(outputs.reconstruction, images)),
    }
    loss = sum(getattr(settings, name) * term for name, term in terms.items())
    return loss, {"loss": loss, **terms}


def learn(
    state: TrainState, batch: Batch, key: jax.Array, *, settings: MultiTaskSettings, axis_name: str | None = None
) -> Learnt:
    """The gradient of the objective on a batch; see `Method.train_step` for shapes. `key` is not read."""
    images, network = normalize(batch["image"]), MultiTask(settings.model, axis_name, settings.train.remat)

    def loss(outputs: Outputs) -> tuple[jax.Array, Metrics]:
        return objective(outputs, images, batch, settings.loss, axis_name)

    return step.gradients(state, network, images.astype(settings.train.dtype), loss, fake=batch["label"] == 1)


def predict(variables: Variables, images: jax.Array, *, settings: MultiTaskSettings) -> Prediction:
    """p(fake), the segmentation as the attention, and the reconstruction, both from the predicted class's half.

    Args:
        variables: parameters and running statistics.
        images: uint8, or float32 in [0, 255], [N, H, W, 3] RGB.
        settings: of the run.
    """
    outputs: Any = MultiTask(settings.model).apply(variables, normalize(images), train=False)
    logits = outputs.a.fake - outputs.a.real
    return Prediction(
        score=jax.nn.sigmoid(logits),
        attention=jax.nn.softmax(outputs.pixel_logits)[..., 1],
        reconstruction=outputs.reconstruction,
        logit=logits,
    )


def encode(variables: Variables, images: jax.Array, *, settings: MultiTaskSettings) -> jax.Array:
    """The latent, float32 [N, h, w, C], of uint8 [N, H, W, 3]: the real half of the channels, then the fake half."""
    z: Any = MultiTask(settings.model).apply(variables, normalize(images), False, method="encode")
    return jnp.asarray(z)


def build(settings: MultiTaskSettings, weights: Weights = NO_WEIGHTS) -> Method:
    """Multi-task learning with `settings` bound; it needs no weights."""
    return step.build(settings, network=MultiTask(settings.model), learn=learn, predict=predict, encode=encode)


register(MultiTaskSettings, build)
