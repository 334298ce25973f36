"""The methods by name."""

from dfdetect_jax.config import Settings
from dfdetect_jax.methods import cae
from dfdetect_jax.methods.base import Method, Prediction, TrainState, Variables

__all__ = ["Method", "Prediction", "TrainState", "Variables", "build"]

_BUILDERS = {"cae": cae.build}


def build(settings: Settings) -> Method:
    """The method that `settings.method` names, with everything in `settings` bound."""
    return _BUILDERS[settings.method](settings)
