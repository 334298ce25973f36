"""config.json of a model folder: what a run folder says of itself, in one file, without its paths.

It has the keys of a run's config.json, and beside them "checkpoint" (step, validation results and threshold of the
weights), "validation" (what `run.frozen` stores), "verdict" (its thresholds), "model" (how the weights are stored) and
"preprocessing".
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from dfdetect_jax import methods
from dfdetect_jax.config import Crop, Settings, check_crop, from_dict
from dfdetect_jax.errors import RunError
from dfdetect_jax.run.folder import Run
from dfdetect_jax.run.frozen import VALIDATION, FrozenValues, as_json
from dfdetect_jax.scoring.decision import DecisionRule

VERSION = 1
FORMATS = ("safetensors", "jax", "onnx")


def describe(run: Run, frozen: FrozenValues, rule: DecisionRule, model: Mapping[str, Any]) -> dict[str, Any]:
    """The content of config.json.

    Args:
        run: what is exported.
        frozen: its values from validation.
        rule: how its scores become verdicts; stated for readers without this library, which works it out anew.
        model: how the weights are stored: "format", "dtype", "folded", "outputs", "exported", the date,
            and "made_of", the digest of the model that it was made of.
    """
    data = {name: run.info["data"].get(name) for name in ("fingerprint", "crop", "seen")}
    return {
        "model": {"version": VERSION, **model},
        "preprocessing": {
            "input": "face crop of config.data.crop, resized to size x size pixels",
            "size": run.settings.data.image_size,
            "layout": "NHWC",
            "channels": "RGB",
            "dtype": "uint8",
        },
        "settings": without_folders(run.info["settings"]),
        "data": {"folder": "", **data},
        "versions": run.info.get("versions", {}),
        "commit": run.info.get("commit"),
        "checkpoint": {**run.info["checkpoint"], "threshold": frozen.threshold},
        VALIDATION: as_json(run, frozen),
        "verdict": {"fake_from": rule.fake_from, "real_below": rule.real_below},
    }


def without_folders(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings in which a path is its last part: where files were says nothing elsewhere."""
    return {
        name: without_folders(value)
        if isinstance(value, Mapping)
        else value.rstrip("/").rpartition("/")[2]
        if isinstance(value, str)
        else value
        for name, value in settings.items()
    }


def read_description(content: bytes, where: Path) -> tuple[dict[str, Any], Settings, Crop]:
    """config.json of a model folder: (all of it, the settings, the crop).

    Raises:
        RunError: it is no such file, or a value is not allowed.
        SettingsError: its settings don't fit this version of the library.
    """
    info = json_object(content, where)
    groups = ("model", "settings", "data", "checkpoint", VALIDATION)
    missing = [name for name in groups if not isinstance(info.get(name), dict)]
    if missing:
        raise RunError(f"{where}: expected {', '.join(groups)}, found no {missing[0]}; get the folder anew")
    if info["model"].get("version") != VERSION or info["model"].get("format") not in FORMATS:
        raise RunError(
            f"{where}: expected model.version {VERSION} and a format of {', '.join(FORMATS)}, found "
            f"{info['model'].get('version')!r} and {info['model'].get('format')!r}; use the version that wrote it"
        )
    _check_numbers(info, where)
    crop = info["data"].get("crop")
    settings = methods.read_settings(info["settings"])
    return info, settings, check_crop(from_dict(Crop, crop if isinstance(crop, dict) else {"crop": crop}, "crop"))


def _check_numbers(info: Mapping[str, Any], where: Path) -> None:
    validation = info[VALIDATION]
    ranges = {
        "checkpoint.threshold": (info["checkpoint"].get("threshold"), 0, 1),
        "validation.temperature": (validation.get("temperature"), 1e-3, 1e3),
        "validation.attention_threshold": (validation.get("attention_threshold") or 0, 0, 1),
    }
    for name, (value, low, high) in ranges.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise RunError(f"{where}: expected {name} from {low:g} to {high:g}, found {value!r}; get the folder anew")
    seen = info["data"].get("seen")
    if not isinstance(seen, list) or not all(isinstance(name, str) for name in seen):
        raise RunError(f"{where}: expected data.seen, a list of forgeries, found {seen!r}; get the folder anew")


def json_object(content: bytes, where: object) -> dict[str, Any]:
    """A JSON object of finite numbers.

    Raises:
        RunError: it is something else.
    """
    try:
        values = json.loads(content, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise RunError(f"{where}: expected JSON, found {error or 'nesting too deep'}; restore the file") from error
    if not isinstance(values, dict):
        raise RunError(f"{where}: expected a JSON object, found {type(values).__name__}; restore the file")
    return values


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant}, which is no number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text}, which is too large")
    return value
