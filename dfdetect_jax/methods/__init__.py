"""The methods by name."""

from dfdetect_jax.config import Settings
from dfdetect_jax.methods import cae, lae
from dfdetect_jax.methods.contract import Adversary, Method, Prediction, TrainState, Variables
from dfdetect_jax.models.vgg import VGG16Weights

__all__ = ["Adversary", "Method", "Prediction", "TrainState", "Variables", "build"]


def build(settings: Settings, vgg16: VGG16Weights | None = None) -> Method:
    """The method that `settings.method` names, with everything in `settings` bound.

    Args:
        settings: checked settings.
        vgg16: ImageNet weights for the LAE's perceptual loss; needed only to train with it.
    """
    return lae.build(settings, vgg16) if settings.method == "lae" else cae.build(settings)
