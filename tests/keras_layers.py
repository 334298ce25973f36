"""Random weights for networks that a test builds in Keras."""

from typing import Any

import numpy as np

from tests.keras_vgg16 import keras


def randomize(model: keras.Model, seed: int = 0) -> Any:
    """Kernels that keep the signal's size (He et al. 2015), and biases, gains and statistics that are not the defaults.

    Returns:
        The model.
    """
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        shapes = [weights.shape for weights in layer.get_weights()]
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([1 + 0.3 * rng.uniform(-1, 1, shape) for shape in shapes])
        elif shapes:
            layer.set_weights([rng.normal(size=shape) * spread(shape) for shape in shapes])
    return model


def spread(shape: tuple[int, ...]) -> float:
    return float(np.sqrt(2 / np.prod(shape[:-1]))) if len(shape) > 1 else 0.1
