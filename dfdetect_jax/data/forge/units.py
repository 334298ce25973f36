"""The embedded data set: its people and portraits, in units that are rendered independently."""

import contextlib
import dataclasses
from collections.abc import Iterator

import cv2
import numpy as np

from dfdetect_jax.config import Crop
from dfdetect_jax.data.example import SPLITS, Example
from dfdetect_jax.data.forge.pair import (
    DONOR,
    PERSON,
    SITTING,
    Portrait,
    eyes_apart,
    forge_pair,
    forgeries_of,
    landmarks_of,
    picture_side,
    stream,
)
from dfdetect_jax.data.forge.person import Person, Sitting, draw_person, draw_sitting
from dfdetect_jax.data.forge.portrait import portrait

SHARES = {"train": 1.0, "val": 0.15, "test": 0.4}  # of the training split's size
PORTRAITS = 4  # per identity; each is in the set twice, original and forged
UNIT_PORTRAITS = 24
EYES_APART = 0.92  # face units


@dataclasses.dataclass(frozen=True)
class Unit:
    """A part of the data set that is rendered independently of all others.

    Attributes:
        seed: of the data set.
        split: "train", "val" or "test".
        first: number of its first portrait within the split.
        portraits: number of portraits; each gives two examples.
        identities: number of identities in the split.
    """

    seed: int
    split: str
    first: int
    portraits: int
    identities: int


def plan_units(images: int, seed: int = 0) -> list[Unit]:
    """Divides the data set into units.

    Each identity is in one split. Each portrait is in the set twice, original and forged, with the forgeries of the
    split in rotation, so half of every split is real.

    Args:
        images: examples in the training split; validation has 15% and test 40% of that, at least one pair per forgery.
        seed: of all people and portraits.

    Returns:
        Units of at most 48 examples.
    """
    units = []
    for split in SPLITS:
        portraits = max(round(images * SHARES[split] / 2), len(forgeries_of(split)))
        identities = -(-portraits // PORTRAITS)
        for first in range(0, portraits, UNIT_PORTRAITS):
            count = min(UNIT_PORTRAITS, portraits - first)
            units.append(Unit(seed, split, first, count, identities))
    return units


def render_unit(unit: Unit, crop: Crop) -> list[Example]:
    """Renders one unit, a pure function of its arguments.

    Returns:
        A real and a forged example for each portrait, in order; image uint8 [size, size, 3] RGB, mask uint8
        [size, size] in {0, 255}.
    """
    examples: list[Example] = []
    with one_thread():
        for number in range(unit.first, unit.first + unit.portraits):
            examples.extend(_render_pair(unit, number, crop))
    return examples


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Limits OpenCV to one thread: more don't speed up small pictures, and there is one process per core."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


def _render_pair(unit: Unit, number: int, crop: Crop) -> tuple[Example, Example]:
    identity = number // PORTRAITS
    person = draw_person(stream(unit.seed, unit.split, PERSON, identity))
    sitting = draw_sitting(stream(unit.seed, unit.split, SITTING, number))
    scale = eyes_apart(crop) / EYES_APART
    picture, face = portrait(person, sitting, picture_side(crop), scale)
    painted = Portrait(
        picture=picture,
        face=face,
        number=number,
        seed=unit.seed,
        split=unit.split,
        name=f"{unit.split}-{number:06d}",
        identity=f"{unit.split}-{identity:05d}",
    )
    donor = _donor(unit, number, person, sitting, crop) if painted.wants_donor else None
    return forge_pair(painted, donor, crop)


def _donor(unit: Unit, number: int, person: Person, sitting: Sitting, crop: Crop) -> tuple[np.ndarray, np.ndarray]:
    """The donor of a swap: of three other people of the split the most similar in skin, in similar pose and light.

    Returns:
        Picture uint8 [side, side, 3] and landmarks float32 [5, 2].
    """
    rng = stream(unit.seed, unit.split, DONOR, number)
    others = max(unit.identities, 2)
    numbers = (number // PORTRAITS + rng.integers(1, others, size=3)) % others
    people = [draw_person(stream(unit.seed, unit.split, PERSON, identity)) for identity in numbers]
    nearest = min(people, key=lambda other: np.abs(other.skin - person.skin).sum())
    side, scale = picture_side(crop), eyes_apart(crop) / EYES_APART
    picture, face = portrait(nearest, draw_sitting(rng, near=sitting), side, scale)
    return picture, landmarks_of(face)
