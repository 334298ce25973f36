"""Every setting with its meaning, read from the docstrings of the dataclasses."""

import dataclasses
import inspect
import re
from typing import Any

from dfdetect_jax.config.common import Settings

_ATTRIBUTE = re.compile(r"    (\w+(?:, \w+)*): (.*)")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Described:
    """One setting.

    Attributes:
        path: on the command line, behind `--config.`.
        value: its value in the settings described.
        meaning: in words, with unit and allowed values.
    """

    path: str
    value: Any
    meaning: str


def describe(settings: Any, path: str = "") -> list[Described]:
    """All single settings in `settings` and its groups, in the order of their definition."""
    meanings, described = _meanings(type(settings)), []
    for field in dataclasses.fields(settings):
        value, name = getattr(settings, field.name), f"{path}{field.name}"
        if dataclasses.is_dataclass(value):
            described += describe(value, f"{name}.")
        else:
            described.append(Described(path=name, value=value, meaning=meanings.get(field.name, "")))
    return described


def as_text(settings: Settings) -> str:
    """A line for each setting, "path = value  meaning", as `train --list_settings` prints them."""
    rows = [(f"--config.{each.path}={_literal(each.value)}", each.meaning) for each in describe(settings)]
    return "\n".join(f"{left}\n    {meaning}" for left, meaning in rows)


def _literal(value: Any) -> str:
    return value if isinstance(value, str) and value else repr(value)


def _meanings(kind: type) -> dict[str, str]:
    """By field name; a subclass describes its own fields, and the others are those of its bases."""
    meanings: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if dataclasses.is_dataclass(base):
            meanings |= _attributes(inspect.cleandoc(base.__doc__ or ""))
    return meanings


def _attributes(docstring: str) -> dict[str, str]:
    """The section "Attributes:" of a docstring: meaning by name."""
    _, _, section = docstring.partition("Attributes:\n")
    meanings: dict[str, str] = {}
    names: list[str] = []
    for line in section.splitlines():
        if match := _ATTRIBUTE.fullmatch(line):
            names = match[1].split(", ")
            meanings |= dict.fromkeys(names, match[2])
        elif line.startswith("        ") and names:
            meanings |= {name: f"{meanings[name]} {line.strip()}" for name in names}
        elif line.strip():
            break
    return meanings
