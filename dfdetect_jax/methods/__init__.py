"""Methods: one paper per file; `step` has the common parts, `registry` finds a method by name."""

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
