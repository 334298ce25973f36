"""Seeded mutations of files: of bytes, and of what JSON says."""

import json
from typing import Any

import numpy as np

_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 1e300, 10**9, 2**31, 2**63, 10**400, -(10**30)),
    *("", "x" * 5000, "../../etc/passwd", "/etc/passwd", "a\nb\0c", "\ud800", "NaN", [], {}, [[]], {"": None}),
)


def mutate(content: bytes, others: list[bytes], generator: np.random.Generator) -> bytes:
    """A copy with one to eight changes, half of them near the beginning.

    Args:
        content: of a file.
        others: of files whose parts may be put into it.
        generator: draws the changes.
    """
    data = bytearray(content)
    for _ in range(int(generator.integers(1, 9))):
        _change(data, others, generator)
    return bytes(data)


def mutate_json(content: bytes, generator: np.random.Generator) -> bytes:
    """A copy in which one to three values, names or whole parts are others; one in four is changed by bytes."""
    if generator.random() < 0.25:
        return mutate(content, [content], generator)
    values = json.loads(content)
    for _ in range(int(generator.integers(1, 4))):
        values = _other(values, generator)
    return json.dumps(values).encode()


def mutate_lines(content: bytes, generator: np.random.Generator) -> bytes:
    """A copy of lines of JSON with one to three changes: as by `mutate_json`, a line twice, or an end cut off."""
    lines = content.splitlines(keepends=True)
    for _ in range(int(generator.integers(1, 4))):
        place = int(generator.integers(0, len(lines)))
        match int(generator.integers(0, 8)):
            case 0:
                lines.insert(place, lines[place])
            case 1:
                lines[place:] = [lines[place][: int(generator.integers(0, len(lines[place])))] or b"\n"]
            case _ if lines[place] in content.splitlines(keepends=True):
                lines[place] = mutate_json(lines[place], generator) + b"\n"
    return b"".join(lines)


def _change(data: bytearray, others: list[bytes], generator: np.random.Generator) -> None:
    """Changes `data` in its place."""
    near = min(len(data), 512) if generator.random() < 0.5 else len(data)
    place = int(generator.integers(0, max(1, near)))
    length = int(generator.integers(1, 65))
    match int(generator.integers(0, 8)):
        case 0:
            data[place : place + 1] = bytes([(data[place] if data else 0) ^ (1 << int(generator.integers(0, 8)))])
        case 1:
            data[place : place + length] = generator.bytes(length)
        case 2:
            data[place:place] = generator.bytes(length)
        case 3:
            del data[place : place + length]
        case 4:
            del data[max(place, 1) :]
        case 5:
            data[place:place] = data[place : place + 16 * length]
        case 6:
            other = others[int(generator.integers(0, len(others)))]
            start = int(generator.integers(0, max(1, len(other))))
            data[place : place + 8 * length] = other[start : start + 8 * length]
        case 7:
            number, size = int(generator.choice(_NUMBERS)), int(generator.choice([1, 2, 4, 8]))
            order = "big" if generator.random() < 0.5 else "little"
            data[place : place + size] = (number % (1 << 8 * size)).to_bytes(size, order)


def _other(values: Any, generator: np.random.Generator) -> Any:
    """A copy of JSON with another value in one place of any depth."""
    if isinstance(values, dict | list) and values and generator.random() < 0.85:
        keys = list(values) if isinstance(values, dict) else range(len(values))
        key = keys[int(generator.integers(0, len(keys)))]
        copy = values.copy()
        match int(generator.integers(0, 10)):
            case 0:
                del copy[key]
            case 1 if isinstance(copy, dict):
                copy[str(_VALUES[int(generator.integers(0, len(_VALUES)))])[:50]] = copy.pop(key)
            case 2 if isinstance(copy, list):
                copy.append(copy[key])
            case _:
                copy[key] = _other(copy[key], generator)
        return copy
    if generator.random() < 0.05:
        deep: Any = 1
        for _ in range(int(generator.choice([50, 900]))):
            deep = [deep]
        return deep
    return _VALUES[int(generator.integers(0, len(_VALUES)))]
