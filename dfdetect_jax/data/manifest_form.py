"""Whether a manifest that strangers wrote has the form of one, before anything in it is used."""

import typing
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from dfdetect_jax.config import Crop, check_crop, from_dict
from dfdetect_jax.data.encoding import ENCODINGS
from dfdetect_jax.data.example import SPLITS

_LONGEST_NAME = 250  # characters of a file's name


def check_form(kind: type, values: Mapping[str, Any]) -> None:
    """Checks types by the annotations of `kind`, the crop, the names of splits, and that files are in the folder.

    Raises:
        ValueError: something differs; the message names it.
        SettingsError: a value of the crop is not allowed.
    """
    for name, annotation in typing.get_type_hints(kind).items():
        if name in values and not _conforms(annotation, values[name]):
            raise ValueError(f"{name} is of another type")
    settings = values["settings"]
    check_crop(from_dict(Crop, settings["crop"], "crop"))
    if settings.get("encoding", ENCODINGS[0]) not in ENCODINGS or type(settings.get("landmarks", False)) is not bool:
        raise ValueError("settings.encoding or settings.landmarks is unknown")
    if not isinstance(settings.get("root", ""), str) or "\0" in settings.get("root", ""):
        raise ValueError("settings.root is no folder")
    if values.get("forgery_field", "forgery") not in ("forgery", "method"):
        raise ValueError("forgery_field is unknown")
    if unknown := {*values["shards"], *values["counts"]} - {*SPLITS}:
        raise ValueError(f"unknown split {sorted(unknown)[0]!r}")
    for file in (*values["sha256"], *(file for files in values["shards"].values() for file in files)):
        path = PurePosixPath(file)
        if path.is_absolute() or not path.parts or ".." in path.parts or "\0" in file or len(file) > _LONGEST_NAME:
            raise ValueError(f"{file[:_LONGEST_NAME]!r} is not in the folder")
    if not all("examples" in count for counts in values["counts"].values() for count in counts.values()):
        raise ValueError("counts lack examples")


def _conforms(annotation: Any, value: Any) -> bool:
    """Whether a value of JSON has the type of an annotation made of str, int, Any, dict, list and tuple."""
    if annotation is Any:
        return True
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is dict:
        items = value.items() if isinstance(value, dict) else ((None, None),)
        return all(_conforms(arguments[0], key) and _conforms(arguments[1], each) for key, each in items)
    if origin in (list, tuple):
        return isinstance(value, list | tuple) and all(_conforms(arguments[0], each) for each in value)
    return type(value) is annotation
