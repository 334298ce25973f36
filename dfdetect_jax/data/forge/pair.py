"""Makes a pair of examples from one portrait, painted or photographed: the original and its forgery."""

import dataclasses
from typing import Any

import numpy as np

from dfdetect_jax.config import Crop
from dfdetect_jax.data.example import SPLITS, Example, Label
from dfdetect_jax.data.forge.camera import publish
from dfdetect_jax.data.forge.operators import FORGERIES, OPERATORS
from dfdetect_jax.media.crop import crop_matrix, template, warp, warp_mask
from dfdetect_jax.media.face import Face

PICTURE_SIDE = 1.5  # relative to the side of the crop
PERSON, SITTING, DONOR, FORGERY, CAMERA = range(5)  # purposes of the random streams


def forgeries_of(split: str) -> tuple[str, ...]:
    """The forgeries in a split: all in "test", the seen ones elsewhere."""
    return tuple(name for name, (_, seen) in FORGERIES.items() if seen or split == "test")


def picture_side(crop: Crop) -> int:
    """Side of the square pictures that are forged, pixels; the crop is their middle at about the same scale."""
    return round(crop.size * PICTURE_SIDE)


def eyes_apart(crop: Crop) -> float:
    """Distance of the eyes in a crop, pixels."""
    points = template(crop.size, crop.margin)
    return float(points[1, 0] - points[0, 0])


def landmarks_of(face: Face) -> np.ndarray:
    """The five landmarks, float32 [5, 2] pixels, of a face that has them."""
    assert face.landmarks is not None, "checked where faces are found"
    return face.landmarks


@dataclasses.dataclass(frozen=True)
class Portrait:
    """A picture of one person before any manipulation.

    Attributes:
        picture: uint8 [side, side, 3], RGB, side as `picture_side`.
        face: where the face is; with landmarks.
        number: of the portrait within its split; with `seed` and `split` it determines all random numbers.
        seed: of the data set.
        split: "train", "val" or "test".
        name: of the portrait, unique within the data set.
        identity: the person shown.
    """

    picture: np.ndarray
    face: Face
    number: int
    seed: int
    split: str
    name: str
    identity: str

    @property
    def forgery(self) -> str:
        """The forgery applied: those of the split in rotation, by `number`."""
        forgeries = forgeries_of(self.split)
        return forgeries[self.number % len(forgeries)]

    @property
    def wants_donor(self) -> bool:
        """Whether the forgery needs a donor face."""
        return FORGERIES[self.forgery][0] == "swap"


def stream(seed: int, split: str, purpose: int, *numbers: int) -> np.random.Generator:
    """The random generator for one purpose, such as the camera of one portrait, independent of all others.

    Args:
        seed: of the data set.
        split: "train", "val" or "test".
        purpose: `PERSON`, `SITTING`, `DONOR`, `FORGERY` or `CAMERA`.
        *numbers: what it is for, such as the portrait's number.
    """
    return np.random.default_rng([seed, SPLITS.index(split), purpose, *map(int, numbers)])


def forge_pair(portrait: Portrait, donor: tuple[np.ndarray, np.ndarray] | None, crop: Crop) -> tuple[Example, Example]:
    """Forges a portrait, publishes it and the forgery, and crops both.

    Args:
        portrait: the picture.
        donor: picture uint8 [H, W, 3] and landmarks float [5, 2] of another face, if the forgery swaps.
        crop: how the face is cropped.

    Returns:
        The real example and the forged one: image uint8 [size, size, 3] RGB and mask uint8 [size, size] in {0, 255}.
    """
    data = portrait.seed, portrait.split
    operator = OPERATORS[portrait.forgery]
    rng = stream(*data, FORGERY, portrait.number)
    forged, mask = operator(portrait.picture, landmarks_of(portrait.face), rng, donor)
    shared: dict[str, Any] = {
        "has_mask": True,
        "dataset": "forge",
        "identity": portrait.identity,
        "frame": 0,
        "split": portrait.split,
    }
    source = f"real/{portrait.name}"
    rng = stream(*data, CAMERA, portrait.number, Label.REAL)
    image, empty = publish_crop(portrait.picture, np.zeros_like(mask), portrait.face, crop, rng)
    real = Example(image=image, mask=empty, label=Label.REAL, forgery="", video=source, source="", **shared)
    rng = stream(*data, CAMERA, portrait.number, Label.FAKE)
    image, mask = publish_crop(forged, mask, portrait.face, crop, rng)
    video = f"{portrait.forgery}/{portrait.name}"
    fake = Example(
        image=image, mask=mask, label=Label.FAKE, forgery=portrait.forgery, video=video, source=source, **shared
    )
    return real, fake


def publish_crop(
    picture: np.ndarray, mask: np.ndarray, face: Face, crop: Crop, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Publishes a picture, real or forged, and crops the face.

    Args:
        picture: uint8 [H, W, 3], RGB.
        mask: uint8 [H, W] in {0, 255}.
        face: in the picture; with landmarks.
        crop: how the face is cropped.
        rng: source of the published size, noise and quality.

    Returns:
        image uint8 [size, size, 3] and mask uint8 [size, size] in {0, 255}.
    """
    points = np.concatenate([landmarks_of(face), np.reshape(face.box, (2, 2))])
    picture, mask, points = publish(picture, mask, points, rng)
    points = points.astype(np.float32)
    moved = dataclasses.replace(face, box=points[5:].reshape(4), landmarks=points[:5])
    matrix = crop_matrix(moved, crop)
    return warp(picture, matrix, crop.size), warp_mask(mask, matrix, crop.size)
