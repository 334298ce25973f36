"""The regions of a face, from its five landmarks only: the same for painted faces and photographs."""

import dataclasses

import numpy as np

from dfdetect_jax.data.forge.texture import value_noise
from dfdetect_jax.media.crop import similarity

# Mean positions of eyes, nose tip and mouth corners, face units (see `person.py`).
MEAN_LANDMARKS = np.array([[-0.46, 0.0], [0.46, 0.0], [0.0, 0.58], [-0.385, 1.0], [0.385, 1.0]])

# Part -> centre, and half width and half height of its ellipse; face units.
PARTS = {
    "hair": ((0.0, -1.15), (1.15, 0.50)),
    "eyes": ((0.0, -0.08), (0.92, 0.38)),
    "mouth": ((0.0, 1.02), (0.64, 0.38)),
    "skin": ((0.0, 0.50), (0.84, 0.92)),
}


@dataclasses.dataclass(frozen=True, eq=False)
class FaceFrame:
    """Face coordinates of every pixel.

    Attributes:
        u: float32 [H, W], to the right, face units.
        v: float32 [H, W], down.
        unit: pixels per face unit.
        matrix: float64 [2, 3], face coordinates to pixels.
    """

    u: np.ndarray
    v: np.ndarray
    unit: float
    matrix: np.ndarray


def face_frame(landmarks: np.ndarray, shape: tuple[int, int]) -> FaceFrame:
    """Fits the mean face to five landmarks.

    Args:
        landmarks: float [5, 2] of x, y, pixels.
        shape: (height, width) of the picture.
    """
    matrix = similarity(MEAN_LANDMARKS, landmarks)
    turn = np.linalg.inv(matrix[:, :2])
    row, column = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    x, y = column - matrix[0, 2], row - matrix[1, 2]
    u = (turn[0, 0] * x + turn[0, 1] * y).astype(np.float32)
    v = (turn[1, 0] * x + turn[1, 1] * y).astype(np.float32)
    return FaceFrame(u=u, v=v, unit=float(np.sqrt(np.linalg.det(matrix[:, :2]))), matrix=matrix)


def face_distance(frame: FaceFrame) -> np.ndarray:
    """Signed distance to the edge of the inner face (brows to chin, cheek to cheek), negative inside.

    Returns:
        float32 [H, W], face units.
    """
    narrow = 0.84 - 0.22 * np.clip(frame.v - 0.5, 0, 1)
    return (np.hypot(frame.u / narrow, (frame.v - 0.47) / 0.96) - 1) * 0.85


def part_distance(frame: FaceFrame, part: str) -> np.ndarray:
    """Signed distance to the edge of one of PARTS, negative inside; float32 [H, W], face units."""
    (u0, v0), (width, height) = PARTS[part]
    return (np.hypot((frame.u - u0) / width, (frame.v - v0) / height) - 1) * min(width, height)


def free_form_hole(frame: FaceFrame, rng: np.random.Generator, share: float) -> np.ndarray:
    """A hole of irregular outline inside the face.

    Args:
        frame: the face.
        rng: source of position and outline.
        share: of the inner face's area, in (0, 1].

    Returns:
        bool [H, W], True in the hole.
    """
    face = face_distance(frame) < -0.03
    at = rng.uniform([-0.7, -0.35], [0.7, 1.35])
    stretch = rng.uniform(0.6, 1.6)
    away = np.hypot((frame.u - at[0]) / stretch, (frame.v - at[1]) * stretch)
    rough = away + 0.16 * value_noise(rng, face.shape, max(0.28 * frame.unit, 2.0))
    wanted = max(int(share * face.sum()), 1)
    inside = np.sort(rough[face])
    return face & (rough <= inside[min(wanted, len(inside)) - 1]) if len(inside) else face
