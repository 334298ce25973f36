"""The embedded data set: which faces and forgeries it consists of, and how one portion of it is rendered."""

import dataclasses

import cv2
import numpy as np

from dfdetect_jax.config import Crop
from dfdetect_jax.data.example import FAKE, REAL, SPLITS, Example
from dfdetect_jax.data.forge.camera import publish
from dfdetect_jax.data.forge.operators import OPERATORS
from dfdetect_jax.data.forge.person import draw_person, draw_sitting
from dfdetect_jax.data.forge.portrait import portrait
from dfdetect_jax.media.crop import crop_matrix, template, warp, warp_mask
from dfdetect_jax.media.face import Face

# Forgery method -> (task, seen): the seen ones are trained on, the others appear in the test split alone.
METHODS: dict[str, tuple[str, bool]] = {
    "swap_alpha": ("swap", True),
    "swap_poisson": ("swap", False),
    "attribute_bilinear": ("attribute", True),
    "attribute_transposed": ("attribute", False),
    "inpaint_telea": ("inpainting", True),
    "inpaint_patch": ("inpainting", False),
}
SHARES = {"train": 1.0, "val": 0.15, "test": 0.4}  # of the training split's size
PORTRAITS = 4  # per identity; each is in the set twice, as it is and forged
UNIT_PORTRAITS = 24
PICTURE_SIDE = 1.5  # over the crop's
EYES_APART = 0.92  # face units

_PERSON, _SITTING, _DONOR, _FORGERY, _CAMERA = range(5)  # what a stream of random numbers is for


@dataclasses.dataclass(frozen=True)
class Unit:
    """A portion of the data set that one process renders, independent of all others.

    Attributes:
        seed: of the data set.
        split: "train", "val" or "test".
        first: number of its first portrait within the split.
        portraits: how many; it gives twice as many examples.
        identities: how many the split has.
    """

    seed: int
    split: str
    first: int
    portraits: int
    identities: int


def methods_of(split: str) -> tuple[str, ...]:
    """The forgery methods in a split: all in "test", the seen ones elsewhere."""
    return tuple(name for name, (_, seen) in METHODS.items() if seen or split == "test")


def units(images: int, seed: int = 0) -> list[Unit]:
    """Plans the data set.

    Each identity is in one split. Each portrait is in the set once as it is and once forged, the methods of the split
    taking turns, so that half of every split is real.

    Args:
        images: examples in the training split; validation gets 15% and test 40% of that, at least one per method.
        seed: changes everybody and everything.

    Returns:
        Units of at most 48 examples.
    """
    planned = []
    for split in SPLITS:
        portraits = max(round(images * SHARES[split] / 2), len(methods_of(split)))
        identities = -(-portraits // PORTRAITS)
        for first in range(0, portraits, UNIT_PORTRAITS):
            count = min(UNIT_PORTRAITS, portraits - first)
            planned.append(Unit(seed, split, first, count, identities))
    return planned


def render_unit(unit: Unit, crop: Crop) -> list[Example]:
    """Renders one unit; a function of its arguments alone.

    Returns:
        A real and a forged example for each portrait, in order.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        return [
            example
            for number in range(unit.first, unit.first + unit.portraits)
            for example in _render_portrait(unit, number, crop)
        ]
    finally:
        cv2.setNumThreads(threads)


def _render_portrait(unit: Unit, number: int, crop: Crop) -> tuple[Example, Example]:
    identity = number // PORTRAITS
    sitting = draw_sitting(_stream(unit, _SITTING, number))
    person = draw_person(_stream(unit, _PERSON, identity))
    side, scale = _picture_size(crop)
    picture, face = portrait(person, sitting, side, scale)
    methods = methods_of(unit.split)
    method = methods[number % len(methods)]
    donor = None
    if METHODS[method][0] == "swap":
        donor = _donor(unit, number, person, sitting, side, scale)
    forged, mask = OPERATORS[method](picture, face.landmarks, _stream(unit, _FORGERY, number), donor)
    name = f"{unit.split}-{number:06d}"
    shared = {
        "has_mask": True,
        "dataset": "forge",
        "identity": f"{unit.split}-{identity:05d}",
        "frame": 0,
        "split": unit.split,
    }
    image, empty = publish_crop(picture, np.zeros_like(mask), face, crop, _stream(unit, _CAMERA, number, REAL))
    real = Example(image=image, mask=empty, label=REAL, method="", video=f"real/{name}", source="", **shared)
    image, mask = publish_crop(forged, mask, face, crop, _stream(unit, _CAMERA, number, FAKE))
    fake = Example(
        image=image, mask=mask, label=FAKE, method=method, video=f"{method}/{name}", source=real.video, **shared
    )
    return real, fake


def publish_crop(
    picture: np.ndarray, mask: np.ndarray, face: Face, crop: Crop, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Sends a picture, real or forged, through the publisher and cuts the face out.

    Returns:
        image uint8 [size, size, 3] and mask uint8 [size, size] in {0, 255}.
    """
    points = np.concatenate([face.landmarks, face.box.reshape(2, 2)])
    picture, mask, points = publish(picture, mask, points, rng)
    points = points.astype(np.float32)
    moved = Face(box=points[5:].reshape(4), landmarks=points[:5], confidence=face.confidence)
    matrix = crop_matrix(moved, crop)
    return warp(picture, matrix, crop.size), warp_mask(mask, matrix, crop.size)


def _donor(unit, number, person, sitting, side, scale):
    """Of three other people of the same split the one with the most similar skin, in a similar pose and light."""
    rng = _stream(unit, _DONOR, number)
    others = max(unit.identities, 2)
    offsets = rng.integers(1, others, size=3)
    people = [draw_person(_stream(unit, _PERSON, (number // PORTRAITS + offset) % others)) for offset in offsets]
    nearest = min(people, key=lambda other: np.abs(other.skin - person.skin).sum())
    picture, face = portrait(nearest, draw_sitting(rng, near=sitting), side, scale)
    return picture, face.landmarks


def _picture_size(crop: Crop) -> tuple[int, float]:
    """Side of a picture and pixels per face unit, so that cutting the crop neither enlarges nor shrinks on average."""
    points = template(crop.size, crop.margin)
    return round(crop.size * PICTURE_SIDE), float(points[1, 0] - points[0, 0]) / EYES_APART


def _stream(unit: Unit, purpose: int, *numbers: int) -> np.random.Generator:
    return np.random.default_rng([unit.seed, SPLITS.index(unit.split), purpose, *map(int, numbers)])
