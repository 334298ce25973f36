"""Settings as typed dataclasses, one file per method, and every check of a setting."""

from dfdetect_jax.config.cae import CAELoss, CAEModel, CAESettings, check_cae
from dfdetect_jax.config.common import (
    ALIGNMENTS,
    BENCHMARK,
    COMPRESSIONS,
    FACE_DETECTORS,
    Augment,
    Crop,
    Data,
    Optimizer,
    Settings,
    Train,
    check_common,
    check_crop,
)
from dfdetect_jax.config.lae import Active, LAELoss, LAEModel, LAESettings, check_lae
from dfdetect_jax.config.rules import from_dict, one_of, renamed, to_dict, unknown_name
from dfdetect_jax.errors import SettingsError

__all__ = [
    "ALIGNMENTS",
    "BENCHMARK",
    "COMPRESSIONS",
    "FACE_DETECTORS",
    "METHODS",
    "Active",
    "Augment",
    "CAELoss",
    "CAEModel",
    "CAESettings",
    "Crop",
    "Data",
    "LAELoss",
    "LAEModel",
    "LAESettings",
    "Optimizer",
    "Settings",
    "Train",
    "check",
    "check_crop",
    "from_dict",
    "read_settings",
    "renamed",
    "to_dict",
    "unknown_name",
]

_KINDS = {"cae": (CAESettings, check_cae), "lae": (LAESettings, check_lae)}
METHODS = tuple(_KINDS)


def read_settings(values: dict) -> Settings:
    """The settings of one run from nested dicts, as read from JSON; `values["method"]` says of which method.

    Raises:
        SettingsError: as `from_dict` and `check`.
    """
    method = values.get("method", "")
    one_of("method", method, METHODS)
    return check(from_dict(_KINDS[method][0], values))


def check(settings: Settings) -> Settings:
    """Returns `settings` if each value is allowed.

    Raises:
        SettingsError: one line with the setting's path, what is allowed and what was found.
    """
    one_of("method", settings.method, METHODS)
    kind, check_method = _KINDS[settings.method]
    if type(settings) is not kind:
        raise SettingsError(
            f'method: expected "{type(settings)().method}" in these settings, found "{settings.method}"'
        )
    from_dict(kind, to_dict(settings))  # types, as the command line may have put a str for a tuple
    check_common(settings)
    check_method(settings)
    return settings
