"""A small prepared data set of synthetic crops, made without media files."""

import dataclasses
import json

import numpy as np

from dfdetect_jax.data import records
from dfdetect_jax.data.encoding import RAW, Codec
from dfdetect_jax.data.example import Example, Label
from dfdetect_jax.data.prepare import shards
from dfdetect_jax.data.prepare.parts import write_part

SIZE = 32


def drawn_example(split: str, number: int) -> Example:
    """Example `number` of a split: every other one fake, by "paste" or "smear" in turn, each unlike every other."""
    fake = number % 2
    rng = np.random.default_rng([len(split), number])
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[4:20, 8:24] = 255 * fake
    return Example(
        image=rng.integers(0, 256, (SIZE, SIZE, 3), np.uint8),
        mask=mask,
        has_mask=True,
        label=Label.FAKE if fake else Label.REAL,
        dataset="drawn",
        forgery=("paste", "smear")[number // 2 % 2] if fake else "",
        video=f"clip{number // 4}",
        identity=f"{split}{number // 4}",
        frame=number,
        split=split,
        source="",
    )


def real_example(split: str, number: int) -> Example:
    """Every example a real one, each unlike every other."""
    return drawn_example(split, 2 * number)


def clip_example(split: str, number: int) -> Example:
    """As `drawn_example`, in clips of one label; fakes are brighter, their even rows most of all."""
    example = drawn_example(split, number)
    image = example.image
    if example.label == Label.FAKE:
        image = np.uint8(image * 0.8 + 40)
        image[::2] += 4
    return dataclasses.replace(example, image=image, video=f"{example.forgery or 'real'}/clip{number // 8}")


def write_records(
    folder, examples_of: dict[str, int], per_part: int = 5, encoding: str = RAW, example_of=drawn_example, **options
):
    """Prepares `{split: number of examples}` into `folder` and returns it; `options` of `Codec`."""
    parts, codec = [], Codec(SIZE, encoding, **options)
    folder.mkdir(parents=True)
    for split, count in examples_of.items():
        for first in range(0, count, per_part):
            parts.append(folder.parent / f"{split}{first}.part")
            examples = [example_of(split, number) for number in range(first, min(count, first + per_part))]
            write_part(parts[-1], {"clip": f"{split}{first}"}, examples, codec)
    merged = shards.merge(folder, "drawn", codec, parts)
    settings = {"crop": {"size": SIZE, "margin": 1.3, "align": "box", "face_detector": "haar"}, "encoding": encoding}
    settings |= options
    rest = {"name": "drawn", "config": f"{SIZE}px", "settings": settings, "units": "", "versions": {}}
    (folder / records.MANIFEST).write_text(json.dumps(rest | merged))
    return folder
