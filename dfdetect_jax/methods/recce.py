"""RECCE: reconstruction of reals alone, whose residual guides the classifier's attention.

Cao, Ma, Yao, Chen, Ding, Yang: "End-to-End Reconstruction-Classification Learning for Face Forgery Detection", CVPR
2022.

A decoder that has learnt reals only fails on what is forged, so its residual and its features show it:

    x -> Xception, first third -> z -> decoder -> x_hat         residual = |x - x_hat|
                                  |       | maps     |
                                  +-> graph reasoning +-> attention -> the rest of Xception -> logit

    L = flooded BCE(logit, y) + lambda_1 |x_hat - x|_1 on reals + lambda_2 sum of the metric loss of three maps
    metric loss = [1 - mean similarity of two reals + mean similarity of a real and a fake]_+    (equation 3)

with (1 + cosine) / 2 of average features as the similarity; fakes of different forgeries may differ. Weights, dropout
and the flood level of 0.04 are those of the authors' code. Left out is its noise on half of the input, whose spread of
1e-6 has no effect. The attention's map isn't given as `Prediction.attention`: it is learnt without masks, and either
sign of it may mean "forged". Grad-CAM's map and the reconstruction are. Copies of RECCE that train by BCE alone aren't
this method.
"""

import functools
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from dfdetect_jax import losses
from dfdetect_jax.augmentation import normalize
from dfdetect_jax.config import RECCELoss, RECCEModel, RECCESettings
from dfdetect_jax.methods import step
from dfdetect_jax.methods.accumulation import Learnt
from dfdetect_jax.methods.class_activation import class_activation
from dfdetect_jax.methods.contract import Batch, Method, Metrics, Prediction, TrainState, Variables
from dfdetect_jax.methods.registry import NO_WEIGHTS, Weights, register
from dfdetect_jax.models import encoders
from dfdetect_jax.models.recce_layers import Decoder, GraphReasoning, GuidedAttention, resize_corners
from dfdetect_jax.models.xception import Xception

_TINY = 1e-6


class Outputs(NamedTuple):
    """What the network gives.

    Attributes:
        logits: float32 [N]; positive means fake.
        reconstruction: float32 [N, H, W, 3] in [-1, 1].
        averages: of the encoder's map and of the decoder's two, float32 [N, C_i] of length 1, for the metric loss.
        feature_map: float [N, h, w, C], of the last convolution.
    """

    logits: jax.Array
    reconstruction: jax.Array
    averages: tuple[jax.Array, ...]
    feature_map: jax.Array


class RECCE(nn.Module):
    """The network.

    Attributes:
        settings: width, depth and dropout.
        axis_name: mapped axis over which BatchNorm's statistics are averaged, or None.
        remat: recompute the activations inside Xception's blocks in the backward pass.
    """

    settings: RECCEModel
    axis_name: str | None = None
    remat: bool = False

    def setup(self) -> None:
        """Builds the parts."""
        width, dropout = self.settings.width, self.settings.dropout
        self.encoder = Xception(width, self.settings.middle_blocks, self.axis_name, self.remat)
        self.decoder = Decoder(width, self.axis_name)
        self.reasoning = GraphReasoning(width, dropout)
        self.attention = GuidedAttention(dropout, self.axis_name)
        self.drop = nn.Dropout(dropout)
        self.linear = nn.Dense(1)

    def __call__(self, images: jax.Array, *, train: bool) -> Outputs:
        """Reconstructs and classifies images.

        Args:
            images: float [N, H, W, 3] in [-1, 1]; the layers compute in their dtype.
            train: normalise by the batch's statistics and update the running ones; drop values by the key "dropout".
        """
        half = self.settings.middle_blocks // 2
        z = self.encoder.middle_flow(self.encoder.entry_flow(images, train), train, 0, 1)
        decoded = self.decoder(self.drop(z, deterministic=not train), train)
        reconstruction = resize_corners(decoded.reconstruction, images.shape[1], images.shape[2])
        x = self.encoder.middle_flow(z, train, 1, half)
        x = x + self.reasoning(x, decoded.coarse, decoded.fine, train)
        x = self.encoder.middle_flow(x, train, half, half + 1)
        x = self.attention(x, jnp.abs(images - reconstruction), train)
        feature_map = self.encoder.exit_flow(self.encoder.middle_flow(x, train, half + 1), train)
        averages = tuple(unit_average(each) for each in (z, decoded.coarse, decoded.fine))
        return Outputs(self.classify(feature_map, train), reconstruction, averages, feature_map)

    def classify(self, feature_map: jax.Array, train: bool = False) -> jax.Array:
        """The logits that the last feature map leads to: float [N, h, w, C] -> float32 [N]."""
        vector = jnp.mean(feature_map, axis=(1, 2), dtype=jnp.float32)
        return jnp.squeeze(self.linear(self.drop(vector, deterministic=not train)), axis=-1)


def unit_average(feature_map: jax.Array) -> jax.Array:
    """The average over all positions, divided by its length: float [N, h, w, C] -> float32 [N, C]."""
    average = jnp.mean(feature_map, axis=(1, 2), dtype=jnp.float32)
    return average * jax.lax.rsqrt(jnp.sum(jnp.square(average), axis=1, keepdims=True) + _TINY**2)


def metric_loss(averages: jax.Array, labels: jax.Array, axis_name: str | None = None) -> jax.Array:
    """[1 - mean s(real, real) + mean s(real, fake)]_+, s = (1 + cosine) / 2: equation 3. A mean of no pair is 0.

    Args:
        averages: float32 [N, C] of length 1.
        labels: int32 [N], 0 real, 1 fake.
        axis_name: mapped axis that the batch is spread over, or None; pairs are those of the whole batch.

    Returns:
        float32 scalar.
    """
    if axis_name is not None:
        averages, labels = (jax.lax.all_gather(each, axis_name, tiled=True) for each in (averages, labels))
    real, fake = ((labels == label).astype(jnp.float32) for label in (0, 1))
    similarity = (1 + jnp.matmul(averages, averages.T, precision=jax.lax.Precision.HIGHEST)) / 2
    of_reals, across = real[:, None] * real * (1 - jnp.eye(len(labels))), real[:, None] * fake
    alike, unlike = (jnp.sum(similarity * pairs) / (jnp.sum(pairs) + _TINY) for pairs in (of_reals, across))
    return jax.nn.relu(1 - alike + unlike)


def objective(
    outputs: Outputs, images: jax.Array, labels: jax.Array, settings: RECCELoss, axis_name: str | None = None
) -> tuple[jax.Array, Metrics]:
    """The weighted sum of the three terms.

    Args:
        outputs: of the network on `images`.
        images: float32 [N, H, W, 3] in [-1, 1].
        labels: int32 [N], 0 real, 1 fake.
        settings: weights, and the level of flooding (Ishida et al., ICML 2020).
        axis_name: mapped axis that the batch is spread over, or None.

    Returns:
        The loss, and its terms by name; float32 scalars.
    """
    mean = functools.partial(losses.weighted_mean, axis_name=axis_name)
    classification = mean(losses.binary_cross_entropy(outputs.logits, labels))
    if axis_name is not None:
        classification = jax.lax.pmean(classification, axis_name)  # flooding is of the whole batch's loss
    reals = (labels == 0).astype(jnp.float32)
    terms = {
        "classification": classification,
        "reconstruction": mean(losses.reconstruction_l1(outputs.reconstruction, images), reals),
        "metric": sum((metric_loss(each, labels, axis_name) for each in outputs.averages), jnp.zeros(())),
    }
    loss = jnp.abs(classification - settings.flood) + settings.flood
    loss += settings.reconstruction_weight * terms["reconstruction"] + settings.metric_weight * terms["metric"]
    return loss, {"loss": loss, **terms}


def learn(
    state: TrainState, batch: Batch, key: jax.Array, *, settings: RECCESettings, axis_name: str | None = None
) -> Learnt:
    """The gradient of the objective on a batch; see `Method.train_step` for shapes. `key` is for dropout."""
    images, network = normalize(batch["image"]), RECCE(settings.model, axis_name, settings.train.remat)

    def loss(outputs: Outputs) -> tuple[jax.Array, Metrics]:
        return objective(outputs, images, batch["label"], settings.loss, axis_name)

    return step.gradients(state, network, images.astype(settings.train.dtype), loss, key)


def predict(variables: Variables, images: jax.Array, *, settings: RECCESettings) -> Prediction:
    """p(fake), the reconstruction, and Grad-CAM's map.

    Args:
        variables: parameters and running statistics.
        images: uint8, or float32 in [0, 255], [N, H, W, 3] RGB.
        settings: of the run.
    """
    network = RECCE(settings.model)
    outputs: Any = network.apply(variables, normalize(images), train=False)
    classify: Any = functools.partial(network.apply, variables, method="classify")
    return Prediction(
        score=jax.nn.sigmoid(outputs.logits),
        attention=None,
        reconstruction=outputs.reconstruction,
        logit=outputs.logits,
        class_activation=class_activation(classify, outputs.feature_map, images.shape[1:3]),
    )


def build(settings: RECCESettings, weights: Weights = NO_WEIGHTS) -> Method:
    """RECCE with `settings` bound; with `model.pretrained`, training starts from `weights["xception"]`."""
    encoders.check(encoders.FEATURE_MAP, settings.model)
    return step.build(
        settings,
        network=RECCE(settings.model),
        learn=learn,
        predict=predict,
        pretrained=weights.get(settings.model.encoder),
    )


register(RECCESettings, build)
