"""CAE: a convolutional encoder shared by a classifier and a reconstruction, trained jointly.

Yan, Lu, Li: "Deepfake Detection via Joint Unsupervised Reconstruction and Supervised Classification", 2022,
arXiv 2211.13424.

A detector supervised by labels alone learns what tells this data set's fakes, and fails on others. Here the latent
that the classifier reads must also be enough to rebuild the face, which keeps local detail in it:

                                  classifier -> logit           L = BCE(logit, y) + lambda * MSE(x_hat, x)
    x -> encoder -> latent <
                                  decoder -> x_hat

Both branches are trained at the same time, end to end; lambda = 0 leaves the classifier alone, the baseline.
"""

import functools
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from dfdetect_jax import losses, optimizer
from dfdetect_jax.augment import augment, normalize
from dfdetect_jax.config import CAELoss, CAEModel, CAESettings
from dfdetect_jax.methods.accumulation import Learnt, accumulate
from dfdetect_jax.methods.contract import Batch, Method, Metrics, Prediction, TrainState, Variables, step_key
from dfdetect_jax.models.autoencoder import Classifier, Decoder
from dfdetect_jax.models.layers import scale_channels
from dfdetect_jax.models.xception import Xception


class Outputs(NamedTuple):
    """What the two branches say, and what they share.

    Attributes:
        logits: float32 [N]; positive means fake.
        reconstruction: float32 [N, H, W, 3] in [-1, 1].
        latent: float [N, h, w, C] ("map") or [N, C] ("vector"), what the decoder read.
    """

    logits: jax.Array
    reconstruction: jax.Array
    latent: jax.Array


class CAE(nn.Module):
    """The network: one encoder, and on its latent a classifier and a decoder side by side.

    Attributes:
        settings: widths, and whether the decoder reads the feature map or its average.
        axis_name: mapped axis over which BatchNorm's statistics are averaged, or None.
        remat: compute the inside of the encoder's blocks again for the backward pass.
    """

    settings: CAEModel
    axis_name: str | None = None
    remat: bool = False

    def setup(self):
        """Builds the three parts, each scaled by the width factor."""
        width = self.settings.width
        self.encoder = Xception(width, self.settings.middle_blocks, self.axis_name, self.remat)
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
            reconstruction=self.decoder(latent, images.shape[1:3], train),
            latent=latent,
        )


def objective(
    outputs: Outputs, images: jax.Array, labels: jax.Array, settings: CAELoss, axis_name: str | None = None
) -> tuple[jax.Array, Metrics]:
    """L = BCE(logit, y) + lambda * MSE(x_hat, x), the squared error over all images or over reals only.

    Args:
        outputs: of the network on `images`.
        images: float32 [N, H, W, 3] in [-1, 1].
        labels: int32 [N], 0 real, 1 fake.
        settings: lambda, and which images are reconstructed.
        axis_name: mapped axis that the batch is spread over, or None.

    Returns:
        The loss, and its terms by name; float32 scalars.
    """
    everyone = jnp.ones_like(outputs.logits)
    reconstructed = everyone if settings.reconstruct == "all" else everyone * (labels == 0)
    classification = losses.binary_cross_entropy(outputs.logits, labels, everyone, axis_name)
    reconstruction = losses.reconstruction_mse(outputs.reconstruction, images, reconstructed, axis_name)
    loss = classification + settings.reconstruction_weight * reconstruction
    return loss, {"loss": loss, "classification": classification, "reconstruction": reconstruction}


def init(key: jax.Array, *, settings: CAESettings) -> TrainState:
    """A fresh state: random parameters from one half of `key`, and the other half to draw from in training."""
    init_key, train_key = jax.random.split(key)
    image = jnp.zeros((1, settings.data.image_size, settings.data.image_size, 3))
    variables = CAE(settings.model).init(init_key, image, train=False)
    params = variables["params"]
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        key=train_key,
        params=params,
        batch_stats=variables["batch_stats"],
        opt_state=optimizer.build(settings.optimizer, settings.train.steps).init(params),
        ema=jax.tree.map(jnp.copy, params) if settings.optimizer.ema_decay > 0 else None,
    )


def learn(
    state: TrainState, batch: Batch, key: jax.Array, *, settings: CAESettings, axis_name: str | None = None
) -> Learnt:
    """The gradient of the objective on a batch, both branches at once; `key` augments it."""
    images = augment(key, normalize(batch["image"]), settings.augment)
    network = CAE(settings.model, axis_name, settings.train.remat)
    seen = images.astype(settings.train.dtype)

    def loss_fn(params):
        variables = {"params": params, "batch_stats": state.batch_stats}
        outputs, updated = network.apply(variables, seen, train=True, mutable=["batch_stats"])
        loss, metrics = objective(outputs, images, batch["label"], settings.loss, axis_name)
        return loss, (metrics, updated["batch_stats"])

    gradients, (metrics, batch_stats) = jax.grad(loss_fn, has_aux=True)(state.params)
    return Learnt(gradients, (batch_stats, None), metrics)


def train_step(
    state: TrainState, batch: Batch, *, settings: CAESettings, axis_name: str | None = None
) -> tuple[TrainState, Metrics]:
    """One step of joint training; see `Method.train_step` for shapes."""
    gradients, statistics, metrics = accumulate(
        functools.partial(learn, settings=settings, axis_name=axis_name),
        state,
        batch,
        step_key(state, axis_name),
        settings.train.accumulate,
    )
    if axis_name is not None:
        gradients, metrics = jax.lax.pmean((gradients, metrics), axis_name)
    params, opt_state = optimizer.update(
        settings.optimizer, settings.train.steps, gradients, state.params, state.opt_state
    )
    new_state = state.with_statistics(statistics).replace(
        step=state.step + 1,
        params=params,
        opt_state=opt_state,
        ema=optimizer.average(state.ema, params, settings.optimizer.ema_decay),
    )
    return new_state, metrics | {"gradient_norm": optax.global_norm(gradients)}


def predict(variables: Variables, images: jax.Array, *, settings: CAESettings) -> Prediction:
    """p(fake) and the reconstruction, whose failures show where a face is unlike those trained on; no attention map."""
    outputs = CAE(settings.model).apply(variables, normalize(images), train=False)
    return Prediction(
        score=jax.nn.sigmoid(outputs.logits),
        attention=None,
        reconstruction=outputs.reconstruction,
        logit=outputs.logits,
    )


def build(settings: CAESettings) -> Method:
    """The three functions with `settings` bound, ready for `jax.jit`."""
    return Method(*(functools.partial(function, settings=settings) for function in (init, train_step, predict)))
