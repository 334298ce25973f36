"""Xception up to its last feature map.

Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", CVPR 2017, arXiv 1610.02357, figure 5.
Topology, padding and normalisation are those of Keras' `Xception(include_top=False)`, so its weights fit. They take RGB
in [-1, 1]. Their conversion for PyTorch (timm's `legacy_xception`) fits as well; there it gives slightly other features
than in Keras and here, by an epsilon of 1e-5 in BatchNorm and by the padding of pools.
"""

import re
from collections.abc import Sequence

import flax.linen as nn
import jax

from dfdetect_jax.models import encoders, layers
from dfdetect_jax.models.operations import max_pool


class SeparableConv(nn.Module):
    """Depthwise 3x3, pointwise 1x1, batch normalisation: Keras' `SeparableConv2D` and `BatchNormalization`.

    Attributes:
        features: output channels.
        axis_name: as in `Xception`.
    """

    features: int
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Float [N, H, W, C] to [N, H, W, features]."""
        x = layers.DepthwiseConv(name="depthwise")(x)
        x = layers.PointwiseConv(self.features, name="pointwise")(x)
        return layers.BatchNorm(self.axis_name, name="norm")(x, train)


class DownBlock(nn.Module):
    """Two separable convolutions and a max pool of stride 2, beside a strided 1x1 shortcut.

    Attributes:
        features: channels after each separable convolution.
        relu_first: whether a ReLU precedes the first separable convolution; only the first block has none.
        axis_name: as in `Xception`.
    """

    features: tuple[int, int]
    relu_first: bool = True
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Float [N, H, W, C] to [N, ceil(H / 2), ceil(W / 2), features[1]]."""
        shortcut = layers.PointwiseConv(self.features[1], stride=2, name="shortcut")(x)
        shortcut = layers.BatchNorm(self.axis_name, name="shortcut_norm")(shortcut, train)
        x = nn.relu(x) if self.relu_first else x
        x = nn.relu(SeparableConv(self.features[0], self.axis_name, name="separable_0")(x, train))
        x = SeparableConv(self.features[1], self.axis_name, name="separable_1")(x, train)
        return max_pool(x) + shortcut


class MiddleBlock(nn.Module):
    """Three separable convolutions of constant width, added to their input.

    Attributes:
        axis_name: as in `Xception`.
    """

    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Float [N, H, W, C] to the same shape."""
        y = x
        for i in range(3):
            y = SeparableConv(x.shape[-1], self.axis_name, name=f"separable_{i}")(nn.relu(y), train)
        return x + y


class Xception(nn.Module):
    """The encoder: stem, three entry blocks, the middle blocks, an exit block and two final separable convolutions.

    Attributes:
        width: multiplies every channel count (`layers.scale_channels`).
        middle_blocks: number of middle blocks; 8 as published.
        axis_name: mapped axis over which BatchNorm's statistics are averaged, or None.
        remat: keep no activations inside a block; recompute them in the backward pass.
    """

    width: float = 1.0
    middle_blocks: int = 8
    axis_name: str | None = None
    remat: bool = False

    def setup(self) -> None:
        """Builds all blocks, each under its name in the variables."""

        def scaled(channels: int) -> int:
            return layers.scale_channels(channels, self.width)

        axis = self.axis_name
        down, middle = (layers.rematerialized(block, self.remat) for block in (DownBlock, MiddleBlock))
        self.stem_0 = layers.Conv3x3(scaled(32), stride=2, padding="VALID")
        self.stem_0_norm = layers.BatchNorm(axis)
        self.stem_1 = layers.Conv3x3(scaled(64), padding="VALID")
        self.stem_1_norm = layers.BatchNorm(axis)
        self.entry = [
            down((scaled(channels),) * 2, relu_first=i > 0, axis_name=axis)
            for i, channels in enumerate((128, 256, 728))
        ]
        self.middle = [middle(axis) for _ in range(self.middle_blocks)]
        self.exit = down((scaled(728), scaled(1024)), axis_name=axis)
        self.last = [SeparableConv(scaled(channels), axis) for channels in (1536, 2048)]

    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Computes the last feature map.

        Args:
            x: float [N, H, W, 3] in [-1, 1].
            train: normalise by the batch's statistics, and update their running averages in `batch_stats`.

        Returns:
            float [N, h, w, 2048 * width], non-negative; h = w = 10 for 299 px, 4 for 128 px.
        """
        return self.exit_flow(self.middle_flow(self.entry_flow(x, train), train), train)

    def entry_flow(self, x: jax.Array, train: bool) -> jax.Array:
        """The stem and the entry blocks: float [N, H, W, 3] to [N, h, w, 728 * width], h = w = 19 for 299 px."""
        x = nn.relu(self.stem_0_norm(self.stem_0(x), train))
        x = nn.relu(self.stem_1_norm(self.stem_1(x), train))
        for block in self.entry:
            x = block(x, train)
        return x

    def middle_flow(self, x: jax.Array, train: bool, start: int = 0, stop: int | None = None) -> jax.Array:
        """Middle blocks `start` to `stop`, the last one excluded; shapes stay."""
        for block in self.middle[start:stop]:
            x = block(x, train)
        return x

    def exit_flow(self, x: jax.Array, train: bool) -> jax.Array:
        """The exit block and the last convolutions: float [N, h, w, C] to the last feature map."""
        x = self.exit(x, train)
        for separable in self.last:
            x = nn.relu(separable(x, train))
        return x


def _keras(layers_of_file: Sequence[str]) -> dict[str, str]:
    """Keras' names. Its shortcuts are named by counters, so they are taken in their order."""
    names = {"stem_0": "block1_conv1", "stem_0_norm": "block1_conv1_bn"}
    names |= {"stem_1": "block1_conv2", "stem_1_norm": "block1_conv2_bn"}
    for module, block in _SEPARABLE_BLOCKS.items():
        for i in range(3 if module.startswith("middle") else 2):
            ours = f"last_{i}" if module == "last" else f"{module}/separable_{i}"
            theirs = f"block{block}_sepconv{i + 1}"
            names |= {f"{ours}/depthwise": theirs, f"{ours}/pointwise": theirs, f"{ours}/norm": f"{theirs}_bn"}
    unnamed = sorted({name for name in layers_of_file if not name.startswith("block")}, key=_counted)
    convolutions = [name for name in unnamed if name.startswith("conv")]
    norms = [name for name in unnamed if name.startswith("batch")]
    for module, convolution, norm in zip(_SHORTCUTS, convolutions, norms, strict=False):
        names |= {f"{module}/shortcut": convolution, f"{module}/shortcut_norm": norm}
    return names


def _pytorch(_: Sequence[str]) -> dict[str, str]:
    """timm's names."""
    names = {"stem_0": "conv1", "stem_0_norm": "bn1", "stem_1": "conv2", "stem_1_norm": "bn2"}
    for i, number in enumerate((3, 4)):
        names |= {f"last_{i}/depthwise": f"conv{number}.conv1", f"last_{i}/pointwise": f"conv{number}.pointwise"}
        names |= {f"last_{i}/norm": f"bn{number}"}
    for module, block in _SEPARABLE_BLOCKS.items():
        if module == "last":
            continue
        theirs, first = f"block{block - 1}", 0 if module == "entry_0" else 1  # ReLUs are counted; entry_0 lacks one
        for i in range(3 if module.startswith("middle") else 2):
            ours, place = f"{module}/separable_{i}", f"{theirs}.rep.{first + 3 * i}"
            names |= {f"{ours}/depthwise": f"{place}.conv1", f"{ours}/pointwise": f"{place}.pointwise"}
            names |= {f"{ours}/norm": f"{theirs}.rep.{first + 3 * i + 1}"}
        if module in _SHORTCUTS:
            names |= {f"{module}/shortcut": f"{theirs}.skip", f"{module}/shortcut_norm": f"{theirs}.skipbn"}
    return names


_SHORTCUTS = ("entry_0", "entry_1", "entry_2", "exit")
_SEPARABLE_BLOCKS = {  # the number that Keras gives each
    **{f"entry_{i}": 2 + i for i in range(3)},
    **{f"middle_{i}": 5 + i for i in range(8)},
    "exit": 13,
    "last": 14,
}


def _counted(name: str) -> int:
    """conv2d_3 -> 3, conv2d -> 0."""
    number = re.search(r"_(\d+)$", name)
    return int(number[1]) if number else 0


encoders.register(
    "xception",
    encoders.Encoder(
        feature_map=lambda model, axis_name, remat: Xception(model.width, model.middle_blocks, axis_name, remat),
        published=encoders.Published(
            network=Xception,
            layouts={"keras": (_keras,), "pytorch": (_pytorch,)},
            requires={"width": 1.0, "middle_blocks": 8},
        ),
    ),
)
