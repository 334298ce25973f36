"""LAE: a locality-aware autoencoder, whose attention is restricted to the forged region by masks for a few images.

Du, Pentyala, Li, Hu: "Towards Generalizable Deepfake Detection with Locality-aware AutoEncoder", CIKM 2020,
arXiv 1909.05999. What the paper leaves open follows ForensicTransfer (Cozzolino et al. 2018, arXiv 1812.02510).

A detector may rely on any feature that correlates with the label in training. Here the decision is a pooled map,

    x -> encoder -> latent = [real half | fake half]      map = k (mean |fake half| - mean |real half|) per position
                       |                                  logit = log mean exp of the map
                       +-> half of the image's class -> decoder (with skips) -> x_hat

and masks supervise where that map may be high. (With the mean in place of the log-mean-exp the logit is k times the
difference of the halves' activations; then masks and labels conflict where little of a face is forged.)
Training has two stages. In the first no image has a mask:

    L = latent + pixel + perceptual + adversarial         perceptual: VGG16 features; adversarial: a DCGAN discriminator

In the second, the images selected by active learning have masks, and L includes the attention loss on them. Which
images have a mask is part of the batch (`has_mask`), so both stages run the same step.
"""

import functools
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from dfdetect_jax import losses
from dfdetect_jax.augmentation import high_pass, normalize
from dfdetect_jax.config import LAELoss, LAEModel, LAESettings
from dfdetect_jax.methods import adversary, step
from dfdetect_jax.methods.accumulation import Learnt
from dfdetect_jax.methods.contract import Batch, Method, Metrics, Prediction, TrainState, Variables
from dfdetect_jax.methods.latent_halves import keep_half
from dfdetect_jax.methods.registry import NO_WEIGHTS, Weights, register
from dfdetect_jax.models import encoders, vgg
from dfdetect_jax.models.unet import UNetDecoder

_SOFT_SLOPE, _SOFT_THRESHOLD = 10.0, 0.5  # w and m of the "soft" attention, sigmoid(w (|fake half| - m))
_TINY = 1e-6


class Latent(NamedTuple):
    """The latent and the decision computed from it.

    Attributes:
        z: float [N, h, w, C], at least 0; channels [:C/2] are the real half, [C/2:] the fake half.
        real_map: float32 [N, h, w], mean |real half| over its channels; its spatial mean is a_real.
        fake_map: float32 [N, h, w], the same of the fake half.
        pixel_logits: float32 [N, h, w]; positive means forged.
        logits: float32 [N]; positive means fake.
    """

    z: jax.Array
    real_map: jax.Array
    fake_map: jax.Array
    pixel_logits: jax.Array
    logits: jax.Array


class LAE(nn.Module):
    """The network: encoder, decision on its latent, decoder.

    Attributes:
        model: encoder, widths, stages, and which parts are present.
        loss: how a logit is computed from the latent.
        axis_name: mapped axis over which BatchNorm's statistics are averaged, or None.
        remat: recompute the activations inside each block in the backward pass.
    """

    model: LAEModel
    loss: LAELoss
    axis_name: str | None = None
    remat: bool = False

    def setup(self) -> None:
        """Builds the parts."""
        self.encoder = encoders.build(encoders.PYRAMID, self.model, self.axis_name, self.remat)
        self.decoder = UNetDecoder(self.model.stages, self.model.width, self.axis_name, self.remat)
        if self.model.head == "linear":
            self.linear = nn.Dense(1)

    def __call__(
        self, images: jax.Array, *, train: bool, fake: jax.Array | None = None, reconstruct: bool = True
    ) -> tuple[Latent, jax.Array | None]:
        """The decision on images, and their reconstruction.

        Args:
            images: as in `encode`.
            train: as in `encode`.
            fake: bool [N], the class whose half is decoded: the true one in training; None for the predicted one.
            reconstruct: whether to run the decoder; else the reconstruction is None.

        Returns:
            The latent, and the reconstruction float32 [N, H, W, 3] in [-1, 1] or None.
        """
        latent, skips = self.encode(images, train=train)
        if not reconstruct:
            return latent, None
        return latent, self.decode(latent.z, skips, latent.logits > 0 if fake is None else fake, train=train)

    def encode(self, images: jax.Array, *, train: bool) -> tuple[Latent, list[jax.Array]]:
        """Images to the decision and the skips.

        Args:
            images: float [N, H, W, 3] in [-1, 1]; the layers compute in their dtype.
            train: normalise by the batch's statistics and update the running ones.

        Returns:
            The latent, and the encoder's maps before it; an empty list without skip connections.
        """
        seen = high_pass(images) if self.model.input == "residual" else images
        *skips, z = self.encoder(seen, train)
        halves = jnp.split(z, 2, axis=-1)
        real_map, fake_map = (jnp.mean(jnp.abs(half), axis=-1, dtype=jnp.float32) for half in halves)
        if self.model.head == "linear":
            pixel_logits = self.linear(z)[..., 0]  # a class-activation map: its mean is the classifier's logit
        else:
            pixel_logits = self.loss.sharpness * (fake_map - real_map)
        if self.loss.latent_form == "absolute":  # sigmoid of it is a_fake / (a_fake + a_real)
            a_real, a_fake = (jnp.mean(half, axis=(1, 2)) for half in (real_map, fake_map))
            logits = jnp.log(a_fake + _TINY) - jnp.log(a_real + _TINY)
        else:
            logits = pool(pixel_logits, self.model)
        return Latent(z, real_map, fake_map, pixel_logits, logits), skips if self.model.skips else []

    def decode(self, z: jax.Array, skips: list[jax.Array], fake: jax.Array, *, train: bool) -> jax.Array:
        """Latent to reconstruction, float32 [N, H, W, 3] in [-1, 1].

        Args:
            z: float [N, h, w, C].
            skips: from `encode`.
            fake: bool [N], the class whose half is kept; the other is zeroed.
            train: as in `encode`.
        """
        if self.model.selection:
            z = keep_half(z, fake)
        return self.decoder(z, skips, train)


def pool(pixel_logits: jax.Array, settings: LAEModel) -> jax.Array:
    """The decision's logit from those of the positions, float32 [N, h, w] to [N]: log mean exp, or the mean.

    Masks train negative logits wherever nothing is forged. Where that is nearly everywhere, the mean is negative and a
    fake is classified as real; the log-mean-exp, a smooth maximum, follows the few forged positions.
    """
    if settings.pooling == "mean":
        return jnp.mean(pixel_logits, axis=(1, 2))
    positions = pixel_logits.shape[1] * pixel_logits.shape[2]
    return jax.nn.logsumexp(pixel_logits, axis=(1, 2)) - jnp.log(positions)


def attention_map(latent: Latent, settings: LAELoss) -> jax.Array:
    """The map of the forged region, in the form `settings.attention_form`: float32 [N, h, w] in [0, 1]."""
    match settings.attention_form:
        case "max":
            return latent.fake_map / (jnp.max(latent.fake_map, axis=(1, 2), keepdims=True) + _TINY)
        case "raw":
            return jnp.minimum(latent.fake_map, 1.0)
        case "soft":
            return jax.nn.sigmoid(_SOFT_SLOPE * (latent.fake_map - _SOFT_THRESHOLD))
    return jax.nn.sigmoid(latent.pixel_logits)


def attention_loss(
    latent: Latent, masks: jax.Array, has_mask: jax.Array, labels: jax.Array, settings: LAELoss, axis_name: str | None
) -> jax.Array:
    """The distance of attention from the masks, averaged over fakes with a mask and over reals, whose mask is empty.

    Both means have weight one half.

    Args:
        latent: of the network.
        masks: float32 [N, H, W] in {0, 1}; averaged over the area of each latent position.
        has_mask: bool [N].
        labels: int32 [N].
        settings: the form of the loss.
        axis_name: mapped axis that the batch is spread over, or None.

    Returns:
        float32 scalar.
    """
    n, h, w = latent.fake_map.shape
    grid = masks.reshape(n, h, masks.shape[1] // h, w, masks.shape[2] // w).mean(axis=(2, 4))
    if settings.attention_form == "balanced":
        distance = losses.attention_balanced(latent.pixel_logits, grid)
    else:
        distance = losses.attention_l1(attention_map(latent, settings), grid)
    on_fakes, on_reals = (
        losses.weighted_mean(distance, (has_mask & (labels == label)).astype(grid.dtype), axis_name) for label in (1, 0)
    )
    return (on_fakes + on_reals) / 2


def latent_loss(latent: Latent, labels: jax.Array, settings: LAELoss) -> jax.Array:
    """The classification loss on latent activations, in the form `settings.latent_form`: float32 [N].

    Args:
        latent: of the network.
        labels: int32 [N], 0 real, 1 fake.
        settings: the form of the loss.
    """
    if settings.latent_form == "absolute":
        a_real, a_fake = (jnp.mean(half, axis=(1, 2)) for half in (latent.real_map, latent.fake_map))
        return losses.latent_activation(a_real, a_fake, labels)
    return losses.binary_cross_entropy(latent.logits, labels)


def objective(
    latent: Latent,
    reconstruction: jax.Array,
    images: jax.Array,
    batch: Batch,
    judged: jax.Array,
    vgg16: vgg.VGG16Weights,
    settings: LAELoss,
    axis_name: str | None = None,
    dtype: str = "float32",
) -> tuple[jax.Array, Metrics]:
    """The autoencoder's loss: the weighted sum of the terms with a weight above 0.

    Args:
        latent: of the network on `images`.
        reconstruction: float32 [N, H, W, 3] in [-1, 1]; may be None if no weighted term reads it.
        images: float32 [N, H, W, 3] in [-1, 1].
        batch: "label" int32 [N], "has_mask" bool [N], "mask" float32 [N, H, W] in {0, 1}, moved as the images were.
        judged: float32 [N], the discriminator's logits of the reconstruction; may be None without the adversarial term.
        vgg16: for the perceptual term; may be None without it.
        settings: weights and forms.
        axis_name: mapped axis that the batch is spread over, or None.
        dtype: in which VGG16 computes.

    Returns:
        The loss, and its terms by name; float32 scalars.
    """
    mean = functools.partial(losses.weighted_mean, axis_name=axis_name)
    terms = {"latent": mean(latent_loss(latent, batch["label"], settings))}
    if settings.pixel > 0:
        terms["pixel"] = mean(losses.reconstruction_mse(reconstruction, images))
    if settings.perceptual > 0:
        features_hat, features = (
            vgg.features(vgg16, x, settings.perceptual_layers, dtype) for x in (reconstruction, images)
        )
        terms["perceptual"] = mean(losses.perceptual(features_hat, features))
    if settings.adversarial > 0:
        terms["adversarial"] = mean(losses.adversarial(judged))
    if settings.attention > 0:
        terms["attention"] = attention_loss(
            latent, batch["mask"], batch["has_mask"], batch["label"], settings, axis_name
        )
    loss = sum(getattr(settings, name) * term for name, term in terms.items())
    return loss, {"loss": loss, **terms}


def learn(
    state: TrainState, batch: Batch, key: jax.Array, *, settings: LAESettings, axis_name: str | None = None
) -> Learnt:
    """Gradients of the autoencoder's and of the discriminator's loss on a batch; see `Method.train_step` for shapes.

    The batch is augmented; `key` is not read.
    """
    images = normalize(batch["image"])
    batch = batch | {"mask": batch["mask"].astype(jnp.float32) / 255.0}
    network = LAE(settings.model, settings.loss, axis_name, settings.train.remat)
    dtype = settings.train.dtype

    def loss_fn(params: Any) -> tuple[jax.Array, tuple[Metrics, Any, jax.Array | None]]:
        (latent, reconstruction), batch_stats = step.forward(
            network,
            params,
            state.batch_stats,
            images.astype(dtype),
            fake=batch["label"] == 1,
            reconstruct=settings.loss.reconstructs,
        )
        judged: Any = None
        if state.adversary is not None:
            judged, _ = adversary.judge(state.adversary.params, state.adversary, reconstruction, settings, axis_name)
        loss, metrics = objective(
            latent, reconstruction, images, batch, judged, state.frozen, settings.loss, axis_name, dtype
        )
        return loss, (metrics, batch_stats, reconstruction)

    gradients, (metrics, batch_stats, reconstruction) = jax.grad(loss_fn, has_aux=True)(state.params)
    if state.adversary is None:
        return Learnt(gradients, (batch_stats, None), metrics)
    against, its_batch_stats, loss = adversary.learn(state.adversary, images, reconstruction, settings, axis_name)
    return Learnt(gradients, (batch_stats, its_batch_stats), metrics | {"discrimination": loss}, against)


def predict(variables: Variables, images: jax.Array, *, settings: LAESettings) -> Prediction:
    """p(fake), the attention map at the input's size (bilinear), and the reconstruction from the predicted half.

    The reconstruction is None if no term of the objective trained the decoder.

    Args:
        variables: parameters and running statistics.
        images: uint8, or float32 in [0, 255], [N, H, W, 3] RGB.
        settings: of the run.
    """
    outputs: Any = LAE(settings.model, settings.loss).apply(variables, normalize(images), train=False)
    latent, reconstruction = outputs
    attention = attention_map(latent, settings.loss)
    return Prediction(
        score=jax.nn.sigmoid(latent.logits),
        attention=jax.image.resize(attention, images.shape[:3], "bilinear"),
        reconstruction=reconstruction if settings.loss.reconstructs else None,
        logit=latent.logits,
    )


def encode(variables: Variables, images: jax.Array, *, settings: LAESettings) -> jax.Array:
    """The latent, float32 [N, h, w, C], of uint8 [N, H, W, 3]: the real half of the channels, then the fake half."""
    network = LAE(settings.model, settings.loss)
    outputs: Any = network.apply(variables, normalize(images), train=False, method=network.encode)
    return outputs[0].z


def build(settings: LAESettings, weights: Weights = NO_WEIGHTS) -> Method:
    """The LAE with `settings` bound; training with its perceptual term needs `weights["vgg16"]`, `vgg.VGG16Weights`.

    With `model.pretrained`, training starts from `weights[model.encoder]`.
    """
    encoders.check(encoders.PYRAMID, settings.model)
    return step.build(
        settings,
        network=LAE(settings.model, settings.loss),
        learn=learn,
        predict=predict,
        encode=encode,
        init_adversary=adversary.init if settings.adversary_optimizer else None,
        pretrained=weights.get(settings.model.encoder),
        frozen=weights.get("vgg16") if settings.loss.perceptual > 0 else None,
    )


register(LAESettings, build)
