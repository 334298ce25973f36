"""An independent VGG16: Keras' own, on JAX, with random weights; made once per test session."""

import atexit
import functools
import os
import shutil
import tempfile
from collections.abc import Sequence

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
    vgg16 = keras.applications.VGG16(weights=None, include_top=False, input_shape=(None, None, 3))
    rng = np.random.default_rng(0)
    for place in PLACES:
        kernel, bias = vgg16.get_layer(layer_name(place)).get_weights()
        spread = np.sqrt(2 / np.prod(kernel.shape[:3]))
        weights = rng.standard_normal(kernel.shape, np.float32) * spread, rng.standard_normal(bias.shape, np.float32)
        vgg16.get_layer(layer_name(place)).set_weights(weights)
    return vgg16


def convolution(place: str) -> tuple[np.ndarray, np.ndarray]:
    """Kernel float32 [3, 3, C, D] and bias float32 [D]; the first kernel takes BGR."""
    return tuple(network().get_layer(layer_name(place)).get_weights())


def features(inputs: np.ndarray, places: Sequence[str]) -> list[np.ndarray]:
    """Outputs of these convolutions (Keras' layers include the ReLU) for inputs as the first convolution takes them."""
    outputs = [network().get_layer(layer_name(place)).output for place in places]
    return [np.asarray(output) for output in keras.Model(network().input, outputs)(inputs)]


def preprocess(images: np.ndarray) -> np.ndarray:
    """Keras' preprocessing of RGB in 0..255: to BGR, less Caffe's mean."""
    return keras.applications.vgg16.preprocess_input(images.copy())
