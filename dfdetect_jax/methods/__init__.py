"""Methods: one paper per file, what they share in `step`, and `registry`, which finds them by name."""

from dfdetect_jax.methods.contract import Adversary, Method, Prediction, TrainState, Variables
from dfdetect_jax.methods.registry import build, defaults, find, names, read_settings, register

__all__ = [
    "Adversary",
    "Method",
    "Prediction",
    "TrainState",
    "Variables",
    "build",
    "defaults",
    "find",
    "names",
    "read_settings",
    "register",
]
