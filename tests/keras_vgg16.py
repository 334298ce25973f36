"""An independent VGG16: Keras' own, on JAX, with random weights; made once per test session."""

import atexit
import functools
import os
import shutil
import tempfile
from collections.abc import Sequence
from typing import Any
from unittest import mock

import numpy as np

# Before Keras starts: the user's own settings (a channel order, a float type) are neither read nor written.
os.environ["KERAS_BACKEND"] = "jax"
os.environ["KERAS_HOME"] = tempfile.mkdtemp(prefix="dfdetect_jax-keras-")
atexit.register(shutil.rmtree, os.environ["KERAS_HOME"], ignore_errors=True)

import keras  # noqa: E402

PLACES = tuple(f"{b}_{i}" for b, depth in enumerate((2, 2, 3, 3, 3), 1) for i in range(1, depth + 1))


def layer_name(place: str) -> str:
    """Keras' name of a convolution: "1_2" to "block1_conv2"."""
    return "block{}_conv{}".format(*place.split("_"))


@functools.cache
def network() -> keras.Model:
    """Without the dense layers; kernels that keep the signal's size (He et al. 2015), and biases other than zero."""
    with mock.patch.object(keras.initializers.GlorotUniform, "__call__", _zeros):  # its own compiles for seconds
        vgg16 = keras.applications.VGG16(weights=None, include_top=False, input_shape=(None, None, 3))
    rng = np.random.default_rng(0)
    for place in PLACES:
        kernel, bias = vgg16.get_layer(layer_name(place)).get_weights()
        spread = np.float32(np.sqrt(2 / np.prod(kernel.shape[:3])))
        weights = rng.standard_normal(kernel.shape, np.float32) * spread, rng.standard_normal(bias.shape, np.float32)
        vgg16.get_layer(layer_name(place)).set_weights(weights)
    return vgg16


def convolution(place: str) -> tuple[np.ndarray, np.ndarray]:
    """Kernel float32 [3, 3, C, D] and bias float32 [D]; the first kernel takes BGR."""
    kernel, bias = network().get_layer(layer_name(place)).get_weights()
    return kernel, bias


@functools.cache
def images() -> np.ndarray:
    """RGB in 0..255, float32 [1, 32, 20, 3]."""
    return np.random.default_rng(1).uniform(0, 255, (1, 32, 20, 3)).astype(np.float32)


@functools.cache
def features() -> dict[str, np.ndarray]:
    """Outputs of all convolutions (Keras' layers include the ReLU), by place, for `preprocess(images())`."""
    outputs = [network().get_layer(layer_name(place)).output for place in PLACES]
    arrays = keras.Model(network().input, outputs)(preprocess(images()))
    return {place: np.asarray(array) for place, array in zip(PLACES, arrays, strict=True)}


def preprocess(images: np.ndarray) -> np.ndarray:
    """Keras' preprocessing of RGB in 0..255: to BGR, less Caffe's mean."""
    return keras.applications.vgg16.preprocess_input(images.copy())


def _zeros(self: keras.initializers.Initializer, shape: Sequence[int], dtype: Any = None, **_: Any) -> np.ndarray:
    return np.zeros(shape, dtype or "float32")
