"""Deepfake detection and localisation in JAX.

    import dfdetect_jax as dfd

    settings = dfd.CAESettings(data=dfd.Data(name="forge", image_size=96))
    detector = dfd.train(settings, "runs/mine")       # or dfd.load("runs/mine")
    results = detector.predict(["photo.jpg", "clip.mp4"])
    print(results[0].verdict, results[0].score, results[0].faces[0].box)

Names are imported when they are first used (PEP 562), so that a loss or a layer costs no library that reads files:
`from dfdetect_jax.losses import reconstruction_mse` imports JAX, optax and chex alone.
"""

import importlib
import sys
import types
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

# Name -> the module that it is imported from.
_PLACES = {
    **dict.fromkeys(("Detector", "evaluate", "load", "predict", "prepare", "train"), "api"),
    **dict.fromkeys(("Result", "ScoredFace"), "scoring.result"),
    **dict.fromkeys(("DecisionRule", "Verdict"), "scoring.decision"),
    **dict.fromkeys(("Method", "Prediction", "TrainState"), "methods.contract"),
    **dict.fromkeys(
        (
            "Active",
            "Augment",
            "CAELoss",
            "CAEModel",
            "CAESettings",
            "ClassifierModel",
            "ClassifierSettings",
            "ForensicTransferLoss",
            "ForensicTransferModel",
            "ForensicTransferSettings",
            "MesoInception4Model",
            "MesoInception4Settings",
            "MultiTaskLoss",
            "MultiTaskModel",
            "MultiTaskSettings",
            "RECCELoss",
            "RECCEModel",
            "RECCESettings",
            "Crop",
            "Data",
            "LAELoss",
            "LAEModel",
            "LAESettings",
            "Optimizer",
            "Settings",
            "Train",
            "override",
        ),
        "config",
    ),
}
__all__ = ["__version__", *_PLACES]

if TYPE_CHECKING:
    from dfdetect_jax.api import Detector, evaluate, load, predict, prepare, train
    from dfdetect_jax.config import (
        Active,
        Augment,
        CAELoss,
        CAEModel,
        CAESettings,
        ClassifierModel,
        ClassifierSettings,
        Crop,
        Data,
        ForensicTransferLoss,
        ForensicTransferModel,
        ForensicTransferSettings,
        LAELoss,
        LAEModel,
        LAESettings,
        MesoInception4Model,
        MesoInception4Settings,
        MultiTaskLoss,
        MultiTaskModel,
        MultiTaskSettings,
        Optimizer,
        RECCELoss,
        RECCEModel,
        RECCESettings,
        Settings,
        Train,
        override,
    )
    from dfdetect_jax.methods.contract import Method, Prediction, TrainState
    from dfdetect_jax.scoring.decision import DecisionRule, Verdict
    from dfdetect_jax.scoring.result import Result, ScoredFace


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


class _Package(types.ModuleType):
    """`dfd.train` stays the function when the command of that name, the module `dfdetect_jax.train`, is imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _PLACES and isinstance(value, types.ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
