"""The published weights of an encoder, brought from a file's names and axes to those of its network."""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from dfdetect_jax.config import WeightsSource
from dfdetect_jax.errors import WeightsError
from dfdetect_jax.methods import Variables
from dfdetect_jax.models import encoders
from dfdetect_jax.weights import tensors as formats
from dfdetect_jax.weights.sources import WeightsFile, locate
from dfdetect_jax.weights.tensors import Tensors

_PYTORCH = {"kernel": "weight", "scale": "weight", "bias": "bias", "mean": "running_mean", "var": "running_var"}
_KERAS = {"scale": "gamma", "bias": "beta", "mean": "moving_mean", "var": "moving_variance"}


class _Leaf(NamedTuple):
    """A parameter or statistic of the network: its module, its own name and its shape."""

    module: str
    name: str
    shape: tuple[int, ...]


def load_encoder(source: WeightsSource) -> Variables:
    """Reads all weights of an encoder.

    Args:
        source: with the encoder's name as `network`.

    Returns:
        {"params": tree, "batch_stats": tree} of the network that the encoder's `Published` builds, float32.

    Raises:
        SettingsError: there is no such encoder.
        WeightsError: the file is missing, has another digest, is damaged, or is of another network.
    """
    published = encoders.find(source.network).published
    if published is None:
        raise WeightsError(f"{source.network} weights: none are published; leave {source.setting} out")
    file = locate(source, published.imagenet)
    shapes = _shapes(published)
    with formats.opened(file) as tensors:
        if not (layouts := published.layouts.get(tensors.form)):
            raise WeightsError(
                f"{source.network} weights: expected names as in {' or '.join(published.layouts)}, found those of "
                f"{tensors.form} in {file.path}; give another file as {source.setting}"
            )
        by_layer = _by_layer(tensors)
        layers = tuple(layer for layer, _ in by_layer)
        named = [_names(shapes, layout(layers), tensors.form, by_layer) for layout in layouts]
        names = min(named, key=lambda each: sum(name is None for name in each.values()))
        arrays = {path: _array(file, tensors, names[path], leaf) for path, leaf in shapes.items()}
    variables: Variables = unflatten_dict(arrays)
    return variables


def _shapes(published: encoders.Published) -> dict[tuple[str, ...], _Leaf]:
    """All leaves of the network by their path."""
    network, image = published.network(), jax.ShapeDtypeStruct((1, 64, 64, 3), jnp.float32)
    tree = jax.eval_shape(lambda x: network.init(jax.random.key(0), x, False), image)
    return {path: _Leaf("/".join(path[1:-1]), path[-1], leaf.shape) for path, leaf in flatten_dict(tree).items()}


def _by_layer(tensors: Tensors) -> dict[tuple[str, str], str]:
    """Names of tensors by layer and role: ("_blocks.0._bn1", "weight"), or ("block1_conv1", "kernel") in Keras."""
    if tensors.form == formats.PYTORCH:
        return {tuple(name.rpartition(".")[::2]): name for name in tensors.shapes}  # type: ignore[misc]
    by_layer = {}
    for name in tensors.shapes:
        layer, *_, role = name.removeprefix("model_weights/").split("/")
        by_layer[layer, role.partition(":")[0]] = name
    return by_layer


def _names(
    shapes: Mapping[tuple[str, ...], _Leaf],
    layers: Mapping[str, str],
    form: str,
    by_layer: Mapping[tuple[str, str], str],
) -> dict[tuple[str, ...], str | None]:
    """The tensor of each leaf in one layout, None where the file has none."""

    def role(leaf: _Leaf) -> str:
        if form == formats.PYTORCH:
            return _PYTORCH[leaf.name]
        part = leaf.module.rpartition("/")[2]
        kernel = f"{part}_kernel" if part in ("depthwise", "pointwise") else "kernel"
        return _KERAS.get(leaf.name, kernel)

    return {path: by_layer.get((layers.get(leaf.module, ""), role(leaf))) for path, leaf in shapes.items()}


def _array(file: WeightsFile, tensors: Tensors, name: str | None, leaf: _Leaf) -> jax.Array:
    """The leaf's values, turned to the axes that Flax has."""
    if name is None:
        raise _another_network(file, f"{leaf.name} of {leaf.module}", "none")
    shape = tensors.shapes[name]
    axes = tuple(range(len(shape)))
    if len(shape) == 4:
        depthwise = leaf.module.endswith("depthwise")
        axes = (2, 3, 1, 0) if tensors.form == formats.PYTORCH else (0, 1, 3, 2) if depthwise else axes
    if tuple(shape[axis] for axis in axes) != leaf.shape:
        raise _another_network(file, f"{leaf.name} of {leaf.module} {leaf.shape}", f"{name} {shape}")
    return jnp.asarray(np.transpose(tensors.read(name), axes))


def _another_network(file: WeightsFile, expected: str, found: str) -> WeightsError:
    what = f"is of another network (expected {expected}, found {found})"
    return WeightsError(f"{file.network} weights: {file.path} {what}; give {file.network}'s file as {file.setting}")
