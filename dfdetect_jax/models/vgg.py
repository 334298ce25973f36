"""The feature maps of VGG16, for the perceptual loss.

Simonyan & Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015, arXiv 1409.1556,
table 1, configuration D, without its three dense layers. `weights.vgg16` reads the weights; they are not trained.
"""

from typing import cast

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import struct

from dfdetect_jax.models.layers import Conv3x3

_BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))

WIDTHS = {f"{b}_{i}": width for b, block in enumerate(_BLOCKS, 1) for i, width in enumerate(block, 1)}
"""Output channels of each convolution in order, by block and position within it: "1_1" to "5_3"."""

LAYER_NAMES = tuple(f"relu{place}" for place in WIDTHS)
"""Names of the feature maps: "relu1_1" to "relu5_3", each the output of a convolution and a ReLU."""


class VGG16Weights(struct.PyTreeNode):
    """Trained weights, and the normalisation of their images.

    Attributes:
        params: of `VGG16`: {"conv1_1": {"kernel": float32 [3, 3, C, D], "bias": float32 [D]}, ...}, input in RGB order.
        mean: float32 [3], on the scale of an RGB image in [-1, 1]. The network's input is (image - mean) / std.
        std: float32 [3], on the same scale.
    """

    params: dict[str, dict[str, jax.Array]]
    mean: jax.Array
    std: jax.Array


def places_up_to(layers: tuple[str, ...]) -> tuple[str, ...]:
    """The convolutions that `layers` depend on, by their names in `WIDTHS`: "1_1" to the deepest one.

    Args:
        layers: names from `LAYER_NAMES`.

    Raises:
        ValueError: `layers` is empty, or has a name that isn't in `LAYER_NAMES`.
    """
    if not layers or not set(layers) <= set(LAYER_NAMES):
        raise ValueError(f"expected layers to be some of {', '.join(LAYER_NAMES)}, found {layers}; correct the names")
    return tuple(WIDTHS)[: 1 + max(LAYER_NAMES.index(name) for name in layers)]


def max_pool_2x2(x: jax.Array) -> jax.Array:
    """2x2 max pooling, stride 2; an odd last row or column is dropped.

    Written as maxima of four slices, because XLA's CPU backend is slow at the gradient of a windowed maximum. Equal
    maxima share the gradient; after a ReLU they are nearly always zeros, whose gradient is zero.

    Args:
        x: float [N, H, W, C].

    Returns:
        float [N, H // 2, W // 2, C].
    """
    h, w = x.shape[1] // 2 * 2, x.shape[2] // 2 * 2
    top = jnp.maximum(x[:, 0:h:2, 0:w:2], x[:, 0:h:2, 1:w:2])
    bottom = jnp.maximum(x[:, 1:h:2, 0:w:2], x[:, 1:h:2, 1:w:2])
    return jnp.maximum(top, bottom)


class VGG16(nn.Module):
    """3x3 convolutions with zero padding and ReLU, 2x2 max pools between blocks, up to the deepest layer required.

    Attributes:
        layers: names from `LAYER_NAMES`.
    """

    layers: tuple[str, ...]

    @nn.compact
    def __call__(self, x: jax.Array) -> dict[str, jax.Array]:
        """Computes feature maps by name.

        Args:
            x: float [N, H, W, 3], normalised with the weights' mean and std.

        Returns:
            For each name in `layers` float [N, H // 2^(b-1), W // 2^(b-1), D], non-negative, for a layer of block b.

        Raises:
            ValueError: as `places_up_to`.
        """
        maps = {}
        for place in places_up_to(self.layers):
            if place.endswith("_1") and place != "1_1":
                x = max_pool_2x2(x)
            x = nn.relu(Conv3x3(WIDTHS[place], use_bias=True, name=f"conv{place}")(x))
            maps[f"relu{place}"] = x
        return {name: maps[name] for name in self.layers}


def features(
    weights: VGG16Weights, images: jax.Array, layers: tuple[str, ...], dtype: str = "float32"
) -> dict[str, jax.Array]:
    """Feature maps of images, which the perceptual loss compares.

    The mean is subtracted here and not folded into the first bias, because zero padding represents the mean colour.

    Args:
        weights: at least those of the layers up to the deepest one in `layers`.
        images: float [N, H, W, 3], RGB in [-1, 1].
        layers: names from `LAYER_NAMES`.
        dtype: of the network's computation.

    Returns:
        For each name in `layers` an array of `dtype` [N, H // 2^(b-1), W // 2^(b-1), D], non-negative, for a layer of
        block b.

    Raises:
        ValueError: as `places_up_to`.
    """
    normalized = (images - weights.mean) / weights.std
    maps = VGG16(layers).apply({"params": weights.params}, normalized.astype(dtype))
    return cast(dict[str, jax.Array], maps)
