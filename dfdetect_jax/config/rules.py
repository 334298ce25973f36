"""From nested dicts to frozen dataclasses and back, overrides by path, and the rules that a setting is checked by.

Every rule takes the setting's path first and raises `SettingsError` with one line: the path, what is allowed, what was
found.
"""

import dataclasses
import difflib
import math
import typing
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from dfdetect_jax.errors import SettingsError, one_line

# (settings, name until 0.1) -> name: run folders, records, queues and command lines may have the old one.
FORMER_NAMES = {
    ("Crop", "detector"): "face_detector",
    ("Data", "train_methods"): "train_forgeries",
    ("QueueRow", "method"): "forgery",
}
T = TypeVar("T")
_LONGEST_NAME = 80  # characters of a name that are shown
MOST_WIDTHS, MOST_CHANNELS, MOST_BLOCKS = 10, 8192, 64


def to_dict(settings: Any) -> dict[str, Any]:
    """A settings dataclass as nested dicts of JSON types."""
    return dataclasses.asdict(settings)


def from_dict(kind: type[T], values: Mapping[str, Any], path: str = "config") -> T:
    """Builds the dataclass `kind` from nested dicts, as read from JSON.

    Raises:
        SettingsError: a name is unknown (the nearest known one is suggested) or a value has the wrong type.
    """
    types = typing.get_type_hints(kind)
    fields = {}
    for name, value in renamed(values, kind).items():
        if name not in types:
            raise SettingsError(unknown_name(f"{path}.{name}", kind))
        fields[name] = _coerce(types[name], value, f"{path}.{name}")
    return kind(**fields)


def override(settings: T, values: Mapping[str, Any]) -> T:
    """A copy of `settings` with other values by path: `override(settings, {"train.steps": 200, "seed": 1})`.

    A preset, as of `augment.preset`, is applied before the other values, wherever it stands among them.

    Raises:
        SettingsError: a path is unknown or a value has the wrong type.
    """
    nested = to_dict(with_presets(settings, values))
    for path, value in values.items():
        group, kind = nested, type(settings)
        *parents, name = current_path(path, kind).split(".")
        for parent in parents:
            group, kind = group[parent], typing.get_type_hints(kind)[parent]
        group[name] = value
    return from_dict(type(settings), nested)


def with_presets(settings: T, values: Mapping[str, Any]) -> T:
    """A copy of `settings` in which each group whose `preset` is among `values` has that preset's.

    Raises:
        SettingsError: there is no such preset.
    """
    for path, name in values.items():
        group, _, last = path.rpartition(".")
        if last == "preset" and hasattr(getattr(settings, group, None), "with_preset"):
            changed = {group: getattr(settings, group).with_preset(name)}
            settings = dataclasses.replace(settings, **changed)  # type: ignore[type-var]
    return settings


def current_path(path: str, kind: type) -> str:
    """A setting's path in `kind` with the names of today: "data.train_methods" -> "data.train_forgeries".

    Raises:
        SettingsError: there is no such setting; the nearest name is suggested.
    """
    walked: list[str] = []
    for name in path.split("."):
        if not dataclasses.is_dataclass(kind):
            raise SettingsError(f"no setting config.{path}; config.{'.'.join(walked)} is a single value")
        name = FORMER_NAMES.get((kind.__name__, name), name)
        types = typing.get_type_hints(kind)
        if name not in types:
            raise SettingsError(unknown_name(".".join(["config", *walked, name]), kind))
        walked.append(name)
        kind = types[name]
    return ".".join(walked)


def renamed(values: Mapping[str, Any], kind: type) -> dict[str, Any]:
    """`values` with the names of today, where they have those that settings of `kind` had in earlier versions."""
    return {FORMER_NAMES.get((kind.__name__, name), name): value for name, value in values.items()}


def unknown_name(path: str, kind: type) -> str:
    """One line for a setting that doesn't exist: its path, and the nearest name that `kind` has, or all of them."""
    parent, _, name = _plain(path).rpartition(".")
    names = [field.name for field in dataclasses.fields(kind)]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {parent}.{near[0]}?" if near else f"{parent} has: {', '.join(names)}"
    return f"no setting {_plain(path)}; {hint}"


def _coerce(kind: Any, value: Any, path: str) -> Any:
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        if not isinstance(value, Mapping):
            raise SettingsError(f"{path}: expected a group of settings, found {_short(value)}")
        return from_dict(kind, value, path)
    if typing.get_origin(kind) is tuple:
        element = typing.get_args(kind)[0]
        if not isinstance(value, (list, tuple)):
            raise SettingsError(f"{path}: expected a list of {element.__name__}, found {_short(value)}")
        return tuple(_coerce(element, item, path) for item in value)
    if kind is float and type(value) is int and abs(value) < 10**18:
        return float(value)
    if type(value) is not kind:
        raise SettingsError(f"{path}: expected {kind.__name__}, found {_short(value)}")
    return value


def one_of(path: str, value: str, allowed: Sequence[str]) -> None:
    """Refuses a `value` that is not in `allowed`, with the nearest that is."""
    if value not in allowed:
        near = difflib.get_close_matches(value[:_LONGEST_NAME], allowed, n=1)
        hint = f'; did you mean "{near[0]}"?' if near else ""
        raise SettingsError(f'{path}: expected one of {", ".join(allowed)}, found "{_plain(value)}"{hint}')


def at_least(path: str, value: int, least: int) -> None:
    """Refuses a `value` below `least`."""
    if value < least:
        raise SettingsError(f"{path}: expected at least {least}, found {_short(value)}")


def at_most(path: str, value: int, most: int) -> None:
    """Refuses a `value` above `most`."""
    if value > most:
        raise SettingsError(f"{path}: expected at most {most}, found {_short(value)}")


def _plain(text: str) -> str:
    """A name of a stranger's file, not too long."""
    return one_line(text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 3]}...")


def _short(value: Any) -> str:
    """A value of a stranger's file in few words; Python refuses to print integers of thousands of digits."""
    if isinstance(value, int) and abs(value) >= 10**18:
        return "a larger integer" if value > 0 else "a smaller integer"
    return _plain(repr(value))


def multiple_of(path: str, value: int, factor: int) -> None:
    """Refuses a `value` that is not a multiple of `factor`, with the nearest that is at least 32."""
    if value % factor:
        nearest = max(32, round(value / factor) * factor)
        raise SettingsError(f"{path}: expected a multiple of {factor}, found {value}; try {nearest}")


def within(path: str, value: float, low: float, high: float) -> None:
    """Refuses a `value` that is not a finite number from `low` to `high`."""
    if not low <= value <= high or math.isinf(value):
        allowed = f"{low:g} to {high:g}" if high < math.inf else f"a finite number of at least {low:g}"
        raise SettingsError(f"{path}: expected {allowed}, found {value:g}")


def span(path: str, values: Sequence[float], low: float, high: float) -> None:
    """Refuses anything but two numbers from `low` to `high`, the smaller one first."""
    if len(values) != 2 or not low <= values[0] <= values[1] <= high:
        raise SettingsError(f"{path}: expected two rising numbers from {low:g} to {high:g}, found {tuple(values)}")


def positive_widths(path: str, widths: Sequence[int]) -> None:
    """Refuses an empty list of channel counts, counts below 1, and more than any network of today has."""
    if not widths or min(widths) < 1:
        raise SettingsError(f"{path}: expected one or more channel counts of at least 1, found {_short(tuple(widths))}")
    if len(widths) > MOST_WIDTHS or max(widths) > MOST_CHANNELS:
        raise SettingsError(
            f"{path}: expected at most {MOST_WIDTHS} channel counts of at most {MOST_CHANNELS}, found "
            f"{_short(tuple(widths))}"
        )


def left_at_default(path: str, value: Any, default: Any, why: str) -> None:
    """Refuses a `value` other than `default` of a setting that nothing reads, because of `why`."""
    if value != default:
        raise SettingsError(f"{path}: it has no effect with {why}; expected its default {default!r}, found {value!r}")
