"""Published weights, read from files that come from outside."""

from typing import Any

from dfdetect_jax.config import WeightsSource, one_of


def load_weights(source: WeightsSource) -> Any:
    """The weights of a network, in the form that its method takes.

    Raises:
        SettingsError: there is no such network.
        WeightsError: as `pretrained.load_vgg16`.
    """
    from dfdetect_jax.weights.pretrained import load_vgg16  # h5py, safetensors and huggingface_hub

    loaders = {"vgg16": load_vgg16}
    one_of("network", source.network, tuple(loaders))
    return loaders[source.network](source.source, source.sha256, source.layers)
