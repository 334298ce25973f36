"""Settings as frozen, typed dataclasses, one file per method, and every check of a setting."""

from dfdetect_jax.config.active import Active
from dfdetect_jax.config.augment import Augment, SelfBlend
from dfdetect_jax.config.cae import CAELoss, CAEModel, CAESettings
from dfdetect_jax.config.classifier import ClassifierModel, ClassifierSettings
from dfdetect_jax.config.common import (
    BENCHMARK,
    COMPRESSIONS,
    EMBEDDED,
    Data,
    Optimizer,
    Settings,
    Train,
    WeightsSource,
    check,
)
from dfdetect_jax.config.crop import ALIGNMENTS, FACE_DETECTORS, Crop, check_crop
from dfdetect_jax.config.forensic_transfer import ForensicTransferLoss, ForensicTransferModel, ForensicTransferSettings
from dfdetect_jax.config.lae import LAELoss, LAEModel, LAESettings
from dfdetect_jax.config.mesoinception4 import MesoInception4Model, MesoInception4Settings
from dfdetect_jax.config.multi_task import MultiTaskLoss, MultiTaskModel, MultiTaskSettings
from dfdetect_jax.config.recce import RECCELoss, RECCEModel, RECCESettings
from dfdetect_jax.config.rules import from_dict, one_of, override, renamed, to_dict, with_presets

__all__ = [
    "ALIGNMENTS",
    "BENCHMARK",
    "COMPRESSIONS",
    "EMBEDDED",
    "FACE_DETECTORS",
    "Active",
    "Augment",
    "CAELoss",
    "CAEModel",
    "CAESettings",
    "ClassifierModel",
    "ClassifierSettings",
    "Crop",
    "Data",
    "ForensicTransferLoss",
    "ForensicTransferModel",
    "ForensicTransferSettings",
    "LAELoss",
    "LAEModel",
    "LAESettings",
    "MesoInception4Model",
    "MesoInception4Settings",
    "MultiTaskLoss",
    "MultiTaskModel",
    "MultiTaskSettings",
    "Optimizer",
    "RECCELoss",
    "RECCEModel",
    "RECCESettings",
    "SelfBlend",
    "Settings",
    "Train",
    "WeightsSource",
    "check",
    "check_crop",
    "from_dict",
    "one_of",
    "override",
    "renamed",
    "to_dict",
    "with_presets",
]
