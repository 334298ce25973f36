"""The same forgeries applied to photographs of real people, for training where only authentic pictures exist."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dfdetect_jax.config import Crop
from dfdetect_jax.data.example import Example
from dfdetect_jax.data.forge.pair import (
    DONOR,
    Portrait,
    eyes_apart,
    forge_pair,
    forgeries_of,
    landmarks_of,
    picture_side,
    stream,
)
from dfdetect_jax.data.forge.units import SHARES, one_thread
from dfdetect_jax.errors import BadMediaError, SettingsError
from dfdetect_jax.media.crop import crop_matrix, similarity, warp
from dfdetect_jax.media.decoding import read_intact
from dfdetect_jax.media.detectors import FaceDetector
from dfdetect_jax.media.face import Face

DONORS = 3  # candidates for each swap
LARGEST_SCALE = 2.0  # of a face; smaller faces have too little detail to forge


@dataclasses.dataclass(frozen=True)
class Photo:
    """One photograph to forge.

    Attributes:
        path: the file, absolute.
        donors: paths of photographs of other people in the same split, candidates for the donor of a swap.
        name: of the photograph, unique within the data set; also the identity of the person shown.
        split: "train", "val" or "test".
        number: within the split.
        seed: of the data set.
    """

    path: str
    donors: tuple[str, ...]
    name: str
    split: str
    number: int
    seed: int


def plan_photos(paths: Sequence[Path], root: Path, seed: int = 0) -> list[Photo]:
    """Divides photographs into splits, in the embedded set's proportions, and assigns donors to each.

    The people shown are unknown, so each photograph counts as one person: with several photographs of one person in the
    folder, splits are not disjoint in identity.

    Args:
        paths: the files.
        root: folder that names are relative to.
        seed: of the division.

    Raises:
        SettingsError: too few photographs for a split to hold each of its forgeries once.
    """
    total, parts = len(paths), {split: share / sum(SHARES.values()) for split, share in SHARES.items()}
    least = next(n for n in range(1, 1000) if all(round(n * p) >= len(forgeries_of(s)) for s, p in parts.items()))
    if total < least:
        raise SettingsError(f"{root}: expected at least {least} photographs to forge, found {total}")
    order = np.random.default_rng(seed).permutation(total)
    files = sorted(paths)
    bounds = np.rint(np.cumsum([0, *parts.values()]) * total).astype(int)
    photos = []
    for split, low, high in zip(parts, bounds, bounds[1:], strict=False):
        members = [files[i] for i in order[low:high]]
        for number, path in enumerate(members):
            step = stream(seed, split, DONOR, number).permutation(np.arange(1, len(members)))[:DONORS]
            donors = tuple(str(members[(number + s) % len(members)]) for s in step)
            name = path.relative_to(root).as_posix()
            photos.append(Photo(str(path), donors, name, split, number, seed))
    return photos


def forge_photo(photo: Photo, face_detector: FaceDetector, crop: Crop) -> list[Example]:
    """Forges one photograph.

    Args:
        photo: the photograph.
        face_detector: finds the face; the largest is used.
        crop: how the face is cropped.

    Returns:
        The real example and the forged one: image uint8 [size, size, 3] RGB and mask uint8 [size, size] in {0, 255}.

    Raises:
        BadMediaError: the file can't be read or has no large enough face; for a swap, the same holds for all donors.
        SettingsError: the face detector returns no landmarks.
    """
    picture, face = _square_portrait(photo.path, face_detector, crop)
    portrait = Portrait(
        picture=picture,
        face=face,
        number=photo.number,
        seed=photo.seed,
        split=photo.split,
        name=photo.name,
        identity=photo.name,
    )
    donor = _donor(photo, face, face_detector, crop) if portrait.wants_donor else None
    with one_thread():
        return list(forge_pair(portrait, donor, crop))


def _square_portrait(path: str, face_detector: FaceDetector, crop: Crop) -> tuple[np.ndarray, Face]:
    """A square around the largest face, not rotated, at the scale of the embedded set's portraits.

    Returns:
        uint8 [side, side, 3] RGB, and the face in it.
    """
    image = read_intact(path)
    faces = face_detector([image])[0]
    if not faces:
        raise BadMediaError(f"{path}: no face found")
    face = faces[0]
    if face.landmarks is None:
        raise SettingsError(
            f'crop.face_detector: forging photographs needs five landmarks, which "{crop.face_detector}" does not find'
        )
    matrix = crop_matrix(face, dataclasses.replace(crop, align="landmarks"))
    scale = float(np.sqrt(np.linalg.det(matrix[:, :2])))
    if scale > LARGEST_SCALE:
        apart = eyes_apart(crop)
        raise BadMediaError(
            f"{path}: expected eyes at least {apart / LARGEST_SCALE:.0f} px apart for crops of {crop.size} px, "
            f"found {apart / scale:.0f}; use a smaller crop.size"
        )
    side = picture_side(crop)
    middle = np.linalg.solve(matrix[:, :2], np.full(2, (crop.size - 1) / 2) - matrix[:, 2])
    upright = np.column_stack([scale * np.eye(2), (side - 1) / 2 - scale * middle])
    moved = dataclasses.replace(
        face,
        landmarks=_apply(upright, landmarks_of(face)),
        box=_apply(upright, np.reshape(face.box, (2, 2))).reshape(4),
    )
    return warp(image, upright, side), moved


def _donor(photo: Photo, target: Face, face_detector: FaceDetector, crop: Crop) -> tuple[np.ndarray, np.ndarray]:
    """The donor whose landmarks fit the target's best: picture uint8 [side, side, 3] and landmarks float32 [5, 2]."""
    candidates = []
    goal = landmarks_of(target)
    for path in photo.donors:
        try:
            picture, face = _square_portrait(path, face_detector, crop)
        except BadMediaError:
            continue
        landmarks = landmarks_of(face)
        aligned = _apply(similarity(landmarks, goal), landmarks)
        candidates.append((float(np.abs(aligned - goal).sum()), picture, landmarks))
    if candidates:
        return min(candidates, key=lambda candidate: candidate[0])[1:]
    raise BadMediaError(f"{photo.path}: none of {len(photo.donors)} donors for a swap has a usable face")


def _apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Applies an affine matrix, float [2, 3], to points, float [N, 2]; float32 [N, 2]."""
    return (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
