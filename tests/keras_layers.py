"""Layers in Keras under the names of this library's modules, with random weights."""

from typing import Any

import numpy as np

from tests.keras_vgg16 import keras

layers = keras.layers
_ROLES = {
    layers.BatchNormalization: (
        ("params", "scale"),
        ("params", "bias"),
        ("batch_stats", "mean"),
        ("batch_stats", "var"),
    )
}
_KERNEL_AND_BIAS = (("params", "kernel"), ("params", "bias"))


def padded_conv(features: int, name: str, stride: int = 1, use_bias: bool = True) -> Any:
    """A 3x3 convolution with a row and a column of zeros on every side, PyTorch's padding=1."""
    conv = layers.Conv2D(
        features, 3, stride, use_bias=use_bias, kernel_initializer="zeros", name=name.replace("/", ".")
    )
    return lambda x: conv(layers.ZeroPadding2D(1)(x))


def norm_relu(x: Any, name: str) -> Any:
    return layers.ReLU()(layers.BatchNormalization(name=name.replace("/", "."))(x))


def conv_norm_relu(x: Any, features: int, name: str, stride: int = 1) -> Any:
    return norm_relu(padded_conv(features, f"{name}/conv", stride, use_bias=False)(x), f"{name}/norm")


def randomize(model: keras.Model, seed: int = 0) -> Any:
    """Kernels that keep the signal's size (He et al. 2015), and biases, gains and statistics that are not the defaults.

    Returns:
        The model.
    """
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        shapes = [weights.shape for weights in layer.get_weights()]
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([1 + 0.3 * rng.uniform(-1, 1, shape) for shape in shapes])
        elif shapes:
            layer.set_weights([rng.normal(size=shape) * spread(shape) for shape in shapes])
    return model


def spread(shape: tuple[int, ...]) -> float:
    return float(np.sqrt(2 / np.prod(shape[:-1]))) if len(shape) > 1 else 0.1


def variables_of(*models: keras.Model) -> dict[str, Any]:
    """The weights of all named layers as a tree of this library's variables: "a.b" is the module a/b."""
    variables: dict[str, Any] = {"params": {}, "batch_stats": {}}
    for layer in (layer for model in models for layer in model.layers if layer.get_weights()):
        roles = _ROLES.get(type(layer), _KERNEL_AND_BIAS)
        for (collection, role), weights in zip(roles, layer.get_weights(), strict=False):
            place = variables[collection]
            for name in layer.name.split("."):
                place = place.setdefault(name, {})
            place[role] = weights
    return variables
