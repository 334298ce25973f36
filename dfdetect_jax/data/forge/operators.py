"""Six forgery operators, two per task; each returns the exact mask of the changed pixels.

An operator takes (picture uint8 [H, W, 3] RGB, landmarks float [5, 2] pixels, rng, donor) and returns the forged
picture, uint8 [H, W, 3], and its mask, uint8 [H, W] in {0, 255}; outside the mask both pictures are identical. `donor`
is the (picture, landmarks) of another face; only swaps use it. Regions scale with the face, resampling with pixels.
"""

from collections.abc import Callable
from typing import TypeAlias

import cv2
import numpy as np
from numpy.random import Generator

from dfdetect_jax.data.forge.generators import through_bilinear, through_transposed
from dfdetect_jax.data.forge.patches import fill
from dfdetect_jax.data.forge.regions import PARTS, FaceFrame, face_distance, face_frame, free_form_hole, part_distance

Picture: TypeAlias = np.ndarray  # uint8 [H, W, 3], RGB
Points: TypeAlias = np.ndarray  # float [5, 2], pixels
Donor: TypeAlias = tuple[Picture, Points]
Forgery: TypeAlias = tuple[Picture, np.ndarray]  # and the mask, uint8 [H, W] in {0, 255}

# Forgery -> (task, seen): seen forgeries are in every split, the others in the test split only.
FORGERIES: dict[str, tuple[str, bool]] = {
    "swap_alpha": ("swap", True),
    "swap_poisson": ("swap", False),
    "attribute_bilinear": ("attribute", True),
    "attribute_transposed": ("attribute", False),
    "inpaint_telea": ("inpainting", True),
    "inpaint_patch": ("inpainting", False),
}
HOLE_SHARE = (0.18, 0.35)  # of the inner face
BOTTLENECK = (2.0, 2.8)  # resolution of the picture over that of a generator
MILD_BOTTLENECK = (1.1, 1.5)


def swap_alpha(picture: Picture, landmarks: Points, rng: Generator, donor: Donor) -> Forgery:
    """Another face, colour-matched, resampled as by a generator of lower resolution, alpha-blended with a soft edge."""
    frame = face_frame(landmarks, picture.shape[:2])
    edge = face_distance(frame) + rng.uniform(0.0, 0.1)
    face = _fit_donor(picture, landmarks, edge < 0, donor)
    face = through_bilinear(face, rng.uniform(*BOTTLENECK))
    softness = rng.uniform(0.06, 0.2)
    return _blend(picture, face, np.clip(0.5 - edge / softness, 0, 1))


def swap_poisson(picture: Picture, landmarks: Points, rng: Generator, donor: Donor) -> Forgery:
    """Another face, its gradients inserted by Poisson's equation (Perez et al., SIGGRAPH 2003)."""
    frame = face_frame(landmarks, picture.shape[:2])
    inside = face_distance(frame) + rng.uniform(0.0, 0.1) < 0
    inside[:2], inside[-2:], inside[:, :2], inside[:, -2:] = False, False, False, False
    if not inside.any():
        return picture.copy(), inside.astype(np.uint8)
    face = _fit_donor(picture, landmarks, inside, donor)
    face = through_bilinear(face, rng.uniform(*MILD_BOTTLENECK))
    mask = inside.astype(np.uint8) * 255
    x, y, width, height = cv2.boundingRect(mask)
    cloned = cv2.seamlessClone(face, picture, mask.copy(), (x + width // 2, y + height // 2), cv2.NORMAL_CLONE)
    return np.where(inside[..., None], cloned, picture), mask


def attribute_bilinear(picture: Picture, landmarks: Points, rng: Generator, donor: Donor | None = None) -> Forgery:
    """One part changed and repainted by a generator that ends in bilinear upsampling."""
    return _repaint(picture, landmarks, rng, lambda image: through_bilinear(image, rng.uniform(*BOTTLENECK)))


def attribute_transposed(picture: Picture, landmarks: Points, rng: Generator, donor: Donor | None = None) -> Forgery:
    """One part changed and repainted by a generator that ends in a transposed convolution."""
    return _repaint(picture, landmarks, rng, lambda image: through_transposed(image, rng.uniform(0.04, 0.14)))


def inpaint_telea(picture: Picture, landmarks: Points, rng: Generator, donor: Donor | None = None) -> Forgery:
    """A free-form hole filled by marching inwards (Telea, 2004)."""
    frame = face_frame(landmarks, picture.shape[:2])
    hole = free_form_hole(frame, rng, rng.uniform(*HOLE_SHARE))
    mask = hole.astype(np.uint8) * 255
    return cv2.inpaint(picture, mask, 3, cv2.INPAINT_TELEA), mask


def inpaint_patch(picture: Picture, landmarks: Points, rng: Generator, donor: Donor | None = None) -> Forgery:
    """A free-form hole filled with the best matching patches of the rest of the face."""
    frame = face_frame(landmarks, picture.shape[:2])
    hole = free_form_hole(frame, rng, rng.uniform(*HOLE_SHARE))
    return fill(picture, hole, face_distance(frame) < 0.1, rng), hole.astype(np.uint8) * 255


OPERATORS: dict[str, Callable[..., Forgery]] = {
    operator.__name__: operator
    for operator in (swap_alpha, swap_poisson, attribute_bilinear, attribute_transposed, inpaint_telea, inpaint_patch)
}


def _fit_donor(picture: Picture, landmarks: Points, region: np.ndarray, donor: Donor) -> Picture:
    """The donor's face aligned to the target's landmarks, with the target's mean and spread of colours in `region`.

    Args:
        picture: of the target.
        landmarks: of the target.
        region: bool [H, W].
        donor: its picture and landmarks.

    Returns:
        uint8 [H, W, 3], the size of `picture`.
    """
    image, points = donor
    system = np.column_stack([points, np.ones(len(points))])
    matrix = np.linalg.lstsq(system, np.asarray(landmarks, np.float64), rcond=None)[0].T
    size = (picture.shape[1], picture.shape[0])
    face = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    face = face.astype(np.float32)
    ours, theirs = picture[region].astype(np.float32), face[region]
    if len(ours):
        spread = np.clip(ours.std(axis=0) / (theirs.std(axis=0) + 1e-3), 0.6, 1.6)
        face = (face - theirs.mean(axis=0)) * spread + ours.mean(axis=0)
    return np.clip(face + 0.5, 0, 255).astype(np.uint8)


def _repaint(picture: Picture, landmarks: Points, rng: Generator, generator: Callable[[Picture], Picture]) -> Forgery:
    """Recolours and reshapes one part, passes it through `generator` and lays it over the picture."""
    frame = face_frame(landmarks, picture.shape[:2])
    part = list(PARTS)[rng.integers(len(PARTS))]
    away = part_distance(frame, part)
    changed = _reshape(picture, frame, part, rng.uniform(-0.12, 0.12))
    tint = 1 + 0.12 * rng.uniform(-1, 1) + 0.05 * rng.uniform(-1, 1, size=3)
    changed = np.clip(changed.astype(np.float32) * tint + 0.5, 0, 255).astype(np.uint8)
    return _blend(picture, generator(changed), np.clip(0.5 - away / rng.uniform(0.06, 0.2), 0, 1))


def _reshape(picture: Picture, frame: FaceFrame, part: str, strength: float) -> Picture:
    """Enlarges a part of the face (positive strength) or shrinks it, fading out at its edge; uint8 [H, W, 3]."""
    (u0, v0), (width, height) = PARTS[part]
    du, dv = frame.u - np.float32(u0), frame.v - np.float32(v0)
    pull = np.float32(-strength) * np.clip(1 - (du / width) ** 2 - (dv / height) ** 2, 0, 1)
    moved = np.stack([du * pull, dv * pull], axis=-1) @ frame.matrix[:, :2].T.astype(np.float32)
    row, column = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float32)
    return cv2.remap(
        picture, column + moved[..., 0], row + moved[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )


def _blend(picture: Picture, over: Picture, alpha: np.ndarray) -> Forgery:
    """alpha * over + (1 - alpha) * picture with alpha float [H, W] in [0, 1], and the mask of alpha > 0."""
    mixed = picture + alpha[..., None] * (over.astype(np.float32) - picture)
    changed = alpha > 0
    forged = np.where(changed[..., None], np.clip(mixed + 0.5, 0, 255).astype(np.uint8), picture)
    return forged, changed.astype(np.uint8) * 255
