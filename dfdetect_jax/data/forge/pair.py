"""One portrait, painted or photographed, made into a pair of examples: as it is, and forged."""

import dataclasses

import numpy as np

from dfdetect_jax.config import Crop
from dfdetect_jax.data.example import SPLITS, Example, Label
from dfdetect_jax.data.forge.camera import publish
from dfdetect_jax.data.forge.operators import FORGERIES, OPERATORS
from dfdetect_jax.media.crop import crop_matrix, template, warp, warp_mask
from dfdetect_jax.media.face import Face

PICTURE_SIDE = 1.5  # over the crop's
PERSON, SITTING, DONOR, FORGERY, CAMERA = range(5)  # what a stream of random numbers is for


def forgeries_of(split: str) -> tuple[str, ...]:
    """The forgeries in a split: all in "test", the seen ones elsewhere."""
    return tuple(name for name, (_, seen) in FORGERIES.items() if seen or split == "test")


def picture_side(crop: Crop) -> int:
    """Side of the square pictures that are forged, pixels; the crop is cut from the middle at about their scale."""
    return round(crop.size * PICTURE_SIDE)


def eyes_apart(crop: Crop) -> float:
    """Distance of the eyes in a crop, pixels."""
    points = template(crop.size, crop.margin)
    return float(points[1, 0] - points[0, 0])


@dataclasses.dataclass(frozen=True)
class Portrait:
    """A picture of one person before anybody has touched it.

    Attributes:
        picture: uint8 [side, side, 3], RGB, side as `picture_side`.
        face: where the face is; with landmarks.
        number: of the portrait within its split; together with `seed` and `split` it fixes everything random.
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
        """How it is forged: the forgeries of the split take turns."""
        forgeries = forgeries_of(self.split)
        return forgeries[self.number % len(forgeries)]

    @property
    def wants_donor(self) -> bool:
        """Whether that takes another face."""
        return FORGERIES[self.forgery][0] == "swap"


def stream(seed: int, split: str, purpose: int, *numbers: int) -> np.random.Generator:
    """Random numbers for one purpose of one thing in a split, independent of all others."""
    return np.random.default_rng([seed, SPLITS.index(split), purpose, *map(int, numbers)])


def forge_pair(portrait: Portrait, donor: tuple[np.ndarray, np.ndarray] | None, crop: Crop) -> tuple[Example, Example]:
    """Forges a portrait; sends it and the forgery through the publisher; cuts both.

    Args:
        portrait: the picture.
        donor: picture uint8 [H, W, 3] and landmarks float [5, 2] of another face, if the forgery swaps.
        crop: how the face is cut.

    Returns:
        The real example and the forged one.
    """
    where = portrait.seed, portrait.split
    operator = OPERATORS[portrait.forgery]
    rng = stream(*where, FORGERY, portrait.number)
    forged, mask = operator(portrait.picture, portrait.face.landmarks, rng, donor)
    shared = {
        "has_mask": True,
        "dataset": "forge",
        "identity": portrait.identity,
        "frame": 0,
        "split": portrait.split,
    }
    source = f"real/{portrait.name}"
    rng = stream(*where, CAMERA, portrait.number, Label.REAL)
    image, empty = publish_crop(portrait.picture, np.zeros_like(mask), portrait.face, crop, rng)
    real = Example(image=image, mask=empty, label=Label.REAL, forgery="", video=source, source="", **shared)
    rng = stream(*where, CAMERA, portrait.number, Label.FAKE)
    image, mask = publish_crop(forged, mask, portrait.face, crop, rng)
    video = f"{portrait.forgery}/{portrait.name}"
    fake = Example(
        image=image, mask=mask, label=Label.FAKE, forgery=portrait.forgery, video=video, source=source, **shared
    )
    return real, fake


def publish_crop(
    picture: np.ndarray, mask: np.ndarray, face: Face, crop: Crop, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Sends a picture, real or forged, through the publisher and cuts the face out.

    Returns:
        image uint8 [size, size, 3] and mask uint8 [size, size] in {0, 255}.
    """
    points = np.concatenate([face.landmarks, np.reshape(face.box, (2, 2))])
    picture, mask, points = publish(picture, mask, points, rng)
    points = points.astype(np.float32)
    moved = dataclasses.replace(face, box=points[5:].reshape(4), landmarks=points[:5])
    matrix = crop_matrix(moved, crop)
    return warp(picture, matrix, crop.size), warp_mask(mask, matrix, crop.size)
