"""Published weights, read from files that come from outside."""

from typing import Any

from dfdetect_jax.config import WeightsSource


def load_weights(source: WeightsSource) -> Any:
    """The weights of a network, in the form that its method takes.

    Raises:
        SettingsError: there is no such network.
        WeightsError: as `vgg16.load_vgg16` and `encoder.load_encoder`.
    """
    from dfdetect_jax.weights import encoder, vgg16  # h5py and safetensors

    if source.network == "vgg16":
        return vgg16.load_vgg16(source.source, source.sha256, source.layers)
    return encoder.load_encoder(source)
