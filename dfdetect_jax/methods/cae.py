"""CAE: one convolutional encoder shared by a classifier and a reconstruction decoder, trained jointly.

Yan, Lu, Li: "Deepfake Detection via Joint Unsupervised Reconstruction and Supervised Classification", 2022,
arXiv 2211.13424.
"""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from dfdetect_jax import losses, optimizer
from dfdetect_jax.augment import augment, normalize
from dfdetect_jax.config import Loss, Model, Settings
from dfdetect_jax.methods.base import Batch, Method, Metrics, Prediction, TrainState, Variables
from dfdetect_jax.models.autoencoder import Classifier, Decoder
from dfdetect_jax.models.layers import scale_channels
from dfdetect_jax.models.xception import Xception


class Outputs(NamedTuple):
    """The network's two answers, and what they share.

    Attributes:
        logits: float32 [N], positive means fake.
        reconstruction: float32 [N, H, W, 3] in [-1, 1].
        latent: float32 [N, h, w, C] ("map") or [N, C] ("vector").
    """

    logits: jax.Array
    reconstruction: jax.Array
    latent: jax.Array


class CAE(nn.Module):
    """Encoder, and on its latent a classifier and a decoder side by side.

    Attributes:
        settings: widths and the form of the latent.
        axis_name: mapped axis over which BatchNorm's statistics are averaged, or None.
    """

    settings: Model
    axis_name: str | None = None

    def setup(self):
        """Builds the three parts."""
        s = self.settings
        widths = tuple(scale_channels(width, s.width) for width in s.decoder_widths)
        self.encoder = Xception(s.width, s.middle_blocks, self.axis_name)
        self.classifier = Classifier(scale_channels(s.classifier_width, s.width))
        self.decoder = Decoder(widths, self.axis_name)

    def __call__(self, images: jax.Array, *, train: bool) -> Outputs:
        """Both branches on `images`, float32 [N, H, W, 3] in [-1, 1]."""
        feature_map = self.encoder(images, train)
        vector = jnp.mean(feature_map, axis=(1, 2))
        latent = feature_map if self.settings.latent == "map" else vector
        return Outputs(
            logits=self.classifier(vector),
            reconstruction=self.decoder(latent, images.shape[1:3], train),
            latent=latent,
        )


def objective(
    outputs: Outputs, images: jax.Array, labels: jax.Array, settings: Loss, axis_name: str | None = None
) -> tuple[jax.Array, Metrics]:
    """L = BCE(logit, y) + lambda * MSE(x_hat, x).

    Args:
        outputs: of the network on `images`.
        images: float32 [N, H, W, 3] in [-1, 1].
        labels: int32 [N], 0 real, 1 fake.
        settings: lambda, and whether fakes are reconstructed too.
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


def build(settings: Settings) -> Method:
    """The method as three pure functions with `settings` bound."""
    gradient_transform = optimizer.build(settings.optimizer, settings.train.steps)

    def init(key: jax.Array) -> TrainState:
        size = settings.data.image_size
        init_key, run_key = jax.random.split(key)
        variables = CAE(settings.model).init(init_key, jnp.zeros((1, size, size, 3)), train=False)
        params = variables["params"]
        return TrainState(
            step=jnp.zeros((), jnp.int32),
            key=run_key,
            params=params,
            batch_stats=variables["batch_stats"],
            opt_state=gradient_transform.init(params),
            ema=jax.tree.map(jnp.copy, params) if settings.optimizer.ema_decay > 0 else None,
        )

    def train_step(state: TrainState, batch: Batch, *, axis_name: str | None = None) -> tuple[TrainState, Metrics]:
        key = jax.random.fold_in(state.key, state.step)
        if axis_name is not None:
            key = jax.random.fold_in(key, jax.lax.axis_index(axis_name))
        images = augment(key, normalize(batch["image"]), settings.augment)

        def loss_fn(params):
            variables = {"params": params, "batch_stats": state.batch_stats}
            outputs, updated = CAE(settings.model, axis_name).apply(
                variables, images, train=True, mutable=["batch_stats"]
            )
            loss, metrics = objective(outputs, images, batch["label"], settings.loss, axis_name)
            return loss, (metrics, updated["batch_stats"])

        gradients, (metrics, batch_stats) = jax.grad(loss_fn, has_aux=True)(state.params)
        if axis_name is not None:
            gradients, metrics = jax.lax.pmean((gradients, metrics), axis_name)
        updates, opt_state = gradient_transform.update(gradients, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        ema = optimizer.average(state.ema, params, settings.optimizer.ema_decay)
        metrics["gradient_norm"] = optax.global_norm(gradients)
        return state.replace(
            step=state.step + 1, params=params, batch_stats=batch_stats, opt_state=opt_state, ema=ema
        ), metrics

    def predict(variables: Variables, images: jax.Array) -> Prediction:
        outputs = CAE(settings.model).apply(variables, normalize(images), train=False)
        return Prediction(jax.nn.sigmoid(outputs.logits), None, outputs.reconstruction)

    return Method(init, train_step, predict)
