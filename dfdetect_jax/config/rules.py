"""From nested dicts to dataclasses and back, and the rules that a setting is checked by.

Every rule takes the setting's path first and raises `SettingsError` with one line: the path, what is allowed, what was
found.
"""

import dataclasses
import difflib
import math
import typing
from collections.abc import Sequence

from dfdetect_jax.errors import SettingsError

# (settings, name until 0.1) -> name: run folders, records and command lines may have the old one.
FORMER_NAMES = {
    ("Crop", "detector"): "face_detector",
    ("Data", "train_methods"): "train_forgeries",
    ("QueueRow", "method"): "forgery",
}


def to_dict(settings) -> dict:
    """Settings as nested dicts of JSON types."""
    return dataclasses.asdict(settings)


def from_dict(kind: type, values: dict, path: str = "config"):
    """Builds the dataclass `kind` from nested dicts, as read from JSON.

    Raises:
        SettingsError: a name is unknown (the nearest known one is suggested) or a value has the wrong type.
    """
    known = typing.get_type_hints(kind)
    built = {}
    for name, value in renamed(values, kind).items():
        if name not in known:
            raise SettingsError(unknown_name(f"{path}.{name}", kind))
        built[name] = _coerce(known[name], value, f"{path}.{name}")
    return kind(**built)


def renamed(values: dict, kind: type) -> dict:
    """`values` with the names of today, where they have those that settings of `kind` had in earlier versions."""
    return {FORMER_NAMES.get((kind.__name__, name), name): value for name, value in values.items()}


def unknown_name(path: str, kind: type) -> str:
    """One line for a setting that doesn't exist: its path, and the nearest name that `kind` has, or all of them."""
    parent, _, name = path.rpartition(".")
    names = [field.name for field in dataclasses.fields(kind)]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {parent}.{near[0]}?" if near else f"{parent} has: {', '.join(names)}"
    return f"no setting {path}; {hint}"


def _coerce(kind, value, path: str):
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise SettingsError(f"{path}: expected a group of settings, found {value!r}")
        return from_dict(kind, value, path)
    if typing.get_origin(kind) is tuple:
        element = typing.get_args(kind)[0]
        if not isinstance(value, (list, tuple)):
            raise SettingsError(f"{path}: expected a list of {element.__name__}, found {value!r}")
        return tuple(_coerce(element, item, path) for item in value)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise SettingsError(f"{path}: expected {kind.__name__}, found {value!r}")
    return value


def one_of(path: str, value: str, allowed: Sequence[str]) -> None:
    """Refuses a `value` that is not in `allowed`, with the nearest that is."""
    if value not in allowed:
        near = difflib.get_close_matches(value, allowed, n=1)
        hint = f'; did you mean "{near[0]}"?' if near else ""
        raise SettingsError(f'{path}: expected one of {", ".join(allowed)}, found "{value}"{hint}')


def at_least(path: str, value: int, least: int) -> None:
    """Refuses a `value` below `least`."""
    if value < least:
        raise SettingsError(f"{path}: expected at least {least}, found {value}")


def within(path: str, value: float, low: float, high: float) -> None:
    """Refuses a `value` that is not a finite number from `low` to `high`."""
    if not low <= value <= high or math.isinf(value):
        allowed = f"{low:g} to {high:g}" if high < math.inf else f"a finite number of at least {low:g}"
        raise SettingsError(f"{path}: expected {allowed}, found {value:g}")


def positive_widths(path: str, widths: Sequence[int]) -> None:
    """Refuses an empty list of channel counts, and counts below 1."""
    if not widths or min(widths) < 1:
        raise SettingsError(f"{path}: expected one or more channel counts of at least 1, found {tuple(widths)}")
