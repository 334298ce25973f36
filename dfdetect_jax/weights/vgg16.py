"""VGG16's ImageNet weights, read from either of the two forms in which they are published.

Keras publishes HDF5: Caffe's weights, for BGR in 0..255 less a mean colour. PyTorch's (torchvision's own training, for
RGB in 0..1 less a mean and by a deviation) are published as safetensors. Opening either runs nothing, unlike a pickle.
"""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import h5py
import huggingface_hub
import jax
import jax.numpy as jnp
import numpy as np
import safetensors

from dfdetect_jax.errors import WeightsError
from dfdetect_jax.files import sha256_file
from dfdetect_jax.models.vgg import WIDTHS, VGG16Weights, places_up_to

_CAFFE_MEAN = (123.68, 116.779, 103.939)  # RGB in 0..255, `preprocess_input` of keras.applications.vgg16
_TORCHVISION_MEAN, _TORCHVISION_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # RGB in 0..1

# A layer's name in a file, by place: Keras 2 and `model.save`; `save_weights` of Keras 3, which counts; PyTorch, which
# counts ReLUs and pools as well.
_PLACES = {
    **{"block{}_conv{}".format(*place.split("_")): place for place in WIDTHS},
    **{f"layers/conv2d_{n}" if n else "layers/conv2d": place for n, place in enumerate(WIDTHS)},
    **{f"features.{2 * n + int(place[0]) - 1}": place for n, place in enumerate(WIDTHS)},
}
_LAYER = re.compile(r"(?:model_weights/)?(block\d+_conv\d+|layers/conv2d(?:_\d+)?|features\.\d+)[/.]")
_RANKS = {"kernel": 4, "bias": 1}
_KERAS_AXES, _PYTORCH_AXES = (0, 1, 2, 3), (2, 3, 1, 0)  # of a stored kernel: height, width, input, output

_HUB_NAME = re.compile(r"(\w[\w.-]*/\w[\w.-]*)/(.+)")


def load_vgg16(source: str, sha256: str, layers: tuple[str, ...]) -> VGG16Weights:
    """Reads the weights that some of VGG16's layers need.

    Args:
        source: a file, or "owner/repository/file" on the Hugging Face hub, which is downloaded once and kept in the
            hub's cache. HDF5 as Keras writes it, with or without the dense layers, or safetensors with PyTorch's names.
        sha256: digest of the file as 64 hexadecimal digits; required for a hub name, may be "" for a file.
        layers: some of `vgg.LAYER_NAMES`; the presence of deeper layers is checked, but they are not read.

    Returns:
        Weights of the convolutions up to the deepest of `layers`, for images in RGB.

    Raises:
        WeightsError: there is no such file, a hub name comes without a digest or can't be downloaded, the digest
            differs, or the file is truncated, of another format or of another network.
        ValueError: as `vgg.places_up_to`.
    """
    places = places_up_to(layers)
    if sha256 and not re.fullmatch("[0-9a-fA-F]{64}", sha256):
        raise WeightsError(f"loss.vgg16_sha256: expected 64 hexadecimal digits, found {sha256!r}")
    path = _locate(source, sha256)
    try:
        if sha256:
            _check_digest(path, sha256.lower())
        return _reader(path)(path, places)
    except (OSError, RuntimeError, ValueError, safetensors.SafetensorError) as error:
        reason = f"can't be read whole ({_first_line(error)}); download it again"
        raise WeightsError(f"VGG16 weights: {path} {reason}") from error


def _locate(source: str, sha256: str) -> Path:
    """The file on this machine: as named, or out of the hub's cache."""
    path = Path(source).expanduser()
    if os.path.isfile(path):  # unlike Path.is_file, False for a name that the file system refuses
        return path
    name = _HUB_NAME.fullmatch(source)
    if name is None or os.path.isdir(path):
        raise WeightsError(
            f"VGG16 weights: expected a file or a hub name (owner/repository/file), found no file at {source!r}; "
            "correct loss.vgg16"
        )
    if not sha256:
        raise WeightsError(
            f"VGG16 weights: {source} is no file here, and a name on the Hugging Face hub needs the SHA-256 of its "
            "file; set loss.vgg16_sha256"
        )
    try:
        return Path(huggingface_hub.hf_hub_download(*name.groups()))
    except Exception as error:  # whatever the HTTP library beneath the hub's client raises comes through
        raise WeightsError(
            f"VGG16 weights: {source} can't be downloaded from the Hugging Face hub ({_first_line(error)}); "
            "download it elsewhere and give its path as loss.vgg16"
        ) from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _check_digest(path: Path, sha256: str) -> None:
    digest = sha256_file(path)
    if digest != sha256:
        raise WeightsError(
            f"VGG16 weights: expected {path} to have SHA-256 {sha256}, found {digest}; download it again, or correct "
            "loss.vgg16_sha256"
        )


def _reader(path: Path) -> Callable[[Path, tuple[str, ...]], VGG16Weights]:
    """The reader, by the file's first bytes: HDF5's signature, or the length of a JSON header and its brace."""
    if h5py.is_hdf5(path):
        return _read_keras
    with path.open("rb") as file:
        start = file.read(9)
    if start[8:] == b"{":
        return _read_pytorch
    raise WeightsError(
        f"VGG16 weights: expected HDF5 or safetensors, found neither in {path}; convert a pickled PyTorch file with "
        "safetensors.torch.save_file"
    )


def _read_keras(path: Path, places: tuple[str, ...]) -> VGG16Weights:
    shapes: dict[str, tuple[int, ...]] = {}

    def note(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            shapes[name] = item.shape

    with h5py.File(path, "r") as file:
        file.visititems(note)
        names = _find_convolutions(path, shapes, _KERAS_AXES)
        params = _read_params(path, names, lambda name: file[name][()], _KERAS_AXES, places)
    params["conv1_1"]["kernel"] = params["conv1_1"]["kernel"][:, :, ::-1]  # from BGR to RGB
    return _weights(params, np.divide(_CAFFE_MEAN, 255), np.full(3, 1 / 255))


def _read_pytorch(path: Path, places: tuple[str, ...]) -> VGG16Weights:
    with safetensors.safe_open(path, "numpy") as file:
        shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
        names = _find_convolutions(path, shapes, _PYTORCH_AXES)
        params = _read_params(path, names, file.get_tensor, _PYTORCH_AXES, places)
    return _weights(params, _TORCHVISION_MEAN, _TORCHVISION_STD)


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
    path: Path,
    names: Mapping[tuple[str, str], str],
    read: Callable[[str], np.ndarray],
    axes: tuple[int, ...],
    places: tuple[str, ...],
) -> dict[str, dict[str, np.ndarray]]:
    """Parameters of `VGG16` for `places`, float32: {"conv1_1": {"kernel": [3, 3, C, D], "bias": [D]}, ...}."""

    def tensor(place: str, kind: str) -> np.ndarray:
        array = read(names[place, kind])
        if array.dtype.kind != "f":
            raise WeightsError(
                f"VGG16 weights: expected floats in {path}, found {array.dtype} in {names[place, kind]}; give the file "
                "as published, before any quantisation"
            )
        return array.astype(np.float32)

    return {
        f"conv{place}": {"kernel": tensor(place, "kernel").transpose(axes), "bias": tensor(place, "bias")}
        for place in places
    }


def _weights(
    params: dict[str, dict[str, np.ndarray]], mean: Sequence[float] | np.ndarray, std: Sequence[float] | np.ndarray
) -> VGG16Weights:
    """As arrays of JAX; mean and deviation, [3] each, are brought from RGB in 0..1 to RGB in [-1, 1]."""

    def array(values: np.ndarray) -> jax.Array:
        return jnp.asarray(values, jnp.float32)

    return VGG16Weights(jax.tree.map(array, params), array(2 * np.asarray(mean) - 1), array(2 * np.asarray(std)))
